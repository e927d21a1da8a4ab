//! Maintenance, refusals, broken memory and missing counters, and no secret in any output.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use check::{Cause, Outcome};
use check_testkit::{Harness, Observed};
use demo_platform::{Fault, Options};
use hostile::{Server, answer};
use local::Memory;
use notifications::Notifications;
use runtime::{Invocation, OperatorStore, Prepared, SkippingClock, execute};
use serde_json::{Value, json};
use settings::Document;

use crate::step;

#[tokio::test]
async fn maintenance_ends_the_run_before_sending() {
    let harness = Harness::<Notifications>::start().await;
    harness.platform.faults().activate(Fault::Maintenance);
    let observed = harness.run().await;
    assert!(matches!(observed.report.outcome, Outcome::Maintenance { .. }), "{:#?}", observed.report);
    assert_eq!(harness.platform.requests().last().len(), 1);
}

#[tokio::test]
async fn refused_message_fails_at_once_and_is_retried() {
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

/// Runs the check, each time after a pause, against a platform that answers to every message with this id and lists these rows.
async fn run_with_id(id: &str, record: &Value, pauses: &[Duration]) -> (Observed, Arc<Memory>) {
    let record = record.to_string();
    let accepted = json!({ "id": id }).to_string();
    let server = Server::plain(move |request| match request.split(' ').nth(1).unwrap_or_default() {
        "/api/notifications/email" => answer("202 Accepted\r\nContent-Type: application/json", &accepted),
        "/api/login" => answer("200 OK\r\nContent-Type: application/json", r#"{"token":"token-of-the-session"}"#),
        _ => answer("200 OK\r\nContent-Type: application/json", &record),
    })
    .await;
    let settings = format!(
        "environment = \"test\"\nbase_url = \"http://{}\"\n[contact]\nname = \"n\"\ndetails = \"r\"\n[links]\n\
         runbook = \"https://localhost/\"\n[network]\nallow_addresses = [\"127.0.0.1\"]\n[platform.login]\n\
         mode = \"token\"\n[check.notifications]\nuser = 37\naccount.email = \"n@localhost.example\"\n\
         account.password = \"ssm:/just-driving/test/notifications/password\"\nemail.to = \"canary@localhost.example\"\n",
        server.address
    );
    let document = Document::parse("test.toml", &settings).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let prepared: Prepared<Notifications> = Prepared::read(&document).unwrap_or_else(|found| panic!("{found:#?}"));
    let (memory, clock) = (Arc::new(Memory::default()), Arc::new(SkippingClock::default()));
    let password = ("/just-driving/test/notifications/password".to_owned(), "the password of the test".to_owned());
    let ports = check_testkit::ports(&memory, &clock, [password]);
    let mut report = execute(&prepared, &ports, &Invocation::manual()).await.unwrap();
    for pause in pauses {
        clock.skip(*pause);
        report = execute(&prepared, &ports, &Invocation::manual()).await.unwrap();
    }
    (Observed { report, metrics: BTreeMap::new() }, memory)
}

#[tokio::test]
async fn too_long_id_fails_the_step_that_received_it() {
    let (observed, memory) = run_with_id(&"N".repeat(129), &json!([]), &[]).await;
    let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    let failure = &failures[0];
    assert_eq!((failures.len(), failure.subject.as_str(), failure.step.as_str()), (1, "email", "send"), "{failures:?}");
    assert_eq!(
        (failure.expected.as_str(), failure.actual.as_str()),
        ("an id of at most 128 bytes at /id", "one of 129")
    );
    assert!(!memory.memory_of("notifications").unwrap().contains("NNN"));
    let longest = "N".repeat(128);
    let (observed, memory) = run_with_id(&longest, &json!([]), &[]).await;
    assert_eq!(step(&observed, "email", "send"), Some("passed"), "{:#?}", observed.report);
    assert!(memory.memory_of("notifications").unwrap().contains(&longest));
}

/// A retry that is on its way for ever keeps no failed canary from a verdict.
#[tokio::test]
async fn attempt_on_its_way_counts_until_the_canary_is_late() {
    let row = |status: &str| json!({ "id": "n1", "status": status, "error": "451 greylisted" });
    for (statuses, minutes, delivery, actual, is_sent_again) in [
        (&["failed", "sent"][..], 5, "skipped", "", false),
        (&["failed", "sent"], 11, "failed", "sent on the platform; another attempt failed: 451 greylisted", true),
        (&["sent", "failed"], 11, "failed", "sent on the platform; another attempt failed: 451 greylisted", true),
        (&["sent"], 11, "failed", "status sent on the platform", false),
        (&["failed"], 1, "failed", "failed: 451 greylisted", true),
        (&["failed", "delivered"], 11, "passed", "", false),
    ] {
        let rows = statuses.iter().map(|status| row(status)).collect();
        let (observed, _) = run_with_id("n1", &rows, &[Duration::from_secs(minutes * 60)]).await;
        assert_eq!(step(&observed, "email", "delivery"), Some(delivery), "{statuses:?}: {:#?}", observed.report);
        if let Outcome::Failed { failures } = &observed.report.outcome {
            assert!(failures[0].actual.contains(actual), "{statuses:?}: {failures:?}");
        }
        assert_eq!(step(&observed, "email", "send").is_some(), is_sent_again, "{statuses:?}");
    }
}

#[tokio::test]
async fn broken_memory_sends_nothing_until_it_is_cleared() {
    let harness = Harness::<Notifications>::start().await;
    harness.run().await;
    harness.memory.set_memory("notifications", "{ broken");
    harness.platform.requests().clear();
    let observed = harness.run().await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::State);
    assert!(harness.platform.requests().last().is_empty());
    assert_eq!(harness.memory.memory_of("notifications").as_deref(), Some("{ broken"));
    harness.memory.clear_memory("notifications").await.unwrap();
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(step(&observed, "email", "delivery"), Some("skipped"));
}

#[tokio::test]
async fn refused_account_is_inconclusive() {
    let harness = Harness::<Notifications>::start().await;
    let with_wrong_password = |(path, value): (String, String)| {
        let value = if path == "notifications/password" { "not this account's".to_owned() } else { value };
        (format!("/just-driving/demo/{path}"), value)
    };
    let secrets = harness.platform.credentials().into_iter().map(with_wrong_password);
    let ports = check_testkit::ports(&harness.memory, &harness.clock, secrets);
    let observed = harness.run_after(Duration::ZERO, &ports).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::Credentials);
}

#[tokio::test]
async fn missing_counters_are_reported_in_the_log_line() {
    let harness = Harness::<Notifications>::start().await;
    assert!(harness.run().await.metrics.contains_key("NotificationQueue.email"));
    harness.platform.faults().activate(Fault::CountersMissing);
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed);
    let names = ["NotificationQueue", "NotificationFailures"];
    let published = observed.metrics.keys().filter(|name| names.iter().any(|metric| name.starts_with(metric)));
    assert_eq!(published.count(), 0, "{:?}", observed.metrics);
    let reason = crate::reason(&observed, "counters", "counters");
    assert!(reason.contains("/email_queued") && reason.contains("/sms_failed"), "{reason}");
    let line = serde_json::to_string(&observed.report).unwrap();
    assert!(line.contains("the counters hold no "), "{line}");
}

#[tokio::test]
async fn one_of_two_counters_of_failures_is_enough() {
    for (settings, failures, reason) in [
        ("", Some(3.0), ""),
        (
            r#"email_bounced = "/none""#,
            Some(1.0),
            "the counters hold no /none; NotificationFailures is published without /none",
        ),
        (r#"email_failed = "/queue""#, Some(2.0), "NotificationFailures is published without /queue"),
        ("email_failed = \"/a\"\nemail_bounced = \"/b\"", None, "the counters hold no /a, /b"),
    ] {
        let harness = Harness::<Notifications>::with(Options::default(), |file| {
            file.push_str(&format!("\n[platform.counters]\n{settings}\n"));
        })
        .await;
        let observed = harness.run().await;
        assert_eq!(observed.metrics.get("NotificationFailures.email").copied(), failures, "{settings}");
        assert!(observed.metrics.contains_key("NotificationQueue.email"), "{settings}");
        let actual = crate::reason(&observed, "counters", "counters");
        assert!(actual.contains(reason), "{settings}: {actual}");
    }
}

#[tokio::test]
async fn no_fault_exposes_a_secret() {
    for fault in Fault::ALL.iter().copied().filter(|fault| *fault != Fault::Hang) {
        let options = Options { slow_delay: Duration::from_millis(50), ..Options::default() };
        let harness = Harness::<Notifications>::with(options, |_| {}).await;
        harness.platform.faults().activate(fault);
        for _ in 0..2 {
            let observed = harness.run().await;
            let output = format!(
                "{observed:?} {} {:?}",
                serde_json::to_string(&observed.report).unwrap(),
                harness.memory.take_sent()
            );
            for (path, secret) in harness.platform.credentials() {
                assert!(!output.contains(&secret), "{fault}: {path} is in {output}");
            }
            assert!(!output.contains("eyJpdiI6"), "{fault}: a cookie is in {output}");
        }
    }
}
