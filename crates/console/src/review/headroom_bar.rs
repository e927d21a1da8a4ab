//! Percentiles of the judged values against the threshold, as a bar.

use review::words::quantity;
use review::{AlarmReview, Headroom};

use super::axis::{WIDTH, place};

/// Room beyond the threshold and the percentiles, as a part of them.
const BEYOND: f64 = 1.25;
/// Smallest visible width.
const MIN_WIDTH: f64 = 6.0;

/// The bar: thick from the median to the 95th percentile, thinner to the 99th, and a line to the worst value.
pub(crate) struct HeadroomBar {
    /// Side of the threshold that breaches: start and width.
    pub(crate) zone: (String, String),
    pub(crate) threshold: String,
    /// From p50 to p95.
    pub(crate) body: (String, String),
    /// From p95 to p99.
    pub(crate) tail: (String, String),
    /// From p99 to the worst value.
    pub(crate) line: (String, String),
    /// Median, if the thick part is wide enough to show it.
    pub(crate) median: Option<String>,
    /// True if the worst value is beyond the end of the bar.
    pub(crate) is_cut: bool,
    /// Percentiles with their unit: p50, p95, p99, worst.
    pub(crate) values: [(&'static str, String); 4],
    pub(crate) story: String,
}

impl HeadroomBar {
    /// Draws the values of an alarm; `None` without any.
    pub(super) fn new(alarm: &AlarmReview) -> Option<Self> {
        let headroom = alarm.headroom.as_ref()?;
        let Headroom { p50, p95, p99, worst, .. } = *headroom;
        let limit = alarm.threshold;
        let low = [0.0, p50, p99, limit].into_iter().fold(f64::INFINITY, f64::min);
        let most = if alarm.breaches_below { limit.max(p50) * 1.05 } else { (limit * BEYOND).max(p99 * 1.05) };
        let high = if most > low { most } else { low + 1.0 };
        let x = |value: f64| ((value - low) / (high - low) * WIDTH).clamp(0.0, WIDTH);
        let between = |one: f64, other: f64| {
            let (from, until) = (x(one.min(other)), x(one.max(other)));
            let width = (until - from).max(MIN_WIDTH);
            (place(from.min(WIDTH - width)), place(width))
        };
        let zone = if alarm.breaches_below { (0.0, x(limit)) } else { (x(limit), WIDTH - x(limit)) };
        let words = |value: f64| quantity(value, alarm.unit.as_deref());
        let values = [("p50", words(p50)), ("p95", words(p95)), ("p99", words(p99)), ("worst", words(worst))];
        let listed: Vec<String> = values.iter().map(|(name, value)| format!("{name} {value}")).collect();
        Some(Self {
            zone: (place(zone.0), place(zone.1)),
            threshold: place(x(limit)),
            body: between(p50, p95),
            tail: between(p95, p99),
            line: between(p99, worst),
            median: ((x(p50) - x(p95)).abs() > 3.0 * MIN_WIDTH).then(|| place(x(p50))),
            is_cut: worst > high || worst < low,
            story: format!("{}; threshold {}", listed.join(", "), words(limit)),
            values,
        })
    }
}
