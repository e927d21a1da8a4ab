//! Shipped alarms and their thresholds. A value beyond its threshold is marked, which changes no verdict: alarms judge numbers
//! over time.

use std::collections::BTreeMap;
use std::time::Duration;

use alarm::{Alarm, Inputs, MetricAlarm, Source, Template, TemplateError, alarms};
use anyhow::anyhow;
use check::metric::{self, Measurement};
use check::{Outcome, Report};
use serde_json::{Value, json};

/// Template of the alarms, embedded at build time.
const ALARMS: &str = include_str!("../../../infra/alarms.yaml");

/// Reads the template of the shipped alarms for an environment. `checks` is its parameter `Checks`; `None` stands for every
/// check.
///
/// # Errors
/// When the template cannot be read for this environment or these checks.
pub fn template(environment: &str, checks: Option<&str>) -> anyhow::Result<Template> {
    read(ALARMS, environment, checks)
}

/// Reads the shipped metric alarms of an environment, as if every check ran.
///
/// # Errors
/// Same as [`template`].
pub fn shipped(environment: &str) -> anyhow::Result<Vec<MetricAlarm>> {
    from_template(ALARMS, environment)
}

fn read(text: &str, environment: &str, checks: Option<&str>) -> anyhow::Result<Template> {
    let inputs = Inputs::default().with("Environment", environment);
    let template = match checks {
        Some(checks) => Template::read(text, &inputs.with("Checks", checks)),
        None => Template::read_with_every(text, &inputs, "Checks"),
    };
    template.map_err(in_file)
}

fn in_file(error: TemplateError) -> anyhow::Error {
    anyhow!("infra/alarms.yaml: {error}")
}

fn from_template(text: &str, environment: &str) -> anyhow::Result<Vec<MetricAlarm>> {
    let found = alarms(&read(text, environment, None)?).map_err(in_file)?;
    let on_metrics = found.into_iter().filter_map(|alarm| match alarm {
        Alarm::Metric(alarm) => Some(alarm),
        Alarm::Unreplayed(_) | Alarm::Composite(_) => None,
    });
    Ok(on_metrics.collect())
}

/// True if an alarm is about values of this check.
#[must_use]
pub fn is_about(alarm: &MetricAlarm, check: &str) -> bool {
    alarm.source.metrics().any(|(metric, _)| metric.dimensions.get("Check").is_some_and(|own| own == check))
}

/// Cadence of each check, by its id: the period of its alarm on lost monitoring.
#[must_use]
pub fn cadences(alarms: &[MetricAlarm]) -> BTreeMap<String, Duration> {
    let cadence = |alarm: &MetricAlarm| {
        let (metric, _) =
            alarm.source.metrics().next().filter(|(metric, _)| metric.name == metric::INCONCLUSIVE.name)?;
        Some((metric.dimensions.get("Check")?.clone(), alarm.period))
    };
    alarms.iter().filter_map(cadence).collect()
}

/// End of the logical id of every alarm on an objective.
pub(crate) const OBJECTIVE_ALARM: &str = "Objective";

/// Keeps the alarms on values that these checks publish. Where the checks run less often than an alarm expects, its periods are
/// as long as the interval, in whole minutes. An alarm on an objective keeps its window of six hours, and has fewer periods.
#[must_use]
pub fn on_checks(alarms: Vec<MetricAlarm>, checks: &[&str], every: Option<Duration>) -> Vec<MetricAlarm> {
    let is_watched = |alarm: &MetricAlarm| {
        alarm.source.metrics().all(|(metric, _)| {
            let check = metric.dimensions.get("Check").map(String::as_str);
            metric.namespace == metric::NAMESPACE && check.is_none_or(|check| checks.contains(&check))
        })
    };
    let shortest = every.map_or(Duration::ZERO, |every| Duration::from_secs(every.as_secs().div_ceil(60) * 60));
    let watched = alarms.into_iter().filter(is_watched);
    watched.map(|alarm| with_period(alarm, shortest)).collect()
}

/// Lengthens the periods of an alarm, if needed.
fn with_period(alarm: MetricAlarm, shortest: Duration) -> MetricAlarm {
    let period = alarm.period.max(shortest);
    if period == alarm.period || !alarm.logical_id.ends_with(OBJECTIVE_ALARM) {
        return MetricAlarm { period, ..alarm };
    }
    let fewer = |count: usize| {
        let lasts = alarm.period.as_secs() * u64::try_from(count).unwrap_or(u64::MAX);
        usize::try_from(lasts.div_ceil(period.as_secs())).unwrap_or(usize::MAX).max(2)
    };
    MetricAlarm {
        period,
        evaluation_periods: fewer(alarm.evaluation_periods),
        datapoints_to_alarm: fewer(alarm.datapoints_to_alarm),
        ..alarm
    }
}

/// Thresholds of an environment.
pub struct Thresholds {
    alarms: Vec<MetricAlarm>,
}

impl Thresholds {
    /// Reads the thresholds of the shipped alarms.
    ///
    /// # Errors
    /// Same as [`shipped`].
    pub fn shipped(environment: &str) -> anyhow::Result<Self> {
        Ok(Self { alarms: shipped(environment)? })
    }

    /// Finds the alarm whose threshold a measurement exceeds; a critical one if there are several.
    pub fn over(&self, check: &str, measured: &Measurement) -> Option<&MetricAlarm> {
        self.beyond(check, &measured.metric, measured.channel.map(|channel| channel.as_str()), measured.value)
    }

    /// Finds the alarm on slow runs that this run exceeds. Inconclusive runs have no duration.
    pub fn slow(&self, report: &Report) -> Option<&MetricAlarm> {
        let judged = matches!(report.outcome, Outcome::Passed | Outcome::Failed { .. });
        let attempt = report.last_attempt().filter(|_| judged)?;
        self.beyond(&report.key.check, metric::DURATION.name, None, attempt.duration_ms)
    }

    fn beyond(&self, check: &str, name: &str, channel: Option<&str>, value: f64) -> Option<&MetricAlarm> {
        let is_beyond = |alarm: &&MetricAlarm| {
            let Source::Metric { metric, .. } = &alarm.source else { return false };
            let dimension = |name: &str| metric.dimensions.get(name).map(String::as_str);
            metric.name == name
                && dimension("Check") == Some(check)
                && dimension("Channel") == channel
                && alarm.comparison.is_breaching(value, alarm.threshold)
        };
        self.alarms.iter().filter(is_beyond).max_by_key(|alarm| alarm.metadata["Severity"] == "critical")
    }

    /// Converts a report to JSON and marks what exceeds a threshold: measurements, and the last attempt if it was slow.
    ///
    /// # Errors
    /// None in practice: a report always serializes.
    pub fn marked(&self, report: &Report) -> serde_json::Result<Value> {
        let mut value = serde_json::to_value(report)?;
        let mut mark = |at: &str, over: Option<&MetricAlarm>| {
            if let (Some(alarm), Some(Value::Object(members))) = (over, value.pointer_mut(at)) {
                members.insert("over".to_owned(), json!({ "alarm": alarm.name, "threshold": alarm.threshold }));
            }
        };
        for (attempt, number) in report.attempts.iter().zip(0..) {
            for (measured, place) in attempt.measurements.iter().zip(0..) {
                let over = self.over(&report.key.check, measured);
                mark(&format!("/attempts/{number}/measurements/{place}"), over);
            }
        }
        mark(&format!("/attempts/{}", report.attempts.len().saturating_sub(1)), self.slow(report));
        Ok(value)
    }
}

/// Builds the JSON Schema (draft 2020-12) of a list of reports as [`Thresholds::marked`] returns them.
#[must_use]
pub fn reports_schema() -> Value {
    let mut schema = schemars::schema_for!(Vec<Report>).to_value();
    schema["title"] = json!("Reports of synthetic checks");
    schema["description"] =
        json!("Output of `synthetics run --format json`. With `--format ndjson`, each line is one item of the list.");
    for part in ["Attempt", "Measurement"] {
        schema["$defs"][part]["properties"]["over"] = json!({
            "description": "The alarm whose threshold is exceeded; missing if none is.",
            "type": "object",
            "properties": {
                "alarm": { "description": "Name of the alarm.", "type": "string" },
                "threshold": { "description": "Threshold in the unit of the metric.", "type": "number" },
            },
            "required": ["alarm", "threshold"],
        });
    }
    schema
}

#[cfg(test)]
mod tests {
    use check::metric::{Channel, ERROR_RATE, NOTIFICATION_QUEUE};
    use check::{Cause, Inconclusive, Text};
    use check_testkit::sample_report;

    use super::*;

    /// Thresholds of an environment, with a value for `owner` added to one line of the template.
    fn for_own_metric(environment: &str, line: &str, owner: &str, value: f64) -> Thresholds {
        let (before, rest) = ALARMS.split_once(&format!("    {line}: {{ Default")).unwrap();
        let changed = format!("{before}    {line}: {{ {owner}: {value}, Default{rest}");
        Thresholds { alarms: from_template(&changed, environment).unwrap() }
    }

    #[test]
    fn rarer_runs_keep_the_window_of_an_objective() {
        let numbers = |every: Option<u64>| {
            let found = on_checks(shipped("demo").unwrap(), &["login", "booking"], every.map(Duration::from_secs));
            let numbers = |id: &str| {
                let alarm = found.iter().find(|alarm| alarm.logical_id == id).unwrap();
                (alarm.period.as_secs(), alarm.datapoints_to_alarm, alarm.evaluation_periods)
            };
            [numbers("LoginObjective"), numbers("BookingObjective"), numbers("SlowLogin")]
        };
        assert_eq!(numbers(None), [(60, 22, 360), (300, 9, 72), (60, 5, 10)]);
        assert_eq!(numbers(Some(10)), numbers(None));
        assert_eq!(numbers(Some(300)), [(300, 5, 72), (300, 9, 72), (300, 5, 10)]);
        assert_eq!(numbers(Some(7_200)), [(7_200, 2, 3), (7_200, 2, 3), (7_200, 5, 10)]);
    }

    #[test]
    fn value_beyond_its_threshold_names_the_alarm() {
        let thresholds = Thresholds::shipped("demo").unwrap();
        let rate = |value| Measurement::new(&ERROR_RATE, value, None, None).unwrap();
        let alarm = thresholds.over("application", &rate(20.0)).unwrap();
        assert_eq!(alarm.name, "just-driving-synthetics-demo-error-rate");
        assert!(thresholds.over("application", &rate(alarm.threshold)).is_none(), "at the threshold");
        assert!(thresholds.over("login", &rate(20.0)).is_none(), "of another check");
        // Only the template decides.
        let beyond = alarm.threshold + 1.0;
        let judged = |environment| {
            for_own_metric(environment, "ErrorRate", "staging", beyond).over("application", &rate(beyond)).is_some()
        };
        assert_eq!([judged("demo"), judged("staging")], [true, false], "a threshold of an environment's own");
        let queue = |channel, value| Measurement {
            channel: Some(channel),
            ..Measurement::new(&NOTIFICATION_QUEUE, value, None, None).unwrap()
        };
        assert!(thresholds.over("notifications", &queue(Channel::Email, 300.0)).is_none());
        assert!(thresholds.over("notifications", &queue(Channel::Sms, 300.0)).is_some(), "each channel has its own");
    }

    #[test]
    fn last_attempt_decides_if_a_run_is_slow() {
        let demo = Thresholds::shipped("demo").unwrap();
        let alarm = demo.alarms.iter().find(|alarm| alarm.logical_id == "SlowLogin").unwrap();
        let bound = alarm.threshold;
        for took in [&[60_000.0, bound][..], &[bound], &[]] {
            assert!(demo.slow(&sample_report(took)).is_none(), "{took:?}");
        }
        let inconclusive = Inconclusive { cause: Cause::Throttled, detail: Text::own("429") };
        let inconclusive = Report { outcome: Outcome::Inconclusive { inconclusive }, ..sample_report(&[60_000.0]) };
        assert!(demo.slow(&inconclusive).is_none(), "an inconclusive run publishes no duration");
        let slow = sample_report(&[1.0, bound + 1.0]);
        let marked = demo.marked(&slow).unwrap();
        let over = json!({ "alarm": alarm.name, "threshold": bound });
        assert_eq!([marked["attempts"][0].get("over"), marked["attempts"][1].get("over")], [None, Some(&over)]);
        // An environment with its own threshold.
        assert!(for_own_metric("staging", "Login", "staging", bound + 1.0).slow(&slow).is_none());
    }

    #[test]
    fn alarm_thresholds_are_below_failure_limits() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/layer/settings/production.example.toml");
        let checks = crate::checks::from_file(file.as_ref(), &[]).unwrap();
        let alarms = shipped("production").unwrap();
        for (alarm, check, pointer, in_seconds) in [
            ("WebhookProcessingDelay", "payment-webhook", "/processing_deadline", 1_000.0),
            ("EmailDeliveryDelay", "notifications", "/email/delivered_within", 1.0),
            ("SmsDeliveryDelay", "notifications", "/sms/delivered_within", 1.0),
            ("JobDelay", "queues", "/canary/done_within", 1.0),
        ] {
            let threshold = alarms.iter().find(|own| own.logical_id == alarm).unwrap().threshold / in_seconds;
            let settings = checks.iter().find(|own| own.id() == check).unwrap().written();
            let section = serde_json::to_value(&settings["check"][check]).unwrap();
            let Some(bound) = section.pointer(pointer) else {
                assert_eq!(alarm, "SmsDeliveryDelay", "the example sends no SMS, and nothing else is left out");
                continue;
            };
            let bound: jiff::SignedDuration = bound.as_str().unwrap().parse().unwrap();
            assert!(threshold < bound.as_secs_f64(), "{alarm}: {threshold} s, and {bound:?} is a failure");
        }
    }
}
