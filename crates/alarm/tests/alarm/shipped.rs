//! The templates of this repository, as they are deployed.

use alarm::{Alarm, Inputs, Template, alarms};

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
            "BlindAvailability",
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
    let all = "Availability,Login,Queues,Application,Backend,Booking,PaymentWebhook,Integrations,Notifications,Reconciliation";
    let alarms = shipped("production", all);
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
