//! `synthetics run` sends canaries only with `--send-canaries`, and reports what it did not check.

use std::process::{Command, Output};

use demo_platform::{DemoPlatform, Options, Running};

use crate::{DEMO, settings_file, synthetics, text};

/// Settings of one check for this platform that take the password from the environment.
pub(crate) fn settings(name: &str, platform: &Running) -> String {
    let common = &DEMO[..DEMO.find("[check.availability]").unwrap()];
    let own = &DEMO[DEMO.find("[check.notifications]").unwrap()..];
    let own = &own[..own.find("\n[").unwrap()];
    let own: Vec<&str> = own.lines().filter(|line| !line.starts_with("counters")).collect();
    let settings = format!("{common}{}\n", own.join("\n"))
        .replace("http://127.0.0.1:8480", platform.base_url())
        .replace("\"ssm:/just-driving/demo/notifications/password\"", "\"env:CANARY_PASSWORD\"");
    settings_file(name, &settings)
}

pub(crate) fn run(platform: &Running, file: &str, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_synthetics"))
        .args(["run", "notifications", "--settings", file])
        .args(more)
        .env("COLUMNS", "1000")
        .env("CI", "true")
        .env("CANARY_PASSWORD", &platform.credentials()["notifications/password"])
        .output()
        .unwrap()
}

fn sent(platform: &Running) -> [u64; 2] {
    let counts = platform.requests().counts();
    ["email", "sms"].map(|path| counts.get(&format!("POST /api/notifications/{path}")).copied().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn manual_run_sends_canaries_only_on_request() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let file = settings("send.toml", &platform);
    let without = run(&platform, &file, &[]);
    let said = text(&without.stdout);
    assert_eq!((without.status.code(), sent(&platform)), (Some(0), [0, 0]), "{without:?}");
    assert!(said.contains("send none without --send-canaries") && said.contains("nothing to judge"), "{said}");
    let with = run(&platform, &file, &["--send-canaries"]);
    assert_eq!((with.status.code(), sent(&platform)), (Some(0), [1, 1]), "{with:?}");
    assert!(!text(&with.stdout).contains("without --send-canaries"), "{with:?}");
}

#[test]
fn counters_that_are_missing_are_said_in_the_table() {
    for check in ["booking", "payment-webhook", "notifications"] {
        let output = synthetics(&["run", check, "--demo", "--fault", "counters-missing"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(text(&output.stdout).contains("the counters hold no /"), "{output:?}");
    }
}
