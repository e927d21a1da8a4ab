//! Types that accept only valid values, and write them back as they were read.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::hosts::check_length;
use crate::values::{parse_duration, written_duration};

/// Defines a text type that validates its value when read and writes it back unchanged.
///
/// `Serialize`, `Deserialize` and `JsonSchema` must be in scope where it is used.
#[macro_export]
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident($read:path) = $pattern:literal) => {
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        $(#[$doc])*
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("pattern" = $pattern))]
        pub struct $name(String);

        impl $name {
            /// Creates it from a text in the code, which is not checked.
            #[must_use]
            pub fn from_static(text: &'static str) -> Self {
                Self(text.to_owned())
            }

            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                $read(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    };
}

checked_text! {
    /// Path below the base URL, starting with one `/`.
    #[schemars(extend("x-type" = "path"))]
    Path(check_path) = r"^/(?!/)[^#\\]*$"
}
checked_text! {
    /// JSON Pointer (RFC 6901): empty, or starting with `/`.
    #[schemars(extend("x-type" = "pointer"))]
    Pointer(check_pointer) = "^(/|$)"
}
checked_text! {
    /// Name of a field or cookie, or a text to search for: not blank.
    Name(check_not_blank) = r"\S"
}
checked_text! {
    /// Time zone of the IANA database, by name.
    #[schemars(extend("x-type" = "IANA name"))]
    TimeZone(check_time_zone) = r"\S"
}
checked_text! {
    /// Name of a header.
    #[schemars(extend("x-type" = "header name"))]
    HeaderName(check_header_name) = "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$"
}

checked_text! {
    /// Name of a header that carries a value of its own: not one of the client, of the content or for credentials.
    #[schemars(extend("x-type" = "header name"))]
    PlainHeaderName(check_plain_header_name) = "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$"
}
checked_text! {
    /// Name of a cookie: without `=`, `;`, spaces and control characters.
    #[schemars(extend("x-type" = "cookie name"))]
    CookieName(check_cookie_name) = r"^[^=;\s]+$"
}

/// Time zone when the settings name none.
const DEFAULT_TIME_ZONE: &str = "Europe/Copenhagen";

impl Default for TimeZone {
    fn default() -> Self {
        Self::from_static(DEFAULT_TIME_ZONE)
    }
}

/// Headers the HTTP client sets itself, and those between it and the next server. Set to another value, they send a request
/// to another site or make the server misread where it ends. The same holds for all names beginning with `proxy-`.
const OWN_HEADERS: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "traceparent",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-synthetic-run",
];

/// Headers that carry credentials.
const CREDENTIALS: &[&str] = &["authorization", "cookie", "proxy-authorization"];

/// Headers of the content, and those by which the platform knows its own pages.
const DESCRIPTIVE_HEADERS: &[&str] = &["accept", "content-encoding", "content-type", "origin", "referer"];

impl Path {
    /// Joins the path to the base URL.
    ///
    /// **Errors:** none in practice: a path starting with one `/` joins any base. Otherwise the result is the base.
    #[must_use]
    pub fn below(&self, base: &Url) -> Url {
        base.join(&self.0).unwrap_or_else(|_| base.clone())
    }
}

/// Statuses of final HTTP answers: at least one, each 200 to 599.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<u16>", into = "Vec<u16>")]
#[schemars(extend("minItems" = 1, "items" = { "type": "integer", "minimum": 200, "maximum": 599 }))]
pub struct Statuses(Vec<u16>);

impl Statuses {
    /// Creates it from statuses in the code, which are not checked.
    #[must_use]
    pub fn from_static(statuses: &'static [u16]) -> Self {
        Self(statuses.to_vec())
    }

    /// Returns all statuses.
    #[must_use]
    pub fn as_slice(&self) -> &[u16] {
        &self.0
    }
}

impl TryFrom<Vec<u16>> for Statuses {
    type Error = String;

    fn try_from(statuses: Vec<u16>) -> Result<Self, String> {
        if statuses.is_empty() || statuses.iter().any(|status| !(200..=599).contains(status)) {
            return Err(format!("expected at least one status of 200 to 599, found {statuses:?}"));
        }
        Ok(Self(statuses))
    }
}

impl From<Statuses> for Vec<u16> {
    fn from(statuses: Statuses) -> Self {
        statuses.0
    }
}

/// Time step of one-time codes: 1s to 5m.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("x-type" = "duration"))]
pub struct Period(Duration);

impl Period {
    /// Creates it from a number of seconds in the code, which is not checked.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Returns the duration.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let period = parse_duration(&text)?;
        if period.subsec_nanos() != 0 || !(1..=300).contains(&period.as_secs()) {
            return Err(format!("expected whole seconds, 1s to 5m, found `{text}`"));
        }
        Ok(Self(period))
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        written_duration(period.0)
    }
}

/// Length of a one-time code: 6 to 8 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(extend("minimum" = 6, "maximum" = 8))]
pub struct Digits(u32);

impl Digits {
    /// Creates it from a number in the code, which is not checked.
    #[must_use]
    pub const fn from_static(digits: u32) -> Self {
        Self(digits)
    }

    /// Returns the number of digits.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Digits {
    type Error = String;

    fn try_from(digits: u32) -> Result<Self, String> {
        if (6..=8).contains(&digits) {
            Ok(Self(digits))
        } else {
            Err(format!("expected 6 to 8 digits, found {digits}"))
        }
    }
}

impl From<Digits> for u32 {
    fn from(digits: Digits) -> Self {
        digits.0
    }
}

/// Checks that a text is a path below the base URL, and that a request for it asks for nothing else: URLs silently drop
/// fragments, spaces at the end and segments such as `..`, and read `\\` as `/`.
///
/// # Errors
/// The expected and the found text.
pub fn check_path(text: &str) -> Result<(), String> {
    if !text.starts_with('/') || text.starts_with("//") {
        return Err(format!("expected a path that begins with one `/`, found `{text}`"));
    }
    check_length("path", text)?;
    check_written(text).map_err(|rule| format!("expected a path {rule}, found `{text}`"))
}

/// Checks that a URL, or a path with its query, is requested as it is written.
pub(crate) fn check_written(text: &str) -> Result<(), &'static str> {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let is_dots = |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    if text.contains('#') {
        Err("without `#`, since what follows it is never sent to a server")
    } else if text.contains('\\') {
        Err("without `\\`, which URLs read as `/`")
    } else if text.trim() != text {
        Err("without a space at its end, which URLs drop")
    } else if path.split('/').any(is_dots) {
        Err("without the segments `.` and `..`, which lead elsewhere")
    } else {
        Ok(())
    }
}

/// Checks that an id can be a segment of a path: URLs drop empty segments, and `.` and `..` lead elsewhere.
///
/// # Errors
/// A description of the text found.
pub fn check_id(text: &str) -> Result<(), &'static str> {
    match text {
        "." => Err("`.`, which cannot be part of a path"),
        ".." => Err("`..`, which cannot be part of a path"),
        blank if blank.trim().is_empty() => Err("a blank text"),
        _ => Ok(()),
    }
}

/// Checks that a text is a JSON Pointer.
///
/// # Errors
/// The expected and the found text.
pub fn check_pointer(text: &str) -> Result<(), String> {
    if !text.is_empty() && !text.starts_with('/') {
        return Err(format!("expected a JSON Pointer such as \"/data/status\", found `{text}`"));
    }
    if text.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
        return Err(format!(
            "expected a JSON Pointer, with `~` written as `~0` and `/` in a name as `~1`, found `{text}`"
        ));
    }
    Ok(())
}

fn check_not_blank(text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err("expected a text, found a blank one".to_owned()) } else { Ok(()) }
}

fn check_time_zone(text: &str) -> Result<(), String> {
    jiff::tz::TimeZone::get(text)
        .map_or_else(|_| Err(format!("expected a time zone such as \"Europe/Copenhagen\", found `{text}`")), |_| Ok(()))
}

/// Checks the name of a header to send.
///
/// # Errors
/// The expected and the found text.
pub fn check_header_name(text: &str) -> Result<(), String> {
    let name = text.to_ascii_lowercase();
    if OWN_HEADERS.contains(&name.as_str()) || name.starts_with("proxy-") {
        return Err(format!("expected a header other than those the HTTP client sets itself, found `{text}`"));
    }
    http::HeaderName::try_from(text)
        .map_or_else(|_| Err(format!("expected the name of a header, found `{text}`")), |_| Ok(()))
}

fn check_plain_header_name(text: &str) -> Result<(), String> {
    check_header_name(text)?;
    if is_credential_header(text) || DESCRIPTIVE_HEADERS.contains(&text.to_ascii_lowercase().as_str()) {
        return Err(format!("expected a header that describes no content and is not for credentials, found `{text}`"));
    }
    Ok(())
}

/// True for the name of a header that carries credentials.
#[must_use]
pub fn is_credential_header(name: &str) -> bool {
    CREDENTIALS.contains(&name.to_ascii_lowercase().as_str())
}

fn check_cookie_name(text: &str) -> Result<(), String> {
    check_not_blank(text)?;
    if text.chars().any(|letter| matches!(letter, '=' | ';') || letter.is_whitespace() || letter.is_control()) {
        return Err(format!(
            "expected the name of a cookie, without `=`, `;`, spaces and control characters, found `{text}`"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_keeps_the_base() {
        let base = Url::parse("https://app.example/ignored").unwrap();
        assert_eq!(Path::from_static("/api/me?full=1").below(&base).as_str(), "https://app.example/api/me?full=1");
    }

    #[test]
    fn path_is_requested_as_it_is_written() {
        let base = Url::parse("https://app.example/").unwrap();
        for text in
            ["/", "/login", "/a/b/", "/a?b=c", "/a?next=/../x", "/a/..b", "/a/...", "/a%20b", "/a;b=c", "/a//b", "/?"]
        {
            assert_eq!(check_path(text), Ok(()), "{text}");
            assert_eq!(base.join(text).unwrap().as_str(), format!("https://app.example{text}"));
        }
        for text in ["/æ b", "/a|b"] {
            assert_eq!(check_path(text), Ok(()), "escaped: {text}");
        }
        for (text, rule) in [
            ("", "begins with one `/`"),
            ("login", "begins with one `/`"),
            ("//elsewhere.example/", "begins with one `/`"),
            ("https://elsewhere.example/", "begins with one `/`"),
            ("/\\\\elsewhere.example/", "without `\\`"),
            ("/a\\b", "without `\\`"),
            ("/a#x", "never sent to a server, found `/a#x`"),
            ("/#/login", "without `#`"),
            ("/a?b#c", "without `#`"),
            ("/a ", "a space at its end"),
            ("/a\n", "a space at its end"),
            ("/../admin", "segments `.` and `..`"),
            ("/a/./b", "segments `.` and `..`"),
            ("/a/%2E%2e", "segments `.` and `..`"),
            ("/a/.%2e?b", "segments `.` and `..`"),
            (&format!("/{}", "a".repeat(70_000)), "at most 2048 bytes, found 70001"),
        ] {
            let error = check_path(text).expect_err(text);
            assert!(error.contains(rule), "{text}: {error}");
        }
    }

    #[test]
    fn pointer_is_one_of_rfc_6901() {
        for text in ["", "/", "/a", "/a/0", "/a~1b/c~0d", "/ "] {
            assert_eq!(check_pointer(text), Ok(()), "{text}");
        }
        for (text, rule) in [
            ("a", "such as \"/data/status\", found `a`"),
            ("$.a", "such as"),
            ("#/a", "such as"),
            ("/a~", "`~` written as `~0`"),
            ("/a~2", "`~` written as `~0`"),
            ("/~~0", "`~` written as `~0`"),
        ] {
            let error = check_pointer(text).expect_err(text);
            assert!(error.contains(rule), "{text}: {error}");
        }
    }

    #[test]
    fn headers_of_the_client_are_refused() {
        for name in ["accept", "X-Api-Key", "te-x", "hosts", "x-forwarded-host", "authorization"] {
            assert_eq!(check_header_name(name), Ok(()), "{name}");
        }
        for name in OWN_HEADERS.iter().copied().chain([
            "Host",
            "Transfer-Encoding",
            "TE",
            "Accept-Encoding",
            "Proxy-Connection",
        ]) {
            assert!(check_header_name(name).unwrap_err().contains("client"), "{name}");
        }
        assert!(check_header_name("Proxy-Authorization").is_err() && check_header_name("a b").is_err());
        for (name, is_plain) in [
            ("X-XSRF-TOKEN", true),
            ("Stripe-Signature", true),
            ("Cookie", false),
            ("AUTHORIZATION", false),
            ("host", false),
            ("Content-Type", false),
            ("Origin", false),
            ("a b", false),
        ] {
            assert_eq!(check_plain_header_name(name).is_ok(), is_plain, "{name}");
        }
    }

    #[test]
    fn cookie_name_is_one_that_a_browser_sends() {
        for (name, is_valid) in [
            ("just_driving_session", true),
            ("__Host-session", true),
            ("s[1]", true),
            ("sæt", true),
            ("", false),
            ("a=b", false),
            ("a;b", false),
            ("a b", false),
            ("a\u{a0}b", false),
            ("a\tb", false),
            ("a\u{7f}", false),
            ("a\r\nSet-Cookie: b", false),
        ] {
            assert_eq!(check_cookie_name(name).is_ok(), is_valid, "{name:?}");
        }
    }
}
