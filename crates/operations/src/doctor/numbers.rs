//! Audit rules for the numbers of an alarm: metric, dimensions, statistic, period, datapoints and threshold.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use alarm::{Comparison, ExtendedFunction, MetricId, MissingData, Numbers, PeriodStatistic, WatchedMetric};
use check::metric::{CATALOGUE, Channel, Dimensions, INCONCLUSIVE, Metric, NAMESPACE, Unit};

use super::checks;
use super::findings::Findings;

/// CloudWatch limits an evaluation window to a day for periods below one hour, and to a week for longer periods.
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const WEEK: Duration = Duration::from_secs(604_800);

/// Ranges of values: averages of 0 or 1, percentages, and counts or measurements.
pub(super) const ZERO_TO_ONE: RangeInclusive<f64> = 0.0..=1.0;
pub(super) const PERCENT: RangeInclusive<f64> = 0.0..=100.0;
pub(super) const NON_NEGATIVE: RangeInclusive<f64> = 0.0..=f64::MAX;

impl Findings<'_> {
    /// Each metric must be published with these dimensions, and its statistic must be insensitive to repeated calls.
    pub(super) fn audit_metrics(&mut self, id: &str, numbers: &Numbers, cadences: &BTreeMap<String, Duration>) {
        for watched in numbers.metrics.iter().filter(|watched| watched.metric.namespace == NAMESPACE) {
            let metric = &watched.metric;
            if let Some(statistic) = watched.statistic.as_ref().filter(|statistic| statistic.counts_values()) {
                let rule = format!(
                    "expected Average, Minimum or Maximum, found {statistic}: a repeated call to PutMetricData would \
                     count twice"
                );
                self.report(id, statistic_property(statistic), rule);
            }
            let Some(known) = CATALOGUE.iter().find(|known| known.name == metric.name) else {
                let rule = format!(
                    "expected a metric that a check publishes, found {}: the alarm would have no data",
                    metric.name
                );
                self.report(id, "Properties.MetricName", rule);
                continue;
            };
            let environment = self.input.inputs.parameters.get("Environment").map_or("", String::as_str);
            if let Err(rule) = check_dimensions(known, metric, environment, cadences) {
                self.report(id, "Properties.Dimensions", rule);
                continue;
            }
            if let Some(other) = watched.unit.as_ref().filter(|unit| *unit != known.unit.as_str()) {
                let rule = format!(
                    "expected {}, the unit in which {} is published, found {other}: the alarm would have no data",
                    known.unit.as_str(),
                    known.name
                );
                self.report(id, "Properties.Unit", rule);
            }
            if known.name == INCONCLUSIVE.name && numbers.missing != MissingData::Breaching {
                let rule = "expected breaching, found another value: a check that does not run publishes nothing";
                self.report(id, "Properties.TreatMissingData", rule);
            }
            self.audit_numbers(id, numbers, known, metric, cadences);
        }
    }

    /// Checks the threshold against the possible values, and the periods against the interval between values.
    fn audit_numbers(
        &mut self,
        id: &str,
        numbers: &Numbers,
        known: &Metric,
        metric: &MetricId,
        cadences: &BTreeMap<String, Duration>,
    ) {
        let values = match (known.unit, known.name) {
            (_, "Success" | "Inconclusive" | "Maintenance") => ZERO_TO_ONE,
            (_, "CertificateDaysRemaining") => f64::MIN..=f64::MAX,
            // No measurement within a run exceeds the timeout of its function.
            (_, "Duration" | "WebhookProcessingDelay") => {
                0.0..=self.timeout(metric).map_or(f64::MAX, |seconds| seconds * 1_000.0)
            }
            (Unit::Percent, _) => PERCENT,
            _ => NON_NEGATIVE,
        };
        self.audit_threshold(id, numbers, &values);
        let (Some(interval), Some(period)) = (interval(known, metric, cadences), numbers.period) else { return };
        if !period.as_secs().is_multiple_of(interval.as_secs()) {
            let rule = format!(
                "expected a multiple of {} s, the interval at which {} is published, found {} s: some periods \
                 would be empty",
                interval.as_secs(),
                known.name,
                period.as_secs()
            );
            self.report(id, "Properties.Period", rule);
        }
        // A single late or lost run must not raise an alarm.
        let Some(to_alarm) = numbers.datapoints_to_alarm else { return };
        let to_alarm = u32::try_from(to_alarm).unwrap_or(u32::MAX);
        if numbers.missing == MissingData::Breaching && period.saturating_mul(to_alarm) < interval * 2 {
            let rule = format!(
                "expected at least {} s, two runs, because missing data is breaching, found {} s: one late run \
                 would raise the alarm",
                (interval * 2).as_secs(),
                period.saturating_mul(to_alarm).as_secs()
            );
            self.report(id, "Properties.EvaluationPeriods", rule);
        }
        // Each value covers a window, so one burst affects every value of that window. A lasting problem needs more
        // datapoints.
        let window = known.window().filter(|window| interval < *window);
        if let Some(window) = window {
            let needed = (window + period * 2).as_secs().div_ceil(period.as_secs());
            if u64::from(to_alarm) < needed {
                let rule = format!(
                    "expected at least {needed} datapoints of {} s, found {to_alarm}: each value covers {} s, \
                     so one burst is in several",
                    period.as_secs(),
                    window.as_secs()
                );
                self.report(id, "Properties.DatapointsToAlarm", rule);
            }
        }
    }

    /// Some of the possible values, but not all, must breach the threshold.
    pub(super) fn audit_threshold(&mut self, id: &str, numbers: &Numbers, values: &RangeInclusive<f64>) {
        // The result of an expression has an unknown range.
        let (Some((comparison, threshold)), [watched], false) =
            (numbers.condition, &numbers.metrics[..], numbers.is_math)
        else {
            return;
        };
        let Some(values) = statistic_values(watched, values) else { return };
        let (least, most) = (*values.start(), *values.end());
        let can_breach = match comparison {
            Comparison::Greater => threshold < most,
            Comparison::GreaterOrEqual => threshold <= most,
            Comparison::Less => threshold > least,
            Comparison::LessOrEqual => threshold >= least,
        };
        let is_always = match comparison {
            Comparison::Greater => threshold < least,
            Comparison::GreaterOrEqual => threshold <= least,
            Comparison::Less => threshold > most,
            Comparison::LessOrEqual => threshold >= most,
        };
        if !can_breach || is_always {
            let breaching = if is_always { "every value breaches it" } else { "no value breaches it" };
            let range = if most < f64::MAX { format!("{least} to {most}") } else { format!("at least {least}") };
            let rule =
                format!("expected a threshold that only some values ({range}) breach, found {threshold}: {breaching}");
            self.report(id, "Properties.Threshold", rule);
        }
    }

    /// Returns the timeout of the function that publishes a metric. **Units:** seconds.
    fn timeout(&self, metric: &MetricId) -> Option<f64> {
        let id = metric.dimensions.get("Check")?;
        let entries = self.input.functions.mappings["Checks"].as_object()?;
        let (name, _) = entries.iter().find(|(_, entry)| entry["Id"] == id.as_str())?;
        checks::timeout(self.input.functions, name)
    }

    /// All periods of an alarm together must stay within CloudWatch's limit.
    pub(super) fn audit_evaluation_window(&mut self, id: &str, numbers: &Numbers) {
        let (Some(period), Some(periods)) = (numbers.period, numbers.evaluation_periods) else { return };
        let window = period.saturating_mul(u32::try_from(periods).unwrap_or(u32::MAX));
        let most = if period < HOUR { DAY } else { WEEK };
        if window > most {
            let rule = format!(
                "expected periods of at most {} s in total, found {} s: CloudWatch would reject the alarm",
                most.as_secs(),
                window.as_secs()
            );
            self.report(id, "Properties.EvaluationPeriods", rule);
        }
    }
}

/// Returns the property that names a statistic.
const fn statistic_property(statistic: &PeriodStatistic) -> &'static str {
    match statistic {
        PeriodStatistic::Standard(_) => "Properties.Statistic",
        PeriodStatistic::Extended(_) => "Properties.ExtendedStatistic",
    }
}

/// Returns the range of a statistic, given that of the values. `None`: the statistic is known only after the deployment.
fn statistic_values(watched: &WatchedMetric, values: &RangeInclusive<f64>) -> Option<RangeInclusive<f64>> {
    let statistic = watched.statistic.as_ref()?;
    Some(match statistic {
        PeriodStatistic::Extended(extended) if extended.function == ExtendedFunction::PercentileRank => PERCENT,
        _ if statistic.counts_values() => NON_NEGATIVE,
        _ => values.clone(),
    })
}

/// Returns the interval between two values of a metric, which is the cadence of its check or longer. A metric without a
/// check has the longest cadence, since the slowest check may be the only one to publish it.
fn interval(known: &Metric, metric: &MetricId, cadences: &BTreeMap<String, Duration>) -> Option<Duration> {
    let cadence = match metric.dimensions.get("Check") {
        Some(check) => cadences.get(check),
        None => cadences.values().max(),
    }?;
    let channel = metric.dimensions.get("Channel");
    let channel = channel.and_then(|name| Channel::ALL.into_iter().find(|channel| channel.as_str() == name));
    Some(known.every(channel).map_or(*cadence, |every| every.max(*cadence)))
}

/// Checks the dimensions of a metric against the catalogue.
fn check_dimensions(
    known: &Metric,
    metric: &MetricId,
    environment: &str,
    cadences: &BTreeMap<String, Duration>,
) -> Result<(), String> {
    let names: Vec<&str> = metric.dimensions.keys().map(String::as_str).collect();
    let expected: &[&str] = match known.dimensions {
        Dimensions::Environment => &["Environment"],
        Dimensions::EnvironmentAndCheck => &["Check", "Environment"],
        Dimensions::EnvironmentCheckAndChannel => &["Channel", "Check", "Environment"],
    };
    if names != expected {
        return Err(format!(
            "expected the dimensions {}, found {}: the alarm would have no data",
            expected.join(" + "),
            if names.is_empty() { "none".to_owned() } else { names.join(" + ") }
        ));
    }
    if let Some(other) = metric.dimensions.get("Environment").filter(|name| *name != environment) {
        return Err(format!(
            "expected the parameter Environment, found `{other}`: the alarm would watch another environment"
        ));
    }
    let is_channel = |name: &String| Channel::ALL.iter().any(|channel| channel.as_str() == name);
    if let Some(other) = metric.dimensions.get("Channel").filter(|name| !is_channel(name)) {
        return Err(format!(
            "expected the channel {}, found `{other}`",
            Channel::ALL.map(Channel::as_str).join(" or ")
        ));
    }
    let check = metric.dimensions.get("Check");
    if let (Some(owner), Some(check)) = (known.owner, check)
        && owner != check
    {
        return Err(format!("expected Check={owner}, which publishes {}, found Check={check}", known.name));
    }
    if let Some(check) = check.filter(|check| !cadences.contains_key(*check)) {
        return Err(format!("expected the id of a check, found `{check}`"));
    }
    Ok(())
}
