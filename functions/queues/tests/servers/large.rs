//! Long queues and large jobs are read in a few round trips and a few megabytes of memory.
//!
//! Memory is measured in a separate process: this test program, started again for a single test.

use std::process::Command;
use std::time::Duration;

use check::Outcome;
use check_testkit::servers::Proxy;

use crate::redis_server::{PREFIX, RedisServer, stock, with_horizon};
use crate::world::{Settings, failure_text, failures};

/// Most memory that a run may add. **Units:** bytes.
const MAX_MEMORY: u64 = 20 << 20;
const MAX_ROUND_TRIPS: usize = 5;
/// Variable with the server's port, set for the process whose memory is measured.
const PORT: &str = "QUEUES_TEST_PORT";
const JOBS: u32 = 1_000_000;

fn settings(port: u16) -> Settings {
    let names: Vec<String> = (0..20).map(|number| format!("queue-{number}")).collect();
    Settings { section: format!("queues = {names:?}"), ..Settings::at_port(port) }
}

/// Starts a server with twenty queues and a million jobs in one of them.
fn filled() -> RedisServer {
    let server = RedisServer::start(&[]);
    for number in 1..20 {
        server.push(&format!("queue-{number}"), &with_horizon(&format!("q-{number}"), "SendReceipt", 1_790_000_000));
    }
    let job = String::from_utf8(stock("UUID", "SendReminder")).unwrap();
    let push = "for n = 1, tonumber(ARGV[1]) do redis.call('RPUSH', KEYS[1], (ARGV[2]:gsub('UUID', tostring(n)))) end";
    server.run::<()>(&["EVAL", push, "1", &format!("{PREFIX}queues:queue-0"), &JOBS.to_string(), &job]);
    server
}

/// Memory of this process, as the kernel reports it in `part`. **Units:** bytes.
fn memory(part: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(part)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// Runs one of the tests below in a separate process.
fn in_own_process(test: &str, port: u16) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--ignored"])
        .env(PORT, port.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    println!("{text}");
}

fn port() -> u16 {
    std::env::var(PORT).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_million_jobs_are_read_in_five_round_trips() {
    let server = filled();
    let proxy = Proxy::start(server.port, Duration::ZERO).await;
    let world = settings(proxy.port).world().await;
    server.run::<()>(&["CONFIG", "RESETSTAT"]);
    let observed = world.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(observed.metrics["QueueBacklog"], f64::from(JOBS));
    let round_trips = proxy.round_trips();
    assert!(round_trips <= MAX_ROUND_TRIPS, "{round_trips} round trips");
    assert!(proxy.bytes() < 64 << 10, "{} bytes", proxy.bytes());
    // Commands that the server itself counted.
    let stats: String = server.run(&["INFO", "commandstats"]);
    let mut commands: Vec<&str> =
        stats.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split(':').next()).collect();
    commands.retain(|command| !["info", "config|resetstat", "client|setinfo"].contains(command));
    commands.sort_unstable();
    assert_eq!(commands, ["lindex", "llen", "zcard", "zcount"]);
    in_own_process("large::memory_of_a_run_over_a_million_jobs", server.port);
}

#[tokio::test]
#[ignore = "the test above runs it in a separate process"]
async fn memory_of_a_run_over_a_million_jobs() {
    let world = settings(port()).world().await;
    let before = memory("VmRSS");
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let observed = world.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    let grown = memory("VmHWM").saturating_sub(before);
    println!("a run over a million jobs: {} KiB more than before it", grown >> 10);
    assert!(grown < MAX_MEMORY, "{grown} bytes");
}

#[tokio::test]
async fn oversized_job_is_not_read_to_its_end() {
    let server = RedisServer::start(&[]);
    server.push("queue-3", &vec![b'x'; 9 << 20]);
    let observed = settings(server.port).world().await.run().await;
    assert_eq!(failures(&observed), ["redis read protocol"], "{:#?}", observed.report);
    assert!(failure_text(&observed).contains("at most 4 MiB"), "{}", failure_text(&observed));
    in_own_process("large::memory_of_a_run_over_a_job_of_nine_megabytes", server.port);
}

#[tokio::test]
#[ignore = "the test above runs it in a separate process"]
async fn memory_of_a_run_over_a_job_of_nine_megabytes() {
    let world = settings(port()).world().await;
    let before = memory("VmRSS");
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    world.run().await;
    let grown = memory("VmHWM").saturating_sub(before);
    println!("a run over a job of nine megabytes: {} KiB more than before it", grown >> 10);
    assert!(grown < MAX_MEMORY, "{grown} bytes");
}

#[tokio::test]
async fn job_below_the_limit_is_read() {
    let server = RedisServer::start(&[]);
    server.push("queue-3", &vec![b'x'; 3 << 20]);
    let observed = settings(server.port).world().await.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
}
