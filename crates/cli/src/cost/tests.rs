//! The bill against one that was worked out by hand, and what would make it wrong in silence.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use check::metric::CATALOGUE;
use demo_platform::{DemoPlatform, Options};
use local::Memory;
use runtime::{Clock, Invocation, SkippingClock};
use serde_json::json;
use toml::Table;

use super::assumed::USUAL;
use super::bill::{Bill, Kind, Tariff, Used};
use super::prices::{Good, Prices};
use super::running::{Plan, Sources};
use super::show::Counted;
use super::{counted, held, settings, what_if};
use crate::samconfig::Samconfig;
use crate::{checks, ports};

fn infra() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra")
}

fn shipped(file: &str) -> String {
    std::fs::read_to_string(infra().join(file)).unwrap()
}

fn example() -> BTreeMap<String, Table> {
    settings(&infra().join("layer/settings/production.example.toml")).unwrap().1
}

fn try_bill(functions: &str, alarms: &str, settings: &BTreeMap<String, Table>, plan: Plan) -> anyhow::Result<Counted> {
    counted(plan, &Sources { functions, alarms, settings }, &Prices::shipped().unwrap())
}

/// The shipped templates and settings, with changes.
fn bill_if(changes: &[&str]) -> Counted {
    let plan = Plan::new("production", "all");
    let changes: Vec<String> = changes.iter().map(|change| (*change).to_owned()).collect();
    let plan = what_if::changed(&plan, &changes).unwrap_or_else(|error| panic!("{error:#}"));
    try_bill(&shipped("template.yaml"), &shipped("alarms.yaml"), &example(), plan)
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

/// Worked out with pencil and paper, from the templates, the example's settings and `prices.toml`.
///
/// Runs in 30 days: availability, login, queues, application, backend 43,200 each; booking, payment-webhook, integrations,
/// notifications 8,640 each; reconciliation 2,880. Together 5 × 43,200 + 4 × 8,640 + 2,880 = 253,440.
#[test]
fn the_bill_of_the_shipped_templates_is_the_one_worked_out_by_hand() {
    let bill = bill_if(&[]).bill;
    let by_hand = [
        // Success, Duration and Errored of ten checks: 30. Of single checks 30, three of them by two channels: 33. LeftBehind and
        // OldestUnsentNotification: 2. Together 65 at 0.30; ten are free.
        (Kind::Metrics, 19.50, 16.50),
        // Blind, slow and failing of ten checks: 30. Of domains 30. Objectives 4. Unsent messages, failed invocations: 2. Together
        // 66 at 0.10; ten are free.
        (Kind::Alarms, 6.60, 5.60),
        (Kind::Composites, 0.50, 0.50),
        // Three of at most 50 metrics are free; this one shows more.
        (Kind::Dashboards, 3.00, 3.00),
        // 253,440 at 0.01 for 1,000; a million is free.
        (Kind::Calls, 2.5344, 0.0),
        // Requests: 253,440 at 0.20 a million: 0.050688.
        // Seconds: 43,200 × (1 + 3 + 1 + 1 + 1) + 8,640 × (3 + 5 + 1 + 2) + 2,880 × 12 = 302,400 + 95,040 + 34,560 = 432,000; with
        // half a GB 216,000 GB-s, at 0.0000133334: 2.880014. 400,000 GB-s are free.
        (Kind::Functions, 2.930702, 0.0),
        // Rules that fire by the clock are free.
        (Kind::Rules, 0.0, 0.0),
        // KB, with 1 of Lambda's own: 43,200 × (9 + 11 + 7 + 7 + 5) + 8,640 × (11 + 16 + 10 + 8) + 2,880 × 21
        // = 1,684,800 + 388,800 + 60,480 = 2,134,080: 2.13408 GB written at 0.57, and kept for 30 days, a month, at 0.03.
        // Together 4.27 GB of the 5 that are free.
        (Kind::Logs, 1.280448, 0.0),
        // Reads: one a run, of at most 4 KB: 253,440 at 0.1415 a million: 0.035862.
        // Writes, of 1 KB: 43,200 × (2 + 4 + 4 + 2 + 2) + 8,640 × (4 + 4 + 2 + 4) + 2,880 × 2 = 604,800 + 120,960 + 5,760 = 731,520;
        // ten incidents change three times, 4 + 8 KB at twice the price and 4 when told: 30 × 28 = 840. 732,360 at 0.705 a
        // million: 0.516314.
        // Kept: items of 30 KB; ten incidents a month for 400 days, 8 KB each: 1,066.7 KB. 0.0010967 GB at 0.25 (free) and,
        // as backup, at 0.20: 0.000274 and 0.000219.
        (Kind::State, 0.552669, 0.552395),
        // One key. Requests: 2 + 3 + 2 + 2 + 2 + 2 + 3 + 3 + 3 secrets of checks that run every five minutes at least, each read
        // 8,640 times, and 2 of reconciliation 2,880 times: 195,840. The table's reads and writes: 9 × 8,640 + 2,880 = 80,640. 80 messages,
        // twice: 160. Together 276,640 at 0.03 for 10,000: 0.82992; 20,000 are free: 0.06.
        (Kind::Keys, 1.82992, 1.76992),
        // Parameters are free.
        (Kind::Secrets, 0.0, 0.0),
        // Ten incidents, told three times to two topics and twice by an alarm: 80 messages at 0.50 a million; 50 of them to one
        // address at 2.00 for 100,000.
        (Kind::Topics, 0.00104, 0.0),
        (Kind::Failures, 0.000004, 0.0),
        // 2,880 e-mails, at a price that nobody has said.
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
    // 19.50 + 6.60 + 0.50 + 3.00 + 2.5344 + 2.9307 + 1.2804 + 0.5527 + 1.8299 + 0.0010 = 38.7292, with all their digits;
    // 16.50 + 5.60 + 0.50 + 3.00 + 0.5524 + 1.7699 = 27.9223.
    assert!(is_near(bill.total.list, 38.7292), "{}", bill.total.list);
    assert!(is_near(bill.total.net, 27.9223), "{}", bill.total.net);
    let of_checks: f64 = bill.of_checks.values().sum();
    assert!(is_near(of_checks + bill.shared, bill.total.list), "each cent belongs to a check or to all");
    // Availability: 5 metrics 1.50, 6 alarms 0.60, calls 0.432, requests 0.00864, 21,600 GB-s 0.288001, 388,800 KB written and kept
    // 0.23328, reads 0.006113, writes 86,400 at 0.060912, 3 × 8,640 requests for keys 0.07776.
    assert!(is_near(bill.of_checks["availability"], 3.2067), "{:?}", bill.of_checks);
}

/// Of the design: 70 metrics, 70 alarms, one composite, one dashboard, 40 USD at list price without VPC, SMS and Secrets Manager.
#[test]
fn the_budget_is_held_with_all_checks() {
    let bill = bill_if(&[]).bill;
    assert!(quantity(&bill, Kind::Metrics) <= 70.0, "{:?}", bill.line(Kind::Metrics));
    assert!(quantity(&bill, Kind::Alarms) <= 70.0, "{:?}", bill.line(Kind::Alarms));
    assert!(is_near(quantity(&bill, Kind::Composites), 1.0), "{:?}", bill.line(Kind::Composites));
    assert!(quantity(&bill, Kind::Dashboards) <= 1.0, "{:?}", bill.line(Kind::Dashboards));
    assert!(is_near(list(&bill, Kind::Endpoints), 0.0) && is_near(list(&bill, Kind::Secrets), 0.0));
    let with_dashboard = bill.total.list - list(&bill, Kind::Dashboards) + 3.00;
    assert!(with_dashboard <= 40.0, "{with_dashboard}");
}

#[test]
fn what_would_be_otherwise_changes_what_hangs_on_it_and_nothing_else() {
    let base = bill_if(&[]).bill;
    let kinds: Vec<Kind> = base.lines.iter().map(|line| line.kind).chain([Kind::Endpoints]).collect();
    for (change, differences) in [
        // 34,560 runs more: calls 0.3456; requests 0.006912 and 51,840 GB-s 0.691203; 0.38016 GB written and kept 0.228096; reads
        // 0.00489 and 138,240 writes 0.097459. Secrets are read every five minutes as before.
        (
            "cadence.booking=1m",
            &[(Kind::Calls, 0.3456), (Kind::Functions, 0.698115), (Kind::Logs, 0.228096), (Kind::State, 0.102349)][..],
        ),
        // Hourly, secrets and the table's key are read less often too. 42,480 runs fewer: calls 0.4248; requests 0.008496, 21,240 GB-s 0.283201; 0.38232 GB 0.229392; reads 0.006011, writes 84,960
        // 0.059897; keys 3 × (8,640 - 720) =
        // 23,760 requests 0.07128.
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
        // 216,000 GB-s, each 0.0000033333 more.
        ("architecture=x86_64", &[(Kind::Functions, 0.719993)]),
        // Three months' lines in place of one's: 4.26816 GB at 0.03.
        ("retention=90", &[(Kind::Logs, 0.128045)]),
        // Three endpoints in two zones, 720 hours at 0.011; 43,200 runs of backend, 20 KB each, at 0.01 a GB.
        ("zones=2", &[(Kind::Endpoints, 47.52 + 0.00864)]),
        // 90 incidents more, 84 writes each: 7,560 at 0.705 a million; 960 KB kept of each month's ten: 0.0096 GB at 0.25 and 0.20;
        // 720 messages more: 1,440 requests for keys 0.00432; 450 e-mails 0.009, messages 0.00036.
        ("incidents=100", &[(Kind::State, 0.00965), (Kind::Keys, 0.00432), (Kind::Topics, 0.00936)]),
    ] {
        let then = bill_if(&[change]).bill;
        let expected = |kind: Kind| differences.iter().find(|(own, _)| *own == kind).map_or(0.0, |(_, usd)| *usd);
        for kind in &kinds {
            let actual = list(&then, *kind) - list(&base, *kind);
            assert!(
                is_near(actual, expected(*kind)),
                "{change}: {kind:?}: expected {}, found {actual}",
                expected(*kind)
            );
        }
    }
    let two = bill_if(&["checks=login,availability"]);
    let running: Vec<&str> = two.usage.running.iter().map(|running| running.usual.check).collect();
    assert_eq!(running, ["availability", "login"]);
    // Five each; login makes sessions, so that LeftBehind is published; OldestUnsentNotification.
    assert!(is_near(quantity(&two.bill, Kind::Metrics), 12.0), "{:?}", two.bill.line(Kind::Metrics));
    let one = bill_if(&["checks=Availability"]);
    assert!(is_near(quantity(&one.bill, Kind::Metrics), 6.0), "it leaves nothing behind: {:?}", one.bill.lines);
    assert!(one.bill.line(Kind::Composites).is_none(), "it takes two to tell whether the platform is down");
}

#[test]
fn a_change_that_cannot_be_is_said_with_what_can() {
    for (change, said) in [
        ("colour=red", "there is no `colour`; there are cadence.CHECK=5m, seconds.CHECK=2.5, memory=1024"),
        ("cadence", "expected KEY=VALUE; there are cadence.CHECK=5m"),
        (
            "cadence.login=90s",
            "expected what divides an hour, one of 1m, 2m, 3m, 4m, 5m, 6m, 10m, 12m, 15m, 20m, 30m, 60m, found `90s`",
        ),
        ("cadence.login=7m", "found `7m`"),
        ("seconds.login=60", "seconds.login: expected at most 55, the Timeout of LoginFunction, found 60"),
        ("cadence.login=soon", "found `soon`"),
        ("cadence.nope=5m", "no check `nope` runs; there are application, availability"),
        ("seconds.login=-1", "expected a number from 0.001 to 900, found `-1`"),
        ("memory=64", "expected a number from 128 to 10240, found `64`"),
        ("retention=33", "Parameters.LogRetentionDays: expected one of 1, 3, 5"),
        ("architecture=riscv", "Parameters.Architecture: expected one of arm64, x86_64, found `riscv`"),
        ("checks=nope", "there is no check `nope`; there are application"),
        ("incidents=NaN", "expected a number from 0 to 100000, found `NaN`"),
    ] {
        let plan = what_if::changed(&Plan::new("production", "all"), &[change.to_owned()]);
        let error = plan
            .and_then(|plan| try_bill(&shipped("template.yaml"), &shipped("alarms.yaml"), &example(), plan))
            .map(|counted| counted.bill.total.list)
            .unwrap_err();
        assert!(format!("{error:#}").contains(said), "{change}: {error:#}");
    }
}

/// What the templates say is read from them.
#[test]
fn a_template_that_says_otherwise_costs_otherwise() {
    let with = |file: &str, from: &str, to: &str| {
        let (mut functions, mut alarms) = (shipped("template.yaml"), shipped("alarms.yaml"));
        let text = if file == "template.yaml" { &mut functions } else { &mut alarms };
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, *text, "{from}");
        *text = changed;
        try_bill(&functions, &alarms, &example(), Plan::new("production", "all"))
    };
    let base = bill_if(&[]).bill;
    let differs = |kind: Kind, counted: &Counted| list(&counted.bill, kind) - list(&base, kind);

    let small = with("template.yaml", "MemorySize: 512", "MemorySize: 256").unwrap();
    assert!(is_near(differs(Kind::Functions, &small), -1.440007));
    let often =
        with("template.yaml", "reconciliation, Schedule: \"cron(4/15", "reconciliation, Schedule: \"cron(4/5").unwrap();
    assert!(is_near(differs(Kind::Calls, &often), 0.0576), "5,760 calls more");
    let dashboard =
        "Resources:\n  Another:\n    Type: AWS::CloudWatch::Dashboard\n    Properties: { DashboardBody: \"{}\" }\n";
    let watched = with("alarms.yaml", "Resources:\n", dashboard).unwrap();
    assert!(is_near(differs(Kind::Dashboards, &watched), 3.0));
    assert!(is_near(watched.bill.total.net, base.total.net), "three small ones are free");
    let unencrypted = with("template.yaml", "SSEEnabled: true", "SSEEnabled: false").unwrap();
    assert!(is_near(differs(Kind::Keys, &unencrypted), -0.24192), "80,640 requests fewer");

    let strange = "Resources:\n  Cache:\n    Type: AWS::ElastiCache::CacheCluster\n    Properties: {}\n";
    let strange = with("template.yaml", "Resources:\n", strange).unwrap();
    assert_eq!(strange.usage.not_reckoned, BTreeMap::from([("AWS::ElastiCache::CacheCluster".to_owned(), 1)]));
    assert!(bill_if(&[]).usage.not_reckoned.is_empty(), "all that is shipped is reckoned");

    for (from, to, said) in [
        ("BillingMode: PAY_PER_REQUEST", "BillingMode: PROVISIONED", "expected the BillingMode PAY_PER_REQUEST"),
        ("          RetentionInDays: !Ref LogRetentionDays\n", "", "expected a log group with RetentionInDays"),
        ("MemorySize: 512", "Description: none", "has no MemorySize"),
        ("\"cron(* * * * ? *)\"", "\"rate(1 minute)\"", "found `rate(1 minute)`"),
        ("Id: login,", "Id: log-in,", "how long a run of `log-in` takes is not known"),
    ] {
        let error = with("template.yaml", from, to).map(|counted| counted.bill.total.list).unwrap_err();
        assert!(format!("{error:#}").contains(said), "{to}: {error:#}");
    }
}

#[test]
fn canaries_and_secrets_cost_what_the_settings_say() {
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
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tmp/cost-canaries.toml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, text).unwrap();
    let (environment, sections) = settings(&file).unwrap();
    assert_eq!(environment, "production");
    let reckon = |plan| try_bill(&shipped("template.yaml"), &shipped("alarms.yaml"), &sections, plan).unwrap().bill;
    let bill = reckon(Plan::new("production", "all"));
    // 2,880 e-mails at 0.0005.
    assert!(is_near(list(&bill, Kind::Canaries), 1.44), "{:?}", bill.line(Kind::Canaries));
    // A run each ten minutes: one goes out with each second of them, 2,160.
    let rarer = what_if::changed(&Plan::new("production", "all"), &["cadence.notifications=10m".to_owned()]).unwrap();
    assert!(is_near(list(&reckon(rarer), Kind::Canaries), 1.08));
    let [sms] = &bill.unknown[..] else { panic!("{:?}", bill.unknown) };
    assert_eq!((sms.quantity, sms.unit.as_str(), sms.usd_each), (720.0, "SMS", None), "unknown is not nothing");
    // One secret 0.40, read 8,640 times at 0.05 for 10,000.
    assert!(is_near(list(&bill, Kind::Secrets), 0.4432), "{:?}", bill.line(Kind::Secrets));
    let none = reckon(Plan::new("production", "availability"));
    assert!(
        none.line(Kind::Canaries).is_none() && none.unknown.is_empty(),
        "nothing is sent by a check that does not run"
    );
}

#[test]
fn people_who_get_sms_are_not_forgotten() {
    let mut plan = Plan::new("production", "all");
    plan.parameters.insert("OnCallSms".to_owned(), "+4512345678".to_owned());
    let bill = try_bill(&shipped("template.yaml"), &shipped("alarms.yaml"), &example(), plan).unwrap().bill;
    assert!(
        bill.unknown.iter().any(|amount| amount.unit == "SMS to people" && is_near(amount.quantity, 50.0)),
        "{bill:?}"
    );
}

#[test]
fn what_is_free_is_free_once() {
    let used = |check, quantity| Used {
        kind: Kind::Alarms,
        check: Some(check),
        tariff: Tariff::Listed(Good::Alarm),
        quantity,
    };
    let prices = Prices::shipped().unwrap();
    let bill = Bill::new(&[used("a", 7.0), used("b", 7.0), used("c", 7.0)], &prices).unwrap();
    assert!(is_near(bill.total.list, 2.1) && is_near(bill.total.net, 1.1), "{:?}", bill.total);
}

#[test]
fn more_than_the_most_is_said_and_the_most_itself_is_not_more() {
    let bill = bill_if(&[]).bill;
    let total = bill.total.list;
    assert!(held(&bill, total).over_by.is_none());
    assert!(held(&bill, total - 0.001).over_by.is_none(), "less than a cent");
    assert!(is_near(held(&bill, total - 5.0).over_by.unwrap(), 5.0));
    assert_eq!(bill.largest().unwrap().kind, Kind::Metrics);
}

#[test]
fn a_deployment_says_its_parameters_and_its_region() {
    let deployed = Samconfig::read(&infra().join("samconfig.toml")).unwrap();
    assert_eq!(deployed.region("staging").as_deref(), Some("eu-north-1"));
    let mut plan = Plan::new("staging", "availability");
    plan.parameters = deployed.parameters("staging").unwrap();
    plan.alarm_parameters = deployed.parameters("staging-alarms").unwrap();
    let counted = try_bill(&shipped("template.yaml"), &shipped("alarms.yaml"), &example(), plan).unwrap();
    let retention: Vec<f64> = counted.usage.running.iter().map(|running| running.retention_days).collect();
    assert_eq!(retention, [14.0]);
    assert!(deployed.parameters("nowhere").unwrap().is_empty() && deployed.region("nowhere").is_none());
}

/// What is assumed of a run stays below what its alarm calls slow, and every check has its assumptions.
#[test]
fn a_usual_run_takes_at_most_half_of_what_is_slow() {
    let template =
        alarm::Template::read(&shipped("alarms.yaml"), &alarm::Inputs::default().with("Environment", "x")).unwrap();
    let every = template.mappings["Checks"].as_object().unwrap();
    for usual in USUAL {
        let (name, _) =
            every.iter().find(|(_, entry)| entry["Id"] == usual.check).unwrap_or_else(|| panic!("{}", usual.check));
        let slow = template.mappings["SlowMs"][name]["Default"].as_f64().unwrap();
        assert!(usual.seconds * 1_000.0 <= slow / 2.0, "{usual:?}, {slow} ms");
    }
    let mut assumed: Vec<&str> = USUAL.iter().map(|usual| usual.check).collect();
    let mut known = checks::ids(&[]).unwrap();
    assumed.sort_unstable();
    known.sort_unstable();
    assert_eq!(assumed, known);
    let owners = CATALOGUE.iter().filter_map(|metric| metric.owner);
    assert!(owners.into_iter().all(|owner| known.contains(&owner)));
}

/// The lines and items of runs against the demo platform, the real ones, fit what is assumed, and fill a quarter of it: that of
/// `reconciliation` less or more, by how many payments the time of day makes.
#[tokio::test(flavor = "multi_thread")]
async fn lines_and_items_are_as_long_as_assumed() {
    let clock = Arc::new(SkippingClock::default());
    let of_platform = clock.clone();
    let options = Options { clock: Arc::new(move || of_platform.now()), ..Options::default() };
    let platform = DemoPlatform::start(options).await.unwrap();
    let memory = Arc::new(Memory::default());
    let ports = ports::ports(&memory, clock.clone(), ports::demo_parameters(&platform)).unwrap();
    for check in checks::for_demo(&platform, &[]).unwrap() {
        let mut line = 0;
        for _ in 0..10 {
            let event = json!({ "scheduled_time": clock.now().to_string() });
            let run = Invocation { event, killed_at: None, may_send: true };
            let report = check.run(&ports, &run).await.unwrap();
            line = line.max(lambda::run_line(&report).len());
            clock.skip(std::time::Duration::from_secs(60));
        }
        let usual = USUAL.iter().find(|usual| usual.check == check.id()).unwrap();
        let line_kb = line as f64 / 1_000.0;
        assert!(line_kb <= usual.line_kb && line_kb >= usual.line_kb / 4.0, "{}: a line of {line_kb} KB", usual.check);
        // Beside the memory: keys, versions, the last run, the state of healthy subjects.
        let item_kb = (memory.memory_of(check.id()).unwrap_or_default().len() + 600) as f64 / 1_024.0;
        assert!(item_kb <= usual.item_kb, "{}: an item of {item_kb} KB", usual.check);
    }
    platform.stop().await;
}
