//! The project's own commands, run as `cargo xtask <command>`.

mod checkov;
mod command;
mod functions;
mod fuzz;
mod hostile;
mod steps;
mod tools;
mod workspace;

#[cfg(test)]
mod house_rules;
#[cfg(test)]
mod template_rules;
#[cfg(test)]
mod ties;

use std::process::ExitCode;

use anyhow::Result;
use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask <command>

  test [STEP…]   everything a change must pass, in this order, or the named steps alone:
                 fmt clippy deny unit templates build hostile e2e
  bench          how exact the phases of an exchange are, beside a bare one
  package        builds the functions for AWS and the template that deploys them, into target/package
  fuzz [SECONDS] the fuzzer on settings, events, forms, JSON pointers and assertions, 60 s each
  matrix         writes docs/fault-matrix.md: each fault with what its check shows, who is told, and which alarms fire and end
  hostile        writes docs/hostile-endpoints.md: servers at their worst before the program, curl and blackbox_exporter
  advisories     looks every dependency up in the RustSec database, which it downloads

What a command needs besides Rust, Python 3.11 and a C compiler it installs into target/tools.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["test", names @ ..] => match steps::named(names) {
            Ok(steps) => in_workspace(|workspace| steps::run(workspace, &steps)),
            Err(unknown) => {
                eprintln!("error: no step is called {unknown:?}\n\n{USAGE}");
                return ExitCode::from(2);
            }
        },
        ["package"] => in_workspace(functions::package),
        ["bench"] => in_workspace(steps::bench),
        ["fuzz"] => in_workspace(|workspace| fuzz::fuzz(workspace, 60)),
        ["fuzz", seconds] => match seconds.parse() {
            Ok(seconds) => in_workspace(|workspace| fuzz::fuzz(workspace, seconds)),
            Err(_) => {
                eprintln!("error: expected a number of seconds, found {seconds:?}\n\n{USAGE}");
                return ExitCode::from(2);
            }
        },
        ["matrix"] => in_workspace(steps::matrix),
        ["hostile"] => in_workspace(hostile::page),
        ["advisories"] => in_workspace(steps::advisories),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn in_workspace(run: impl FnOnce(&Workspace) -> Result<()>) -> Result<()> {
    run(&Workspace::locate()?)
}
