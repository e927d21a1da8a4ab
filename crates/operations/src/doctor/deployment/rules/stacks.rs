//! Stacks: they exist, their last deployment succeeded, and their parameters agree with each other and with the file.

use std::collections::BTreeSet;

use super::super::facts::{Deployment, StackFacts, StackKind, items};
use super::super::report::{Notes, named, words};

/// Statuses of a stack whose last deployment succeeded.
const DONE: [&str; 3] = ["CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"];
/// Parameters that hold addresses of people, so findings do not quote them.
const PERSONAL: [&str; 3] = ["OnCallEmail", "OnCallSms", "WarningsEmail"];

pub(super) fn judge(deployment: &Deployment, notes: &mut Notes) {
    region(deployment, notes);
    for (kind, facts) in &deployment.stacks {
        exists(deployment, *kind, facts, notes);
        if let Some(stack) = facts.existing() {
            status(&stack.status, facts, notes);
            notes.look("resources of stacks", &facts.name, &facts.resources);
        }
        planned(deployment, *kind, facts, notes);
    }
    let existing: Vec<&StackFacts> = deployment.stacks.values().filter(|facts| facts.existing().is_some()).collect();
    for (at, later) in existing.iter().enumerate() {
        agree(&existing[..at], later, notes);
    }
}

fn region(deployment: &Deployment, notes: &mut Notes) {
    let region = &deployment.region;
    let Some(planned) = deployment.planned_region.as_ref().filter(|planned| *planned != region) else { return };
    let environment = &deployment.environment;
    let action = format!("give --region {planned}, or correct `region` in samconfig.toml");
    let verify = format!("synthetics doctor deployment --environment {environment} --region {planned}");
    let expected = format!("region {planned}, as in samconfig.toml");
    notes.error("region-differs", format!("environment {environment}"), words(expected, region, action, verify));
}

fn exists(deployment: &Deployment, kind: StackKind, facts: &StackFacts, notes: &mut Notes) {
    let Some(found) = notes.look("stacks", &facts.name, &facts.stack) else { return };
    if found.is_some() || kind == StackKind::Platform {
        return;
    }
    let consequence = match kind {
        StackKind::Functions => "no check runs",
        StackKind::Alarms | StackKind::Platform => "a check that does not run goes unnoticed",
    };
    let verify = format!("aws cloudformation describe-stacks --stack-name {}", facts.name);
    let action = format!("check --environment and --region, or deploy it: {}", deployment.deploy(kind));
    let found = format!("no stack of this name: {consequence}");
    let expected = format!("a stack in {}", deployment.region);
    notes.error("stack-missing", format!("stack {}", facts.name), words(expected, found, action, verify));
}

fn status(status: &str, facts: &StackFacts, notes: &mut Notes) {
    if DONE.contains(&status) {
        return;
    }
    let (place, name) = (format!("stack {}", facts.name), &facts.name);
    let verify = format!("aws cloudformation describe-stacks --stack-name {name}");
    if status.ends_with("_IN_PROGRESS") {
        let action = "wait until the deployment has ended, and look again";
        notes.note("stack-in-progress", place, words("a stack at rest", status, action, verify));
        return;
    }
    let action = format!(
        "read why with `aws cloudformation describe-stack-events --stack-name {name}`, correct it, and deploy again"
    );
    notes.error("stack-failed", place, words("a last deployment that succeeded", status, action, verify));
}

/// Compares the parameters of a deployed stack with those that the next deployment would set.
fn planned(deployment: &Deployment, kind: StackKind, facts: &StackFacts, notes: &mut Notes) {
    let (Some(planned), Some(stack)) = (&facts.planned, facts.existing()) else { return };
    notes.saw("parameters in samconfig.toml", &facts.name);
    for (name, value) in planned {
        let Some(deployed) = stack.parameter(name) else { continue };
        if items(deployed) != items(value) {
            let is_personal = PERSONAL.contains(&name.as_str());
            let shown = |value: &str| if is_personal { "another value".to_owned() } else { named(items(value)) };
            let action = format!("correct samconfig.toml, or deploy it: {}", deployment.deploy(kind));
            let verify = format!("aws cloudformation describe-stacks --stack-name {}", facts.name);
            let expected = format!("{}, as in samconfig.toml", shown(value));
            let found = format!("{}: the next deployment would change it", shown(deployed));
            let place = format!("parameter {name} of {}", facts.name);
            notes.error("parameter-differs-from-file", place, words(expected, found, action, verify));
        }
    }
}

/// Compares the parameters that a stack shares with earlier ones.
fn agree(earlier: &[&StackFacts], later: &StackFacts, notes: &mut Notes) {
    let Some(stack) = later.existing() else { return };
    for (name, value) in stack.parameters() {
        let first = earlier.iter().find_map(|facts| Some((&facts.name, facts.existing()?.parameter(name)?)));
        let Some((first, expected)) = first else { continue };
        notes.saw("parameters that stacks share", name);
        let (expected, found): (BTreeSet<_>, BTreeSet<_>) = (items(expected), items(value));
        if expected != found {
            let action = format!("deploy {} with the same {name}", later.name);
            let verify = format!("aws cloudformation describe-stacks --stack-name {}", later.name);
            let expected = format!("{}, as in {first}", named(&expected));
            let found = format!("{}: checks, alarms and dashboard do not match", named(&found));
            let place = format!("parameter {name} of {}", later.name);
            notes.error("parameters-differ", place, words(expected, found, action, verify));
        }
    }
}
