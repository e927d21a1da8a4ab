//! Metrics, periods, datapoints and thresholds of alarms.

use super::*;

#[test]
fn each_wrong_period_and_datapoint_count_is_found() {
    for (resource, property, value, rule) in [
        ("SlowQueries", "Period", "90", "a multiple of 60 seconds"),
        (
            "BookingErrorRate",
            "Period",
            "60",
            "a multiple of 300 s, the interval at which BookingErrorRate is published",
        ),
        // Any check may have an unsent notification, so the longest cadence applies.
        ("OldestUnsentNotification", "Period", "300", "a multiple of 900 s"),
        // Checks send canaries less often than they run.
        ("EmailDeliveryDelay", "Period", "300", "a multiple of 900 s"),
        ("SmsDeliveryDelay", "Period", "900", "a multiple of 3600 s"),
        ("JobDelay", "Period", "60", "a multiple of 300 s"),
        ("ErrorRate", "EvaluationPeriods", "1500", "at most 86400 s in total"),
        ("ErrorRate", "DatapointsToAlarm", "60", "at most EvaluationPeriods"),
    ] {
        let text = with_property(&shipped(ALARMS), resource, property, value);
        let found = findings(&shipped(FUNCTIONS), &text);
        let path = format!("Resources.{resource}.Properties.{property}");
        let is_expected = |finding: &Finding| finding.line > 1 && finding.path == path && finding.rule.contains(rule);
        assert!(found.iter().any(is_expected), "{resource} {property} {value}: {found:#?}");
    }
}

#[test]
fn too_few_datapoints_for_a_window_are_found() {
    let has_finding = |resource: &str, period: &str, points: &str| {
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
        // Five minutes and two periods.
        let cases = [("60", "5"), ("60", "6"), ("60", "7"), ("300", "2"), ("300", "3")];
        let found = cases.map(|(period, points)| has_finding(resource, period, points));
        assert_eq!(found, [true, true, false, true, false], "{resource}");
    }
    // The interval equals the window, so windows do not overlap.
    assert!(!has_finding("BookingErrorRate", "300", "2"));
    // No window.
    assert!(!has_finding("DiskUsed", "60", "5"));
}

#[test]
fn default_canary_intervals_match_the_catalogue() {
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
        let settings = checks.iter().find(|candidate| candidate.id() == check).unwrap().written();
        let every: jiff::SignedDuration = settings["check"][check][canary]["every"].as_str().unwrap().parse().unwrap();
        assert_eq!(metric.every(channel).map(|every| every.as_secs_f64()), Some(every.as_secs_f64()), "{canary}");
    }
}

#[test]
fn unreachable_threshold_is_found() {
    // Replaces the default, and keeps the old value for another environment.
    let with = |line: &str, value: &str| {
        let from = format!("    {line}: {{ Default: ");
        findings(
            &shipped(FUNCTIONS),
            &replaced(&shipped(ALARMS), &from, &format!("    {line}: {{ Default: {value}, other: ")),
        )
    };
    let assert_found = |found: &[Finding], path: &str, rule: &str| {
        assert!(found.iter().any(|finding| finding.path.ends_with(path) && finding.rule.contains(rule)), "{found:#?}");
    };
    assert_found(&with("ErrorRate", "100"), "ErrorRate.Properties.Threshold", "no value breaches it");
    assert_found(&with("ErrorRate", "-1"), "ErrorRate.Properties.Threshold", "every value breaches it");
    assert_found(
        &with("JobDelay", "-1"),
        "JobDelay.Properties.Threshold",
        "only some values (at least 0) breach, found -1: every",
    );
    assert_found(
        &with("MaintenanceTooLong", "2"),
        "MaintenanceTooLong.Properties.Threshold",
        "(0 to 1) breach, found 2: no",
    );
    // A delay within a run cannot exceed the timeout of the function.
    assert_found(
        &with("WebhookProcessingDelay", "600000"),
        "WebhookProcessingDelay.Properties.Threshold",
        "found 600000: no",
    );
}

#[test]
fn unreachable_threshold_on_an_aws_metric_is_found() {
    for (line, value, resource, rule) in [
        ("DatabaseCpu", "150", "DatabaseCpu", "(0 to 100) breach, found 150: no"),
        ("ServerMemory", "100", "ServerMemorygiven", "(0 to 100) breach, found 100: no"),
        ("ServerDown", "2", "ServerDowngiven", "(0 to 1) breach, found 2: no"),
        ("ServerErrors", "-1", "ServerErrors", "(at least 0) breach, found -1: every"),
        ("DatabaseStorage", "0", "DatabaseStorage", "(at least 0) breach, found 0: no"),
        ("PlatformExceptions", "-1", "PlatformExceptions", "(at least 0) breach, found -1: every"),
    ] {
        let from = format!("    {line}: {{ Default: ");
        let platform = replaced(&shipped(PLATFORM), &from, &format!("{from}{value}, other: "));
        let found = platform_findings(&platform, None);
        let path = format!("Resources.{resource}.Properties.Threshold");
        let is_expected =
            |finding: &Finding| finding.file == PLATFORM && finding.path == path && finding.rule.contains(rule);
        assert!(found.iter().any(is_expected), "{line}: {value}: {found:#?}");
    }
}

#[test]
fn sums_and_expressions_have_other_ranges() {
    let sum = with(PLATFORM, "ServerDown&{Server}", "Statistic: Maximum", "Statistic: Sum");
    let sum = replaced(&sum, "ServerDown: { Default: 1 }", "ServerDown: { Default: 3 }");
    assert_eq!(platform_findings(&sum, None), []);
    let metric = |name: &str| {
        format!(
            r"      {name}
      MetricName: Success
      Dimensions:
        - {{ Name: Environment, Value: !Ref Environment }}
        - {{ Name: Check, Value: login }}
"
        )
    };
    let alone = format!(
        "{}      Statistic: Average\n      Period: !FindInMap [Checks, Login, Seconds]\n",
        metric("Namespace: JustDriving/Synthetics")
    );
    let share = r"      Metrics:
        - { Id: failed, Expression: 100 * (1 - passed) }
        - Id: passed
          ReturnData: false
          MetricStat:
            Stat: Average
            Period: 60
            Metric:
              Namespace: JustDriving/Synthetics
              MetricName: Success
              Dimensions: [{ Name: Environment, Value: !Ref Environment }, { Name: Check, Value: login }]
";
    let text = with(ALARMS, "LoginObjective", &alone, share);
    assert_eq!(findings(&shipped(FUNCTIONS), &text), []);
}

#[test]
fn duration_threshold_above_the_timeout_is_found() {
    let (functions, alarms) = (shipped(FUNCTIONS), shipped(ALARMS));
    let with = |milliseconds: &str| {
        let (before, budgets) = alarms.split_once("\n  SlowMs:\n").unwrap();
        let budgets =
            replaced(budgets, "    Login: { Default: ", &format!("    Login: {{ Default: {milliseconds}, test: "));
        format!("{before}\n  SlowMs:\n{budgets}")
    };
    let has_finding = |functions: &str, milliseconds: &str| {
        let found = findings(functions, &with(milliseconds));
        let is_expected = |finding: &Finding| {
            finding.path == "Resources.SlowLogin.Properties.Threshold" && finding.rule.contains("no value breaches it")
        };
        found.iter().any(is_expected)
    };
    let longest = replaced(&functions, "    Timeout: ", "    Timeout: 50 # ");
    assert_eq!(["49999", "50000", "90000000"].map(|budget| has_finding(&longest, budget)), [false, true, true]);
    // A function's own timeout overrides the global one.
    let own = replaced(
        &longest,
        "      CodeUri: ../functions/login/\n",
        "      CodeUri: ../functions/login/\n      Timeout: 20\n",
    );
    assert_eq!(["19999", "49999"].map(|budget| has_finding(&own, budget)), [false, true]);
}

#[test]
fn thresholds_of_each_environment_are_audited() {
    let places_with = |environments: &str, line: &str| {
        let from = format!("    {line}: {{ ");
        let alarms = replaced(&shipped(ALARMS), &from, &format!("{from}{environments}, "));
        let found = findings(&shipped(FUNCTIONS), &alarms);
        let unreachable = found.iter().filter(|finding| finding.rule.contains("no value breaches it"));
        unreachable.map(|finding| (finding.path.clone(), finding.environment.clone())).collect::<Vec<_>>()
    };
    let path = "Resources.DiskUsed.Properties.Threshold".to_owned();
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(places_with("staging: 150", "DiskUsed"), [(path.clone(), named("staging"))]);
    assert_eq!(
        places_with("staging: 150, production: 50, test: 101", "DiskUsed"),
        [(path.clone(), named("staging")), (path.clone(), named("test"))]
    );
    assert_eq!(places_with("production: 150", "DiskUsed"), [(path, named("production"))]);
    // A mistake in every environment is reported once.
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
    assert!(
        text.contains(
            ".Threshold: in staging: expected a threshold that only some values (0 to 100) breach, found 150"
        ),
        "{text}"
    );
}

#[test]
fn alarm_after_a_single_late_run_is_found() {
    let text = alarms_with("ErrorRate", "TreatMissingData: notBreaching", "TreatMissingData: breaching");
    let text = with_property(&text, "ErrorRate", "DatapointsToAlarm", "1");
    let found = findings(&shipped(FUNCTIONS), &text);
    let is_expected = |finding: &Finding| {
        finding.path.ends_with("ErrorRate.Properties.EvaluationPeriods") && finding.rule.contains("one late run")
    };
    assert!(found.iter().any(is_expected), "{found:#?}");
}
