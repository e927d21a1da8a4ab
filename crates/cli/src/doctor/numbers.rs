//! The rules on the numbers of an alarm: what it asks for is published, can be passed, and in time.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use alarm::{Comparison, MetricAlarm, MetricId, MissingData, Source, Statistic};
use check::metric::{CATALOGUE, Channel, Dimensions, INCONCLUSIVE, Metric, NAMESPACE, Unit};

use super::audit::Findings;
use super::checks;

/// What CloudWatch allows: periods of less than an hour may reach back a day together, longer ones a week.
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const WEEK: Duration = Duration::from_secs(604_800);

/// Which values there are: of what is so or not, of a share in percent, and of what is counted or measured.
pub(super) const YES_OR_NO: RangeInclusive<f64> = 0.0..=1.0;
pub(super) const SHARE: RangeInclusive<f64> = 0.0..=100.0;
pub(super) const AT_LEAST_NOTHING: RangeInclusive<f64> = 0.0..=f64::MAX;

impl Findings<'_> {
    /// Each metric is one that is published, with its dimensions, and a statistic that a repeated call does not change.
    pub(super) fn metrics(&mut self, alarm: &MetricAlarm, cadences: &BTreeMap<String, Duration>) {
        let ours: Vec<(MetricId, Statistic)> = alarm
            .source
            .metrics()
            .filter(|(metric, _)| metric.namespace == NAMESPACE)
            .map(|(metric, statistic)| (metric.clone(), statistic))
            .collect();
        for (metric, statistic) in ours {
            if matches!(statistic, Statistic::Sum | Statistic::SampleCount) {
                let rule = format!(
                    "expected Average, Minimum or Maximum, found {}: a call that is sent again counts twice",
                    statistic.as_str()
                );
                self.report(&alarm.logical_id, "Properties.Statistic", rule);
            }
            let Some(known) = CATALOGUE.iter().find(|known| known.name == metric.name) else {
                let rule = format!("expected a metric that is published, found {}: nobody does", metric.name);
                self.report(&alarm.logical_id, "Properties.MetricName", rule);
                continue;
            };
            let environment = self.rooms.inputs.parameters.get("Environment").map_or("", String::as_str);
            if let Err(rule) = dimensions(known, &metric, environment, cadences) {
                self.report(&alarm.logical_id, "Properties.Dimensions", rule);
                continue;
            }
            if known.name == INCONCLUSIVE.name && alarm.missing != MissingData::Breaching {
                let rule = "expected missing data to be breaching: a check that does not run at all says nothing";
                self.report(&alarm.logical_id, "Properties.TreatMissingData", rule);
            }
            self.details(alarm, known, &metric, cadences);
        }
    }

    /// Whether the threshold can be passed at all: by what values there are, and by how often one comes.
    fn details(
        &mut self,
        alarm: &MetricAlarm,
        known: &Metric,
        metric: &MetricId,
        cadences: &BTreeMap<String, Duration>,
    ) {
        let id = &alarm.logical_id;
        let values = match (known.unit, known.name) {
            (_, "Success" | "Inconclusive" | "Maintenance") => YES_OR_NO,
            (_, "CertificateDaysRemaining") => f64::MIN..=f64::MAX,
            // Nothing that a run waits for takes longer than its function may.
            (_, "Duration" | "WebhookProcessingDelay") => {
                0.0..=self.timeout_of(metric).map_or(f64::MAX, |seconds| seconds * 1_000.0)
            }
            (Unit::Percent, _) => SHARE,
            _ => AT_LEAST_NOTHING,
        };
        self.threshold(alarm, &values);
        let Some(cadence) = every(known, metric, cadences) else { return };
        if !alarm.period.as_secs().is_multiple_of(cadence.as_secs()) {
            let rule = format!(
                "expected a multiple of {} s, which is how often {} has a value, found {} s: some periods would be empty",
                cadence.as_secs(),
                known.name,
                alarm.period.as_secs()
            );
            self.report(id, "Properties.Period", rule);
        }
        // One run that is late, or lost, is no alarm.
        let to_alarm = u32::try_from(alarm.datapoints_to_alarm).unwrap_or(u32::MAX);
        if alarm.missing == MissingData::Breaching && alarm.period.saturating_mul(to_alarm) < cadence * 2 {
            let rule = format!(
                "expected at least two runs' time where missing counts as breaching, found {} s: one late run would wake people",
                alarm.period.saturating_mul(to_alarm).as_secs()
            );
            self.report(id, "Properties.EvaluationPeriods", rule);
        }
        // One burst is in every value of the window: where several are, they are no sign that it goes on.
        let window = known.window().filter(|window| cadence < *window);
        if let Some(window) = window {
            let needed = (window + alarm.period * 2).as_secs().div_ceil(alarm.period.as_secs());
            if u64::from(to_alarm) < needed {
                let rule = format!(
                    "expected at least {needed} points of {} s, found {to_alarm}: a value looks back {} s, so that one burst is in several",
                    alarm.period.as_secs(),
                    window.as_secs()
                );
                self.report(id, "Properties.DatapointsToAlarm", rule);
            }
        }
    }

    /// Whether some of the values that there are, and not all of them, are beyond the threshold.
    pub(super) fn threshold(&mut self, alarm: &MetricAlarm, values: &RangeInclusive<f64>) {
        let values = match &alarm.source {
            Source::Metric { statistic: Statistic::Sum | Statistic::SampleCount, .. } => &AT_LEAST_NOTHING,
            Source::Metric { .. } => values,
            // What comes of an expression is another number.
            Source::Math { .. } => return,
        };
        let (least, most) = (*values.start(), *values.end());
        let threshold = alarm.threshold;
        let can_breach = match alarm.comparison {
            Comparison::Greater => threshold < most,
            Comparison::GreaterOrEqual => threshold <= most,
            Comparison::Less => threshold > least,
            Comparison::LessOrEqual => threshold >= least,
        };
        let is_always = match alarm.comparison {
            Comparison::Greater => threshold < least,
            Comparison::GreaterOrEqual => threshold <= least,
            Comparison::Less => threshold > most,
            Comparison::LessOrEqual => threshold >= most,
        };
        if !can_breach || is_always {
            let what = if is_always { "every" } else { "no" };
            let range =
                if most < f64::MAX { format!("within {least} to {most}") } else { format!("of at least {least}") };
            let rule = format!("expected a threshold {range}, found {threshold}: {what} value is beyond it");
            self.report(&alarm.logical_id, "Properties.Threshold", rule);
        }
    }

    /// The seconds after which the function of a metric's check is ended.
    fn timeout_of(&self, metric: &MetricId) -> Option<f64> {
        let id = metric.dimensions.get("Check")?;
        let entries = self.rooms.functions.mappings["Checks"].as_object()?;
        let (name, _) = entries.iter().find(|(_, entry)| entry["Id"] == id.as_str())?;
        checks::timeout(self.rooms.functions, name)
    }

    /// What CloudWatch allows together.
    pub(super) fn window(&mut self, alarm: &MetricAlarm) {
        let periods = u32::try_from(alarm.evaluation_periods).unwrap_or(u32::MAX);
        let together = alarm.period.saturating_mul(periods);
        let most = if alarm.period < HOUR { DAY } else { WEEK };
        if together > most {
            let rule = format!(
                "expected periods of at most {} s together, found {} s: CloudWatch refuses the alarm",
                most.as_secs(),
                together.as_secs()
            );
            self.report(&alarm.logical_id, "Properties.EvaluationPeriods", rule);
        }
    }
}

/// How often a metric has a value: with each run of its check, or more rarely. What any check may publish comes as often as the
/// slowest runs, since that may be the only one that has something to tell.
fn every(known: &Metric, metric: &MetricId, cadences: &BTreeMap<String, Duration>) -> Option<Duration> {
    let cadence = match metric.dimensions.get("Check") {
        Some(check) => cadences.get(check),
        None => cadences.values().max(),
    }?;
    let channel = metric.dimensions.get("Channel");
    let channel = channel.and_then(|name| Channel::ALL.into_iter().find(|channel| channel.as_str() == name));
    Some(known.every(channel).map_or(*cadence, |every| every.max(*cadence)))
}

fn dimensions(
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
            "expected exactly {}, found {}: there is no such metric",
            expected.join(", "),
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        ));
    }
    if let Some(other) = metric.dimensions.get("Environment").filter(|own| *own != environment) {
        return Err(format!("expected the parameter Environment, found `{other}`: other stacks have other numbers"));
    }
    let is_channel = |name: &String| Channel::ALL.iter().any(|channel| channel.as_str() == name);
    if let Some(other) = metric.dimensions.get("Channel").filter(|name| !is_channel(name)) {
        return Err(format!("expected {}, found `{other}`", Channel::ALL.map(Channel::as_str).join(" or ")));
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
