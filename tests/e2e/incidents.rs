//! An operator's view: messages, mutes, maintenance windows and incident records.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::StateValue;
use demo_platform::Fault;
use serde_json::Value;

use crate::world::World;

const CHECK: &str = "availability";

#[tokio::test(flavor = "multi_thread")]
async fn operator_mutes_looks_up_and_unmutes() {
    let world = World::new("operator").await;
    world.deploy_alarms("Availability").await;
    let function = world.start(CHECK).await;
    assert_eq!(world.printed(&["mutes"]).trim(), "nothing is muted");
    assert!(world.printed(&["incidents"]).starts_with("no incidents since"));

    world.platform.faults().activate(Fault::ServerError);
    world.run(&function).await;
    let opened = world.received().await;
    assert_eq!(opened.on_call.len(), 1, "{opened}");
    let reports = opened.events[0].json()["subjects"].as_array().unwrap().clone();
    let id = reports[0]["incident_id"].as_str().unwrap().to_owned();
    let listed = world.printed(&["incidents"]);
    assert_eq!(listed.lines().count(), reports.len() + 1, "{listed}");
    assert!(listed.contains(&id) && listed.contains("OPEN"), "{listed}");

    let acknowledged = world.printed(&["ack", CHECK, "--reason", "rolling back"]);
    assert!(acknowledged.contains(&format!("{id} is acknowledged")), "{acknowledged}");
    assert!(world.printed(&["mark", "release 42"]).starts_with("marked at "));
    let listed = world.printed(&["incidents"]);
    assert!(listed.contains("OPEN, ack anna") && listed.contains("release 42 (anna)"), "{listed}");
    // Only an open incident lasts until the present, since the clock of the function is behind.
    world.printed(&["mark", "release 4.2"]);
    let alarm = format!("just-driving-synthetics-{}-availability-failing", world.environment);
    let change = aws_sdk_cloudwatch::Client::new(&world.sdk).set_alarm_state().alarm_name(&alarm);
    change.state_value(StateValue::Alarm).state_reason("2 of 2 failed").send().await.unwrap();
    let around = world.printed(&["incident", &id, "--wide"]);
    for part in ["mark: release 4.2 (anna)".to_owned(), "alarm availability-failing: ".to_owned()] {
        assert!(around.contains(&part), "{part} is missing in\n{around}");
    }

    // The program uses the real time; the clock of the function is half an hour behind.
    let muted = world.printed(&["mute", CHECK, "--for", "2h", "--reason", "deploying 4.2"]);
    assert!(muted.starts_with("availability is muted until "), "{muted}");
    let mutes = world.printed(&["mutes"]);
    assert!(["availability", "anna", "deploying 4.2"].iter().all(|part| mutes.contains(part)), "{mutes}");
    let as_json: Value = serde_json::from_str(&world.printed(&["mutes", "--json"])).unwrap();
    assert_eq!((&as_json[0]["check"], &as_json[0]["mute"]["by"]), (&CHECK.into(), &"anna".into()));

    // People were notified of the first incident, so its recovery is sent. The second incident is suppressed.
    world.run(&function).await;
    world.platform.faults().clear(Fault::ServerError);
    world.run(&function).await;
    world.run(&function).await;
    let received = world.received().await;
    assert_eq!(received.on_call.len(), 1, "{received}");
    assert!(received.on_call[0].subject.as_ref().unwrap().contains("recovered"), "{received}");
    world.platform.faults().activate(Fault::ServerError);
    let invoked = world.run(&function).await;
    assert_eq!(invoked.report()["reasons"][0]["notification_reason"], "suppressed_muted", "{:#}", invoked.report());
    assert_eq!(world.metrics_at(world.minute()).await["Success"], 0.0, "metrics are published while muted");
    let received = world.received().await;
    assert!(received.is_empty(), "{received}");

    let unmuted = world.printed(&["unmute", CHECK]);
    assert!(unmuted.starts_with("availability is no longer muted"), "{unmuted}");
    world.run(&function).await;
    let received = world.received().await;
    assert_eq!(received.on_call.len(), 1, "{received}");
    assert!(received.on_call[0].subject.as_ref().unwrap().contains("failing"), "{received}");
    let again = world.synthetics(&["unmute", CHECK]);
    assert_eq!(again.status.code(), Some(2), "{again:?}");
    assert!(String::from_utf8_lossy(&again.stderr).contains("is not muted"), "{again:?}");

    // Timeline of the first incident.
    let timeline = world.printed(&["incident", &id]);
    for part in [
        "first failed run",
        "notified: opened",
        "acknowledged by anna: rolling back",
        "muted until",
        "by anna: deploying 4.2",
        "notified: recovered",
        "closed after",
    ] {
        assert!(timeline.contains(part), "{part} is missing in\n{timeline}");
    }
    assert!(timeline.contains("status 500"), "{timeline}");
    let review: Value = serde_json::from_str(&world.printed(&["incident", &id, "--json"])).unwrap();
    let ids: Vec<_> = review["incidents"][0]["record"]["notifications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|notification| notification["notification_id"].clone())
        .collect();
    assert_eq!(ids[0], opened.events[0].json()["notification_id"]);
    let open: Value = serde_json::from_str(&world.printed(&["incidents", "--open", "--json"])).unwrap();
    assert_eq!(open.as_array().unwrap().len(), reports.len(), "{open:#}");
    assert!(open.as_array().unwrap().iter().all(|record| record["id"] != id.as_str()), "{open:#}");
    // Records expire 400 days after the last change.
    let remaining = world.incident_expires_at(CHECK, &id).await - world.minute().as_second();
    assert!((399 * 86_400..=400 * 86_400).contains(&remaining), "{remaining} s");

    for (arguments, expected) in [
        (&["mute", "nothing", "--for", "1h", "--reason", "x"][..], "unknown check \"nothing\""),
        (&["mute", CHECK, "--for", "8d", "--reason", "x"], "at most 7d"),
        (&["mute", CHECK, "--for", "soon", "--reason", "x"], "such as"),
        (&["mute", CHECK, "--for", "1h", "--reason", " "], "expected a --reason, found a blank one"),
        (&["incident", "yesterday"], "expected an incident id"),
        (&["incident", "login.20200101T000000Z"], "unknown incident"),
    ] {
        let output = world.synthetics(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn open_incident_is_notified_when_its_window_ends() {
    let mut world = World::new("window").await;
    let (from, until) = (world.minute(), world.minute() + jiff::SignedDuration::from_mins(3));
    world.append(&format!(
        "\n[[maintenance.windows]]\nname = \"deploy\"\nchecks = [\"availability\"]\nfrom = \"{from}\"\nuntil = \"{until}\"\n"
    ));
    let function = world.start(CHECK).await;
    world.platform.faults().activate(Fault::ServerError);
    for _ in 0..2 {
        let invoked = world.run(&function).await;
        assert_eq!(
            invoked.report()["reasons"][0]["notification_reason"],
            "suppressed_maintenance",
            "{:#}",
            invoked.report()
        );
    }
    let received = world.received().await;
    assert!(received.is_empty(), "{received}");
    world.run(&function).await;
    let received = world.received().await;
    assert_eq!(received.on_call.len(), 1, "{received}");
    let since = received.events[0].json()["subjects"][0]["since"].clone();
    assert_eq!(
        since,
        (from + jiff::SignedDuration::from_mins(1)).to_string(),
        "since the first failed run, not since the notification"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn monitoring_lost_and_restored_are_notified() {
    let mut world = World::new("monitoring-lost").await;
    world.replace(
        "id = \"status-api\"\n",
        "id = \"status-api\"\nsecret_headers.x-api-key = \"ssm:/just-driving/monitoring-lost/availability/key\"\n",
    );
    let function = world.start(CHECK).await;
    for _ in 0..3 {
        assert_eq!(world.run(&function).await.outcome(), "inconclusive");
    }
    let received = world.received().await;
    assert_eq!((received.on_call.len(), received.warnings.len(), received.events.len()), (0, 1, 1), "{received}");
    assert!(received.warnings[0].body.contains("/just-driving/monitoring-lost/availability/key"), "{received}");
    assert_eq!(received.events[0].attributes["event"], "monitoring_lost");
    world.put_parameter("/just-driving/monitoring-lost/availability/key", "a-key-that-opens-nothing").await;
    assert_eq!(world.run(&function).await.outcome(), "passed");
    let received = world.received().await;
    assert_eq!(received.events[0].attributes["event"], "monitoring_restored", "{received}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_memory_is_kept_until_an_operator_clears_it() {
    let world = World::new("memory").await;
    let function = world.start(CHECK).await;
    assert_eq!(world.run(&function).await.outcome(), "passed");
    world.put_memory(CHECK, "{ broken").await;
    let invoked = world.run(&function).await;
    assert_eq!(invoked.outcome(), "inconclusive");
    let inconclusive = &invoked.report()["outcome"]["inconclusive"];
    assert_eq!(inconclusive["cause"], "state");
    let command = "synthetics memory clear availability --environment memory";
    assert!(inconclusive["detail"].as_str().unwrap().ends_with(command), "{inconclusive:#}");
    assert!(world.state().await.contains("{ broken"), "the stored memory stays");

    let cleared = world.printed(&["memory", "clear", CHECK]);
    assert!(cleared.contains("the memory of availability is cleared") && cleared.contains("{ broken"), "{cleared}");
    assert_eq!(world.run(&function).await.outcome(), "passed");
    assert!(!world.state().await.contains("{ broken"));
    assert!(world.printed(&["memory", "clear", CHECK]).contains("availability has no stored memory"));
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_topic_gets_chat_messages() {
    let mut world = World::new("chat").await;
    let chat = world.chat().await;
    let function = world.start(CHECK).await;
    world.platform.faults().activate(Fault::ServerError);
    world.run(&function).await;
    let messages = chat.take().await;
    assert_eq!(messages.len(), 1);
    let message = messages[0].json();
    assert_eq!((&message["version"], &message["source"]), (&"1.0".into(), &"custom".into()), "{message:#}");
    assert!(message["content"]["title"].as_str().unwrap().contains("availability failing"), "{message:#}");
    assert_eq!(message["metadata"]["eventType"], "opened");
}

#[tokio::test(flavor = "multi_thread")]
async fn table_alone_is_enough_for_incidents() {
    let world = World::new("table-alone").await;
    world.printed(&["mark", "release 42", "--by", "ci"]);
    let variables: BTreeMap<_, _> = world.variables().into_iter().collect();
    let listed = world.program(&["incidents", "--table", &variables["STATE_TABLE"]]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("release 42 (ci)"), "{listed:?}");
}
