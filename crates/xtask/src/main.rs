#![doc = include_str!("../README.md")]

mod browser;
#[cfg(test)]
mod check_parts;
mod checkov;
mod command;
#[cfg(test)]
mod file_rules;
mod functions;
mod fuzz;
mod hostile;
mod mutants;
mod program;
mod steps;
mod tools;
mod workspace;

#[cfg(test)]
mod house_rules;
#[cfg(test)]
mod link_rules;
#[cfg(test)]
mod module_rules;
#[cfg(test)]
mod template_rules;
#[cfg(test)]
mod word_rules;

use std::process::ExitCode;

use anyhow::Result;
use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask <command>

  test [STEP…]   run all checks that a change must pass, or only the named steps in the given order:
                 fmt clippy deny text unit templates build hostile browser e2e
  bench          run the benchmarks of the probe, of alarm replay, of the store and of the console
  package [--architecture arm64|x86_64]
                 build the functions for AWS and their template into target/package, and link SAM CLI into target/tools/bin
  package --program [--target x86_64|aarch64]
                 build the program as static archives for both processors, or one, with bills of materials and the
                 context of the container image, into target/program, and run it in an empty root
  fuzz [SECONDS [PROPERTY]]
                 fuzz every property of crates/fuzzing, or only the named one, 60 s each by default
  matrix         write docs/fault-matrix.md: reports, notifications and alarms of every fault
  hostile        write docs/hostile-endpoints.md: behaviour of synthetics, curl and blackbox_exporter
                 against misbehaving servers
  hostile --all  write its sections about the monitor itself and about the flows: each flow against servers that turn
                 hostile at each answer
  http-behaviour write docs/http-behaviour.md: verdicts of synthetics, Chromium and curl on unusual answers
  pictures       write the pictures of the console in docs/images
  mutants [PART…] [-- OPTION…]
                 run the tests of a crate against small changes of its code, which takes hours; parts:
                 incident gate redaction egress alarms template; options go to cargo-mutants
  advisories     check all dependencies against the RustSec database, which it downloads

Commands need Rust, Python 3.11 and a C compiler. They install all other tools into target/tools.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["test"] => in_workspace(steps::run_all),
        ["test", names @ ..] => match steps::named(names) {
            Ok(steps) => in_workspace(|workspace| steps::run(workspace, &steps)),
            Err(unknown) => {
                eprintln!("error: unknown step {unknown:?}\n\n{USAGE}");
                return ExitCode::from(2);
            }
        },
        ["package"] => in_workspace(|workspace| functions::package(workspace, "arm64")),
        ["package", "--architecture", architecture] => {
            in_workspace(|workspace| functions::package(workspace, architecture))
        }
        ["package", "--program"] => in_workspace(|workspace| program::package(workspace, None)),
        ["package", "--program", "--target", target] => {
            in_workspace(|workspace| program::package(workspace, Some(target)))
        }
        ["bench"] => in_workspace(steps::bench),
        ["fuzz"] => in_workspace(|workspace| fuzz::fuzz(workspace, 60, None)),
        ["fuzz", seconds, only @ ..] if only.len() <= 1 => match seconds.parse() {
            Ok(seconds) => in_workspace(|workspace| fuzz::fuzz(workspace, seconds, only.first().copied())),
            Err(_) => {
                eprintln!("error: expected a number of seconds, found {seconds:?}\n\n{USAGE}");
                return ExitCode::from(2);
            }
        },
        ["matrix"] => in_workspace(steps::matrix),
        ["hostile"] => in_workspace(hostile::page),
        ["hostile", "--all"] => in_workspace(hostile::all_flows),
        ["http-behaviour"] => in_workspace(hostile::behaviour_page),
        ["pictures"] => in_workspace(browser::pictures),
        ["mutants", arguments @ ..] => {
            let end = arguments.iter().position(|argument| *argument == "--").unwrap_or(arguments.len());
            match mutants::named(&arguments[..end]) {
                Ok(parts) => in_workspace(|workspace| {
                    mutants::test(workspace, &parts, arguments.get(end + 1..).unwrap_or_default())
                }),
                Err(unknown) => {
                    eprintln!("error: unknown part {unknown:?}\n\n{USAGE}");
                    return ExitCode::from(2);
                }
            }
        }
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
    match result {
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
