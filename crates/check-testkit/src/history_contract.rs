//! Contract of the read side, which holds for every peer of `History`.
//!
//! The world is empty at first. The contract fills it with what every peer can hold, then reads.

use std::collections::BTreeMap;

use alarm::{MetricId, State, Statistic};
use async_trait::async_trait;
use check::incident::{
    Acknowledgement, CheckState, Incident, IncidentChange, Mark, NotificationEntry, Phase, Severity, Silence,
    SilenceKind, SubjectState,
};
use check::message::Event;
use check::metric::{self, Metric, NAMESPACE};
use check::{Cause, Failure, FailureKind, Inconclusive, Mismatch, NoSecrets, Outcome, Report, Subject, Text, ours};
use history::{Counts, History, Period, RunOutcome, Window};
use jiff::{SignedDuration, Timestamp};
use runtime::{Commit, Datum, LastRun, OperatorStore, identity};

use crate::sample_report;

/// Check of the runs.
const CHECK: &str = "login";
/// Environment of the runs.
pub const ENVIRONMENT: &str = "demo";
/// Alarm of the world, in state `OK` with nothing changed yet.
pub const ALARM: &str = "just-driving-synthetics-demo-login-slow";

/// One place where history is kept, with the ways to fill it.
#[async_trait]
pub trait World {
    /// Read side.
    fn history(&self) -> &dyn History;
    /// State, incidents and marks.
    fn store(&self) -> &dyn OperatorStore;
    /// Stores a run with its values, as the pipeline does.
    async fn record(&self, report: &Report, data: &[Datum]);
    /// Changes the state of [`ALARM`] now.
    async fn set_alarm(&self, state: State, reason: &str);
}

/// Asserts that every rule holds. Runs are recorded in the two hours before `now`.
pub async fn assert_holds(world: &dyn World, now: Timestamp) {
    // A full hour, so that periods of 5 minutes begin where the runs do.
    let start = Period::minutes(60).floor(now - SignedDuration::from_mins(60));
    runs_are_listed_newest_first(world, start).await;
    series_have_whole_periods(world, start).await;
    days_count_runs_and_rank_durations(world, start).await;
    incidents_have_acknowledgements_of_the_state(world, start).await;
    marks_are_read(world, start).await;
    changes_of_alarms_are_read(world, now).await;
}

/// Outcomes of the runs, one a minute; the run of minute 5 is missing. Durations are 100 ms, 200 ms and so on.
fn outcomes() -> Vec<(i64, Outcome, RunOutcome)> {
    let inconclusive = Inconclusive::new(Cause::Internal, ours("x"), &NoSecrets);
    let failed = || Outcome::Failed { failures: vec![failure()] };
    vec![
        (0, Outcome::Passed, RunOutcome::Passed),
        (1, failed(), RunOutcome::Failed),
        (2, Outcome::Inconclusive { inconclusive }, RunOutcome::Inconclusive),
        (3, Outcome::Maintenance { detail: Text::own("planned") }, RunOutcome::Maintenance),
        (4, Outcome::Passed, RunOutcome::Passed),
        (6, failed(), RunOutcome::Failed),
        (7, Outcome::Passed, RunOutcome::Passed),
    ]
}

fn failure() -> Failure {
    let mismatch = Mismatch::new(FailureKind::Status, "status 200", "status 500");
    Failure::new(Subject::whole(), "request", mismatch, &NoSecrets)
}

fn minute(start: Timestamp, minute: i64) -> Timestamp {
    start + SignedDuration::from_mins(minute)
}

fn duration_ms(minute: i64) -> f64 {
    (minute as f64 + 1.0) * 100.0
}

async fn runs_are_listed_newest_first(world: &dyn World, start: Timestamp) {
    let hour = Window::new(start, minute(start, 60));
    let none = world.history().runs(CHECK, hour, 10).await.unwrap();
    assert!(none.runs.is_empty() && !none.has_more, "nothing is recorded yet");
    let mut not_passed = Vec::new();
    for (at, outcome, _) in outcomes() {
        let sample = sample_report(&[duration_ms(at)]);
        let at = minute(start, at);
        let mut report = Report { run_id: identity(at).run_id, started: at, ended: at, outcome, ..sample };
        report.key.scheduled_time = at;
        world.record(&report, &data(&report)).await;
        // A store keeps few reports of passed runs.
        if report.outcome != Outcome::Passed {
            not_passed.push(report);
        }
    }
    reports_are_found_by_id(world, &not_passed).await;
    let read = async |from: i64, until: i64, limit: usize| {
        let window = Window::new(minute(start, from), minute(start, until));
        let found = world.history().runs(CHECK, window, limit).await.unwrap();
        let runs: Vec<_> = found.runs.iter().map(|run| (run.at, run.outcome, run.duration_ms)).collect();
        (runs, found.has_more)
    };
    let expected: Vec<_> = outcomes()
        .into_iter()
        .rev()
        .map(|(at, _, outcome)| {
            let is_judged = matches!(outcome, RunOutcome::Passed | RunOutcome::Failed);
            (minute(start, at), outcome, is_judged.then(|| duration_ms(at)))
        })
        .collect();
    assert_eq!(read(0, 60, 10).await, (expected.clone(), false));
    assert_eq!(read(0, 60, 3).await, (expected[..3].to_vec(), true), "the newest ones");
    assert_eq!(read(0, 60, 7).await, (expected.clone(), false), "exactly the limit");
    assert_eq!(read(1, 4, 10).await, (expected[3..6].to_vec(), false), "the end is exclusive");
    assert_eq!(read(5, 6, 10).await, (Vec::new(), false));
    assert_eq!(read(6, 6, 10).await, (Vec::new(), false), "an empty window");
    let other = world.history().runs("booking", hour, 10).await.unwrap();
    assert!(other.runs.is_empty(), "of another check");
}

async fn reports_are_found_by_id(world: &dyn World, reports: &[Report]) {
    for report in reports {
        let cost = world.history().search_cost(CHECK, &report.run_id).await.unwrap();
        assert!((0.0..0.01).contains(&cost.usd), "{cost:?}");
        assert_eq!(world.history().run(CHECK, &report.run_id).await.unwrap().as_ref(), Some(report));
    }
    let unknown = identity(reports[0].started).run_id;
    assert_eq!(world.history().run(CHECK, &unknown).await.unwrap(), None);
}

/// Values of a run, as the pipeline publishes them.
fn data(report: &Report) -> Vec<Datum> {
    let at = report.key.scheduled_time;
    let datum = |metric: &Metric, value| Datum::for_environment(metric, value, ENVIRONMENT, CHECK, None, at);
    let (success, inconclusive) = match report.outcome {
        Outcome::Passed => (Some(1.0), 0.0),
        Outcome::Failed { .. } => (Some(0.0), 0.0),
        Outcome::Inconclusive { .. } => (None, 1.0),
        _ => (None, 0.0),
    };
    let duration = report.last_attempt().map_or(0.0, |attempt| attempt.duration_ms);
    let mut data = vec![datum(&metric::INCONCLUSIVE, inconclusive)];
    data.extend(success.map(|success| datum(&metric::SUCCESS, success)));
    data.extend(success.map(|_| datum(&metric::DURATION, duration)));
    data
}

async fn series_have_whole_periods(world: &dyn World, start: Timestamp) {
    let metric = |name: &str, check: &str| MetricId {
        namespace: NAMESPACE.to_owned(),
        name: name.to_owned(),
        dimensions: BTreeMap::from(
            [("Environment", ENVIRONMENT), ("Check", check)].map(|(name, value)| (name.to_owned(), value.to_owned())),
        ),
    };
    let duration = metric("Duration", CHECK);
    let read = async |metric: &MetricId, statistic, from: i64, until: i64, minutes: u32| {
        let window = Window::new(minute(start, from), minute(start, until));
        let series = world.history().series(metric, statistic, window, Period::minutes(minutes)).await.unwrap();
        assert!(series.parts.iter().all(|part| part.period == Period::minutes(minutes)), "{series:?}");
        let points = series.points().map(|point| (point.at.duration_since(start).as_mins(), point.value));
        points.collect::<Vec<_>>()
    };
    // Judged: minutes 0, 1 and 4; then 6 and 7.
    for (statistic, expected) in [
        (Statistic::SampleCount, [3.0, 2.0]),
        (Statistic::Sum, [800.0, 1_500.0]),
        (Statistic::Average, [800.0 / 3.0, 750.0]),
        (Statistic::Minimum, [100.0, 700.0]),
        (Statistic::Maximum, [500.0, 800.0]),
    ] {
        let found = read(&duration, statistic, 0, 15, 5).await;
        assert_eq!(found.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 5], "a period without values has no point");
        for ((_, found), expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{statistic:?}: expected {expected}, found {found}");
        }
    }
    let single = [(0, 100.0), (1, 200.0), (4, 500.0)];
    assert_eq!(read(&duration, Statistic::Sum, 0, 5, 1).await, single, "the end is exclusive");
    assert_eq!(read(&duration, Statistic::Sum, 1, 6, 5).await, [(0, 800.0), (5, 1_500.0)], "periods are whole");
    assert_eq!(read(&metric("Duration", "booking"), Statistic::Sum, 0, 60, 5).await, []);
    assert_eq!(read(&metric("Elsewhere", CHECK), Statistic::Sum, 0, 60, 5).await, []);
    let foreign = MetricId { namespace: "AWS/Lambda".to_owned(), ..duration };
    assert_eq!(read(&foreign, Statistic::Sum, 0, 60, 5).await, []);
}

async fn days_count_runs_and_rank_durations(world: &dyn World, start: Timestamp) {
    let window = Window::new(start, minute(start, 8));
    let days = world.history().daily(CHECK, window).await.unwrap();
    // All runs are in one hour.
    let [day] = &days[..] else { panic!("expected one day, found {days:?}") };
    assert_eq!(day.at, Period::DAY.floor(start));
    assert_eq!(day.runs, Counts { passed: 3, failed: 2, inconclusive: 1, maintenance: 1 });
    let durations = day.durations.unwrap();
    // Sources interpolate, or round to the steps of a histogram.
    for (name, found, [least, most]) in [
        ("p50", durations.p50, [480.0, 520.0]),
        ("p95", durations.p95, [700.0, 820.0]),
        ("p99", durations.p99, [700.0, 820.0]),
    ] {
        assert!((least..=most).contains(&found), "{name}: expected {least} to {most}, found {found}");
    }
    assert_eq!(world.history().daily("booking", window).await.unwrap(), []);
    let before = Window::new(start - SignedDuration::from_hours(72), start - SignedDuration::from_hours(48));
    assert_eq!(world.history().daily(CHECK, before).await.unwrap(), []);
}

async fn incidents_have_acknowledgements_of_the_state(world: &dyn World, start: Timestamp) {
    let incident = |acknowledged| Incident {
        id: format!("{CHECK}.{}", start.strftime("%Y%m%dT%H%M%SZ")),
        opened_at: minute(start, 1),
        severity: Severity::Critical,
        escalated_at: None,
        closed_at: None,
        recorded: 1,
        silenced_by: None,
        dependency: None,
        acknowledged,
    };
    let notification =
        NotificationEntry { event: Event::Opened, at: minute(start, 1), notification_id: "notification".to_owned() };
    let change = IncidentChange {
        incident: incident(None),
        check: CHECK.to_owned(),
        subject: Subject::whole(),
        since: start,
        failure: failure(),
        notification: Some(notification.clone()),
        silence: None,
        at: minute(start, 1),
    };
    let mute = Silence {
        id: "mute".to_owned(),
        kind: SilenceKind::Mute,
        subject: None,
        from: start,
        until: minute(start, 30),
        by: "anna".to_owned(),
        reason: "known".to_owned(),
    };
    let commit = Commit {
        check: CHECK.to_owned(),
        expected_version: 0,
        slot: "home/0of1".to_owned(),
        last_run: LastRun { at: minute(start, 1), run_id: "run".to_owned(), provenance: None },
        forget: Vec::new(),
        state: CheckState::default(),
        memory: None,
        enqueue: Vec::new(),
        discard: Vec::new(),
        changes: vec![change],
    };
    world.store().commit(&commit).await.unwrap();
    let read = async |after| world.history().incidents(CHECK, after).await.unwrap();
    let [record] = &read(start).await[..] else { panic!("expected one incident") };
    assert_eq!((record.since, &record.notifications, &record.acknowledged), (start, &vec![notification], &None));
    // A person acknowledges and mutes; no run has copied that into the record yet.
    let given = Acknowledgement::new(minute(start, 2), "anna", "on it");
    let open = SubjectState {
        phase: Phase::Failing,
        since: start,
        votes: BTreeMap::new(),
        failure: Some(failure()),
        incident: Some(incident(Some(given.clone()))),
        changed_at: minute(start, 1),
        announced: None,
        openings: Vec::new(),
        is_flapping: false,
        monitoring_gap: None,
        is_dependent: false,
    };
    let state = CheckState {
        subjects: BTreeMap::from([(Subject::whole(), open)]),
        mutes: vec![mute.clone()],
        ..CheckState::default()
    };
    world.store().amend(CHECK, 1, &state).await.unwrap();
    let [record] = &read(start).await[..] else { panic!("expected one incident") };
    assert_eq!(record.acknowledged, Some(given.recorded()));
    assert_eq!(world.history().mutes(CHECK).await.unwrap(), [mute]);
    assert_eq!(world.history().mutes("booking").await.unwrap(), []);
    assert_eq!(read(minute(start, 1)).await, [], "it began before");
}

async fn marks_are_read(world: &dyn World, start: Timestamp) {
    let [first, next] =
        [(1, "release 41"), (2, "release 42")].map(|(at, text)| Mark::new(minute(start, at), text, "a"));
    for mark in [&first, &next] {
        world.store().add_mark(mark).await.unwrap();
    }
    assert_eq!(world.history().marks(start).await.unwrap(), [next.clone(), first]);
    assert_eq!(world.history().marks(minute(start, 2)).await.unwrap(), [next]);
}

async fn changes_of_alarms_are_read(world: &dyn World, now: Timestamp) {
    world.set_alarm(State::Alarm, "5 of 5 data points above 1500").await;
    world.set_alarm(State::Ok, "0 of 5 data points above 1500").await;
    let recent = Window::new(now - SignedDuration::from_mins(5), now + SignedDuration::from_mins(60));
    let read = async |window, limit| world.history().alarm_changes(window, limit).await.unwrap();
    let found = read(recent, 2).await;
    let words: Vec<_> = found.changes.iter().map(|change| (change.previous, change.now.state)).collect();
    let expected = [(Some(State::Alarm), State::Ok), (Some(State::Ok), State::Alarm)];
    assert_eq!(words, expected, "newest first");
    let newest = &found.changes[0].now;
    assert_eq!((newest.alarm.as_str(), newest.reason.as_str()), (ALARM, "0 of 5 data points above 1500"));
    assert!(recent.from <= newest.since && newest.since < recent.until, "{newest:?}");
    let limited = read(recent, 1).await;
    assert_eq!((limited.changes.len(), limited.has_more), (1, true));
    let before = Window::new(recent.from - SignedDuration::from_hours(1), recent.from);
    assert_eq!(read(before, 10).await.changes, []);
    let states = world.history().alarm_states().await.unwrap();
    let [state] = &states[..] else { panic!("expected one alarm, found {states:?}") };
    assert_eq!((state.alarm.as_str(), state.state, &state.reason), (ALARM, State::Ok, &newest.reason));
}
