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
            "expected a check of template.yaml, found none",
        ),
        (
            "known to the alarms, and taken by nobody",
            functions.clone(),
            replaced(&alarms, "\n  Checks:\n    A", "\n  Checks:\n    Journeys: { Id: journeys, Seconds: 300 }\n    A"),
            ALARMS,
            "Mappings.Checks.Journeys",
            "found Journeys: nothing comes of it",
        ),
        (
            "taken without a cadence",
            replaced(&functions, taken, "    AllowedValues:\n      - Elsewhere\n      - Availability\n"),
            alarms.clone(),
            FUNCTIONS,
            "Mappings.Checks.Elsewhere",
            "which the parameter Checks takes, found none",
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
        let is_it = |finding: &Finding| finding.file == file && finding.path == path && finding.rule.contains(rule);
        assert!(found.iter().any(is_it), "{name}: {found:#?}");
    }
}

#[test]
fn an_alarm_that_is_there_in_other_stacks_than_its_check_is_found() {
    let of = |condition: &str| {
        let found = findings(&shipped(FUNCTIONS), &alarms_with("Lockouts", "    Condition: HasLogin\n", condition));
        let places = found.iter().filter(|finding| finding.path == "Resources.Lockouts.Condition");
        places.map(|finding| finding.rule.clone()).collect::<Vec<_>>()
    };
    let (lost, other) = ("expected it in every stack with Login, found none", "found it where Booking runs alone");
    assert!(of("    Condition: HasLogin\n").is_empty());
    // Where nothing is given for another part of the dashboard.
    let rules = of("    Condition: HasApm\n");
    assert!(rules.len() == 1 && rules[0].contains(lost), "{rules:#?}");
    let rules = of("    Condition: HasBooking\n");
    assert!(rules.len() == 2 && rules.iter().any(|rule| rule.contains(lost)), "{rules:#?}");
    assert!(rules.iter().any(|rule| rule.contains(other)), "{rules:#?}");
    // The other one that it names is not there.
    let text = alarms_with("PlatformDown", "Condition: CanTellWhetherItIsDown", "Condition: HasLogin");
    let found = findings(&shipped(FUNCTIONS), &text);
    assert!(
        found.iter().any(|finding| finding.path.starts_with("Resources.PlatformDown.")
            && finding.rule.contains("where Login runs alone: the stack would not be made")),
        "{found:#?}"
    );
    let rules = of("");
    assert!(rules.len() == 9 && rules.iter().any(|rule| rule.contains(other)), "{rules:#?}");
}

#[test]
fn stacks_that_are_deployed_with_different_words_are_found() {
    let deployed = shipped(DEPLOYED);
    let section = |header: &str, from: &str, to: &str| {
        let (before, section) = deployed.split_once(header).unwrap();
        format!("{before}{header}{}", replaced(section, from, to))
    };
    let alarms = "[staging-alarms.deploy.parameters]";
    let platform = "[staging-platform.deploy.parameters]";
    for (text, path, rule) in [
        (
            section(alarms, "Checks=", "Checks=Integrations,"),
            "staging-alarms.deploy.parameters.parameter_overrides",
            "expected the Checks of staging, ",
        ),
        (
            section(alarms, "Environment=staging", "Environment=production"),
            "staging-alarms.deploy.parameters.parameter_overrides",
            "expected the Environment of staging, staging, found production",
        ),
        (
            section(platform, "Environment=staging", "Environment=production"),
            "staging-platform.deploy.parameters.parameter_overrides",
            "expected the Environment of staging, staging, found production",
        ),
        // The dashboard shows what the third stack watches.
        (
            section(platform, "Environment=staging", "Environment=staging\", \"Database=just-driving"),
            "staging-platform.deploy.parameters.parameter_overrides",
            "expected the Database of staging-alarms, none, found just-driving",
        ),
        (
            section("[staging-alarms.global.parameters]", "eu-north-1", "eu-west-1"),
            "staging-alarms.global.parameters.region",
            "expected the region of staging, eu-north-1, found eu-west-1",
        ),
        (
            replaced(&deployed, alarms, "[other-alarms.deploy.parameters]"),
            "staging.deploy.parameters",
            "expected an environment staging-alarms with alarms.yaml, found none",
        ),
    ] {
        let found = findings_beside(&shipped(PLATFORM), Some(&text));
        let is_it = |finding: &Finding| {
            finding.file == DEPLOYED && finding.line > 1 && finding.path == path && finding.rule.contains(rule)
        };
        assert!(found.len() == 1 && is_it(&found[0]), "{path}: {found:#?}");
    }
}
