//! The platform's time format.

use jiff::civil::DateTime;
use jiff::{Timestamp, tz};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use settings::TimeZone;

/// Format of the platform's times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Times {
    /// Time zone of the platform's days, and of times without an offset. Default: `time_zone` at the top of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<TimeZone>,
    /// Format of times sent to the platform: `utc` (`2026-11-22T23:15:28.000000Z`), `offset`
    /// (`2026-11-23T00:15:28+01:00`) or `local` (`2026-11-23 00:15:28`). All of them, and Unix seconds, are accepted in
    /// answers. Default `utc`.
    pub written: Written,
}

/// Format of times sent to the platform. All of them are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Written {
    /// UTC with microseconds, as in Laravel: `2026-11-22T23:15:28.000000Z`.
    Utc,
    /// Local time with its offset from UTC: `2026-11-23T00:15:28+01:00`.
    Offset,
    /// Local time without an offset: `2026-11-23 00:15:28`.
    Local,
}

impl Default for Times {
    fn default() -> Self {
        Self { zone: None, written: Written::Utc }
    }
}

impl Times {
    /// Reads a time of the platform: with an offset, in local time, or as Unix seconds. A local time that occurs twice,
    /// when summer time ends, is the first one; a skipped one moves forward by the gap. Returns `None` for anything
    /// else.
    #[must_use]
    pub fn read(&self, value: &Value) -> Option<Timestamp> {
        match value {
            Value::Number(seconds) => Timestamp::from_second(seconds.as_i64()?).ok(),
            Value::String(text) => {
                let local = || Some(text.parse::<DateTime>().ok()?.to_zoned(self.zone()).ok()?.timestamp());
                text.parse().ok().or_else(local)
            }
            _ => None,
        }
    }

    /// Formats a time for the platform.
    #[must_use]
    pub fn write(&self, at: Timestamp) -> String {
        let local = at.to_zoned(self.zone());
        match self.written {
            Written::Utc => at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
            Written::Offset => local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            Written::Local => local.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        }
    }

    /// Local day: `2026-11-23`.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone()).date().to_string()
    }

    /// Unknown zones were refused when the settings were read.
    fn zone(&self) -> tz::TimeZone {
        let zone = self.zone.clone().unwrap_or_default();
        tz::TimeZone::get(zone.as_str()).unwrap_or(tz::TimeZone::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn every_time_format_is_read() {
        let times = Times::default();
        for value in [
            Value::from("2026-11-22T23:15:28.000000Z"),
            Value::from("2026-11-23T00:15:28+01:00"),
            Value::from("2026-11-23 00:15:28"),
            Value::from("2026-11-23T00:15:28"),
            Value::from("2026-11-23 00:15:28+01:00"),
            Value::from(1_795_389_328),
        ] {
            assert_eq!(times.read(&value), Some(at("2026-11-22T23:15:28Z")), "{value}");
        }
        for wrong in [Value::from("tomorrow"), Value::Null, Value::from(1e300), Value::from("2026-13-01 00:00:00")] {
            assert_eq!(times.read(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn written_times_are_read_back_across_clock_changes() {
        // In Copenhagen clocks go forward on 2027-03-28 at 01:00 UTC, and back on 2026-10-25 and 2027-10-31.
        for written in [Written::Utc, Written::Offset, Written::Local] {
            let times = Times { written, ..Times::default() };
            for time in [
                "2026-10-24T08:00:00Z",
                "2026-10-26T08:00:00Z",
                "2027-03-27T09:30:00Z",
                "2027-03-28T00:59:59Z",
                "2027-03-28T01:00:00Z",
                "2027-03-29T06:15:00Z",
            ] {
                let text = times.write(at(time));
                assert_eq!(times.read(&Value::from(text.clone())), Some(at(time)), "{written:?}: {text}");
            }
        }
        let local = Times { written: Written::Local, ..Times::default() };
        assert_eq!(local.write(at("2027-03-28T00:30:00Z")), "2027-03-28 01:30:00");
        assert_eq!(local.write(at("2027-03-28T01:30:00Z")), "2027-03-28 03:30:00");
        assert_eq!(local.read(&Value::from("2027-03-28 02:30:00")), Some(at("2027-03-28T01:30:00Z")), "a skipped hour");
        assert_eq!(
            local.read(&Value::from("2026-10-25 02:30:00")),
            Some(at("2026-10-25T00:30:00Z")),
            "the first of two"
        );
    }

    #[test]
    fn day_is_local() {
        let times = Times::default();
        assert_eq!(times.day(at("2026-11-22T22:59:59Z")), "2026-11-22");
        assert_eq!(times.day(at("2026-11-22T23:00:00Z")), "2026-11-23");
        assert_eq!(times.day(at("2026-07-01T22:00:00Z")), "2026-07-02", "summer time");
    }
}
