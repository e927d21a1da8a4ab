//! The steps of `cargo xtask test`.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::command::Run;
use crate::tools::Debian;
use crate::workspace::Workspace;
use crate::{checkov, functions, fuzz, hostile, tools};

/// One step: its name, what it proves, and how.
pub struct Step {
    name: &'static str,
    proves: &'static str,
    run: fn(&Workspace) -> Result<()>,
}

const STEPS: [Step; 8] = [
    Step { name: "fmt", proves: "the code is formatted", run: fmt },
    Step { name: "clippy", proves: "the compiler and clippy have nothing to say", run: clippy },
    Step { name: "deny", proves: "licences, sources and versions of dependencies are the allowed ones", run: deny },
    Step { name: "unit", proves: "every crate does what its own tests say", run: unit },
    Step { name: "templates", proves: "the templates are valid, and open to nobody they need not be", run: templates },
    Step { name: "build", proves: "the functions and the template around them build", run: functions::for_emulator },
    Step { name: "hostile", proves: "servers at their worst are borne, within bounds", run: hostile::prove },
    Step { name: "e2e", proves: "the built functions work, deployed into an emulator of AWS", run: e2e },
];

/// What is deployed, each a stack of its own.
const TEMPLATES: [&str; 3] = ["infra/template.yaml", "infra/alarms.yaml", "infra/platform.yaml"];

/// The servers that checks are tested against.
const SERVERS: [Debian; 3] = [
    Debian { program: "mariadbd", package: "mariadb-server" },
    Debian { program: "mariadb-install-db", package: "mariadb-server" },
    Debian { program: "redis-server", package: "redis-server" },
];

/// The steps of these names, in the order they are given; all of them when none is given. An unknown name is the error.
pub fn named<'a>(names: &[&'a str]) -> Result<Vec<&'static Step>, &'a str> {
    if names.is_empty() {
        return Ok(STEPS.iter().collect());
    }
    names.iter().map(|name| STEPS.iter().find(|step| step.name == *name).ok_or(*name)).collect()
}

/// Runs the steps, stopping at the first that fails.
///
/// # Errors
/// The first failure, with the commands that repeat it.
pub fn run(workspace: &Workspace, steps: &[&Step]) -> Result<()> {
    let start = Instant::now();
    for step in steps {
        println!("== {}: {}", step.name, step.proves);
        let start = Instant::now();
        (step.run)(workspace)
            .with_context(|| format!("step {0} failed; repeat it: cargo xtask test {0}\n  cause", step.name))?;
        println!("== {}: passed in {:.1} s", step.name, start.elapsed().as_secs_f64());
    }
    println!("== all passed in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Looks every dependency up in the RustSec database. Not a step: it downloads the database, and a new entry in it must not
/// stop an unrelated change.
///
/// # Errors
/// When a dependency has an advisory, or the database cannot be had.
pub fn advisories(workspace: &Workspace) -> Result<()> {
    Run::program(workspace, tools::cargo_deny(workspace)?).args(["check", "advisories"]).run()
}

/// Measures; not a step, since a busy machine is no mistake.
///
/// # Errors
/// When it cannot be built or run.
pub fn bench(workspace: &Workspace) -> Result<()> {
    Run::cargo(workspace, "bench --quiet --package probe --bench phases --profile dev").run()?;
    Run::cargo(workspace, "bench --quiet --package alarm --bench replay").run()
}

/// Writes `docs/fault-matrix.md` anew: what each fault comes to, and which alarm each proves. What it says is a test's, which the
/// step `e2e` runs too.
///
/// # Errors
/// When a fault does not come to what it should, an alarm has no proof, or something cannot be built.
pub fn matrix(workspace: &Workspace) -> Result<()> {
    tools::python(workspace, "sam")?;
    tools::python(workspace, "emulator")?;
    functions::for_emulator(workspace)?;
    Run::cargo(workspace, "test --workspace --test e2e -- matrix::").env("WRITE_FAULT_MATRIX", "1").run()
}

fn fmt(workspace: &Workspace) -> Result<()> {
    Run::cargo(workspace, "fmt --all --check").run()
}

fn clippy(workspace: &Workspace) -> Result<()> {
    Run::cargo(workspace, "clippy --workspace --all-targets -- -D warnings").run()?;
    // A workspace of its own, which nothing else of these steps builds.
    Run::cargo(workspace, &format!("clippy --manifest-path {}/Cargo.toml --target-dir", fuzz::FOLDER))
        .args([&workspace.target])
        .args(["--", "-D", "warnings"])
        .run()
}

fn deny(workspace: &Workspace) -> Result<()> {
    println!("   advisories have a command of their own, which needs the RustSec database: cargo xtask advisories");
    let deny = tools::cargo_deny(workspace)?;
    let allow = |what: &str| format!("--allow={what}");
    Run::program(workspace, &deny)
        .args(["check", &allow("license-exception-not-encountered"), "bans", "licenses", "sources"])
        .run()?;
    // The fuzzer's workspace has fewer dependencies than the rules know of, and one that is nowhere else.
    let unused = ["license-not-encountered", "unmatched-skip", "unmatched-skip-root", "unnecessary-skip"];
    Run::program(workspace, &deny)
        .args(["--config", "deny.toml", "--manifest-path", &format!("{}/Cargo.toml", fuzz::FOLDER), "check"])
        .args(unused.map(allow))
        .args(["bans", "licenses", "sources"])
        .run()
}

fn unit(workspace: &Workspace) -> Result<()> {
    tools::python(workspace, "peers")?;
    tools::debian(workspace, &SERVERS)?;
    Run::cargo(workspace, "test --workspace --exclude tests").run()
}

fn templates(workspace: &Workspace) -> Result<()> {
    let bin = tools::python(workspace, "sam")?;
    for template in TEMPLATES {
        Run::program(workspace, bin.join("cfn-lint")).args([template]).run()?;
        Run::program(workspace, bin.join("sam"))
            .args(["validate", "--lint", "--template", template, "--region", "eu-north-1"])
            .env("SAM_CLI_TELEMETRY", "0")
            .run()?;
    }
    checkov::scan(workspace, &TEMPLATES)
}

fn e2e(workspace: &Workspace) -> Result<()> {
    tools::python(workspace, "sam")?;
    tools::python(workspace, "emulator")?;
    Run::cargo(workspace, "test --workspace --test e2e").run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_chosen_by_name() {
        let chosen: Vec<_> = named(&["e2e", "fmt"]).unwrap().iter().map(|step| step.name).collect();
        assert_eq!(chosen, ["e2e", "fmt"]);
        assert_eq!(named(&[]).unwrap().len(), STEPS.len(), "none named means all");
        assert_eq!(named(&["fmt", "speling"]).err(), Some("speling"));
    }
}
