//! The platform's time format.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::{self, Disambiguation};
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
    /// (`2026-11-23T00:15:28+01:00`) or `local` (`2026-11-23 00:15:28`). All of them are accepted in
    /// answers, and so are Unix seconds, milliseconds, times as in e-mail, and Carbon objects. Default `utc`.
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
    /// Reads a time of the platform, in any form that PHP and its libraries write: with an offset, in local time, as Unix
    /// seconds or milliseconds, both also as text, as in e-mail (RFC 2822), or as an object of Carbon. A local time that
    /// occurs twice, when summer time ends, is the first one; a skipped one moves forward by the gap. Returns `None` for
    /// anything else.
    #[must_use]
    pub fn read(&self, value: &Value) -> Option<Timestamp> {
        self.read_as(value, Disambiguation::Compatible)
    }

    /// Compares a time of the platform with this one. A local time that occurs twice is either.
    #[must_use]
    pub fn is(&self, value: &Value, at: Timestamp) -> bool {
        [Disambiguation::Compatible, Disambiguation::Later].iter().any(|which| self.read_as(value, *which) == Some(at))
    }

    /// Returns true for a time that the platform can read as it is written: a local time that occurs twice is only the first one.
    #[must_use]
    pub fn can_write(&self, at: Timestamp) -> bool {
        self.read(&Value::from(self.write(at))) == Some(at)
    }

    fn read_as(&self, value: &Value, which: Disambiguation) -> Option<Timestamp> {
        match value {
            Value::Number(number) => self.compact(&number.to_string(), which).or_else(|| unix(number.as_f64()?)),
            Value::String(text) => {
                let text = text.trim();
                let as_number = || unix(text.parse().ok()?);
                let as_in_mail = || Some(rfc2822::parse(text).ok()?.timestamp());
                let read = text
                    .parse()
                    .ok()
                    .or_else(|| self.compact(text, which))
                    .or_else(|| local(text, &self.zone(), which))
                    .or_else(|| with_zone(text, which));
                read.or_else(as_number).or_else(as_in_mail)
            }
            Value::Object(carbon) => {
                local(carbon.get("date")?.as_str()?.trim(), &zone(carbon.get("timezone")?.as_str()?)?, which)
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

    /// Reads a local time in 14 digits, `YmdHis` in PHP. Unix milliseconds have 13 until the year 2286.
    fn compact(&self, text: &str, which: Disambiguation) -> Option<Timestamp> {
        let is_compact = text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit());
        let time = is_compact.then(|| DateTime::strptime("%Y%m%d%H%M%S", text).ok())??;
        in_zone(time, &self.zone(), which)
    }

    /// Unknown zones were refused when the settings were read.
    fn zone(&self) -> tz::TimeZone {
        let zone = self.zone.clone().unwrap_or_default();
        tz::TimeZone::get(zone.as_str()).unwrap_or(tz::TimeZone::UTC)
    }
}

/// Forms of a time without a zone, besides ISO 8601: PHP's `DATE_RFC850` and `DATE_COOKIE`, and dates with slashes.
const FORMS: [&str; 3] = ["%A, %d-%b-%y %H:%M:%S", "%A, %d-%b-%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S"];

/// Abbreviations of zones that PHP writes: of Europe, and those of e-mail (RFC 2822, section 4.3). **Units:** hours.
const ABBREVIATIONS: [(&str, i8); 18] = [
    ("UTC", 0),
    ("GMT", 0),
    ("WET", 0),
    ("BST", 1),
    ("CET", 1),
    ("WEST", 1),
    ("CEST", 2),
    ("EET", 2),
    ("EEST", 3),
    ("MSK", 3),
    ("EDT", -4),
    ("EST", -5),
    ("CDT", -5),
    ("CST", -6),
    ("MDT", -6),
    ("MST", -7),
    ("PDT", -7),
    ("PST", -8),
];

/// Reads a time with a zone behind it: its name, an abbreviation or an offset.
fn with_zone(text: &str, which: Disambiguation) -> Option<Timestamp> {
    let (time, behind) = text.rsplit_once(' ')?;
    local(time, &zone(behind)?, which)
}

/// Local time in a zone.
fn local(text: &str, zone: &tz::TimeZone, which: Disambiguation) -> Option<Timestamp> {
    let in_form = || FORMS.iter().find_map(|form| DateTime::strptime(form, text).ok());
    in_zone(text.parse::<DateTime>().ok().or_else(in_form)?, zone, which)
}

fn in_zone(time: DateTime, zone: &tz::TimeZone, which: Disambiguation) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(time).disambiguate(which).ok()
}

/// Zone with this name, abbreviation or offset. An abbreviation is no name: `EST` as a name has no summer time.
fn zone(text: &str) -> Option<tz::TimeZone> {
    let abbreviated = ABBREVIATIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    if let Some((_, hours)) = abbreviated {
        return Some(tz::Offset::from_hours(*hours).ok()?.to_time_zone());
    }
    tz::TimeZone::get(text).ok().or_else(|| offset(text))
}

/// A fixed offset such as `+01:00`.
fn offset(text: &str) -> Option<tz::TimeZone> {
    let zoned = format!("1970-01-01T00:00:00{text}").parse::<Timestamp>().ok()?;
    let seconds = i32::try_from(-zoned.as_second()).ok()?;
    Some(tz::Offset::from_seconds(seconds).ok()?.to_time_zone())
}

/// Time from Unix seconds, or from milliseconds where seconds would lie beyond the year 5000.
fn unix(number: f64) -> Option<Timestamp> {
    const FIRST_IN_MILLISECONDS: f64 = 1e11;
    if !number.is_finite() {
        return None;
    }
    let milliseconds = if number.abs() < FIRST_IN_MILLISECONDS { number * 1_000.0 } else { number };
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and such a time is out of range")]
    Timestamp::from_millisecond(milliseconds.round() as i64).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
            Value::from("1795389328"),
            Value::from(1_795_389_328_000_u64),
            Value::from("1795389328000"),
            Value::from(1_795_389_328.0),
            Value::from("Sun, 22 Nov 2026 23:15:28 +0000"),
            Value::from("Mon, 23 Nov 2026 00:15:28 +0100"),
            Value::from(" 2026-11-23 00:15:28 "),
            Value::from("2026-11-22 23:15:28 UTC"),
            Value::from("2026-11-23 00:15:28 Europe/Copenhagen"),
            Value::from("2026-11-23 00:15:28 CET"),
            Value::from("2026-11-23 01:15:28 cest"),
            Value::from("2026-11-23 00:15:28 +01:00"),
            Value::from("2026-11-23 00:15:28 +0100"),
            Value::from("Sunday, 22-Nov-26 23:15:28 GMT"),
            Value::from("Monday, 23-Nov-26 00:15:28 CET"),
            Value::from("Sunday, 22-Nov-2026 23:15:28 UTC"),
            Value::from("2026/11/23 00:15:28"),
            Value::from("20261123001528"),
            Value::from(20_261_123_001_528_u64),
            json!({ "date": "2026-11-22 18:15:28.000000", "timezone_type": 2, "timezone": "EST" }),
            json!({ "date": "2026-11-23 01:15:28.000000", "timezone_type": 2, "timezone": "CEST" }),
            json!({ "date": "2026-11-23 00:15:28.000000", "timezone_type": 3, "timezone": "Europe/Copenhagen" }),
            json!({ "date": "2026-11-22 23:15:28.000000", "timezone_type": 3, "timezone": "UTC" }),
            json!({ "date": "2026-11-23 00:15:28.000000", "timezone_type": 1, "timezone": "+01:00" }),
        ] {
            assert_eq!(times.read(&value), Some(at("2026-11-22T23:15:28Z")), "{value}");
        }
        for wrong in [
            Value::from("tomorrow"),
            Value::Null,
            Value::from(1e300),
            Value::from("2026-13-01 00:00:00"),
            Value::from("NaN"),
            Value::from("2026-11-23 00:15:28 Nowhere"),
            Value::from("2026-11-23 00:15:28 XST"),
            Value::from("Monday, 22-Nov-26 23:15:28 GMT"),
            Value::from(""),
            json!({ "date": "2026-11-23 00:15:28", "timezone": "Somewhere" }),
            json!({ "timezone": "UTC" }),
        ] {
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
        let repeated = Value::from("2026-10-25 02:30:00");
        for (time, is_it, can_write) in [
            ("2026-10-25T00:30:00Z", true, true),
            ("2026-10-25T01:30:00Z", true, false),
            ("2026-10-24T23:30:00Z", false, true),
            ("2026-10-25T02:30:00Z", false, true),
        ] {
            assert_eq!((local.is(&repeated, at(time)), local.can_write(at(time))), (is_it, can_write), "{time}");
            assert!(Times::default().can_write(at(time)), "{time} in UTC");
        }
        let skipped = Value::from("2027-03-28 02:30:00");
        assert!(local.is(&skipped, at("2027-03-28T01:30:00Z")) && !local.is(&skipped, at("2027-03-28T00:30:00Z")));
        assert!(!local.is(&Value::from("2026-10-25 02:30:00 CET"), at("2026-10-25T00:30:00Z")), "with its zone");
    }

    #[test]
    fn day_is_local() {
        let times = Times::default();
        assert_eq!(times.day(at("2026-11-22T22:59:59Z")), "2026-11-22");
        assert_eq!(times.day(at("2026-11-22T23:00:00Z")), "2026-11-23");
        assert_eq!(times.day(at("2026-07-01T22:00:00Z")), "2026-07-02", "summer time");
    }
}
