//! How the program and its peers bear servers at their worst. To be run in a network of its own, by `cargo xtask hostile`.

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
use ours::Ran;
use page::Row;
use peers::Exporter;

/// How many cases at a time: they wait more than they work.
const AT_A_TIME: usize = 6;
const USAGE: &str = "usage: hostile prove | page    in a network of its own: cargo xtask hostile";

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

/// The program before all servers.
struct Proof {
    cases: Vec<(Case, Ran)>,
    ordinary_kb: u64,
    /// The numbers of which a case is not borne.
    wrong: BTreeSet<u8>,
}

/// Holds the program against every case, and the page in the repository against what is held.
async fn prove() -> Result<()> {
    let folder = Folder::new()?;
    let (proof, _) = put_before(&folder.0).await?;
    conclude(&proof)?;
    let written = std::fs::read_to_string(page::PATH).with_context(|| format!("failed to read {}", page::PATH))?;
    let cases: Vec<&Case> = proof.cases.iter().map(|(case, _)| case).collect();
    let differences = page::differences(&written, &cases);
    anyhow::ensure!(
        differences.is_empty(),
        "{} is not what is held; write it again: cargo xtask hostile\n  {}",
        page::PATH,
        differences.join("\n  ")
    );
    Ok(())
}

/// The same, its peers too, and writes the page.
async fn write_page() -> Result<()> {
    let folder = Folder::new()?;
    let (proof, ca_certificates) = put_before(&folder.0).await?;
    let versions = format!("{} and {}", version("curl").await?, version("prometheus-blackbox-exporter").await?);
    let borne = borne(&proof);
    let Proof { cases, ordinary_kb, wrong } = proof;
    let (cases, ours): (Vec<Case>, Vec<Ran>) = cases.into_iter().unzip();
    let exporter = Exporter::start(&cases, &ca_certificates, &folder.0).await?;
    let said: Vec<Result<_>> = stream::iter(cases.iter().enumerate())
        .map(async |(place, case)| Ok((peers::curl(case, &ca_certificates).await?, exporter.ask(place, case).await?)))
        .buffered(AT_A_TIME)
        .collect()
        .await;
    let mut rows = Vec::new();
    for ((case, ours), said) in cases.into_iter().zip(ours).zip(said) {
        let (curl, exporter) = said?;
        rows.push(Row { case, ours, curl, exporter });
    }
    let text = page::page(&rows, ordinary_kb, borne, &versions);
    std::fs::write(page::PATH, text).with_context(|| format!("failed to write {}", page::PATH))?;
    println!("{} is written", page::PATH);
    let cases = rows.into_iter().map(|row| (row.case, row.ours)).collect();
    conclude(&Proof { cases, ordinary_kb, wrong })
}

fn borne(proof: &Proof) -> usize {
    let numbers: BTreeSet<u8> = proof.cases.iter().map(|(case, _)| case.number).collect();
    (1..=NUMBERS).filter(|number| numbers.contains(number) && !proof.wrong.contains(number)).count()
}

fn conclude(proof: &Proof) -> Result<()> {
    let borne = borne(proof);
    println!("{borne} of {NUMBERS} numbers are borne, in {} cases", proof.cases.len());
    anyhow::ensure!(borne == usize::from(NUMBERS) && proof.wrong.is_empty(), "not all cases are borne");
    Ok(())
}

async fn put_before(folder: &Path) -> Result<(Proof, PathBuf)> {
    host::set_up(folder).await?;
    names::serve().await?;
    let (cases, authority) = cases::all(folder).await?;
    let ca_certificates = folder.join("authority.pem");
    std::fs::write(&ca_certificates, &authority.pem).context("failed to write the authority")?;
    let ordinary = cases::ordinary().await;
    let run = ours::run(&ordinary, &ca_certificates, folder, "ordinary").await?;
    let ordinary_kb = run.peak_kb;
    anyhow::ensure!(run.failure.is_none(), "an ordinary answer is not taken: {run:?}");
    let ran: Vec<Result<Ran>> = stream::iter(cases.iter().enumerate())
        .map(|(place, case)| {
            let ca_certificates = &ca_certificates;
            async move { ours::run(case, ca_certificates, folder, &format!("case{place}")).await }
        })
        .buffered(AT_A_TIME)
        .collect()
        .await;
    let mut proof = Proof { cases: Vec::new(), ordinary_kb, wrong: BTreeSet::new() };
    for (case, ran) in cases.into_iter().zip(ran) {
        let ran = ran.with_context(|| format!("{} {}", case.number, case.fault))?;
        if let Some(what) = ran.wrong(&case, ordinary_kb) {
            println!("{} {}: {what}", case.number, case.fault);
            proof.wrong.insert(case.number);
        }
        proof.cases.push((case, ran));
    }
    Ok((proof, ca_certificates))
}

/// Where files of this run go, until it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("hostile-{}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn version(program: &str) -> Result<String> {
    let said = tokio::process::Command::new(program).arg("--version").output().await;
    let said = said.with_context(|| format!("failed to run {program}"))?;
    // The exporter says it on stderr.
    let said = if said.stdout.is_empty() { said.stderr } else { said.stdout };
    let said = String::from_utf8_lossy(&said);
    let words: Vec<&str> = said.split_whitespace().collect();
    let number = words.iter().find(|word| word.starts_with(|c: char| c.is_ascii_digit())).copied().unwrap_or("?");
    Ok(format!("{} {number}", program.trim_start_matches("prometheus-").replace('-', "_")))
}
