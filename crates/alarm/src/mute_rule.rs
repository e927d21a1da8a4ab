//! Alarm mute rules: muted alarms are evaluated, but do not notify.

/// A mute rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MuteRule {
    /// Name, unique within account and region.
    pub name: String,
    /// Description for people.
    pub description: String,
    /// Start: `at(2026-12-06T22:00)` once, `cron(30 2 * * MON,THU)` repeatedly.
    pub expression: String,
    /// Length from the start, in ISO 8601.
    pub duration: String,
    /// IANA name of the expression's time zone.
    pub zone: String,
    /// Names of the muted alarms.
    pub alarms: Vec<String>,
}
