//! Commands for a deployment without access to AWS.

use std::process::Command;

use crate::text;

const SETTINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/layer/settings/production.example.toml");

#[test]
fn missing_access_is_one_line_that_says_what_to_do() {
    let deployed = ["--environment", "staging"];
    let commands: [&[&str]; 10] = [
        &["mute", "login", "--for", "2h", "--reason", "deploy"],
        &["unmute", "login"],
        &["mutes"],
        &["incidents"],
        &["incident", "login.20261123T045000Z"],
        &["memory", "clear", "queues"],
        &["doctor", "deployment"],
        &["notify", "test"],
        &["maintenance", "list", "--settings", SETTINGS],
        &["maintenance", "sync", "--settings", SETTINGS],
    ];
    for command in commands {
        let deployed = if command[0] == "maintenance" { &[][..] } else { &deployed };
        for (region, expected) in [
            (&[][..], "error: no AWS region is set; give --region, set AWS_REGION, or set one in the profile"),
            (
                &["--region", "eu-west-1"],
                "error: no AWS credentials; run `aws sso login`, or set AWS_PROFILE (-v says more)\n",
            ),
        ] {
            let output = Command::new(env!("CARGO_BIN_EXE_synthetics"))
                .args([&["--wide"][..], command, deployed, region].concat())
                // Without a `samconfig.toml` in the folder or one above it.
                .current_dir("/")
                .env_clear()
                .env("HOME", "/nonexistent")
                .env("AWS_EC2_METADATA_DISABLED", "true")
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(2), "{command:?}: {output:?}");
            let said = text(&output.stderr);
            assert!(said.starts_with(expected) && said.lines().count() == 1, "{command:?}: {said}");
            assert!(output.stdout.is_empty(), "{command:?}: {output:?}");
        }
    }
}

#[test]
fn verbose_command_names_the_sources_of_credentials() {
    let output = Command::new(env!("CARGO_BIN_EXE_synthetics"))
        .args(["-v", "incidents", "--environment", "staging", "--region", "eu-west-1"])
        .env_clear()
        .envs([("HOME", "/nonexistent"), ("AWS_EC2_METADATA_DISABLED", "true")])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.starts_with("error: no AWS credentials; run `aws sso login`, or set AWS_PROFILE\n"), "{said}");
    assert!(said.contains("\n  Profile: ") && !said.contains("-v says"), "{said}");
}

#[test]
fn closed_input_changes_nothing() {
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" run login --demo <&-", env!("CARGO_BIN_EXE_synthetics")]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).starts_with("login: passed"), "{output:?}");
}

#[test]
fn region_of_the_environment_is_read_from_the_repository() {
    let output = Command::new(env!("CARGO_BIN_EXE_synthetics"))
        .args(["mutes", "--environment", "staging"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .unwrap();
    let said = text(&output.stderr);
    let expected = "region eu-north-1, from infra/samconfig.toml for staging\nerror: no AWS credentials; ";
    assert!(said.starts_with(expected), "{said}");
}
