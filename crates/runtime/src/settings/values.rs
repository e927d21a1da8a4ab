//! Values that are written as texts.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;

/// A reference to a secret; never the secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretRef {
    /// `ssm:/just-driving/<environment>/<check>/…`, or Secrets Manager's through SSM:
    /// `ssm:/aws/reference/secretsmanager/just-driving/<environment>/<check>/…`.
    Parameter(String),
    /// `env:NAME`: a variable of the environment, for laptops and pipelines.
    Variable(String),
}

impl SecretRef {
    /// Reads a reference. The function's policy opens one path only, so any other is refused here already.
    pub(super) fn parse(text: &str, environment: &str, check: &str) -> Result<Self, String> {
        let own = format!("just-driving/{environment}/{check}/");
        if let Some(name) = text.strip_prefix("ssm:") {
            let prefixes = [format!("/{own}"), format!("/aws/reference/secretsmanager/{own}")];
            if prefixes.iter().any(|prefix| name.strip_prefix(prefix.as_str()).is_some_and(|rest| !rest.is_empty())) {
                return Ok(Self::Parameter(name.to_owned()));
            }
            return Err(format!(
                "expected a parameter under /{own} (or /aws/reference/secretsmanager/{own}), the only ones that the \
                 function may read, saw `{text}`"
            ));
        }
        let name = text.strip_prefix("env:").unwrap_or_default();
        if !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
            return Ok(Self::Variable(name.to_owned()));
        }
        Err(format!("expected a reference, `ssm:/{own}…` or `env:NAME`, saw something else (not shown)"))
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(name) => write!(f, "ssm:{name}"),
            Self::Variable(name) => write!(f, "env:{name}"),
        }
    }
}

/// Reads `"500ms"`, `"30s"`, `"5m"`, `"1h 30m"`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    text.parse::<SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| format!("expected a duration such as \"500ms\", \"30s\", \"5m\" or \"4h\", saw `{text}`"))
}
