//! What the platform's flows are called: paths, fields, statuses, cookies. The defaults are those of its documentation and
//! of Laravel; a settings file overrides what a platform calls otherwise.
//!
//! What is written is what is used: each text is of a type that cannot be wrong, so there is nothing left to validate.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::values::{parse_duration, written_duration};

/// The platform's own names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Platform {
    /// Below which pointer an answer's data stands, when it does not stand at the top: Laravel's API resources come
    /// wrapped or bare. Both are looked at, this first.
    pub wrapper: Pointer,
    /// The statuses of an answer to somebody who is not logged in. A redirect counts only when it leads to the log-in form.
    pub unauthenticated: Statuses,
    /// The cookies and headers of sessions.
    pub session: SessionNames,
    /// Logging in.
    pub login: Login,
    /// The second factor.
    pub second_factor: SecondFactor,
    /// Logging out.
    pub logout: Logout,
    /// Who is logged in.
    pub me: Me,
    /// Reading one school.
    pub school: School,
    /// The operations counters.
    pub counters: Counters,
}

/// The cookies and headers of sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SessionNames {
    /// The cookie that carries the session.
    pub cookie: Name,
    /// The cookie whose value goes back in `csrf_header`, URL-decoded.
    pub csrf_cookie: Name,
    /// The header that proves that a request comes from the platform's own pages.
    pub csrf_header: HeaderName,
}

/// How one logs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Login {
    /// A session with cookies as a browser has it, or a bearer token as scripts have it.
    pub mode: Mode,
    /// The page with the form.
    pub form: Path,
    /// The form's hidden field with the CSRF token.
    pub form_token_field: Name,
    /// Where e-mail and password are sent.
    pub path: Path,
    /// How they are sent.
    pub encoding: Encoding,
    /// The field of the e-mail.
    pub email_field: Name,
    /// The field of the password.
    pub password_field: Name,
    /// The statuses of success.
    pub status: Statuses,
    /// Where the bearer token stands in the answer; for `mode = "token"`.
    pub token_pointer: Pointer,
    /// The statuses of a wrong password.
    pub refused: Statuses,
    /// Texts of a 422 that say that log-ins are throttled: some log-in scaffolds do not answer 429.
    pub throttled_texts: Vec<Name>,
}

/// How one is recognised after the log-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// By cookies.
    Session,
    /// By `Authorization: Bearer`.
    Token,
}

/// How fields are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// As JSON; the CSRF token goes in a header.
    Json,
    /// As a browser sends a form, with the CSRF token that the form held.
    Form,
}

/// The second factor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SecondFactor {
    /// Where the code is sent.
    pub path: Path,
    /// The field of the code.
    pub code_field: Name,
    /// The statuses of success.
    pub status: Statuses,
    /// For how long a code is shown (RFC 6238, X).
    pub period: Period,
    /// How long a code is.
    pub digits: Digits,
}

/// Logging out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Logout {
    /// Where.
    pub path: Path,
    /// The statuses of success.
    pub status: Statuses,
}

/// Who is logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Me {
    /// Where.
    pub path: Path,
    /// The user's id.
    pub id: Pointer,
    /// The user's e-mail.
    pub email: Pointer,
    /// The user's role.
    pub role: Pointer,
}

/// One school.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct School {
    /// Where, with `{school}` in place of its id.
    pub path: PathOf,
    /// Its id.
    pub id: Pointer,
    /// The statuses of an answer that hides another's school.
    pub hidden: Statuses,
}

/// The operations counters. A counter that is not there is not published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Counters {
    /// Where.
    pub path: Path,
    /// The length of the window that is counted, in seconds.
    pub window_seconds: Pointer,
    /// Log-ins that succeeded.
    pub logins_succeeded: Pointer,
    /// Log-ins that failed.
    pub logins_failed: Pointer,
    /// Log-outs that succeeded.
    pub logouts_succeeded: Pointer,
    /// Log-outs that failed.
    pub logouts_failed: Pointer,
    /// Log-ins that were throttled.
    pub lockouts: Pointer,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            wrapper: Pointer("/data".to_owned()),
            unauthenticated: Statuses(vec![401]),
            session: SessionNames::default(),
            login: Login::default(),
            second_factor: SecondFactor::default(),
            logout: Logout::default(),
            me: Me::default(),
            school: School::default(),
            counters: Counters::default(),
        }
    }
}

impl Default for SessionNames {
    fn default() -> Self {
        Self {
            cookie: Name("just_driving_session".to_owned()),
            csrf_cookie: Name("XSRF-TOKEN".to_owned()),
            csrf_header: HeaderName("X-XSRF-TOKEN".to_owned()),
        }
    }
}

impl Default for Login {
    fn default() -> Self {
        Self {
            mode: Mode::Session,
            form: Path("/login".to_owned()),
            form_token_field: Name("_token".to_owned()),
            path: Path("/api/login".to_owned()),
            encoding: Encoding::Json,
            email_field: Name("email".to_owned()),
            password_field: Name("password".to_owned()),
            status: Statuses(vec![200, 204]),
            token_pointer: Pointer("/token".to_owned()),
            refused: Statuses(vec![422, 401]),
            // Laravel's `auth.throttle`, in English and as the platform says it.
            throttled_texts: vec![
                Name("Too many login attempts".to_owned()),
                Name("For mange loginforsøg".to_owned()),
                Name("For mange forsøg".to_owned()),
            ],
        }
    }
}

impl Default for SecondFactor {
    fn default() -> Self {
        Self {
            path: Path("/api/two-factor-challenge".to_owned()),
            code_field: Name("code".to_owned()),
            status: Statuses(vec![200, 204]),
            period: Period(Duration::from_secs(30)),
            digits: Digits(6),
        }
    }
}

impl Default for Logout {
    fn default() -> Self {
        Self { path: Path("/api/logout".to_owned()), status: Statuses(vec![200, 204]) }
    }
}

impl Default for Me {
    fn default() -> Self {
        let pointer = |text: &str| Pointer(text.to_owned());
        Self { path: Path("/api/me".to_owned()), id: pointer("/id"), email: pointer("/email"), role: pointer("/role") }
    }
}

impl Default for School {
    fn default() -> Self {
        Self {
            path: PathOf("/api/schools/{school}".to_owned()),
            id: Pointer("/id".to_owned()),
            hidden: Statuses(vec![403, 404]),
        }
    }
}

impl Default for Counters {
    fn default() -> Self {
        let pointer = |text: &str| Pointer(text.to_owned());
        Self {
            path: Path("/api/ops/metrics".to_owned()),
            window_seconds: pointer("/window_seconds"),
            logins_succeeded: pointer("/logins_succeeded"),
            logins_failed: pointer("/logins_failed"),
            logouts_succeeded: pointer("/logouts_succeeded"),
            logouts_failed: pointer("/logouts_failed"),
            lockouts: pointer("/lockouts"),
        }
    }
}

/// A text that is checked when it is read, and written as it was.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident($read:path) = $pattern:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("pattern" = $pattern))]
        pub struct $name(String);

        impl $name {
            /// The text.
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
    /// A path below the base URL: it begins with one `/`.
    Path(is_path) = "^/(?!/)"
}
checked_text! {
    /// A path below the base URL with `{school}` in it.
    PathOf(is_path_of_school) = r"^/(?!/).*\{school\}"
}
checked_text! {
    /// A JSON Pointer (RFC 6901): empty, or beginning with `/`.
    Pointer(is_pointer) = "^(/|$)"
}
checked_text! {
    /// A name of a field or cookie, or a text to look for: not blank.
    Name(is_not_blank) = r"\S"
}
checked_text! {
    /// The name of a header.
    HeaderName(is_header_name) = "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$"
}

impl Path {
    /// Where it is.
    ///
    /// **Errors:** none in practice: a path that begins with one `/` can be joined to any base. Then the base itself.
    #[must_use]
    pub fn below(&self, base: &Url) -> Url {
        base.join(&self.0).unwrap_or_else(|_| base.clone())
    }
}

impl PathOf {
    /// Where a school is.
    #[must_use]
    pub fn of_school(&self, base: &Url, school: &str) -> Url {
        let mut url = base.clone();
        let (path, query) = self.0.split_once('?').map_or((self.0.as_str(), None), |(path, query)| (path, Some(query)));
        // Set, not joined: what is special in an id is escaped.
        url.set_path(&path.replace("{school}", school));
        url.set_query(query.map(|query| query.replace("{school}", school)).as_deref());
        url
    }
}

/// Statuses of HTTP: at least one, each 100 to 599.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<u16>", into = "Vec<u16>")]
#[schemars(extend("minItems" = 1, "items" = { "type": "integer", "minimum": 100, "maximum": 599 }))]
pub struct Statuses(Vec<u16>);

impl Statuses {
    /// All of them.
    #[must_use]
    pub fn as_slice(&self) -> &[u16] {
        &self.0
    }
}

impl TryFrom<Vec<u16>> for Statuses {
    type Error = String;

    fn try_from(statuses: Vec<u16>) -> Result<Self, String> {
        if statuses.is_empty() || statuses.iter().any(|status| !(100..=599).contains(status)) {
            return Err(format!("expected at least one status of 100 to 599, saw {statuses:?}"));
        }
        Ok(Self(statuses))
    }
}

impl From<Statuses> for Vec<u16> {
    fn from(statuses: Statuses) -> Self {
        statuses.0
    }
}

/// For how long a code of a second factor is shown: 1 s to 5 min.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Period(Duration);

impl Period {
    /// The time.
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
            return Err(format!("expected whole seconds, 1s to 5m, saw `{text}`"));
        }
        Ok(Self(period))
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        written_duration(period.0)
    }
}

/// How long a code of a second factor is: 6 to 8 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(extend("minimum" = 6, "maximum" = 8))]
pub struct Digits(u32);

impl Digits {
    /// The number of digits.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Digits {
    type Error = String;

    fn try_from(digits: u32) -> Result<Self, String> {
        if (6..=8).contains(&digits) { Ok(Self(digits)) } else { Err(format!("expected 6 to 8 digits, saw {digits}")) }
    }
}

impl From<Digits> for u32 {
    fn from(digits: Digits) -> Self {
        digits.0
    }
}

fn is_path(text: &str) -> Result<(), String> {
    if text.starts_with('/') && !text.starts_with("//") {
        return Ok(());
    }
    Err(format!("expected a path that begins with one `/`, saw `{text}`"))
}

fn is_path_of_school(text: &str) -> Result<(), String> {
    is_path(text)?;
    if text.contains("{school}") {
        return Ok(());
    }
    Err(format!("expected a path with {{school}} in place of the school's id, saw `{text}`"))
}

fn is_pointer(text: &str) -> Result<(), String> {
    if text.is_empty() || text.starts_with('/') {
        return Ok(());
    }
    Err(format!("expected a JSON Pointer such as \"/data/status\", saw `{text}`"))
}

fn is_not_blank(text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err("expected a text, saw a blank one".to_owned()) } else { Ok(()) }
}

fn is_header_name(text: &str) -> Result<(), String> {
    http::HeaderName::try_from(text)
        .map_or_else(|_| Err(format!("expected the name of a header, saw `{text}`")), |_| Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_is_as_documented_and_what_is_wrong_is_said() {
        let read = |text: &str| toml::from_str::<Platform>(text);
        assert_eq!(read("").unwrap(), Platform::default());
        let changed = read("login.path = '/v2/sessions'\nme.id = '/uid'\nsecond_factor.period = '1s'").unwrap();
        assert_eq!((changed.login.path.as_str(), changed.me.id.as_str()), ("/v2/sessions", "/uid"));
        assert_eq!(changed.login.form, Login::default().form);
        for (text, rule) in [
            ("login.path = 'v2'", "begins with one `/`, saw `v2`"),
            ("login.path = '//other.example/'", "begins with one `/`"),
            ("school.path = '/schools'", "{school}"),
            ("me.id = 'id'", "JSON Pointer"),
            ("session.cookie = ' '", "saw a blank one"),
            ("session.csrf_header = 'X TOKEN'", "name of a header"),
            ("login.status = []", "at least one status"),
            ("logout.status = [20]", "100 to 599, saw [20]"),
            ("second_factor.period = '0.5s'", "1s to 5m"),
            ("second_factor.digits = 4", "6 to 8 digits"),
            ("login.mode = 'basic'", "expected `session` or `token`"),
            ("login.pth = '/x'", "unknown field"),
        ] {
            let said = read(text).unwrap_err().message().to_owned();
            assert!(said.contains(rule), "{text}: {said}");
        }
    }

    #[test]
    fn what_is_read_is_written_as_it_was() {
        let written = toml::to_string(&Platform::default()).unwrap();
        assert_eq!(toml::from_str::<Platform>(&written).unwrap(), Platform::default());
    }

    #[test]
    fn paths_stay_at_the_base_and_ids_are_escaped() {
        let base = Url::parse("https://app.example/ignored").unwrap();
        assert_eq!(Path("/api/me?full=1".to_owned()).below(&base).as_str(), "https://app.example/api/me?full=1");
        let school = PathOf("/api/schools/{school}?fields=id".to_owned());
        assert_eq!(school.of_school(&base, "a?b#c").as_str(), "https://app.example/api/schools/a%3Fb%23c?fields=id");
    }
}
