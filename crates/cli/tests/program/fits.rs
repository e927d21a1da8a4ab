//! Output for people fits its width, and has colours where they are wanted.

use std::process::{Command, Output};

use unicode_width::UnicodeWidthStr;

use crate::{DEMO, settings_file, text};

fn synthetics(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_synthetics"))
        .args(arguments)
        .env_remove("COLUMNS")
        .env_remove("NO_COLOR")
        .env("CI", "true")
        .envs(variables.iter().copied())
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .unwrap()
}

#[test]
fn output_fits_its_width() {
    let broken = settings_file("fits.toml", &DEMO.replace("deadline = \"20s\"", "deadlin = \"20s\""));
    for (columns, expected) in [("", 80), ("100", 100), ("60", 60)] {
        for arguments in [
            &["--help"][..],
            &["run", "--help"],
            &["cost", "--help"],
            &["faults"],
            &["cost"],
            &["cost", "--what-if", "memory=1024"],
            &["run", "--demo"],
            &["run", "--demo", "--fault", "500"],
            &["run", "booking", "--demo", "--fault", "double-booking-allowed"],
            &["demo", "--for", "4s", "--every", "1s", "--fault", "500", "--port", "0"],
            &["doctor", "templates"],
            &["settings", "check", "infra/layer/settings/demo.toml"],
            &["settings", "check", &broken],
            &["run", "nope", "--demo"],
            &["run"],
            &["run", "--demo", "--fault", "nope"],
            &["frobnicate"],
        ] {
            let variables: Vec<_> =
                Some(("COLUMNS", columns)).filter(|(_, value)| !value.is_empty()).into_iter().collect();
            let output = synthetics(arguments, &variables);
            assert!(!output.stdout.is_empty() || !output.stderr.is_empty(), "{arguments:?}");
            // Errors that no person reads at once keep their lines.
            let errors = if columns.is_empty() { String::new() } else { text(&output.stderr) };
            let output = text(&output.stdout) + &errors;
            for line in output.lines() {
                // What people copy stays whole.
                let is_whole = ["://", "synthetics ", "curl "].iter().any(|start| line.trim_start().contains(start));
                let is_help = arguments.contains(&"--help") && expected > 80;
                let max = if is_help { 80 } else { expected };
                assert!(line.width() <= max || is_whole, "{arguments:?} at {max}: {} columns: {line}", line.width());
            }
        }
    }
}

#[test]
fn errors_for_programs_have_a_line_each() {
    let broken = settings_file("fits-whole.toml", &DEMO.replace("deadline = \"20s\"", "deadlin = \"20s\""));
    let errors = text(&synthetics(&["settings", "check", &broken], &[]).stderr);
    let whole = |line: &str| line.contains("fits-whole.toml:25: check.availability.deadlin: unknown key \"deadlin\"");
    assert!(errors.lines().any(whole), "{errors}");
}

#[test]
fn wide_output_has_a_line_per_row() {
    let output = text(&synthetics(&["faults", "--wide"], &[]).stdout);
    let line = output.lines().find(|line| line.starts_with("double-booking-allowed ")).unwrap();
    assert!(line.width() > 80 && line.contains("  booking  "), "{line}");
    assert!(output.lines().all(|line| !line.contains('…')), "{output}");
}

#[test]
fn colours_follow_option_and_environment() {
    let run = ["run", "availability", "--demo"];
    for (more, variables, expected) in [
        (&[][..], &[][..], false),
        (&["--color", "always"], &[], true),
        (&["--color", "always"], &[("NO_COLOR", "1")], true),
        (&["--color", "never"], &[("CLICOLOR_FORCE", "1")], false),
        (&[], &[("CLICOLOR_FORCE", "1")], true),
        (&["--color", "auto"], &[("NO_COLOR", "1")], false),
    ] {
        let output = synthetics(&[&run[..], more].concat(), variables);
        let shown = text(&output.stdout);
        assert_eq!(shown.contains("\u{1b}[32mpassed\u{1b}[0m"), expected, "{more:?} {variables:?}: {shown:?}");
        assert_eq!(shown.contains('\u{1b}'), expected, "{more:?} {variables:?}: {shown:?}");
    }
}
