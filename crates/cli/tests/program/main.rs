//! The program from outside: output and exit codes.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot start the program has failed")]

mod access;
mod cleanup;
mod contributing;
mod cost;
mod doctor;
mod faults;
mod fits;
mod formats;
mod import;
mod incident_reviews;
mod interrupt;
mod journeys;
mod pipe;
mod pipeline;
mod recording;
mod review;
mod screen;
mod secrets;
mod send;
mod settings;
mod snapshots;
mod status_page;
mod store;
mod terminal;
mod up;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;

use serde_json::Value;

/// Runs the program with lines so wide that a test finds a text in one of them.
fn synthetics(arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_synthetics"));
    program.args(arguments).env_remove("SYNTHETICS_TEST").env("COLUMNS", "1000").env("CI", "true").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A settings file in the test's own folder.
fn settings_file(name: &str, content: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

const DEMO: &str = include_str!("../../../../infra/layer/settings/demo.toml");

#[test]
fn healthy_platform_passes() {
    let output = synthetics(&["run", "--demo"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).starts_with("availability: passed"), "{output:?}");
}

#[test]
fn maintenance_passes_and_is_reported() {
    let output = synthetics(&["run", "--demo", "--fault", "maintenance"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).contains("availability: maintenance:"), "{output:?}");
}

#[test]
fn broken_platform_fails_with_step_and_difference() {
    let output = synthetics(&["run", "availability", "--demo", "--fault", "500"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let shown = text(&output.stdout);
    assert!(shown.contains("FAILED, confirmed by a second attempt"), "{shown}");
    assert!(shown.contains("status: expected status 200, actual: status 500"), "{shown}");
}

#[test]
fn json_format_prints_reports() {
    let output = synthetics(&["run", "--demo", "--fault", "truncated-json", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let reports: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reports[0]["run"]["check"], "availability");
    assert_eq!(reports[0]["outcome"]["result"], "failed");
    assert_eq!(reports[0]["outcome"]["failures"][0]["kind"], "body");
    assert_eq!(reports[0]["attempts"].as_array().unwrap().len(), 2, "the report has both attempts");
}

#[test]
fn junit_format_has_a_case_per_step() {
    let output = synthetics(&["run", "--demo", "--fault", "truncated-json", "--format", "junit"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let xml = text(&output.stdout);
    assert!(xml.starts_with("<?xml"), "{xml}");
    assert!(
        xml.contains("<testsuite name=\"availability\" tests=\"7\" skipped=\"0\" errors=\"0\" failures=\"3\""),
        "{xml}"
    );
    assert!(xml.contains("name=\"request (status-api)\" classname=\"availability\""), "{xml}");
    assert!(
        xml.contains("type=\"body\"") && xml.contains("message=\"expected a complete body, actual: cut short"),
        "{xml}"
    );
    let output = synthetics(&["run", "--demo", "--fault", "maintenance", "--format", "junit"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).contains("<skipped"), "{output:?}");
}

#[test]
fn unresolved_reference_is_inconclusive() {
    let secret = "id = \"front-page\"\nsecret_headers.x-key = \"env:SYNTHETICS_TEST\"";
    // Nothing listens there, but the check does not get that far.
    let file = settings_file("no-secret.toml", &DEMO.replace("id = \"front-page\"", secret));
    let only = std::fs::read_to_string(&file).unwrap();
    let first_target_only = only.split("\n[[check.availability.targets]]").take(2).collect::<Vec<_>>();
    std::fs::write(&file, first_target_only.join("\n[[check.availability.targets]]")).unwrap();
    let output = synthetics(&["run", "--settings", &file]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let shown = text(&output.stdout);
    assert!(shown.contains("INCONCLUSIVE (reference)") && shown.contains("env:SYNTHETICS_TEST"), "{shown}");
}

/// A check whose secrets are in these variables.
fn with_secrets(name: &str, variables: &[(&str, &str)]) -> Output {
    let settings = DEMO.replace("ssm:/just-driving/demo/login/password", "env:LOGIN_PASSWORD");
    let settings = settings.replace("ssm:/just-driving/demo/login/ops-token", "env:OPS_TOKEN");
    let settings = settings.replace("ssm:/just-driving/demo/login/totp-seed", "env:TOTP_SEED");
    let mut program = Command::new(env!("CARGO_BIN_EXE_synthetics"));
    let arguments = ["secrets", "check", "login", "--settings", &settings_file(name, &settings)];
    program.args(arguments).env("COLUMNS", "200").envs(variables.iter().copied()).output().unwrap()
}

#[test]
fn missing_secrets_are_listed_and_none_is_shown() {
    let all =
        [("LOGIN_PASSWORD", "correct horse"), ("OPS_TOKEN", "k3y-of-the-counters"), ("TOTP_SEED", "JBSWY3DPEHPK3PXP")];
    let output = with_secrets("secrets.toml", &all);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = text(&output.stdout);
    assert!(shown.contains("3 of 3 secrets can be used"), "{shown}");
    for (_, value) in all {
        assert!(!shown.contains(value), "{shown}");
    }
    let output = with_secrets("two-secrets.toml", &[all[0], ("OPS_TOKEN", "k3y\n\n")]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let shown = text(&output.stdout);
    assert!(shown.contains("env:OPS_TOKEN       the secret ends with a line break (U+000A)"), "{shown}");
    assert!(shown.contains("env:TOTP_SEED       the variable is not set, or empty"), "{shown}");
    assert!(shown.contains("1 of 3 secrets can be used") && !shown.contains("k3y"), "{shown}");
}

#[test]
fn bad_input_exits_2_with_one_message() {
    let broken = settings_file("broken.toml", &DEMO.replace("deadline = \"20s\"", "deadlin = \"20s\""));
    let unknown = settings_file("unknown.toml", &DEMO.replace("[check.availability", "[check.availabilty"));
    let empty = settings_file("empty.toml", "environment = \"x\"\n");
    let misspelt = settings_file("misspelt.toml", "environs = \"x\"\n");
    let cases: &[(&[&str], &str)] = &[
        (&["run", "nope", "--demo"], "unknown check \"nope\"\n`synthetics run --help` lists all checks"),
        (&["run", "--demo", "--fault", "nope"], "unknown fault \"nope\""),
        (&["demo", "--fault", "nope"], "unknown fault \"nope\""),
        (&["run", "--settings", "no-such-file.toml"], "failed to read no-such-file.toml"),
        (&["run", "--settings", &broken], "check.availability.deadlin"),
        (&["settings", "check", &broken], "check.availability.deadlin"),
        (&["settings", "check", &unknown], "unknown check \"availabilty\"; did you mean \"availability\"?"),
        (&["settings", "check", &empty], "has no check"),
        (&["settings", "check", &misspelt], "has no check"),
        (&["settings", "check", &misspelt], "misspelt.toml:1: environs: "),
        (&["run"], "synthetics run --settings FILE    # "),
        (&["run", "--fault", "500", "--settings", &broken], "--fault"),
        (&["demo", "--for", "soon"], "expected a duration"),
        (&["run", "logn", "--demo"], "did you mean \"login\"?"),
        (&["demo", "--fault", "login-slw"], "did you mean \"login-slow\"?"),
        (&["frobnicate"], "unrecognized subcommand"),
        (&["secrets", "set", "password", "--environment", "x"], "expected CHECK/NAME, such as `login/password`"),
        (&["clean"], "cleanup"),
        (&["doctor", "template"], "templates"),
    ];
    for (arguments, expected) in cases {
        let output = synthetics(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        let said = text(&output.stderr);
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
    }
}

#[test]
fn port_in_use_is_reported() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = synthetics(&["demo", "--for", "1s", "--port", &port]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains(&port) && said.contains("the port taken") && said.contains("--port"), "{said}");
}

#[test]
fn demo_shows_fault_and_recovery() {
    let output = synthetics(&["demo", "--for", "45s", "--every", "1s", "--fault", "500", "--port", "0"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = text(&output.stdout);
    for expected in [
        "availability: passed",
        "=> fault 500 injected",
        "── e-mail to oncall ─",
        "── SMS to oncall ─",
        "Subject: [critical] demo: availability failing: front-page, health, login-page and 2 more",
        "=> fault 500 cleared",
        "Subject: [resolved] demo: availability recovered",
        "Subject: [critical] demo: login failing",
        "16 notifications sent",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert!(!shown.contains("notification_id") && !shown.contains("Ctrl-C ends"), "{shown}");
}

#[test]
fn demo_ends_at_its_time_between_two_runs() {
    let began = Instant::now();
    let output = synthetics(&["demo", "availability", "--for", "2s", "--every", "1m", "--port", "0"]);
    assert!(text(&output.stdout).ends_with("\n1 run of each check, 0 notifications sent\n"), "{output:?}");
    assert!((2..30).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[test]
fn demo_keeps_its_results_on_request() {
    let store = Path::new(env!("CARGO_TARGET_TMPDIR")).join("demo.db");
    let _ = std::fs::remove_file(&store);
    let store = store.to_str().unwrap();
    let demo =
        ["demo", "availability", "--for", "8s", "--every", "1s", "--fault", "500", "--port", "0", "--store", store];
    assert_eq!(synthetics(&demo).status.code(), Some(0));
    let incidents = synthetics(&["incidents", "--store", store]);
    assert!(text(&incidents.stdout).contains("availability.health."), "{incidents:?}");
}

#[test]
fn demo_shows_json_of_notifications_on_request() {
    let output = synthetics(&[
        "demo",
        "--for",
        "30s",
        "--every",
        "1s",
        "--fault",
        "double-booking-allowed",
        "--port",
        "0",
        "--show-json",
    ]);
    let shown = text(&output.stdout);
    let json = shown.lines().find(|line| line.starts_with('{') && line.contains("\"notification_id\"")).unwrap();
    assert!(serde_json::from_str::<Value>(json).unwrap()["check"].is_string(), "{json}");
}

#[test]
fn faults_are_listed_as_table_and_json() {
    let listed: Value = serde_json::from_slice(&synthetics(&["faults", "--json"]).stdout).unwrap();
    let table = text(&synthetics(&["faults"]).stdout);
    let faults = listed.as_array().unwrap();
    assert!(faults.len() >= 8);
    for fault in faults {
        assert!(table.contains(fault["name"].as_str().unwrap()), "{fault}");
    }
}

#[test]
fn shipped_settings_are_valid() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/layer/settings");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let output = synthetics(&["settings", "check", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}
