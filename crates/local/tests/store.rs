//! The store in a file, from the outside.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use alarm::State;
use check::incident::CheckState;
use check::message::Topic;
use check::{Outcome, Phases, Refusal, Report, Step, StepResult, Subject};
use check_testkit::{sample_report, sample_step, store_contract};
use history::{AlarmChange, AlarmChanges, AlarmState, History as _, Period, PhaseTimes, Window};
use jiff::SignedDuration;
use local::{Memory, Store};
use runtime::{CommitError, OperatorStore as _, StateStore as _};
use rusqlite::Connection;

/// Number of killed processes.
const KILLS: u64 = 200;

/// A file of this test alone.
fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("store-{name}"));
    let _ = fs::remove_dir_all(&folder);
    folder.join("new/synthetics.db")
}

#[tokio::test]
async fn contract_holds() {
    store_contract::assert_holds(&Memory::default()).await;
    store_contract::assert_holds(&Store::open(&file("contract")).unwrap()).await;
}

#[test]
fn file_is_private_and_opened_again() {
    let file = file("again");
    for _ in 0..2 {
        drop(Store::open(&file).unwrap());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        // As a copy from a backup may be.
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    }
}

#[test]
fn processes_may_create_a_file_at_the_same_time() {
    for _ in 0..20 {
        let file = file("created");
        std::thread::scope(|scope| {
            let openings: Vec<_> = (0..8).map(|_| scope.spawn(|| Store::open(&file).map(drop))).collect();
            for opening in openings {
                opening.join().unwrap().unwrap();
            }
        });
    }
}

/// SQLite would take these names for a database in memory, and for a URI.
#[tokio::test]
async fn odd_names_are_files() {
    let folder = file("odd-names");
    fs::create_dir_all(&folder).unwrap();
    for name in [":memory:", "file:x.db?mode=memory", "a b æ.db"] {
        let file = folder.join(name);
        // The folder of the test program's process is not changed, so the name is given relative to it.
        let current = std::env::current_dir().unwrap();
        let up = "../".repeat(current.components().count() - 1);
        let relative = PathBuf::from(format!("{up}{}", file.strip_prefix("/").unwrap().display()));
        Store::open(&relative).unwrap().amend("login", 0, &CheckState::default()).await.unwrap();
        assert_eq!(Store::open_existing(&file).unwrap().load("login").await.unwrap().version, 1, "{name}");
    }
    drop(Store::open(Path::new(":memory:")).unwrap());
    assert!(fs::metadata(":memory:").unwrap().len() > 0);
    fs::remove_file(":memory:").unwrap();
}

#[test]
fn store_belongs_to_one_platform() {
    let store = Store::open(&file("claimed")).unwrap();
    for _ in 0..2 {
        store.claim("staging", "a.example").unwrap();
    }
    for (environment, host) in [("production", "a.example"), ("staging", "b.example")] {
        let error = store.claim(environment, host).unwrap_err().to_string();
        let expected =
            format!("expected the store of environment {environment} of {host}, found that of environment staging");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn empty_or_missing_file_is_not_read() {
    let file = file("empty");
    assert!(Store::open_existing(&file).unwrap_err().to_string().contains("No such file"));
    assert!(!file.exists());
    drop(Store::open(&file).unwrap());
    fs::write(&file, "").unwrap();
    assert!(Store::open_existing(&file).unwrap_err().to_string().contains("the file is empty"));
    assert_eq!(fs::metadata(&file).unwrap().len(), 0);
}

/// Files to refuse, with a part of the error.
#[test]
fn files_that_are_no_store_are_refused() {
    let database = |file: &Path, sql: &str| Connection::open(file).unwrap().execute_batch(sql).unwrap();
    let text = |file: &Path| fs::write(file, "environment = \"production\"\n".repeat(99)).unwrap();
    let folder = |file: &Path| fs::create_dir(file).unwrap();
    let foreign = |file: &Path| database(file, "CREATE TABLE bookmarks (url TEXT)");
    let newer = |file: &Path| {
        drop(Store::open(file).unwrap());
        database(file, "PRAGMA user_version = 99");
    };
    type Make<'m> = &'m dyn Fn(&Path);
    let cases: [(&str, Make<'_>, &str); 4] = [
        ("text", &text, "start anew, or give another with --store"),
        ("folder", &folder, "expected a file, found something else"),
        ("foreign", &foreign, "it is a database of another program\n  give another file with --store"),
        ("newer", &newer, "expected a store of version 6 or older, found version 99\n  use the release that wrote it"),
    ];
    for (name, make, expected) in cases {
        let file = file(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        make(&file);
        let error = Store::open(&file).unwrap_err().to_string();
        let named = format!("the store {} cannot be used: ", file.display());
        assert!(error.starts_with(&named) && error.contains(expected), "{name}: {error}");
    }
}

#[tokio::test]
async fn damaged_file_is_an_error_and_not_an_empty_state() {
    let file = file("damaged");
    let store = Store::open(&file).unwrap();
    store.amend("login", 0, &CheckState::default()).await.unwrap();
    drop(store);
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'checks'";
    let page: usize = Connection::open(&file).unwrap().query_row(sql, [], |row| row.get(0)).unwrap();
    let mut bytes = fs::read(&file).unwrap();
    // The page of the states. Those of the header and the schema stay whole.
    bytes[4_096 * (page - 1)..4_096 * page].fill(0xff);
    fs::write(&file, bytes).unwrap();
    let error = Store::open(&file).unwrap().load("login").await.unwrap_err();
    assert!(error.detail.contains("start anew") && !error.retryable, "{error}");
    let unreadable = self::file("unreadable");
    drop(Store::open(&unreadable).unwrap());
    let sql = "INSERT INTO checks (id, version, state) VALUES ('login', 1, '{')";
    Connection::open(&unreadable).unwrap().execute_batch(sql).unwrap();
    let error = Store::open(&unreadable).unwrap().load("login").await.unwrap_err();
    assert!(error.detail.contains("checks.state"), "{error}");
}

#[tokio::test]
async fn two_processes_share_a_file() {
    let file = file("shared");
    let (one, other) = (Store::open(&file).unwrap(), Store::open(&file).unwrap());
    one.amend("login", 0, &CheckState::default()).await.unwrap();
    assert_eq!(other.amend("login", 0, &CheckState::default()).await, Err(CommitError::Moved));
    other.amend("login", 1, &CheckState::default()).await.unwrap();
    assert_eq!(one.load("login").await.unwrap().version, 2);
}

#[test]
fn documented_tables_are_those_of_the_file() {
    let file = file("documented");
    drop(Store::open(&file).unwrap());
    let connection = Connection::open(&file).unwrap();
    let names = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let text = include_str!("../../../docs/operations/store.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let mut documented = Vec::new();
    for (table, rest) in rows {
        let columns = names(&format!("SELECT name FROM pragma_table_info('{table}')"));
        for column in rest.split('`').skip(1).step_by(2).filter(|word| *word != "NULL") {
            assert!(columns.iter().any(|own| own == column), "{table}.{column}");
        }
        documented.push(table.to_owned());
    }
    documented.sort();
    let tables =
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name";
    assert_eq!(documented, names(tables));
    let examples: Vec<_> = text.split("```sql\n").skip(1).collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        connection.prepare(example.split_once("```").unwrap().0).unwrap();
    }
}

#[tokio::test]
async fn runs_are_kept_with_their_steps_and_pruned() {
    let file = file("runs");
    let store = Store::open(&file).unwrap();
    let connection = Connection::open(&file).unwrap();
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let report = |id: &str, minutes: i64, outcome: Outcome| {
        let mut report = sample_report(&[12.0]);
        let at = report.started + SignedDuration::from_mins(minutes);
        let step = Step {
            subject: Subject::whole(),
            name: "request".to_owned(),
            started: at,
            duration_ms: 12.0,
            result: StepResult::Passed,
            assertions: Vec::new(),
            exchanges: Vec::new(),
        };
        report.attempts[0].steps = vec![step.clone(), Step { name: "log-in".to_owned(), ..step }];
        report.key.scheduled_time = at;
        Report { run_id: id.to_owned(), started: at, ended: at, outcome, ..report }
    };
    store.record(&report("a", 0, Outcome::Passed)).unwrap();
    store.record(&report("b", 1, Outcome::Passed)).unwrap();
    store.record(&report("c", 2, Outcome::Refused { refusal: Refusal::Stale })).unwrap();
    store.record(&report("d", 61, Outcome::Passed)).unwrap();
    let whole = |id: &str| count(&format!("SELECT count(report) FROM runs WHERE run_id = '{id}'"));
    assert_eq!(["a", "b", "c", "d"].map(whole), [1, 0, 1, 1], "one passed run an hour, and all others");
    assert_eq!(count("SELECT count(*) FROM steps WHERE result = 'passed' AND duration_ms = 12"), 8);
    // One wrong clock removes nothing.
    let days = |days: i64| days * 24 * 60;
    store.record(&report("e", days(500), Outcome::Passed)).unwrap();
    assert_eq!(count("SELECT count(*) FROM runs"), 5);
    store.record(&report("f", days(500), Outcome::Passed)).unwrap();
    assert_eq!((count("SELECT count(*) FROM runs"), count("SELECT count(*) FROM steps")), (2, 4));
}

#[tokio::test]
async fn time_in_phases_is_that_of_all_requests() {
    let store = Store::in_memory().unwrap();
    let sample = sample_report(&[90.0]);
    let phases =
        |dns_ms, first_byte_ms: f64| Phases { dns_ms, first_byte_ms: Some(first_byte_ms), ..Phases::default() };
    let record = |id: &str, minutes: i64, requests: &[Phases]| {
        let at = sample.started + SignedDuration::from_mins(minutes);
        let mut report = sample.clone();
        (report.run_id, report.key.scheduled_time, report.started, report.ended) = (id.to_owned(), at, at, at);
        report.attempts[0].steps = requests.iter().map(|phases| sample_step("request", at, phases.clone())).collect();
        store.record(&report).unwrap();
    };
    record("a", 0, &[phases(Some(2.0), 10.0), phases(None, 30.0)]);
    record("b", 1, &[phases(Some(4.0), 20.0)]);
    record("c", 60, &[]);
    let window = Window::new(sample.started, sample.started + SignedDuration::from_hours(2));
    let found = store.phase_durations("login", window, Period::minutes(60)).await.unwrap();
    let at = Period::minutes(60).floor(sample.started);
    assert_eq!(found, [PhaseTimes { at, phases: phases(Some(3.0), 30.0) }], "an hour without requests has no times");
    assert_eq!(store.phase_durations("booking", window, Period::minutes(60)).await.unwrap(), []);
}

/// Another process waits at most five seconds for a writer.
#[tokio::test]
async fn what_is_old_goes_little_by_little_and_the_file_shrinks() {
    let file = file("old");
    let store = Store::open(&file).unwrap();
    let connection = Connection::open(&file).unwrap();
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let old = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
               INSERT INTO runs (run_id, check_id, slot, scheduled_at, started, ended, outcome, report)
               SELECT 'run' || i, 'login', 'home/manual', i, i, i, 'passed', printf('%.1000c', 'x') FROM n";
    connection.execute_batch(old).unwrap();
    let mut left = Vec::new();
    for run in 0..4 {
        let mut report = sample_report(&[]);
        report.run_id = format!("new{run}");
        store.record(&report).unwrap();
        left.push(count("SELECT count(*) FROM runs WHERE started < 9999"));
    }
    // The first run comes long after the one before.
    assert_eq!(left, [5_000, 3_000, 1_000, 0]);
    let free = count("PRAGMA freelist_count");
    store.record(&sample_report(&[])).unwrap();
    assert!(count("PRAGMA freelist_count") <= free - 90, "{free} pages were free");
}

/// Variable with the file that [`writer`] writes to.
const WRITER: &str = "STORE_OF_THE_WRITER";

/// The process to kill: writes until then, and prints each stored version.
#[tokio::test]
async fn writer() {
    let Some(file) = std::env::var_os(WRITER) else { return };
    let store = Store::open(Path::new(&file)).unwrap();
    let mut version = store.load("login").await.unwrap().version;
    loop {
        // It does not wait for the disk, and the write after it does.
        store.record(&sample_report(&[])).unwrap();
        store.amend("login", version, &CheckState::default()).await.unwrap();
        version += 1;
        println!("stored {version}");
    }
}

/// A process like [`writer`] that does not wait for the disk: the control of the test below.
#[test]
fn hasty_writer() {
    let Some(file) = std::env::var_os(WRITER) else { return };
    let connection = Connection::open(file).unwrap();
    connection.pragma_update(None, "synchronous", "OFF").unwrap();
    for number in 1.. {
        connection.execute("INSERT INTO checks (id, version, state) VALUES (?, 1, '{}')", [number]).unwrap();
        println!("stored {number}");
    }
}

/// The log of a write is on the disk before the write is acknowledged, and so before a message is sent.
#[cfg(target_os = "linux")]
#[test]
fn acknowledged_writes_are_on_the_disk() {
    let trace = |test: &str| -> String {
        let file = file(test);
        drop(Store::open(&file).unwrap());
        let output = file.with_extension("trace");
        let calls = "--trace=write,pwrite64,fsync,fdatasync";
        let mut writer = Command::new("strace")
            .args(["--follow-forks", calls, "--decode-fds=path", "--output"])
            .arg(&output)
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(WRITER, &file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("strace is missing; install it: sudo apt-get install --yes strace");
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let stored = lines.map_while(Result::ok).filter(|line| line.starts_with("stored ")).take(20).count();
        assert_eq!(stored, 20, "{test} ended by itself");
        writer.kill().unwrap();
        writer.wait().unwrap();
        fs::read_to_string(output).unwrap()
    };
    let is_synced = |trace: &str| {
        let (mut unsynced, mut acknowledged) = (false, 0);
        for call in trace.lines() {
            match call {
                call if call.contains("pwrite64(") && call.contains("-wal") => unsynced = true,
                call if call.contains("sync(") && call.contains("-wal") => unsynced = false,
                call if call.contains("write(1") && call.contains("stored ") => {
                    acknowledged += 1;
                    if unsynced {
                        return false;
                    }
                }
                _ => {}
            }
        }
        assert!(acknowledged >= 20, "{trace}");
        true
    };
    let calm = trace("writer");
    assert!(is_synced(&calm), "{calm}");
    assert!(!is_synced(&trace("hasty_writer")), "without waiting, the test fails");
}

#[tokio::test]
async fn kills_lose_nothing_and_damage_nothing() {
    let file = file("killed");
    let mut random = fastrand::Rng::with_seed(22);
    let mut acknowledged = 0;
    for _ in 0..KILLS {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer", "--nocapture"])
            .env(WRITER, &file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(writer.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("stored ") {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "the writer ended by itself");
        }
        std::thread::sleep(Duration::from_micros(random.u64(0..20_000)));
        writer.kill().unwrap();
        writer.wait().unwrap();
        output.read_to_string(&mut line).unwrap();
        let stored = line.lines().filter_map(|line| line.strip_prefix("stored ")?.parse().ok());
        acknowledged = stored.fold(acknowledged, u64::max);
        let connection = Connection::open(&file).unwrap();
        let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
        let found = Store::open(&file).unwrap().load("login").await.unwrap().version;
        assert!(found >= acknowledged, "version {acknowledged} was acknowledged, {found} is stored");
    }
    assert!(acknowledged > KILLS, "{acknowledged}");
}

#[tokio::test]
async fn changes_of_alarms_are_kept() {
    let store = Store::open(&file("alarms")).unwrap();
    let at = |minute: i64| sample_report(&[]).started + SignedDuration::from_mins(minute);
    let state = |alarm: &str, state: State, minute: i64| AlarmState {
        alarm: alarm.to_owned(),
        state,
        since: at(minute),
        reason: format!("minute {minute}"),
        decided_by: serde_json::json!([{ "at": at(minute), "value": 0.5 }]),
    };
    let [first, same, next] =
        [(State::Ok, 0), (State::Ok, 1), (State::Alarm, 2)].map(|(now, minute)| state("login-slow", now, minute));
    let other = state("booking-slow", State::InsufficientData, 2);
    assert_eq!(
        [&first, &same, &next, &other].map(|state| store.set_alarm_state(state).unwrap()),
        [true, false, true, true]
    );
    assert_eq!(store.alarm_states().unwrap(), [other.clone(), next.clone()]);
    let changes = [(None, other), (Some(State::Ok), next), (None, first)];
    let changes = changes.map(|(previous, now)| AlarmChange { previous, now });
    for (from, until, limit, expected, has_more) in [
        (0, 3, 3, &changes[..], false),
        (0, 3, 2, &changes[..2], true),
        (2, 3, 9, &changes[..2], false),
        (0, 2, 9, &changes[2..], false),
        (0, 0, 9, &[], false),
    ] {
        let found = store.alarm_changes(Window::new(at(from), at(until)), limit).await.unwrap();
        let complete_from = if has_more { expected[expected.len() - 1].now.since } else { at(from) };
        let expected = AlarmChanges { changes: expected.to_vec(), has_more, complete_from };
        assert_eq!(found, expected, "{from} to {until}");
    }
}

#[test]
fn message_is_delivered_once_to_each_destination() {
    let file = file("deliveries");
    let store = Store::open(&file).unwrap();
    let at = sample_report(&[]).started;
    let is_delivered = |destination| store.delivered("n1", Topic::OnCall, destination).unwrap();
    store.record_delivery("n1", Topic::OnCall, "chat", at, Err("status 500")).unwrap();
    assert!(!is_delivered("chat"));
    store.record_delivery("n1", Topic::OnCall, "chat", at + SignedDuration::from_mins(1), Ok(())).unwrap();
    assert!(is_delivered("chat") && !is_delivered("e-mail"));
    assert!(
        !store.delivered("n1", Topic::Events, "chat").unwrap()
            && !store.delivered("n2", Topic::OnCall, "chat").unwrap()
    );
    store.record_delivery("n1", Topic::OnCall, "chat", at + SignedDuration::from_mins(2), Err("timeout")).unwrap();
    assert!(is_delivered("chat"), "a second attempt does not undo the first");
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let sql = "SELECT attempts, (delivered_at - ?) / 1000, error FROM deliveries";
    let found: (i64, i64, String) =
        Connection::open(&file).unwrap().query_row(sql, [at.as_millisecond()], row).unwrap();
    assert_eq!(found, (3, 60, "timeout".to_owned()));
}

#[test]
fn file_that_is_moved_or_replaced_is_noticed() {
    let file = file("moved");
    let elsewhere = file.with_extension("elsewhere");
    let store = Store::open(&file).unwrap();
    store.confirm_file().unwrap();
    fs::rename(&file, &elsewhere).unwrap();
    let error = store.confirm_file().unwrap_err().to_string();
    assert!(error.contains("expected the file that this program opened, found none\n"), "{error}");
    fs::write(&file, "").unwrap();
    let error = store.confirm_file().unwrap_err().to_string();
    assert!(error.contains(", found another file\n") && error.contains("start this program again"), "{error}");
    fs::rename(&elsewhere, &file).unwrap();
    store.confirm_file().unwrap();
    Store::in_memory().unwrap().confirm_file().unwrap();
}
