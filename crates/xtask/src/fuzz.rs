//! The fuzzer.

use std::fs;

use anyhow::{Context, Result};

use crate::command::Run;
use crate::tools;
use crate::workspace::Workspace;

/// Where the targets are; a workspace of its own, since the fuzzer's flags are for all that it builds.
pub const FOLDER: &str = "crates/fuzzing/fuzz";
/// Each target with files of the repository to begin with.
const TARGETS: [(&str, &[&str]); 5] = [
    ("settings", &["infra/layer/settings", "functions/availability/tests/settings/wrong"]),
    ("events", &["events", "events/messages"]),
    ("form_token", &[]),
    ("json_pointers", &[]),
    ("assertions", &[]),
];

/// Runs each target for so long, stopping at the first that finds something.
///
/// # Errors
/// When something is found: the input that shows it stands in the fuzzer's words. When the fuzzer cannot be built.
pub fn fuzz(workspace: &Workspace, seconds: u32) -> Result<()> {
    let fuzzer = tools::cargo_fuzz(workspace)?;
    for (target, seeds) in TARGETS {
        println!("== {target}, {seconds} s");
        let corpus = workspace.target.join("fuzz/corpus").join(target);
        fs::create_dir_all(&corpus).with_context(|| format!("failed to make {}", corpus.display()))?;
        // Without a sanitizer, which only nightly Rust has: the code has no `unsafe`, so it is panics that are looked for.
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
    fn every_target_is_run_and_begins_with_files_that_are_there() {
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
