use std::time::Duration;

use check::Outcome;
use check::incident::NotificationReason;
use jiff::SignedDuration;
use runtime::reserve;
use serde_json::json;

use crate::world::*;

#[tokio::test(start_paused = true)]
async fn unconfirmed_failure_passes_and_reports_both_attempts() {
    let world = World::new();
    let report = world.run(&reads(script(&["web=x", "web=."])), 0).await;
    assert_eq!(report.outcome, Outcome::Passed);
    let outcomes: Vec<_> = report.attempts.iter().map(|attempt| attempt.outcome().word()).collect();
    assert_eq!(outcomes, ["failed", "passed"]);
    let waited = report.attempts[1].started.duration_since(report.attempts[0].started);
    assert_eq!(waited, SignedDuration::from_secs(20));
    assert_eq!(world.published(), [INCONCLUSIVE_0, SUCCESS_1, DURATION]);
    assert_eq!((reasons(&report), world.notified().len()), (vec![], 0));
}

#[tokio::test(start_paused = true)]
async fn confirmed_failure_opens_at_once() {
    let world = World::new();
    let report = world.run(&reads(script(&["web=x"])), 0).await;
    assert_eq!((report.outcome.word(), report.attempts.len()), ("failed", 2));
    assert_eq!(reasons(&report), [("web", NotificationReason::Opened)]);
    assert_eq!(world.published(), [INCONCLUSIVE_0, SUCCESS_0, DURATION]);
    let sent = world.memory.take_sent();
    assert_eq!(sent.iter().map(short).collect::<Vec<_>>(), ["oncall opened web", "events opened web"]);
    assert_eq!(sent[0].notification, sent[1].notification);
    assert_eq!(report.notifications, ["fake/home/0of1/20261123T044900Z/opened/critical"]);
    let steps: Vec<_> = sent[0].notification.steps.iter().map(|line| (line.attempt, line.result.as_str())).collect();
    assert_eq!(steps, [(1, "failed"), (2, "failed")]);
    assert_eq!(world.item().await.outbox, []);
}

#[tokio::test(start_paused = true)]
async fn only_subjects_that_failed_twice_are_confirmed() {
    let world = World::new();
    let report = world.run(&reads(script(&["a=x b=x c=.", "a=x b=. c=x"])), 0).await;
    assert_eq!(
        reasons(&report),
        [("a", NotificationReason::Opened), ("c", NotificationReason::SuppressedNotConfirmed)]
    );
    assert_eq!(world.notified(), ["oncall opened a", "events opened a"]);
}

#[tokio::test(start_paused = true)]
async fn lambda_time_limit_decides_on_a_second_attempt() {
    // The wait, a whole attempt, and the reserve.
    let needed = SignedDuration::try_from(Duration::from_secs(20 + 10) + reserve(false)).unwrap();
    for (left, attempts, notified) in [
        (needed, 2, NotificationReason::Opened),
        (needed - SignedDuration::from_millis(1), 1, NotificationReason::SuppressedNotConfirmed),
    ] {
        let world = World::new();
        let check = reads(script(&["web=x"]));
        let event = json!({ "scheduled_time": START });
        let report = world.invoke(&check, event, Some(minute(0) + left)).await.unwrap();
        assert_eq!((report.attempts.len(), reasons(&report)), (attempts, vec![("web", notified)]), "{left:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn deadline_decides_on_a_second_attempt() {
    for (seconds, attempts) in [(30, 2), (29, 1)] {
        let world = World::new();
        let mut check = reads(script(&["web=x"]));
        check.run.deadline = Duration::from_secs(seconds);
        assert_eq!(world.run(&check, 0).await.attempts.len(), attempts, "{seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn check_that_creates_something_confirms_in_the_next_run() {
    let world = World::new();
    let check = creates(script(&["web=x"]));
    let first = world.run(&check, 0).await;
    assert_eq!((first.attempts.len(), reasons(&first)), (1, vec![("web", NotificationReason::SuppressedNotConfirmed)]));
    let second = world.run(&check, 1).await;
    assert_eq!((second.attempts.len(), reasons(&second)), (1, vec![("web", NotificationReason::Opened)]));
}

#[tokio::test(start_paused = true)]
async fn inconclusive_attempt_is_not_repeated() {
    for line in [&["web=?"], &["web=m"]] {
        assert_eq!(World::new().run(&reads(script(line)), 0).await.attempts.len(), 1, "{line:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn last_attempt_decides_the_outcome() {
    let world = World::new();
    let report = world.run(&reads(script(&["web=x", "web=?"])), 0).await;
    assert_eq!((report.outcome.word(), report.attempts.len()), ("inconclusive", 2));
    assert_eq!(world.published(), [INCONCLUSIVE_1]);
    assert_eq!(reasons(&report), [("web", NotificationReason::SuppressedNotYetLost)]);
}
