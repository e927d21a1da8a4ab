//! Sessions, and the two cookies that carry them.
//!
//! Cookies have Laravel's format: URL-encoded base64 of `{"iv", "value", "mac"}`, different each time even for the same
//! session. Unlike in Laravel, the value is not encrypted, only sealed with a key of this process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::names::Names;
use crate::state::chance::Chance;

/// Laravel's default `SESSION_LIFETIME`.
const LIFETIME: SignedDuration = SignedDuration::from_mins(120);
/// Every client without a cookie gets a session. Above this number, expired sessions are removed.
const MAX_KEPT: usize = 10_000;

/// A session as stored on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: String,
    /// The CSRF token, required in unsafe requests.
    pub(crate) token: String,
    /// The logged-in account.
    pub(crate) user: Option<u32>,
    /// The account that still has to enter its second factor.
    pub(crate) pending: Option<u32>,
    used: Timestamp,
}

/// Stores sessions, and seals and opens cookies.
pub(crate) struct Sessions {
    chance: Chance,
    kept: Mutex<HashMap<String, Session>>,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    iv: String,
    value: String,
    mac: String,
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self { chance: Chance::new(), kept: Mutex::default() }
    }

    /// The session of the request's cookie, or a new one if none is stored.
    pub(crate) fn resume_or_start(&self, headers: &HeaderMap, names: &Names, now: Timestamp) -> Session {
        let id = cookie(headers, names.session_cookie).and_then(|cookie| self.open(cookie));
        let mut kept = self.lock();
        if let Some(session) = id.and_then(|id| kept.get_mut(&id))
            && session.used + LIFETIME > now
        {
            session.used = now;
            return session.clone();
        }
        if kept.len() >= MAX_KEPT {
            kept.retain(|_, session| session.used + LIFETIME > now);
        }
        let session = self.new_session(now);
        kept.insert(session.id.clone(), session.clone());
        session
    }

    /// The stored session; `None` if it no longer exists.
    pub(crate) fn get(&self, id: &str) -> Option<Session> {
        self.lock().get(id).cloned()
    }

    /// Number of sessions with a logged-in account.
    pub(crate) fn logged_in(&self) -> usize {
        self.lock().values().filter(|session| session.user.is_some()).count()
    }

    /// Gives a session a new id and token, as Laravel does at each log-in, so that earlier ids and tokens become useless.
    /// Returns the new session.
    pub(crate) fn regenerate(&self, id: &str, now: Timestamp, change: impl FnOnce(&mut Session)) -> Session {
        let mut kept = self.lock();
        let mut session = self.new_session(now);
        if let Some(before) = kept.remove(id) {
            (session.user, session.pending) = (before.user, before.pending);
        }
        change(&mut session);
        kept.insert(session.id.clone(), session.clone());
        session
    }

    /// Changes a session without changing its id and token.
    pub(crate) fn change(&self, id: &str, change: impl FnOnce(&mut Session)) {
        if let Some(session) = self.lock().get_mut(id) {
            change(session);
        }
    }

    /// The `Set-Cookie` header of the session.
    pub(crate) fn session_cookie(&self, session: &Session, names: &Names, now: Timestamp) -> (HeaderName, String) {
        let (value, tail) = (self.seal(&session.id), tail(now));
        (SET_COOKIE, format!("{}={value}; {tail}; httponly; samesite=lax", names.session_cookie))
    }

    /// The `Set-Cookie` header of the CSRF token.
    pub(crate) fn csrf_cookie(&self, session: &Session, names: &Names, now: Timestamp) -> (HeaderName, String) {
        let (value, tail) = (self.seal(&session.token), tail(now));
        (SET_COOKIE, format!("{}={value}; {tail}; samesite=lax", names.csrf_cookie))
    }

    /// Opens a sealed cookie value from a request header. The header must be URL-decoded; an encoded value is invalid.
    pub(crate) fn open_decoded(&self, text: &str) -> Option<String> {
        let Sealed { iv, value, mac } = serde_json::from_slice(&BASE64.decode(text).ok()?).ok()?;
        if mac != self.mac(&iv, &value) {
            return None;
        }
        String::from_utf8(BASE64.decode(value).ok()?).ok()
    }

    fn new_session(&self, now: Timestamp) -> Session {
        Session { id: self.chance.letters(), token: self.chance.letters(), user: None, pending: None, used: now }
    }

    fn seal(&self, value: &str) -> String {
        let iv = BASE64.encode(self.chance.number().to_be_bytes());
        let value = BASE64.encode(value);
        let sealed = Sealed { mac: self.mac(&iv, &value), iv, value };
        // Strings always serialise; an empty cookie would merely start a new session.
        let text = BASE64.encode(serde_json::to_vec(&sealed).unwrap_or_default());
        text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
    }

    fn open(&self, cookie: &str) -> Option<String> {
        self.open_decoded(&cookie.replace("%2B", "+").replace("%2F", "/").replace("%3D", "="))
    }

    fn mac(&self, iv: &str, value: &str) -> String {
        format!("{:016x}", self.chance.hash(&("mac", iv, value)))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        // Every change is a single entry, so the data is consistent even after a panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tail(now: Timestamp) -> String {
    let expires = (now + LIFETIME).strftime("%a, %d-%b-%Y %H:%M:%S GMT");
    format!("expires={expires}; Max-Age={}; path=/", LIFETIME.as_secs())
}

/// The value of a cookie as sent.
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::names::Flavour;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn sent_back(set_cookie: &str) -> HeaderMap {
        let pair = set_cookie.split(';').next().unwrap();
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&format!("other=1; {pair}")).unwrap())])
    }

    #[test]
    fn newer_and_older_cookies_resume_a_session() {
        let (sessions, names) = (Sessions::new(), Flavour::Documented.names());
        let start = |headers: &HeaderMap| sessions.resume_or_start(headers, names, NOW);
        let first = start(&HeaderMap::new());
        let (_, xsrf) = sessions.csrf_cookie(&first, names, NOW);
        let (_, one) = sessions.session_cookie(&first, names, NOW);
        let (_, two) = sessions.session_cookie(&first, names, NOW);
        assert_ne!(one, two, "cookies change with every answer");
        assert_eq!(start(&sent_back(&one)), first);
        assert_eq!(start(&sent_back(&two)), first);
        assert_eq!(first.token.len(), 40);
        assert!(
            xsrf.ends_with("; expires=Thu, 01-Jan-1970 02:00:00 GMT; Max-Age=7200; path=/; samesite=lax"),
            "{xsrf}"
        );
        assert!(one.ends_with("; path=/; httponly; samesite=lax"), "{one}");
        let later = sessions.resume_or_start(&sent_back(&one), names, NOW + LIFETIME);
        assert_ne!(later, first, "an unused session expires");
    }

    #[test]
    fn a_forged_cookie_starts_a_new_session() {
        let (sessions, others, names) = (Sessions::new(), Sessions::new(), Flavour::Documented.names());
        let theirs = others.resume_or_start(&HeaderMap::new(), names, NOW);
        let (_, forged) = others.session_cookie(&theirs, names, NOW);
        assert_ne!(sessions.resume_or_start(&sent_back(&forged), names, NOW), theirs);
        assert_ne!(sessions.resume_or_start(&sent_back("just_driving_session=nonsense"), names, NOW).id, "nonsense");
    }

    #[test]
    fn regenerating_invalidates_the_old_id_and_token() {
        let (sessions, names) = (Sessions::new(), Flavour::Documented.names());
        let before = sessions.resume_or_start(&HeaderMap::new(), names, NOW);
        let after = sessions.regenerate(&before.id, NOW, |session| session.user = Some(7));
        assert_eq!(sessions.get(&before.id), None);
        assert_eq!(sessions.get(&after.id).unwrap().user, Some(7));
        assert_ne!(before.token, after.token);
    }
}
