//! What else may come: maintenance, refusals, what is missing, and no secret in any of it.

use std::time::Duration;

use check::{Cause, Outcome};
use check_testkit::Harness;
use demo_platform::{Fault, Options};
use notifications::Notifications;

use crate::step;

#[tokio::test]
async fn maintenance_is_no_failure_and_nothing_is_sent() {
    let harness = Harness::<Notifications>::start().await;
    harness.platform.faults().activate(Fault::Maintenance);
    let observed = harness.run().await;
    assert!(matches!(observed.report.outcome, Outcome::Maintenance { .. }), "{:#?}", observed.report);
    assert_eq!(harness.platform.requests().last().len(), 1);
}

#[tokio::test]
async fn a_platform_that_takes_no_message_fails_at_once_and_is_asked_again() {
    let harness = Harness::<Notifications>::with(Options::default(), |settings| {
        settings.push_str("\n[platform.notification]\nemail = \"/api/notifications/fax\"\n");
    })
    .await;
    for run in 1..=2 {
        let observed = harness.run().await;
        assert_eq!(
            (step(&observed, "email", "send"), step(&observed, "sms", "send")),
            (Some("failed"), Some("passed")),
            "{run}"
        );
    }
}

#[tokio::test]
async fn memory_that_was_lost_is_no_failure() {
    let harness = Harness::<Notifications>::start().await;
    harness.run().await;
    harness.memory.set_memory("notifications", "{ broken");
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(step(&observed, "email", "delivery"), Some("skipped"));
}

#[tokio::test]
async fn an_account_of_ours_that_is_refused_is_no_failure() {
    let harness = Harness::<Notifications>::start().await;
    let of_demo = |(path, value): (String, String)| {
        let value = if path == "notifications/password" { "not this account's".to_owned() } else { value };
        (format!("/just-driving/demo/{path}"), value)
    };
    let ports =
        check_testkit::ports(&harness.memory, &harness.clock, harness.platform.credentials().into_iter().map(of_demo));
    let observed = harness.run_after(Duration::ZERO, &ports).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::Credentials);
}

#[tokio::test]
async fn counters_that_are_not_there_are_not_published_and_said() {
    let harness = Harness::<Notifications>::start().await;
    assert!(harness.run().await.metrics.contains_key("NotificationQueue.email"));
    harness.platform.faults().activate(Fault::CountersMissing);
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed);
    let of_counters = ["NotificationQueue", "NotificationFailures"];
    let published = observed.metrics.keys().filter(|name| of_counters.iter().any(|metric| name.starts_with(metric)));
    assert_eq!(published.count(), 0, "{:?}", observed.metrics);
    let said = crate::reason(&observed, "counters", "counters");
    assert!(said.contains("/email_queued") && said.contains("/sms_failed"), "{said}");
    let line = serde_json::to_string(&observed.report).unwrap();
    assert!(line.contains("the counters hold no "), "{line}");
}

#[tokio::test]
async fn no_fault_makes_a_run_say_a_secret() {
    for fault in Fault::ALL.iter().copied().filter(|fault| *fault != Fault::Hang) {
        let options = Options { slow_delay: Duration::from_millis(50), ..Options::default() };
        let harness = Harness::<Notifications>::with(options, |_| {}).await;
        harness.platform.faults().activate(fault);
        for _ in 0..2 {
            let observed = harness.run().await;
            let said = format!(
                "{observed:?} {} {:?}",
                serde_json::to_string(&observed.report).unwrap(),
                harness.memory.take_sent()
            );
            for (path, secret) in harness.platform.credentials() {
                assert!(!said.contains(&secret), "{fault}: {path} is said in {said}");
            }
            assert!(!said.contains("eyJpdiI6"), "{fault}: a cookie is said in {said}");
        }
    }
}
