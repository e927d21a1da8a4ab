//! Server time and size of pages, and when the overview can be used in a browser, on a store with 200 subjects and thirty days of runs
//! every minute.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a failed benchmark should abort")]

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use check::{Step, StepResult, Subject};
use check_testkit::sample_report;
use console::{Guard, Monitored, Shown, Source, serve};
use jiff::{SignedDuration, Timestamp};
use local::Store;
use operations::{checks, thresholds};
use runtime::{CancellationToken, Clock as _, SystemClock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const DAYS: i64 = 30;
const SUBJECTS: usize = 200;
const ROUNDS: usize = 30;

#[tokio::main]
async fn main() {
    // Each write is on the disk at once; memory makes filling quick.
    let shared = PathBuf::from("/dev/shm");
    let parent = if shared.is_dir() { shared } else { PathBuf::from(env!("CARGO_TARGET_TMPDIR")) };
    let folder = parent.join("synthetics-console-bench");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let store = Arc::new(Store::open(&folder.join("bench.db")).unwrap());
    let ids = checks::ids(&[]).unwrap();
    fill(&store, &ids);
    let address = console(store, ids).await;
    for path in ["/", "/checks/availability", "/checks/login?window=30d"] {
        let mut times = Vec::new();
        let mut size = 0;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            size = get(address, path).await;
            times.push(began.elapsed());
        }
        times.sort();
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "{path}: {:.1} ms (median of {}; {:.1} to {:.1} ms), {:.1} kB",
            ms(times[times.len() / 2]),
            times.len(),
            ms(times[0]),
            ms(times[times.len() - 1]),
            size as f64 / 1e3
        );
    }
    show_in_a_browser(address);
    fs::remove_dir_all(&folder).unwrap();
}

/// Measures in Chromium, with what `cargo xtask bench` installs.
fn show_in_a_browser(address: SocketAddr) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/browser/usable.mjs");
    let mut node = Command::new("node");
    node.args([script, &format!("http://{address}"), "/"]).stdout(Stdio::null());
    let status = node.status().expect("node is missing");
    assert!(status.success(), "run the benchmark with: cargo xtask bench");
}

/// Records a run of each check a minute. `availability` has all subjects in one run of an hour, since the pages read their days.
fn fill(store: &Store, ids: &[&str]) {
    let now = SystemClock.now();
    let template = sample_report(&[120.0]);
    for minute in 0..DAYS * 1_440 {
        let at = now - SignedDuration::from_mins(DAYS * 1_440 - minute);
        for id in ids {
            let mut report = template.clone();
            report.run_id = format!("{id}-{minute}");
            report.key.check = (*id).to_owned();
            (report.key.scheduled_time, report.started, report.ended) = (at, at, at);
            let subjects = if *id == "availability" && minute % 60 == 0 { SUBJECTS } else { 1 };
            report.attempts[0].steps = (0..subjects).map(|number| step(number, at)).collect();
            store.record(&report).unwrap();
        }
    }
}

fn step(number: usize, at: Timestamp) -> Step {
    Step {
        subject: Subject::new(format!("target-{number}")).unwrap(),
        name: "response".to_owned(),
        started: at,
        duration_ms: 120.0,
        result: StepResult::Passed,
        assertions: Vec::new(),
        exchanges: Vec::new(),
    }
}

async fn console(store: Arc<Store>, checks: Vec<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shipped = thresholds::shipped("demo").unwrap();
    let alarms = thresholds::on_checks(shipped, &checks, None, &checks::default_objectives());
    let source = Source {
        release: String::new(),
        environment: "demo".to_owned(),
        host: String::new(),
        place: String::new(),
        options: String::new(),
        kept: "runs for 30 days".to_owned(),
        history: store,
        once_per_minute: None,
        live: None,
        actions: None,
        faults: None,
        changes: Arc::new(|| None),
        monitored: Monitored::new(Shown {
            objectives: checks::default_objectives(),
            checks,
            alarms,
            ..Shown::default()
        }),
        clock: Arc::new(SystemClock),
    };
    tokio::spawn(serve(listener, source, Guard::ThisMachine, CancellationToken::new()));
    address
}

/// Returns the size of the answer.
async fn get(address: SocketAddr, path: &str) -> usize {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    answer.len()
}
