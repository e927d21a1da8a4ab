//! Formats of `synthetics run`, completions and manual pages.

use operations::doctor::deployment::Report;
use operations::thresholds::reports_schema;
use serde_json::Value;

use crate::{synthetics, text};

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/run.schema.json");

/// `UPDATE_SCHEMA=1 cargo test -p synthetics --test program formats` writes the file.
#[test]
fn reports_schema_is_that_of_the_types() {
    let generated = format!("{:#}\n", reports_schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(SCHEMA, &generated).unwrap();
    }
    assert_eq!(std::fs::read_to_string(SCHEMA).unwrap_or_default(), generated, "UPDATE_SCHEMA=1 writes it");
}

const DOCTOR_SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/doctor.schema.json");

/// `UPDATE_SCHEMA=1 cargo test -p synthetics --test program formats` writes the file.
#[test]
fn doctor_schema_is_that_of_the_types() {
    let generated = format!("{:#}\n", Report::schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(DOCTOR_SCHEMA, &generated).unwrap();
    }
    assert_eq!(std::fs::read_to_string(DOCTOR_SCHEMA).unwrap_or_default(), generated, "UPDATE_SCHEMA=1 writes it");
}

const STATUS_SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/status.schema.json");

/// `UPDATE_SCHEMA=1 cargo test -p synthetics --test program formats` writes the file.
#[test]
fn status_schema_is_that_of_the_types() {
    let generated = format!("{:#}\n", console::status_schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(STATUS_SCHEMA, &generated).unwrap();
    }
    assert_eq!(std::fs::read_to_string(STATUS_SCHEMA).unwrap_or_default(), generated, "UPDATE_SCHEMA=1 writes it");
}

#[test]
fn json_and_ndjson_follow_the_schema() {
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(SCHEMA).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (more, code) in [
        (&[][..], 0),
        (&["--fault", "500"], 1),
        (&["booking", "--fault", "cancel-ignored"], 1),
        (&["availability", "--fault", "maintenance"], 0),
        (&["application", "--fault", "5xx-spike"], 0),
        (&["login", "--fault", "throttled"], 3),
    ] {
        let run = |format| {
            let output = synthetics(&[&["run", "--demo", "--format", format], more].concat());
            assert_eq!(output.status.code(), Some(code), "{more:?}: {output:?}");
            text(&output.stdout)
        };
        let mut reports: Value = serde_json::from_str(&run("json")).unwrap();
        if let Err(error) = validator.validate(&reports) {
            panic!("{more:?}: {}: {error}", error.instance_path());
        }
        let lines: Vec<Value> = run("ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), reports.as_array().unwrap().len(), "{more:?}");
        assert!(validator.is_valid(&Value::Array(lines)), "{more:?}");
        reports[0]["outcome"]["result"] = "splendid".into();
        assert!(!validator.is_valid(&reports), "the schema must reject what the type rejects");
        reports[0]["outcome"]["result"] = "passed".into();
        reports[0]["attempts"][0]["over"] = "an alarm".into();
        assert!(!validator.is_valid(&reports), "{more:?}: `over` is an object");
    }
}

#[test]
fn html_shows_the_failure_and_its_exchanges() {
    let output = synthetics(&["run", "login", "availability", "--demo", "--fault", "500", "--format", "html"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let page = text(&output.stdout);
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"), "{page}");
    for expected in ["2 failed", "status 500", "<rect class=\"waiting\"", "Attempt 2"] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
}

#[test]
fn verbose_run_shows_exchanges_with_units() {
    let output = synthetics(&["run", "login", "--demo", "-v"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = text(&output.stdout);
    assert!(shown.contains("\n    GET http://127.0.0.1:") && shown.contains("\n      status 200 in "), "{shown}");
    assert!(shown.contains(" ms: connect ") && shown.contains("waiting "), "{shown}");
    let plain = text(&synthetics(&["run", "login", "--demo"]).stdout);
    assert!(!plain.contains("waiting "), "{plain}");
}

#[test]
fn completions_and_manual_know_the_commands() {
    // Fish completes no values of positional arguments.
    for (shell, expected) in [
        ("bash", &["complete -F", "payment-webhook"][..]),
        ("zsh", &["#compdef synthetics", "payment-webhook"]),
        ("fish", &["complete -c synthetics"]),
    ] {
        let script = text(&synthetics(&["completions", shell]).stdout);
        for expected in [expected, &["login-slow", "completions"]].concat() {
            assert!(script.contains(expected), "{shell}: {expected}");
        }
    }
    let page = text(&synthetics(&["man"]).stdout);
    assert!(page.contains(".TH synthetics 1") && page.contains("Exit codes"), "{page}");
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("man1");
    let output = synthetics(&["man", folder.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    for page in ["synthetics.1", "synthetics-run.1", "synthetics-doctor-templates.1"] {
        assert!(folder.join(page).is_file(), "{page}");
    }
    let file = folder.join("synthetics.1");
    let output = synthetics(&["man", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).starts_with("error: failed to write manual pages to "), "{output:?}");
}

#[test]
fn demo_and_settings_check_take_several_names() {
    let output = synthetics(&["demo", "login", "booking", "--for", "2s", "--every", "1s", "--port", "0"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = text(&output.stdout);
    assert!(shown.contains("login: passed") && shown.contains("booking: passed"), "{shown}");
    assert!(!shown.contains("availability: "), "{shown}");

    let good = crate::settings_file("good.toml", crate::DEMO);
    let output = synthetics(&["settings", "check", "no-such-file.toml", &good]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stdout).contains("good.toml: no problems"), "{output:?}");
    assert!(text(&output.stderr).contains("failed to read no-such-file.toml"), "{output:?}");
}

#[test]
fn cleanup_demo_finds_and_removes_a_leftover() {
    let output = synthetics(&["cleanup", "--demo"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let shown = text(&output.stdout);
    assert!(shown.contains("  left\n") && shown.contains("booking: add --yes to remove"), "{shown}");
    let output = synthetics(&["cleanup", "--demo", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).contains("  removed"), "{output:?}");
    assert!(text(&output.stderr).contains("data left on the demo platform: 0\n"), "{output:?}");
}
