//! Cookie jar as specified in RFC 6265.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cookie_store::CookieStore;
use http::{HeaderMap, HeaderValue, header::SET_COOKIE};
use url::Url;

use crate::Redactor;

/// Minimum length of a masked value. Shorter values cannot hold a session id, which needs 64 bits of entropy (OWASP
/// Session Management Cheat Sheet), or 16 hexadecimal digits. Masking every `true` or `da_DK` would destroy the texts.
const SHORTEST_SECRET: usize = 16;

/// Maximum length of name and value in bytes, as in browsers (RFC 6265bis, section 5.6).
const MAX_LENGTH: usize = 4_096;
/// Maximum number of cookies that one response can set. Browsers keep 50 to 180 for a domain.
const MAX_IN_RESPONSE: usize = 64;
/// Maximum number of cookies in a jar.
const MAX_STORED: usize = 256;

/// Cookie jar. Clones share their cookies.
#[derive(Clone, Default)]
pub struct Cookies {
    store: Arc<Mutex<CookieStore>>,
}

impl Cookies {
    /// Value of a cookie that would be sent to this URL; `None` without such a cookie.
    #[must_use]
    pub fn value(&self, url: &Url, name: &str) -> Option<String> {
        self.lock().get_request_values(url).find_map(|(key, value)| (key == name).then(|| value.to_owned()))
    }

    /// Independent copy of the jar, for sending old cookies after they were replaced.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { store: Arc::new(Mutex::new(self.lock().clone())) }
    }

    /// True if both jars send the same cookies to this URL.
    #[must_use]
    pub fn sends_the_same(&self, other: &Self, url: &Url) -> bool {
        self.header(url) == other.header(url)
    }

    /// `Cookie` header for this URL.
    pub(crate) fn header(&self, url: &Url) -> Option<HeaderValue> {
        let pairs: Vec<String> =
            self.lock().get_request_values(url).map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() {
            return None;
        }
        let mut header = HeaderValue::from_str(&pairs.join("; ")).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// Stores the cookies of a response, also of an error response. Invalid and oversized cookies are ignored, as in
    /// browsers, and so are those beyond the bounds. A cookie that is ignored is never sent.
    pub(crate) fn keep(&self, url: &Url, headers: &HeaderMap, redactor: &Redactor) {
        let mut store = self.lock();
        let lines = headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
        for line in lines.take(MAX_IN_RESPONSE) {
            let pair = line.split(';').next().unwrap_or_default();
            if pair.len() > MAX_LENGTH || store.iter_any().count() >= MAX_STORED {
                continue;
            }
            let value = pair.split_once('=').map_or("", |(_, value)| value);
            mask(value.trim().trim_matches('"'), redactor);
            // RFC 6265, section 5.3, rejects cookies of another domain.
            let _ = store.parse(line, url);
        }
    }

    /// Locks the store. Each change is one cookie, so the store is consistent even after a panic.
    fn lock(&self) -> MutexGuard<'_, CookieStore> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mask(value: &str, redactor: &Redactor) {
    if value.len() < SHORTEST_SECRET {
        return;
    }
    redactor.register(value);
    let decoded = percent_decoded(value);
    if decoded != value {
        redactor.register(&decoded);
    }
}

/// Decodes a cookie value: many applications percent-encode cookies.
fn percent_decoded(value: &str) -> String {
    percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned()
}

/// Omits the cookies.
impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookies").finish_non_exhaustive()
    }
}
