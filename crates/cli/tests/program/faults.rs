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
    let mut arguments = vec!["run", "--demo", "--fault", name, "--format", "json"];
    arguments.extend(others.iter().map(String::as_str));
    let output = synthetics(&arguments);
    let reports: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{name}: {output:?}"));
    let reports = reports.as_array().unwrap();
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
    reports.iter().flat_map(deviations).collect()
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
