//! `login` and the checks that need it, while the platform's log-in is broken.

use check::incident::NotificationReason;
use check::message::email;
use demo_platform::Fault;

use crate::world::{DEPENDENT, World, reason};

#[tokio::test(flavor = "multi_thread")]
async fn broken_log_in_is_notified_once() {
    let world = World::start().await;
    world.minutes(5, &DEPENDENT).await;
    assert_eq!(world.sent(), [""; 0]);
    world.platform.faults().activate(Fault::Login500);
    let reports = world.minutes(15, &DEPENDENT).await;
    assert_eq!(world.sent(), ["login opened"]);
    for check in DEPENDENT {
        let reasons: Vec<_> = reports[check].iter().map(reason).collect();
        let expected = [
            NotificationReason::SuppressedNotConfirmed,
            NotificationReason::SuppressedDependency,
            NotificationReason::SuppressedDependency,
        ];
        assert_eq!(reasons, expected, "{check}");
        assert_eq!(world.named(check).await.as_deref(), Some("login"));
    }
    world.platform.faults().clear(Fault::Login500);
    world.minutes(10, &DEPENDENT).await;
    assert_eq!(world.sent(), ["login recovered"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_that_still_fails_is_notified_once_login_recovers() {
    let world = World::start().await;
    world.minutes(4, &[]).await;
    world.platform.faults().activate(Fault::Login500);
    world.minutes(7, &["booking"]).await;
    assert_eq!(world.sent(), ["login opened"]);
    let report = {
        world.pass(1);
        world.run("booking").await
    };
    assert_eq!(reason(&report), NotificationReason::SuppressedDependency);
    // The log-in works for `login`, but not for the account of `booking`.
    world.platform.faults().clear(Fault::Login500);
    world.minutes(2, &[]).await;
    assert_eq!(world.sent(), ["login recovered"]);
    world.platform.faults().activate(Fault::Login500);
    world.pass(1);
    assert_eq!(reason(&world.run("booking").await), NotificationReason::Opened);
    assert_eq!(world.sent(), ["booking opened"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_that_was_first_is_listed_by_login() {
    let world = World::start().await;
    world.pass(1);
    world.run("login").await;
    world.platform.faults().activate(Fault::Login500);
    for _ in 0..2 {
        world.pass(1);
        world.run("booking").await;
    }
    assert_eq!(world.sent(), ["booking opened"], "login has not run since");
    for _ in 0..2 {
        world.pass(1);
        world.run("login").await;
    }
    let [opened] = &world.messages()[..] else { panic!("expected one message") };
    assert_eq!((opened.notification.check.as_str(), opened.notification.event.as_str()), ("login", "opened"));
    let affected: Vec<&str> = opened.notification.affected.iter().map(|other| other.check.as_str()).collect();
    assert_eq!(affected, ["booking"]);
    assert!(email(&opened.notification).contains("Other checks fail in a step that needs login\n  booking, since "));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_failed_step_reads_another_state() {
    let world = World::start().await;
    world.minutes(5, &DEPENDENT).await;
    let mut read = world.reads();
    read.sort();
    read.dedup();
    assert_eq!(read, ["booking", "login", "notifications", "payment-webhook", "reconciliation"]);
    world.pass(1);
    for check in DEPENDENT {
        world.run(check).await;
        assert_eq!(world.reads(), [check], "a passed run");
    }
    // A failure in another step.
    world.platform.faults().activate(Fault::Calendar500);
    world.pass(1);
    world.run("booking").await;
    assert_eq!(world.reads(), ["booking"]);
    world.platform.faults().clear(Fault::Calendar500);
    world.platform.faults().activate(Fault::Login500);
    world.pass(1);
    for check in DEPENDENT {
        world.run(check).await;
        assert_eq!(world.reads(), [check, "login"], "a failed log-in");
    }
    // Only a message lists what is affected.
    world.run("login").await;
    assert_eq!(world.reads(), ["login"]);
    world.pass(1);
    world.run("login").await;
    assert_eq!(world.reads(), ["login", "booking", "payment-webhook", "notifications", "reconciliation"]);
    world.pass(1);
    world.run("login").await;
    assert_eq!(world.reads(), ["login"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_state_of_login_suppresses_nothing() {
    let fails_twice = async |world: &World| {
        world.platform.faults().activate(Fault::Login500);
        let mut last = None;
        for _ in 0..2 {
            world.pass(1);
            last = Some(world.run("booking").await);
        }
        last.unwrap()
    };
    let login_fails = async |world: &World| {
        world.platform.faults().activate(Fault::Login500);
        world.minutes(3, &[]).await;
        assert_eq!(world.sent(), ["login opened"]);
    };
    // It never ran.
    let world = World::start().await;
    assert_eq!(reason(&fails_twice(&world).await), NotificationReason::Opened);
    // It has not run for more than two of its periods.
    let world = World::start().await;
    login_fails(&world).await;
    world.pass(2);
    assert_eq!(reason(&fails_twice(&world).await), NotificationReason::Opened);
    // Its state cannot be read.
    let world = World::start().await;
    login_fails(&world).await;
    *world.store.refused.lock().unwrap() = Some("login");
    let report = fails_twice(&world).await;
    assert_eq!(reason(&report), NotificationReason::Opened);
    let warnings: Vec<&str> = report.warnings.iter().map(|warning| warning.as_str()).collect();
    let expected = "failed to read the state of login: access denied\nits incidents suppress none of this check";
    assert_eq!(warnings, [expected]);
}
