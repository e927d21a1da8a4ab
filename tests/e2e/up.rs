//! `synthetics up` with topics of SNS as its destinations.

use alarm::State;
use demo_platform::Fault;
use jiff::{SignedDuration, Timestamp};
use local::{AlarmState, Store};
use serde_json::Value;

use crate::runtime_api::own_file;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn topics_get_incidents_and_alarms_of_one_machine() {
    let mut world = World::new("up-topics").await;
    for topic in ["oncall", "warnings"] {
        let destination = format!(
            "\n[[up.destinations]]\nname = \"{topic}\"\nsns_topic = \"{}\"\ntopics = [\"{topic}\"]\n",
            world.topic(topic)
        );
        world.append(&destination);
    }
    let (settings, file) = (world.write_settings(), own_file("up-topics.db"));
    // An alarm that was raised just before the last `up` ended, and that it did not send.
    let slow = "just-driving-synthetics-up-topics-availability-slow";
    let raised = AlarmState {
        alarm: slow.to_owned(),
        state: State::Alarm,
        since: Timestamp::now() - SignedDuration::from_mins(5),
        reason: "5 of 10 data points above 3000: 3500".to_owned(),
        decided_by: Value::Null,
    };
    Store::open(&file).unwrap().set_alarm_state(&raised).unwrap();
    world.platform.faults().activate(Fault::ServerError);
    let (settings, store) = (settings.to_str().unwrap(), file.to_str().unwrap());
    let arguments = ["up", "availability", "--settings", settings, "--store", store, "--listen", "none"];
    // The alarms are evaluated 15 s after a full minute.
    let ended = world.program(&[&arguments[..], &["--every", "20s", "--for", "80s"]].concat());
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let received = world.received().await;
    let [opened] = &received.on_call[..] else { panic!("{:?}\n{ended:?}", received.on_call) };
    assert!(opened.subject.as_deref().unwrap().starts_with("[critical] up-topics: availability failing"), "{opened:?}");
    assert!(opened.body.contains(&format!("synthetics mute availability --store {store} ")), "{}", opened.body);
    let by_tag = |tag: &str| {
        let is_meant = |subject: &String| subject.starts_with(tag);
        let found = received.warnings.iter().find(|message| message.subject.as_ref().is_some_and(is_meant));
        found.unwrap_or_else(|| panic!("expected {tag} in {:?}\n{ended:?}", received.warnings))
    };
    let alarm = by_tag("[warning]");
    assert_eq!(alarm.subject.as_deref(), Some(&*format!("[warning] alarm {slow}: ALARM")));
    let body = &alarm.body;
    assert!(
        body.starts_with(&format!("Alarm {slow}: ALARM\nThe check availability of up-topics takes longer")),
        "{body}"
    );
    let steps = "\n  Reason     5 of 10 data points above 3000: 3500\n\nFirst steps\n  Runbook    https://";
    assert!(body.contains(steps), "{body}");
    // The runs of this test are fast.
    let resolved = by_tag("[resolved]");
    assert_eq!(resolved.subject.as_deref(), Some(&*format!("[resolved] alarm {slow}: OK")));
    assert!(
        resolved.body.contains("\n  Before     ALARM\n") && resolved.body.contains("\nFor review\n"),
        "{resolved:?}"
    );
    assert_eq!(received.warnings.len(), 2, "{:?}", received.warnings);
}
