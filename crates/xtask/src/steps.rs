//! Steps of `cargo xtask test`.

use std::process::ExitStatus;
use std::thread::ScopedJoinHandle;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::command::Run;
use crate::workspace::Workspace;
use crate::{browser, checkov, functions, hostile, tools};

/// One step: its name, the property it proves, and its function.
pub struct Step {
    name: &'static str,
    proves: &'static str,
    run: fn(&Workspace) -> Result<()>,
}

const STEPS: [Step; 10] = [
    Step { name: "fmt", proves: "the code is formatted", run: fmt },
    Step { name: "clippy", proves: "the compiler and clippy report no warnings", run: clippy },
    Step { name: "deny", proves: "licenses, sources and versions of dependencies are allowed", run: deny },
    Step { name: "text", proves: "spelling and Markdown follow the rules", run: text },
    Step { name: "unit", proves: "the tests of every crate pass", run: unit },
    Step { name: "templates", proves: "the templates are valid and follow the security rules", run: templates },
    Step { name: "build", proves: "the functions and the template build", run: functions::for_emulator },
    Step {
        name: "hostile",
        proves: "misbehaving servers are reported within the limits, unusual ones as in browsers",
        run: hostile::prove,
    },
    Step { name: "browser", proves: "the console works in a browser", run: browser::prove },
    Step { name: "e2e", proves: "the functions work when deployed to an AWS emulator", run: e2e },
];

/// Steps that mostly wait, for downloads or for servers, or use one core. Each list runs in the background of the others
/// from the end of the named step on.
const IN_BACKGROUND: [(&str, &[&str]); 2] =
    [("clippy", &["deny", "text", "templates"]), ("build", &["hostile", "browser"])];

/// Deployed templates, one per stack.
const TEMPLATES: [&str; 3] = ["infra/template.yaml", "infra/alarms.yaml", "infra/platform.yaml"];

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
    let this_program = std::env::current_exe().context("failed to find this program's own path")?;
    let is_in_background = |step: &&Step| IN_BACKGROUND.iter().any(|(_, names)| names.contains(&step.name));
    std::thread::scope(|scope| {
        let mut in_background = Vec::new();
        for step in STEPS.iter().filter(|step| !is_in_background(step)) {
            step.run(workspace)?;
            for (_, names) in IN_BACKGROUND.iter().filter(|(after, _)| *after == step.name) {
                // Another process, so that its output can be printed as a whole.
                let run = Run::program(workspace, &this_program).args(["test"]).args(*names);
                in_background.push(scope.spawn(|| run.printed()));
            }
            in_background.extract_if(.., |running| running.is_finished()).try_for_each(report)?;
        }
        in_background.into_iter().try_for_each(report)
    })?;
    println!("== all passed in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Waits for steps in the background and prints their output.
fn report(in_background: ScopedJoinHandle<'_, Result<(String, ExitStatus)>>) -> Result<()> {
    let Ok(ended) = in_background.join() else { bail!("the thread of a step in the background panicked") };
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
    Run::cargo(workspace, "bench --quiet --package alarm --bench replay").run()?;
    Run::cargo(workspace, "bench --quiet --package scheduler --bench store").run()?;
    let modules = browser::tools(workspace)?;
    let overview = Run::cargo(workspace, "bench --quiet --package console --bench overview");
    overview.env("SYNTHETICS_NODE_MODULES", modules).run()?;
    Run::cargo(workspace, "bench --quiet --workspace --bench first_green --profile dev").run()
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
    Run::cargo(workspace, "clippy --workspace --all-targets -- -D warnings").run()?;
    // What `cargo demo` builds. No test does, and a command that is missing there breaks the first visit.
    Run::cargo(workspace, "clippy --package synthetics --no-default-features -- -D warnings").run()
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
    tools::debian(workspace, &[&tools::SERVERS[..], &[tools::CURL, tools::PROMETHEUS, tools::STRACE]].concat())?;
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
    tools::python(workspace, "aws")?;
    browser::tools(workspace)?;
    Run::cargo(workspace, "test --workspace --test e2e").run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_selected_by_name() {
        let selected: Vec<_> = named(&["e2e", "fmt"]).unwrap().iter().map(|step| step.name).collect();
        assert_eq!(selected, ["e2e", "fmt"]);
        assert!(
            IN_BACKGROUND.iter().all(|(after, names)| named(&[*after]).and(named(names)).is_ok()),
            "these steps exist"
        );
        assert_eq!(named(&["fmt", "speling"]).err(), Some("speling"));
    }
}
