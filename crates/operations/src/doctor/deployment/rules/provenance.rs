//! Code and settings of the latest runs: one release, and the settings of the file.

use std::collections::BTreeMap;

use runtime::{Provenance, StateItem};

use super::super::facts::{Deployment, FunctionFacts, Stack, StackKind};
use super::super::report::{Notes, named, words};

pub(super) fn judge(deployment: &Deployment, notes: &mut Notes) {
    let Some(stack) = deployment.functions_stack() else { return };
    let mut latest: BTreeMap<&str, &Provenance> = BTreeMap::new();
    for function in deployment.functions.iter().filter(|function| function.is_running) {
        // A state that cannot be read is named with the last runs.
        let Some(item) = state(function) else { continue };
        match since_deployment(item, stack) {
            Some(provenance) => {
                latest.insert(&function.check, provenance);
            }
            None => notes.could_not("code and settings of runs", &function.check, "no run since the deployment"),
        }
    }
    releases(deployment, &latest, notes);
    settings(deployment, &latest, notes);
}

fn state(function: &FunctionFacts) -> Option<&StateItem> {
    function.state.as_ref()?.as_ref().ok()
}

/// What the latest run ran with, if it came after the deployment.
fn since_deployment<'i>(item: &'i StateItem, stack: &Stack) -> Option<&'i Provenance> {
    let runs = item.last_run.values().filter(|run| run.at >= stack.deployed_at());
    runs.max_by_key(|run| run.at)?.provenance.as_ref()
}

/// Functions of two releases do not fit each other, nor the alarms.
fn releases(deployment: &Deployment, latest: &BTreeMap<&str, &Provenance>, notes: &mut Notes) {
    let mut releases: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (check, provenance) in latest {
        releases.entry(&provenance.release).or_default().push(check);
    }
    for release in releases.keys() {
        notes.saw("release of the code", release);
    }
    if releases.len() < 2 {
        return;
    }
    let found = releases.iter().map(|(release, checks)| format!("{release} in {}", named(checks)));
    let found = found.collect::<Vec<_>>().join("; ");
    let action = format!("deploy again: {}", deployment.deploy(StackKind::Functions));
    notes.error("releases-differ", "functions", words("one release in all", found, action, verify(deployment)));
}

/// Without a deployment after a change of the file, functions run with older settings.
fn settings(deployment: &Deployment, latest: &BTreeMap<&str, &Provenance>, notes: &mut Notes) {
    let Some(settings) = &deployment.settings else { return };
    // An invalid file, or one of another environment, is named with the settings.
    let Some(contents) = settings.contents.as_ref().ok() else { return };
    if contents.environment != deployment.environment {
        return;
    }
    let differs = |provenance: &Provenance| provenance.settings != settings.digest;
    let mut others = Vec::new();
    for (check, provenance) in latest {
        notes.saw("settings of runs", check);
        if differs(provenance) {
            others.push(check);
        }
    }
    if others.is_empty() {
        return;
    }
    let expected = format!("runs with the values of {}", settings.file);
    let found = format!("other values in runs of {}", named(others));
    let action =
        format!("deploy the file, if it is the right one: sam build && {}", deployment.deploy(StackKind::Functions));
    notes.error("settings-differ", "settings layer", words(expected, found, action, verify(deployment)));
}

fn verify(deployment: &Deployment) -> String {
    format!("synthetics doctor deployment --environment {}, after the next runs", deployment.environment)
}
