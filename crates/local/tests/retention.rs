//! What stays in the store, and for how long.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

use std::fs;
use std::path::PathBuf;

use check::{Attempt, Failure, FailureKind, Mismatch, NoSecrets, Outcome, Refusal, Report, Step, StepResult, Subject};
use check_testkit::sample_report;
use jiff::SignedDuration;
use local::Store;
use runtime::{Datum, MetricSink as _};
use rusqlite::Connection;
use settings::Retention;

/// A file of this test alone.
fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("retention-{name}"));
    let _ = fs::remove_dir_all(&folder);
    folder.join("synthetics.db")
}

fn failure(subject: &str) -> Failure {
    let mismatch = Mismatch::new(FailureKind::Status, "status 200", "status 500");
    Failure::new(Subject::new(subject).unwrap(), "request", mismatch, &NoSecrets)
}

/// Report of a run of `login`, minutes after the sample's, with a step of each subject.
fn report(id: &str, minutes: i64, duration_ms: f64, subjects: &[(&str, bool)]) -> Report {
    let sample = sample_report(&[duration_ms]);
    let at = sample.started + SignedDuration::from_mins(minutes);
    let failures: Vec<_> =
        subjects.iter().filter(|(_, is_failed)| *is_failed).map(|(subject, _)| failure(subject)).collect();
    let steps = subjects.iter().map(|(subject, is_failed)| Step {
        subject: Subject::new(*subject).unwrap(),
        name: "request".to_owned(),
        started: at,
        duration_ms,
        result: if *is_failed { StepResult::Failed { failure: failure(subject) } } else { StepResult::Passed },
        assertions: Vec::new(),
        exchanges: Vec::new(),
    });
    let attempts = vec![Attempt { steps: steps.collect(), ..sample.attempts[0].clone() }];
    let outcome = if failures.is_empty() { Outcome::Passed } else { Outcome::Failed { failures } };
    let mut report = Report { run_id: id.to_owned(), started: at, ended: at, outcome, attempts, ..sample };
    report.key.scheduled_time = at;
    report
}

/// Rows of a query, their columns joined.
fn rows(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        let values = (0..columns).map(|column| row.get::<_, rusqlite::types::Value>(column));
        let text = |value| match value {
            rusqlite::types::Value::Null => "NULL".to_owned(),
            rusqlite::types::Value::Integer(number) => number.to_string(),
            rusqlite::types::Value::Real(number) => format!("{number:.0}"),
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Blob(_) => "blob".to_owned(),
        };
        Ok(values.map(|value| value.map(text)).collect::<Result<Vec<_>, _>>()?.join(" "))
    };
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

const DAYS: &str =
    "SELECT check_id, date(day / 1000, 'unixepoch'), passed, failed, inconclusive, maintenance, durations,
    p50_ms, p95_ms FROM daily_runs ORDER BY day, check_id";
const SUBJECTS: &str =
    "SELECT date(day / 1000, 'unixepoch'), subject, passed, failed FROM daily_subjects ORDER BY 1, 2";

#[test]
fn runs_of_a_day_are_counted_and_stay() {
    let file = file("days");
    let hour = Retention { keep: std::time::Duration::from_secs(3_600), ..Retention::default() };
    let store = Store::open(&file).unwrap().with_retention(hour);
    let connection = Connection::open(&file).unwrap();
    // The sample is of 2 March 2026, 08:00.
    for minute in 0..20 {
        let web_fails = minute == 7;
        let duration = if web_fails { 4_000.0 } else { 100.0 };
        let run = report(&format!("run{minute}"), minute, duration, &[("web", web_fails), ("api", false)]);
        store.record(&run).unwrap();
        // An answer that was lost: the same run again.
        store.record(&run).unwrap();
    }
    let other = |id: &str, outcome| Report { outcome, ..report(id, 30, 9_999.0, &[]) };
    store.record(&other("refused", Outcome::Refused { refusal: Refusal::Stale })).unwrap();
    store.record(&other("maintenance", Outcome::Maintenance { detail: check::Text::own("503") })).unwrap();
    store.record(&report("late", 16 * 60, 100.0, &[("api", false)])).unwrap();
    let expected = ["login 2026-03-02 19 1 0 1 20 100 100", "login 2026-03-03 1 0 0 0 1 100 100"];
    assert_eq!(rows(&connection, DAYS), expected);
    let subjects = ["2026-03-02 api 20 0", "2026-03-02 web 19 1", "2026-03-03 api 1 0"];
    assert_eq!(rows(&connection, SUBJECTS), subjects);
    assert_eq!(rows(&connection, "SELECT count(*) FROM runs"), ["1"], "runs are kept for an hour");
    for days in 1..=400 {
        store.record(&report(&format!("day{days}"), days * 24 * 60, 100.0, &[])).unwrap();
    }
    // Until the end of its last day.
    assert_eq!(rows(&connection, DAYS)[0], expected[0], "400 days");
    store.record(&report("day401", 401 * 24 * 60, 100.0, &[])).unwrap();
    assert!(rows(&connection, DAYS)[0].starts_with("login 2026-03-03"), "the first day is removed");
}

#[test]
fn subjects_of_a_day_are_bounded() {
    let file = file("subjects");
    let store = Store::open(&file).unwrap();
    for run in 0..12 {
        let names: Vec<_> = (0..100).map(|number| format!("queue{run}-{number}")).collect();
        let subjects: Vec<_> = names.iter().map(|name| (name.as_str(), false)).collect();
        store.record(&report(&format!("run{run}"), run, 1.0, &subjects)).unwrap();
    }
    let connection = Connection::open(&file).unwrap();
    assert_eq!(rows(&connection, "SELECT count(*) FROM daily_subjects"), ["1000"]);
}

#[tokio::test]
async fn file_stays_below_its_bound_and_keeps_the_newest() {
    let file = file("size");
    let max_size = 4_000_000;
    let store = Store::open(&file).unwrap().with_retention(Retention { max_size, ..Retention::default() });
    let connection = Connection::open(&file).unwrap();
    let incident = "INSERT INTO checks (id, version, state) VALUES ('login', 1, '{}');
        INSERT INTO incidents VALUES ('login', 'login.20260302T080000Z', '-', 1, NULL, 'critical', '{}')";
    connection.execute_batch(incident).unwrap();
    let steps: Vec<_> = (0..40).map(|number| format!("step{number}")).collect();
    let steps: Vec<_> = steps.iter().map(|name| (name.as_str(), true)).collect();
    let mut sizes = Vec::new();
    let mut longest = std::time::Duration::ZERO;
    for minute in 0..1_000 {
        let run = report(&format!("run{minute}"), minute, 100.0, &steps);
        let value = Datum::for_environment(&check::metric::DURATION, 1.0, "demo", "login", None, run.started);
        store.publish(&[value.clone(), value]).await.unwrap();
        let begun = std::time::Instant::now();
        store.record(&run).unwrap();
        longest = longest.max(begun.elapsed());
        sizes.push(fs::metadata(&file).unwrap().len());
    }
    // The log of writes is copied to the file from time to time.
    drop(store);
    let size = fs::metadata(&file).unwrap().len();
    let most = sizes.iter().copied().max().unwrap().max(size);
    assert!(most < max_size + 500_000, "{most} bytes");
    assert!(sizes[999] > max_size / 2, "{} bytes: the bound was never reached", sizes[999]);
    let kept = rows(&connection, "SELECT run_id FROM runs ORDER BY scheduled_at DESC LIMIT 100");
    assert!(kept.iter().eq((900..1_000).rev().map(|run| format!("run{run}")).collect::<Vec<_>>().iter()), "{kept:?}");
    let count = |sql: &str| rows(&connection, sql)[0].parse::<i64>().unwrap();
    assert!(count("SELECT count(*) FROM runs") < 900);
    let oldest = count("SELECT min(scheduled_at) FROM runs");
    assert!(count("SELECT min(at) FROM metric_values") >= oldest - 60_000, "values went with their runs");
    assert_eq!(count("SELECT count(*) FROM steps"), 40 * count("SELECT count(*) FROM runs"));
    assert_eq!((count("SELECT count(*) FROM incidents"), count("SELECT sum(failed) FROM daily_runs")), (1, 1_000));
    assert!(longest < std::time::Duration::from_secs(2), "{longest:?}");
}

/// The tables of the first version, as it wrote them.
#[test]
fn file_of_the_first_version_is_migrated() {
    let file = file("migrated");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let old = Connection::open(&file).unwrap();
    old.execute_batch(include_str!("../src/store/schema/1.sql")).unwrap();
    old.execute_batch(
        r#"PRAGMA application_id = 1245991769; PRAGMA user_version = 1;
         INSERT INTO runs VALUES
            ('a', 'login', 'home/manual', 1772438400000, 0, 0, 'passed', NULL),
            ('b', 'login', 'home/manual', 1772438460000, 0, 0, 'failed', '{"attempts":[{"duration_ms":7},{"duration_ms":9.5}]}'),
            ('c', 'login', 'home/manual', 1772438520000, 0, 0, 'inconclusive', '{}'),
            ('d', 'login', 'home/manual', 1772438580000, 0, 0, 'refused', '{}'),
            ('e', 'queues', 'home/manual', 1772538400000, 0, 0, 'maintenance', '{}');
         INSERT INTO steps VALUES
            ('a', 0, 'web', 'x', 'passed', 1), ('a', 1, 'web', 'y', 'skipped', 1), ('a', 2, 'api', 'x', 'passed', 1),
            ('b', 0, 'web', 'x', 'passed', 1), ('b', 1, 'web', 'y', 'failed', 1), ('b', 2, 'api', 'x', 'passed', 1),
            ('c', 0, 'web', 'x', 'inconclusive', 1), ('c', 1, 'web', 'y', 'passed', 1),
            ('e', 0, 'web', 'x', 'maintenance', 1);"#,
    )
    .unwrap();
    for _ in 0..2 {
        let store = Store::open(&file).unwrap();
        assert_eq!(rows(&old, DAYS), ["login 2026-03-02 1 1 1 0 0 NULL NULL", "queues 2026-03-03 0 0 0 1 0 NULL NULL"]);
        assert_eq!(rows(&old, SUBJECTS), ["2026-03-02 api 2 0", "2026-03-02 web 1 1"]);
        let durations = "SELECT run_id, attempt_ms FROM runs WHERE attempt_ms IS NOT NULL";
        assert_eq!(rows(&old, durations), ["b 10"], "rounded");
        assert_eq!(rows(&old, "PRAGMA user_version"), ["6"]);
        drop(store);
    }
    let store = Store::open(&file).unwrap();
    store.record(&report("f", 9, 100.0, &[("web", true)])).unwrap();
    assert!(rows(&old, DAYS)[0].starts_with("login 2026-03-02 1 2 1 0 1 10"));
}
