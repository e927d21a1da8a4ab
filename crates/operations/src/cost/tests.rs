//! Compares the bill with one calculated by hand, and covers silent errors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use check::metric::CATALOGUE;
use toml::Table;

use super::assumed::TYPICAL_RUNS;
use super::bill::{Bill, Kind, Tariff, UsageItem};
use super::prices::{Good, Prices};
use super::running::{Plan, Sources};
use super::{Estimate, compare_with_max, estimate, settings, what_if};
use crate::checks;
use crate::samconfig::Samconfig;

fn infra() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra")
}

fn shipped(file: &str) -> String {
    std::fs::read_to_string(infra().join(file)).unwrap()
}

fn example() -> BTreeMap<String, Table> {
    settings("example.toml", &shipped("layer/settings/production.example.toml")).unwrap().1
}

fn try_estimate(
    functions: &str,
    alarms: &str,
    settings: &BTreeMap<String, Table>,
    plan: Plan,
) -> anyhow::Result<Estimate> {
    estimate(plan, &Sources { functions, alarms, settings }, &Prices::shipped().unwrap())
}

/// Estimates the shipped templates and settings with `--what-if` changes.
fn estimate_with(changes: &[&str]) -> Estimate {
    let plan = Plan::new("production", "all");
    let changes: Vec<String> = changes.iter().map(|change| (*change).to_owned()).collect();
    let plan = what_if::apply(&plan, &changes).unwrap_or_else(|error| panic!("{error:#}"));
    try_estimate(&shipped("template.yaml"), &shipped("alarms.yaml"), &example(), plan)
        .unwrap_or_else(|error| panic!("{changes:?}: {error:#}"))
}

fn list(bill: &Bill, kind: Kind) -> f64 {
    bill.line(kind).map_or(0.0, |line| line.sum.list)
}

fn quantity(bill: &Bill, kind: Kind) -> f64 {
    bill.line(kind).map_or(0.0, |line| line.amounts[0].quantity)
}

fn is_near(actual: f64, expected: f64) -> bool {
    (actual - expected).abs() < 0.000_5
}

/// Calculated by hand from the templates, the example's settings and `prices.toml`.
///
/// Runs in 30 days: availability, login, queues, application, backend 43,200 each; booking, payment-webhook,
/// integrations, notifications 8,640 each; reconciliation 2,880. Together 5 × 43,200 + 4 × 8,640 + 2,880 = 253,440.
#[test]
fn shipped_bill_equals_the_hand_calculation() {
    let bill = estimate_with(&[]).bill;
    let by_hand = [
        // Success, Duration and Inconclusive of ten checks: 30. Metrics of one check: 30, three of them in two
        // channels: 33. Leftovers and OldestUnsentNotification: 2. Total: 65 at 0.30; ten are free.
        (Kind::Metrics, 19.50, 16.50),
        // Monitoring-lost, slow and failing alarms of ten checks: 30. Domain alarms: 30. Objectives: 5. Unsent
        // notifications, failed invocations, deliveries of two topics and spending on SMS: 5. Total: 70 at 0.10; ten are
        // free.
        (Kind::Alarms, 7.00, 6.00),
        (Kind::Composites, 0.50, 0.50),
        // Three dashboards of at most 50 metrics are free; this one shows more.
        (Kind::Dashboards, 3.00, 3.00),
        // 253,440 at 0.01 per 1,000; a million is free.
        (Kind::Calls, 2.5344, 0.0),
        // Requests: 253,440 at 0.20 per million: 0.050688. Seconds: 43,200 × (1 + 3 + 1 + 1 + 1) + 8,640 × (3 + 5 + 1 +
        // 2) + 2,880 × 12 = 302,400 + 95,040 + 34,560 = 432,000; with half a GB: 216,000 GB-seconds at 0.0000133334:
        // 2.880014. 400,000 GB-seconds are free.
        (Kind::Functions, 2.930702, 0.0),
        // Scheduled rules are free.
        (Kind::Rules, 0.0, 0.0),
        // KB, including 1 KB of Lambda's own lines: 43,200 × (9 + 11 + 7 + 7 + 5) + 8,640 × (11 + 16 + 10 + 8) + 2,880
        // × 21 = 1,684,800 + 388,800 + 60,480 = 2,134,080: 2.13408 GB ingested at 0.57, and stored for 30 days, one
        // month, at 0.03. Total: 4.27 of 5 free GB.
        (Kind::Logs, 1.280448, 0.0),
        // Reads: one per run, of at most 4 KB: 253,440 at 0.1415 per million: 0.035862. Writes, of 1 KB: 43,200 × (2 +
        // 4 + 4 + 2 + 2) + 8,640 × (4 + 4 + 2 + 4) + 2,880 × 2 = 604,800 + 120,960 + 5,760 = 731,520; ten incidents
        // change three times, 4 + 8 KB at twice the price and 4 KB after the notification: 30 × 28 = 840. 732,360 at
        // 0.705 per million: 0.516314. Storage: items of 30 KB; ten incidents a month for 400 days, 8 KB each: 1,066.7
        // KB. 0.0010967 GB at 0.25 (free) and, as a backup, at 0.20: 0.000274 and 0.000219.
        (Kind::State, 0.552669, 0.552395),
        // One key. Requests: 2 + 3 + 2 + 2 + 2 + 2 + 3 + 3 + 3 secrets of checks that run at least every five minutes,
        // each read 8,640 times, and 2 of reconciliation, read 2,880 times: 195,840. Reads and writes of the table: 9 ×
        // 8,640 + 2,880 = 80,640. 80 messages, two requests each: 160. Total: 276,640 at 0.03 per 10,000: 0.82992;
        // 20,000 are free: 0.06.
        (Kind::Keys, 1.82992, 1.76992),
        // Parameters are free.
        (Kind::Secrets, 0.0, 0.0),
        // Ten incidents, each with three notifications to two topics and two messages from an alarm: 80 messages at
        // 0.50 per million; 50 e-mails to one address at 2.00 per 100,000.
        (Kind::Topics, 0.00104, 0.0),
        (Kind::Failures, 0.000004, 0.0),
        // 2,880 e-mails at an unknown price.
        (Kind::Canaries, 0.0, 0.0),
    ];
    let expected: BTreeMap<Kind, (f64, f64)> =
        by_hand.into_iter().map(|(kind, list, net)| (kind, (list, net))).collect();
    let kinds: Vec<Kind> = bill.lines.iter().map(|line| line.kind).collect();
    assert_eq!(kinds, expected.keys().copied().collect::<Vec<_>>());
    for line in &bill.lines {
        let (list, net) = expected[&line.kind];
        assert!(
            is_near(line.sum.list, list) && is_near(line.sum.net, net),
            "expected {list} and {net}, found {line:?}"
        );
    }
    // Before rounding: 19.50 + 7.00 + 0.50 + 3.00 + 2.5344 + 2.9307 + 1.2804 + 0.5527 + 1.8299 + 0.0010 = 39.1292;
    // 16.50 + 6.00 + 0.50 + 3.00 + 0.5524 + 1.7699 = 28.3223.
    assert!(is_near(bill.total.list, 39.1292), "{}", bill.total.list);
    assert!(is_near(bill.total.net, 28.3223), "{}", bill.total.net);
    let by_check: f64 = bill.by_check.values().sum();
    assert!(is_near(by_check + bill.shared, bill.total.list), "checks and shared costs add up to the total");
    // Availability: 5 metrics 1.50, 7 alarms 0.70, calls 0.432, requests 0.00864, 21,600 GB-seconds 0.288001, 388,800
    // KB ingested and stored 0.23328, reads 0.006113, 86,400 writes 0.060912, 3 × 8,640 KMS requests 0.07776.
    assert!(is_near(bill.by_check["availability"], 3.3067), "{:?}", bill.by_check);
}

/// The design allows 70 metrics, 70 alarms, one composite alarm, one dashboard, and 40 USD at list price without VPC,
/// SMS and Secrets Manager.
#[test]
fn all_checks_stay_within_the_budget() {
    let bill = estimate_with(&[]).bill;
    assert!(quantity(&bill, Kind::Metrics) <= 70.0, "{:?}", bill.line(Kind::Metrics));
    assert!(quantity(&bill, Kind::Alarms) <= 70.0, "{:?}", bill.line(Kind::Alarms));
    assert!(is_near(quantity(&bill, Kind::Composites), 1.0), "{:?}", bill.line(Kind::Composites));
    assert!(quantity(&bill, Kind::Dashboards) <= 1.0, "{:?}", bill.line(Kind::Dashboards));
    assert!(is_near(list(&bill, Kind::Endpoints), 0.0) && is_near(list(&bill, Kind::Secrets), 0.0));
    let with_dashboard = bill.total.list - list(&bill, Kind::Dashboards) + 3.00;
    assert!(with_dashboard <= 40.0, "{with_dashboard}");
}

#[test]
fn what_if_changes_only_the_dependent_lines() {
    let base = estimate_with(&[]).bill;
    let kinds: Vec<Kind> = base.lines.iter().map(|line| line.kind).chain([Kind::Endpoints]).collect();
    for (change, differences) in [
        // 34,560 more runs: calls 0.3456; requests 0.006912 and 51,840 GB-seconds 0.691203; 0.38016 GB ingested and
        // stored 0.228096; reads 0.00489 and 138,240 writes 0.097459. Secrets are read every five minutes as before.
        (
            "cadence.booking=1m",
            &[(Kind::Calls, 0.3456), (Kind::Functions, 0.698115), (Kind::Logs, 0.228096), (Kind::State, 0.102349)][..],
        ),
        // Hourly runs also read secrets and the table's key less often. 42,480 fewer runs: calls 0.4248; requests
        // 0.008496 and 21,240 GB-seconds 0.283201; 0.38232 GB 0.229392; reads 0.006011 and 84,960 writes 0.059897; 3 ×
        // (8,640 - 720) = 23,760 KMS requests 0.07128.
        (
            "cadence.availability=1h",
            &[
                (Kind::Calls, -0.4248),
                (Kind::Functions, -0.291697),
                (Kind::Logs, -0.229392),
                (Kind::State, -0.065908),
                (Kind::Keys, -0.07128),
            ],
        ),
        ("memory=1024", &[(Kind::Functions, 2.880014)]),
        // 43,200 seconds of half a GB.
        ("seconds.login=4", &[(Kind::Functions, 0.288001)]),
        // 216,000 GB-seconds, each 0.0000033333 more.
        ("architecture=x86_64", &[(Kind::Functions, 0.719993)]),
        // Two more months of log lines: 4.26816 GB at 0.03.
        ("retention=90", &[(Kind::Logs, 0.128045)]),
        // Three endpoints in two zones for 720 hours at 0.011; 43,200 runs of backend, 20 KB each, at 0.01 per GB.
        ("zones=2", &[(Kind::Endpoints, 47.52 + 0.00864)]),
        // 90 more incidents, 84 writes each: 7,560 at 0.705 per million; 0.0096 GB of incident records at 0.25 and
        // 0.20; 720 more messages 0.00036, with 1,440 KMS requests 0.00432 and 450 e-mails 0.009.
        ("incidents=100", &[(Kind::State, 0.00965), (Kind::Keys, 0.00432), (Kind::Topics, 0.00936)]),
    ] {
        let changed = estimate_with(&[change]).bill;
        let expected =
            |kind: Kind| differences.iter().find(|(changed, _)| *changed == kind).map_or(0.0, |(_, usd)| *usd);
        for kind in &kinds {
            let actual = list(&changed, *kind) - list(&base, *kind);
            assert!(
                is_near(actual, expected(*kind)),
                "{change}: {kind:?}: expected {}, found {actual}",
                expected(*kind)
            );
        }
    }
    let two = estimate_with(&["checks=login,availability"]);
    let running: Vec<&str> = two.usage.running.iter().map(|running| running.typical.check).collect();
    assert_eq!(running, ["availability", "login"]);
    // Five metrics of each check; Leftovers, because login creates sessions; OldestUnsentNotification.
    assert!(is_near(quantity(&two.bill, Kind::Metrics), 12.0), "{:?}", two.bill.line(Kind::Metrics));
    let one = estimate_with(&["checks=Availability"]);
    assert!(
        is_near(quantity(&one.bill, Kind::Metrics), 6.0),
        "availability creates nothing, so it has no Leftovers: {:?}",
        one.bill.lines
    );
    assert!(one.bill.line(Kind::Composites).is_none(), "the composite alarm needs two checks");
}

#[test]
fn invalid_change_lists_the_valid_choices() {
    for (change, message) in [
        ("colour=red", "unknown key \"colour\"\n`synthetics cost --help` lists all keys"),
        ("memroy=1024", "unknown key \"memroy\"; did you mean \"memory\"?"),
        ("cadence", "--what-if: expected KEY=VALUE, such as cadence.login=5m"),
        (
            "cadence.login=90s",
            "expected an interval that divides an hour, one of 1m, 2m, 3m, 4m, 5m, 6m, 10m, 12m, 15m, 20m, 30m, \
             60m, found `90s`",
        ),
        ("cadence.login=7m", "found `7m`"),
        ("seconds.login=60", "seconds.login: expected at most 55, the Timeout of LoginFunction, found 60"),
        ("cadence.login=soon", "found `soon`"),
        ("cadence.logn=5m", "unknown running check \"logn\"; did you mean \"login\"?"),
        ("seconds.login=-1", "expected a number from 0.001 to 900, found `-1`"),
        ("memory=64", "expected a number from 128 to 10240, found `64`"),
        ("retention=33", "Parameters.LogRetentionDays: expected one of 1, 3, 5"),
        ("architecture=riscv", "Parameters.Architecture: expected one of arm64, x86_64, found `riscv`"),
        ("checks=logn", "unknown check \"logn\"; did you mean \"login\"?"),
        ("incidents=NaN", "expected a number from 0 to 100000, found `NaN`"),
    ] {
        let plan = what_if::apply(&Plan::new("production", "all"), &[change.to_owned()]);
        let error = plan
            .and_then(|plan| try_estimate(&shipped("template.yaml"), &shipped("alarms.yaml"), &example(), plan))
            .map(|estimate| estimate.bill.total.list)
            .unwrap_err();
        assert!(format!("{error:#}").contains(message), "{change}: {error:#}");
    }
}

#[test]
fn changed_templates_change_the_bill() {
    let with = |file: &str, from: &str, to: &str| {
        let (mut functions, mut alarms) = (shipped("template.yaml"), shipped("alarms.yaml"));
        let text = if file == "template.yaml" { &mut functions } else { &mut alarms };
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, *text, "{from}");
        *text = changed;
        try_estimate(&functions, &alarms, &example(), Plan::new("production", "all"))
    };
    let base = estimate_with(&[]).bill;
    let difference = |kind: Kind, changed: &Estimate| list(&changed.bill, kind) - list(&base, kind);

    let small = with("template.yaml", "MemorySize: 512", "MemorySize: 256").unwrap();
    assert!(is_near(difference(Kind::Functions, &small), -1.440007));
    let often =
        with("template.yaml", "reconciliation, Schedule: \"cron(4/15", "reconciliation, Schedule: \"cron(4/5").unwrap();
    assert!(is_near(difference(Kind::Calls, &often), 0.0576), "5,760 more calls");
    let dashboard =
        "Resources:\n  Another:\n    Type: AWS::CloudWatch::Dashboard\n    Properties: { DashboardBody: \"{}\" }\n";
    let watched = with("alarms.yaml", "Resources:\n", dashboard).unwrap();
    assert!(is_near(difference(Kind::Dashboards, &watched), 3.0));
    assert!(is_near(watched.bill.total.net, base.total.net), "three small dashboards are free");
    let unencrypted = with("template.yaml", "SSEEnabled: true", "SSEEnabled: false").unwrap();
    assert!(is_near(difference(Kind::Keys, &unencrypted), -0.24192), "80,640 fewer requests");

    let strange = "Resources:\n  Cache:\n    Type: AWS::ElastiCache::CacheCluster\n    Properties: {}\n";
    let strange = with("template.yaml", "Resources:\n", strange).unwrap();
    assert_eq!(strange.usage.unpriced, BTreeMap::from([("AWS::ElastiCache::CacheCluster".to_owned(), 1)]));
    assert!(estimate_with(&[]).usage.unpriced.is_empty(), "every shipped resource has a price");

    for (from, to, message) in [
        ("BillingMode: PAY_PER_REQUEST", "BillingMode: PROVISIONED", "expected the BillingMode PAY_PER_REQUEST"),
        ("          RetentionInDays: !Ref LogRetentionDays\n", "", "expected a log group with RetentionInDays"),
        ("MemorySize: 512", "Description: none", "expected a MemorySize, found none"),
        ("\"cron(* * * * ? *)\"", "\"rate(1 minute)\"", "found `rate(1 minute)`"),
        ("Id: login,", "Id: log-in,", "found `log-in`\n(build the program from the same commit as the templates)"),
    ] {
        let error = with("template.yaml", from, to).map(|estimate| estimate.bill.total.list).unwrap_err();
        assert!(format!("{error:#}").contains(message), "{to}: {error:#}");
    }
}

#[test]
fn settings_determine_canary_and_secret_costs() {
    let text = shipped("layer/settings/production.example.toml")
        .replacen("every = \"15m\"", "every = \"15m\"\nprice_usd = 0.0005", 1)
        .replacen(
            "[check.notifications.counters]",
            "[check.notifications.sms]\nto = \"+4512345678\"\n\n[check.notifications.counters]",
            1,
        )
        .replacen(
            "ssm:/just-driving/production/login/password",
            "ssm:/aws/reference/secretsmanager/just-driving/production/login/password",
            1,
        );
    let (environment, sections) = settings("canaries.toml", &text).unwrap();
    assert_eq!(environment, "production");
    let bill_of =
        |plan| try_estimate(&shipped("template.yaml"), &shipped("alarms.yaml"), &sections, plan).unwrap().bill;
    let bill = bill_of(Plan::new("production", "all"));
    // 2,880 e-mails at 0.0005.
    assert!(is_near(list(&bill, Kind::Canaries), 1.44), "{:?}", bill.line(Kind::Canaries));
    // A run every ten minutes: every second run sends a canary, 2,160 in total.
    let rarer = what_if::apply(&Plan::new("production", "all"), &["cadence.notifications=10m".to_owned()]).unwrap();
    assert!(is_near(list(&bill_of(rarer), Kind::Canaries), 1.08));
    let [sms] = &bill.unknown[..] else { panic!("{:?}", bill.unknown) };
    assert_eq!((sms.quantity, sms.unit.as_str(), sms.usd_each), (720.0, "SMS", None), "an unknown price is not 0");
    // One secret at 0.40, read 8,640 times at 0.05 per 10,000.
    assert!(is_near(list(&bill, Kind::Secrets), 0.4432), "{:?}", bill.line(Kind::Secrets));
    let none = bill_of(Plan::new("production", "availability"));
    assert!(
        none.line(Kind::Canaries).is_none() && none.unknown.is_empty(),
        "a check that does not run sends no canaries"
    );
}

#[test]
fn sms_to_people_are_counted() {
    let mut plan = Plan::new("production", "all");
    plan.parameters.insert("OnCallSms".to_owned(), "+4512345678".to_owned());
    let bill = try_estimate(&shipped("template.yaml"), &shipped("alarms.yaml"), &example(), plan).unwrap().bill;
    assert!(
        bill.unknown.iter().any(|amount| amount.unit == "SMS to people" && is_near(amount.quantity, 50.0)),
        "{bill:?}"
    );
}

#[test]
fn checks_share_a_free_allowance() {
    let alarms = |check, quantity| UsageItem {
        kind: Kind::Alarms,
        check: Some(check),
        tariff: Tariff::Listed(Good::Alarm),
        quantity,
    };
    let prices = Prices::shipped().unwrap();
    let bill = Bill::new(&[alarms("a", 7.0), alarms("b", 7.0), alarms("c", 7.0)], &prices).unwrap();
    assert!(is_near(bill.total.list, 2.1) && is_near(bill.total.net, 1.1), "{:?}", bill.total);
}

#[test]
fn bill_equal_to_max_is_within_it() {
    let bill = estimate_with(&[]).bill;
    let total = bill.total.list;
    assert!(compare_with_max(&bill, total).over_by.is_none());
    assert!(compare_with_max(&bill, total - 0.001).over_by.is_none(), "less than a cent");
    assert!(is_near(compare_with_max(&bill, total - 5.0).over_by.unwrap(), 5.0));
    assert_eq!(bill.largest().unwrap().kind, Kind::Metrics);
}

#[test]
fn samconfig_provides_parameters_and_region() {
    let deployed = Samconfig::parse("samconfig.toml", &shipped("samconfig.toml")).unwrap();
    assert_eq!(deployed.region("staging").as_deref(), Some("eu-north-1"));
    let mut plan = Plan::new("staging", "availability");
    plan.parameters = deployed.parameters("staging").unwrap();
    plan.alarm_parameters = deployed.parameters("staging-alarms").unwrap();
    let estimate = try_estimate(&shipped("template.yaml"), &shipped("alarms.yaml"), &example(), plan).unwrap();
    let retention: Vec<f64> = estimate.usage.running.iter().map(|running| running.retention_days).collect();
    assert_eq!(retention, [14.0]);
    assert!(deployed.parameters("nowhere").unwrap().is_empty() && deployed.region("nowhere").is_none());
}

/// Also checks that every check has a typical run.
#[test]
fn typical_run_takes_at_most_half_of_the_slow_threshold() {
    let template =
        alarm::Template::read(&shipped("alarms.yaml"), &alarm::Inputs::default().with("Environment", "x")).unwrap();
    let every = template.mappings["Checks"].as_object().unwrap();
    for typical in TYPICAL_RUNS {
        let (name, _) =
            every.iter().find(|(_, entry)| entry["Id"] == typical.check).unwrap_or_else(|| panic!("{}", typical.check));
        let slow = template.mappings["SlowMs"][name]["Default"].as_f64().unwrap();
        assert!(typical.seconds * 1_000.0 <= slow / 2.0, "{typical:?}, {slow} ms");
    }
    let mut assumed: Vec<&str> = TYPICAL_RUNS.iter().map(|typical| typical.check).collect();
    let mut known = checks::deployed();
    assumed.sort_unstable();
    known.sort_unstable();
    assert_eq!(assumed, known);
    let owners = CATALOGUE.iter().filter_map(|metric| metric.owner);
    assert!(owners.into_iter().all(|owner| known.contains(&owner)));
}
