//! Tests the program and its peers against misbehaving servers. `cargo xtask hostile` runs it in an isolated network.

mod cases;
mod host;
mod names;
mod ours;
mod page;
mod peers;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use cases::{Case, NUMBERS};
use futures::{StreamExt, stream};
use ours::RunResult;
use page::Row;
use peers::Exporter;

/// Number of cases that run at the same time. They mostly wait.
const PARALLEL_CASES: usize = 6;
const USAGE: &str = "usage: hostile prove | page    (in an isolated network: cargo xtask hostile)";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match texts[..] {
        ["measure", file, ..] => {
            return match ours::measure(file, &arguments[2..]) {
                Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
                Err(error) => failed(&error),
            };
        }
        ["prove"] => prove().await,
        ["page"] => write_page().await,
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}

/// Results of the program against all servers.
struct Proof {
    cases: Vec<(Case, RunResult)>,
    baseline_kb: u64,
    /// Numbers with a case that does not pass.
    failed: BTreeSet<u8>,
}

/// Runs the program against every case and compares the page in the repository with the cases.
async fn prove() -> Result<()> {
    let folder = Folder::new()?;
    let (proof, _) = run_cases(&folder.0).await?;
    conclude(&proof)?;
    let text = std::fs::read_to_string(page::PATH).with_context(|| format!("failed to read {}", page::PATH))?;
    let cases: Vec<&Case> = proof.cases.iter().map(|(case, _)| case).collect();
    let differences = page::differences(&text, &cases);
    anyhow::ensure!(
        differences.is_empty(),
        "{} is outdated; run cargo xtask hostile\n  {}",
        page::PATH,
        differences.join("\n  ")
    );
    Ok(())
}

/// Runs the program and its peers against every case and writes the page.
async fn write_page() -> Result<()> {
    let folder = Folder::new()?;
    let (proof, ca_certificates) = run_cases(&folder.0).await?;
    let versions = format!("{} and {}", version("curl").await?, version("prometheus-blackbox-exporter").await?);
    let passed = passed_numbers(&proof);
    let Proof { cases, baseline_kb, failed } = proof;
    let (cases, ours): (Vec<Case>, Vec<RunResult>) = cases.into_iter().unzip();
    let exporter = Exporter::start(&cases, &ca_certificates, &folder.0).await?;
    let verdicts: Vec<Result<_>> = stream::iter(cases.iter().enumerate())
        .map(async |(place, case)| Ok((peers::curl(case, &ca_certificates).await?, exporter.probe(place, case).await?)))
        .buffered(PARALLEL_CASES)
        .collect()
        .await;
    let mut rows = Vec::new();
    for ((case, ours), verdicts) in cases.into_iter().zip(ours).zip(verdicts) {
        let (curl, exporter) = verdicts?;
        rows.push(Row { case, ours, curl, exporter });
    }
    let earlier = std::fs::read_to_string(page::PATH).unwrap_or_default();
    let text = page::page(&rows, baseline_kb, passed, &versions, &earlier);
    std::fs::write(page::PATH, text).with_context(|| format!("failed to write {}", page::PATH))?;
    println!("wrote {}", page::PATH);
    let cases = rows.into_iter().map(|row| (row.case, row.ours)).collect();
    conclude(&Proof { cases, baseline_kb, failed })
}

fn passed_numbers(proof: &Proof) -> usize {
    let numbers: BTreeSet<u8> = proof.cases.iter().map(|(case, _)| case.number).collect();
    (1..=NUMBERS).filter(|number| numbers.contains(number) && !proof.failed.contains(number)).count()
}

fn conclude(proof: &Proof) -> Result<()> {
    let passed = passed_numbers(proof);
    println!("{passed} of {NUMBERS} numbered faults pass, in {} cases", proof.cases.len());
    anyhow::ensure!(passed == usize::from(NUMBERS) && proof.failed.is_empty(), "expected all cases to pass");
    Ok(())
}

async fn run_cases(folder: &Path) -> Result<(Proof, PathBuf)> {
    host::set_up(folder).await?;
    names::serve().await?;
    let (cases, authority) = cases::all(folder).await?;
    let ca_certificates = folder.join("authority.pem");
    std::fs::write(&ca_certificates, &authority.pem).context("failed to write the authority")?;
    let baseline = cases::baseline().await;
    let run = ours::run(&baseline, &ca_certificates, folder, "baseline").await?;
    let baseline_kb = run.peak_kb;
    anyhow::ensure!(run.failure.is_none(), "expected a normal answer to pass: {run:?}");
    let results: Vec<Result<RunResult>> = stream::iter(cases.iter().enumerate())
        .map(|(place, case)| {
            let ca_certificates = &ca_certificates;
            async move { ours::run(case, ca_certificates, folder, &format!("case{place}")).await }
        })
        .buffered(PARALLEL_CASES)
        .collect()
        .await;
    let mut proof = Proof { cases: Vec::new(), baseline_kb, failed: BTreeSet::new() };
    for (case, result) in cases.into_iter().zip(results) {
        let result = result.with_context(|| format!("{} {}", case.number, case.fault))?;
        if let Some(violation) = result.violation(&case, baseline_kb) {
            println!("{} {}: {violation}", case.number, case.fault);
            proof.failed.insert(case.number);
        }
        proof.cases.push((case, result));
    }
    Ok((proof, ca_certificates))
}

/// Temporary folder, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("hostile-{}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A remaining folder does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn version(program: &str) -> Result<String> {
    let output = tokio::process::Command::new(program).arg("--version").output().await;
    let output = output.with_context(|| format!("failed to run {program}"))?;
    // The exporter prints its version to stderr.
    let output = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    let output = String::from_utf8_lossy(&output);
    let words: Vec<&str> = output.split_whitespace().collect();
    let number = words.iter().find(|word| word.starts_with(|c: char| c.is_ascii_digit())).copied().unwrap_or("?");
    Ok(format!("{} {number}", program.trim_start_matches("prometheus-").replace('-', "_")))
}
