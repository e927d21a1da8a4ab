//! Runs every flow against a platform that turns hostile at one request, and proves that the bounds hold. A program
//! instead of tests, since every run is a separate process: `cargo test --package tests --test flows`.

#![expect(clippy::unwrap_used, reason = "a broken setup ends the proof")]

mod answer;
mod behavior;
mod front;
mod memory;
mod page;
mod run;
mod verdict;

use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use behavior::Behavior;
use front::{Arrived, Attack, Place};
use futures::{StreamExt, stream};
use run::{FLOWS, Flow, Observation};
use verdict::violations;

/// Number of runs at the same time. They mostly wait.
const PARALLEL_RUNS: usize = 16;
/// Number of requests of a flow at which the short proof tries each behavior.
const SHORT: usize = 2;
const USAGE: &str = "usage: flows [prove | page]";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match texts[..] {
        ["run", check, mode, ref attack @ ..] => run_here(check, mode == "bounded", attack).await,
        [] | ["prove"] => prove().await,
        ["page"] => write_page().await,
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a flow in this process and prints the observation.
async fn run_here(check: &str, is_bounded: bool, attack: &[&str]) -> Result<()> {
    let attack = match *attack {
        [behavior, request, number] => Some(Attack {
            behavior: Behavior::named(behavior).context("no such behavior")?,
            from: Place { request: request.to_owned(), number: number.parse()? },
        }),
        _ => None,
    };
    let observation = run::observe(check, attack, is_bounded).await?;
    println!("{}", serde_json::to_string(&observation)?);
    Ok(())
}

/// Runs a flow in another process.
async fn run_elsewhere(flow: &Flow, mode: &str, attack: Option<(&Place, Behavior)>) -> Result<Observation> {
    let attack =
        attack.map(|(place, behavior)| [behavior.name().to_owned(), place.request.clone(), place.number.to_string()]);
    let output = tokio::process::Command::new(std::env::current_exe()?)
        .args(["run", flow.check, mode])
        .args(attack.iter().flatten())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(60), output).await.context("the run hangs")??;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(!errors.contains("panicked"), "a panic: {errors}");
    serde_json::from_slice(&output.stdout).with_context(|| format!("no observation: {errors}"))
}

/// A flow, and its run against a healthy platform.
pub struct Healthy {
    /// The flow.
    pub flow: &'static Flow,
    /// Its requests.
    pub arrived: Vec<Arrived>,
    /// Peak memory of the run. **Units:** kilobytes.
    pub baseline_kb: u64,
}

impl Healthy {
    /// Requests with a method and path at which a behavior can replace some answer.
    pub fn places(&self, behavior: Behavior) -> Vec<&Place> {
        let applies = |arrived: &&Arrived| arrived.behaviors.iter().any(|name| name == behavior.name());
        let requests: Vec<&str> =
            self.arrived.iter().filter(applies).map(|arrived| arrived.place.request.as_str()).collect();
        // Some requests run at the same time and arrive in any order.
        let mut places: Vec<&Place> = self.arrived.iter().map(|arrived| &arrived.place).collect();
        places.retain(|place| requests.contains(&place.request.as_str()));
        places.sort();
        places
    }
}

async fn healthy() -> Result<Vec<Healthy>> {
    let mut all = Vec::new();
    for flow in &FLOWS {
        let observed = run_elsewhere(flow, "bounded", None).await.context(flow.check)?;
        let violations = violations(flow, None, &observed, observed.peak_kb);
        ensure!(violations.is_empty(), "{} with a healthy platform: {}", flow.check, violations.join("; "));
        all.push(Healthy { flow, arrived: observed.arrived, baseline_kb: observed.peak_kb });
    }
    Ok(all)
}

/// Most expensive runs of a proof.
#[derive(Default)]
pub struct Worst {
    /// Longest time after a run's deadline.
    pub after_deadline: Duration,
    /// Memory beyond the healthy run. **Units:** MB.
    pub memory: u64,
}

/// Runs all attacks, at most so many of each behavior per flow.
async fn attack(healthy: &[Healthy], at_most: usize) -> Result<Worst> {
    let started = Instant::now();
    let mut attacks = Vec::new();
    for (row, healthy) in healthy.iter().enumerate() {
        for (column, behavior) in Behavior::ALL.into_iter().enumerate() {
            let places = healthy.places(behavior);
            let count = places.len().min(at_most);
            // Spread over the requests, beginning elsewhere for each behavior.
            let chosen = (0..count).map(|index| places[(row + column + index * places.len() / count) % places.len()]);
            attacks.extend(chosen.map(|place| (healthy, place.clone(), behavior)));
        }
    }
    let count = attacks.len();
    let results: Vec<_> = stream::iter(attacks)
        .map(async |(healthy, place, behavior)| {
            let observed = run_elsewhere(healthy.flow, "bounded", Some((&place, behavior))).await;
            (healthy, place, behavior, observed)
        })
        .buffered(PARALLEL_RUNS)
        .collect()
        .await;
    let (mut worst, mut failed, mut quotes) = (Worst::default(), 0, [0; 2]);
    for (healthy, place, behavior, observed) in results {
        let found = match observed {
            Ok(observed) => {
                worst.after_deadline = worst.after_deadline.max(observed.took.saturating_sub(healthy.flow.deadline));
                let over = observed.peak_kb.saturating_sub(healthy.baseline_kb).div_ceil(1_000);
                worst.memory = worst.memory.max(over);
                quotes[0] += usize::from(observed.report.to_string().contains(behavior::QUOTED));
                quotes[1] += usize::from(observed.messages.to_string().contains(behavior::QUOTED));
                violations(healthy.flow, Some((&place, behavior)), &observed, healthy.baseline_kb)
            }
            Err(error) => vec![format!("{error:#}")],
        };
        failed += usize::from(!found.is_empty());
        for violation in found {
            println!("{}, {} at {place}: {violation}", healthy.flow.check, behavior.name());
        }
    }
    println!("{} of {count} hostile runs hold, in {:.0} s", count - failed, started.elapsed().as_secs_f64());
    println!("at most {:.1} s after a deadline, {} MB", worst.after_deadline.as_secs_f64(), worst.memory);
    ensure!(failed == 0, "expected all runs to hold");
    let [reports, messages] = quotes;
    println!("{reports} reports and {messages} runs' messages quote forged texts");
    ensure!(reports > 0, "expected reports that quote forged texts; without any, nothing shows that they are cleaned");
    Ok(worst)
}

/// Controls: each bound is found to be broken, and a run with longer deadlines breaks the one of time against a platform
/// that hangs.
async fn control(healthy: &[Healthy]) -> Result<()> {
    let login = healthy.first().context("expected a flow")?;
    verdict::control(login.flow)?;
    let places = login.places(Behavior::Hang);
    let place = *places.first().context("expected a request")?;
    let observed = run_elsewhere(login.flow, "unbounded", Some((place, Behavior::Hang))).await?;
    let found = violations(login.flow, Some((place, Behavior::Hang)), &observed, login.baseline_kb);
    ensure!(found.iter().any(|violation| violation.starts_with("took ")), "expected too long a run, found {found:?}");
    Ok(())
}

/// Runs some attacks of each kind, and compares the page in the repository with the flows.
async fn prove() -> Result<()> {
    let healthy = healthy().await?;
    attack(&healthy, SHORT).await?;
    control(&healthy).await?;
    page::compare(&healthy)
}

/// Runs all attacks and writes the section of the page.
async fn write_page() -> Result<()> {
    let healthy = healthy().await?;
    let worst = attack(&healthy, usize::MAX).await?;
    control(&healthy).await?;
    page::write(&healthy, &worst)
}
