//! Every check that runs has alarms, and the stacks agree with each other.

use super::*;

/// Returns a text without the lines that match.
fn without(text: &str, is_removed: impl Fn(&str) -> bool) -> String {
    let kept: String = text.split_inclusive('\n').filter(|line| !is_removed(line.trim())).collect();
    assert!(kept != text, "no line matches");
    kept
}

/// Returns a template without one of its resources.
fn without_resource(text: &str, resource: &str) -> String {
    let begin = text.find(&format!("\n  {resource}:\n")).unwrap_or_else(|| panic!("{resource}"));
    let end = text[begin + 2..].find("\n\n").map_or(text.len(), |length| begin + 2 + length);
    format!("{}{}", &text[..begin], &text[end..])
}

#[test]
fn check_without_alarms_is_found() {
    let (functions, alarms) = (shipped(FUNCTIONS), shipped(ALARMS));
    let entry = "\n  Checks:\n    Journeys: { Id: journeys, Schedule: \"cron(3/5 * * * ? *)\" }\n    A";
    let with_journeys = replaced(&functions, "\n  Checks:\n    A", entry);
    let is_entry = |line: &str| line.starts_with("Integrations: { Id: integrations,");
    let is_allowed = |line: &str| line == "- Integrations";
    let journeys = "    AllowedValues:\n      - Journeys\n      - Availability\n";
    let allowed = "    AllowedValues:\n      - Availability\n";
    let allowed_values = "Parameters.Checks.AllowedValues";
    for (name, functions, alarms, file, path, rule) in [
        (
            "neither mapped nor allowed in the alarms",
            functions.clone(),
            without_resource(&without(&alarms, |line| is_entry(line) || is_allowed(line)), "FailingIntegrations"),
            ALARMS,
            "Mappings.Checks.Integrations",
            "the check would have no alarms",
        ),
        (
            "not mapped in the alarms",
            functions.clone(),
            without(&alarms, is_entry),
            ALARMS,
            "Mappings.Checks.Integrations",
            "the check would have no alarms",
        ),
        (
            "not allowed in the alarms",
            functions.clone(),
            without(&alarms, is_allowed),
            ALARMS,
            allowed_values,
            "expected the value Integrations, which template.yaml allows",
        ),
        (
            "allowed only in the functions",
            replaced(&with_journeys, allowed, journeys),
            alarms.clone(),
            ALARMS,
            "Mappings.Checks.Journeys",
            "the check would have no alarms",
        ),
        (
            "allowed only in the alarms",
            without(&functions, is_allowed),
            alarms.clone(),
            ALARMS,
            allowed_values,
            "its monitoring-lost alarm would never clear",
        ),
        (
            "mapped only in the alarms",
            functions.clone(),
            replaced(
                &alarms,
                "\n  Checks:\n    A",
                "\n  Checks:\n    Elsewhere: { Id: elsewhere, Seconds: 60 }\n    A",
            ),
            ALARMS,
            "Mappings.Checks.Elsewhere",
            "expected the name of a check in template.yaml, found Elsewhere",
        ),
        (
            "mapped in the alarms but not allowed",
            with_journeys.clone(),
            replaced(&alarms, "\n  Checks:\n    A", "\n  Checks:\n    Journeys: { Id: journeys, Seconds: 300 }\n    A"),
            ALARMS,
            "Mappings.Checks.Journeys",
            "found Journeys: the entry would have no effect",
        ),
        (
            "allowed without a cadence",
            replaced(&functions, allowed, "    AllowedValues:\n      - Elsewhere\n      - Availability\n"),
            alarms.clone(),
            FUNCTIONS,
            "Mappings.Checks.Elsewhere",
            "which the parameter Checks allows, found none",
        ),
        (
            "without one of the alarms that every check has",
            functions.clone(),
            without_resource(&alarms, "FailingIntegrations"),
            ALARMS,
            "Resources",
            "expected an alarm on Success of integrations, found none",
        ),
        (
            "without the alarm of a channel",
            functions.clone(),
            without_resource(&alarms, "SmsQueue"),
            ALARMS,
            "Resources",
            "expected an alarm on NotificationQueue of sms, found none",
        ),
    ] {
        let found = findings(&functions, &alarms);
        let is_expected =
            |finding: &Finding| finding.file == file && finding.path == path && finding.rule.contains(rule);
        assert!(found.iter().any(is_expected), "{name}: {found:#?}");
    }
}

#[test]
fn alarm_in_the_wrong_stacks_is_found() {
    let rules_with = |condition: &str| {
        let found = findings(&shipped(FUNCTIONS), &alarms_with("Lockouts", "    Condition: HasLogin\n", condition));
        let places = found.iter().filter(|finding| finding.path == "Resources.Lockouts.Condition");
        places.map(|finding| finding.rule.clone()).collect::<Vec<_>>()
    };
    let (lost, other) = (
        "expected this alarm in every stack that runs Login, found none",
        "found it in a stack that runs only Booking",
    );
    assert!(rules_with("    Condition: HasLogin\n").is_empty());
    // This condition is not met without a value for an unrelated parameter.
    let rules = rules_with("    Condition: HasApm\n");
    assert!(rules.len() == 1 && rules[0].contains(lost), "{rules:#?}");
    let rules = rules_with("    Condition: HasBooking\n");
    assert!(rules.len() == 2 && rules.iter().any(|rule| rule.contains(lost)), "{rules:#?}");
    assert!(rules.iter().any(|rule| rule.contains(other)), "{rules:#?}");
    // The other alarm in its rule does not exist in a stack with one check.
    let text = alarms_with("PlatformDown", "Condition: HasAvailabilityAndLogin", "Condition: HasLogin");
    let found = findings(&shipped(FUNCTIONS), &text);
    assert!(
        found.iter().any(|finding| finding.path.starts_with("Resources.PlatformDown.")
            && finding.rule.contains("in a stack that runs only Login: the deployment would fail")),
        "{found:#?}"
    );
    let rules = rules_with("");
    assert!(rules.len() == 9 && rules.iter().any(|rule| rule.contains(other)), "{rules:#?}");
}

#[test]
fn stacks_with_different_parameters_are_found() {
    let samconfig = shipped(SAMCONFIG);
    let section = |header: &str, from: &str, to: &str| {
        let (before, section) = samconfig.split_once(header).unwrap();
        format!("{before}{header}{}", replaced(section, from, to))
    };
    let alarms = "[staging-alarms.deploy.parameters]";
    let platform = "[staging-platform.deploy.parameters]";
    for (text, path, rule) in [
        (
            section(alarms, "Checks=", "Checks=Integrations,"),
            "staging-alarms.deploy.parameters.parameter_overrides",
            "expected the same Checks as in staging (Availability), found Availability,Integrations",
        ),
        (
            section(alarms, "Environment=staging", "Environment=production"),
            "staging-alarms.deploy.parameters.parameter_overrides",
            "expected the same Environment as in staging (staging), found production",
        ),
        (
            section(platform, "Environment=staging", "Environment=production"),
            "staging-platform.deploy.parameters.parameter_overrides",
            "expected the same Environment as in staging (staging), found production",
        ),
        // The dashboard must show the resources that the third stack monitors.
        (
            section(platform, "Environment=staging", "Environment=staging\", \"Database=just-driving"),
            "staging-platform.deploy.parameters.parameter_overrides",
            "expected the same Database as in staging-alarms (none), found just-driving",
        ),
        (
            section("[staging-alarms.global.parameters]", "eu-north-1", "eu-west-1"),
            "staging-alarms.global.parameters.region",
            "expected eu-north-1, the region of staging, found eu-west-1",
        ),
        (
            replaced(&samconfig, alarms, "[other-alarms.deploy.parameters]"),
            "staging.deploy.parameters",
            "expected an environment staging-alarms that deploys alarms.yaml, found none",
        ),
    ] {
        let found = platform_findings(&shipped(PLATFORM), Some(&text));
        let is_expected = |finding: &Finding| {
            finding.file == SAMCONFIG && finding.line > 1 && finding.path == path && finding.rule.contains(rule)
        };
        assert!(found.len() == 1 && is_expected(&found[0]), "{path}: {found:#?}");
    }
}
