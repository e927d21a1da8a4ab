//! Time from the start of `synthetics demo` to its first passed run, and to that of its last check.

#![expect(clippy::unwrap_used, reason = "a failed benchmark should abort")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 9;
const CHECKS: usize = 10;

fn main() {
    let mut times: Vec<[Duration; 2]> = (0..ROUNDS).map(|_| round()).collect();
    for (place, what) in ["first passed run", "first passed run of each check"].into_iter().enumerate() {
        times.sort_by_key(|times| times[place]);
        let ms = |round: usize| times[round][place].as_secs_f64() * 1e3;
        println!("{what} of demo after {:.0} ms (median of {ROUNDS}; up to {:.0} ms)", ms(ROUNDS / 2), ms(ROUNDS - 1));
    }
}

/// Starts a demo, and waits for its passed runs.
fn round() -> [Duration; 2] {
    let began = Instant::now();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_synthetics"))
        .args(["demo", "--port", "0", "--listen", "none", "--every", "60s"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    let times: Vec<Duration> =
        lines.filter(|line| line.contains(": passed, ")).map(|_| began.elapsed()).take(CHECKS).collect();
    demo.kill().unwrap();
    demo.wait().unwrap();
    [times[0], times[CHECKS - 1]]
}
