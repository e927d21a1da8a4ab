//! The last ten days of a month whose truth is known, on a deployment: `tests/review/generate.py` writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use aws::{Deployed, DeployedHistory, Table};
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use check::incident::{CheckState, Incident, IncidentChange, Severity};
use check::metric::NAMESPACE;
use check::{Failure, FailureKind, Mismatch, NoSecrets, Subject};
use history::Window;
use jiff::{SignedDuration, Timestamp};
use local::Store;
use operations::shipped_files::alarms_template;
use review::{Input, Kind, Review, StepTrends, Verdict, review};
use runtime::{Commit, LastRun, StateStore};
use serde_json::Value;

use crate::emulator::Emulator;
use crate::world::create_table;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/review");
const TABLE: &str = "review";
const CHECKS: [&str; 3] = ["login", "booking", "payment-webhook"];
const DAYS: SignedDuration = SignedDuration::from_hours(10 * 24);
/// Most values of one call.
const AT_ONCE: usize = 1_000;

/// The truth, moved so that it ends at the last full hour: a deployment has no values of another time.
struct Truth {
    written: Value,
    moved: SignedDuration,
    window: Window,
}

impl Truth {
    fn read() -> Self {
        let written: Value =
            serde_json::from_str(&fs::read_to_string(format!("{FOLDER}/month.json")).unwrap()).unwrap();
        let until = Timestamp::from_second(Timestamp::now().as_second() / 3_600 * 3_600).unwrap();
        let moved = until.duration_since(written["until"].as_str().unwrap().parse().unwrap());
        Self { written, moved, window: Window::new(until - DAYS, until) }
    }

    /// A time of the truth, if it is in the window.
    fn at(&self, time: &Value) -> Option<Timestamp> {
        let at = time.as_str().unwrap().parse::<Timestamp>().unwrap() + self.moved;
        (self.window.from <= at && at < self.window.until).then_some(at)
    }

    fn list(&self, name: &str) -> &[Value] {
        self.written[name].as_array().unwrap()
    }

    /// Incidents of the checks: check, start and end.
    fn incidents(&self) -> Vec<(&str, Timestamp, Timestamp)> {
        let incidents = self.list("incidents").iter().filter_map(|incident| {
            let check = incident["check"].as_str().unwrap();
            let from = self.at(&incident["at"]).filter(|_| CHECKS.contains(&check))?;
            Some((check, from, from + SignedDuration::from_mins(incident["minutes"].as_i64().unwrap())))
        });
        incidents.collect()
    }

    /// Bursts without an incident, by alarm.
    fn blips(&self) -> BTreeMap<&str, usize> {
        let mut blips = BTreeMap::new();
        for blip in self.list("blips") {
            let is_of_check =
                CHECKS.iter().any(|check| blip["value"].as_str().unwrap().starts_with(&format!("{check}/")));
            let Some(alarm) = blip["alarm"].as_str().filter(|_| is_of_check) else { continue };
            let count = blip["at"].as_array().unwrap().iter().filter(|time| self.at(time).is_some()).count();
            *blips.entry(alarm).or_default() += count;
        }
        blips
    }
}

/// Publishes the values of the store, moved in time.
async fn publish(store: &Store, truth: &Truth, cloudwatch: &Client) {
    let source = Window::new(truth.window.from - truth.moved, truth.window.until - truth.moved);
    let mut data = Vec::new();
    for newest in store.newest_values(source.from).unwrap() {
        let dimensions = newest.dimensions.iter();
        let dimensions: Vec<_> =
            dimensions.map(|(name, value)| Dimension::builder().name(name).value(value).build()).collect();
        for (at, value) in store.values(&newest.metric, &newest.dimensions, source.from, source.until).unwrap() {
            let datum = MetricDatum::builder()
                .metric_name(&newest.metric)
                .set_dimensions(Some(dimensions.clone()))
                .timestamp(DateTime::from_secs((at + truth.moved).as_second()))
                .value(value)
                .unit(StandardUnit::from(newest.unit.as_str()));
            data.push(datum.build());
        }
    }
    for part in data.chunks(AT_ONCE) {
        let call = cloudwatch.put_metric_data().namespace(NAMESPACE).set_metric_data(Some(part.to_vec()));
        call.send().await.unwrap();
    }
}

/// Stores the records of the incidents.
async fn record(table: &Table, truth: &Truth) {
    let mut versions: BTreeMap<&str, u64> = BTreeMap::new();
    for (check, from, until) in truth.incidents() {
        let mismatch = Mismatch::new(FailureKind::Status, "status 200", "status 500");
        let change = IncidentChange {
            incident: Incident {
                id: format!("{check}.{}", from.strftime("%Y%m%dT%H%M%SZ")),
                opened_at: from,
                severity: Severity::Critical,
                escalated_at: None,
                closed_at: Some(until),
                recorded: 1,
                silenced_by: None,
                acknowledged: None,
            },
            check: check.to_owned(),
            subject: Subject::whole(),
            since: from,
            failure: Failure::new(Subject::whole(), "step", mismatch, &NoSecrets),
            notification: None,
            silence: None,
            at: until,
        };
        let version = versions.entry(check).or_default();
        let commit = Commit {
            check: check.to_owned(),
            expected_version: *version,
            slot: "home/0of1".to_owned(),
            last_run: LastRun { at: until, run_id: format!("run-{version}"), provenance: None },
            forget: Vec::new(),
            state: CheckState::default(),
            memory: None,
            enqueue: Vec::new(),
            discard: Vec::new(),
            changes: vec![change],
        };
        table.commit(&commit).await.unwrap();
        *version += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn last_ten_days_of_a_deployment_are_reviewed() {
    let truth = Truth::read();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("review.db");
    let _ = fs::remove_file(&file);
    let store = Store::open(&file).unwrap();
    let written = Command::new("python3")
        .args([&format!("{FOLDER}/generate.py"), &format!("{FOLDER}/month.json"), file.to_str().unwrap()])
        .args(["--checks", &CHECKS.join(",")])
        .output();
    assert!(written.as_ref().unwrap().status.success(), "{written:?}");

    let emulator = Emulator::start(&[]);
    let config = emulator.sdk().await;
    create_table(&config, TABLE).await;
    let table = Table::new(aws_sdk_dynamodb::Client::new(&config), TABLE);
    publish(&store, &truth, &Client::new(&config)).await;
    record(&table, &truth).await;
    let names = Deployed {
        environment: "staging".to_owned(),
        table: TABLE.to_owned(),
        alarms: "just-driving-synthetics-staging-".to_owned(),
        log_groups: "/just-driving/staging/synthetics/".to_owned(),
    };
    let history = DeployedHistory::new(names, &config).await.unwrap();
    let (path, template) = alarms_template(None).unwrap();
    let input = Input {
        environment: "staging",
        template: &template,
        template_path: &path,
        window: truth.window,
        objectives: &BTreeMap::new(),
        cost: None,
        what_if: &["SlowLogin=11000".to_owned()],
        logs: false,
        progress: &|_| (),
    };
    let found: Review = review(&input, &history).await.unwrap();

    let incidents: Vec<_> = found.incidents.iter().map(|own| (own.check.as_str(), own.since)).collect();
    let expected: Vec<_> = truth.incidents().into_iter().map(|(check, from, _)| (check, from)).collect();
    assert_eq!(incidents, expected);
    assert!(expected.len() >= 2 && found.unseen().next().is_none(), "{incidents:?}");
    let unmatched: BTreeMap<&str, usize> = found
        .alarms
        .iter()
        .filter(|alarm| alarm.kind == Kind::Symptom && alarm.behaviour.unmatched > 0)
        .map(|alarm| (alarm.alarm.as_str(), alarm.behaviour.unmatched))
        .collect();
    assert_eq!(unmatched, truth.blips());
    for alarm in found.alarms.iter().filter(|alarm| alarm.behaviour.unmatched > 0 && alarm.kind == Kind::Symptom) {
        assert!(
            matches!(&alarm.verdict, Verdict::TooLittleData { reason } if reason.contains("days of values")),
            "{alarm:?}"
        );
    }
    let answer = &found.what_if[0];
    let unmatched = [&answer.before, &answer.after].map(|tally| tally.as_ref().unwrap().unmatched);
    assert_eq!(unmatched, [truth.blips()["SlowLogin"], 0]);
    assert_eq!(found.trends.steps, StepTrends::NotAsked);
    let checks: BTreeSet<&str> = found.checks.iter().map(|check| check.check.as_str()).collect();
    assert_eq!(checks, BTreeSet::from(CHECKS));
    let gaps: usize = found.checks.iter().map(|check| check.gap_count).sum();
    let expected = truth.list("gaps").iter().filter(|gap| truth.at(&gap["at"]).is_some()).count();
    assert_eq!(gaps, expected, "of login");
}
