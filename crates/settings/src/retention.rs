//! How long the store on one machine keeps runs, and how large it may become.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::section::Section;
use crate::values::RawDuration;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Units of a size, the largest first.
const UNITS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
/// Least size: the state of every check, and a margin.
const LEAST: u64 = 16_000_000;

/// Limits of the store on one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Time for which runs, their steps and values are kept.
    pub keep: Duration,
    /// Size at which the oldest runs, steps and values are removed. **Units:** bytes.
    pub max_size: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { keep: DAY * 30, max_size: 2_000_000_000 }
    }
}

/// Size in a settings file, such as `"2GB"`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("x-type" = "size"))]
struct RawSize(String);

/// Limits of the store that runs on one machine keep. Functions on AWS do not use them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawRetention {
    /// Time for which runs, their steps and values are kept: 1h to 400d. Default 30d.
    keep: Option<RawDuration>,
    /// Size of the file at which the oldest runs, steps and values are removed: at least 16MB, in `kB`, `MB` or `GB` of
    /// 1,000, 1,000,000 and 1,000,000,000 bytes. Default 2GB.
    max_size: Option<RawSize>,
}

impl RawRetention {
    /// Returns the defaults in place of wrong values, whose problems are recorded.
    pub(crate) fn validate(self, section: &Section<'_>) -> Retention {
        let default = Retention::default();
        let keep = section.duration("keep", self.keep, default.keep, HOUR..=DAY * 400);
        let written = section.or_default("max_size", self.max_size.map(|raw| raw.0), written_size(default.max_size));
        let max_size = section.parsed("max_size", parse_size(&written));
        Retention { keep: keep.unwrap_or(default.keep), max_size: max_size.unwrap_or(default.max_size) }
    }
}

/// Reads a size such as `"500MB"`, at least [`LEAST`].
fn parse_size(text: &str) -> Result<u64, String> {
    let read = UNITS.iter().find_map(|(unit, bytes)| {
        let number = text.strip_suffix(unit)?.trim_end();
        // `u64` would take a sign.
        let is_number = number.bytes().all(|digit| digit.is_ascii_digit());
        number.parse::<u64>().ok().filter(|_| is_number)?.checked_mul(*bytes)
    });
    read.filter(|bytes| *bytes >= LEAST)
        .ok_or_else(|| format!("expected a size of at least 16MB, such as \"500MB\" or \"2GB\", found `{text}`"))
}

/// Formats a size as in the settings file.
fn written_size(bytes: u64) -> String {
    let whole = UNITS.iter().find(|(_, unit)| bytes.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{bytes}B"), |(name, unit)| format!("{}{name}", bytes / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_has_a_unit_and_a_least_value() {
        for (text, bytes) in
            [("2GB", 2_000_000_000), ("500 MB", 500_000_000), ("16MB", 16_000_000), ("16000kB", 16_000_000)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "2", "GB", "2gb", "2GiB", "2 TB", "+2GB", "-2GB", "1.5GB", "15MB", "0GB", "99999999999GB"] {
            let error = parse_size(text).expect_err(text);
            assert_eq!(
                error,
                format!("expected a size of at least 16MB, such as \"500MB\" or \"2GB\", found `{text}`")
            );
        }
        assert_eq!(written_size(Retention::default().max_size), "2GB");
    }
}
