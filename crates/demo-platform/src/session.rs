//! Sessions and the two cookies that carry them.
//!
//! A cookie is as Laravel writes it: URL-encoded base64 of `{"iv", "value", "mac"}`, another text each time although the
//! session inside stays the same. Unlike Laravel's, the value is not encrypted, only sealed with a key of this process.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

const SESSION: &str = "just_driving_session";
const XSRF: &str = "XSRF-TOKEN";
/// Laravel's default `SESSION_LIFETIME`.
const LIFETIME: SignedDuration = SignedDuration::from_mins(120);
/// The length of Laravel's session ids and tokens.
const LENGTH: usize = 40;

/// One visitor's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    id: String,
    /// What a form must send back as `_token`.
    pub(crate) token: String,
}

/// Draws, seals and opens. The token follows from the id, so nothing has to be remembered.
pub(crate) struct Sessions {
    key: RandomState,
    drawn: AtomicU64,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    iv: String,
    value: String,
    mac: String,
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self { key: RandomState::new(), drawn: AtomicU64::new(0) }
    }

    /// The session that the request's cookie names, or a new one when there is none that we sealed.
    pub(crate) fn resume_or_start(&self, headers: &HeaderMap) -> Session {
        let id = cookie(headers, SESSION).and_then(|cookie| self.open(cookie)).unwrap_or_else(|| {
            let number = self.drawn.fetch_add(1, Ordering::Relaxed);
            self.letters(&("session", number))
        });
        Session { token: self.letters(&("token", &id)), id }
    }

    /// The two `Set-Cookie` of an answer.
    pub(crate) fn cookies(&self, session: &Session, now: Timestamp) -> [(HeaderName, String); 2] {
        let expires = (now + LIFETIME).strftime("%a, %d-%b-%Y %H:%M:%S GMT").to_string();
        let tail = format!("expires={expires}; Max-Age={}; path=/", LIFETIME.as_secs());
        let (token, id) = (self.seal(&session.token), self.seal(&session.id));
        [
            (SET_COOKIE, format!("{XSRF}={token}; {tail}; samesite=lax")),
            (SET_COOKIE, format!("{SESSION}={id}; {tail}; httponly; samesite=lax")),
        ]
    }

    fn seal(&self, value: &str) -> String {
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        let iv = BASE64.encode(self.key.hash_one(("iv", number)).to_be_bytes());
        let value = BASE64.encode(value);
        let sealed = Sealed { mac: self.mac(&iv, &value), iv, value };
        // Strings serialise always; were it otherwise, the empty cookie would start a new session.
        let text = BASE64.encode(serde_json::to_vec(&sealed).unwrap_or_default());
        text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
    }

    fn open(&self, cookie: &str) -> Option<String> {
        let text = cookie.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
        let Sealed { iv, value, mac } = serde_json::from_slice(&BASE64.decode(text).ok()?).ok()?;
        if mac != self.mac(&iv, &value) {
            return None;
        }
        String::from_utf8(BASE64.decode(value).ok()?).ok()
    }

    fn mac(&self, iv: &str, value: &str) -> String {
        format!("{:016x}", self.key.hash_one(("mac", iv, value)))
    }

    /// Forty letters and digits that only this process would draw.
    fn letters(&self, of: &impl std::hash::Hash) -> String {
        const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let place = |i: usize| usize::try_from(self.key.hash_one((i, of)) % 62).unwrap_or_default();
        (0..LENGTH).map(|i| char::from(ALPHABET[place(i)])).collect()
    }
}

/// A cookie's value as it was sent.
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn sent_back(set_cookie: &str) -> HeaderMap {
        let pair = set_cookie.split(';').next().unwrap();
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&format!("other=1; {pair}")).unwrap())])
    }

    #[test]
    fn a_session_is_resumed_by_its_newest_cookie_and_by_older_ones() {
        let (sessions, now) = (Sessions::new(), Timestamp::UNIX_EPOCH);
        let first = sessions.resume_or_start(&HeaderMap::new());
        let [(_, xsrf), (_, one)] = sessions.cookies(&first, now);
        let [_, (_, two)] = sessions.cookies(&first, now);
        assert_ne!(one, two, "cookies change with every answer");
        assert_eq!(sessions.resume_or_start(&sent_back(&one)), first);
        assert_eq!(sessions.resume_or_start(&sent_back(&two)), first);
        assert_eq!(first.token.len(), 40);
        assert!(
            xsrf.ends_with("; expires=Thu, 01-Jan-1970 02:00:00 GMT; Max-Age=7200; path=/; samesite=lax"),
            "{xsrf}"
        );
        assert!(one.ends_with("; path=/; httponly; samesite=lax"), "{one}");
    }

    #[test]
    fn a_cookie_that_we_did_not_seal_starts_a_new_session() {
        let (sessions, others) = (Sessions::new(), Sessions::new());
        let theirs = others.resume_or_start(&HeaderMap::new());
        let [_, (_, forged)] = others.cookies(&theirs, Timestamp::UNIX_EPOCH);
        assert_ne!(sessions.resume_or_start(&sent_back(&forged)), theirs);
        assert_ne!(sessions.resume_or_start(&sent_back("just_driving_session=nonsense")).id, "nonsense");
    }
}
