//! Values that are right once they are read, and written as they were.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::values::{parse_duration, written_duration};

/// A text that is checked when it is read, and written as it was.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident($read:path) = $pattern:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("pattern" = $pattern))]
        pub struct $name(pub(super) String);

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
pub struct Statuses(pub(super) Vec<u16>);

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
pub struct Period(pub(super) Duration);

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
pub struct Digits(pub(super) u32);

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
    fn paths_stay_at_the_base_and_ids_are_escaped() {
        let base = Url::parse("https://app.example/ignored").unwrap();
        assert_eq!(Path("/api/me?full=1".to_owned()).below(&base).as_str(), "https://app.example/api/me?full=1");
        let school = PathOf("/api/schools/{school}?fields=id".to_owned());
        assert_eq!(school.of_school(&base, "a?b#c").as_str(), "https://app.example/api/schools/a%3Fb%23c?fields=id");
    }
}
