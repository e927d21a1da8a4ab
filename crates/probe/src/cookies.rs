//! A cookie jar by RFC 6265.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cookie_store::CookieStore;
use http::{HeaderMap, HeaderValue, header::SET_COOKIE};
use url::Url;

use crate::Redactor;

/// Values shorter than this are not masked: they cannot carry a session, whose id needs 64 bits of chance (OWASP Session
/// Management Cheat Sheet), 16 hexadecimal digits. Masking every `true` or `da_DK` would destroy the texts.
const SHORTEST_SECRET: usize = 16;

/// A cookie jar. Clones share it.
#[derive(Clone, Default)]
pub struct Cookies {
    store: Arc<Mutex<CookieStore>>,
}

impl Cookies {
    /// A cookie's value as it would be sent to this URL; `None` when none of the name would be.
    #[must_use]
    pub fn value(&self, url: &Url, name: &str) -> Option<String> {
        self.lock().get_request_values(url).find_map(|(key, value)| (key == name).then(|| value.to_owned()))
    }

    /// A jar of its own with what this one holds now: for sending old cookies again after they were replaced.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { store: Arc::new(Mutex::new(self.lock().clone())) }
    }

    /// The header that goes to this URL.
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

    /// Keeps what an answer sets, on an error too. What is no cookie is ignored, as browsers do.
    pub(crate) fn keep(&self, url: &Url, headers: &HeaderMap, redactor: &Redactor) {
        let mut store = self.lock();
        for line in headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok()) {
            let value = line.split(';').next().and_then(|pair| pair.split_once('=')).map_or("", |(_, value)| value);
            mask(value.trim().trim_matches('"'), redactor);
            // Refused by the rules of RFC 6265, section 5.3: another domain's, or beyond all limits.
            let _ = store.parse(line, url);
        }
    }

    /// What a panicking thread left is whole: every change is one cookie.
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

/// A cookie's value without its percent-encoding, in which Laravel writes cookies.
pub(crate) fn percent_decoded(value: &str) -> String {
    percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned()
}

/// Without the cookies.
impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookies").finish_non_exhaustive()
    }
}
