//! Templates of this repository, as deployed.

use alarm::{Alarm, Data, Inputs, MetricAlarm, Replay, Source, State, Template, alarms};
use jiff::{SignedDuration, Timestamp};

/// All checks.
const ALL: &str =
    "Availability,Login,Queues,Application,Backend,Booking,PaymentWebhook,Integrations,Notifications,Reconciliation";

fn read(file: &str, inputs: &Inputs) -> Template {
    let path = format!("{}/../../infra/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    Template::read(&text, inputs).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Alarms of an environment that runs these checks.
fn shipped(environment: &str, checks: &str) -> Vec<Alarm> {
    let functions = read("template.yaml", &Inputs::default().with("Environment", environment));
    let inputs = Inputs { imports: functions.exports(), ..Inputs::default() };
    let template = read("alarms.yaml", &inputs.with("Environment", environment).with("Checks", checks));
    alarms(&template).unwrap_or_else(|error| panic!("{error}"))
}

fn names(alarms: &[Alarm]) -> Vec<&str> {
    alarms.iter().map(Alarm::logical_id).collect()
}

#[test]
fn disabled_check_has_no_alarm() {
    let alarms = shipped("production", "Availability");
    assert_eq!(
        names(&alarms),
        [
            "MonitoringLostAvailability",
            "SlowAvailability",
            "FailingAvailability",
            "CertificatesSoon",
            "CertificatesVerySoon",
            "MaintenanceTooLong",
            "AvailabilityObjective",
            "OldestUnsentNotification",
            "FailedInvocations",
            "OnCallDeliveries",
            "WarningsDeliveries",
            "SmsSpending"
        ]
    );
    let two = shipped("production", "Availability,Login");
    let Some(Alarm::Composite(down)) = two.last() else { panic!("{:?}", names(&two)) };
    let rule_alarms: Vec<&str> = down.rule.alarms().into_iter().collect();
    let expected = ["availability", "login"].map(|id| format!("just-driving-synthetics-production-{id}-failing"));
    assert_eq!(rule_alarms, expected);
}

#[test]
fn alarms_notify_the_topics_of_the_functions_stack() {
    let topics = ["${OnCallTopic}", "${WarningsTopic}"];
    for alarm in shipped("production", "Availability,Login,Booking,PaymentWebhook,Notifications,Reconciliation") {
        let actions = alarm.actions();
        assert_eq!(actions.alarm, actions.ok, "{}: expected the same topics for ALARM and OK", alarm.name());
        assert!(actions.alarm.iter().all(|topic| topics.contains(&topic.as_str())), "{actions:?}");
        assert!(actions.insufficient_data.is_empty(), "{}", alarm.name());
    }
}

#[test]
fn all_checks_stay_within_the_alarm_budget() {
    let alarms = shipped("production", ALL);
    let metric_alarms: usize = alarms
        .iter()
        .map(|alarm| match alarm {
            // AWS bills a standard alarm for each metric that it reads.
            Alarm::Metric(alarm) => alarm.source.metrics().count(),
            Alarm::Unreplayed(alarm) => alarm.numbers.metrics.len(),
            Alarm::Composite(_) => 0,
        })
        .sum();
    assert_eq!(alarms.iter().filter(|alarm| matches!(alarm, Alarm::Composite(_))).count(), 1);
    assert!(metric_alarms <= 70, "{metric_alarms} metric alarms");
}

#[test]
fn platform_alarms_exist_when_their_parameter_is_set() {
    let functions = read("template.yaml", &Inputs::default().with("Environment", "production"));
    let inputs = Inputs { imports: functions.exports(), ..Inputs::default() }.with("Environment", "production");
    let platform_alarms = |given: &[(&str, &str)]| {
        let inputs = given.iter().fold(inputs.clone(), |inputs, (name, value)| inputs.with(name, value));
        let template = read("platform.yaml", &inputs);
        let ids = names(&alarms(&template).unwrap()).into_iter().map(str::to_owned).collect::<Vec<_>>();
        (ids, template.resources.len())
    };
    assert_eq!(platform_alarms(&[]), (Vec::new(), 0));
    let load_balancer = ("LoadBalancer", "app/web/50dc6c495c0c9188");
    assert_eq!(platform_alarms(&[load_balancer]).0, ["LoadBalancerErrors", "ServerErrors", "ResponseTime"]);
    let target_group = ("TargetGroup", "targetgroup/web/73e2d6bc24d8a067");
    assert_eq!(platform_alarms(&[load_balancer, target_group]).0.last().unwrap(), "UnhealthyTargets");
    assert_eq!(platform_alarms(&[target_group]).1, 0, "a target group needs its load balancer");
    assert_eq!(platform_alarms(&[("Database", "main")]).0, ["DatabaseCpu", "DatabaseStorage", "DatabaseMemory"]);
    assert_eq!(platform_alarms(&[("Cache", "main-001")]).0, ["CacheCpu", "CacheMemory", "CacheEvictions"]);
    let kinds = ["Down", "Cpu", "Memory", "Disk"];
    let server_alarms = ["i0a1b", "i2c3d"].iter().flat_map(|id| kinds.map(|kind| format!("Server{kind}{id}")));
    assert_eq!(platform_alarms(&[("Servers", "i-0a1b,i-2c3d")]).0, server_alarms.collect::<Vec<_>>());
    // One filter per log group, the alarm on their total, and the saved query.
    assert_eq!(
        platform_alarms(&[("PlatformLogGroups", "/app/web,/app/work")]),
        (vec!["PlatformExceptions".to_owned()], 4)
    );
}

/// States of an alarm whose metric has these values, one every `every` minutes; `None` is a missing value.
fn states(name: &str, beyond: usize, every: usize, values: &[Option<f64>]) -> Vec<State> {
    let alarm = metric_alarm(name);
    let Source::Metric { metric, .. } = &alarm.source else { panic!("{alarm:?}") };
    let begin: Timestamp = "2026-11-24T00:00:00Z".parse().unwrap();
    let at = |minute: usize| begin + SignedDuration::from_mins(minute.try_into().unwrap());
    let mut data = Data::default();
    for (index, value) in values.iter().enumerate() {
        value.inspect(|value| data.publish(metric, at(index * every), *value));
    }
    let (name, alarm) = (alarm.name.clone(), Alarm::Metric(alarm));
    let transitions = Replay { beyond }.transitions(&[alarm], &data, at(0), at(values.len() * every));
    transitions[&name].iter().map(|transition| transition.to).filter(|to| *to != State::InsufficientData).collect()
}

/// Threshold of an alarm.
fn threshold(name: &str) -> f64 {
    metric_alarm(name).threshold
}

/// Alarm of a check, or on a metric of AWS.
fn metric_alarm(name: &str) -> MetricAlarm {
    let functions = read("template.yaml", &Inputs::default().with("Environment", "production"));
    let inputs = Inputs { imports: functions.exports(), ..Inputs::default() }.with("Environment", "production");
    let given = [("Database", "main"), ("Cache", "main-001"), ("Servers", "i-1")];
    let inputs = given.iter().fold(inputs, |inputs, (name, value)| inputs.with(name, value));
    let mut all = shipped("production", ALL);
    all.extend(alarms(&read("platform.yaml", &inputs)).unwrap());
    match all.into_iter().find(|alarm| alarm.logical_id() == name) {
        Some(Alarm::Metric(alarm)) => alarm,
        other => panic!("{name}: {other:?}"),
    }
}

/// Plausible numbers of extra data points that CloudWatch reads; the real one is not published.
const BEYOND: [usize; 4] = [0, 1, 2, 5];

#[test]
fn full_resource_does_not_recover_when_data_stops() {
    for (name, factor) in [
        ("DiskUsed", 1.1),
        ("ConnectionsUsed", 1.1),
        ("OldestJobAge", 2.0),
        ("CertificatesVerySoon", 0.5),
        ("DatabaseStorage", 0.5),
        ("DatabaseMemory", 0.5),
        ("CacheMemory", 1.1),
        ("ServerMemoryi1", 1.1),
        ("ServerDiski1", 1.1),
    ] {
        let (healthy, full) = (Some(threshold(name) / factor), Some(threshold(name) * factor));
        let values = [vec![healthy; 30], vec![full; 30], vec![None; 90], vec![full; 30], vec![healthy; 30]].concat();
        assert_eq!(states(name, 0, 1, &values[..150]), [State::Ok, State::Alarm], "{name}");
        for beyond in BEYOND {
            assert_eq!(states(name, beyond, 1, &values).last(), Some(&State::Ok), "{name}: expected a recovery");
        }
    }
}

#[test]
fn short_bursts_do_not_alarm_but_lasting_errors_do() {
    let counters = [
        "ErrorRate",
        "LoginFailureRate",
        "Lockouts",
        "FailedJobs",
        "Exceptions",
        "SlowQueries",
        "PartnerCallFailureRate",
    ];
    for (name, beyond) in counters.into_iter().flat_map(|name| BEYOND.map(|beyond| (name, beyond))) {
        let high = Some(threshold(name) * 1.5);
        // A window of five minutes, read every minute.
        let burst = [vec![Some(0.0); 20], vec![high; 5], vec![Some(0.0); 20]].concat();
        assert_eq!(states(name, beyond, 1, &burst), [State::Ok], "{name}");
        let lasting = [vec![Some(0.0); 20], vec![high; 20], vec![Some(0.0); 20]].concat();
        assert_eq!(states(name, beyond, 1, &lasting), [State::Ok, State::Alarm, State::Ok], "{name}");
    }
}

#[test]
fn unsent_message_of_any_check_raises_one_alarm() {
    let unsent = Some(threshold("OldestUnsentNotification") * 4.0);
    for (every, beyond) in [1, 5, 15].into_iter().flat_map(|every| BEYOND.map(|beyond| (every, beyond))) {
        let values = [vec![None; 60 / every], vec![unsent; 180 / every], vec![None; 180 / every]].concat();
        let states = states("OldestUnsentNotification", beyond, every, &values);
        assert_eq!(states, [State::Ok, State::Alarm, State::Ok], "every {every} minutes, {beyond} beyond");
    }
}

/// The limit is 64 characters (AWS Lambda API, `CreateFunction`).
#[test]
fn longest_environment_fits_in_function_names() {
    let longest = "e".repeat(24);
    let functions = read("template.yaml", &Inputs::default().with("Environment", &longest));
    let names =
        functions.resources_of_type("AWS::Serverless::Function").map(|function| &function.properties["FunctionName"]);
    let longest = names.map(|name| name.as_str().unwrap().len()).max();
    assert_eq!(longest, Some(64));
    for file in ["template.yaml", "alarms.yaml", "platform.yaml"] {
        let text = std::fs::read_to_string(format!("{}/../../infra/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(
            text.contains("AllowedPattern: ^[a-z][a-z0-9-]{1,23}$\n"),
            "{file}: expected a letter and 1 to 23 more characters"
        );
    }
}

#[test]
fn names_in_runbooks_exist_in_the_template() {
    let functions = read("template.yaml", &Inputs::default().with("Environment", "<env>"));
    let exports = functions.exports();
    let runbook = include_str!("../../../../docs/runbooks/alarms.md");
    let named: Vec<&str> = runbook.split("Name=='").skip(1).map(|rest| rest.split_once('\'').unwrap().0).collect();
    assert_eq!(named.len(), 2);
    assert!(named.iter().all(|name| exports.contains_key(*name)), "{named:?} of {:?}", exports.keys());
    let described = &functions.resource("AvailabilityRule").unwrap().properties["Description"];
    let described = described.as_str().unwrap().replace("availability", "<id>");
    assert!(runbook.contains(&format!("Rules[?Description=='{described}'].")), "{described}");
}
