//! Shipped alarms and their thresholds. A value beyond its threshold is marked, which changes no verdict: alarms judge numbers
//! over time.

use std::collections::BTreeMap;
use std::time::Duration;

use alarm::{
    Alarm, Comparison, Inputs, MetricAlarm, Numbers, PeriodStatistic, Source, Statistic, Template, TemplateError,
    alarms,
};
use anyhow::anyhow;
use check::budget::Objective;
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

/// Shortest window by which an alarm is one on an objective: half of the window that it needs.
const OBJECTIVE_WINDOW: Duration = Duration::from_secs(Objective::ALARM_WINDOW.as_secs() / 2);

/// Returns the check whose objective an alarm guards; `None` for every other alarm. Such an alarm counts periods with a failed
/// run, over hours: the average of `Success` of one check is below 1. Its logical id is the author's choice.
pub(crate) fn guarded_check(numbers: &Numbers) -> Option<&str> {
    let [watched] = &numbers.metrics[..] else { return None };
    let is_success = watched.metric.namespace == metric::NAMESPACE && watched.metric.name == metric::SUCCESS.name;
    let is_average = watched.statistic == Some(PeriodStatistic::Standard(Statistic::Average));
    let counts_failed = numbers.condition == Some((Comparison::Less, 1.0)) && !numbers.is_math;
    // A number that only the deployment gives may be any.
    let window = numbers.period.zip(numbers.evaluation_periods).map(|(period, periods)| {
        let periods = u32::try_from(periods).unwrap_or(u32::MAX);
        period.saturating_mul(periods)
    });
    let is_long = window.is_none_or(|window| window >= OBJECTIVE_WINDOW);
    let check = watched.metric.dimensions.get("Check").map(String::as_str);
    check.filter(|_| is_success && is_average && counts_failed && is_long)
}

/// Keeps the alarms on values that these checks publish. Where the checks run less often than an alarm expects, its periods are
/// as long as the interval, in whole minutes. An alarm on an objective has the data points that follow from the objective of its
/// check and these periods; it is left out when none do.
#[must_use]
pub fn on_checks(
    alarms: Vec<MetricAlarm>,
    checks: &[&str],
    every: Option<Duration>,
    objectives: &BTreeMap<String, Objective>,
) -> Vec<MetricAlarm> {
    let is_watched = |alarm: &MetricAlarm| {
        alarm.source.metrics().all(|(metric, _)| {
            let check = metric.dimensions.get("Check").map(String::as_str);
            metric.namespace == metric::NAMESPACE && check.is_none_or(|check| checks.contains(&check))
        })
    };
    let shortest = every.map_or(Duration::ZERO, |every| Duration::from_secs(every.as_secs().div_ceil(60) * 60));
    let watched = alarms.into_iter().filter(is_watched);
    watched.filter_map(|alarm| with_period(alarm, shortest, objectives)).collect()
}

/// Lengthens the periods of an alarm, if needed. `None`: no number of failed runs suits the objective that it guards.
fn with_period(
    alarm: MetricAlarm,
    shortest: Duration,
    objectives: &BTreeMap<String, Objective>,
) -> Option<MetricAlarm> {
    let period = alarm.period.max(shortest);
    let numbers = Numbers::from(&alarm);
    let Some(check) = guarded_check(&numbers) else { return Some(MetricAlarm { period, ..alarm }) };
    let burn = objectives.get(check)?.burn_alarm(period).ok()?;
    let (to_alarm, periods) = (usize::try_from(burn.to_alarm).ok()?, usize::try_from(burn.periods).ok()?);
    // The description says how many runs may fail.
    let runs = |to_alarm: usize, periods: usize| format!("{to_alarm} of {periods} runs");
    let written = runs(alarm.datapoints_to_alarm, alarm.evaluation_periods);
    Some(MetricAlarm {
        period,
        description: alarm.description.replace(&written, &runs(to_alarm, periods)),
        evaluation_periods: periods,
        datapoints_to_alarm: to_alarm,
        ..alarm
    })
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
    fn rarer_runs_keep_the_rate_of_an_objective() {
        let numbers = |every: Option<u64>| {
            let (every, objectives) = (every.map(Duration::from_secs), crate::checks::default_objectives());
            let found = on_checks(shipped("demo").unwrap(), &["availability", "login", "booking"], every, &objectives);
            let numbers = |id: &str| {
                let alarm = found.iter().find(|alarm| alarm.logical_id == id)?;
                let runs = format!("at least {} of {} runs", alarm.datapoints_to_alarm, alarm.evaluation_periods);
                assert!(!id.ends_with("Objective") || alarm.description.contains(&runs), "{}", alarm.description);
                Some((alarm.period.as_secs(), alarm.datapoints_to_alarm, alarm.evaluation_periods))
            };
            ["AvailabilityObjective", "LoginObjective", "BookingObjective", "SlowLogin"].map(numbers)
        };
        let shipped = [Some((60, 11, 360)), Some((60, 22, 360)), Some((300, 9, 72)), Some((60, 5, 10))];
        for (every, expected) in [
            (None, shipped),
            (Some(10), shipped),
            (Some(300), [Some((300, 3, 72)), Some((300, 5, 72)), Some((300, 9, 72)), Some((300, 5, 10))]),
            (Some(6 * 60), [Some((360, 2, 60)), Some((360, 4, 60)), Some((360, 8, 60)), Some((360, 5, 10))]),
            // A single failed run would raise the alarm on availability.
            (Some(11 * 60), [None, Some((660, 2, 32)), Some((660, 4, 32)), Some((660, 5, 10))]),
            (Some(12 * 60), [None, Some((720, 2, 30)), Some((720, 4, 30)), Some((720, 5, 10))]),
            (Some(7_200), [None, None, None, Some((7_200, 5, 10))]),
        ] {
            assert_eq!(numbers(every), expected, "{every:?}");
        }
    }

    #[test]
    fn objective_of_the_settings_gives_the_data_points() {
        let numbers = |objectives: &BTreeMap<String, Objective>| {
            let found = on_checks(shipped("demo").unwrap(), &["login"], None, objectives);
            let alarm = found.into_iter().find(|alarm| alarm.logical_id == "LoginObjective")?;
            Some((alarm.datapoints_to_alarm, alarm.evaluation_periods))
        };
        let own = BTreeMap::from([("login".to_owned(), Objective::new(0.995).unwrap())]);
        assert_eq!([numbers(&own), numbers(&BTreeMap::new())], [Some((11, 360)), None]);
    }

    #[test]
    fn alarm_is_on_an_objective_by_its_form() {
        let shipped = shipped("demo").unwrap();
        let all: Vec<&str> = shipped
            .iter()
            .filter(|alarm| guarded_check(&Numbers::from(*alarm)).is_some())
            .map(|alarm| alarm.logical_id.as_str())
            .collect();
        let expected =
            ["Availability", "Login", "Booking", "PaymentWebhook", "Notifications"].map(|id| format!("{id}Objective"));
        assert_eq!(all, expected);
        let login = shipped.iter().find(|alarm| alarm.logical_id == "LoginObjective").unwrap();
        let changed = |change: fn(&mut Numbers)| {
            let mut numbers = Numbers::from(login);
            change(&mut numbers);
            guarded_check(&numbers).map(str::to_owned)
        };
        for (case, change, expected) in [
            ("as it is", (|_| {}) as fn(&mut Numbers), true),
            ("three hours", |own| own.evaluation_periods = Some(180), true),
            ("less", |own| own.evaluation_periods = Some(179), false),
            ("known after the deployment", |own| own.evaluation_periods = None, true),
            ("another threshold", |own| own.condition = Some((Comparison::Less, 0.9)), false),
            ("another comparison", |own| own.condition = Some((Comparison::LessOrEqual, 1.0)), false),
            ("an expression", |own| own.is_math = true, false),
            ("another statistic", |own| own.metrics[0].statistic = None, false),
            ("another metric", |own| own.metrics[0].metric.name = "Inconclusive".to_owned(), false),
            ("another namespace", |own| own.metrics[0].metric.namespace = "AWS/Lambda".to_owned(), false),
            ("of no check", |own| own.metrics[0].metric.dimensions.clear(), false),
        ] {
            assert_eq!(changed(change), expected.then(|| "login".to_owned()), "{case}");
        }
    }

    #[test]
    fn template_runs_each_check_at_its_cadence() {
        let in_template = cadences(&shipped("demo").unwrap());
        let ids = crate::checks::deployed();
        let declared: BTreeMap<String, Duration> =
            ids.into_iter().map(|id| (id.to_owned(), crate::checks::cadence(id).unwrap())).collect();
        assert_eq!(in_template, declared);
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
