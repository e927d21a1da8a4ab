//! Bill of materials of the program: all crates in it, in CycloneDX's format.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::command::Run;
use crate::tools;
use crate::workspace::Workspace;

/// Folder of the program's crate.
const CRATE: &str = "crates/cli";
/// Crates that every build of the program has. A bill without one of them describes something else.
const ALWAYS_IN: [&str; 5] = ["aws-sdk-cloudwatch", "reqwest", "rustls", "tokio", "webpki-roots"];

/// Writes the bill of materials of a target into the folder and returns its path.
///
/// # Errors
/// When the tool is missing, or its result is not complete.
pub fn write(workspace: &Workspace, folder: &Path, name: &str, target: &str) -> Result<PathBuf> {
    let tool = tools::cargo_cyclonedx(workspace)?;
    // The tool writes a file next to the manifest of each crate in the workspace.
    let written: Vec<PathBuf> =
        crates(workspace)?.iter().map(|folder| folder.join(format!("{name}.cdx.json"))).collect();
    let mut run = Run::program(workspace, tool)
        .args(["cyclonedx", "--quiet", "--format", "json", "--target", target])
        .args(["--manifest-path", &format!("{CRATE}/Cargo.toml"), "--override-filename", &format!("{name}.cdx")])
        .env("CARGO", &workspace.cargo);
    if let Some(seconds) = time_of_sources(workspace) {
        // Otherwise each bill would have the time of its build and a random number.
        run = run.env("SOURCE_DATE_EPOCH", seconds);
    }
    let result = run.run().and_then(|()| {
        let path = workspace.root.join(CRATE).join(format!("{name}.cdx.json"));
        fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))
    });
    for file in written.iter().filter(|file| file.exists()) {
        fs::remove_file(file).with_context(|| format!("failed to remove {}", file.display()))?;
    }
    // The folder of this clone says nothing about the program.
    let bill = result?.replace(&format!("{}", workspace.root.display()), "");
    let lock = workspace.root.join("Cargo.lock");
    let lock = fs::read_to_string(&lock).with_context(|| format!("failed to read {}", lock.display()))?;
    let count = check(&bill, &lock)?;
    let path = folder.join(format!("{name}.cdx.json"));
    fs::write(&path, bill).with_context(|| format!("failed to write {}", path.display()))?;
    println!("   the bill of materials lists {count} crates");
    Ok(path)
}

/// Folders of all crates in the workspace.
fn crates(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let metadata = Run::cargo(workspace, "metadata --no-deps --format-version 1").output()?;
    let metadata: Value = serde_json::from_str(&metadata).context("failed to read cargo's metadata")?;
    let manifests = metadata["packages"].as_array().context("expected packages in cargo's metadata")?;
    let folder = |package: &Value| Some(Path::new(package["manifest_path"].as_str()?).parent()?.to_path_buf());
    Ok(manifests.iter().filter_map(folder).collect())
}

/// Time of the commit, or the one in `SOURCE_DATE_EPOCH`. A source archive may have neither.
fn time_of_sources(workspace: &Workspace) -> Option<String> {
    if let Ok(given) = std::env::var("SOURCE_DATE_EPOCH") {
        return Some(given);
    }
    let git = Run::program(workspace, "git").args(["show", "--no-patch", "--format=%ct", "HEAD"]);
    let (seconds, status) = git.printed().ok()?;
    status.success().then(|| seconds.trim().to_owned())
}

/// Checks that a bill lists the expected crates, each in a version of the lock file. Returns the number of its crates.
fn check(bill: &str, lock: &str) -> Result<usize> {
    let bill: Value = serde_json::from_str(bill).context("the bill of materials is not JSON")?;
    ensure!(bill["bomFormat"] == "CycloneDX", "expected a bill of materials of CycloneDX, found {}", bill["bomFormat"]);
    let lock: toml::Table = lock.parse().context("failed to parse Cargo.lock")?;
    let locked = lock.get("package").and_then(toml::Value::as_array).context("expected packages in Cargo.lock")?;
    let locked: BTreeSet<(&str, &str)> = locked
        .iter()
        .filter_map(|package| Some((package.get("name")?.as_str()?, package.get("version")?.as_str()?)))
        .collect();
    let listed = bill["components"].as_array().context("expected components in the bill of materials")?;
    let listed: BTreeSet<(&str, &str)> =
        listed.iter().filter_map(|crate_| Some((crate_["name"].as_str()?, crate_["version"].as_str()?))).collect();
    if let Some((name, version)) = listed.difference(&locked).next() {
        bail!("the bill of materials lists {name} {version}, which is not in Cargo.lock");
    }
    for name in ALWAYS_IN {
        ensure!(listed.iter().any(|(listed, _)| *listed == name), "the bill of materials lacks {name}");
    }
    Ok(listed.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LOCK: &str = include_str!("../../../../Cargo.lock");

    /// A bill with the locked versions of some crates.
    fn bill(names: &[&str]) -> Value {
        let lock: toml::Table = LOCK.parse().unwrap();
        let locked = lock["package"].as_array().unwrap();
        let components: Vec<Value> = locked
            .iter()
            .filter(|package| names.contains(&package["name"].as_str().unwrap()))
            .map(|package| json!({"name": package["name"].as_str(), "version": package["version"].as_str()}))
            .collect();
        json!({"bomFormat": "CycloneDX", "components": components})
    }

    #[test]
    fn bill_lists_the_locked_versions() {
        let complete = bill(&ALWAYS_IN);
        assert_eq!(check(&complete.to_string(), LOCK).unwrap(), ALWAYS_IN.len());
        let (mut other, mut format) = (complete.clone(), complete);
        other["components"][1]["version"] = json!("0.0.1");
        format["bomFormat"] = json!("SPDX");
        for (case, wrong, expected) in [
            ("a missing crate", bill(&ALWAYS_IN[..4]), "the bill of materials lacks webpki-roots"),
            ("another version", other, "the bill of materials lists reqwest 0.0.1, which is not in Cargo.lock"),
            ("another format", format, "expected a bill of materials of CycloneDX, found \"SPDX\""),
            ("no components", json!({"bomFormat": "CycloneDX"}), "expected components in the bill of materials"),
        ] {
            assert_eq!(check(&wrong.to_string(), LOCK).unwrap_err().to_string(), expected, "{case}");
        }
    }
}
