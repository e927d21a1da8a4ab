//! Values written as texts.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    pub(crate) fn parse(text: &str, environment: &str, check: &str) -> Result<Self, String> {
        // An unreadable environment is a separate problem: any name is accepted then.
        let named = if environment.is_empty() { "<environment>" } else { environment };
        let own = format!("just-driving/{named}/{check}/");
        if let Some(name) = text.strip_prefix("ssm:") {
            if is_own(name, environment, check) {
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

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(name) => write!(f, "ssm:{name}"),
            Self::Variable(name) => write!(f, "env:{name}"),
        }
    }
}

/// Reads a duration such as `"500ms"`, `"30s"`, `"5m"` or `"1h 30m"`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    text.parse::<SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| format!("expected a duration such as \"500ms\", \"30s\", \"5m\" or \"4h\", found `{text}`"))
}

/// Formats an id as text for paths and messages.
#[must_use]
pub fn written_id(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// Formats a duration as in the settings file.
#[must_use]
pub fn written_duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    match (ms % 1_000, ms / 1_000 % 60, ms / 60_000 % 60) {
        _ if ms == 0 => "0s".to_owned(),
        (0, 0, 0) => format!("{}h", ms / 3_600_000),
        (0, 0, _) => format!("{}m", ms / 60_000),
        (0, _, _) => format!("{}s", ms / 1_000),
        _ => format!("{ms}ms"),
    }
}
