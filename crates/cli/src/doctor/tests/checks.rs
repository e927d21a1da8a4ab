//! What runs is watched.

use super::*;

fn without(text: &str, is_out: impl Fn(&str) -> bool) -> String {
    let kept: String = text.split_inclusive('\n').filter(|line| !is_out(line.trim())).collect();
    assert!(kept != text, "nothing is left out");
    kept
}

/// A template without one of its resources.
fn without_resource(text: &str, resource: &str) -> String {
    let begin = text.find(&format!("\n  {resource}:\n")).unwrap_or_else(|| panic!("{resource}"));
    let end = text[begin + 2..].find("\n\n").map_or(text.len(), |length| begin + 2 + length);
    format!("{}{}", &text[..begin], &text[end..])
}

#[test]
fn a_check_without_alarms_is_found() {
    let (functions, alarms) = (shipped(FUNCTIONS), shipped(ALARMS));
    let is_entry = |line: &str| line.starts_with("Integrations: { Id: integrations,");
    let is_taken = |line: &str| line == "- Integrations";
    let journeys = "    AllowedValues:\n      - Journeys\n      - Availability\n";
    let taken = "    AllowedValues:\n      - Availability\n";
    let of_taken = "Parameters.Checks.AllowedValues";
    for (name, functions, alarms, file, path, rule) in [
        (
            "neither known nor taken by the alarms",
            functions.clone(),
            without_resource(&without(&alarms, |line| is_entry(line) || is_taken(line)), "FailingIntegrations"),
            ALARMS,
            "Mappings.Checks.Integrations",
            "it would have no alarms",
        ),
        (
            "not known to the alarms",
            functions.clone(),
            without(&alarms, is_entry),
            ALARMS,
            "Mappings.Checks.Integrations",
            "it would have no alarms",
        ),
        (
            "not taken by the alarms",
            functions.clone(),
            without(&alarms, is_taken),
            ALARMS,
            of_taken,
            "expected Integrations, which template.yaml lets run",
        ),
        (
            "taken by the functions alone",
            replaced(&functions, taken, journeys),
            alarms.clone(),
            ALARMS,
            "Mappings.Checks.Journeys",
            "it would have no alarms",
        ),
        (
            "taken by the alarms alone",
            without(&functions, is_taken),
            alarms.clone(),
            ALARMS,
            of_taken,
            "an alarm on one that does not run is never quiet",
        ),
        (
            "known to the alarms alone",
            functions.clone(),
            replaced(
                &alarms,
                "\n  Checks:\n    A",
                "\n  Checks:\n    Elsewhere: { Id: elsewhere, Seconds: 60 }\n    A",
            ),
            ALARMS,
            "Mappings.Checks.Elsewhere",
            "expected a check of template.yaml, saw none",
        ),
        (
            "known to the alarms, and taken by nobody",
            functions.clone(),
            replaced(&alarms, "\n  Checks:\n    A", "\n  Checks:\n    Journeys: { Id: journeys, Seconds: 300 }\n    A"),
            ALARMS,
            "Mappings.Checks.Journeys",
            "saw Journeys: nothing comes of it",
        ),
        (
            "taken without a cadence",
            replaced(&functions, taken, "    AllowedValues:\n      - Elsewhere\n      - Availability\n"),
            alarms.clone(),
            FUNCTIONS,
            "Mappings.Checks.Elsewhere",
            "which the parameter Checks takes, saw none",
        ),
        (
            "without one of the alarms that every check has",
            functions.clone(),
            without_resource(&alarms, "FailingIntegrations"),
            ALARMS,
            "Resources",
            "expected an alarm on Success of integrations, saw none",
        ),
        (
            "without the alarm of a channel",
            functions.clone(),
            without_resource(&alarms, "SmsQueue"),
            ALARMS,
            "Resources",
            "expected an alarm on NotificationQueue of sms, saw none",
        ),
    ] {
        let found = findings(&functions, &alarms);
        let is_it = |finding: &Finding| finding.file == file && finding.path == path && finding.rule.contains(rule);
        assert!(found.iter().any(is_it), "{name}: {found:#?}");
    }
}

#[test]
fn stacks_that_are_deployed_with_different_checks_are_found() {
    let deployed = shipped(DEPLOYED);
    let header = "[staging-alarms.deploy.parameters]";
    let (before, section) = deployed.split_once(header).unwrap();
    let section = |from: &str, to: &str| format!("{before}{header}{}", replaced(section, from, to));
    for (text, path, rule) in [
        (
            section("Checks=", "Checks=Integrations,"),
            "staging-alarms.deploy.parameters.parameter_overrides",
            "expected the Checks of staging, ",
        ),
        (
            section("Environment=staging", "Environment=production"),
            "staging-alarms.deploy.parameters.parameter_overrides",
            "expected the Environment of staging, staging, saw production",
        ),
        (
            replaced(&deployed, header, "[other-alarms.deploy.parameters]"),
            "staging.deploy.parameters",
            "expected an environment staging-alarms with alarms.yaml, saw none",
        ),
    ] {
        let found = found(&Texts {
            functions: &shipped(FUNCTIONS),
            alarms: &shipped(ALARMS),
            platform: None,
            deployed: Some(&text),
            runbooks: &runbooks(),
        });
        let is_it = |finding: &Finding| {
            finding.file == DEPLOYED && finding.line > 1 && finding.path == path && finding.rule.contains(rule)
        };
        assert!(found.iter().any(is_it), "{path}: {found:#?}");
    }
}
