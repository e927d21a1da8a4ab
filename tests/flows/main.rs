//! Runs every flow against a platform that turns hostile at one request, and proves that the bounds hold. A program
//! instead of tests, since every run is a separate process: `cargo test --package tests --test flows`.

#![expect(clippy::unwrap_used, reason = "a broken setup ends the proof")]

mod attack;
mod behavior;
mod echo;
#[path = "../leak_search.rs"]
mod leak_search;
mod maintenance;
mod memory;
mod page;
mod platform;
mod reader;
mod run;
mod stores;
mod verdict;

use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use attack::{Arrived, Attack, Extent, Place};
use behavior::Behavior;
use echo::{Echoed, Share};
use futures::{StreamExt, stream};
use run::{FLOWS, Flow, Observation};
use stores::{Addresses, Servers};
use verdict::violations;

/// Number of runs at the same time. They mostly wait.
const PARALLEL_RUNS: usize = 16;
/// Number of answers of a flow at which the short proof tries each behavior: lasting, and once.
const SHORT: [usize; 2] = [3, 2];
/// The short proof tries one of so many encodings at each flow, and all of them at some flow.
const SHORT_SHARE: usize = 3;
/// Longest time until all flows pass.
const UNTIL_HEALTHY: Duration = Duration::from_secs(30);
/// Modes of a run: with all limits, without those that can be raised, and with a client that has none.
const BOUNDED: &str = "bounded";
const UNBOUNDED: &str = "unbounded";
const READER: &str = "reader";
/// Number of echoing processes at the same time. They compute.
const PARALLEL_ECHOES: usize = 4;
const USAGE: &str = "usage: flows [prove | page | try FLOW]";

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let code = runtime.block_on(started());
    // The platform stops before a server in front of it that still waits for its answer.
    runtime.shutdown_background();
    code
}

async fn started() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match texts[..] {
        ["run", name, mode, addresses, ref attack @ ..] => run_here(name, mode, addresses, attack).await,
        ["echo", ref arguments @ ..] => echo_here(arguments).await,
        [] | ["prove"] => prove().await,
        ["page"] => write_page().await,
        ["try", name] => try_flows(name).await,
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
async fn run_here(name: &str, mode: &str, addresses: &str, attack: &[&str]) -> Result<()> {
    let attack = match *attack {
        [behavior, extent, request, number] => Some(Attack {
            behavior: Behavior::named(behavior).context("no such behavior")?,
            from: Place { request: request.to_owned(), number: number.parse()? },
            extent: if extent == Extent::Once.name() { Extent::Once } else { Extent::Lasting },
        }),
        _ => None,
    };
    let observation = match attack {
        Some(attack) if mode == READER => reader::observe(&attack).await?,
        attack => run::observe(name, &serde_json::from_str(addresses)?, attack, mode == BOUNDED).await?,
    };
    println!("{}", serde_json::to_string(&observation)?);
    Ok(())
}

/// Echoes the secrets of a flow at one request in this process and prints the results.
async fn echo_here(arguments: &[&str]) -> Result<()> {
    let [name, addresses, request, number, share, of] = *arguments else { anyhow::bail!(USAGE) };
    let place = Place { request: request.to_owned(), number: number.parse()? };
    let share = Share { number: share.parse()?, of: of.parse()? };
    let echoed = run::echo(name, &serde_json::from_str(addresses)?, place, share).await?;
    println!("{}", serde_json::to_string(&echoed)?);
    Ok(())
}

/// Runs flows in other processes.
struct Runner {
    addresses: Addresses,
}

impl Runner {
    async fn run(&self, flow: &Flow, mode: &str, attack: Option<&Attack>) -> Result<Observation> {
        let attack = attack.map(|Attack { behavior, from, extent }| {
            [behavior.name(), extent.name(), &from.request, &from.number.to_string()].map(str::to_owned)
        });
        let output = tokio::process::Command::new(std::env::current_exe()?)
            .args(["run", flow.name, mode, &serde_json::to_string(&self.addresses)?])
            .args(attack.iter().flatten())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(Duration::from_secs(60), output).await.context("the run hangs")??;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(!errors.contains("panicked"), "a panic: {errors}");
        serde_json::from_slice(&output.stdout).with_context(|| format!("no observation, {}: {errors}", output.status))
    }

    async fn echo(&self, flow: &Flow, place: &Place, share: Share) -> Result<Echoed> {
        let output = tokio::process::Command::new(std::env::current_exe()?)
            .args(["echo", flow.name, &serde_json::to_string(&self.addresses)?])
            .args([&place.request, &place.number.to_string(), &share.number.to_string(), &share.of.to_string()])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(!errors.contains("panicked"), "a panic: {errors}");
        serde_json::from_slice(&output.stdout).with_context(|| format!("no result, {}: {errors}", output.status))
    }

    /// Runs flows against healthy servers.
    async fn healthy(&self, flows: impl Iterator<Item = &'static Flow>) -> Result<Vec<Healthy>> {
        let started = Instant::now();
        let mut all = Vec::new();
        for flow in flows {
            let observed = loop {
                let observed = self.run(flow, BOUNDED, None).await.context(flow.name)?;
                // A replica takes a moment to follow its source, and a busy machine may delay an answer.
                if observed.has_passed() || started.elapsed() > UNTIL_HEALTHY {
                    break observed;
                }
            };
            let violations = violations(flow, None, &observed, observed.peak_kb);
            ensure!(violations.is_empty(), "{} with healthy servers: {}", flow.name, violations.join("; "));
            all.push(Healthy { flow, arrived: observed.arrived, baseline_kb: observed.peak_kb });
        }
        Ok(all)
    }
}

/// A flow, and its run against healthy servers.
pub struct Healthy {
    /// The flow.
    pub flow: &'static Flow,
    /// Its answers.
    pub arrived: Vec<Arrived>,
    /// Peak memory of the run. **Units:** kilobytes.
    pub baseline_kb: u64,
}

impl Healthy {
    /// Answers of a kind of which a behavior can replace some.
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

/// Most expensive runs of a proof.
#[derive(Default)]
pub struct Worst {
    /// Longest time after a run's deadline.
    pub after_deadline: Duration,
    /// Memory beyond the healthy run. **Units:** MB.
    pub memory: u64,
}

/// Attacks of a proof: for each behavior and flow at most so many, lasting and once.
fn attacks(healthy: &[Healthy], at_most: [usize; 2]) -> Vec<(&Healthy, Attack)> {
    let mut attacks = Vec::new();
    for (row, healthy) in healthy.iter().enumerate() {
        for (column, behavior) in healthy.flow.behaviors().iter().copied().enumerate() {
            let places = healthy.places(behavior);
            for (extent, at_most) in Extent::ALL.into_iter().zip(at_most) {
                let count = places.len().min(at_most);
                // Spread over the answers, beginning elsewhere for each behavior.
                let place = |index: usize| places[(row + column + index * places.len() / count) % places.len()].clone();
                let attack = |index| Attack { behavior, from: place(index), extent };
                attacks.extend((0..count).map(|index| (healthy, attack(index))));
            }
        }
    }
    attacks
}

/// Runs all attacks.
async fn attack(runner: &Runner, attacks: Vec<(&Healthy, Attack)>) -> Result<Worst> {
    let started = Instant::now();
    let count = attacks.len();
    let results: Vec<_> = stream::iter(attacks)
        .map(async |(healthy, attack)| {
            let observed = runner.run(healthy.flow, BOUNDED, Some(&attack)).await;
            (healthy, attack, observed)
        })
        .buffered(PARALLEL_RUNS)
        .collect()
        .await;
    let (mut worst, mut failed, mut quotes) = (Worst::default(), 0, [0; 2]);
    for (healthy, attack, observed) in results {
        let found = match observed {
            Ok(observed) => {
                worst.after_deadline = worst.after_deadline.max(observed.took.saturating_sub(healthy.flow.deadline));
                let over = observed.peak_kb.saturating_sub(healthy.baseline_kb).div_ceil(1_000);
                worst.memory = worst.memory.max(over);
                quotes[0] += usize::from(observed.report.to_string().contains(behavior::QUOTED));
                quotes[1] += usize::from(observed.messages.to_string().contains(behavior::QUOTED));
                violations(healthy.flow, Some(&attack), &observed, healthy.baseline_kb)
            }
            Err(error) => vec![format!("{error:#}")],
        };
        failed += usize::from(!found.is_empty());
        for violation in found {
            let Attack { behavior, from, extent } = &attack;
            println!("{}, {} ({}) at {from}: {violation}", healthy.flow.name, behavior.name(), extent.name());
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

/// Controls: each bound is found to be broken, and a run without deadlines and limits breaks it.
async fn control(runner: &Runner, healthy: &[Healthy]) -> Result<()> {
    let login = healthy.first().context("expected a flow")?;
    verdict::control(login.flow)?;
    let unbounded = [
        (Behavior::Hang, UNBOUNDED, "took "),
        (Behavior::EndlessHeaders, READER, "needed "),
        (Behavior::EndlessBody, UNBOUNDED, "needed "),
        (Behavior::GzipBomb, UNBOUNDED, "needed "),
        (Behavior::HugeToken, UNBOUNDED, "needed "),
    ];
    let observed = unbounded.map(async |(behavior, mode, expected)| {
        let tried = if behavior == Behavior::HugeToken { Behavior::LongToken } else { behavior };
        let places = login.places(tried);
        let place = *places.first().context("expected a request")?;
        let attack = Attack { behavior, from: place.clone(), extent: Extent::Lasting };
        let observed = runner.run(login.flow, mode, Some(&attack)).await?;
        let found = violations(login.flow, Some(&attack), &observed, login.baseline_kb);
        let name = behavior.name();
        println!("{name} without limits: {}", found.join("; "));
        ensure!(
            found.iter().any(|violation| violation.starts_with(expected)),
            "expected a run beyond the bounds, {name}, found {found:?}"
        );
        Ok(())
    });
    futures::future::try_join_all(observed).await.map(drop)
}

/// Runs some attacks of each kind, and compares the page in the repository with the flows.
async fn prove() -> Result<()> {
    let servers = Servers::start(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let runner = Runner { addresses: servers.addresses.clone() };
    let healthy = runner.healthy(FLOWS.iter()).await?;
    attack(&runner, attacks(&healthy, SHORT)).await?;
    maintenance::prove(&runner, &healthy).await?;
    echoes(&runner, &healthy, 1, SHORT_SHARE).await?;
    control(&runner, &healthy).await?;
    page::compare(&healthy)
}

/// Runs all attacks and writes the section of the page.
async fn write_page() -> Result<()> {
    let servers = Servers::start(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let runner = Runner { addresses: servers.addresses.clone() };
    let healthy = runner.healthy(FLOWS.iter()).await?;
    let worst = attack(&runner, attacks(&healthy, [usize::MAX; 2])).await?;
    maintenance::prove(&runner, &healthy).await?;
    echoes(&runner, &healthy, usize::MAX, 1).await?;
    control(&runner, &healthy).await?;
    page::write(&healthy, &worst)
}

/// Runs all attacks on the flows with this text in their names.
async fn try_flows(name: &str) -> Result<()> {
    let servers = Servers::start(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let runner = Runner { addresses: servers.addresses.clone() };
    let healthy = runner.healthy(FLOWS.iter().filter(|flow| flow.name.contains(name))).await?;
    attack(&runner, attacks(&healthy, [usize::MAX; 2])).await?;
    maintenance::prove(&runner, &healthy).await?;
    echoes(&runner, &healthy, usize::MAX, 1).await
}

/// Secrets of the kinds that encodings treat differently: signs, letters beyond ASCII, short, digits.
const CONTROL: [&str; 4] = [r#"c4nary+/="\ %&<s3cret>~tail-9f2c"#, "blåbærgrød-på-ø-7731/xY", "k7Qz9", "0041958312"];

/// Echoes the secrets of every flow at some of its answers, in every n-th encoding.
async fn echoes(runner: &Runner, healthy: &[Healthy], at_most: usize, every: usize) -> Result<()> {
    leak_search::control(&CONTROL).map_err(|error| anyhow::anyhow!("the search does not find {error}"))?;
    let started = Instant::now();
    let places = healthy.iter().enumerate().flat_map(|(row, healthy)| {
        let echoing = if healthy.flow.store.is_some() { Behavior::ForgedError } else { Behavior::Hang };
        let places = healthy.places(echoing);
        let count = places.len().min(at_most);
        let place = move |index: usize| places[(row + index * places.len() / count) % places.len()].clone();
        let share = Share { number: row % every, of: every };
        (0..count).map(move |index| (healthy.flow, place(index), share))
    });
    let results: Vec<_> = stream::iter(places)
        .map(async |(flow, place, share)| (flow, runner.echo(flow, &place, share).await, place))
        .buffered(PARALLEL_ECHOES)
        .collect()
        .await;
    let (mut runs, mut masked, mut secrets, mut failed) = (0, 0, 0, 0);
    for (flow, echoed, place) in results {
        match echoed {
            Ok(echoed) => {
                (runs, masked, secrets) = (runs + echoed.runs, masked + echoed.masked, secrets + echoed.secrets);
                failed += echoed.leaks.len();
                for leak in echoed.leaks {
                    println!("{}, echo at {place}: {leak}", flow.name);
                }
            }
            Err(error) => {
                failed += 1;
                println!("{}, echo at {place}: {error:#}", flow.name);
            }
        }
    }
    let took = started.elapsed().as_secs_f64();
    println!("{secrets} echoed secrets in {runs} runs, {masked} of them with a mask: {failed} leaks, in {took:.0} s");
    ensure!(failed == 0, "expected no leak");
    ensure!(masked * 2 > runs, "expected a mask in most reports");
    Ok(())
}
