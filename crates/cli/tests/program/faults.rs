//! A fault affects the check that must show it, and other checks only as the catalogue allows: no other check fails, is
//! inconclusive, or measures a value that would raise an alarm.

use std::sync::Mutex;
use std::thread;

use serde_json::Value;

use crate::{synthetics, text};

/// All checks of the demo.
fn checks() -> Vec<String> {
    let settings: toml::Table = crate::DEMO.parse().unwrap();
    settings["check"].as_table().unwrap().keys().cloned().collect()
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// What is wrong with checks that must not see it.
fn wrong(fault: &Value) -> Vec<String> {
    let name = fault["name"].as_str().unwrap();
    let may_fail = [names(&fault["also_fails"]), vec![fault["check"].as_str().unwrap().to_owned()]].concat();
    let others: Vec<String> = checks().into_iter().filter(|check| !may_fail.contains(check)).collect();
    if others.is_empty() {
        return Vec::new();
    }
    let output = synthetics(&["run", "--demo", "--fault", name, "--format", "json"]);
    let reports: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{name}: {output:?}"));
    let is_other = |report: &&Value| others.iter().any(|other| report["run"]["check"] == other.as_str());
    let reports: Vec<&Value> = reports.as_array().unwrap().iter().filter(is_other).collect();
    assert_eq!(reports.len(), others.len(), "{name}: {}", text(&output.stderr));
    let inconclusive = names(&fault["also_inconclusive"]);
    let deviations = |report: &Value| {
        let check = report["run"]["check"].as_str().unwrap();
        let allowed = if inconclusive.iter().any(|other| other == check) { "inconclusive" } else { "passed" };
        let outcome = &report["outcome"];
        // Under maintenance, every check says so.
        let is_wrong = ![allowed, "maintenance"].contains(&outcome["result"].as_str().unwrap());
        let outcome = is_wrong.then(|| format!("{name}: expected {allowed} of {check}, found {outcome:#}"));
        let attempts = report["attempts"].as_array().into_iter().flatten();
        let measured = attempts.flat_map(|attempt| attempt["measurements"].as_array().into_iter().flatten());
        let beyond = measured.filter(|measured| measured.get("over").is_some());
        outcome.into_iter().chain(beyond.map(|beyond| format!("{name}, {check}: {beyond:#}"))).collect::<Vec<_>>()
    };
    reports.into_iter().flat_map(deviations).collect()
}

#[test]
fn fault_affects_no_other_check() {
    let listed: Value = serde_json::from_slice(&synthetics(&["faults", "--json"]).stdout).unwrap();
    let faults = Mutex::new(listed.as_array().unwrap().clone());
    let found = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let Some(fault) = faults.lock().unwrap().pop() else { break };
                    let wrong = wrong(&fault);
                    found.lock().unwrap().extend(wrong);
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn fault_that_no_named_check_sees_is_refused() {
    for (arguments, expected) in [
        (
            &["run", "login", "--demo", "--fault", "webhook-500"][..],
            "fault webhook-500; the check payment-webhook does\n",
        ),
        (&["run", "--demo", "--read-only", "--fault", "login-500"], "fault login-500; the check login does\n"),
        (&["demo", "booking", "--port", "0", "--fault", "tenant-leak"], "fault tenant-leak; the check login does\n"),
    ] {
        let output = synthetics(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        let said = text(&output.stderr);
        assert!(said.contains("error: no check of this run can see the ") && said.ends_with(expected), "{said}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
    let output = synthetics(&["run", "login", "--demo", "--fault", "queue-growing"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stderr).contains("warning: only the check queues must show the fault queue-growing\n"));
    let output = synthetics(&["run", "login", "--demo", "--fault", "down"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn last_of_repeated_runs_has_the_time_of_the_present() {
    let before = jiff::Timestamp::now();
    let output = synthetics(&["run", "queues", "--demo", "--fault", "queue-growing", "--format", "json"]);
    let reports: Value = serde_json::from_slice(&output.stdout).unwrap();
    let started: jiff::Timestamp = reports[0]["started"].as_str().unwrap().parse().unwrap();
    let late = started.duration_since(before).as_secs();
    assert!((0..60).contains(&late), "{late} s");
}
