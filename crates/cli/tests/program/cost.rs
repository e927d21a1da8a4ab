//! `synthetics cost`.

use serde_json::Value;

use crate::{synthetics, text};

const INFRA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra");

#[test]
fn cost_prints_text_and_json() {
    let output = synthetics(&["cost", "--templates", INFRA]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = text(&output.stdout);
    for expected in [
        "production: all 10 checks, deployed or not",
        "One month of 30 days, 253,440 runs\nTemplates in /",
        "Prices in USD for eu-west-1, as of 2026-08\nThis environment is deployed in eu-north-1",
        "custom metrics        65 metrics",
        "Not included (price unknown): 2,880 e-mails a month. Set check.notifications.email.price_usd.",
        "Prices not verified for eu-west-1",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }

    let output = synthetics(&["cost", "--templates", INFRA, "--json", "--what-if", "memory=1024"]);
    let bill: Value = serde_json::from_slice(&output.stdout).unwrap();
    let total =
        |pointer: &str| bill.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{pointer}: {bill:#}"));
    let more = total("/what_if/then/bill/total/list") - total("/as_is/bill/total/list");
    assert!((more - 2.88).abs() < 0.01, "{more}");
    assert_eq!(bill["prices"]["region"], "eu-west-1");
    assert_eq!(bill["as_is"]["checks"].as_array().map(Vec::len), Some(10));
    assert_eq!(bill["assumed"]["usual"][1]["seconds"], 3.0);
    let lines = bill["as_is"]["bill"]["lines"].as_array().unwrap();
    let canaries = lines.iter().find(|line| line["kind"] == "canaries").unwrap();
    assert!(canaries["list"].is_null() && canaries["net"].is_null(), "an unknown cost is null: {canaries:#}");
}

#[test]
fn documentation_shows_the_current_bill() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    // From a folder without templates.
    let output =
        std::process::Command::new(env!("CARGO_BIN_EXE_synthetics")).arg("cost").current_dir("/").output().unwrap();
    let page = std::fs::read_to_string(format!("{root}/docs/operations/cost.md")).unwrap();
    let printed = text(&output.stdout);
    assert!(page.contains(&printed), "copy the output of `synthetics cost` into docs/operations/cost.md:\n{printed}");
    for checks in [
        "all",
        "availability,login,booking,payment-webhook,notifications,queues,reconciliation,application,integrations",
    ] {
        let output = synthetics(&["cost", "--templates", INFRA, "--checks", checks, "--json"]);
        let bill: Value = serde_json::from_slice(&output.stdout).unwrap();
        let total = bill["as_is"]["bill"]["total"]["list"].as_f64().unwrap();
        // Two rotations of the key add 1.00 USD each.
        for usd in [total, total + 2.0] {
            assert!(page.contains(&format!("{usd:.2}")), "{checks}: {usd:.2}");
        }
    }
    let longest = printed.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(100), "{longest:?} columns: {printed}");
}

#[test]
fn bill_above_max_exits_1_and_invalid_input_exits_2() {
    for (arguments, code, message) in [
        (
            &["--max", "40"][..],
            0,
            "USD a month at list price, within --max 40.00 USD, excluding 2,880 e-mails (price unknown)",
        ),
        (
            &["--max", "30"],
            1,
            "over --max 30.00 USD, excluding 2,880 e-mails (price unknown); largest item: custom metrics, 19.50 USD",
        ),
        (&["--max", "40", "--what-if", "zones=2"], 1, "largest item: private network, 47.53 USD"),
        (&["--max", "40", "--what-if", "checks=availability"], 0, "within --max 40.00"),
        (&["--max", "much"], 2, "expected an amount in USD"),
        (&["--what-if", "colour=red"], 2, "unknown key \"colour\""),
        (&["--environment", "nowhere"], 2, "unknown environment \"nowhere\"; known: staging, production"),
        (&["--environment", "production-alarms"], 2, "did you mean \"production\"?"),
        (&["--checks", "nope"], 2, "unknown check \"nope\"\n`synthetics run --help` lists all checks"),
        (&["--settings", "no-such-file.toml"], 2, "failed to read no-such-file.toml"),
    ] {
        let all: Vec<&str> = ["cost", "--templates", INFRA].iter().chain(arguments).copied().collect();
        let output = synthetics(&all);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        assert!(text(&output.stderr).contains(message), "{arguments:?}: {output:?}");
    }
    let output = synthetics(&["cost", "--templates", "nowhere"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("failed to find nowhere/template.yaml: --templates"), "{output:?}");
}

/// Root may read any folder, and then finds no templates.
#[cfg(unix)]
#[test]
fn unreadable_folder_is_a_matter_of_permissions() {
    use std::os::unix::fs::PermissionsExt;

    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("unreadable");
    std::fs::create_dir_all(&folder).unwrap();
    let allow = |mode| std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).unwrap();
    allow(0o000);
    let is_root = std::fs::read_dir(&folder).is_ok();
    let output = synthetics(&["doctor", "templates", "--templates", folder.to_str().unwrap()]);
    allow(0o700);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let expected = if is_root { "template.yaml: --templates must" } else { "template.yaml: Permission denied" };
    assert!(text(&output.stderr).contains(expected), "{output:?}");
}
