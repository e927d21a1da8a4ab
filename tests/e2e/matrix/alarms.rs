//! What the shipped alarms make of what was published.

use std::collections::BTreeSet;
use std::fs;

use alarm::{Alarm, Data, Inputs, MetricAlarm, MetricId, Replay, State, Template};
use check::metric::NAMESPACE;
use jiff::{SignedDuration, Timestamp};

use crate::alarms::PLATFORM;
use crate::world::{Datapoint, repository};

const ENVIRONMENT: &str = "production";
const SERVER: &str = "i-0a1b2c3d";

/// The alarms of `infra/alarms.yaml` with every check running, as they are deployed for an environment.
pub struct Alarms {
    all: Vec<Alarm>,
    checks: serde_json::Value,
}

/// An alarm was in `ALARM`, from one minute to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// The name of its resource.
    pub alarm: String,
    /// Since when.
    pub at: Timestamp,
    /// Until when; `None`: it still is.
    pub over: Option<Timestamp>,
}

impl Alarms {
    /// As shipped.
    pub fn shipped(environment: &str) -> Self {
        let text = fs::read_to_string(repository().join("infra/alarms.yaml")).unwrap();
        let inputs = Inputs::default().with("Environment", environment);
        let template = Template::read_with_every(&text, &inputs, "Checks").unwrap();
        Self { all: alarm::alarms(&template).unwrap(), checks: template.mappings["Checks"].clone() }
    }

    /// The names of all resources.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(Alarm::logical_id)
    }

    /// The ids of all checks.
    pub fn checks(&self) -> Vec<&str> {
        self.checks.as_object().unwrap().values().map(|entry| entry["Id"].as_str().unwrap()).collect()
    }

    /// The word for a check in names of resources: `PaymentWebhook`.
    pub fn pascal(&self, check: &str) -> &str {
        let entry = self.checks.as_object().unwrap().iter().find(|(_, entry)| entry["Id"] == check);
        entry.unwrap_or_else(|| panic!("no check {check} in the mapping Checks")).0
    }

    /// One by the name of its resource; one on metrics.
    pub fn on_metrics(&self, name: &str) -> &MetricAlarm {
        let found = self.all.iter().find(|alarm| alarm.logical_id() == name);
        let Some(Alarm::Metric(alarm)) = found else { panic!("no alarm {name} on metrics in infra/alarms.yaml") };
        alarm
    }

    /// Which of them were raised by this data, if these checks and no others run. Evaluated each minute.
    pub fn raised(&self, checks: &[&str], data: &Data, from: Timestamp, until: Timestamp) -> Vec<Raised> {
        let is_of_them = |alarm: &MetricAlarm| {
            alarm.source.metrics().all(|(metric, _)| {
                let check = metric.dimensions.get("Check");
                metric.namespace == NAMESPACE && check.is_none_or(|check| checks.contains(&check.as_str()))
            })
        };
        let on_metrics = self.all.iter().filter(|alarm| matches!(alarm, Alarm::Metric(alarm) if is_of_them(alarm)));
        let names: BTreeSet<&str> = on_metrics.clone().map(Alarm::name).collect();
        // A composite alarm whose alarms are all among them.
        let on_them = self.all.iter().filter(
            |alarm| matches!(alarm, Alarm::Composite(alarm) if alarm.rule.alarms().iter().all(|name| names.contains(*name))),
        );
        raised(&on_metrics.chain(on_them).cloned().collect::<Vec<_>>(), data, from, until)
    }
}

/// Every alarm of every template, by the names of its resource.
pub fn all() -> BTreeSet<String> {
    let of_aws = on_metrics_of_aws();
    let shipped = Alarms::shipped(ENVIRONMENT);
    shipped.names().chain(of_aws.iter().map(Alarm::logical_id)).map(str::to_owned).collect()
}

/// Those of all templates that are on metrics of AWS, with one of each thing that `infra/platform.yaml` may be given.
pub fn on_metrics_of_aws() -> Vec<Alarm> {
    let text = fs::read_to_string(repository().join("infra/platform.yaml")).unwrap();
    let inputs = PLATFORM.iter().fold(Inputs::default(), |inputs, (name, value)| inputs.with(name, value));
    let inputs = inputs.with("Environment", ENVIRONMENT).with("Servers", SERVER);
    let mut of_aws = alarm::alarms(&Template::read(&text, &inputs).unwrap()).unwrap();
    for alarm in &mut of_aws {
        let Alarm::Metric(alarm) = alarm else { continue };
        // Alarms of a server are called after it.
        alarm.logical_id = alarm.logical_id.replace(&SERVER.replace('-', ""), "");
    }
    let is_of_aws = |alarm: &Alarm| match alarm {
        Alarm::Metric(alarm) => alarm.source.metrics().any(|(metric, _)| metric.namespace != NAMESPACE),
        Alarm::Composite(_) => false,
    };
    of_aws.extend(Alarms::shipped(ENVIRONMENT).all.into_iter().filter(is_of_aws));
    of_aws
}

/// How many points beyond N CloudWatch may look at when some are missing, which it does not publish, beside our default.
const BEYOND: [usize; 2] = [0, 5];

/// Which alarms were raised by this data. Evaluated each minute. The same ones are, whatever CloudWatch does not publish.
pub fn raised(alarms: &[Alarm], data: &Data, from: Timestamp, until: Timestamp) -> Vec<Raised> {
    let raised = raised_by(Replay::default(), alarms, data, from, until);
    let names = |raised: &[Raised]| raised.iter().map(|raised| raised.alarm.clone()).collect::<BTreeSet<_>>();
    for beyond in BEYOND {
        let other = raised_by(Replay { beyond }, alarms, data, from, until);
        assert_eq!(names(&other), names(&raised), "with {beyond} points beyond N");
    }
    raised
}

fn raised_by(replay: Replay, alarms: &[Alarm], data: &Data, from: Timestamp, until: Timestamp) -> Vec<Raised> {
    // The value of a minute is seen when the minute is over.
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

/// All that functions published, read back.
pub fn data(points: &[Datapoint]) -> Data {
    let mut data = Data::default();
    for point in points {
        let dimension = |text: &String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        let metric = MetricId {
            namespace: NAMESPACE.to_owned(),
            name: point.metric.clone(),
            dimensions: point.dimensions.iter().filter_map(dimension).collect(),
        };
        // One run's value; a call that was sent again has it twice.
        data.publish(&metric, point.at, point.maximum);
    }
    data
}
