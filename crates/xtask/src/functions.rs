//! Builds the functions and the template that deploys them.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command::Run;
use crate::tools;
use crate::workspace::Workspace;

/// Builds the programs of the whole workspace and a test, so that cargo enables the same features as in the step `unit`,
/// those for tests included. Other features would compile most dependencies again. Programs of fuzz targets only link with
/// the flags of the fuzzer.
pub const BUILD: &str = "build --workspace --exclude fuzz --bins --test e2e";
/// Like [`BUILD`], for selected programs. The test is a small one that does not depend on the functions.
const BUILD_SELECTED: &str = "build --workspace --exclude fuzz --test catalogue";

/// Builds the functions with the dev profile for this machine, and the template, into `target/sam`. The end-to-end tests
/// deploy them to the emulator.
///
/// # Errors
/// When a binary or the template does not build.
pub fn for_emulator(workspace: &Workspace) -> Result<()> {
    let ids = workspace.function_ids()?;
    for id in &ids {
        if !workspace.root.join(format!("functions/{id}/src/main.rs")).is_file() {
            bail!(
                "functions/{id} has no src/main.rs\n  add it: each function is a program with the name of its folder"
            );
        }
    }
    build_with_test_clock(workspace, &ids)?;
    Run::cargo(workspace, BUILD).run()?;
    // CARGO_TARGET_DIR separates the copies of SAM from the builds of cargo-lambda.
    sam_build(workspace, "sam", host_architecture()?, &tools::cargo_of_built(workspace)?, |run| {
        run.env("CARGO_TARGET_DIR", workspace.target.join("sam-binaries"))
            .env("SYNTHETICS_CARGO", &workspace.cargo)
            .env("SYNTHETICS_BINARIES", workspace.target.join("debug"))
    })?;
    for id in &ids {
        let built = workspace.target.join("debug").join(id);
        let packed = workspace.target.join(format!("sam/{}Function/bootstrap", pascal_case(id)));
        if !same_length(&built, &packed) {
            bail!(
                "{} differs from the binary that cargo built\n  check {}Function in infra/template.yaml",
                packed.display(),
                pascal_case(id)
            );
        }
    }
    Ok(())
}

/// Builds the program `synthetics` with the dev profile for this machine, and returns its path.
///
/// # Errors
/// When it does not build.
pub fn program(workspace: &Workspace) -> Result<PathBuf> {
    Run::cargo(workspace, BUILD_SELECTED).args(["--quiet", "--bin", "synthetics"]).run()?;
    Ok(workspace.target.join("debug/synthetics"))
}

/// Builds the functions for AWS with cargo-lambda (release profile) into `target/package`.
///
/// # Errors
/// When a binary or the template does not build.
pub fn package(workspace: &Workspace, architecture: &str) -> Result<()> {
    if !["arm64", "x86_64"].contains(&architecture) {
        bail!("expected --architecture arm64 or x86_64, found {architecture:?}");
    }
    let cargo_lambda = tools::python(workspace, "package")?;
    // Each run records its release. A source archive has no commit.
    let commit =
        Run::program(workspace, "git").args(["show", "--no-patch", "--format=%h", "--abbrev=10", "HEAD"]).output();
    sam_build(workspace, "package", architecture, &cargo_lambda, |run| match commit {
        Ok(commit) => run.env("SYNTHETICS_COMMIT", commit.trim()),
        Err(_) => run,
    })?;
    let sam = tools::on_path(workspace, &tools::python(workspace, "sam")?.join("sam"))?;
    println!("for {architecture}; to deploy it with {}, see docs/deploy/README.md", sam.display());
    Ok(())
}

/// Builds the functions with the feature `test-clock` into `target/e2e`, for tests that serve the Runtime API.
fn build_with_test_clock(workspace: &Workspace, ids: &[String]) -> Result<()> {
    let features: Vec<String> = ids.iter().map(|id| format!("{id}/test-clock")).collect();
    let binaries = ids.iter().flat_map(|id| ["--bin", id]);
    Run::cargo(workspace, BUILD_SELECTED).args(binaries).args(["--features", &features.join(",")]).run()?;
    let folder = workspace.target.join("e2e");
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    for id in ids {
        let (built, kept) = (workspace.target.join("debug").join(id), folder.join(format!("{id}-test-clock")));
        fs::copy(&built, &kept).with_context(|| format!("failed to copy {} to {}", built.display(), kept.display()))?;
    }
    Ok(())
}

fn sam_build(
    workspace: &Workspace,
    into: &str,
    architecture: &str,
    first_on_path: &Path,
    environment: impl FnOnce(Run) -> Run,
) -> Result<()> {
    let sam = tools::python(workspace, "sam")?.join("sam");
    let run = Run::program(workspace, sam)
        .args(["build", "--template", "infra/template.yaml", "--config-file"])
        .args([workspace.root.join("infra/samconfig.toml")])
        .args(["--build-dir".into(), workspace.target.join(into)])
        .args(["--parameter-overrides".into(), format!("Architecture={architecture}")])
        .env("SAM_CLI_TELEMETRY", "0")
        .env("PATH", before_path(first_on_path)?);
    environment(run).run()
}

fn before_path(folder: &Path) -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(std::iter::once(folder.to_path_buf()).chain(env::split_paths(&path)))
        .context("failed to put the tools on PATH")
}

fn host_architecture() -> Result<&'static str> {
    match env::consts::ARCH {
        "x86_64" => Ok("x86_64"),
        "aarch64" => Ok("arm64"),
        other => bail!("expected x86_64 or aarch64, which Lambda supports, found {other}"),
    }
}

fn same_length(one: &Path, other: &Path) -> bool {
    matches!((fs::metadata(one), fs::metadata(other)), (Ok(one), Ok(other)) if one.len() == other.len())
}

/// Converts an id such as `payment-webhook` to the form in templates: `PaymentWebhook`.
pub fn pascal_case(id: &str) -> String {
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    id.split('-').filter(|word| !word.is_empty()).map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_resource_names() {
        for (id, name) in [("login", "Login"), ("payment-webhook", "PaymentWebhook")] {
            assert_eq!(pascal_case(id), name);
        }
    }
}
