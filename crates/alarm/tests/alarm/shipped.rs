//! The templates of this repository, as they are deployed.

use alarm::{Alarm, Data, Inputs, MetricAlarm, Replay, Source, State, Template, alarms};
use jiff::{SignedDuration, Timestamp};

/// Every check.
const ALL: &str =
    "Availability,Login,Queues,Application,Backend,Booking,PaymentWebhook,Integrations,Notifications,Reconciliation";

fn read(file: &str, inputs: &Inputs) -> Template {
    let path = format!("{}/../../infra/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    Template::read(&text, inputs).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The alarms of an environment in which these checks run.
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
fn a_check_that_does_not_run_has_no_alarm() {
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
            "OldestUnsentNotification",
            "FailedInvocations"
        ]
    );
    let two = shipped("production", "Availability,Login");
    let Some(Alarm::Composite(down)) = two.last() else { panic!("{:?}", names(&two)) };
    let of: Vec<&str> = down.rule.alarms().into_iter().collect();
    let expected = ["availability", "login"].map(|id| format!("just-driving-synthetics-production-{id}-failing"));
    assert_eq!(of, expected);
}

#[test]
fn people_are_told_through_topics_of_the_functions_stack() {
    let topics = ["${OnCallTopic}", "${WarningsTopic}"];
    for alarm in shipped("production", "Availability,Login,Booking,PaymentWebhook,Notifications,Reconciliation") {
        let actions = alarm.actions();
        assert_eq!(actions.alarm, actions.ok, "{}: who is told of it is told of its end", alarm.name());
        assert!(actions.alarm.iter().all(|topic| topics.contains(&topic.as_str())), "{actions:?}");
        assert!(actions.insufficient_data.is_empty(), "{}", alarm.name());
    }
}

#[test]
fn all_checks_stay_within_the_budget_of_alarms() {
    let alarms = shipped("production", ALL);
    let on_metrics: usize = alarms
        .iter()
        .map(|alarm| match alarm {
            // A standard alarm is paid for by each metric it reads.
            Alarm::Metric(alarm) => alarm.source.metrics().count(),
            Alarm::Composite(_) => 0,
        })
        .sum();
    assert_eq!(alarms.iter().filter(|alarm| matches!(alarm, Alarm::Composite(_))).count(), 1);
    assert!(on_metrics <= 70, "{on_metrics} alarms on metrics");
}

#[test]
fn alarms_on_the_platform_are_there_when_their_parameter_is_given() {
    let functions = read("template.yaml", &Inputs::default().with("Environment", "production"));
    let inputs = Inputs { imports: functions.exports(), ..Inputs::default() }.with("Environment", "production");
    let of = |given: &[(&str, &str)]| {
        let inputs = given.iter().fold(inputs.clone(), |inputs, (name, value)| inputs.with(name, value));
        let template = read("platform.yaml", &inputs);
        let ids = names(&alarms(&template).unwrap()).into_iter().map(str::to_owned).collect::<Vec<_>>();
        (ids, template.resources.len())
    };
    assert_eq!(of(&[]), (Vec::new(), 0));
    let load_balancer = ("LoadBalancer", "app/web/50dc6c495c0c9188");
    assert_eq!(of(&[load_balancer]).0, ["LoadBalancerErrors", "ServerErrors", "ResponseTime"]);
    let target_group = ("TargetGroup", "targetgroup/web/73e2d6bc24d8a067");
    assert_eq!(of(&[load_balancer, target_group]).0.last().unwrap(), "UnhealthyTargets");
    assert_eq!(of(&[target_group]).1, 0, "a target group is told apart by its load balancer");
    assert_eq!(of(&[("Database", "main")]).0, ["DatabaseCpu", "DatabaseStorage", "DatabaseMemory"]);
    assert_eq!(of(&[("Cache", "main-001")]).0, ["CacheCpu", "CacheMemory", "CacheEvictions"]);
    let of_servers = ["Down", "Cpu", "Memory", "Disk"].map(|what| format!("Server{what}"));
    let of_servers = ["i0a1b", "i2c3d"].iter().flat_map(|id| of_servers.iter().map(move |name| format!("{name}{id}")));
    assert_eq!(of(&[("Servers", "i-0a1b,i-2c3d")]).0, of_servers.collect::<Vec<_>>());
    // A filter for each log group, the alarm on what they count together, and the saved query.
    assert_eq!(of(&[("PlatformLogGroups", "/app/web,/app/work")]), (vec!["PlatformExceptions".to_owned()], 4));
}

/// The states that an alarm goes through when its metric has these values, one every so many minutes; `None`: no value.
fn states(name: &str, beyond: usize, every: usize, values: &[Option<f64>]) -> Vec<State> {
    let own = own(name);
    let Source::Metric { metric, .. } = &own.source else { panic!("{own:?}") };
    let begin: Timestamp = "2026-11-24T00:00:00Z".parse().unwrap();
    let at = |minute: usize| begin + SignedDuration::from_mins(minute.try_into().unwrap());
    let mut data = Data::default();
    for (place, value) in values.iter().enumerate() {
        value.inspect(|value| data.publish(metric, at(place * every), *value));
    }
    let (name, own) = (own.name.clone(), Alarm::Metric(own));
    let observed = Replay { beyond }.transitions(&[own], &data, at(0), at(values.len() * every));
    observed[&name].iter().map(|transition| transition.to).filter(|to| *to != State::InsufficientData).collect()
}

/// The threshold of an alarm.
fn threshold(name: &str) -> f64 {
    own(name).threshold
}

/// An alarm of a check, or on what AWS counts.
fn own(name: &str) -> MetricAlarm {
    let functions = read("template.yaml", &Inputs::default().with("Environment", "production"));
    let inputs = Inputs { imports: functions.exports(), ..Inputs::default() }.with("Environment", "production");
    let given = [("Database", "main"), ("Cache", "main-001"), ("Servers", "i-1")];
    let inputs = given.iter().fold(inputs, |inputs, (name, value)| inputs.with(name, value));
    let mut all = shipped("production", ALL);
    all.extend(alarms(&read("platform.yaml", &inputs)).unwrap());
    match all.into_iter().find(|alarm| alarm.logical_id() == name) {
        Some(Alarm::Metric(own)) => own,
        other => panic!("{name}: {other:?}"),
    }
}

/// How much any of CloudWatch's unpublished looking back may be.
const BEYOND: [usize; 4] = [0, 1, 2, 5];

#[test]
fn what_is_full_is_not_told_to_be_well_when_nobody_can_tell_any_more() {
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
        let (well, full) = (Some(threshold(name) / factor), Some(threshold(name) * factor));
        let values = [vec![well; 30], vec![full; 30], vec![None; 90], vec![full; 30], vec![well; 30]].concat();
        assert_eq!(states(name, 0, 1, &values[..150]), [State::Ok, State::Alarm], "{name}");
        for beyond in BEYOND {
            assert_eq!(states(name, beyond, 1, &values).last(), Some(&State::Ok), "{name}: it ends");
        }
    }
}

#[test]
fn one_burst_in_the_platforms_counters_is_no_alarm_and_what_goes_on_is() {
    let counted = [
        "ErrorRate",
        "LoginFailureRate",
        "Lockouts",
        "FailedJobs",
        "Exceptions",
        "SlowQueries",
        "PartnerCallFailureRate",
    ];
    for (name, beyond) in counted.into_iter().flat_map(|name| BEYOND.map(|beyond| (name, beyond))) {
        let high = Some(threshold(name) * 1.5);
        // A window of five minutes, read each minute.
        let burst = [vec![Some(0.0); 20], vec![high; 5], vec![Some(0.0); 20]].concat();
        assert_eq!(states(name, beyond, 1, &burst), [State::Ok], "{name}");
        let goes_on = [vec![Some(0.0); 20], vec![high; 20], vec![Some(0.0); 20]].concat();
        assert_eq!(states(name, beyond, 1, &goes_on), [State::Ok, State::Alarm, State::Ok], "{name}");
    }
}

#[test]
fn a_message_that_stays_unsent_is_one_alarm_whichever_check_has_it() {
    let unsent = Some(threshold("OldestUnsentNotification") * 4.0);
    for (every, beyond) in [1, 5, 15].into_iter().flat_map(|every| BEYOND.map(|beyond| (every, beyond))) {
        let values = [vec![None; 60 / every], vec![unsent; 180 / every], vec![None; 180 / every]].concat();
        let observed = states("OldestUnsentNotification", beyond, every, &values);
        assert_eq!(observed, [State::Ok, State::Alarm, State::Ok], "each {every} minutes, {beyond} beyond");
    }
}

/// AWS Lambda API, `CreateFunction`: 64 characters.
#[test]
fn functions_may_be_named_after_the_longest_environment() {
    let longest = "e".repeat(24);
    let functions = read("template.yaml", &Inputs::default().with("Environment", &longest));
    let names =
        functions.resources_of_type("AWS::Serverless::Function").map(|function| &function.properties["FunctionName"]);
    let longest = names.map(|name| name.as_str().unwrap().len()).max();
    assert_eq!(longest, Some(64));
    for file in ["template.yaml", "alarms.yaml", "platform.yaml"] {
        let text = std::fs::read_to_string(format!("{}/../../infra/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(text.contains("AllowedPattern: ^[a-z][a-z0-9-]{1,23}$\n"), "{file}: a letter, and 1 to 23 more");
    }
}

#[test]
fn what_documents_look_up_is_there() {
    let functions = read("template.yaml", &Inputs::default().with("Environment", "<env>"));
    let exports = functions.exports();
    let runbook = include_str!("../../../../docs/runbooks/alarms.md");
    let named: Vec<&str> = runbook.split("Name=='").skip(1).map(|rest| rest.split_once('\'').unwrap().0).collect();
    assert_eq!(named.len(), 1);
    assert!(named.iter().all(|name| exports.contains_key(*name)), "{named:?} of {:?}", exports.keys());
    let described = &functions.resource("AvailabilityRule").unwrap().properties["Description"];
    let described = described.as_str().unwrap().replace("availability", "<id>");
    assert!(runbook.contains(&format!("Rules[?Description=='{described}'].")), "{described}");
}
