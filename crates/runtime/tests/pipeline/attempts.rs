use std::sync::{Arc, Mutex};
use std::time::Duration;

use check::incident::{NotificationReason, Phase};
use check::{Cause, FailureKind, Outcome, Report, StepResult};
use runtime::{Check, MemoryCell, Prepared, Run};
use settings::{Common, Contract, SecretRef, Section};

use crate::world::*;

/// Names of the compensations that ran, in order.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<&'static str>>>);

impl Diary {
    fn on_exit(&self, run: &Run, name: &'static str, result: Result<(), &'static str>) {
        let diary = self.0.clone();
        run.on_exit(name, async move {
            diary.lock().unwrap().push(name);
            result.map_err(check::Phrase::from)
        });
    }

    fn read(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }
}

fn internal(report: &Report) -> &str {
    let Outcome::Inconclusive { inconclusive } = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(inconclusive.cause, Cause::Internal);
    &inconclusive.detail
}

fn leftovers(report: &Report) -> Vec<(&str, &str)> {
    report.leftovers.iter().map(|left| (left.compensation.as_str(), left.detail.as_str())).collect()
}

/// A flow that never leaves its first step.
fn never_answered() -> Prepared<Fake<false>> {
    creates(|run, _| {
        Box::pin(async move {
            let step = run.step(&subject("-"), "book");
            std::future::pending::<()>().await;
            step.passed();
        })
    })
}

#[tokio::test(start_paused = true)]
async fn deadline_fails_the_running_step_and_keeps_the_others() {
    let world = World::new();
    let mut check = creates(|run, _| {
        Box::pin(async move {
            run.step(&subject("-"), "log_in").passed();
            tokio::time::sleep(Duration::from_millis(30)).await;
            let step = run.step(&subject("-"), "book");
            std::future::pending::<()>().await;
            step.passed();
        })
    });
    check.run.deadline = Duration::from_millis(100);
    let report = world.run(&check, 0).await;
    let Outcome::Failed { failures } = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!((failures[0].step.as_str(), failures[0].kind), ("book", FailureKind::Timeout));
    assert_eq!(failures[0].expected, "done within the run's 100 ms");
    assert_eq!(failures[0].actual, "still busy after 70 ms in this step");
    let steps: Vec<_> = report.attempts[0].steps.iter().map(|step| (step.name.as_str(), step.result.word())).collect();
    assert_eq!(steps, [("log_in", "passed"), ("book", "failed")]);
    assert_eq!(world.published(), [INCONCLUSIVE_0, SUCCESS_0, DURATION, "Leftovers 0 Environment=test"]);
}

#[tokio::test(start_paused = true)]
async fn run_cut_off_between_two_steps_is_inconclusive() {
    let world = World::new();
    let check = creates(|run, _| {
        Box::pin(async move {
            run.step(&subject("-"), "book").passed();
            std::future::pending::<()>().await;
        })
    });
    let report = world.run(&check, 0).await;
    assert_eq!(internal(&report), "cut off between two steps: not done within the run's 45000 ms");
    assert_eq!(report.attempts[0].steps.len(), 2);
    assert_eq!(world.published(), [INCONCLUSIVE_1, "Leftovers 0 Environment=test"]);
}

#[tokio::test(start_paused = true)]
async fn run_cut_off_closes_no_incident() {
    for panics in [true, false] {
        let world = World::new();
        world.run(&reads(script(&["web=x"])), 0).await;
        let check = creates(move |run, _| {
            Box::pin(async move {
                run.step(&subject("web"), "request").passed();
                run.step(&subject("db"), "query").check("status", Err(mismatch("status 500"))).unwrap_err();
                let _step = run.step(&subject("api"), "request");
                assert!(!panics, "before the failing step");
                std::future::pending::<()>().await;
            })
        });
        for number in 1..4 {
            let report = world.run(&check, number).await;
            assert!(!reasons(&report).iter().any(|(subject, _)| *subject == "web"), "{:?}", reasons(&report));
            assert!(reasons(&report).iter().any(|(subject, _)| *subject == "db"), "{:?}", reasons(&report));
        }
        let phase = world.item().await.state.subjects[&subject("web")].phase;
        assert_eq!(phase, Phase::Failing);
    }
}

#[tokio::test(start_paused = true)]
async fn lambda_time_limit_interrupts_the_step() {
    let world = World::new();
    let check = never_answered();
    let killed_at =
        minute(0) + jiff::SignedDuration::try_from(runtime::reserve(true) + Duration::from_secs(12)).unwrap();
    let report = world.invoke(&check, serde_json::json!({ "scheduled_time": START }), Some(killed_at)).await.unwrap();
    let Outcome::Failed { failures } = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(failures[0].expected, "done within the run's 12000 ms");
}

#[tokio::test(start_paused = true)]
async fn too_little_lambda_time_is_not_blamed_on_the_platform() {
    let world = World::new();
    let check = never_answered();
    // One second less than an attempt of this check may take.
    let killed_at =
        minute(0) + jiff::SignedDuration::try_from(runtime::reserve(true) + Duration::from_secs(9)).unwrap();
    let report = world.invoke(&check, serde_json::json!({ "scheduled_time": START }), Some(killed_at)).await.unwrap();
    assert_eq!(internal(&report), "the function had only 9000 ms left for the attempt");
    assert_eq!((reasons(&report), world.notified().len()), (vec![("-", NotificationReason::SuppressedNotYetLost)], 0));
}

/// Deadlines run on the monotonic clock: neither a platform timeout nor a longer run comes of a jump.
#[tokio::test(start_paused = true)]
async fn jump_of_the_wall_clock_moves_no_deadline() {
    for jump in [-3_600, 3_600] {
        let mut world = World::new();
        let clock = Arc::new(JumpingClock::default());
        world.ports.clock = clock.clone();
        // The first attempt fails, and the clock jumps. The second one hangs.
        let check = reads(move |run, attempt| {
            let clock = clock.clone();
            Box::pin(async move {
                let step = run.step(&subject("web"), "request");
                if attempt > 0 {
                    std::future::pending::<()>().await;
                }
                clock.jump(jump);
                step.check("status", Err(mismatch("status 500"))).unwrap_err();
            })
        });
        let killed_at = minute(0) + jiff::SignedDuration::from_secs(52);
        let began = tokio::time::Instant::now();
        let report =
            world.invoke(&check, serde_json::json!({ "scheduled_time": START }), Some(killed_at)).await.unwrap();
        // Lambda leaves 52 s, of which 9 s are for reporting; 20 s pass before the second attempt.
        assert_eq!((report.attempts.len(), began.elapsed()), (2, Duration::from_secs(43)), "{jump} s");
        let Outcome::Failed { failures } = &report.outcome else { panic!("{:?}", report.outcome) };
        assert_eq!(failures[0].expected, "done within the run's 23000 ms", "{jump} s");
    }
}

#[tokio::test(start_paused = true)]
async fn panic_is_inconclusive_masked_and_compensated() {
    let world = World::new();
    let diary = Diary::default();
    let entries = diary.clone();
    let check = creates(move |run, _| {
        let diary = diary.clone();
        Box::pin(async move {
            run.step(&subject("-"), "log_in").passed();
            let step = run.step(&subject("-"), "book");
            step.secret(&SecretRef::Variable("TOKEN".to_owned())).await.unwrap();
            diary.on_exit(run, "cancel", Ok(()));
            panic!("index out of bounds near {SECRET}");
        })
    });
    let report = world.run(&check, 0).await;
    assert_eq!(internal(&report), "the check panicked: index out of bounds near [redacted]");
    assert_eq!(entries.read(), ["cancel"]);
    let steps: Vec<_> = report.attempts[0].steps.iter().map(|step| (step.name.as_str(), step.result.word())).collect();
    assert_eq!((steps[0], steps[2]), (("log_in", "passed"), ("run", "inconclusive")));
    assert_eq!(reasons(&report), [("-", NotificationReason::SuppressedNotYetLost)]);
    assert_eq!(world.published(), [INCONCLUSIVE_1, "Leftovers 0 Environment=test"]);
}

/// A flow that panics before it returns its future.
struct Hasty;

impl Check for Hasty {
    const CONTRACT: Contract = CONTRACT;
    const ID: &'static str = "fake";
    const READ_ONLY: bool = true;
    const FUNCTION_TIMEOUT: Duration = Duration::from_secs(55);

    type Raw = ();
    type Memory = ();

    fn read((): (), _: &Section<'_>, _: &Common) -> Option<Self> {
        None
    }

    fn max_attempt_duration(&self) -> Duration {
        Duration::ZERO
    }

    fn attempt(&self, run: &Run, _memory: &MemoryCell<()>) -> impl Future<Output = ()> + Send {
        assert!(run.id().is_empty(), "too early");
        async {}
    }
}

#[tokio::test(start_paused = true)]
async fn panic_before_the_first_step_is_caught() {
    let report = World::new().run(&prepared(Hasty), 0).await;
    assert_eq!(internal(&report), "the check panicked: too early");
}

#[tokio::test(start_paused = true)]
async fn failing_compensation_does_not_stop_the_others() {
    let world = World::new();
    let diary = Diary::default();
    let entries = diary.clone();
    let check = creates(move |run, _| {
        let diary = diary.clone();
        Box::pin(async move {
            diary.on_exit(run, "first", Ok(()));
            diary.on_exit(run, "second", Err("booking 7 is still there"));
            run.on_exit("third", async { panic!("no {}", "booking") });
            diary.on_exit(run, "fourth", Ok(()));
            run.step(&subject("-"), "book").passed();
        })
    });
    let report = world.run(&check, 0).await;
    assert_eq!(entries.read(), ["fourth", "second", "first"]);
    assert_eq!(leftovers(&report), [("third", "panicked: no booking"), ("second", "booking 7 is still there")]);
    assert_eq!(report.outcome, Outcome::Passed);
    assert_eq!(world.published(), [INCONCLUSIVE_0, SUCCESS_1, DURATION, "Leftovers 2 Environment=test"]);
}

#[tokio::test(start_paused = true)]
async fn compensation_runs_after_a_timeout() {
    let world = World::new();
    let diary = Diary::default();
    let entries = diary.clone();
    let mut check = creates(move |run, _| {
        let diary = diary.clone();
        Box::pin(async move {
            let _step = run.step(&subject("-"), "book");
            diary.on_exit(run, "cancel", Ok(()));
            std::future::pending::<()>().await;
        })
    });
    check.run.deadline = Duration::from_millis(50);
    let report = world.run(&check, 0).await;
    assert_eq!((report.outcome.word(), entries.read(), report.leftovers.len()), ("failed", vec!["cancel"], 0));
}

#[tokio::test(start_paused = true)]
async fn hanging_compensations_leave_time_to_notify() {
    let world = World::new();
    let check = creates(|run, _| {
        Box::pin(async move {
            run.step(&subject("-"), "book").passed();
            for name in ["first", "second", "third", "fourth"] {
                run.on_exit(name, std::future::pending());
            }
        })
    });
    let report = world.run(&check, 0).await;
    let expected = [
        ("fourth", "not done within 3.0 s"),
        ("third", "not done within 2.0 s"),
        ("second", "not started: the other compensations used all 5 s"),
        ("first", "not started: the other compensations used all 5 s"),
    ];
    assert_eq!(leftovers(&report), expected);
    assert!(
        report.ended.duration_since(report.started) < jiff::SignedDuration::try_from(runtime::reserve(true)).unwrap()
    );
}

#[tokio::test(start_paused = true)]
async fn step_without_a_result_is_inconclusive() {
    let world = World::new();
    let check = reads(|run, _| {
        Box::pin(async move {
            let step = run.step(&subject("web"), "answer");
            step.check("status", Ok(())).unwrap();
        })
    });
    let report = world.run(&check, 0).await;
    assert_eq!(internal(&report), "the step ended without a result");
    assert!(matches!(report.attempts[0].steps[0].result, StepResult::Inconclusive { .. }));
}

#[tokio::test(start_paused = true)]
async fn flow_without_steps_is_inconclusive() {
    let report = World::new().run(&reads(|_, _| Box::pin(async {})), 0).await;
    assert_eq!(internal(&report), "no step was done");
}
