//! The shipped templates are sound, and each thing that can be wrong with them is found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use check::metric::{Channel, JOB_DELAY, NOTIFICATION_DELIVERY_DELAY};

use super::audit::Finding;
use super::{ALARMS, DEPLOYED, FUNCTIONS, PLATFORM, Texts, of_templates, of_texts};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn shipped(file: &str) -> String {
    std::fs::read_to_string(root().join("infra").join(file)).unwrap()
}

fn runbooks() -> BTreeMap<String, String> {
    let pages = root().join("docs/runbooks").read_dir().unwrap().map(|entry| entry.unwrap().path());
    pages
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

fn findings(functions: &str, alarms: &str) -> Vec<Finding> {
    found(&Texts { functions, alarms, platform: None, deployed: None, runbooks: &runbooks() })
}

fn found(texts: &Texts<'_>) -> Vec<Finding> {
    of_texts(texts).unwrap_or_else(|error| panic!("{error:#}"))
}

/// The shipped alarms with a text in the place of another within one resource.
fn alarms_with(resource: &str, from: &str, to: &str) -> String {
    with(ALARMS, resource, from, to)
}

fn with(file: &str, resource: &str, from: &str, to: &str) -> String {
    let text = shipped(file);
    let begin = text.find(&format!("\n  {resource}:\n")).or_else(|| text.find(&format!(" {resource}:\n")));
    let begin = begin.unwrap_or_else(|| panic!("{resource}"));
    let at = begin + text[begin..].find(from).unwrap_or_else(|| panic!("{from} in {resource}"));
    format!("{}{to}{}", &text[..at], &text[at + from.len()..])
}

/// A template with another value of a resource's property, whatever it was.
fn with_property(text: &str, resource: &str, property: &str, value: &str) -> String {
    let begin = text.find(&format!("\n  {resource}:\n")).unwrap_or_else(|| panic!("{resource}"));
    let line = format!("\n      {property}: ");
    let from = begin + text[begin..].find(&line).unwrap_or_else(|| panic!("{property} of {resource}")) + line.len();
    let to = from + text[from..].find('\n').unwrap();
    format!("{}{value}{}", &text[..from], &text[to..])
}

fn replaced(text: &str, from: &str, to: &str) -> String {
    let changed = text.replacen(from, to, 1);
    assert_ne!(changed, text, "{from}");
    changed
}

#[test]
fn nothing_is_found_in_the_shipped_templates() {
    let found = of_templates(&root().join("infra"), &root().join("docs/runbooks")).unwrap();
    assert!(found.is_empty(), "{}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
}

#[test]
fn each_mistake_in_the_alarms_is_found_where_it_stands() {
    let action =
        "      AlarmActions: [!ImportValue { Fn::Sub: \"just-driving-synthetics-${Environment}-OnCallTopic\" }]\n";
    for (resource, from, to, path, rule) in [
        ("ErrorRate", action, "", "ErrorRate.Properties.AlarmActions", "expected an action, or the reason"),
        (
            "ErrorRate",
            action,
            "      ActionsEnabled: false\n",
            "ErrorRate.Properties.AlarmActions",
            "expected an action",
        ),
        (
            "ErrorRate",
            "OnCallTopic",
            "EventsTopic",
            "ErrorRate.Properties.AlarmActions",
            "policy that lets alarms publish to EventsTopic",
        ),
        (
            "ErrorRate",
            "OnCallTopic",
            "StateTable",
            "ErrorRate.Properties.AlarmActions",
            "expected a topic of template.yaml",
        ),
        (
            "FailingLogin",
            "NoAction",
            "Note",
            "FailingLogin.Properties.AlarmActions",
            "expected an action, or the reason",
        ),
        (
            "ErrorRate",
            "Severity: critical",
            "Severity: bad",
            "ErrorRate.Metadata.Severity",
            "expected critical or warning, saw `bad`",
        ),
        (
            "ErrorRate",
            "Severity: critical",
            "Severity: warning",
            "ErrorRate.Properties.AlarmDescription",
            "its severity, warning",
        ),
        (
            "ErrorRate",
            ".md#errorrate",
            ".md#nowhere",
            "ErrorRate.Properties.AlarmDescription",
            "a heading `nowhere` in application.md",
        ),
        (
            "ErrorRate",
            "application.md#",
            "nothing.md#",
            "ErrorRate.Properties.AlarmDescription",
            "expected a runbook nothing.md",
        ),
        ("ErrorRate", ".md#errorrate", "", "ErrorRate.Properties.AlarmDescription", "expected a link to the heading"),
        (
            "ErrorRate",
            "Statistic: Average",
            "Statistic: Sum",
            "ErrorRate.Properties.Statistic",
            "sent again counts twice",
        ),
        (
            "ErrorRate",
            "Statistic: Average",
            "Statistic: SampleCount",
            "ErrorRate.Properties.Statistic",
            "sent again counts twice",
        ),
        (
            "ErrorRate",
            "MetricName: ErrorRate",
            "MetricName: Errors",
            "ErrorRate.Properties.MetricName",
            "saw Errors: nobody does",
        ),
        (
            "ErrorRate",
            "Value: application",
            "Value: login",
            "ErrorRate.Properties.Dimensions",
            "expected Check=application",
        ),
        (
            "EmailQueue",
            "        - { Name: Channel, Value: email }\n",
            "",
            "EmailQueue.Properties.Dimensions",
            "expected exactly Channel, Check, Environment",
        ),
        ("PlatformDown", "${FailingLogin}", "nobody", "PlatformDown.Properties.AlarmRule", "saw `nobody`"),
    ] {
        let text = alarms_with(resource, from, to);
        let found = findings(&shipped(FUNCTIONS), &text);
        let is_it = |finding: &Finding| finding.path.ends_with(path) && finding.rule.contains(rule);
        assert!(found.iter().any(is_it), "{resource}: {from} -> {to}: {found:#?}");
    }
}

#[test]
fn each_number_that_cannot_be_right_is_found_where_it_stands() {
    for (resource, property, value, rule) in [
        ("SlowQueries", "Period", "90", "whole minutes"),
        ("BookingErrorRate", "Period", "60", "a multiple of 300 s, which is how often BookingErrorRate has a value"),
        // Any check may be the one that has a message left.
        ("OldestUnsentNotification", "Period", "300", "a multiple of 900 s"),
        // Canaries are sent more rarely than their checks run.
        ("EmailDeliveryDelay", "Period", "300", "a multiple of 900 s"),
        ("SmsDeliveryDelay", "Period", "900", "a multiple of 3600 s"),
        ("JobDelay", "Period", "60", "a multiple of 300 s"),
        ("ErrorRate", "EvaluationPeriods", "1500", "at most 86400 s together"),
        ("ErrorRate", "DatapointsToAlarm", "60", "at most EvaluationPeriods"),
    ] {
        let text = with_property(&shipped(ALARMS), resource, property, value);
        let found = findings(&shipped(FUNCTIONS), &text);
        let path = format!("Resources.{resource}.Properties.{property}");
        let is_it = |finding: &Finding| finding.line > 1 && finding.path == path && finding.rule.contains(rule);
        assert!(found.iter().any(is_it), "{resource} {property} {value}: {found:#?}");
    }
}

#[test]
fn one_burst_is_no_alarm() {
    let few = |resource: &str, period: &str, points: &str| {
        let text = with_property(&shipped(ALARMS), resource, "EvaluationPeriods", "10");
        let text = with_property(&text, resource, "Period", period);
        let found = findings(&shipped(FUNCTIONS), &with_property(&text, resource, "DatapointsToAlarm", points));
        let path = format!("Resources.{resource}.Properties.DatapointsToAlarm");
        found.iter().any(|finding| finding.path == path && finding.rule.contains("one burst is in several"))
    };
    for resource in [
        "LoginFailureRate",
        "Lockouts",
        "FailedJobs",
        "ErrorRate",
        "Exceptions",
        "SlowQueries",
        "PartnerCallFailureRate",
    ] {
        // Five minutes, and two periods.
        let of_points = [("60", "5"), ("60", "6"), ("60", "7"), ("300", "2"), ("300", "3")];
        let seen = of_points.map(|(period, points)| few(resource, period, points));
        assert_eq!(seen, [true, true, false, true, false], "{resource}");
    }
    // As rare as the window is long: each value is of another one.
    assert!(!few("BookingErrorRate", "300", "2"));
    // No window.
    assert!(!few("DiskUsed", "60", "5"));
}

#[test]
fn alarms_that_are_refused_are_all_found_and_nothing_else_for_them() {
    let text = with_property(&shipped(ALARMS), "ErrorRate", "DatapointsToAlarm", "60");
    let text = with_property(&text, "FailingLogin", "DatapointsToAlarm", "3");
    let text = with_property(&text, "SmsQueue", "ComparisonOperator", "MoreOrLess");
    let found = findings(&shipped(FUNCTIONS), &text);
    let told: Vec<&str> = found.iter().map(|finding| finding.path.as_str()).collect();
    let expected = [
        "Resources.FailingLogin.Properties.DatapointsToAlarm",
        "Resources.SmsQueue.Properties.ComparisonOperator",
        "Resources.ErrorRate.Properties.DatapointsToAlarm",
    ];
    assert_eq!(told, expected, "{found:#?}");
}

/// Without a word about it in the settings, canaries are sent as often as the catalogue of metrics says.
#[test]
fn canaries_are_as_rare_as_the_catalogue_says() {
    let example = shipped("layer/settings/production.example.toml");
    let text = replaced(&example, "every = \"15m\"\n", "");
    let text = replaced(&text, "[\"default\"], every = \"5m\",", "[\"default\"],");
    let sms = "[check.notifications.sms]\nto = \"+4512345678\"\nprice_usd = 0.06\n";
    let text = replaced(&text, "[check.notifications.counters]", &format!("{sms}[check.notifications.counters]"));
    let file = std::env::temp_dir().join(format!("synthetics-canaries-{}.toml", std::process::id()));
    std::fs::write(&file, text).unwrap();
    let checks = crate::checks::of_file(&file, &[]);
    std::fs::remove_file(&file).unwrap();
    let checks = checks.unwrap();
    for (metric, channel, check, canary) in [
        (&NOTIFICATION_DELIVERY_DELAY, Some(Channel::Email), "notifications", "email"),
        (&NOTIFICATION_DELIVERY_DELAY, Some(Channel::Sms), "notifications", "sms"),
        (&JOB_DELAY, None, "queues", "canary"),
    ] {
        let settings = checks.iter().find(|own| own.id() == check).unwrap().written().unwrap();
        let every: jiff::SignedDuration = settings["check"][check][canary]["every"].as_str().unwrap().parse().unwrap();
        assert_eq!(metric.every(channel).map(|every| every.as_secs_f64()), Some(every.as_secs_f64()), "{canary}");
    }
}

#[test]
fn a_threshold_that_nothing_passes_is_found() {
    // Whatever it was; another environment may keep it.
    let with = |line: &str, value: &str| {
        let from = format!("    {line}: {{ Default: ");
        findings(
            &shipped(FUNCTIONS),
            &replaced(&shipped(ALARMS), &from, &format!("    {line}: {{ Default: {value}, other: ")),
        )
    };
    let seen = |found: &[Finding], path: &str, rule: &str| {
        assert!(found.iter().any(|finding| finding.path.ends_with(path) && finding.rule.contains(rule)), "{found:#?}");
    };
    seen(&with("ErrorRate", "100"), "ErrorRate.Properties.Threshold", "no value is beyond it");
    seen(&with("ErrorRate", "-1"), "ErrorRate.Properties.Threshold", "every value is beyond it");
    seen(&with("JobDelay", "-1"), "JobDelay.Properties.Threshold", "expected a threshold of at least 0, saw -1: every");
    seen(&with("LoginObjective", "99"), "LoginObjective.Properties.Threshold", "every value is beyond it");
}

#[test]
fn a_budget_beyond_the_functions_timeout_is_found() {
    let (functions, alarms) = (shipped(FUNCTIONS), shipped(ALARMS));
    let with = |milliseconds: &str| {
        let (before, budgets) = alarms.split_once("\n  SlowMs:\n").unwrap();
        let budgets =
            replaced(budgets, "    Login: { Default: ", &format!("    Login: {{ Default: {milliseconds}, test: "));
        format!("{before}\n  SlowMs:\n{budgets}")
    };
    let seen = |functions: &str, milliseconds: &str| {
        let found = findings(functions, &with(milliseconds));
        let is_it = |finding: &Finding| {
            finding.path == "Resources.SlowLogin.Properties.Threshold" && finding.rule.contains("no value is beyond it")
        };
        found.iter().any(is_it)
    };
    let longest = replaced(&functions, "    Timeout: ", "    Timeout: 50 # ");
    assert_eq!(["49999", "50000", "90000000"].map(|budget| seen(&longest, budget)), [false, true, true]);
    // A function may have a timeout of its own.
    let own = replaced(
        &longest,
        "      CodeUri: ../functions/login/\n",
        "      CodeUri: ../functions/login/\n      Timeout: 20\n",
    );
    assert_eq!(["19999", "49999"].map(|budget| seen(&own, budget)), [false, true]);
}

#[test]
fn a_threshold_of_an_environment_of_its_own_is_looked_at() {
    let of = |environments: &str, line: &str| {
        let from = format!("    {line}: {{ ");
        let alarms = replaced(&shipped(ALARMS), &from, &format!("{from}{environments}, "));
        let found = findings(&shipped(FUNCTIONS), &alarms);
        let seen = found.iter().filter(|finding| finding.rule.contains("no value is beyond it"));
        seen.map(|finding| (finding.path.clone(), finding.environment.clone())).collect::<Vec<_>>()
    };
    let path = "Resources.DiskUsed.Properties.Threshold".to_owned();
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(of("staging: 150", "DiskUsed"), [(path.clone(), named("staging"))]);
    assert_eq!(
        of("staging: 150, production: 50, test: 101", "DiskUsed"),
        [(path.clone(), named("staging")), (path.clone(), named("test"))]
    );
    assert_eq!(of("production: 150", "DiskUsed"), [(path, named("production"))]);
    // What is wrong everywhere is told once.
    let alarms = replaced(
        &shipped(ALARMS),
        "    ErrorRate: { Default: ",
        "    ErrorRate: { production: 5, Default: 100, test: ",
    );
    let alarms = replaced(&alarms, "    DiskUsed: { Default: ", "    DiskUsed: { Default: 150, test: ");
    let found = findings(&shipped(FUNCTIONS), &alarms);
    let told: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told.iter().all(|line| !line.contains(": in ")), "{told:#?}");
    let alarms = replaced(&shipped(ALARMS), "    DiskUsed: { ", "    DiskUsed: { staging: 150, ");
    let told = findings(&shipped(FUNCTIONS), &alarms)[0].to_string();
    assert!(told.contains(".Threshold: in staging: expected a threshold within 0 to 100, saw 150"), "{told}");
}

#[test]
fn one_late_run_is_no_alarm() {
    let text = alarms_with("ErrorRate", "TreatMissingData: notBreaching", "TreatMissingData: breaching");
    let text = with_property(&text, "ErrorRate", "DatapointsToAlarm", "1");
    let found = findings(&shipped(FUNCTIONS), &text);
    let is_it = |finding: &Finding| {
        finding.path.ends_with("ErrorRate.Properties.EvaluationPeriods") && finding.rule.contains("one late run")
    };
    assert!(found.iter().any(is_it), "{found:#?}");
}

#[test]
fn a_metric_that_nobody_looks_at_is_found() {
    let text = replaced(&shipped(ALARMS), "MetricName: ErrorRate", "MetricName: Exceptions");
    let found = findings(&shipped(FUNCTIONS), &text);
    assert!(
        found.iter().any(|finding| finding.rule.contains("expected an alarm on ErrorRate, saw none")),
        "{found:#?}"
    );
}

/// A text without the lines that `is_out` says; some are.
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

#[test]
fn each_mistake_in_the_functions_is_found() {
    let alarms = shipped(ALARMS);
    for (from, to, rule) in [
        ("Timeout: 55", "Timeout: 60", "runs would overlap"),
        (
            "Login: { Id: login, Schedule: \"cron(* * * * ? *)\" }",
            "Login: { Id: login, Schedule: \"cron(0/5 * * * ? *)\" }",
            "expected login every 300 s",
        ),
        (
            "Login: { Id: login, Schedule: \"cron(* * * * ? *)\" }",
            "Login: { Id: login, Schedule: \"rate(1 minute)\" }",
            "saw `rate(1 minute)`",
        ),
        (
            "Action: sns:Publish\n            Resource:\n              - !Ref OnCallTopic\n              - !Ref WarningsTopic\n            Condition",
            "Action: sns:Publish\n            Resource:\n              - !Ref OnCallTopic\n            Condition",
            "publish to WarningsTopic",
        ),
        (
            "Action: [kms:Decrypt, kms:GenerateDataKey*]\n            Resource: \"*\"\n            Condition",
            "Action: [kms:Decrypt]\n            Resource: \"*\"\n            Condition",
            "let alarms use kms:GenerateDataKey*",
        ),
    ] {
        let found = findings(&replaced(&shipped(FUNCTIONS), from, to), &alarms);
        assert!(found.iter().any(|finding| finding.rule.contains(rule)), "{to}: {found:#?}");
    }
}

#[test]
fn each_mistake_in_the_alarms_on_the_platform_is_found_where_it_stands() {
    let action =
        "      AlarmActions: [!ImportValue { Fn::Sub: \"just-driving-synthetics-${Environment}-OnCallTopic\" }]\n";
    for (resource, from, to, path, rule) in [
        ("DatabaseStorage", action, "", "DatabaseStorage.Properties.AlarmActions", "expected an action, or the reason"),
        (
            "DatabaseStorage",
            "OnCallTopic",
            "EventsTopic",
            "DatabaseStorage.Properties.AlarmActions",
            "policy that lets alarms publish to EventsTopic",
        ),
        (
            "DatabaseStorage",
            "Severity: critical",
            "Severity: warning",
            "DatabaseStorage.Properties.AlarmDescription",
            "its severity, warning",
        ),
        (
            "DatabaseStorage",
            ".md#databasestorage",
            ".md#nowhere",
            "DatabaseStorage.Properties.AlarmDescription",
            "a heading `nowhere` in platform.md",
        ),
        (
            "DatabaseStorage",
            "EvaluationPeriods: ",
            "EvaluationPeriods: 30",
            "DatabaseStorage.Properties.EvaluationPeriods",
            "at most 86400 s together",
        ),
        // Of a loop: each server's.
        (
            "ServerDisk&{Server}",
            "platform.md#serverdisk",
            "nothing.md#serverdisk",
            "ServerDiskgiven.Properties.AlarmDescription",
            "expected a runbook nothing.md",
        ),
        (
            "PlatformExceptions",
            "MetricName: Exceptions",
            "MetricName: Exception",
            "PlatformExceptions.Properties.MetricName",
            "a filter on log lines that publishes Exception",
        ),
    ] {
        let text = with(PLATFORM, resource, from, to);
        let found = found(&Texts {
            functions: &shipped(FUNCTIONS),
            alarms: &shipped(ALARMS),
            platform: Some(&text),
            deployed: None,
            runbooks: &runbooks(),
        });
        let is_it =
            |finding: &Finding| finding.file == PLATFORM && finding.path.ends_with(path) && finding.rule.contains(rule);
        assert!(found.iter().any(is_it), "{resource}: {from} -> {to}: {found:#?}");
        assert!(found.iter().all(|finding| finding.file == PLATFORM && finding.line > 1), "{found:#?}");
    }
}

#[test]
fn a_dashboard_that_leads_nowhere_is_found() {
    for (from, to, rule) in [
        ("${Runbooks}/alarms.md#slow)", "${Runbooks}/alarms.md#fast)", "a heading `fast` in alarms.md"),
        ("${Runbooks}/login.md)", "${Runbooks}/logon.md)", "expected a runbook logon.md"),
        ("\"start\": \"-PT6H\",", "\"start\": \"-PT6H\"", "expected JSON, saw what is none"),
    ] {
        let found = findings(&shipped(FUNCTIONS), &with(ALARMS, "Dashboard", from, to));
        let is_it = |finding: &Finding| {
            finding.path == "Resources.Dashboard.Properties.DashboardBody" && finding.rule.contains(rule)
        };
        assert!(found.iter().any(is_it), "{from} -> {to}: {found:#?}");
    }
}
