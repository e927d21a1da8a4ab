//! Commands in the walk-through of CONTRIBUTING.md.

use std::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Runs each `cargo run -- …` of the section "Adding a check". One with a fault fails the check, and all others succeed.
#[test]
fn commands_of_the_walk_through_work() {
    let page = std::fs::read_to_string(format!("{ROOT}/CONTRIBUTING.md")).unwrap();
    let (_, section) = page.split_once("\n## Adding a check\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let commands: Vec<&str> =
        section.lines().filter_map(|line| line.trim_start().strip_prefix("$ cargo run -- ")).collect();
    assert!(commands.len() >= 7, "{commands:?}");
    for command in commands {
        let program = env!("CARGO_BIN_EXE_synthetics");
        let output = Command::new(program).args(command.split_whitespace()).current_dir(ROOT).output().unwrap();
        let expected = i32::from(command.contains("--fault"));
        assert_eq!(output.status.code(), Some(expected), "{command}: {output:?}");
    }
}
