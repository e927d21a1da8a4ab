use check::incident::NotificationReason;
use check::metric::{self, CERTIFICATE_DAYS_REMAINING, Dimensions, Metric, Unit};
use check::{Cause, Outcome, Text, ours};

use crate::world::*;

#[tokio::test(start_paused = true)]
async fn passed_run_publishes_and_does_not_notify() {
    let world = World::new();
    let report = world.run(&reads(script(&["web=. api=."])), 0).await;
    assert_eq!(report.outcome, Outcome::Passed);
    assert_eq!(world.published(), [INCONCLUSIVE_0, SUCCESS_1, DURATION]);
    assert!(world.memory.data().iter().all(|datum| datum.at == minute(0)), "{:?}", world.memory.data());
    let duration = world.memory.data().pop().unwrap();
    assert_eq!((duration.value, duration.unit), (report.attempts[0].duration_ms, Unit::Milliseconds));
    assert_eq!((report.attempts.len(), &report.reasons[..], &report.warnings[..]), (1, &[][..], &[][..]));
    assert_eq!(world.notified(), [""; 0]);
    let item = world.item().await;
    assert_eq!(item.version, 1);
    assert_eq!(item.last_run["home/0of1"].run_id, report.run_id);
    assert_eq!(item.state.last_successful_run.unwrap().run_id, report.run_id);
}

#[tokio::test(start_paused = true)]
async fn failed_run_publishes_zero_and_awaits_confirmation() {
    let world = World::new();
    let check = creates(script(&["web=x api=."]));
    let report = world.run(&check, 0).await;
    let Outcome::Failed { failures } = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(failures.len(), 1);
    assert_eq!((failures[0].subject.as_str(), failures[0].step.as_str()), ("web", "answer"));
    assert_eq!((failures[0].expected.as_str(), failures[0].actual.as_str()), ("status 200", "status 500"));
    assert_eq!(world.published(), [INCONCLUSIVE_0, SUCCESS_0, DURATION, "Leftovers 0 Environment=test"]);
    assert_eq!(reasons(&report), [("web", NotificationReason::SuppressedNotConfirmed)]);
    assert_eq!(world.notified(), [""; 0]);

    let report = world.run(&check, 1).await;
    assert_eq!(reasons(&report), [("web", NotificationReason::Opened)]);
    assert_eq!(world.notified(), ["oncall opened web", "events opened web"]);
}

#[tokio::test(start_paused = true)]
async fn inconclusive_run_keeps_the_state_of_its_subjects() {
    let world = World::new();
    let check = creates(script(&["web=x", "web=?", "web=x"]));
    world.run(&check, 0).await;
    world.published();
    let before = world.item().await.state.subjects[&subject("web")].clone();
    let report = world.run(&check, 1).await;
    let Outcome::Inconclusive { inconclusive } = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(inconclusive.cause, Cause::Reference);
    assert_eq!(inconclusive.detail, "failed to resolve env:MISSING: the variable is not set, or empty");
    assert_eq!(world.published(), [INCONCLUSIVE_1, "Leftovers 0 Environment=test"]);
    assert_eq!(reasons(&report), [("web", NotificationReason::SuppressedNotYetLost)]);
    let after = world.item().await.state.subjects[&subject("web")].clone();
    assert_eq!((after.phase, &after.failure), (before.phase, &before.failure));
    assert_eq!((after.votes["home"].failed, after.votes["home"].inconclusive), (1, 1));
    assert_eq!(reasons(&world.run(&check, 2).await), [("web", NotificationReason::Opened)]);
}

#[tokio::test(start_paused = true)]
async fn maintenance_has_no_success_and_no_vote() {
    let world = World::new();
    let check = reads(script(&["web=x", "web=x", "web=m", "web=m", "web=.", "web=."]));
    world.run(&check, 0).await;
    assert_eq!(world.notified().len(), 2);
    world.published();
    for number in [1, 2] {
        let report = world.run(&check, number).await;
        assert_eq!(report.outcome, Outcome::Maintenance { detail: Text::own("the platform says so") });
        assert_eq!(reasons(&report), [("web", NotificationReason::SuppressedMaintenance)]);
        assert_eq!(world.published(), [INCONCLUSIVE_0]);
    }
    assert_eq!(reasons(&world.run(&check, 3).await), [("web", NotificationReason::SuppressedNotYetRecovered)]);
    assert_eq!(reasons(&world.run(&check, 4).await), [("web", NotificationReason::Recovered)]);
}

#[tokio::test(start_paused = true)]
async fn worst_result_of_all_subjects_is_the_outcome() {
    let cases: &[(&[&str], &str)] = &[
        (&["a=. b=m"], "maintenance"),
        (&["a=m b=? c=."], "inconclusive"),
        (&["a=? b=x c=m"], "failed"),
        (&["a=- b=."], "passed"),
        (&["a=-"], "inconclusive"),
        (&[""], "inconclusive"),
    ];
    for (lines, expected) in cases {
        let report = World::new().run(&creates(script(lines)), 0).await;
        assert_eq!(report.outcome.word(), *expected, "{lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_measurements_of_the_catalogue_are_published() {
    const STRANGE: Metric = Metric {
        name: "Strange",
        unit: Unit::Count,
        dimensions: Dimensions::EnvironmentAndCheck,
        owner: None,
        meaning: "Nothing.",
    };
    let world = World::new();
    let check = reads(|run, _| {
        Box::pin(async move {
            run.step(&subject("web"), "answer").passed();
            run.measure(&CERTIFICATE_DAYS_REMAINING, 12.5, Some(ours("platform.example").into()));
            run.measure(&metric::MAINTENANCE, f64::NAN, None);
            run.measure(&STRANGE, 1.0, None);
        })
    });
    let report = world.run(&check, 0).await;
    let certificate = "CertificateDaysRemaining 12.5 Environment=test Check=fake";
    assert_eq!(world.published(), [INCONCLUSIVE_0, SUCCESS_1, DURATION, certificate]);
    let names: Vec<_> = report.attempts[0].measurements.iter().map(|measurement| &measurement.metric).collect();
    assert_eq!(names, ["CertificateDaysRemaining", "Strange"]);
    assert_eq!(report.attempts[0].measurements[0].item.as_deref(), Some("platform.example"));
}
