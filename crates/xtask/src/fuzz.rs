//! Runs the fuzzer.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::command::Run;
use crate::tools;
use crate::workspace::Workspace;

/// Builds the program that writes the seeds; see [`crate::functions::BUILD`] for its options.
const BUILD: &str = "build --workspace --exclude fuzz --bin fuzzing --test catalogue";
/// Folder of the fuzz target.
const FOLDER: &str = "crates/fuzzing/fuzz";
/// Maximum memory of the fuzzer with its corpus. **Units:** MB.
const MAX_MEMORY: u32 = 1_024;
/// Longest time for one input. **Units:** seconds.
const MAX_TIME: u32 = 20;

/// Runs each property, or only the named one, for a number of seconds. A finding does not keep the others from running.
///
/// # Errors
/// When a property is violated, in which case the fuzzer prints the input, when there is no such property, or when the
/// fuzzer cannot be built.
pub fn fuzz(workspace: &Workspace, seconds: u32, only: Option<&str>) -> Result<()> {
    let fuzzer = tools::cargo_fuzz(workspace)?;
    Run::cargo(workspace, BUILD).run()?;
    let corpus = workspace.target.join("fuzz/corpus");
    let findings = workspace.target.join("fuzz/findings");
    fs::create_dir_all(&findings).with_context(|| format!("failed to create {}", findings.display()))?;
    let names = Run::program(workspace, workspace.target.join("debug/fuzzing")).args([&corpus]).output()?;
    let chosen: Vec<&str> = names.lines().filter(|name| only.is_none_or(|only| only == *name)).collect();
    ensure!(!chosen.is_empty(), "expected a property, one of {}", names.lines().collect::<Vec<_>>().join(", "));
    let mut violated = Vec::new();
    for name in chosen {
        println!("== {name}, {seconds} s");
        // Sanitizers need nightly Rust. The code has no `unsafe`, so fuzzing for panics is enough.
        let run = Run::program(workspace, &fuzzer)
            .args(["fuzz", "run", "property", "--fuzz-dir", FOLDER, "--sanitizer", "none", "--target-dir"])
            .args([workspace.target.join("fuzz"), corpus.join(name)])
            .args(["--".to_owned(), format!("-max_total_time={seconds}"), "-print_final_stats=1".to_owned()])
            .args([format!("-artifact_prefix={}/", findings.display())])
            .args([format!("-rss_limit_mb={MAX_MEMORY}"), format!("-timeout={MAX_TIME}")])
            .env("PROPERTY", name)
            // The profile for functions would link for minutes, and optimize for size.
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_STRIP", "none")
            .run();
        if let Err(error) = run {
            eprintln!("{error:#}");
            violated.push(name);
        }
    }
    ensure!(violated.is_empty(), "violated: {}; the inputs are in {}", violated.join(", "), findings.display());
    Ok(())
}
