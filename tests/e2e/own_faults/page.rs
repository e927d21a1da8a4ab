//! Section of `docs/hostile-endpoints.md` about the monitor itself.

use std::path::PathBuf;

use super::PROOFS;
use crate::runtime_api::{MEMORY, TIMEOUT};
use crate::world::repository;

const HEADING: &str = "\n## The monitor itself\n";
/// Start of any section.
const SECTION: &str = "\n## ";

fn section() -> String {
    let rows: String = PROOFS
        .iter()
        .map(|proof| format!("| {} | {} | {} | {} |\n", proof.number, proof.fault, proof.disturbance, proof.result))
        .collect();
    format!(
        "{HEADING}\n\
         Faults of the monitor's own surroundings, each caused on purpose: the shipped function binaries, the demo platform\n\
         and an AWS emulator, with a proxy between them that disturbs calls. Every invocation ended within its timeout of\n\
         {} s and with at most {} MB of memory. Kills at random moments lose no notification, in 10,000 simulated histories\n\
         (`crates/runtime/tests/pipeline/histories.rs`) and in a dozen of the real binary (`tests/e2e/kills.rs`).\n\n\
         | no. | fault | disturbance | result |\n|---|---|---|---|\n{rows}",
        TIMEOUT.as_secs(),
        MEMORY / 1_000_000,
    )
}

fn path() -> PathBuf {
    repository().join("docs/hostile-endpoints.md")
}

/// Compares the section with the proofs.
pub(super) fn compare() {
    let page = std::fs::read_to_string(path()).unwrap();
    assert!(
        page.contains(&section()),
        "the section about the monitor in docs/hostile-endpoints.md is outdated; rewrite it: cargo xtask hostile --all"
    );
}

/// Replaces the section, which precedes the last one.
pub(super) fn write() {
    let page = std::fs::read_to_string(path()).unwrap();
    let (before, after) = match page.split_once(HEADING) {
        Some((before, rest)) => (before, rest.find(SECTION).map_or("", |end| &rest[end..])),
        None => page.rfind(SECTION).map_or((page.as_str(), ""), |end| page.split_at(end)),
    };
    std::fs::write(path(), format!("{before}{}{after}", section())).unwrap();
}
