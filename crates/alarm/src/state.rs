//! State of an alarm.

use serde::{Deserialize, Serialize};

/// State of an alarm, named as in CloudWatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Within its threshold.
    Ok,
    /// Beyond its threshold.
    Alarm,
    /// Too few data points.
    InsufficientData,
}

impl State {
    /// Name in CloudWatch's API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}
