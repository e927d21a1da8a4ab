//! Estimate of the metrics that a review asks CloudWatch for. Each has a price.

use std::collections::BTreeSet;

use alarm::MetricAlarm;

use crate::judging::check_of;

/// Ages at which CloudWatch keeps values of longer periods only, so that a series is asked for in parts. **Units:** days.
const COARSER_FROM: [u16; 2] = [15, 63];
/// Statistics of the days of a check.
const DAILY: usize = 7;
/// Statistics of the two days that the window cuts.
const CUT_DAYS: usize = 8;
/// Series of the trends, and of the maintenance of the platform.
const OTHERS: usize = 14;

/// Estimates the metrics that a review of the newest days asks for: series of the alarms, days of the checks, and trends.
#[must_use]
pub fn asked_metrics(alarms: &[MetricAlarm], days: u16) -> usize {
    let series: BTreeSet<_> = alarms.iter().flat_map(|alarm| alarm.source.metrics()).collect();
    let checks: BTreeSet<&str> = alarms.iter().filter_map(check_of).collect();
    let parts = 1 + COARSER_FROM.iter().filter(|age| days > **age).count();
    (series.len() + (DAILY + CUT_DAYS) * checks.len() + OTHERS) * parts
}

#[cfg(test)]
mod tests {
    use alarm::{Alarm, Inputs, Template, alarms};

    use super::*;

    #[test]
    fn old_values_are_asked_for_in_parts() {
        let text = include_str!("../../../infra/alarms.yaml");
        let template = Template::read_with_every(text, &Inputs::default().with("Environment", "x"), "Checks").unwrap();
        let found = alarms(&template).unwrap().into_iter().filter_map(|alarm| match alarm {
            Alarm::Metric(alarm) => Some(alarm),
            Alarm::Composite(_) | Alarm::Unreplayed(_) => None,
        });
        let found: Vec<MetricAlarm> = found.collect();
        let week = asked_metrics(&found, 7);
        assert!((100..400).contains(&week), "{week}");
        assert_eq!(asked_metrics(&found, 30), 2 * week);
        assert_eq!(asked_metrics(&found, 90), 3 * week);
        assert_eq!(asked_metrics(&[], 7), OTHERS);
    }
}
