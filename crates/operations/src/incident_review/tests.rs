//! Reviews of records made by hand.

use check::incident::{Acknowledgement, IncidentRecord, Mark, NotificationEntry, Severity};
use check::message::Event;
use check::{Failure, FailureKind, Mismatch, NoSecrets, Subject};
use history::{Counts, Day, RunOutcome, RunSummary, Window};
use jiff::{SignedDuration, Timestamp};

use check::budget::Objective;
use history::AlarmChange;

use super::*;

/// An alarm on the check.
const FAILING: &str = "just-driving-synthetics-production-login-failing";

fn at(minutes: i64) -> Timestamp {
    Timestamp::constant(1_772_438_400, 0) + SignedDuration::from_mins(minutes)
}

fn record(check: &str, since: i64, closed: Option<i64>, actual: &'static str) -> IncidentRecord {
    let failure = |actual: &'static str| {
        let mismatch = Mismatch::new(FailureKind::Status, "status 200", actual);
        Failure::new(Subject::whole(), "log-in", mismatch, &NoSecrets)
    };
    IncidentRecord {
        schema_version: IncidentRecord::SCHEMA_VERSION,
        id: format!("{check}.{}", at(since).strftime("%Y%m%dT%H%M%SZ")),
        check: check.to_owned(),
        subject: Subject::whole(),
        since: at(since),
        opened_at: at(since + 1),
        severity: Severity::Critical,
        escalated_at: None,
        first: failure(actual),
        latest: failure("status 502"),
        notifications: vec![NotificationEntry {
            event: Event::Opened,
            at: at(since + 1),
            notification_id: "n1".to_owned(),
        }],
        silences: Vec::new(),
        dependency: None,
        acknowledged: Some(Acknowledgement {
            at: at(since + 5),
            by: "anna".to_owned(),
            reason: "rolling back".to_owned(),
            is_new: false,
        }),
        closed_at: closed.map(at),
    }
}

fn run(minutes: i64, outcome: RunOutcome) -> RunSummary {
    RunSummary { at: at(minutes), run_id: None, has_report: false, outcome, duration_ms: Some(100.0) }
}

/// Log-in fails from minute 0 to 10; booking with it.
fn gathered() -> Gathered {
    let outcome = |minute: i64| if (0..10).contains(&minute) { RunOutcome::Failed } else { RunOutcome::Passed };
    let mut runs: Vec<RunSummary> = (-60..=10).map(|minute| run(minute, outcome(minute))).collect();
    // The schedule paused.
    runs.retain(|run| !(at(3)..at(8)).contains(&run.at));
    let runs_of_day = Counts { passed: 180, failed: 20, ..Counts::default() };
    Gathered {
        environment: "production".to_owned(),
        now: at(600),
        window: Window::new(at(-60), at(11)),
        incidents: vec![Observed {
            record: record("login", 0, Some(10), "status 500"),
            first: None,
            alarms: [FAILING.to_owned()].into(),
            runs,
            notified: None,
            days: (0..5)
                .map(|ago| Day { at: at(-1_440 * ago), runs: runs_of_day, durations: None, subjects: None })
                .collect(),
            objective: Some(Objective::new(0.99).unwrap()),
        }],
        others: vec![record("booking", 2, None, "status 500")],
        marks: vec![Mark::new(at(-7), "release 42", "ci")],
        changes: Some(Vec::new()),
        logged: Logged::default(),
        unknown: Vec::new(),
    }
}

#[test]
fn review_says_what_was_seen_and_what_it_cost() {
    let review = review(&gathered());
    let [own] = review.incidents.as_slice() else { panic!("{review:?}") };
    assert_eq!(own.seen.notified_after, Some(60));
    assert_eq!((own.seen.last_passed, own.seen.unseen_for), (Some(at(-1)), Some(60)));
    assert_eq!(own.seen.runs, SeenRuns { failed: 5, passed: 1, ..SeenRuns::default() });
    assert_eq!(own.seen.gaps, [Gap { from: at(2), until: at(8) }]);
    let impact = own.impact.unwrap();
    assert_eq!(impact.to_string(), "50 % of the error budget of 30 days, by 5 failed runs (objective 99 %)");
    assert_eq!(
        review.cause.together.iter().map(|other| (other.name.as_str(), other.after)).collect::<Vec<_>>(),
        [("booking", 120)]
    );
    assert_eq!(
        review.cause.shared,
        [
            "the mark \"release 42\" by ci, 7 min before the first failed run",
            "2 of 2 incidents fail first in the step log-in",
            "2 of 2 incidents fail first with status",
        ]
    );
}

#[test]
fn alone_without_a_mark_no_cause_is_evident() {
    let review = review(&Gathered { others: Vec::new(), marks: Vec::new(), ..gathered() });
    assert_eq!(review.cause, Cause::default());
    assert!(markdown(&review).contains("none is evident"), "{}", markdown(&review));
}

#[test]
fn foreign_text_stays_text_in_markdown() {
    let mut gathered = gathered();
    gathered.incidents[0].record.first.actual = check::Text::own("a | b\n# [x](http://e.example) <script> `");
    gathered.incidents[0].record.first.evidence = Some(check::Text::own("```\nnot the end\n````"));
    let text = markdown(&review(&gathered));
    assert!(text.contains(r"- actual a \| b \# \[x\](http://e.example) \<script\> \`"), "{text}");
    assert!(text.contains("`````text\n```\nnot the end\n````\n`````\n"), "{text}");
}

#[test]
fn unknown_parts_are_named() {
    let unknown = vec!["changes of alarms: AccessDenied\nmore".to_owned()];
    let gathered = Gathered { unknown, ..gathered() };
    let text = markdown(&review(&gathered));
    assert!(text.contains("- Not known: changes of alarms: AccessDenied.\n"), "{text}");
    assert!(text.contains("The attempts are not known"), "{text}");
}

#[test]
fn alarm_that_starts_in_order_is_no_news() {
    let change = |previous, state| AlarmChange {
        previous,
        now: history::AlarmState {
            alarm: FAILING.to_owned(),
            state,
            since: at(2),
            reason: "1 of 1".to_owned(),
            decided_by: serde_json::Value::Null,
        },
    };
    use alarm::State::{Alarm, InsufficientData, Ok};
    for (previous, state, expected) in [
        (None, Ok, None),
        (Some(InsufficientData), Ok, None),
        (Some(Ok), Alarm, Some("alarm login-failing: OK to ALARM (1 of 1)")),
        (Some(Alarm), Ok, Some("alarm login-failing: ALARM to OK (1 of 1)")),
        (None, Alarm, Some("alarm login-failing: ALARM (1 of 1)")),
    ] {
        let entries = timeline(&Gathered { changes: Some(vec![change(previous, state)]), ..gathered() });
        let found = entries.iter().find(|entry| entry.kind == EntryKind::Alarm).map(|entry| entry.words.as_str());
        assert_eq!(found, expected);
    }
}

#[test]
fn unknown_alarms_are_not_no_alarms() {
    let none = "No alarm on login went to ALARM";
    assert!(markdown(&review(&gathered())).contains(none));
    let unknown = review(&Gathered { changes: None, ..gathered() });
    assert_eq!(unknown.incidents[0].seen.alarms, None);
    assert!(!markdown(&unknown).contains(none), "{}", markdown(&unknown));
}

/// Names of alarms say nothing about their check: `certificates-soon` is on `availability`.
#[test]
fn alarms_of_the_check_alone_have_seen_its_incident() {
    let changed = |alarm: &str| AlarmChange {
        previous: Some(alarm::State::Ok),
        now: history::AlarmState {
            alarm: alarm.to_owned(),
            state: alarm::State::Alarm,
            since: at(3),
            reason: String::new(),
            decided_by: serde_json::Value::Null,
        },
    };
    let mut gathered = gathered();
    gathered.incidents[0].alarms.insert("just-driving-synthetics-production-lockouts".to_owned());
    gathered.changes =
        Some(["lockouts", "login-other"].map(|name| changed(&crate::names::resource("production", name))).into());
    let seen = review(&gathered).incidents[0].seen.alarms.clone().unwrap();
    assert_eq!(seen, [AlarmSeen { alarm: "lockouts".to_owned(), after: 180 }]);
}

#[test]
fn log_lines_of_an_incident_are_in_its_timeline() {
    let mut gathered = gathered();
    let failure = gathered.incidents[0].record.first.clone();
    let elsewhere = Failure { subject: Subject::new("other").unwrap(), ..failure.clone() };
    let report = |minute: i64, failure: &Failure| {
        let mut report = check_testkit::sample_report(&[1.0]);
        (report.key.scheduled_time, report.ended) = (at(minute), at(minute));
        report.run_id = format!("r{minute}");
        report.outcome = check::Outcome::Failed { failures: vec![failure.clone()] };
        report
    };
    // The same event twice: the second was refused, and may come first in the log.
    let refused = check::Outcome::Refused { refusal: check::Refusal::Stale };
    let refused = check::Report { run_id: "again".to_owned(), outcome: refused, ..report(0, &failure) };
    let reports = [refused, report(0, &failure), report(1, &elsewhere), report(2, &failure), report(11, &failure)];
    gathered.logged.runs.insert("login".to_owned(), reports.to_vec());
    let text = format!("production.ERROR: \u{1b}[31m{}\nat line 1", "x".repeat(400));
    gathered.logged.platform.insert("/laravel".to_owned(), vec![history::LogLine { at: at(-1), text }]);
    let entries = timeline(&gathered);
    let all = |kind: EntryKind| entries.iter().filter(move |entry| entry.kind == kind);
    let runs: Vec<_> = all(EntryKind::Run).map(|entry| (entry.at, entry.words.as_str())).collect();
    let failed = |run: &str| format!("run {run} failed: step log-in, expected status 200, actual status 500");
    assert_eq!(runs, [(at(0), failed("r0").as_str()), (at(2), failed("r2").as_str())], "its runs alone");
    let line = all(EntryKind::PlatformLog).next().unwrap();
    assert!(line.words.starts_with(r"/laravel: production.ERROR: \u{1b}[31mxxx"), "{line:?}");
    assert!(line.words.chars().count() < 320 && !line.words.contains("at line"), "{line:?}");
    assert_eq!(gathered.logged.first_of(&gathered.incidents[0].record).unwrap().run_id, "r0");
}
