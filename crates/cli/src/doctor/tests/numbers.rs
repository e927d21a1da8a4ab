//! What an alarm asks for is published, can be passed, and in time.

use super::*;

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
        let observed = of_points.map(|(period, points)| few(resource, period, points));
        assert_eq!(observed, [true, true, false, true, false], "{resource}");
    }
    // As rare as the window is long: each value is of another one.
    assert!(!few("BookingErrorRate", "300", "2"));
    // No window.
    assert!(!few("DiskUsed", "60", "5"));
}

#[test]
fn canaries_are_as_rare_as_the_catalogue_says() {
    let example = shipped("layer/settings/production.example.toml");
    let text = replaced(&example, "every = \"15m\"\n", "");
    let text = replaced(&text, "[\"default\"], every = \"5m\",", "[\"default\"],");
    let sms = "[check.notifications.sms]\nto = \"+4512345678\"\nprice_usd = 0.06\n";
    let text = replaced(&text, "[check.notifications.counters]", &format!("{sms}[check.notifications.counters]"));
    let file = std::env::temp_dir().join(format!("synthetics-canaries-{}.toml", std::process::id()));
    std::fs::write(&file, text).unwrap();
    let checks = crate::checks::from_file(&file, &[]);
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
    let observed = |found: &[Finding], path: &str, rule: &str| {
        assert!(found.iter().any(|finding| finding.path.ends_with(path) && finding.rule.contains(rule)), "{found:#?}");
    };
    observed(&with("ErrorRate", "100"), "ErrorRate.Properties.Threshold", "no value is beyond it");
    observed(&with("ErrorRate", "-1"), "ErrorRate.Properties.Threshold", "every value is beyond it");
    observed(
        &with("JobDelay", "-1"),
        "JobDelay.Properties.Threshold",
        "expected a threshold of at least 0, found -1: every",
    );
    observed(&with("LoginObjective", "99"), "LoginObjective.Properties.Threshold", "every value is beyond it");
    observed(&with("MaintenanceTooLong", "2"), "MaintenanceTooLong.Properties.Threshold", "within 0 to 1, found 2: no");
    // No run waits longer than its function may run.
    observed(
        &with("WebhookProcessingDelay", "600000"),
        "WebhookProcessingDelay.Properties.Threshold",
        "found 600000: no",
    );
}

#[test]
fn a_threshold_that_nothing_that_aws_counts_passes_is_found() {
    for (line, value, resource, rule) in [
        ("DatabaseCpu", "150", "DatabaseCpu", "within 0 to 100, found 150: no"),
        ("ServerMemory", "100", "ServerMemorygiven", "within 0 to 100, found 100: no"),
        ("ServerDown", "2", "ServerDowngiven", "within 0 to 1, found 2: no"),
        ("ServerErrors", "-1", "ServerErrors", "of at least 0, found -1: every"),
        ("DatabaseStorage", "0", "DatabaseStorage", "of at least 0, found 0: no"),
        ("PlatformExceptions", "-1", "PlatformExceptions", "of at least 0, found -1: every"),
    ] {
        let from = format!("    {line}: {{ Default: ");
        let platform = replaced(&shipped(PLATFORM), &from, &format!("{from}{value}, other: "));
        let found = findings_beside(&platform, None);
        let path = format!("Resources.{resource}.Properties.Threshold");
        let is_it = |finding: &Finding| finding.file == PLATFORM && finding.path == path && finding.rule.contains(rule);
        assert!(found.iter().any(is_it), "{line}: {value}: {found:#?}");
    }
}

#[test]
fn what_is_summed_or_computed_has_other_values() {
    let sum = with(PLATFORM, "ServerDown&{Server}", "Statistic: Maximum", "Statistic: Sum");
    let sum = replaced(&sum, "ServerDown: { Default: 1 }", "ServerDown: { Default: 3 }");
    assert_eq!(findings_beside(&sum, None), []);
    let metric = |name: &str| {
        format!(
            "      {name}\n      MetricName: Success\n      Dimensions:\n        - {{ Name: Environment, Value: !Ref Environment }}\n        - {{ Name: Check, Value: login }}\n"
        )
    };
    let alone =
        format!("{}      Statistic: Average\n      Period: 21600\n", metric("Namespace: JustDriving/Synthetics"));
    let share = "      Metrics:\n        - { Id: failed, Expression: 100 * (1 - passed) }\n        - Id: passed\n          ReturnData: false\n          MetricStat:\n            Stat: Average\n            Period: 21600\n            Metric:\n              Namespace: JustDriving/Synthetics\n              MetricName: Success\n              Dimensions: [{ Name: Environment, Value: !Ref Environment }, { Name: Check, Value: login }]\n";
    let text = with(ALARMS, "LoginObjective", &alone, share);
    let text = replaced(&text, "    LoginObjective: { Default: 0.99 }", "    LoginObjective: { Default: 5 }");
    assert_eq!(findings(&shipped(FUNCTIONS), &text), []);
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
    let observed = |functions: &str, milliseconds: &str| {
        let found = findings(functions, &with(milliseconds));
        let is_it = |finding: &Finding| {
            finding.path == "Resources.SlowLogin.Properties.Threshold" && finding.rule.contains("no value is beyond it")
        };
        found.iter().any(is_it)
    };
    let longest = replaced(&functions, "    Timeout: ", "    Timeout: 50 # ");
    assert_eq!(["49999", "50000", "90000000"].map(|budget| observed(&longest, budget)), [false, true, true]);
    // A function may have a timeout of its own.
    let own = replaced(
        &longest,
        "      CodeUri: ../functions/login/\n",
        "      CodeUri: ../functions/login/\n      Timeout: 20\n",
    );
    assert_eq!(["19999", "49999"].map(|budget| observed(&own, budget)), [false, true]);
}

#[test]
fn a_threshold_of_an_environment_of_its_own_is_looked_at() {
    let of = |environments: &str, line: &str| {
        let from = format!("    {line}: {{ ");
        let alarms = replaced(&shipped(ALARMS), &from, &format!("{from}{environments}, "));
        let found = findings(&shipped(FUNCTIONS), &alarms);
        let observed = found.iter().filter(|finding| finding.rule.contains("no value is beyond it"));
        observed.map(|finding| (finding.path.clone(), finding.environment.clone())).collect::<Vec<_>>()
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
    let text: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(text.len(), 2, "{text:#?}");
    assert!(text.iter().all(|line| !line.contains(": in ")), "{text:#?}");
    let alarms = replaced(&shipped(ALARMS), "    DiskUsed: { ", "    DiskUsed: { staging: 150, ");
    let text = findings(&shipped(FUNCTIONS), &alarms)[0].to_string();
    assert!(text.contains(".Threshold: in staging: expected a threshold within 0 to 100, found 150"), "{text}");
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
