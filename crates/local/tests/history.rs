//! The store on one machine keeps the contract of the read side.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

use alarm::State;
use async_trait::async_trait;
use check::{Mismatch, NoSecrets, Outcome, Report, Step, StepResult, Subject, Text};
use check_testkit::history_contract::{self, ALARM, World};
use check_testkit::sample_report;
use history::{AlarmState, History, Percentiles, StepPercentiles, Window};
use jiff::{SignedDuration, Timestamp};
use local::Store;
use runtime::{Datum, MetricSink as _, OperatorStore};
use serde_json::Value;

struct OneMachine(Store);

#[async_trait]
impl World for OneMachine {
    fn history(&self) -> &dyn History {
        &self.0
    }

    fn store(&self) -> &dyn OperatorStore {
        &self.0
    }

    async fn record(&self, report: &Report, data: &[Datum]) {
        self.0.record(report).unwrap();
        self.0.publish(data).await.unwrap();
    }

    async fn set_alarm(&self, state: State, reason: &str) {
        let (alarm, reason) = (ALARM.to_owned(), reason.to_owned());
        let next = AlarmState { alarm, state, since: Timestamp::now(), reason, decided_by: Value::Null };
        self.0.set_alarm_state(&next).unwrap();
    }
}

#[tokio::test]
async fn store_keeps_the_contract() {
    let world = OneMachine(Store::in_memory().unwrap());
    world.set_alarm(State::Ok, "new").await;
    history_contract::assert_holds(&world, Timestamp::now()).await;
}

#[tokio::test]
async fn steps_of_a_window_are_ranked() {
    let store = Store::in_memory().unwrap();
    let start = sample_report(&[]).key.scheduled_time;
    let at = |minute: i64| start + SignedDuration::from_mins(minute);
    let failure = check::Failure::new(
        Subject::whole(),
        "book",
        Mismatch::new(check::FailureKind::Status, "status 200", "status 500"),
        &NoSecrets,
    );
    for minute in 0..100 {
        let step = |name: &str, duration_ms: f64, result: StepResult| Step {
            subject: Subject::whole(),
            name: name.to_owned(),
            started: at(minute),
            duration_ms,
            result,
            assertions: Vec::new(),
            exchanges: Vec::new(),
        };
        let mut report = sample_report(&[1.0]);
        let failed = StepResult::Failed { failure: failure.clone() };
        let skipped = StepResult::Skipped { reason: Text::own("x") };
        report.attempts[0].steps = vec![
            step("log in", 7.0, StepResult::Passed),
            // 1 to 100, half of them of failed steps.
            step("book", minute as f64 + 1.0, if minute % 2 == 0 { StepResult::Passed } else { failed }),
            step("cancel", 0.0, skipped),
        ];
        report.run_id = runtime::identity(at(minute)).run_id;
        report.key.scheduled_time = at(minute);
        store.record(&report).unwrap();
    }
    let ranked = |name: &str, [p50, p95, p99]: [f64; 3]| StepPercentiles {
        subject: "-".to_owned(),
        name: name.to_owned(),
        durations: Percentiles { p50, p95, p99 },
    };
    let read = async |from, until| store.step_percentiles("login", Window::new(at(from), at(until))).await.unwrap();
    let all = read(0, 100).await.unwrap();
    assert_eq!(all, [ranked("book", [50.0, 95.0, 99.0]), ranked("log in", [7.0; 3])], "skipped steps have no duration");
    assert_eq!(read(10, 11).await.unwrap()[0], ranked("book", [11.0; 3]), "the end is exclusive");
    assert_eq!(read(200, 300).await, Some(Vec::new()));
    let searched = store.search_steps("login", Window::new(at(0), at(100))).await.unwrap();
    assert_eq!(searched, all, "nothing has to be searched elsewhere");
}

#[tokio::test]
async fn runs_that_did_not_pass_are_found_oldest_first() {
    let store = Store::in_memory().unwrap();
    let start = sample_report(&[]).key.scheduled_time;
    let at = |minute: i64| start + SignedDuration::from_mins(minute);
    for minute in 0..10 {
        let mut report = sample_report(&[1.0]);
        report.run_id = runtime::identity(at(minute)).run_id;
        report.key.scheduled_time = at(minute);
        if minute % 2 == 1 {
            report.outcome = Outcome::Failed { failures: Vec::new() };
        }
        store.record(&report).unwrap();
    }
    let read = async |until, limit| {
        let found = store.search_unpassed("login", Window::new(at(0), at(until)), limit).await.unwrap();
        (found.found.iter().map(|report| report.key.scheduled_time).collect::<Vec<_>>(), found.has_more)
    };
    assert_eq!(read(10, 2).await, (vec![at(1), at(3)], true));
    assert_eq!(read(5, 2).await, (vec![at(1), at(3)], false), "the end is exclusive");
    assert_eq!(store.search_unpassed("booking", Window::new(at(0), at(9)), 9).await.unwrap().found, []);
    let error = store.search_log("laravel", Window::new(at(0), at(9)), 9).await.unwrap_err().to_string();
    assert!(error.contains("a store has no logs of the platform"), "{error}");
}
