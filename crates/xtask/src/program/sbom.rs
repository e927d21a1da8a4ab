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

/// Name and version of a crate.
type Crate = (String, String);

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
        .args(["cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5", "--target", target])
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
    let bill = serde_json::from_str(&bill).context("the bill of materials is not JSON")?;
    let in_program = built_in(workspace, target)?;
    let bill = only(bill, &in_program)?;
    let path = folder.join(format!("{name}.cdx.json"));
    fs::write(&path, format!("{bill:#}\n")).with_context(|| format!("failed to write {}", path.display()))?;
    println!("   the bill of materials lists {} crates", in_program.len());
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

/// Crates of the program for a target, each with its version, as cargo builds them: those that run at build time too.
fn built_in(workspace: &Workspace, target: &str) -> Result<BTreeSet<Crate>> {
    let tree =
        Run::cargo(workspace, "tree --locked --package synthetics --edges normal,build --prefix none --format {p}")
            .args(["--target", target])
            .output()?;
    // The first line is the program itself.
    let crates = tree.lines().skip(1).filter_map(|line| {
        let (name, rest) = line.split_once(" v")?;
        Some((name.to_owned(), rest.split(' ').next()?.to_owned()))
    });
    Ok(crates.collect())
}

/// Leaves only these crates in a bill. The tool knows the features that the whole workspace enables, and lists their crates too.
fn only(mut bill: Value, in_program: &BTreeSet<Crate>) -> Result<Value> {
    ensure!(bill["bomFormat"] == "CycloneDX", "expected a bill of materials of CycloneDX, found {}", bill["bomFormat"]);
    let listed = bill["components"].as_array_mut().context("expected components in the bill of materials")?;
    let mut others = BTreeSet::new();
    let mut left = in_program.clone();
    listed.retain(|component| {
        let text = |key: &str| component[key].as_str().unwrap_or_default().to_owned();
        let name = (text("name"), text("version"));
        left.remove(&name);
        let is_in = in_program.contains(&name);
        if !is_in {
            others.insert(text("bom-ref"));
        }
        is_in
    });
    if let Some((name, version)) = left.first() {
        bail!("the bill of materials lacks {name} {version}");
    }
    for name in ALWAYS_IN {
        ensure!(in_program.iter().any(|(listed, _)| listed == name), "the bill of materials lacks {name}");
    }
    let is_other = |reference: &Value| reference.as_str().is_some_and(|reference| others.contains(reference));
    let dependencies = bill["dependencies"].as_array_mut().context("expected dependencies in the bill of materials")?;
    dependencies.retain(|dependency| !is_other(&dependency["ref"]));
    for dependency in dependencies {
        if let Some(needs) = dependency["dependsOn"].as_array_mut() {
            needs.retain(|reference| !is_other(reference));
        }
    }
    Ok(bill)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A bill of crates of version 1, each of which needs the next one.
    fn bill(names: &[&str]) -> Value {
        let components: Vec<Value> =
            names.iter().map(|name| json!({"bom-ref": name, "name": name, "version": "1"})).collect();
        let dependencies: Vec<Value> =
            names.windows(2).map(|pair| json!({"ref": pair[0], "dependsOn": [pair[1]]})).collect();
        json!({"bomFormat": "CycloneDX", "components": components, "dependencies": dependencies})
    }

    fn crates(names: &[&str]) -> BTreeSet<Crate> {
        names.iter().map(|name| ((*name).to_owned(), "1".to_owned())).collect()
    }

    #[test]
    fn bill_lists_exactly_the_crates_of_the_program() {
        let whole_workspace = [&["hostile"], &ALWAYS_IN[..], &["lambda_runtime"]].concat();
        let exact = only(bill(&whole_workspace), &crates(&ALWAYS_IN)).unwrap();
        let mut expected = bill(&ALWAYS_IN);
        expected["dependencies"].as_array_mut().unwrap().push(json!({"ref": ALWAYS_IN[4], "dependsOn": []}));
        assert_eq!(exact, expected);

        let (mut other, mut format) = (bill(&ALWAYS_IN), bill(&ALWAYS_IN));
        other["components"][1]["version"] = json!("2");
        format["bomFormat"] = json!("SPDX");
        for (case, wrong, expected) in [
            ("a missing crate", bill(&ALWAYS_IN[..4]), "the bill of materials lacks webpki-roots 1"),
            ("another version", other, "the bill of materials lacks reqwest 1"),
            ("another format", format, "expected a bill of materials of CycloneDX, found \"SPDX\""),
            ("no components", json!({"bomFormat": "CycloneDX"}), "expected components in the bill of materials"),
        ] {
            assert_eq!(only(wrong, &crates(&ALWAYS_IN)).unwrap_err().to_string(), expected, "{case}");
        }
        let error = only(bill(&ALWAYS_IN), &crates(&ALWAYS_IN[..4])).unwrap_err().to_string();
        assert_eq!(error, "the bill of materials lacks webpki-roots", "another program");
    }
}
