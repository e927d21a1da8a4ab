//! Muting the CloudWatch alarms of a check, by an operator and in maintenance windows.

use std::fs;
use std::process::Output;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::world::World;

const CHECK: &str = "availability";
const MUTE: [&str; 6] = ["mute", CHECK, "--for", "2h", "--reason", "deploying 4.2"];
/// Alarms on metrics of `availability`, without the prefix of project and environment.
const ALARMS: [&str; 7] = [
    "availability-monitoring-lost",
    "availability-slow",
    "availability-failing",
    "certificates-soon",
    "certificates-very-soon",
    "maintenance-too-long",
    "availability-objective",
];

fn alarms(world: &World, names: &[&str]) -> Value {
    names.iter().map(|name| format!("just-driving-synthetics-{}-{name}", world.environment)).collect()
}

/// Checks the exit code of the program and returns its output.
fn output_text(output: &Output, code: i32) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

/// Start and end of a mute rule.
fn times(rule: &Value) -> (Timestamp, Timestamp) {
    let schedule = &rule["Rule"]["Schedule"];
    let text = |key: &str| schedule[key].as_str().unwrap().to_owned();
    let begins: DateTime = text("Expression").replace("at(", "").replace(')', "").parse().unwrap();
    let begins = begins.to_zoned(TimeZone::UTC).unwrap().timestamp();
    (begins, begins + text("Duration").parse::<SignedDuration>().unwrap())
}

/// The input of the only call, which must be of this operation.
fn only_call(calls: &[(String, Value)], operation: &str) -> Value {
    let [(name, rule)] = calls else { panic!("expected one call of {operation}, found {calls:#?}") };
    assert_eq!(name, operation);
    rule.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn muting_a_check_mutes_its_alarms() {
    let world = World::new("muting").await;
    world.deploy_alarms("Availability,Login").await;
    let api = &world.calls.mute_rules;
    let before = Timestamp::now();
    let muted = output_text(&world.synthetics(&MUTE), 0);
    assert!(muted.contains("7 alarms are muted from "), "{muted}");
    let rule = only_call(&api.take(), "PutAlarmMuteRule");
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
    // The rule starts within a minute and ends within a minute of the mute.
    let (begins, ends) = times(&rule);
    let mutes: Value = serde_json::from_str(&world.printed(&["mutes", "--json"])).unwrap();
    assert_eq!(mutes[0]["alarms"], alarms(&world, &ALARMS));
    let until: Timestamp = mutes[0]["mute"]["until"].as_str().unwrap().parse().unwrap();
    assert!(before < begins && begins <= Timestamp::now() + SignedDuration::from_secs(70), "{rule:#}");
    assert!(until <= ends && ends < until + SignedDuration::from_mins(1), "{until}: {rule:#}");
    let table = world.printed(&["mutes"]);
    assert!(table.contains("7 muted"), "{table}");

    // A second mute replaces the rule and keeps its start, so that no notification gets through in between.
    output_text(&world.synthetics(&["mute", CHECK, "--for", "4h", "--reason", "still"]), 0);
    let second = only_call(&api.take(), "PutAlarmMuteRule");
    let (begins_again, ends_later) = times(&second);
    assert_eq!((&second["Name"], begins_again), (&rule["Name"], begins));
    assert!(ends_later >= ends + SignedDuration::from_mins(119), "{second:#}");
    assert_eq!(api.rules().len(), 1);

    let unmuted = output_text(&world.synthetics(&["unmute", CHECK]), 0);
    assert!(unmuted.contains("availability is no longer muted"), "{unmuted}");
    assert!(unmuted.contains("its alarms are no longer muted"), "{unmuted}");
    let deleted = only_call(&api.take(), "DeleteAlarmMuteRule");
    assert_eq!(deleted, json!({ "AlarmMuteRuleName": "just-driving-synthetics-muting-mute-availability" }));
    assert!(output_text(&world.synthetics(&["unmute", CHECK]), 2).contains("is not muted"));

    // Unmuting works when the rule no longer exists.
    output_text(&world.synthetics(&MUTE), 0);
    api.set("just-driving-synthetics-muting-mute-availability", None);
    assert!(world.printed(&["mutes"]).contains("not muted"));
    let unmuted = output_text(&world.synthetics(&["unmute", CHECK]), 0);
    assert!(!unmuted.contains("alarms"), "{unmuted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mute_holds_although_its_alarms_cannot_be_muted() {
    let world = World::new("not-muting").await;
    world.deploy_alarms("Availability").await;
    let api = &world.calls.mute_rules;

    api.deny(Some("PutAlarmMuteRule"));
    let denied = output_text(&world.synthetics(&MUTE), 1);
    for part in [
        "availability is muted until ",
        "alarms are not muted and keep notifying",
        "is not authorized to perform: cloudwatch:PutAlarmMuteRule",
        "docs/operations/muting.md",
    ] {
        assert!(denied.contains(part), "{part} is missing in {denied}");
    }
    assert!(world.state().await.contains("deploying 4.2"), "the mute is stored");
    let mutes = world.printed(&["mutes"]);
    assert!(mutes.contains("not muted"), "{mutes}");

    let login = output_text(&world.synthetics(&["mute", "login", "--for", "1h", "--reason", "x"]), 1);
    assert!(login.contains("no alarm of login is deployed in not-muting; deploy infra/alarms.yaml"), "{login}");

    let state_table = &world.variables().into_iter().find(|(name, _)| name == "STATE_TABLE").unwrap().1;
    let nameless = output_text(&world.program(&[&MUTE[..], &["--table", state_table]].concat()), 1);
    assert!(nameless.contains("give --environment together with --table"), "{nameless}");
    let nameless = output_text(&world.program(&["mutes", "--table", state_table]), 0);
    assert!(nameless.contains("unknown"), "{nameless}");

    // A mute of a subject does not touch alarms, which have no subjects.
    world.calls.take();
    let subject = output_text(&world.synthetics(&["mute", "availability/health", "--for", "1h", "--reason", "x"]), 0);
    assert!(subject.contains("alarms are per check"), "{subject}");
    output_text(&world.synthetics(&["unmute", "availability/health"]), 0);
    let calls = world.calls.take();
    assert!(calls.iter().all(|call| ["GetItem", "UpdateItem"].contains(&call.as_str())), "{calls:?}");

    // Unmuting can be repeated for the alarms after the mute has ended.
    api.deny(None);
    output_text(&world.synthetics(&MUTE), 0);
    api.deny(Some("DeleteAlarmMuteRule"));
    let unmuted = output_text(&world.synthetics(&["unmute", CHECK]), 1);
    assert!(unmuted.contains("availability is no longer muted"), "{unmuted}");
    assert!(unmuted.contains("alarms may still be muted"), "{unmuted}");
    let mutes = world.printed(&["mutes"]);
    assert!(mutes.contains("availability: alarms only") && mutes.contains("7 muted"), "{mutes}");
    api.deny(None);
    let unmuted = output_text(&world.synthetics(&["unmute", CHECK]), 0);
    assert!(unmuted.contains("its alarms are no longer muted") && api.rules().is_empty(), "{unmuted}");

    // The rule of an earlier mute stays when a shorter one cannot replace it.
    output_text(&world.synthetics(&["mute", CHECK, "--for", "4h", "--reason", "x"]), 0);
    api.deny(Some("PutAlarmMuteRule"));
    let shorter = output_text(&world.synthetics(&["mute", CHECK, "--for", "1m", "--reason", "x"]), 1);
    assert!(shorter.contains("stay muted until ") && shorter.contains("by an earlier rule"), "{shorter}");
    let mutes = world.printed(&["mutes"]);
    assert!(mutes.contains("7 muted until "), "{mutes}");
    api.deny(None);
    output_text(&world.synthetics(&["unmute", CHECK]), 0);

    // CloudWatch without mute rules.
    api.leave_to_the_emulator();
    let unknown = output_text(&world.synthetics(&MUTE), 1);
    assert!(unknown.contains("alarms may not be muted") && unknown.contains("Unknown action"), "{unknown}");
}

const WEEKLY: &str = r#"
[[maintenance.windows]]
name = "nightly import"
reason = "reading the accounting system"
checks = ["availability", "login/log-in"]
days = ["mon", "thu"]
at = "02:30"
duration = "45m"
"#;
const OTHER_WINDOWS: &str = r#"
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
async fn maintenance_sync_mutes_the_alarms_of_windows() {
    let mut world = World::new("windows").await;
    world.deploy_alarms("Availability,Login").await;
    let file = world.variables().into_iter().find(|(name, _)| name == "SETTINGS").unwrap().1;
    let plain = fs::read_to_string(&file).unwrap();
    let maintenance = |world: &World, command: &str, more: &[&str]| {
        world.program(&[&["maintenance", command, "--settings", &file], more].concat())
    };
    let nothing = output_text(&maintenance(&world, "list", &[]), 0);
    assert!(nothing.contains("no maintenance windows"), "{nothing}");

    // Listing changes nothing.
    world.append(&format!("{WEEKLY}{OTHER_WINDOWS}"));
    world.variables();
    // Rules of another program with a similar name, and of another environment.
    let foreign = json!({
        "Name": "just-driving-synthetics-windows-window-a-mute-login",
        "Description": "Muted by anna: deploying",
        "Rule": { "Schedule": { "Expression": "at(2099-01-01T00:00)", "Duration": "PT1H", "Timezone": "UTC" } },
        "MuteTargets": { "AlarmNames": ["just-driving-synthetics-windows-window-a-login-slow"] },
    });
    world.calls.mute_rules.set(foreign["Name"].as_str().unwrap(), Some(foreign.clone()));
    world.calls.mute_rules.set("just-driving-synthetics-other-window-move", Some(foreign));
    let listed = output_text(&maintenance(&world, "list", &[]), 1);
    for part in [
        "cron(30 2 * * MON,THU)",
        "PT45M",
        "Europe/Copenhagen",
        "missing",
        "it is over",
        "subjects",
        "maintenance sync",
    ] {
        assert!(listed.contains(part), "{part} is missing in\n{listed}");
    }
    assert_eq!(world.calls.mute_rules.take(), []);

    // A window of one check mutes its alarms, a window of all checks mutes all alarms.
    output_text(&maintenance(&world, "sync", &[]), 0);
    let login_alarms = ["login-monitoring-lost", "login-slow"];
    let login_failing = ["login-failing"];
    let numbers = ["certificates-soon", "certificates-very-soon", "maintenance-too-long"];
    let login_numbers = ["login-failure-rate", "lockouts", "availability-objective", "login-objective"];
    let every = [&ALARMS[..2], &login_alarms, &ALARMS[2..3], &login_failing, &numbers, &login_numbers].concat();
    let calls = world.calls.mute_rules.take();
    assert_eq!(
        calls,
        [
            (
                "PutAlarmMuteRule".to_owned(),
                json!({
                    "Name": "just-driving-synthetics-windows-window-nightly-import",
                    "Description": "Maintenance window of windows: nightly import: reading the accounting system",
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
    let again: Value = serde_json::from_str(&output_text(&maintenance(&world, "sync", &["--json"]), 0)).unwrap();
    assert_eq!(again[0]["state"], "in place", "{again:#}");
    assert_eq!(again[1]["rule"]["name"], "just-driving-synthetics-windows-window-move");
    assert_eq!(world.calls.mute_rules.take(), [], "unchanged rules are not put again");

    // One window was changed and one removed. A denied deletion is reported.
    fs::write(&file, format!("{plain}{}", WEEKLY.replace("45m", "50m"))).unwrap();
    let listed = output_text(&maintenance(&world, "list", &[]), 1);
    assert!(listed.contains("missing") && listed.contains("obsolete"), "{listed}");
    world.calls.mute_rules.deny(Some("DeleteAlarmMuteRule"));
    let denied = output_text(&maintenance(&world, "sync", &[]), 1);
    assert!(denied.contains("is not authorized to perform: cloudwatch:DeleteAlarmMuteRule"), "{denied}");
    assert_eq!(only_call(&world.calls.mute_rules.take(), "PutAlarmMuteRule")["Rule"]["Schedule"]["Duration"], "PT50M");
    world.calls.mute_rules.deny(None);
    output_text(&maintenance(&world, "sync", &[]), 0);
    let ended = only_call(&world.calls.mute_rules.take(), "DeleteAlarmMuteRule");
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

    // The rule stays when no alarm of the check is deployed.
    fs::write(&file, format!("{plain}{}", WEEKLY.replace("\"availability\", \"login/log-in\"", "\"booking\"")))
        .unwrap();
    let missing = output_text(&maintenance(&world, "sync", &[]), 1);
    assert!(missing.contains("kept: ") && world.calls.mute_rules.take().is_empty(), "{missing}");
    assert!(missing.contains("no alarm of booking is deployed: deploy infra/alarms.yaml"), "{missing}");
}
