//! The shipped alarms on recorded values.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alarm::{Alarm, Inputs, MetricAlarm, State, Template, alarms};
use async_trait::async_trait;
use check::message::Topic;
use check::metric::{DURATION, INCONCLUSIVE, Metric};
use jiff::{SignedDuration, Timestamp};
use local::{AlarmState, Store};
use probe::{EgressPolicy, Tls};
use runtime::{Clock, Datum, MetricSink, Ports, signed};
use scheduler::{AlarmWatch, Deliveries, Event, Fleet, Order, Rules, Runner};
use settings::{Destination, DestinationKind, Network};

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_020).unwrap() + SignedDuration::from_mins(minute)
}

fn shipped(logical_ids: &[&str]) -> Vec<MetricAlarm> {
    let text = include_str!("../../../../infra/alarms.yaml");
    let inputs = Inputs::default().with("Environment", "staging");
    let template = Template::read_with_every(text, &inputs, "Checks").unwrap();
    let metric = |alarm: Alarm| match alarm {
        Alarm::Metric(alarm) => Some(alarm),
        _ => None,
    };
    let mut found: Vec<_> = alarms(&template).unwrap().into_iter().filter_map(metric).collect();
    found.retain(|alarm| logical_ids.contains(&alarm.logical_id.as_str()));
    assert_eq!(found.len(), logical_ids.len());
    found
}

async fn publish(store: &Store, metric: &Metric, value: f64, at: Timestamp) {
    let datum = Datum::for_environment(metric, value, "staging", "login", None, at);
    store.publish(&[datum]).await.unwrap();
}

/// Evaluates minute by minute, and returns the changes as minute, alarm and new state.
fn changes(watch: &mut AlarmWatch, minutes: std::ops::Range<i64>) -> Vec<(i64, String, State)> {
    let mut found = Vec::new();
    for minute in minutes {
        for change in watch.evaluate(at(minute)).unwrap() {
            found.push((minute, change.alarm.logical_id.clone(), change.to));
        }
    }
    found
}

#[tokio::test]
async fn slow_runs_raise_the_alarm_with_its_values() {
    let store = Arc::new(Store::in_memory().unwrap());
    let alarms = shipped(&["SlowLogin"]);
    let slow = alarms[0].threshold + 1_000.5;
    for minute in 0..30 {
        let value = if (10..15).contains(&minute) { slow } else { 100.0 };
        publish(&store, &DURATION, value, at(minute)).await;
    }
    let mut watch = AlarmWatch::new(alarms.clone(), store, at(0)).unwrap();
    let id = || "SlowLogin".to_owned();
    assert_eq!(changes(&mut watch, 0..14), [(0, id(), State::Ok)]);
    let raised: Vec<_> = (14..16).flat_map(|minute| watch.evaluate(at(minute)).unwrap()).collect();
    let [raised] = &raised[..] else { panic!("{raised:?}") };
    assert_eq!((raised.from, raised.to), (State::Ok, State::Alarm));
    let threshold = alarms[0].threshold;
    assert!(raised.reason.starts_with(&format!("5 of 10 data points above {threshold}: {slow}")), "{}", raised.reason);
    assert_eq!(changes(&mut watch, 16..31), [(21, id(), State::Ok)]);
}

#[tokio::test]
async fn silence_counts_only_while_checks_run() {
    let store = Arc::new(Store::in_memory().unwrap());
    for minute in 0..10 {
        publish(&store, &INCONCLUSIVE, 0.0, at(minute)).await;
    }
    // The program starts again after an hour.
    let mut watch = AlarmWatch::new(shipped(&["MonitoringLostLogin"]), store.clone(), at(70)).unwrap();
    assert_eq!(changes(&mut watch, 70..75), [], "nothing is missing yet");
    let lost = changes(&mut watch, 75..90);
    assert!(matches!(&lost[..], [(minute, _, State::Alarm)] if *minute < 80), "{lost:?}");
    for minute in 90..100 {
        publish(&store, &INCONCLUSIVE, 0.0, at(minute)).await;
    }
    assert!(matches!(&changes(&mut watch, 90..100)[..], [(_, _, State::Ok)]));
    // The machine sleeps for a night.
    watch.resume(at(600));
    assert_eq!(changes(&mut watch, 600..605), []);
}

/// A clock on which a minute takes some milliseconds.
struct Fast(Timestamp, tokio::time::Instant);

const SPEED: u32 = 2_000;

#[async_trait]
impl Clock for Fast {
    fn now(&self) -> Timestamp {
        self.0 + signed(self.1.elapsed() * SPEED)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration / SPEED).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_monitoring_reaches_the_pager_and_is_sent_again() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("alarm-pager");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    // The first call fails.
    let script = "test -e \"$1/called\" || { touch \"$1/called\"; exit 1; }\ncat >> \"$1/messages\"";
    let program = folder.join("pager");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let command = [&program, &folder].map(|part| part.to_str().unwrap().to_owned()).to_vec();
    let pager = |topic| Destination {
        name: format!("pager of {}", Topic::as_str(topic)),
        topics: vec![topic],
        kind: DestinationKind::Command(command.clone()),
    };

    let clock = Arc::new(Fast(at(0), tokio::time::Instant::now()));
    let store = Arc::new(Store::in_memory().unwrap());
    let ports = check_testkit::ports(&Arc::default(), &Arc::default(), []);
    let ports = Ports { clock: clock.clone(), ..ports };
    let network = Network::new(EgressPolicy::default(), Tls::new(&[]).unwrap());
    let (deliveries, _shown) = Deliveries::new(
        ports.clone(),
        store.clone(),
        Rules { destinations: vec![pager(Topic::OnCall)], network, sns: None },
    );
    let (mut fleet, mut events) = Fleet::new(Runner { ports, reports: None }, Order::Spread);
    // It has no action: programs read its state.
    let alarms = shipped(&["MonitoringLostLogin", "FailingLogin"]);
    fleet.watch(AlarmWatch::new(alarms, store, clock.now()).unwrap(), Arc::new(deliveries));
    let mut seen = Vec::new();
    while !folder.join("messages").exists() {
        let Some(event) = events.recv().await else { panic!("{seen:?}") };
        match event {
            Event::Alarm(change) => seen.push(format!("{} {}", change.alarm.logical_id, change.to.as_str())),
            Event::AlarmNotSent(error) => seen.push(error.to_string()),
            other => panic!("{other:?}"),
        }
        if seen.len() == 2 {
            // The next attempt is a minute later.
            tokio::time::sleep(Duration::from_millis(500)).await;
            break;
        }
    }
    let board = fleet.board().alarms();
    assert_eq!(board.get("just-driving-synthetics-staging-login-monitoring-lost"), Some(&State::Alarm));
    fleet.stop().await;
    assert_eq!(seen[0], "MonitoringLostLogin ALARM");
    assert!(seen[1].contains("to pager of oncall") && seen[1].contains("exit status: 1"), "{seen:?}");
    let messages = fs::read_to_string(folder.join("messages")).unwrap();
    assert_eq!(messages.lines().count(), 1, "{messages}");
    let message: serde_json::Value = serde_json::from_str(&messages).unwrap();
    assert_eq!(message["AlarmName"], "just-driving-synthetics-staging-login-monitoring-lost");
    assert_eq!([&message["OldStateValue"], &message["NewStateValue"]], ["INSUFFICIENT_DATA", "ALARM"]);
    assert!(message["NewStateReason"].as_str().unwrap().ends_with("; 5 missing"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn alarm_that_was_not_sent_before_a_crash_is_sent_after_it() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("alarm-after-crash");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    let messages = folder.join("messages");
    let command = ["/bin/sh", "-c", "cat >> \"$0\"", messages.to_str().unwrap()].map(str::to_owned).to_vec();
    let pager =
        Destination { name: "pager".to_owned(), topics: vec![Topic::OnCall], kind: DestinationKind::Command(command) };
    let store = Arc::new(Store::in_memory().unwrap());
    let alarms = shipped(&["MonitoringLostLogin"]);
    let raised = AlarmState {
        alarm: alarms[0].name.clone(),
        state: State::Alarm,
        since: at(0),
        reason: "5 missing".to_owned(),
        decided_by: serde_json::json!([]),
    };
    store.set_alarm_state(&raised).unwrap();
    let clock = Arc::new(Fast(at(10), tokio::time::Instant::now()));
    let ports = check_testkit::ports(&Arc::default(), &Arc::default(), []);
    let ports = Ports { clock: clock.clone(), ..ports };
    let network = Network::new(EgressPolicy::default(), Tls::new(&[]).unwrap());
    for _ in 0..2 {
        let (deliveries, _shown) = Deliveries::new(
            ports.clone(),
            store.clone(),
            Rules { destinations: vec![pager.clone()], network: network.clone(), sns: None },
        );
        let (mut fleet, _events) = Fleet::new(Runner { ports: ports.clone(), reports: None }, Order::Spread);
        let watch = AlarmWatch::new(alarms.clone(), store.clone(), clock.now()).unwrap();
        fleet.watch(watch, Arc::new(deliveries));
        // Programs that ask see it too, though nothing has changed since the start.
        assert_eq!(fleet.board().alarms().get(&raised.alarm), Some(&State::Alarm));
        tokio::time::sleep(Duration::from_millis(400)).await;
        fleet.stop().await;
    }
    let messages = fs::read_to_string(&messages).unwrap();
    assert_eq!(messages.lines().count(), 1, "once, however often it starts: {messages}");
}
