//! Mutation testing: changes the code in small ways, one at a time, and runs the tests of the crate. A mutant that survives
//! them is a fault that no test would find.

mod outcomes;
mod parts;
mod survivors;

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::command::Run;
use crate::tools;
use crate::workspace::Workspace;
use outcomes::Outcomes;
use parts::PARTS;
pub use parts::Part;
use survivors::Accepted;

/// Profile in the workspace's `Cargo.toml`.
const PROFILE: &str = "mutants";
/// Seconds until a build is stopped: some mutants never end in a constant that the compiler evaluates.
const BUILD_TIMEOUT: &str = "600";

/// Finds parts by name; without names, all parts.
///
/// # Errors
/// The first unknown name.
pub fn named<'a>(names: &[&'a str]) -> Result<Vec<&'static Part>, &'a str> {
    if names.is_empty() {
        return Ok(PARTS.iter().collect());
    }
    names.iter().map(|name| PARTS.iter().find(|part| part.name == *name).ok_or(*name)).collect()
}

/// Tests the mutants of these parts. `options` go to cargo-mutants, such as a filter; with any, only some mutants are tested,
/// and accepted ones may be missing.
///
/// # Errors
/// When a mutant survives that is not accepted, when an accepted one is caught or gone, or when the tests fail without
/// a mutation.
pub fn test(workspace: &Workspace, parts: &[&Part], options: &[&str]) -> Result<()> {
    let program = tools::cargo_mutants(workspace)?;
    let accepted = Accepted::read(include_str!("mutants/accepted.toml"))?;
    let mut problems = Vec::new();
    for part in parts {
        println!("== {}: {}", part.name, part.content);
        let start = Instant::now();
        let output = workspace.target.join("mutants").join(part.name);
        fs::create_dir_all(&output).with_context(|| format!("failed to create {}", output.display()))?;
        let status = Run::program(workspace, &program)
            .args(["mutants", "--profile", PROFILE, "--build-timeout", BUILD_TIMEOUT, "--package", part.package])
            .args(part.files.iter().flat_map(|file| ["--file", file]))
            .args(part.tests.iter().flat_map(|test| ["--cargo-arg", test]))
            .args(["--output".as_ref(), output.as_os_str()])
            .args(options)
            // Dependencies are built once for all parts.
            .env("CARGO_TARGET_DIR", workspace.target.join("mutants/build"))
            .env("CARGO", &workspace.cargo)
            .status()?;
        if !matches!(status.code(), Some(0 | SURVIVORS | TIMEOUTS)) {
            bail!("cargo-mutants failed: {status}; its logs are in {}", output.join("mutants.out/log").display());
        }
        let outcomes = output.join("mutants.out/outcomes.json");
        let outcomes =
            fs::read_to_string(&outcomes).with_context(|| format!("failed to read {}", outcomes.display()))?;
        let outcomes = Outcomes::read(&outcomes)?;
        let found = survivors::problems(&outcomes, accepted.in_part(part.name), options.is_empty());
        println!("== {}: {outcomes} in {:.0} s", part.name, start.elapsed().as_secs_f64());
        problems.extend(found);
    }
    if !problems.is_empty() {
        bail!("mutation testing found {} problems\n  {}", problems.len(), problems.join("\n  "));
    }
    Ok(())
}

/// Exit code of cargo-mutants when mutants survived.
const SURVIVORS: i32 = 2;
/// Exit code of cargo-mutants when tests of a mutant did not end.
const TIMEOUTS: i32 = 3;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn parts_are_selected_by_name() {
        let names = |parts: Vec<&Part>| parts.iter().map(|part| part.name).collect::<Vec<_>>();
        assert_eq!(named(&["template", "incident"]).map(names), Ok(vec!["template", "incident"]));
        assert_eq!(named(&[]).map(names), Ok(PARTS.map(|part| part.name).to_vec()));
        assert_eq!(named(&["gate", "gates"]).err(), Some("gates"));
    }

    #[test]
    fn files_of_parts_and_of_accepted_mutants_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let accepted = Accepted::read(include_str!("mutants/accepted.toml")).unwrap();
        assert_eq!(accepted.parts().find(|name| named(&[name]).is_err()), None);
        for part in PARTS {
            let in_part = |file: &str| file.starts_with(&format!("crates/{}/src/", part.package));
            for file in part.files {
                let fixed = file.split('*').next().unwrap_or_default();
                assert!(in_part(file) && root.join(fixed).exists(), "{file}");
            }
            for mutant in accepted.in_part(part.name) {
                assert!(in_part(&mutant.file) && root.join(&mutant.file).is_file(), "{mutant}");
            }
        }
    }

    #[test]
    fn workflow_tests_every_part() {
        let workflow = include_str!("../../../.github/workflows/ci.yml");
        let names = PARTS.map(|part| part.name).join(", ");
        assert!(workflow.contains(&format!("part: [{names}]")), "expected the parts {names}");
    }
}
