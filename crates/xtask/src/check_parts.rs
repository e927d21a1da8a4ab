//! Checks that every check id has all its parts: function, templates, events, runbook, settings and documentation.

use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::ON_ONE_MACHINE;

/// Headings of a runbook, in order.
const RUNBOOK: [&str; 6] = ["Meaning", "Impact", "First checks", "Causes and fixes", "Silence", "Escalate"];

/// Checks that publish only the common metrics.
const WITHOUT_OWN_METRIC: &[&str] = &["journeys"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| format!("(missing: {error})"))
}

fn ids() -> Vec<String> {
    let entries = root().join("functions").read_dir().unwrap().map(Result::unwrap);
    entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// Lists the missing parts of a check.
fn missing(id: &str) -> Vec<String> {
    let pascal = crate::functions::pascal_case(id);
    let library = read(&format!("functions/{id}/src/lib.rs"));
    let template = read("infra/template.yaml");
    let mut missing = Vec::new();
    let mut expect = |holds: bool, part: String| {
        if !holds {
            missing.push(part);
        }
    };
    expect(
        read(&format!("functions/{id}/Cargo.toml")).contains(&format!("name = \"{id}\"")),
        "its package name".to_owned(),
    );
    expect(library.contains(&format!("const ID: &'static str = \"{id}\"")), "the id in its library".to_owned());
    let main = read(&format!("functions/{id}/src/main.rs"));
    expect(
        main.contains("lambda::run::<") && main.lines().count() <= 20,
        "a main function of at most 20 lines".to_owned(),
    );
    expect(main.contains(&format!("docs/runbooks/{id}.md")), "the runbook in its main function".to_owned());
    expect(root().join(format!("events/{id}.json")).is_file(), format!("events/{id}.json"));
    expect(template.contains(&format!("\n  {pascal}Function:\n")), format!("{pascal}Function in infra/template.yaml"));
    let mapping = format!("\n    {pascal}: {{ Id: {id},");
    expect(template.contains(&mapping), format!("{pascal} in the mapping Checks of infra/template.yaml"));
    let alarms = read("infra/alarms.yaml");
    expect(alarms.contains(&mapping), format!("{pascal} in the mapping Checks of infra/alarms.yaml"));
    expect(alarms.contains(&format!("\n  Failing{pascal}:\n")), format!("Failing{pascal} in infra/alarms.yaml"));
    for settings in ["demo", "production.example"] {
        let section = format!("\n[check.{id}]\n");
        let file = format!("infra/layer/settings/{settings}.toml");
        expect(read(&file).contains(&section), format!("[check.{id}] in {file}"));
    }
    let headings: Vec<String> = read(&format!("docs/runbooks/{id}.md"))
        .lines()
        .filter_map(|line| line.strip_prefix("## ").map(str::to_owned))
        .collect();
    expect(headings == RUNBOOK, format!("docs/runbooks/{id}.md with the headings {RUNBOOK:?}"));
    let program = format!("    known::<{pascal}>(),\n");
    expect(
        read("crates/operations/src/checks.rs").contains(&program),
        format!("{pascal} in crates/operations/src/checks.rs"),
    );
    // A test of the metric catalogue compares this table with the code.
    let owns_metric = read("docs/metrics.md").lines().any(|line| line.split(" | ").nth(3) == Some(id));
    expect(
        owns_metric != WITHOUT_OWN_METRIC.contains(&id),
        "a metric in docs/metrics.md, or an entry in WITHOUT_OWN_METRIC".to_owned(),
    );
    expect(read("docs/settings.md").contains(&format!("check.{id}")), format!("check.{id} in docs/settings.md"));
    missing
}

#[test]
fn every_check_has_all_its_parts() {
    let ids = ids();
    assert!(ids.contains(&"availability".to_owned()));
    for id in ids {
        let missing = missing(&id);
        match ON_ONE_MACHINE.contains(&id.as_str()) {
            true => {
                assert_eq!(missing.len(), 7, "{id}: all parts of a deployment are missing, and no other: {missing:#?}")
            }
            false => assert_eq!(missing, Vec::<String>::new(), "{id}"),
        }
    }
}

#[test]
fn missing_parts_of_a_check_are_found() {
    assert_eq!(missing("no-such-check").len(), 15);
}

#[test]
fn release_profile_sets_every_option() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let release = manifest["profile"]["release"].as_table().unwrap();
    for option in ["codegen-units", "debug", "lto", "opt-level", "panic", "strip"] {
        assert!(release.contains_key(option), "set {option}: cargo-lambda overrides unset options");
    }
    assert_eq!(release["panic"].as_str(), Some("unwind"), "with abort, a panic in a check would not be reported");
}
