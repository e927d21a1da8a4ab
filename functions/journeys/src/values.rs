//! Values known when a journey begins: the raw forms, their validation and their making.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use runtime::signed;
use schemars::JsonSchema;
use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use settings::{Common, Section, parse_duration};

use crate::named_values::Values;
use crate::parts::{check_name, names, parts};
use crate::template::fill;

/// Names of the values that every journey has.
pub(crate) const BUILT_IN: [&str; 2] = ["run_id", "uuid"];

/// Default format of a time: RFC 3339.
const RFC_3339: &str = "%Y-%m-%dT%H:%M:%S%:z";

/// Value, as a settings file writes it: a text, a number, or a table that describes a time.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged, extend("x-type" = "text, number or table"))]
pub enum RawValue {
    /// Text, which may hold other values of the journey.
    Text(String),
    /// Whole number.
    Number(i64),
    /// Time of the run.
    Time(RawTime),
}

/// Time of a run, as a settings file writes it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawTime {
    /// Difference from the start of the run, such as `+2d` or `-30m`, or `+0s`. Required.
    now: Option<String>,
    /// Format with the conversions of `strftime`. Default `%Y-%m-%dT%H:%M:%S%:z`.
    format: Option<String>,
    /// Time zone, such as `Europe/Oslo`. Default `time_zone`.
    zone: Option<String>,
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Kinds;
        impl<'de> Visitor<'de> for Kinds {
            type Value = RawValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number, or a table such as { now = \"+2d\" }")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<RawValue, E> {
                Ok(RawValue::Text(text.to_owned()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<RawValue, E> {
                Ok(RawValue::Number(number))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawValue, A::Error> {
                RawTime::deserialize(MapAccessDeserializer::new(map)).map(RawValue::Time)
            }
        }
        deserializer.deserialize_any(Kinds)
    }
}

/// Value that is known when a journey begins.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Text with other values.
    Text(String),
    /// Time of the run.
    Time { offset: Duration, is_past: bool, format: String, zone: TimeZone },
}

/// Adds the values of the settings, in their order, in which none needs a later one.
pub(crate) fn generate(values: &mut Values, sources: &[(String, Source)], now: Timestamp) {
    for (name, source) in sources {
        let value = match source {
            // Its names were checked with the settings.
            Source::Text(text) => fill(text, values).unwrap_or_default(),
            Source::Time { offset, is_past, format, zone } => {
                let offset = if *is_past { -signed(*offset) } else { signed(*offset) };
                let at = now.saturating_add(offset).unwrap_or(now);
                written(format, &at.to_zoned(zone.clone())).unwrap_or_default()
            }
        };
        values.set(name, value);
    }
}

fn written(format: &str, at: &Zoned) -> Result<String, String> {
    jiff::fmt::strtime::format(format, at).map_err(|error| format!("{error}"))
}

/// Reads the table `values`. Returns the values in an order in which none needs a later one, or `None` after reporting all
/// problems.
pub(crate) fn read(
    section: &Section<'_>,
    raw: BTreeMap<String, RawValue>,
    common: &Common,
) -> Option<Vec<(String, Source)>> {
    let known: BTreeSet<String> = raw.keys().cloned().chain(BUILT_IN.map(str::to_owned)).collect();
    let mut sources = BTreeMap::new();
    let mut is_valid = true;
    for (name, raw) in raw {
        let is_named = section.parsed(&name, check_name(&name)).is_some();
        let source = match raw {
            RawValue::Text(text) => read_text(section, &name, text, &known),
            RawValue::Number(number) => Some(Source::Text(number.to_string())),
            RawValue::Time(time) => time.validate(&section.table(&name), common),
        };
        match source.filter(|_| is_named) {
            Some(source) => drop(sources.insert(name, source)),
            None => is_valid = false,
        }
    }
    let sorted = sorted(section, sources);
    sorted.filter(|_| is_valid)
}

fn read_text(section: &Section<'_>, name: &str, text: String, known: &BTreeSet<String>) -> Option<Source> {
    section.parsed(name, parts(&text).map(drop))?;
    let unknown: Vec<&str> = names(&text).filter(|used| !known.contains(*used)).collect();
    for used in &unknown {
        let rule = "expected another name of `values`, `run_id` or `uuid` in braces";
        section.problem(name, format!("{rule}, found `{{{used}}}`"));
    }
    unknown.is_empty().then_some(Source::Text(text))
}

/// Sorts values after those that they use. Reports each one that needs itself.
fn sorted(section: &Section<'_>, mut left: BTreeMap<String, Source>) -> Option<Vec<(String, Source)>> {
    let mut sorted: Vec<(String, Source)> = Vec::new();
    loop {
        let is_ready = |source: &Source| match source {
            Source::Text(text) => names(text).all(|used| !left.contains_key(used)),
            Source::Time { .. } => true,
        };
        let ready: Vec<String> =
            left.iter().filter(|(_, source)| is_ready(source)).map(|(name, _)| name.clone()).collect();
        if ready.is_empty() {
            break;
        }
        sorted.extend(ready.into_iter().filter_map(|name| left.remove_entry(&name)));
    }
    for name in left.keys() {
        section.problem(name, "expected a text that does not need itself, found a circle of values");
    }
    left.is_empty().then_some(sorted)
}

impl RawTime {
    fn validate(self, section: &Section<'_>, common: &Common) -> Option<Source> {
        let offset = section.required("now", self.now).and_then(|text| section.parsed("now", read_offset(&text)));
        let format = section.or_default("format", self.format, RFC_3339.to_owned());
        let zone = self.zone.unwrap_or_else(|| common.time_zone.as_str().to_owned());
        let known = TimeZone::get(&zone);
        let zone = section
            .parsed("zone", known.map_err(|_| format!("expected a time zone such as Europe/Oslo, found `{zone}`")));
        let sample = zone.clone().unwrap_or(TimeZone::UTC);
        let format = match written(&format, &Timestamp::UNIX_EPOCH.to_zoned(sample)) {
            Err(error) => {
                section.problem("format", format!("expected a format as of `strftime`, found `{format}`: {error}"));
                None
            }
            Ok(_) => Some(format),
        };
        let (offset, is_past) = offset?;
        Some(Source::Time { offset, is_past, format: format?, zone: zone? })
    }
}

/// Reads a duration after a sign.
fn read_offset(text: &str) -> Result<(Duration, bool), String> {
    let (is_past, duration) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (false, rest),
        (_, Some(rest)) => (true, rest),
        (None, None) => {
            return Err(format!("expected a sign and a duration such as \"+2d\" or \"-30m\", found `{text}`"));
        }
    };
    Ok((parse_duration(duration)?, is_past))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_their_zone() {
        let time = |offset: &str, format: &str| {
            let (offset, is_past) = read_offset(offset).unwrap();
            Source::Time { offset, is_past, format: format.to_owned(), zone: TimeZone::get("Europe/Oslo").unwrap() }
        };
        let sources = [
            ("day".to_owned(), time("+2d", "%Y-%m-%dT09:00:00%:z")),
            ("before".to_owned(), time("-30m", RFC_3339)),
            ("marker".to_owned(), Source::Text("synthetic-{run_id} on {day}".to_owned())),
        ];
        let mut values = Values::default();
        values.set("run_id", "r1".to_owned());
        generate(&mut values, &sources, "2026-10-24T10:00:00Z".parse().unwrap());
        let value = |name: &str| secrecy::ExposeSecret::expose_secret(values.get(name).unwrap()).to_owned();
        assert_eq!(value("day"), "2026-10-26T09:00:00+01:00", "summer time has ended");
        assert_eq!(value("before"), "2026-10-24T11:30:00+02:00");
        assert_eq!(value("marker"), "synthetic-r1 on 2026-10-26T09:00:00+01:00");
        assert!(read_offset("2d").is_err() && read_offset("+-2d").is_err() && read_offset("+").is_err());
    }
}
