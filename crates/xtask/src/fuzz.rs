//! Runs the fuzzer.

use std::fs;

use anyhow::{Context, Result};

use crate::command::Run;
use crate::tools;
use crate::workspace::Workspace;

/// Folder of the fuzz targets.
const FOLDER: &str = "crates/fuzzing/fuzz";
/// Fuzz targets, each with folders of seed files.
const TARGETS: [(&str, &[&str]); 5] = [
    ("settings", &["infra/layer/settings", "functions/availability/tests/settings/wrong"]),
    ("events", &["events", "events/messages"]),
    ("form_token", &[]),
    ("json_pointers", &[]),
    ("assertions", &[]),
];

/// Runs each target for a number of seconds and stops at the first finding.
///
/// # Errors
/// When a target fails, in which case the fuzzer prints the input, or when the fuzzer cannot be built.
pub fn fuzz(workspace: &Workspace, seconds: u32) -> Result<()> {
    let fuzzer = tools::cargo_fuzz(workspace)?;
    for (target, seeds) in TARGETS {
        println!("== {target}, {seconds} s");
        let corpus = workspace.target.join("fuzz/corpus").join(target);
        fs::create_dir_all(&corpus).with_context(|| format!("failed to create {}", corpus.display()))?;
        // Sanitizers need nightly Rust. The code has no `unsafe`, so fuzzing for panics is enough.
        Run::program(workspace, &fuzzer)
            .args(["fuzz", "run", "--fuzz-dir", FOLDER, "--sanitizer", "none", "--target-dir"])
            .args([workspace.target.join("fuzz")])
            .args([target.as_ref(), corpus.as_os_str()])
            .args(seeds)
            .args(["--".to_owned(), format!("-max_total_time={seconds}"), "-print_final_stats=1".to_owned()])
            .run()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_runs_and_its_seed_folders_exist() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let manifest: toml::Table = fs::read_to_string(root.join(FOLDER).join("Cargo.toml")).unwrap().parse().unwrap();
        let bins: Vec<&str> =
            manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap()).collect();
        assert_eq!(TARGETS.map(|(target, _)| target), bins[..]);
        for folder in TARGETS.iter().flat_map(|(_, seeds)| *seeds) {
            assert!(root.join(folder).is_dir(), "{folder}");
        }
    }
}
