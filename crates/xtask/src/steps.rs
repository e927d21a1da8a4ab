//! Steps of `cargo xtask test`.

use std::process::ExitStatus;
use std::thread::ScopedJoinHandle;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::command::Run;
use crate::tools::Debian;
use crate::workspace::Workspace;
use crate::{checkov, functions, hostile, tools};

/// One step: its name, the property it proves, and its function.
pub struct Step {
    name: &'static str,
    proves: &'static str,
    run: fn(&Workspace) -> Result<()>,
}

const STEPS: [Step; 9] = [
    Step { name: "fmt", proves: "the code is formatted", run: fmt },
    Step { name: "clippy", proves: "the compiler and clippy report no warnings", run: clippy },
    Step { name: "deny", proves: "licenses, sources and versions of dependencies are allowed", run: deny },
    Step { name: "text", proves: "spelling and Markdown follow the rules", run: text },
    Step { name: "unit", proves: "the tests of every crate pass", run: unit },
    Step { name: "templates", proves: "the templates are valid and follow the security rules", run: templates },
    Step { name: "build", proves: "the functions and the template build", run: functions::for_emulator },
    Step { name: "hostile", proves: "misbehaving servers are reported within the limits", run: hostile::prove },
    Step { name: "e2e", proves: "the functions work when deployed to an AWS emulator", run: e2e },
];

/// Steps that use one core at most and partly wait for downloads. They run at the same time as the steps from `unit` on.
const IN_BACKGROUND: [&str; 3] = ["deny", "text", "templates"];
/// Steps that report mistakes quickly. The steps in the background begin after them.
const QUICK: [&str; 2] = ["fmt", "clippy"];

/// Deployed templates, one per stack.
const TEMPLATES: [&str; 3] = ["infra/template.yaml", "infra/alarms.yaml", "infra/platform.yaml"];

/// Servers that the tests of checks need.
const SERVERS: [Debian; 3] = [
    Debian { program: "mariadbd", package: "mariadb-server" },
    Debian { program: "mariadb-install-db", package: "mariadb-server" },
    Debian { program: "redis-server", package: "redis-server" },
];

/// Finds steps by name, in the given order.
///
/// # Errors
/// The first unknown name.
pub fn named<'a>(names: &[&'a str]) -> Result<Vec<&'static Step>, &'a str> {
    names.iter().map(|name| STEPS.iter().find(|step| step.name == *name).ok_or(*name)).collect()
}

/// Runs the steps in this order and stops at the first failure.
///
/// # Errors
/// The first failure, with the command that repeats it.
pub fn run(workspace: &Workspace, steps: &[&Step]) -> Result<()> {
    steps.iter().try_for_each(|step| step.run(workspace))
}

/// Runs all steps, some of them in the background, and stops at the first failure.
///
/// # Errors
/// Like [`run`].
pub fn run_all(workspace: &Workspace) -> Result<()> {
    let start = Instant::now();
    let others = STEPS.iter().filter(|step| !IN_BACKGROUND.contains(&step.name));
    let (quick, slow): (Vec<_>, Vec<_>) = others.partition(|step| QUICK.contains(&step.name));
    run(workspace, &quick)?;
    let this_program = std::env::current_exe().context("failed to find this program's own path")?;
    // Another process, so that its output can be printed as a whole.
    let in_background = Run::program(workspace, this_program).args(["test"]).args(IN_BACKGROUND);
    std::thread::scope(|scope| {
        let mut in_background = Some(scope.spawn(|| in_background.printed()));
        for step in slow {
            step.run(workspace)?;
            if let Some(ended) = in_background.take_if(|running| running.is_finished()) {
                report(ended)?;
            }
        }
        in_background.map_or(Ok(()), report)
    })?;
    println!("== all passed in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Waits for the steps in the background and prints their output.
fn report(in_background: ScopedJoinHandle<'_, Result<(String, ExitStatus)>>) -> Result<()> {
    let Ok(ended) = in_background.join() else { bail!("the thread of the steps in the background panicked") };
    let (text, status) = ended?;
    print!("{text}");
    ensure!(status.success(), "a step in the background failed; see above");
    Ok(())
}

impl Step {
    fn run(&self, workspace: &Workspace) -> Result<()> {
        println!("== {}: {}", self.name, self.proves);
        let start = Instant::now();
        (self.run)(workspace)
            .with_context(|| format!("step {0} failed; repeat it with cargo xtask test {0}\n  cause", self.name))?;
        println!("== {}: passed in {:.1} s", self.name, start.elapsed().as_secs_f64());
        Ok(())
    }
}

/// Checks all dependencies against the RustSec database. This is not a step, because it downloads the database, and a new
/// advisory must not block an unrelated change.
///
/// # Errors
/// When a dependency has an advisory, or the download fails.
pub fn advisories(workspace: &Workspace) -> Result<()> {
    Run::program(workspace, tools::cargo_deny(workspace)?).args(["check", "advisories"]).run()
}

/// Runs the benchmarks. This is not a step, because a busy machine would fail it.
///
/// # Errors
/// When a benchmark cannot be built or run.
pub fn bench(workspace: &Workspace) -> Result<()> {
    Run::cargo(workspace, "bench --quiet --package probe --bench phases --profile dev").run()?;
    Run::cargo(workspace, "bench --quiet --package alarm --bench replay").run()
}

/// Generates `docs/fault-matrix.md`. The step `e2e` runs the same test and compares the page.
///
/// # Errors
/// When a fault has an unexpected effect, an alarm has no proof, or the build fails.
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
    Run::cargo(workspace, "clippy --workspace --all-targets -- -D warnings").run()
}

fn deny(workspace: &Workspace) -> Result<()> {
    println!("   advisories are checked separately, with the RustSec database: cargo xtask advisories");
    Run::program(workspace, tools::cargo_deny(workspace)?).args(["check", "bans", "licenses", "sources"]).run()
}

fn text(workspace: &Workspace) -> Result<()> {
    Run::program(workspace, tools::python(workspace, "typos")?.join("typos")).run()?;
    Run::program(workspace, tools::npm(workspace, "markdownlint")?.join("markdownlint-cli2")).run()
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
    fn steps_are_selected_by_name() {
        let selected: Vec<_> = named(&["e2e", "fmt"]).unwrap().iter().map(|step| step.name).collect();
        assert_eq!(selected, ["e2e", "fmt"]);
        assert!(named(&[&QUICK[..], &IN_BACKGROUND].concat()).is_ok(), "these steps exist");
        assert_eq!(named(&["fmt", "speling"]).err(), Some("speling"));
    }
}
