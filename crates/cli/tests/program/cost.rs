//! `synthetics cost`.

use serde_json::Value;

use crate::{synthetics, text};

const INFRA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra");

#[test]
fn the_bill_is_told_to_people_and_to_programs() {
    let output = synthetics(&["cost", "--templates", INFRA]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = text(&output.stdout);
    for expected in [
        "production: all 10 checks, whether they are deployed or not",
        "A month of 30 days, 253,440 runs",
        "Prices of eu-west-1, 2026-08, in USD; it is deployed to eu-north-1",
        "custom metrics       65 metrics",
        "In no sum, since nobody says what one costs: 2,880 e-mails.",
        "Not verified for eu-west-1",
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
    assert!(canaries["list"].is_null() && canaries["net"].is_null(), "unknown is not nothing: {canaries:#}");
}

#[test]
fn the_bill_in_the_documentation_is_the_programs() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let output =
        std::process::Command::new(env!("CARGO_BIN_EXE_synthetics")).arg("cost").current_dir(root).output().unwrap();
    let page = std::fs::read_to_string(format!("{root}/docs/operations.md")).unwrap();
    let printed = text(&output.stdout);
    assert!(page.contains(&printed), "put what `synthetics cost` prints into docs/operations.md:\n{printed}");
    for checks in [
        "all",
        "availability,login,booking,payment-webhook,notifications,queues,reconciliation,application,integrations",
    ] {
        let output = synthetics(&["cost", "--templates", INFRA, "--checks", checks, "--json"]);
        let bill: Value = serde_json::from_slice(&output.stdout).unwrap();
        let total = bill["as_is"]["bill"]["total"]["list"].as_f64().unwrap();
        // With two more versions of the key in the end.
        for usd in [total, total + 2.0] {
            assert!(page.contains(&format!("{usd:.2}")), "{checks}: {usd:.2}");
        }
    }
    // Here, since the path of the settings is that of the repository's root: elsewhere the line is as long as the path.
    let longest = printed.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(120), "{longest:?} columns: {printed}");
}

#[test]
fn a_bill_that_is_too_high_fails_a_pipeline_and_a_mistake_is_none() {
    for (arguments, code, said) in [
        (&["--max", "40"][..], 0, "USD at list price, within --max 40.00, without 2,880 e-mails of unknown price"),
        (
            &["--max", "30"],
            1,
            "over --max 30.00, without 2,880 e-mails of unknown price; the largest line is custom metrics, 19.50",
        ),
        (&["--max", "40", "--what-if", "zones=2"], 1, "the largest line is private network, 47.53"),
        (&["--max", "40", "--what-if", "checks=availability"], 0, "within --max 40.00"),
        (&["--max", "much"], 2, "expected an amount in USD"),
        (&["--what-if", "colour=red"], 2, "there is no `colour`; there are cadence.CHECK=5m"),
        (&["--environment", "nowhere"], 2, "has no environment `nowhere`; there are staging, production"),
        (&["--environment", "production-alarms"], 2, "has no environment `production-alarms`; there are staging, "),
        (&["--checks", "nope"], 2, "there is no check `nope`; there are application"),
        (&["--settings", "no-such-file.toml"], 2, "failed to read no-such-file.toml"),
    ] {
        let all: Vec<&str> = ["cost", "--templates", INFRA].iter().chain(arguments).copied().collect();
        let output = synthetics(&all);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        assert!(text(&output.stderr).contains(said), "{arguments:?}: {output:?}");
    }
    let output = synthetics(&["cost", "--templates", "nowhere"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("failed to read nowhere/template.yaml"), "{output:?}");
}
