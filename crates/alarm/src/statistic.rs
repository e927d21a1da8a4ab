//! Statistics of a period, as templates name them.
//!
//! Source: CloudWatch User Guide, "CloudWatch statistics definitions", and the API reference of `PutMetricAlarm`.

use std::fmt;

use crate::named::named_values;

named_values! {
    /// Aggregation of the values of a period.
    Statistic {
        /// Number of values.
        SampleCount = "SampleCount",
        /// Mean.
        Average = "Average",
        /// Sum.
        Sum = "Sum",
        /// Smallest value.
        Minimum = "Minimum",
        /// Largest value.
        Maximum = "Maximum",
    }
}

/// Statistic of a period, as a template names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeriodStatistic {
    /// Follows from the statistic sets that CloudWatch stores.
    Standard(Statistic),
    /// Follows from the single values only.
    Extended(ExtendedStatistic),
}

impl PeriodStatistic {
    /// Forms of a name, for errors.
    pub const EXPECTED: &str =
        "SampleCount, Average, Sum, Minimum, Maximum, or an extended statistic such as p99.9, tm90, TM(5%:95%) or IQM";

    /// Parses a name; `None` when it is unknown.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        Statistic::read(name).map(Self::Standard).or_else(|| ExtendedStatistic::read(name).map(Self::Extended))
    }

    /// True when a value that is published twice changes the result.
    #[must_use]
    pub fn counts_values(&self) -> bool {
        match self {
            Self::Standard(statistic) => matches!(statistic, Statistic::Sum | Statistic::SampleCount),
            Self::Extended(extended) => {
                matches!(extended.function, ExtendedFunction::TrimmedCount | ExtendedFunction::TrimmedSum)
            }
        }
    }
}

impl fmt::Display for PeriodStatistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(statistic) => f.write_str(statistic.as_str()),
            Self::Extended(extended) => f.write_str(&extended.text),
        }
    }
}

/// Percentile, or a statistic of a part of the values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtendedStatistic {
    text: String,
    /// Function of the values.
    pub function: ExtendedFunction,
}

/// Function of an extended statistic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExtendedFunction {
    /// `p`
    Percentile,
    /// `TM`, also as `IQM` for `TM(25%:75%)`.
    TrimmedMean,
    /// `WM`
    WinsorizedMean,
    /// `PR`, in percent.
    PercentileRank,
    /// `TC`
    TrimmedCount,
    /// `TS`
    TrimmedSum,
}

/// Most decimals of a percentage.
const MAX_DECIMALS: usize = 10;

impl ExtendedStatistic {
    /// Forms of a name, for errors.
    pub const EXPECTED: &str = "a percentile such as p99.9, a trimmed statistic such as tm90, wm98, TC(10%:90%) or TS(150:1000), PR(:300), or IQM";

    /// Parses a name such as `p99.9`, `tm90`, `TM(5%:95%)`, `PR(2:)` or `IQM`; `None` when it is none.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        let letters = name.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(name.len());
        let (function, rest) = name.split_at(letters);
        let (function, is_valid) = match function.to_ascii_lowercase().as_str() {
            "p" => (ExtendedFunction::Percentile, is_percentage(rest)),
            "iqm" => (ExtendedFunction::TrimmedMean, rest.is_empty()),
            "tm" => (ExtendedFunction::TrimmedMean, is_trim(rest)),
            "wm" => (ExtendedFunction::WinsorizedMean, is_trim(rest)),
            "tc" => (ExtendedFunction::TrimmedCount, is_trim(rest)),
            "ts" => (ExtendedFunction::TrimmedSum, is_trim(rest)),
            "pr" => (ExtendedFunction::PercentileRank, !rest.contains('%') && is_range(rest)),
            _ => return None,
        };
        is_valid.then(|| Self { text: name.to_owned(), function })
    }

    /// Name, as in the template.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// A percentage, a range in parentheses, or nothing: everything.
fn is_trim(text: &str) -> bool {
    text.is_empty() || is_percentage(text) || is_range(text)
}

fn is_percentage(text: &str) -> bool {
    number(text).is_some_and(|number| number <= 100.0)
}

/// `(low:high)`, both percentages or both values of the metric; one of them may be missing.
fn is_range(text: &str) -> bool {
    let Some((low, high)) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')?.split_once(':')) else {
        return false;
    };
    let bound = |text: &str| match text.strip_suffix('%') {
        Some(percent) => number(percent).filter(|number| *number <= 100.0).map(|number| (true, number)),
        None => {
            let (digits, sign) = text.strip_prefix('-').map_or((text, 1.0), |digits| (digits, -1.0));
            number(digits).map(|number| (false, sign * number))
        }
    };
    match (low.trim(), high.trim()) {
        ("", "") => false,
        ("", high) => bound(high).is_some(),
        (low, "") => bound(low).is_some(),
        (low, high) => {
            matches!((bound(low), bound(high)), (Some(low), Some(high)) if low.0 == high.0 && low.1 < high.1)
        }
    }
}

/// A decimal number without a sign or an exponent.
fn number(text: &str) -> Option<f64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_digits(whole) && is_digits(decimals) && decimals.len() <= MAX_DECIMALS).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_documentation_are_read() {
        use ExtendedFunction::{Percentile, PercentileRank, TrimmedCount, TrimmedMean, TrimmedSum, WinsorizedMean};
        for (name, function) in [
            ("p99.9", Percentile),
            ("p0.0", Percentile),
            ("p100", Percentile),
            ("p99.9999999999", Percentile),
            ("P50", Percentile),
            ("tm99", TrimmedMean),
            ("TM(5%:95%)", TrimmedMean),
            ("TM(150:1000)", TrimmedMean),
            ("TM(:95%)", TrimmedMean),
            ("TM(10%:)", TrimmedMean),
            ("IQM", TrimmedMean),
            ("wm98", WinsorizedMean),
            ("WM(10%:90%)", WinsorizedMean),
            ("WM", WinsorizedMean),
            ("PR(2:)", PercentileRank),
            ("PR(:300)", PercentileRank),
            ("PR(100:2000)", PercentileRank),
            ("PR(-5:5.5)", PercentileRank),
            ("PR(-5:3)", PercentileRank),
            ("tc90", TrimmedCount),
            ("TC(0.005:0.030)", TrimmedCount),
            ("ts90", TrimmedSum),
            ("TS(80%:)", TrimmedSum),
        ] {
            let read = PeriodStatistic::read(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(read.to_string(), name);
            let counts = matches!(function, TrimmedCount | TrimmedSum);
            assert_eq!(read.counts_values(), counts, "{name}");
            let PeriodStatistic::Extended(extended) = read else { panic!("{name}") };
            assert_eq!((extended.function, extended.as_str()), (function, name));
        }
        assert_eq!(PeriodStatistic::read("Sum"), Some(PeriodStatistic::Standard(Statistic::Sum)));
        assert!(PeriodStatistic::Standard(Statistic::SampleCount).counts_values());
        assert!(!PeriodStatistic::Standard(Statistic::Maximum).counts_values());
    }

    #[test]
    fn other_names_are_refused() {
        for name in [
            "p",
            "p101",
            "p999",
            "p99.",
            "p.9",
            "p9e1",
            "p-1",
            "p99%",
            "p99.99999999999",
            "pr90",
            "PR",
            "PR(:)",
            "PR(2%:)",
            "tm101",
            "TM(95%:5%)",
            "TM(1000:150)",
            "TM(5:5)",
            "PR(-1:-2)",
            "TM(5:95%)",
            "TM(5%:101%)",
            "TM(5%)",
            "TM5%:95%",
            "TM(5%:95%",
            "IQM(1:2)",
            "iqm90",
            "xm90",
            "average",
            "",
            "99",
            "tm 90",
            "TM(a:b)",
            "PR(-:2)",
        ] {
            assert_eq!(PeriodStatistic::read(name), None, "{name}");
        }
    }
}
