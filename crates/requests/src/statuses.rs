//! Expected statuses: single ones, classes and ranges.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use settings::Section;

/// Statuses of final answers.
const FINAL: std::ops::RangeInclusive<u16> = 200..=599;

/// Statuses to which redirects lead on, so that they are never an answer while redirects are followed.
const FOLLOWED: [u16; 5] = [301, 302, 303, 307, 308];

/// Expected status, as a settings file writes it: `200`, `"2xx"` or `"200-299"`.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged, extend("x-type" = "number or text"))]
pub enum RawStatus {
    /// One status.
    Code(u16),
    /// Class or range of statuses.
    Text(String),
}

/// Expected statuses, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedStatuses(Vec<Range>);

/// Statuses from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    least: u16,
    most: u16,
}

impl ExpectedStatuses {
    /// Reads the value of a key; 200 without one. Returns `None` after reporting a problem.
    #[must_use]
    pub fn read(section: &Section<'_>, key: &str, written: Option<Vec<RawStatus>>) -> Option<Self> {
        let written = section.or_default(key, written, vec![RawStatus::Code(200)]);
        // Another text does not deserialize.
        let ranges: Vec<Range> = written.iter().filter_map(RawStatus::range).collect();
        let is_final = |range: &Range| FINAL.contains(&range.least) && FINAL.contains(&range.most);
        if ranges.is_empty() || !ranges.iter().all(is_final) {
            let found: Vec<String> = written.iter().map(RawStatus::to_string).collect();
            let found = found.join(", ");
            section.problem(key, format!("expected at least one status of 200 to 599, found [{found}]"));
            return None;
        }
        Some(Self(ranges))
    }

    /// Returns true if a status is expected.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|range| (range.least..=range.most).contains(&status))
    }

    /// Returns true if redirects lead on from each of them.
    pub(crate) fn are_followed(&self) -> bool {
        self.0.iter().all(|range| (range.least..=range.most).all(|status| FOLLOWED.contains(&status)))
    }

    /// Statuses in words: `200 or 301-303`.
    pub(crate) fn describe(&self, separator: &str) -> String {
        self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.least == self.most {
            true => write!(f, "{}", self.least),
            false => write!(f, "{}-{}", self.least, self.most),
        }
    }
}

impl RawStatus {
    fn range(&self) -> Option<Range> {
        match self {
            Self::Code(status) => Some(Range { least: *status, most: *status }),
            Self::Text(text) => class(text).or_else(|| range(text)),
        }
    }
}

fn class(text: &str) -> Option<Range> {
    let hundreds: u16 = text.strip_suffix("xx")?.parse().ok().filter(|first| *first < 10)?;
    Some(Range { least: hundreds * 100, most: hundreds * 100 + 99 })
}

fn range(text: &str) -> Option<Range> {
    let (least, most) = text.split_once('-')?;
    let (least, most) = (least.trim().parse().ok()?, most.trim().parse().ok()?);
    (least <= most).then_some(Range { least, most })
}

impl fmt::Display for RawStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(status) => write!(f, "{status}"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

impl Serialize for RawStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Code(status) => serializer.serialize_u16(*status),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for RawStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StatusVisitor)
    }
}

struct StatusVisitor;

impl Visitor<'_> for StatusVisitor {
    type Value = RawStatus;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a status such as 200, \"2xx\" or \"200-299\"")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<RawStatus, E> {
        let status = u16::try_from(number);
        status.map(RawStatus::Code).map_err(|_| E::invalid_value(Unexpected::Signed(number), &"u16"))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<RawStatus, E> {
        let status = u16::try_from(number);
        status.map(RawStatus::Code).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &"u16"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<RawStatus, E> {
        let status = RawStatus::Text(text.to_owned());
        match status.range() {
            Some(_) => Ok(status),
            None => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_ranges_are_read() {
        for (text, expected) in [
            ("2xx", Some((200, 299))),
            ("200-204", Some((200, 204))),
            ("404 - 404", Some((404, 404))),
            ("xx", None),
            ("20x", None),
            ("12xx", None),
            ("204-200", None),
            ("200", None),
            ("-", None),
            ("", None),
        ] {
            let range = RawStatus::Text(text.to_owned()).range().map(|range| (range.least, range.most));
            assert_eq!(range, expected, "{text}");
        }
    }
}
