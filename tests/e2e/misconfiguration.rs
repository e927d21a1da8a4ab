//! Problems of the monitor itself: settings, references, state, metrics, topics, and functions killed mid-run.

use std::time::Duration;

use demo_platform::Fault;
use serde_json::{Value, json};

use crate::calls::Obstacle;
use crate::emulator::target;
use crate::runtime_api::Function;
use crate::world::{World, scheduled};

const CHECK: &str = "availability";

pub async fn missing_settings_fail_the_invocation_and_name_the_file() {
    let mut world = World::new("no-settings").await;
    let missing = target().join("tmp/there-is-no-such.toml");
    world.set_variable("SETTINGS", missing.to_str().unwrap());
    let function = world.start(CHECK).await;
    for _ in 0..2 {
        let invoked = world.run(&function).await;
        let error = invoked.error();
        assert_eq!(error.error_type, "SettingsInvalid", "{error:?}");
        assert!(error.message.contains(missing.to_str().unwrap()), "{}", error.message);
        assert_eq!(world.calls.take(), Vec::<String>::new());
    }
}

pub async fn invalid_settings_are_reported_all_at_once() {
    let mut world = World::new("wrong-settings").await;
    world.replace("confirm_after = \"1s\"", "confirm_after = \"soon\"");
    world.replace("name = \"Platform team (demo)\"", "nmae = \"Platform team (demo)\"");
    world.replace("path = \"/login\"", "path = \"login\"");
    let function = world.start(CHECK).await;
    let invoked = world.run(&function).await;
    let error = invoked.error();
    assert_eq!(error.error_type, "SettingsInvalid", "{error:?}");
    for part in ["confirm_after", "`soon`", "nmae", "contact.name", "targets[1].path", "`login`", "wrong-settings.toml"]
    {
        assert!(error.message.contains(part), "{part} is missing in\n{}", error.message);
    }
    assert_eq!(world.calls.take(), Vec::<String>::new());
    assert!(world.platform.requests().last().is_empty(), "the platform got a request");
}

pub async fn unresolved_reference_makes_the_run_inconclusive() {
    let mut world = World::new("reference").await;
    let parameter = "/just-driving/reference/availability/api-key";
    world.replace(
        "id = \"status-api\"\n",
        &format!("id = \"status-api\"\nsecret_headers.x-api-key = \"ssm:{parameter}\"\n"),
    );
    let function = world.start(CHECK).await;
    let invoked = world.run(&function).await;
    assert_eq!(invoked.outcome(), "inconclusive", "{:#}", invoked.report());
    let inconclusive = &invoked.report()["outcome"]["inconclusive"];
    assert_eq!(inconclusive["cause"], "reference");
    assert!(inconclusive["detail"].as_str().unwrap().contains(parameter), "{inconclusive}");
    let metrics = world.metrics_at(world.minute()).await;
    assert_eq!(metrics.get("Inconclusive"), Some(&1.0), "{metrics:?}");
    assert!(!metrics.contains_key("Success") && !metrics.contains_key("Duration"), "{metrics:?}");
    let received = world.received().await;
    assert!(received.is_empty(), "{received}");

    // The same process uses the secret as soon as it exists.
    world.put_parameter(parameter, "a-key-that-opens-nothing").await;
    assert_eq!(world.run(&function).await.outcome(), "passed");
    let metrics = world.metrics_at(world.minute()).await;
    assert_eq!((metrics.get("Success"), metrics.get("Inconclusive")), (Some(&1.0), Some(&0.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_table_fails_the_invocation() {
    let mut world = World::new("no-table").await;
    world.set_variable("STATE_TABLE", "there-is-no-such-table");
    let function = world.start(CHECK).await;
    let invoked = world.run(&function).await;
    assert_eq!(invoked.error().error_type, "StateUnavailable", "{:?}", invoked.error());
    assert!(invoked.error().message.contains("read the state of availability"), "{:?}", invoked.error());
    assert_eq!(world.calls.take(), ["GetItem"]);
    assert!(world.platform.requests().last().is_empty(), "the platform got a request");
}

pub async fn refused_metrics_do_not_stop_the_notification() {
    let world = World::new("no-metrics").await;
    let function = world.start(CHECK).await;
    world.platform.faults().activate(Fault::ServerError);
    world.calls.obstruct(Obstacle::Refuse, "PutMetricData");
    let invoked = world.run(&function).await;
    assert_eq!(invoked.error().error_type, "MetricsNotPublished", "{:?}", invoked.error());
    let received = world.received().await;
    assert_eq!((received.on_call.len(), received.events.len()), (1, 1), "{received}");
    world.calls.clear();
    let invoked = world.run(&function).await;
    assert_eq!(invoked.outcome(), "failed");
    let received = world.received().await;
    assert!(received.is_empty(), "notified twice: {received}");
}

pub async fn refused_notification_is_sent_by_the_next_run() {
    let world = World::new("no-topics").await;
    let function = world.start(CHECK).await;
    world.platform.faults().activate(Fault::ServerError);
    world.calls.obstruct(Obstacle::Refuse, "Publish");
    let invoked = world.run(&function).await;
    assert_eq!(invoked.outcome(), "failed", "{:#}", invoked.report());
    assert_eq!(invoked.report()["warnings"].as_array().unwrap().len(), 2, "one per topic: {:#}", invoked.report());
    let received = world.received().await;
    assert!(received.is_empty(), "{received}");
    world.calls.clear();
    sends_unsent_notification(&world, &function, &invoked.report()["notifications"][0]).await;
}

pub async fn slow_topic_gets_the_notification_once() {
    let world = World::new("slow-topics").await;
    let function = world.start(CHECK).await;
    world.platform.faults().activate(Fault::ServerError);
    world.calls.obstruct(Obstacle::SlowAnswer, "Publish");
    let invoked = world.run(&function).await;
    assert_eq!(invoked.report()["warnings"], Value::Null, "{:#}", invoked.report());
    let received = world.received().await;
    assert_eq!((received.on_call.len(), received.events.len()), (1, 1), "{received}");
}

pub async fn throttled_metrics_arrive_and_repeated_ones_change_no_alarm() {
    let world = World::new("throttled-metrics").await;
    let function = world.start(CHECK).await;
    world.calls.obstruct(Obstacle::ThrottleTwice, "PutMetricData");
    assert_eq!(world.run(&function).await.outcome(), "passed");
    assert_eq!(world.calls.take().iter().filter(|call| *call == "PutMetricData").count(), 3);
    assert_eq!(world.metrics_at(world.minute()).await.get("Success"), Some(&1.0));
    // AWS has the values, but the client gives up waiting and sends them again.
    world.calls.obstruct(Obstacle::SlowAnswer, "PutMetricData");
    world.run(&function).await;
    world.calls.clear();
    let points = world.metrics().await;
    let repeated: Vec<_> = points.iter().filter(|point| point.at == world.minute() && point.count > 1.0).collect();
    assert!(!repeated.is_empty(), "{points:?}");
    for point in repeated {
        assert_eq!(point.minimum, point.maximum, "{point:?}");
    }
}

pub async fn run_killed_before_its_write_counts_for_nothing() {
    let world = World::new("killed-early").await;
    let function = world.start(CHECK).await;
    world.platform.faults().activate(Fault::ServerError);
    // The run has read the state.
    world.calls.obstruct_after(1, Obstacle::Hold);
    world.clock.advance(Duration::from_secs(60));
    let event = scheduled(world.minute());
    tokio::select! {
        invoked = function.invoke(&event) => panic!("the run ended: {:?}", invoked.result),
        () = world.calls.held(1) => {}
    }
    drop(function);
    world.calls.clear();
    let function = world.start(CHECK).await;
    assert_eq!(world.run(&function).await.outcome(), "failed");
    let received = world.received().await;
    assert_eq!((received.on_call.len(), received.events.len()), (1, 1), "{received}");
    assert_eq!(received.events[0].json()["event"], "opened");
    assert_eq!(world.metrics_at(world.minute()).await.get("OldestUnsentNotification"), None);
}

pub async fn ten_thousand_targets_are_refused() {
    let mut world = World::new("many-settings").await;
    let target = "\n[[check.availability.targets]]\nid = \"more\"\npath = \"/more\"\n";
    world.replace("[check.login]", &format!("{}\n[check.login]", target.repeat(10_000)));
    let function = world.start(CHECK).await;
    let invoked = world.run(&function).await;
    let error = invoked.error();
    assert_eq!(error.error_type, "SettingsInvalid", "{error:?}");
    for part in ["expected 1 to 200 targets, found 100", "found `more` again", "many-settings.toml"] {
        assert!(error.message.contains(part), "{part} is missing in\n{}", error.message);
    }
    assert!(error.message.len() < 20_000, "{} bytes", error.message.len());
    assert_eq!(world.calls.take(), Vec::<String>::new());
}

pub async fn texts_like_variables_stay_as_they_are_written() {
    let mut world = World::new("literal-settings").await;
    let name = "${HOME} $(id) %PATH% {{resolve:ssm:/name}} *";
    world.replace("name = \"Platform team (demo)\"", &format!("name = \"{name}\""));
    world.replace("path = \"/login\"", "path = \"/$HOME/$(id)/*\"");
    let function = world.start(CHECK).await;
    let invoked = world.run(&function).await;
    assert_eq!(invoked.outcome(), "failed", "{:#}", invoked.report());
    let requests = world.platform.requests().last();
    assert!(requests.iter().any(|request| request.path == "/$HOME/$(id)/*"), "{requests:?}");
    let received = world.received().await;
    assert!(received.on_call[0].body.contains(name), "{received}");
}

pub async fn next_run_notifies_for_a_run_killed_before_publishing() {
    let world = World::new("killed-before").await;
    let function = world.start(CHECK).await;
    world.platform.faults().activate(Fault::ServerError);
    world.calls.obstruct(Obstacle::Hold, "Publish");
    kill_when_held(&world, function).await;
    let id = format!("availability/eu-north-1/0of1/{}/opened/critical", world.minute().strftime("%Y%m%dT%H%M%SZ"));
    let received = world.received().await;
    assert!(received.is_empty(), "{received}");
    world.calls.clear();
    let function = world.start(CHECK).await;
    sends_unsent_notification(&world, &function, &json!(id)).await;
}

pub async fn run_killed_after_publishing_repeats_the_same_id() {
    let world = World::new("killed-after").await;
    let function = world.start(CHECK).await;
    world.platform.faults().activate(Fault::ServerError);
    // The topic has the message, but the function is killed before the answer arrives.
    world.calls.obstruct(Obstacle::HoldAnswer, "Publish");
    kill_when_held(&world, function).await;
    let first = world.received().await;
    assert!(!first.is_empty());
    world.calls.clear();
    let function = world.start(CHECK).await;
    let minute = world.minute().strftime("%Y%m%dT%H%M%SZ").to_string();
    let id = json!(format!("availability/eu-north-1/0of1/{minute}/opened/critical"));
    assert!(first.ids().iter().all(|first| json!(first) == id), "{first}");
    sends_unsent_notification(&world, &function, &id).await;
}

/// Starts a run and kills its process while both its notifications are held, the one for people and the one for programs.
async fn kill_when_held(world: &World, function: Function) {
    world.clock.advance(Duration::from_secs(60));
    let event = scheduled(world.minute());
    tokio::select! {
        invoked = function.invoke(&event) => panic!("the run ended: {:?}", invoked.result),
        () = world.calls.held(2) => {}
    }
    drop(function);
}

/// Checks that the next run sends the notification of an earlier one, once per topic, and publishes its age.
async fn sends_unsent_notification(world: &World, function: &Function, id: &Value) {
    let late = world.run(function).await;
    assert_eq!(late.outcome(), "failed", "{:#}", late.report());
    assert_eq!(late.report()["notifications"], json!([]), "the run adds no notification");
    let received = world.received().await;
    assert_eq!(received.ids(), [id.as_str().unwrap()]);
    assert_eq!(received.on_call.len(), 1, "{received}");
    assert!(received.on_call[0].body.ends_with(&format!("Notification {}", id.as_str().unwrap())), "{received}");
    assert_eq!(world.metrics_at(world.minute()).await.get("OldestUnsentNotification"), Some(&60.0));
    let points = world.metrics().await;
    let unsent: Vec<_> = points.iter().filter(|point| point.metric == "OldestUnsentNotification").collect();
    assert_eq!(unsent.len(), 1, "{unsent:?}");
    assert_eq!(unsent[0].dimensions, [format!("Environment={}", world.environment)]);

    world.run(function).await;
    let received = world.received().await;
    assert!(received.is_empty(), "sent once more: {received}");
    assert!(
        !world.metrics_at(world.minute()).await.contains_key("OldestUnsentNotification"),
        "no notification is unsent"
    );
}

pub async fn unreadable_state_is_not_overwritten() {
    let world = World::new("broken-state").await;
    world.put_state(CHECK, "{\"schema_version\": 1, \"subjects\": 7}").await;
    let before = world.state().await;
    let function = world.start(CHECK).await;
    let invoked = world.run(&function).await;
    assert_eq!(invoked.error().error_type, "StateUnavailable", "{:?}", invoked.error());
    assert!(invoked.error().message.contains("attribute state"), "{:?}", invoked.error());
    assert_eq!(world.state().await, before);
    assert_eq!(world.calls.take(), ["GetItem"]);
}

/// The command of a leftovers message, with the settings of the deployment as they are.
#[tokio::test(flavor = "multi_thread")]
async fn cleanup_resolves_parameters_as_the_operator() {
    let mut world = World::new("cleaning").await;
    let cleanup = |world: &World| {
        let file = world.write_settings();
        let output = world.program(&["cleanup", "booking", "--settings", file.to_str().unwrap(), "--yes"]);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(cleanup(&world), (Some(0), "booking: no leftovers\n".to_owned()));
    world.replace("cleaning/booking/password", "cleaning/booking/missing");
    let (code, printed) = cleanup(&world);
    assert_eq!(code, Some(3), "{printed}");
    assert!(printed.contains("search failed") && printed.contains("booking/missing"), "{printed}");
}
