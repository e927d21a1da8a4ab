//! Values written as texts.

use std::fmt;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most levels of a parameter's name in Parameter Store.
const MAX_LEVELS: usize = 15;
/// Longest name of a parameter in Parameter Store. **Units:** characters.
const MAX_NAME_LENGTH: usize = 1_011;
/// Length of a day. **Units:** milliseconds.
const DAY_MS: u128 = 86_400_000;

/// Duration in a settings file, such as `"30s"`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("x-type" = "duration"))]
pub struct RawDuration(pub(crate) String);

/// Reference to a secret in a settings file, such as `"env:TOKEN"`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("x-type" = "reference"))]
pub struct RawReference(pub(crate) String);

/// Id on the platform: a text or a whole number.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("x-type" = "text or number"))]
pub struct RawId(pub(crate) Value);

/// Reference to a secret, never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretRef {
    /// `ssm:/just-driving/<environment>/<check>/…`, or Secrets Manager's through SSM:
    /// `ssm:/aws/reference/secretsmanager/just-driving/<environment>/<check>/…`.
    Parameter(String),
    /// Environment variable, `env:NAME`, for laptops and pipelines.
    Variable(String),
}

impl SecretRef {
    /// Reads a reference. The function's policy allows one path only, so any other is refused here.
    ///
    /// # Errors
    /// The expected form, and what was found unless it may be a secret.
    pub fn parse(text: &str, environment: &str, check: &str) -> Result<Self, String> {
        // An unreadable environment is a separate problem: any name is accepted then.
        let named = if environment.is_empty() { "<environment>" } else { environment };
        let own = format!("just-driving/{named}/{check}/");
        if let Some(name) = text.strip_prefix("ssm:") {
            if is_own(name, environment, check) {
                check_parameter(name)?;
                return Ok(Self::Parameter(name.to_owned()));
            }
            return Err(format!(
                "expected a parameter under /{own} (or /aws/reference/secretsmanager/{own}), the only ones that the \
                 function may read, found `{text}`"
            ));
        }
        if let Some(name) = text.strip_prefix("env:") {
            if !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
                return Ok(Self::Variable(name.to_owned()));
            }
            return Err("expected `env:` and the name of a variable, in A-Z, 0-9 and `_`".to_owned());
        }
        Err(format!("expected a reference, `ssm:/{own}…` or `env:NAME`, found something else (not shown)"))
    }
}

fn is_own(name: &str, environment: &str, check: &str) -> bool {
    let below = || {
        let name = name.strip_prefix("/aws/reference/secretsmanager").unwrap_or(name);
        let (named, rest) = name.strip_prefix("/just-driving/")?.split_once('/')?;
        let rest = rest.strip_prefix(check)?.strip_prefix('/')?;
        Some((environment.is_empty() || named == environment) && !rest.is_empty())
    };
    below().unwrap_or(false)
}

/// Checks the rest of a parameter's name. A segment `..` would lead out of what the function may read.
fn check_parameter(name: &str) -> Result<(), String> {
    let is_secret = name.starts_with("/aws/reference/secretsmanager/");
    // Secrets Manager takes more characters than Parameter Store.
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c) || (is_secret && "+=@".contains(c));
    let segments: Vec<&str> = name.split('/').skip(1).collect();
    let rule = if segments.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
        "without empty segments, `.` and `..`".to_owned()
    } else if !segments.iter().all(|segment| segment.chars().all(allowed)) {
        format!("of a-z, A-Z, 0-9, `_`, `.`, `-`{} and `/`", if is_secret { ", `+`, `=`, `@`" } else { "" })
    } else if segments.len() > MAX_LEVELS {
        format!("of at most {MAX_LEVELS} levels")
    } else if name.len() > MAX_NAME_LENGTH {
        format!("of at most {MAX_NAME_LENGTH} characters")
    } else {
        return Ok(());
    };
    Err(format!("expected a parameter name {rule}, found `ssm:{name}`"))
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(name) => write!(f, "ssm:{name}"),
            Self::Variable(name) => write!(f, "env:{name}"),
        }
    }
}

/// Reads a duration such as `"500ms"`, `"30s"`, `"5m"`, `"1h 30m"` or `"30d"`. A day has 24 hours.
///
/// # Errors
/// The expected and the found text.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    text.parse::<Span>()
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| format!("expected a duration such as \"500ms\", \"30s\", \"5m\" or \"4h\", found `{text}`"))
}

/// Formats an id as text for paths and messages. A whole number has no fraction, even if JSON writes one: `1001.0` is `1001`, as in
/// JavaScript.
#[must_use]
pub fn written_id(id: &Value) -> String {
    if let Some(text) = id.as_str() {
        return text.to_owned();
    }
    // Larger numbers lose digits as `f64`.
    let is_whole = |number: &f64| number.fract() == 0.0 && number.abs() < 9e15;
    match id.as_f64().filter(|number| id.is_f64() && is_whole(number)) {
        Some(number) => format!("{number:.0}"),
        None => id.to_string(),
    }
}

/// Formats a duration as in the settings file.
#[must_use]
pub fn written_duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    match (ms % 1_000, ms / 1_000 % 60, ms / 60_000 % 60) {
        _ if ms == 0 => "0s".to_owned(),
        // Up to a week, hours are as common.
        (0, 0, 0) if ms > 7 * DAY_MS && ms.is_multiple_of(DAY_MS) => format!("{}d", ms / DAY_MS),
        (0, 0, 0) => format!("{}h", ms / 3_600_000),
        (0, 0, _) => format!("{}m", ms / 60_000),
        (0, _, _) => format!("{}s", ms / 1_000),
        _ => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_written_as_it_is_read() {
        for text in ["0s", "500ms", "90s", "5m", "4h", "24h", "168h", "8d", "30d", "193h"] {
            assert_eq!(parse_duration(text).map(written_duration).as_deref(), Ok(text));
        }
        for (text, hours) in [("1d", 24), ("1d 1h", 25), ("1w", 168), ("720h", 720)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(hours * 3_600)), "{text}");
        }
        for text in ["", "30", "30x", "-1d", "1mo", "1y", "999999999d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ids_are_written_as_in_paths() {
        for (id, written) in
            [("1001", "1001"), ("1001.0", "1001"), ("-0.5", "-0.5"), ("\"a-1\"", "a-1"), ("1e300", "1e+300")]
        {
            let id: Value = serde_json::from_str(id).unwrap();
            assert_eq!(written_id(&id), written, "{id}");
        }
    }

    #[test]
    fn reference_stays_below_what_the_function_may_read() {
        let own = "ssm:/just-driving/staging/login";
        let secret = "ssm:/aws/reference/secretsmanager/just-driving/staging/login";
        let deep = |levels: usize| format!("{own}{}", "/a".repeat(levels - 3));
        let long = |length: usize| format!("{own}/{}", "a".repeat(length - "/just-driving/staging/login/".len()));
        for text in [
            format!("{own}/password"),
            format!("{own}/a.b_c-D/..a"),
            deep(15),
            long(1_011),
            format!("{secret}/password"),
            format!("{secret}/a+b=c@d"),
            "env:PASSWORD_2".to_owned(),
        ] {
            assert_eq!(SecretRef::parse(&text, "staging", "login").map(|read| read.to_string()), Ok(text));
        }
        for (text, rule) in [
            (format!("{own}/../login/password"), "without empty segments"),
            (format!("{own}/.."), "without empty segments"),
            (format!("{own}/./password"), "without empty segments"),
            (format!("{own}//password"), "without empty segments"),
            (format!("{own}/"), "expected a parameter under"),
            (format!("{own}/password/"), "without empty segments"),
            (format!("{secret}/../password"), "without empty segments"),
            (format!("{own}/%2e%2e/password"), "of a-z"),
            (format!("{own}/a b"), "of a-z"),
            (format!("{own}/a\\b"), "of a-z"),
            (format!("{own}/a+b"), "of a-z"),
            (format!("{own}/password:3"), "of a-z"),
            (format!("{own}/kørsel"), "of a-z"),
            (format!("{own}/*"), "of a-z"),
            (deep(16), "of at most 15 levels"),
            (long(1_012), "of at most 1011 characters"),
            ("ssm:/just-driving/staging/../login/password".to_owned(), "expected a parameter under"),
            ("ssm:/just-driving/../login/password".to_owned(), "expected a parameter under"),
        ] {
            let error = SecretRef::parse(&text, "staging", "login").unwrap_err();
            assert!(error.contains(rule), "{text}: {error}");
        }
    }
}
