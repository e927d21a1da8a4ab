//! Evaluates the shipped alarms on published metrics.

use std::collections::BTreeSet;
use std::fs;

use alarm::{Alarm, Data, Inputs, MetricAlarm, MetricId, Replay, State, Template};
use check::metric::NAMESPACE;
use jiff::{SignedDuration, Timestamp};
use operations::thresholds;

use crate::alarms::PLATFORM;
use crate::world::{Datapoint, repository};

const ENVIRONMENT: &str = "production";
const SERVER: &str = "i-0a1b2c3d";

/// Alarms of `infra/alarms.yaml`, as deployed for an environment that runs every check.
pub struct Alarms {
    all: Vec<Alarm>,
    checks: serde_json::Value,
}

/// One period of an alarm in `ALARM`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// Name of its resource.
    pub alarm: String,
    /// Start of the period.
    pub at: Timestamp,
    /// End of the period; `None` when the alarm is still raised.
    pub over: Option<Timestamp>,
}

impl Alarms {
    /// Reads the shipped alarms.
    pub fn shipped(environment: &str) -> Self {
        let template = thresholds::template(environment, None).unwrap();
        Self { all: alarm::alarms(&template).unwrap(), checks: template.mappings["Checks"].clone() }
    }

    /// Resource names of all alarms.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(Alarm::logical_id)
    }

    /// Ids of all checks.
    pub fn checks(&self) -> Vec<&str> {
        self.checks.as_object().unwrap().values().map(|entry| entry["Id"].as_str().unwrap()).collect()
    }

    /// Name of a check in resource names: `PaymentWebhook`.
    pub fn pascal(&self, check: &str) -> &str {
        let entry = self.checks.as_object().unwrap().iter().find(|(_, entry)| entry["Id"] == check);
        entry.unwrap_or_else(|| panic!("no check {check} in the mapping Checks")).0
    }

    /// Finds a metric alarm by its resource name.
    pub fn on_metrics(&self, name: &str) -> &MetricAlarm {
        let found = self.all.iter().find(|alarm| alarm.logical_id() == name);
        let Some(Alarm::Metric(alarm)) = found else { panic!("no alarm {name} on metrics in infra/alarms.yaml") };
        alarm
    }

    /// Evaluates each minute and returns the raised alarms, given that only these checks run.
    pub fn raised(&self, checks: &[&str], data: &Data, from: Timestamp, until: Timestamp) -> Vec<Raised> {
        let concerns_checks = |alarm: &MetricAlarm| {
            alarm.source.metrics().all(|(metric, _)| {
                let check = metric.dimensions.get("Check");
                metric.namespace == NAMESPACE && check.is_none_or(|check| checks.contains(&check.as_str()))
            })
        };
        let on_metrics =
            self.all.iter().filter(|alarm| matches!(alarm, Alarm::Metric(alarm) if concerns_checks(alarm)));
        let names: BTreeSet<&str> = on_metrics.clone().map(Alarm::name).collect();
        // Composite alarms that only refer to these alarms.
        let composites = self.all.iter().filter(
            |alarm| matches!(alarm, Alarm::Composite(alarm) if alarm.rule.alarms().iter().all(|name| names.contains(*name))),
        );
        raised(&on_metrics.chain(composites).cloned().collect::<Vec<_>>(), data, from, until)
    }
}

/// Resource names of all alarms in all templates.
pub fn all() -> BTreeSet<String> {
    let aws_alarms = on_aws_metrics();
    let shipped = Alarms::shipped(ENVIRONMENT);
    shipped.names().chain(aws_alarms.iter().map(Alarm::logical_id)).map(str::to_owned).collect()
}

/// Alarms on AWS metrics in all templates, with every parameter of `infra/platform.yaml` set.
pub fn on_aws_metrics() -> Vec<Alarm> {
    let text = fs::read_to_string(repository().join("infra/platform.yaml")).unwrap();
    let inputs = PLATFORM.iter().fold(Inputs::default(), |inputs, (name, value)| inputs.with(name, value));
    let inputs = inputs.with("Environment", ENVIRONMENT).with("Servers", SERVER);
    let mut aws_alarms = alarm::alarms(&Template::read(&text, &inputs).unwrap()).unwrap();
    for alarm in &mut aws_alarms {
        let Alarm::Metric(alarm) = alarm else { continue };
        // Names of server alarms contain the server.
        alarm.logical_id = alarm.logical_id.replace(&SERVER.replace('-', ""), "");
    }
    let is_on_aws_metric = |alarm: &Alarm| match alarm {
        Alarm::Metric(alarm) => alarm.source.metrics().any(|(metric, _)| metric.namespace != NAMESPACE),
        Alarm::Unreplayed(_) | Alarm::Composite(_) => false,
    };
    aws_alarms.extend(Alarms::shipped(ENVIRONMENT).all.into_iter().filter(is_on_aws_metric));
    aws_alarms
}

/// Extra datapoints that CloudWatch may evaluate when some of N are missing. AWS does not document the number, so the test
/// tries these values in addition to the default.
const EXTRA_DATAPOINTS: [usize; 2] = [0, 5];

/// Evaluates each minute and returns the raised alarms. The result must not depend on undocumented behaviour of CloudWatch.
pub fn raised(alarms: &[Alarm], data: &Data, from: Timestamp, until: Timestamp) -> Vec<Raised> {
    let raised = raised_by(Replay::default(), alarms, data, from, until);
    let names = |raised: &[Raised]| raised.iter().map(|raised| raised.alarm.clone()).collect::<BTreeSet<_>>();
    for beyond in EXTRA_DATAPOINTS {
        let other = raised_by(Replay { beyond }, alarms, data, from, until);
        assert_eq!(names(&other), names(&raised), "with {beyond} extra datapoints");
    }
    raised
}

fn raised_by(replay: Replay, alarms: &[Alarm], data: &Data, from: Timestamp, until: Timestamp) -> Vec<Raised> {
    // The value of a minute is available when the minute is over.
    let minute = SignedDuration::from_mins(1);
    let mut transitions = replay.transitions(alarms, data, from + minute, until + minute);
    let mut raised = Vec::new();
    for alarm in alarms {
        for transition in transitions.remove(alarm.name()).unwrap_or_default() {
            if transition.to == State::Alarm {
                raised.push(Raised { alarm: alarm.logical_id().to_owned(), at: transition.at, over: None });
            } else if transition.from == State::Alarm {
                raised.last_mut().unwrap().over = Some(transition.at);
            }
        }
    }
    raised
}

/// Converts published datapoints.
pub fn data(points: &[Datapoint]) -> Data {
    let mut data = Data::default();
    for point in points {
        let dimension = |text: &String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        let metric = MetricId {
            namespace: NAMESPACE.to_owned(),
            name: point.metric.clone(),
            dimensions: point.dimensions.iter().filter_map(dimension).collect(),
        };
        // Each minute has the value of one run; a repeated call stores it twice.
        data.publish(&metric, point.at, point.maximum);
    }
    data
}
