//! Asks the product's client, Chromium and curl for the same answers, and compares their verdicts with
//! `docs/http-behaviour.md`. A program instead of tests, since one browser serves all rows.

#![expect(clippy::unwrap_used, reason = "a broken setup ends the comparison")]

mod chromium;
mod curl;
mod devtools;
mod ours;
mod page;
mod row;
mod rows;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use chromium::Chromium;
use page::Measured;
use row::{Row, Verdict};
use rows::Topic;

const USAGE: &str = "usage: http_behaviour [prove | page]";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match texts[..] {
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

/// Rows with all verdicts, and the versions of Chromium and curl.
struct Comparison {
    rows: Vec<Measured>,
    chromium: String,
    curl: String,
}

/// Compares the verdicts with the page in the repository.
async fn prove() -> Result<()> {
    let Comparison { rows, chromium, curl } = measure().await?;
    check_reasons(&rows)?;
    let differences = page::differences(&rows)?;
    ensure!(
        differences.is_empty(),
        "docs/http-behaviour.md does not fit Chromium {chromium} and curl {curl}; run cargo xtask http-behaviour\n  {}",
        differences.join("\n  ")
    );
    println!("{} answers: all verdicts are as in docs/http-behaviour.md", rows.len());
    Ok(())
}

/// Writes the page.
async fn write_page() -> Result<()> {
    let Comparison { rows, chromium, curl } = measure().await?;
    page::write(&page::text(&rows, &chromium, &curl))?;
    println!("wrote docs/http-behaviour.md");
    check_reasons(&rows)
}

fn check_reasons(rows: &[Measured]) -> Result<()> {
    let mistakes = page::mistakes(rows);
    ensure!(mistakes.is_empty(), "reasons of differences are wrong\n  {}", mistakes.join("\n  "));
    Ok(())
}

/// Asks all clients for all answers.
async fn measure() -> Result<Comparison> {
    let folder = Folder::new()?;
    let (topics, authorities) = rows::all();
    let joined = authorities.concat();
    let file = folder.0.join("authorities.pem");
    std::fs::write(&file, &joined).context("failed to write the authorities")?;
    let client = ours::client(&joined)?;
    let mut chromium = Chromium::start(&folder.0, &authorities).await?;
    let mut rows = Vec::new();
    for Topic { heading: topic, note, rows: of_topic } in topics {
        for row in of_topic {
            let context = || format!("{topic}: {}", row.answer);
            let [ours, by_chromium, by_curl] =
                verdicts(&row, &client, &mut chromium, &file).await.with_context(context)?;
            rows.push(Measured { topic, note, row, ours, chromium: by_chromium, curl: by_curl });
        }
    }
    let version = chromium.version.clone();
    chromium.end().await;
    Ok(Comparison { rows, chromium: version, curl: curl::version().await? })
}

/// Asks all clients for one answer. Each has a separate server.
async fn verdicts(
    row: &Row,
    client: &probe::Client,
    chromium: &mut Chromium,
    authorities: &Path,
) -> Result<[Verdict; 3]> {
    let servers = [row.start().await, row.start().await, row.start().await];
    let (ours, by_chromium, by_curl) = tokio::try_join!(
        ours::ask(row, &servers[0], client),
        chromium.ask(row, &servers[1]),
        curl::ask(row, &servers[2], authorities),
    )?;
    Ok([Some(ours), by_chromium, by_curl].map(|found| Verdict::new(row.ask, found)))
}

/// Temporary folder, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("http-behaviour-{}", std::process::id()));
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
