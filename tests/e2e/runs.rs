//! Single runs of the function binary, from the event to the data in AWS.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use aws_sdk_cloudwatch::types::StandardUnit;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::emulator::target;
use crate::runtime_api::{Clock, Function, TIMEOUT};
use crate::world::{World, repository, scheduled};

const CHECK: &str = "availability";

#[tokio::test(flavor = "multi_thread")]
async fn healthy_run_publishes_metrics_and_logs_one_line() {
    let world = World::new("healthy").await;
    let function = world.start(CHECK).await;
    // The rule fires late, so the scheduled minute differs from the minute of the run.
    let minute = world.minute();
    world.clock.set(minute + SignedDuration::from_secs(70));
    let invoked = function.invoke(&scheduled(minute)).await;
    let report = invoked.report();
    assert_eq!(invoked.outcome(), "passed", "{report:#}");
    assert_eq!(report["run"]["scheduled_time"], minute.to_string());
    assert!(world.clock.queries() > 0, "the function does not use the test clock");

    // Exactly these metrics, once each, at the scheduled minute, with exactly these dimensions.
    let metrics = world.metrics().await;
    let names: Vec<&str> = metrics.iter().map(|point| point.metric.as_str()).collect();
    assert_eq!(names, ["Duration", "Inconclusive", "Maintenance", "Success"], "{metrics:#?}");
    for point in &metrics {
        assert_eq!(point.dimensions, ["Check=availability", "Environment=healthy"], "{point:?}");
        assert_eq!((point.at, point.count), (minute, 1.0), "{point:?}");
        let unit = if point.metric == "Duration" { StandardUnit::Milliseconds } else { StandardUnit::Count };
        assert_eq!(point.unit, unit, "{point:?}");
    }
    let value = |name: &str| metrics.iter().find(|point| point.metric == name).unwrap().maximum;
    assert_eq!((value("Success"), value("Inconclusive"), value("Maintenance")), (1.0, 0.0, 0.0));
    assert_eq!(value("Duration"), report["attempts"][0]["duration_ms"].as_f64().unwrap());
    assert!(value("Duration") > 0.0);

    // One log line holds the search fields and the complete report.
    assert_eq!(invoked.lines.len(), 1, "{:#?}", invoked.lines);
    let line: Value = serde_json::from_str(&invoked.lines[0]).unwrap();
    assert_eq!(&line["report"], report);
    for name in ["run_id", "trace_id", "environment"] {
        assert_eq!(line[name], report[name], "{name}");
    }
    for (name, value) in [("level", "INFO"), ("type", "run"), ("check", CHECK), ("outcome", "passed")] {
        assert_eq!(line[name], value, "{name}");
    }

    // Every request identifies its run.
    let requests = world.platform.requests().last();
    assert_eq!(requests.len(), report["attempts"][0]["steps"].as_array().unwrap().len() / 2);
    let mut spans = BTreeSet::new();
    for request in requests {
        assert_eq!(request.synthetic_run.as_deref(), report["run_id"].as_str(), "{request:?}");
        let traceparent = request.traceparent.clone().unwrap();
        let parts: Vec<&str> = traceparent.split('-').collect();
        assert_eq!((parts[0], parts[1], parts[3]), ("00", report["trace_id"].as_str().unwrap(), "01"), "{request:?}");
        assert!(spans.insert(parts[2].to_owned()), "a span was used twice: {request:?}");
        assert!(request.user_agent.as_ref().unwrap().contains("JustDriving"), "{request:?}");
    }

    let received = world.received().await;
    assert!(received.is_empty(), "{received}");
}

#[tokio::test(flavor = "multi_thread")]
async fn steady_run_makes_three_calls_to_aws() {
    let world = World::new("steady").await;
    let function = world.start(CHECK).await;
    for run in 1..=3 {
        let invoked = world.run(&function).await;
        assert_eq!(invoked.outcome(), "passed", "run {run}: {:#}", invoked.report());
        assert_eq!(world.calls.take(), ["GetItem", "UpdateItem", "PutMetricData"], "run {run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_event_starts_a_run() {
    let mut names = Vec::new();
    for entry in fs::read_dir(repository().join("events")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(name) = name.strip_suffix(".json").filter(|name| !name.ends_with(".schema")) else { continue };
        let event: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let time = ["scheduled_time", "time"].iter().find_map(|key| event[*key].as_str());
        let time: Option<Timestamp> = time.map(|time| time.parse().unwrap());

        let world = World::new(&format!("event-{name}")).await;
        // The sample of a check starts that check; the others start the default check.
        let check = if repository().join("functions").join(name).is_dir() { name } else { CHECK };
        let function = world.start(check).await;
        if let Some(time) = time {
            world.clock.set(time + SignedDuration::from_secs(5));
        }
        let earliest = world.clock.now();
        let invoked = function.invoke(&event).await;
        assert_eq!(invoked.outcome(), "passed", "{name}: {:#}", invoked.report());
        let run = &invoked.report()["run"];
        let scheduled_time: Timestamp = run["scheduled_time"].as_str().unwrap().parse().unwrap();
        match time {
            Some(time) => assert_eq!(scheduled_time, time, "{name}"),
            None => assert!(earliest <= scheduled_time && scheduled_time <= world.clock.now(), "{name}: {run}"),
        }
        assert_eq!(run["shard"]["manual"], time.is_none(), "{name}: {run}");
        let calls: Vec<String> = world.calls.take().into_iter().filter(|call| call != "GetParameter").collect();
        assert_eq!(calls, ["GetItem", "UpdateItem", "PutMetricData"], "{name}");
        names.push(name.to_owned());
    }
    names.sort();
    assert_eq!(
        names,
        [
            "application",
            "availability",
            "backend",
            "booking",
            "integrations",
            "login",
            "manual",
            "notifications",
            "payment-webhook",
            "queues",
            "reconciliation",
            "rule",
            "scheduler"
        ],
        "expected a sample of every kind of event"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_event_fails_the_invocation() {
    let world = World::new("malformed").await;
    let function = world.start(CHECK).await;
    let cases = [
        (json!("now"), "found a string, not an object"),
        (json!({ "scheduled_time": "noon" }), "scheduled_time is `noon`"),
        (json!({ "scheduled_time": world.minute().to_string(), "shard": 2, "of": 2 }), "shard 2 of 2"),
        (json!({ "detail-type": "EC2 Instance State-change Notification", "time": "x" }), "detail-type is"),
    ];
    for (event, expected) in cases {
        let invoked = function.invoke(&event).await;
        let error = invoked.error();
        assert_eq!(error.error_type, "MalformedEvent", "{event}: {error:?}");
        assert!(error.message.contains(expected), "{event}: {error:?}");
        assert_eq!(world.calls.take(), Vec::<String>::new(), "{event}");
        assert_eq!(invoked.lines.len(), 1, "{event}: {:#?}", invoked.lines);
        let line: Value = serde_json::from_str(&invoked.lines[0]).unwrap();
        assert_eq!((&line["level"], &line["error_type"]), (&json!("ERROR"), &json!("MalformedEvent")), "{line:#}");
    }
    assert!(world.platform.requests().last().is_empty(), "the platform got a request");
    assert_eq!(world.run(&function).await.outcome(), "passed", "a valid event still runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_or_future_event_is_refused() {
    let world = World::new("stale").await;
    let function = world.start(CHECK).await;
    let minute = world.minute();
    for (event, clock) in [
        ("too old", minute + SignedDuration::from_secs(121)),
        ("in the future", minute - SignedDuration::from_secs(150)),
    ] {
        world.clock.set(clock);
        let invoked = function.invoke(&scheduled(minute)).await;
        assert_eq!(invoked.report()["outcome"], json!({ "result": "refused", "refusal": "stale" }), "{event}");
        assert_eq!(world.calls.take(), Vec::<String>::new(), "{event}");
    }
    assert!(world.platform.requests().last().is_empty(), "the platform got a request");
    world.clock.set(minute + SignedDuration::from_secs(110));
    assert_eq!(function.invoke(&scheduled(minute)).await.outcome(), "passed", "an event of 110 s ago still runs");
}

pub async fn repeated_event_runs_once() {
    let world = World::new("duplicate").await;
    let (one, other) = (world.start(CHECK).await, world.start(CHECK).await);
    let event = scheduled(world.minute());
    let duplicate = json!({ "result": "refused", "refusal": "duplicate" });

    // Two processes get the event at the same time; only the first write counts.
    let (first, second) = tokio::join!(one.invoke(&event), other.invoke(&event));
    let mut outcomes = [first.outcome(), second.outcome()];
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["passed", "refused"]);
    let refused = if first.outcome() == "refused" { &first } else { &second };
    assert_eq!(refused.report()["outcome"], duplicate);

    // A later retry does not even start the check.
    let requests = world.platform.requests().last().len();
    world.calls.take();
    assert_eq!(one.invoke(&event).await.report()["outcome"], duplicate);
    assert_eq!(world.calls.take(), ["GetItem"]);
    assert_eq!(world.platform.requests().last().len(), requests, "the platform got more requests");

    let counts: Vec<_> = world.metrics().await.into_iter().map(|point| (point.metric, point.count)).collect();
    let once = ["Duration", "Inconclusive", "Maintenance", "Success"].map(|name| (name.to_owned(), 1.0));
    assert_eq!(counts, once);
}

#[tokio::test(flavor = "multi_thread")]
async fn build_without_test_clock_uses_system_time() {
    let world = World::new("machine-time").await;
    let far_off = Timestamp::now() - SignedDuration::from_hours(365 * 24);
    let clock = Clock::at(far_off);
    let binary = target().join("debug/availability");
    let command = "cargo build --package availability";
    let function = Function::start_binary(&binary, command, CHECK, &world.variables(), &clock).await;
    let before = Timestamp::now();
    let invoked = function.invoke_until(&json!({}), before + TIMEOUT).await;
    let after = Timestamp::now();
    assert_eq!(invoked.outcome(), "passed", "{:#}", invoked.report());
    for field in ["started", "ended"] {
        let at: Timestamp = invoked.report()[field].as_str().unwrap().parse().unwrap();
        assert!(before <= at && at <= after, "{field} is {at}, not between {before} and {after}");
    }
    assert_eq!(clock.queries(), 0, "the build has the feature test-clock");
    // Control: the build with the feature uses the test clock for the same event.
    let other = Function::start(CHECK, &world.variables(), &clock).await;
    let invoked = other.invoke(&json!({})).await;
    let started: Timestamp = invoked.report()["started"].as_str().unwrap().parse().unwrap();
    assert!(started < before - SignedDuration::from_hours(364 * 24), "{started}");
    assert!(clock.queries() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn run_ends_before_the_lambda_timeout() {
    let mut world = World::new("deadline").await;
    world.replace("confirm_after = \"1s\"", "confirm_after = \"0s\"");
    let function = world.start(CHECK).await;
    world.platform.faults().activate(demo_platform::Fault::Hang);
    world.clock.advance(Duration::from_secs(60));
    // Nine of the ten seconds are reserved for compensation, publishing and notifying.
    let event = scheduled(world.minute());
    let invoked = function.invoke_until(&event, world.clock.now() + Duration::from_secs(10)).await;
    let report = invoked.report();
    // The attempt had one of the five seconds that it may take, so the platform is not to blame.
    assert_eq!(invoked.outcome(), "inconclusive", "{report:#}");
    assert_eq!(report["outcome"]["inconclusive"]["cause"], "internal", "{report:#}");
    assert_eq!(report["attempts"].as_array().unwrap().len(), 1, "expected no time to confirm: {report:#}");
    let took = report["attempts"][0]["duration_ms"].as_f64().unwrap();
    assert!(took < 4_000.0, "the attempt took {took} ms; expected the deadline after 1000 ms, not the timeout of 5 s");
    assert_eq!(world.calls.take(), ["GetItem", "UpdateItem", "PutMetricData"]);
}
