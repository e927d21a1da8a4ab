//! What else may come: maintenance, refusals, what is missing, and no secret in any of it.

use std::time::Duration;

use check::{Cause, Outcome};
use demo_platform::{Fault, Options};
use notifications::Notifications;
use trial::Trial;

use crate::step;

#[tokio::test]
async fn maintenance_is_no_failure_and_nothing_is_sent() {
    let trial = Trial::<Notifications>::start().await;
    trial.platform.faults().activate(Fault::Maintenance);
    let seen = trial.run().await;
    assert!(matches!(seen.report.outcome, Outcome::Maintenance { .. }), "{:#?}", seen.report);
    assert_eq!(trial.platform.requests().last().len(), 1);
}

#[tokio::test]
async fn a_platform_that_takes_no_message_fails_at_once_and_is_asked_again() {
    let trial = Trial::<Notifications>::with(Options::default(), |settings| {
        settings.push_str("\n[platform.notification]\nemail = \"/api/notifications/fax\"\n");
    })
    .await;
    for run in 1..=2 {
        let seen = trial.run().await;
        assert_eq!(
            (step(&seen, "email", "send"), step(&seen, "sms", "send")),
            (Some("failed"), Some("passed")),
            "{run}"
        );
    }
}

#[tokio::test]
async fn memory_that_was_lost_is_no_failure() {
    let trial = Trial::<Notifications>::start().await;
    trial.run().await;
    trial.memory.set_memory("notifications", "{ broken");
    let seen = trial.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed, "{:#?}", seen.report);
    assert_eq!(step(&seen, "email", "delivery"), Some("skipped"));
}

#[tokio::test]
async fn an_account_of_ours_that_is_refused_is_no_failure() {
    let trial = Trial::<Notifications>::start().await;
    let of_demo = |(path, value): (String, String)| {
        let value = if path == "notifications/password" { "not this account's".to_owned() } else { value };
        (format!("/just-driving/demo/{path}"), value)
    };
    let ports = trial::ports(&trial.memory, &trial.clock, trial.platform.credentials().into_iter().map(of_demo));
    let seen = trial.run_after(Duration::ZERO, &ports).await;
    let Outcome::Errored { blindness } = &seen.report.outcome else { panic!("{:#?}", seen.report) };
    assert_eq!(blindness.cause, Cause::Credentials);
}

#[tokio::test]
async fn counters_that_are_not_there_are_not_published_and_said() {
    let trial = Trial::<Notifications>::start().await;
    assert!(trial.run().await.metrics.contains_key("NotificationQueue.email"));
    trial.platform.faults().activate(Fault::CountersMissing);
    let seen = trial.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed);
    let of_counters = ["NotificationQueue", "NotificationFailures"];
    let published = seen.metrics.keys().filter(|name| of_counters.iter().any(|metric| name.starts_with(metric)));
    assert_eq!(published.count(), 0, "{:?}", seen.metrics);
    let said = crate::reason(&seen, "counters", "counters");
    assert!(said.contains("/email_queued") && said.contains("/sms_failed"), "{said}");
    let line = serde_json::to_string(&seen.report).unwrap();
    assert!(line.contains("the counters hold no "), "{line}");
}

#[tokio::test]
async fn no_fault_makes_a_run_say_a_secret() {
    for fault in Fault::ALL.iter().copied().filter(|fault| *fault != Fault::Hang) {
        let options = Options { slow_delay: Duration::from_millis(50), ..Options::default() };
        let trial = Trial::<Notifications>::with(options, |_| {}).await;
        trial.platform.faults().activate(fault);
        for _ in 0..2 {
            let seen = trial.run().await;
            let said =
                format!("{seen:?} {} {:?}", serde_json::to_string(&seen.report).unwrap(), trial.memory.take_sent());
            for (path, secret) in trial.platform.credentials() {
                assert!(!said.contains(&secret), "{fault}: {path} is said in {said}");
            }
            assert!(!said.contains("eyJpdiI6"), "{fault}: a cookie is said in {said}");
        }
    }
}
