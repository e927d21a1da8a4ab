//! The flow in process, against real servers.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod assets;
mod auth;
mod certificates;
mod client_certificate;
mod expectations;
mod maintenance;
mod mutation;
mod requests;
mod retry_after;
mod tags;

use std::sync::Arc;

use availability::Availability;
use check::{Failure, Outcome, Report};
use hostile::Server;
use local::Memory;
use runtime::{Invocation, Prepared, SkippingClock, execute};
use settings::Document;

/// Report of a run with one target, the root of a server; `keys` are further keys of the target.
async fn report(server: &Server, keys: &str) -> Report {
    report_at(&format!("http://{}", server.address), "", keys).await
}

/// Report of a run with one target, the root of a base URL, with further keys of the network and of the target.
async fn report_at(base_url: &str, network: &str, keys: &str) -> Report {
    let settings = settings(base_url, network, keys);
    runs(&settings, &[], 1).await.remove(0)
}

/// Settings with one target, the root of a base URL, with further keys of the network and of the target.
fn settings(base_url: &str, network: &str, keys: &str) -> String {
    format!(
        "environment = \"test\"\nbase_url = \"{base_url}\"\n[contact]\nname = \"n\"\ndetails = \"r\"\n\
         [links]\nrunbook = \"https://docs.example/\"\n[network]\nallow_addresses = [\"127.0.0.1\"]\n{network}\
         [check.availability]\ndeadline = \"45s\"\n\
         [[check.availability.targets]]\nid = \"t\"\npath = \"/\"\ndeadline = \"2s\"\n{keys}"
    )
}

/// Reports of a number of runs in one process, with secrets by the last part of their names.
async fn runs(settings: &str, secrets: &[(&str, &str)], times: usize) -> Vec<Report> {
    let document = Document::parse("test.toml", settings).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let prepared: Prepared<Availability> = Prepared::read(&document).unwrap_or_else(|found| panic!("{found:#?}"));
    let secrets =
        secrets.iter().map(|(name, value)| (format!("/just-driving/test/availability/{name}"), (*value).into()));
    let ports = check_testkit::ports(&Arc::new(Memory::default()), &Arc::new(SkippingClock::default()), secrets);
    let mut reports = Vec::new();
    for _ in 0..times {
        reports.push(execute(&prepared, &ports, &Invocation::manual()).await.unwrap());
    }
    reports
}

/// Expected and actual value of the only failure: `response/status timeout: expected … found …`, or the outcome in words.
fn found(report: &Report) -> String {
    match &report.outcome {
        Outcome::Failed { failures } => match &failures[..] {
            [Failure { step, kind, expected, actual, .. }] => {
                format!("{step} {kind}: expected {expected}, found {actual}")
            }
            _ => panic!("{failures:#?}"),
        },
        Outcome::Inconclusive { inconclusive } => format!("{}: {}", inconclusive.cause, inconclusive.detail),
        outcome => outcome.word().to_owned(),
    }
}

/// Problems of settings with these keys of the target, one a line, without the file and the source.
fn problems(keys: &str) -> String {
    let settings = settings("http://127.0.0.1", "", keys);
    let document = Document::parse("test.toml", &settings).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let problems = Prepared::<Availability>::read(&document).err().unwrap_or_default();
    let target = "check.availability.targets[0].";
    let lines = problems.iter().map(|problem| format!("{}: {}\n", problem.key.replace(target, ""), problem.rule));
    lines.collect()
}
