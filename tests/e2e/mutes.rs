//! The alarms of a check are muted with it, by the operator and in maintenance windows.

use std::fs;
use std::process::Output;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::world::World;

const CHECK: &str = "availability";
const MUTE: [&str; 6] = ["mute", CHECK, "--for", "2h", "--reason", "deploying 4.2"];
/// What is on the numbers of `availability`, behind the environment.
const ALARMS: [&str; 6] = [
    "availability-monitoring-lost",
    "availability-slow",
    "availability-failing",
    "certificates-soon",
    "certificates-very-soon",
    "maintenance-too-long",
];

fn alarms(world: &World, names: &[&str]) -> Value {
    names.iter().map(|name| format!("just-driving-synthetics-{}-{name}", world.environment)).collect()
}

fn said(output: &Output, code: i32) -> String {
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// When a rule that was put begins and ends.
fn times(rule: &Value) -> (Timestamp, Timestamp) {
    let schedule = &rule["Rule"]["Schedule"];
    let text = |key: &str| schedule[key].as_str().unwrap().to_owned();
    let begins: DateTime = text("Expression").replace("at(", "").replace(')', "").parse().unwrap();
    let begins = begins.to_zoned(TimeZone::UTC).unwrap().timestamp();
    (begins, begins + text("Duration").parse::<SignedDuration>().unwrap())
}

fn one(asked: &[(String, Value)], operation: &str) -> Value {
    let [(own, rule)] = asked else { panic!("{asked:#?}") };
    assert_eq!(own, operation);
    rule.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_are_muted_with_their_check_until_its_mute_ends() {
    let world = World::new("muting").await;
    world.deploy_alarms("Availability,Login").await;
    let api = &world.calls.mute_rules;
    let before = Timestamp::now();
    let muted = said(&world.synthetics(&MUTE), 0);
    assert!(muted.contains("6 alarms are muted with it from "), "{muted}");
    let rule = one(&api.take(), "PutAlarmMuteRule");
    assert_eq!(
        rule,
        json!({
            "Name": "just-driving-synthetics-muting-mute-availability",
            "Description": "Muted by anna: deploying 4.2",
            "Rule": { "Schedule": {
                "Expression": rule["Rule"]["Schedule"]["Expression"],
                "Duration": rule["Rule"]["Schedule"]["Duration"],
                "Timezone": "UTC",
            } },
            "MuteTargets": { "AlarmNames": alarms(&world, &ALARMS) },
        })
    );
    // It holds from within a minute on, and ends within a minute of the silence.
    let (begins, ends) = times(&rule);
    let mutes: Value = serde_json::from_str(&world.printed(&["mutes", "--json"])).unwrap();
    assert_eq!(mutes[0]["alarms"], alarms(&world, &ALARMS));
    let until: Timestamp = mutes[0]["mute"]["until"].as_str().unwrap().parse().unwrap();
    assert!(before < begins && begins <= Timestamp::now() + SignedDuration::from_secs(70), "{rule:#}");
    assert!(until <= ends && ends < until + SignedDuration::from_mins(1), "{until}: {rule:#}");
    let table = world.printed(&["mutes"]);
    assert!(table.contains("6 muted"), "{table}");

    // A second mute takes its place, from the same beginning on: in between nothing is told.
    said(&world.synthetics(&["mute", CHECK, "--for", "4h", "--reason", "still"]), 0);
    let second = one(&api.take(), "PutAlarmMuteRule");
    let (begins_again, ends_later) = times(&second);
    assert_eq!((&second["Name"], begins_again), (&rule["Name"], begins));
    assert!(ends_later >= ends + SignedDuration::from_mins(119), "{second:#}");
    assert_eq!(api.rules().len(), 1);

    let unmuted = said(&world.synthetics(&["unmute", CHECK]), 0);
    assert!(unmuted.contains("availability is no longer muted"), "{unmuted}");
    assert!(unmuted.contains("its alarms are no longer muted"), "{unmuted}");
    let deleted = one(&api.take(), "DeleteAlarmMuteRule");
    assert_eq!(deleted, json!({ "AlarmMuteRuleName": "just-driving-synthetics-muting-mute-availability" }));
    assert!(said(&world.synthetics(&["unmute", CHECK]), 2).contains("is not muted"));

    // A rule that somebody has ended already is no error.
    said(&world.synthetics(&MUTE), 0);
    api.set("just-driving-synthetics-muting-mute-availability", None);
    assert!(world.printed(&["mutes"]).contains("not muted"));
    let unmuted = said(&world.synthetics(&["unmute", CHECK]), 0);
    assert!(!unmuted.contains("alarms"), "{unmuted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_that_cannot_be_muted_are_said_and_the_silence_stands() {
    let world = World::new("not-muting").await;
    world.deploy_alarms("Availability").await;
    let api = &world.calls.mute_rules;

    api.deny(Some("PutAlarmMuteRule"));
    let denied = said(&world.synthetics(&MUTE), 1);
    for part in [
        "availability is muted until ",
        "its alarms are not muted, and tell as ever",
        "is not authorized to perform: cloudwatch:PutAlarmMuteRule",
        "docs/operations.md",
    ] {
        assert!(denied.contains(part), "{part} is not in {denied}");
    }
    assert!(world.state().await.contains("deploying 4.2"), "the silence stands");
    let mutes = world.printed(&["mutes"]);
    assert!(mutes.contains("not muted"), "{mutes}");

    let login = said(&world.synthetics(&["mute", "login", "--for", "1h", "--reason", "x"]), 1);
    assert!(login.contains("no alarm of login is deployed in not-muting: deploy infra/alarms.yaml"), "{login}");

    let state_table = &world.variables().into_iter().find(|(name, _)| name == "STATE_TABLE").unwrap().1;
    let nameless = said(&world.program(&[&MUTE[..], &["--table", state_table]].concat()), 1);
    assert!(nameless.contains("name --environment beside it"), "{nameless}");
    let nameless = said(&world.program(&["mutes", "--table", state_table]), 0);
    assert!(nameless.contains("not known"), "{nameless}");

    // Alarms know no subjects: nothing is asked for one.
    world.calls.take();
    let subject = said(&world.synthetics(&["mute", "availability/health", "--for", "1h", "--reason", "x"]), 0);
    assert!(subject.contains("alarms know no subjects"), "{subject}");
    said(&world.synthetics(&["unmute", "availability/health"]), 0);
    let calls = world.calls.take();
    assert!(calls.iter().all(|call| ["GetItem", "UpdateItem"].contains(&call.as_str())), "{calls:?}");

    // What could not be unmuted can be tried again, though the silence has ended.
    api.deny(None);
    said(&world.synthetics(&MUTE), 0);
    api.deny(Some("DeleteAlarmMuteRule"));
    let unmuted = said(&world.synthetics(&["unmute", CHECK]), 1);
    assert!(unmuted.contains("availability is no longer muted"), "{unmuted}");
    assert!(unmuted.contains("its alarms may still be muted"), "{unmuted}");
    let mutes = world.printed(&["mutes"]);
    assert!(mutes.contains("availability: alarms only") && mutes.contains("6 muted"), "{mutes}");
    api.deny(None);
    let unmuted = said(&world.synthetics(&["unmute", CHECK]), 0);
    assert!(unmuted.contains("its alarms are no longer muted") && api.rules().is_empty(), "{unmuted}");

    // The rule of an earlier mute stands when a shorter one cannot take its place.
    said(&world.synthetics(&["mute", CHECK, "--for", "4h", "--reason", "x"]), 0);
    api.deny(Some("PutAlarmMuteRule"));
    let shorter = said(&world.synthetics(&["mute", CHECK, "--for", "1m", "--reason", "x"]), 1);
    assert!(shorter.contains("still muted until ") && shorter.contains("by the earlier rule"), "{shorter}");
    let mutes = world.printed(&["mutes"]);
    assert!(mutes.contains("6 muted until "), "{mutes}");
    api.deny(None);
    said(&world.synthetics(&["unmute", CHECK]), 0);

    // Where CloudWatch has no such rules.
    api.leave_to_the_emulator();
    let unknown = said(&world.synthetics(&MUTE), 1);
    assert!(unknown.contains("its alarms may not be muted") && unknown.contains("Unknown action"), "{unknown}");
}

const WEEKLY: &str = r#"
[[maintenance.windows]]
name = "nightly import"
reason = "the accounting system is read"
checks = ["availability", "login/log-in"]
days = ["mon", "thu"]
at = "02:30"
duration = "45m"
"#;
const OTHERS: &str = r#"
[[maintenance.windows]]
name = "move"
from = "2099-12-20T22:00"
until = "2099-12-21T01:00"

[[maintenance.windows]]
name = "over"
from = "2020-12-20T22:00"
until = "2020-12-21T01:00"

[[maintenance.windows]]
name = "one page"
checks = ["availability/health"]
at = "04:00"
duration = "10m"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_alarms_are_muted_in_maintenance_windows_too() {
    let mut world = World::new("windows").await;
    world.deploy_alarms("Availability,Login").await;
    let file = world.variables().into_iter().find(|(name, _)| name == "SETTINGS").unwrap().1;
    let plain = fs::read_to_string(&file).unwrap();
    let windows = |world: &World, more: &[&str]| world.program(&[&["windows", "--settings", &file], more].concat());
    let nothing = said(&windows(&world, &[]), 0);
    assert!(nothing.contains("no maintenance windows"), "{nothing}");

    // Listed, and nothing done.
    world.append(&format!("{WEEKLY}{OTHERS}"));
    world.variables();
    // Of somebody else, whose names begin alike; and of another environment.
    let strange = json!({
        "Name": "just-driving-synthetics-windows-window-a-mute-login",
        "Description": "Muted by anna: deploying",
        "Rule": { "Schedule": { "Expression": "at(2099-01-01T00:00)", "Duration": "PT1H", "Timezone": "UTC" } },
        "MuteTargets": { "AlarmNames": ["just-driving-synthetics-windows-window-a-login-slow"] },
    });
    world.calls.mute_rules.set(strange["Name"].as_str().unwrap(), Some(strange.clone()));
    world.calls.mute_rules.set("just-driving-synthetics-other-window-move", Some(strange));
    let listed = said(&windows(&world, &[]), 1);
    for part in ["cron(30 2 * * MON,THU)", "PT45M", "Europe/Copenhagen", "to put", "it is over", "subjects", "--yes"] {
        assert!(listed.contains(part), "{part} is not in\n{listed}");
    }
    assert_eq!(world.calls.mute_rules.take(), []);

    // Put: on the alarms of the check, and on those of all.
    said(&windows(&world, &["--yes"]), 0);
    let of_login = ["login-monitoring-lost", "login-slow"];
    let of_login_too = ["login-failing"];
    let numbers = ["certificates-soon", "certificates-very-soon", "maintenance-too-long"];
    let numbers_of_login = ["login-failure-rate", "lockouts", "login-objective"];
    let every = [&ALARMS[..2], &of_login, &ALARMS[2..3], &of_login_too, &numbers, &numbers_of_login].concat();
    let asked = world.calls.mute_rules.take();
    assert_eq!(
        asked,
        [
            (
                "PutAlarmMuteRule".to_owned(),
                json!({
                    "Name": "just-driving-synthetics-windows-window-nightly-import",
                    "Description": "Maintenance window of windows: nightly import: the accounting system is read",
                    "Rule": { "Schedule": {
                        "Expression": "cron(30 2 * * MON,THU)", "Duration": "PT45M", "Timezone": "Europe/Copenhagen",
                    } },
                    "MuteTargets": { "AlarmNames": alarms(&world, &ALARMS) },
                })
            ),
            (
                "PutAlarmMuteRule".to_owned(),
                json!({
                    "Name": "just-driving-synthetics-windows-window-move",
                    "Description": "Maintenance window of windows: move: maintenance",
                    "Rule": { "Schedule": {
                        "Expression": "at(2099-12-20T21:00)", "Duration": "PT3H", "Timezone": "UTC",
                    } },
                    "MuteTargets": { "AlarmNames": alarms(&world, &every) },
                })
            ),
        ]
    );
    let again: Value = serde_json::from_str(&said(&windows(&world, &["--yes", "--json"]), 0)).unwrap();
    assert_eq!(again[0]["state"], "in place", "{again:#}");
    assert_eq!(again[1]["rule"]["name"], "just-driving-synthetics-windows-window-move");
    assert_eq!(world.calls.mute_rules.take(), [], "what is in place is not put again");

    // One is changed and one is gone. Who may not end it is told so.
    fs::write(&file, format!("{plain}{}", WEEKLY.replace("45m", "50m"))).unwrap();
    let listed = said(&windows(&world, &[]), 1);
    assert!(listed.contains("to put") && listed.contains("to end"), "{listed}");
    world.calls.mute_rules.deny(Some("DeleteAlarmMuteRule"));
    let denied = said(&windows(&world, &["--yes"]), 1);
    assert!(denied.contains("is not authorized to perform: cloudwatch:DeleteAlarmMuteRule"), "{denied}");
    assert_eq!(one(&world.calls.mute_rules.take(), "PutAlarmMuteRule")["Rule"]["Schedule"]["Duration"], "PT50M");
    world.calls.mute_rules.deny(None);
    said(&windows(&world, &["--yes"]), 0);
    let ended = one(&world.calls.mute_rules.take(), "DeleteAlarmMuteRule");
    assert_eq!(ended, json!({ "AlarmMuteRuleName": "just-driving-synthetics-windows-window-move" }));
    let left: Vec<String> = world.calls.mute_rules.rules().into_keys().collect();
    assert_eq!(
        left,
        [
            "just-driving-synthetics-other-window-move",
            "just-driving-synthetics-windows-window-a-mute-login",
            "just-driving-synthetics-windows-window-nightly-import",
        ]
    );

    // A check of which no alarm is deployed: the rule that is there goes on.
    fs::write(&file, format!("{plain}{}", WEEKLY.replace("\"availability\", \"login/log-in\"", "\"booking\"")))
        .unwrap();
    let missing = said(&windows(&world, &["--yes"]), 1);
    assert!(missing.contains("kept, ") && world.calls.mute_rules.take().is_empty(), "{missing}");
    assert!(missing.contains("no alarm of booking is deployed: deploy infra/alarms.yaml"), "{missing}");
}
