//! Building the functions and the template that deploys them.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::command::Run;
use crate::tools;
use crate::workspace::Workspace;

/// The whole workspace with its tests, so that cargo chooses the features it chose for the other steps: with a choice of its
/// own, a build would compile most dependencies once more.
const BUILD: &str = "build --workspace --bins --test e2e";

/// Builds the functions with the dev profile for this machine, and the template around them, into `target/sam`: what the
/// end-to-end tests deploy into the emulator.
///
/// # Errors
/// When a binary or the template does not build.
pub fn for_emulator(workspace: &Workspace) -> Result<()> {
    let ids = workspace.function_ids()?;
    for id in &ids {
        if !workspace.root.join(format!("functions/{id}/src/main.rs")).is_file() {
            bail!("functions/{id} has no src/main.rs: a function is a program of the same name");
        }
    }
    with_the_tests_clock(workspace, &ids)?;
    Run::cargo(workspace, BUILD).run()?;
    // CARGO_TARGET_DIR keeps what SAM copies apart from what cargo-lambda builds.
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
                "{} is not the binary cargo built\n  is {}Function in infra/template.yaml?",
                packed.display(),
                pascal_case(id)
            );
        }
    }
    Ok(())
}

/// Builds the functions as they run on AWS: release profile, arm64, by cargo-lambda, into `target/package`.
///
/// # Errors
/// When a binary or the template does not build.
pub fn package(workspace: &Workspace) -> Result<()> {
    let cargo_lambda = tools::python(workspace, "package")?;
    sam_build(workspace, "package", "arm64", &cargo_lambda, |run| run)?;
    println!("deploy it: docs/operations.md, \"Deploying\"");
    Ok(())
}

/// Builds the functions with the feature `test-clock` into `target/e2e`, for the tests that are their Runtime API.
fn with_the_tests_clock(workspace: &Workspace, ids: &[String]) -> Result<()> {
    let features: Vec<String> = ids.iter().map(|id| format!("{id}/test-clock")).collect();
    Run::cargo(workspace, BUILD).args(["--features", &features.join(",")]).run()?;
    let folder = workspace.target.join("e2e");
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
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
        other => bail!("Lambda has no processor called {other}"),
    }
}

fn same_length(one: &Path, other: &Path) -> bool {
    matches!((fs::metadata(one), fs::metadata(other)), (Ok(one), Ok(other)) if one.len() == other.len())
}

/// `payment-webhook` as templates write it: `PaymentWebhook`.
pub fn pascal_case(id: &str) -> String {
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    id.split('-').filter(|word| !word.is_empty()).map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_becomes_a_name_that_templates_allow() {
        for (id, name) in [("login", "Login"), ("payment-webhook", "PaymentWebhook")] {
            assert_eq!(pascal_case(id), name);
        }
    }
}
