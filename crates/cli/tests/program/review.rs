//! `synthetics review` on a month whose truth is known: `tests/review/generate.py` writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use jiff::{SignedDuration, Timestamp};
use local::Store;
use serde_json::Value;

use crate::{synthetics, text};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/review");
const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/alarms.yaml");
const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/review.schema.json");

/// The month: its truth, the numbers and the store from the generator, and the review of the store.
struct Month {
    truth: Value,
    numbers: Value,
    store: String,
    review: Value,
}

fn month() -> &'static Month {
    static MONTH: OnceLock<Month> = OnceLock::new();
    MONTH.get_or_init(|| {
        let truth_file = format!("{FOLDER}/month.json");
        let truth: Value = serde_json::from_str(&fs::read_to_string(&truth_file).unwrap()).unwrap();
        let store = own_folder("month").join("month.db");
        drop(Store::open(&store).unwrap());
        let store = store.to_str().unwrap().to_owned();
        let numbers = store.replace(".db", ".json");
        let arguments = [&format!("{FOLDER}/generate.py"), &truth_file, &store, "--numbers", &numbers];
        let written = Command::new("python3").args(arguments).output();
        assert!(written.as_ref().unwrap().status.success(), "{written:?}");
        let numbers = serde_json::from_str(&fs::read_to_string(numbers).unwrap()).unwrap();
        let review = json(&reviewed(&store, &["--format", "json"]));
        Month { truth, numbers, store, review }
    })
}

fn own_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("review-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Reviews the month.
fn reviewed(store: &str, more: &[&str]) -> Output {
    synthetics(&[&["review", "--store", store, "--until", "2026-11-20T12:00:00Z"], more].concat())
}

fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("expected a list, found {value}"))
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("expected a text, found {value}"))
}

fn at(value: &Value) -> Timestamp {
    word(value).parse().unwrap()
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

/// Alarms of a review by logical id.
fn alarms(review: &Value) -> BTreeMap<&str, &Value> {
    list(&review["alarms"]).iter().map(|alarm| (word(&alarm["alarm"]), alarm)).collect()
}

/// Firings of an alarm that match no incident, by their start.
fn unmatched(alarm: &Value) -> Vec<Timestamp> {
    let firings = list(&alarm["behaviour"]["firings"]).iter();
    firings.filter(|firing| list(&firing["incidents"]).is_empty()).map(|firing| at(&firing["from"])).collect()
}

/// Part of the truth that lists this name, such as the kind of an alarm.
fn listed_as<'t>(truth: &'t Value, part: &str, name: &str) -> &'t str {
    let lists = truth[part].as_object().unwrap();
    let found = lists.iter().find(|(_, names)| list(names).iter().any(|own| own == name));
    found.map_or_else(|| panic!("{part} of the truth lack {name}"), |(key, _)| key.as_str())
}

/// Kind of an alarm in the truth.
fn kind(alarm: &Value) -> &'static str {
    listed_as(&month().truth, "kinds", word(&alarm["alarm"]))
}

fn is_symptom(alarm: &Value) -> bool {
    kind(alarm) == "symptom"
}

/// Alarms that fired for an incident, without those on objectives.
fn seen_by(incident: &Value) -> BTreeSet<String> {
    let seen = list(&incident["seen_by"]).iter().filter(|seen| kind(seen) != "objective");
    seen.map(|seen| word(&seen["alarm"]).to_owned()).collect()
}

/// Fails unless the review has these numbers, up to the digits of JSON.
fn assert_numbers(found: &Value, expected: &Value, what: &str) {
    for (name, expected) in expected.as_object().unwrap() {
        match (found[name].as_f64(), expected.as_f64()) {
            (Some(found), Some(expected)) => {
                let is_same = (found - expected).abs() <= 1e-9 * expected.abs();
                assert!(is_same, "{what}: expected {name} {expected}, found {found}");
            }
            (found, expected) => assert_eq!(found, expected, "{what}: {name}"),
        }
    }
}

#[test]
fn every_incident_is_found_with_its_alarms() {
    let Month { truth, review, .. } = month();
    let found = list(&review["incidents"]);
    let expected = list(&truth["incidents"]);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let (id, since) = (word(&found["id"]), at(&expected["at"]));
        assert_eq!((&found["check"], at(&found["since"])), (&expected["check"], since), "{id}");
        assert_eq!(found["step"], expected["step"], "{id}");
        assert_eq!(found["severity"], *expected.get("severity").unwrap_or(&"critical".into()), "{id}");
        let alarms: BTreeSet<String> = list(&expected["seen_by"]).iter().map(|alarm| word(alarm).to_owned()).collect();
        assert_eq!(seen_by(found), alarms, "{id}");
        let marks: Vec<&str> = list(&found["marks"]).iter().map(word).collect();
        assert_eq!(marks, expected["after"].as_str().into_iter().collect::<Vec<_>>(), "{id}");
        for seen in list(&found["seen_by"]) {
            let delay = seen["delay_minutes"].as_f64().unwrap();
            // An alarm on an objective fires at its M-th failed run, after 22 minutes for the log-in.
            let is_objective = kind(seen) == "objective";
            let most = if is_objective { 45.0 } else { 15.0 };
            assert!((0.0..=most).contains(&delay), "{id}: {seen}");
        }
    }
    let marks: Vec<&str> = list(&review["marks"]).iter().map(|mark| word(&mark["text"])).collect();
    assert_eq!(marks, ["release 41", "release 42"]);
}

#[test]
fn firings_without_an_incident_are_the_blips() {
    let Month { truth, review, .. } = month();
    let alarms = alarms(review);
    let mut expected: BTreeMap<&str, Vec<(Timestamp, i64)>> = BTreeMap::new();
    for blip in list(&truth["blips"]) {
        let Some(alarm) = blip["alarm"].as_str() else { continue };
        let times = list(&blip["at"]).iter().map(|time| (at(time), blip["minutes"].as_i64().unwrap()));
        expected.entry(alarm).or_default().extend(times);
    }
    for (id, alarm) in &alarms {
        if ["early", "monitoring"].contains(&kind(alarm)) {
            continue;
        }
        let (found, blips) = (unmatched(alarm), expected.remove(id).unwrap_or_default());
        assert_eq!(found.len(), blips.len(), "{id}: {found:?}");
        for (found, (blip, length)) in found.iter().zip(&blips) {
            assert!(*blip < *found && *found <= *blip + minutes(length + 1), "{id}: {found} for {blip}");
        }
    }
    assert!(expected.is_empty(), "{expected:?}");
}

#[test]
fn gaps_and_lost_verdicts_are_found() {
    let Month { truth, review, .. } = month();
    for check in list(&review["checks"]) {
        let id = word(&check["check"]);
        let expected: Vec<(Timestamp, Timestamp)> = list(&truth["gaps"])
            .iter()
            .filter(|gap| list(&gap["checks"]).iter().any(|own| word(own) == id))
            .map(|gap| (at(&gap["at"]), at(&gap["at"]) + minutes(gap["minutes"].as_i64().unwrap())))
            .collect();
        let found: Vec<_> = list(&check["gaps"]).iter().map(|gap| (at(&gap["from"]), at(&gap["until"]))).collect();
        assert_eq!(found, expected, "{id}");
        let lost = &alarms(review)[format!("MonitoringLost{}", logical(id)).as_str()]["behaviour"]["firings"];
        let inconclusive = list(&truth["inconclusive"]).iter().filter(|lost| word(&lost["check"]) == id).count();
        let always = usize::from(truth["checks"][id]["always"].is_string());
        assert_eq!(list(lost).len(), expected.len() + inconclusive + always, "{id}: {lost}");
        assert_eq!(check["sensitivity"], listed_as(truth, "sensitivity", id), "{id}");
    }
}

#[test]
fn counts_and_percentiles_are_those_of_the_generator() {
    let Month { truth, numbers, review, .. } = month();
    let expected = numbers["checks"].as_object().unwrap();
    let (checks, trends) = (list(&review["checks"]), list(&review["trends"]["checks"]));
    assert_eq!((checks.len(), trends.len()), (expected.len(), expected.len()));
    for (check, trend) in checks.iter().zip(trends) {
        let id = word(&check["check"]);
        let (mut numbers, objective) = (expected[id].clone(), truth["objectives"][id].clone());
        let weeks = numbers.as_object_mut().unwrap().remove("weeks").unwrap();
        assert_numbers(check, &numbers, id);
        assert_eq!((&check["objective"], word(&trend["check"])), (&objective, id));
        let found = list(&trend["weeks"]);
        assert_eq!(found.len(), list(&weeks).len(), "{id}");
        for (number, (found, expected)) in found.iter().zip(list(&weeks)).enumerate() {
            assert_numbers(found, expected, &format!("{id}, week {number}"));
        }
    }
}

#[test]
fn subjects_and_queues_have_their_weeks() {
    let Month { truth, numbers, review, .. } = month();
    let found = list(&review["trends"]["subjects"]["subjects"]);
    let expected = numbers["subjects"].as_object().unwrap();
    assert_eq!(found.len(), expected.len());
    for subject in found {
        let name = format!("{}/{}", word(&subject["check"]), word(&subject["subject"]));
        for (found, expected) in list(&subject["weeks"]).iter().zip(list(&expected[&name])) {
            assert_numbers(found, expected, &name);
        }
    }
    for channel in ["email", "sms"] {
        let level =
            truth["checks"]["notifications"]["metrics"][format!("NotificationQueue/{channel}")].as_f64().unwrap();
        let name = format!("NotificationQueue ({channel})");
        let series = list(&review["trends"]["series"]).iter().find(|series| series["metric"] == name.as_str());
        let weeks = list(&series.unwrap_or_else(|| panic!("{name}"))["weeks"]);
        // The greatest value of a day is above its level, by the noise.
        let is_near = |week: &Value| week.as_f64().is_some_and(|most| (level..2.0 * level).contains(&most));
        assert!(weeks.iter().all(is_near), "{name}: {weeks:?}");
    }
}

#[test]
fn headroom_and_kinds_are_those_of_the_truth() {
    let Month { numbers, review, .. } = month();
    let alarms = alarms(review);
    for alarm in alarms.values() {
        assert_eq!(alarm["kind"], kind(alarm), "{}", alarm["alarm"]);
    }
    for (alarm, expected) in numbers["headroom"].as_object().unwrap() {
        assert_numbers(&alarms[alarm.as_str()]["headroom"], expected, alarm);
    }
}

/// Name of a check in logical ids.
fn logical(id: &str) -> String {
    let capital = |part: &str| part[..1].to_uppercase() + &part[1..];
    id.split('-').map(capital).collect()
}

#[test]
fn drift_is_projected_and_weeks_ignore_the_clock_change() {
    let Month { truth, review, .. } = month();
    let series: BTreeMap<&str, &Value> =
        list(&review["trends"]["series"]).iter().map(|series| (word(&series["metric"]), series)).collect();
    let disk = &series["DiskUsed"]["projection"];
    let expected = truth["drifts"][0]["full_in_days"].as_f64().unwrap();
    let number = |name: &str| disk[name].as_f64().unwrap_or_else(|| panic!("{name} of {disk}"));
    assert!((number("days") - expected).abs() < 1.0, "expected {expected} days, found {disk}");
    assert!(number("earliest_days") <= expected && expected <= number("latest_days"), "{disk}");
    for steady in ["MemoryUsed", "ConnectionsUsed", "CacheMemoryUsed"] {
        assert_eq!(series[steady]["projection"]["kind"], "no_limit_in_sight", "{steady}");
    }
    let expires = at(&series["CertificateDaysRemaining"]["projection"]["at"]);
    assert!((expires.duration_since(at(&truth["until"])).as_hours() - 50 * 24).abs() <= 24, "{expires}");
    let weeks = list(&review["trends"]["weeks"]);
    let starts: Vec<&str> = weeks.iter().map(|week| word(&week["from"])).collect();
    let expected = ["2026-10-21T12:00:00Z", "2026-10-26T00:00:00Z", "2026-11-02T00:00:00Z"];
    assert_eq!(starts[..3], expected);
    // The users' day has moved by an hour; a week of it is as long as before.
    let requests: Vec<f64> = list(&series["Requests"]["weeks"]).iter().map(|week| week.as_f64().unwrap()).collect();
    let (least, most) =
        (requests.iter().copied().fold(f64::MAX, f64::min), requests.iter().copied().fold(0.0, f64::max));
    assert!(most / least < 1.05, "{requests:?}");
}

/// The proposals, applied to the template as the diff says, remove the false firings and keep every incident.
#[test]
fn proposals_remove_false_firings_and_keep_incidents() {
    let Month { truth, store, review, .. } = month();
    let folder = own_folder("proposals");
    fs::create_dir_all(folder.join("infra")).unwrap();
    fs::copy(TEMPLATE, folder.join("infra/alarms.yaml")).unwrap();
    fs::write(folder.join("proposals.diff"), word(&review["diff"])).unwrap();
    let applied =
        Command::new("git").args(["apply", "proposals.diff"]).current_dir(&folder).env("GIT_DIR", "/").output();
    assert!(applied.as_ref().unwrap().status.success(), "{applied:?}");
    let templates = folder.join("infra");
    let after = json(&reviewed(store, &["--format", "json", "--templates", templates.to_str().unwrap()]));
    for (when, review) in [("before", review), ("after", &after)] {
        let alarms = alarms(review);
        let firings = |is_wanted: fn(&Value) -> bool| -> usize {
            let symptoms = alarms.values().filter(|alarm| is_symptom(alarm));
            symptoms.map(|alarm| list(&alarm["behaviour"]["firings"]).iter().filter(|own| is_wanted(own)).count()).sum()
        };
        let (all, right) = (firings(|_| true), firings(|firing| !list(&firing["incidents"]).is_empty()));
        let pairs = list(&truth["incidents"]).iter().map(|own| list(&own["seen_by"]).len()).sum::<usize>();
        let seen: usize = list(&review["incidents"]).iter().map(|incident| seen_by(incident).len()).sum();
        let (precision, recall) = (right as f64 / all as f64, seen as f64 / pairs as f64);
        println!("{when}: precision {precision:.3} ({right} of {all} firings), recall {recall:.3} ({seen} of {pairs})");
        assert_eq!(seen, pairs, "{when}: every alarm sees its incidents");
        let wrong: BTreeMap<&str, usize> = alarms
            .iter()
            .filter(|(_, alarm)| is_symptom(alarm) && !unmatched(alarm).is_empty())
            .map(|(id, alarm)| (*id, unmatched(alarm).len()))
            .collect();
        let expected: BTreeMap<&str, usize> = match when {
            "before" => [("SlowLogin", 12), ("LoginFailureRate", 5), ("ErrorRate", 6), ("DatabaseLatency", 2)].into(),
            // Two firings are too few for a proposal.
            _ => [("DatabaseLatency", 2)].into(),
        };
        assert_eq!(wrong, expected, "{when}");
    }
    assert_eq!(alarms(review)["DatabaseLatency"]["verdict"], "too_little_data");
    assert_eq!(after["diff"], Value::Null, "nothing is left to propose");
    let proposed = alarms(review).values().filter(|alarm| alarm["verdict"] == "change").count();
    assert_eq!(proposed, 3);
}

#[test]
fn questions_are_answered_on_the_same_data() {
    let Month { store, .. } = month();
    let questions =
        ["--what-if", "SlowLogin=6000", "--what-if", "LoginFailureRate=10of10", "--what-if", "SlowLogin=14000"];
    let review = json(&reviewed(store, &[&["--format", "json"], &questions[..]].concat()));
    let [lower, all, higher] = list(&review["what_if"]) else { panic!("{}", review["what_if"]) };
    assert_eq!((&lower["alarm"], &lower["after"]["unmatched"]), (&"SlowLogin".into(), &12.into()));
    assert_eq!((&all["before"]["unmatched"], &all["after"]["unmatched"]), (&5.into(), &0.into()));
    let lost: Vec<&str> = list(&higher["lost_incidents"]).iter().map(word).collect();
    assert_eq!(lost, ["login.20261103T150000Z"], "its runs took 12.5 s");
    assert!(word(&all["diff"]).contains("\n-      DatapointsToAlarm: 7\n+      DatapointsToAlarm: 10\n"), "{all}");
    for (question, expected) in [
        ("SlowLogn=6000", "--what-if: unknown alarm \"SlowLogn\"; did you mean \"SlowLogin\""),
        ("SlowLogin", "--what-if: expected ALARM=THRESHOLD such as SlowLogin=6000"),
        ("SlowLogin=6s", "or ALARM=MofN such as LoginFailureRate=7of10, found \"SlowLogin=6s\""),
        ("SlowLogin=7of5", "expected M from 1 to N, found 7 of 5"),
        ("SlowLogin=1of2000", "expected at most 1440 periods of 60 s"),
    ] {
        let output = reviewed(store, &["--what-if", question]);
        assert_eq!(output.status.code(), Some(2), "{question}");
        assert!(text(&output.stderr).contains(expected), "{question}: {}", text(&output.stderr));
    }
}

/// `UPDATE_SCHEMA=1 cargo test -p synthetics --test program review` writes the file.
#[test]
fn review_schema_is_that_of_the_types() {
    let generated = format!("{:#}\n", review::schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(SCHEMA, &generated).unwrap();
    }
    assert_eq!(fs::read_to_string(SCHEMA).unwrap_or_default(), generated, "UPDATE_SCHEMA=1 writes it");
    let validator = jsonschema::validator_for(&review::schema()).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&month().review).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, Vec::<String>::new());
}

#[test]
fn tables_fit_eighty_columns_and_markdown_is_whole() {
    let Month { store, review, .. } = month();
    let mut program = Command::new(env!("CARGO_BIN_EXE_synthetics"));
    let arguments = ["review", "--store", store, "--until", "2026-11-20T12:00:00Z"];
    let shown = program.args(arguments).env_remove("COLUMNS").output().unwrap();
    let shown = text(&shown.stdout);
    let wide: Vec<&str> = shown.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    for part in [
        "integrations/maps",
        "Alarms that fired",
        "8000 -> 10000",
        "NEVER COULD FAIL",
        "release 42",
        "at this rate",
        "no alarm",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let markdown = text(&reviewed(store, &["--format", "markdown"]).stdout);
    assert!(markdown.starts_with("# Review of staging\n"), "{markdown}");
    assert!(markdown.contains(&format!("```diff\n{}\n```", word(&review["diff"]).trim_end())), "{markdown}");
    for table in markdown.split("\n\n").filter(|part| part.starts_with('|')) {
        let cells: BTreeSet<usize> = table.lines().map(|line| line.replace("\\|", "").matches('|').count()).collect();
        assert_eq!(cells.len(), 1, "{table}");
    }
}

#[test]
fn incident_before_the_replay_is_shown_as_not_replayed() {
    let Month { store, .. } = month();
    // The window begins a minute after the only failed run of an incident.
    let window = ["review", "--store", store, "--days", "1", "--until", "2026-11-11T04:11:00Z"];
    let id = "availability.20261110T041000Z";
    let line = format!("2 incidents; an alarm fired for every other one; not replayed: {id}.");
    for (format, expected) in [
        ("table", [line.as_str(), "front page  not replayed"]),
        ("markdown", [line.as_str(), "| front page | not replayed |"]),
        ("html", ["an alarm fired for every other one; 1 not replayed<", "<b>not replayed</b>"]),
    ] {
        let output = synthetics(&[&window[..], &["--format", format]].concat());
        let shown = text(&output.stdout);
        for part in expected {
            assert!(shown.contains(part), "{format}: expected {part} in {shown}");
        }
        assert!(!shown.contains("no alarm"), "{format}: {shown}");
    }
}

#[test]
fn page_has_the_numbers_of_the_json_and_needs_nothing_else() {
    let Month { store, review, .. } = month();
    let file = own_folder("page").join("review.html");
    let file = file.to_str().unwrap();
    let output = reviewed(store, &["--format", "html", "--out", file]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), format!("{file}\n")), "{output:?}");
    let page = fs::read_to_string(file).unwrap();
    assert!(page.len() < 300_000, "{} bytes", page.len());
    for forbidden in ["<script", "http:", "https:", "url(", "@import", "src="] {
        assert!(!page.contains(forbidden), "{forbidden} in the page");
    }
    let false_firings: usize =
        list(&review["alarms"]).iter().filter(|alarm| is_symptom(alarm)).map(|alarm| unmatched(alarm).len()).sum();
    let unseen = list(&review["incidents"]).iter().filter(|incident| list(&incident["seen_by"]).is_empty()).count();
    for expected in [
        format!("{false_firings}</b> <span>false firings"),
        format!("{}</b> <span>incidents</span> <small>no alarm fired for {unseen}<", list(&review["incidents"]).len()),
        "3</b> <span>proposals".to_owned(),
        "<h3>Success of subjects</h3>".to_owned(),
        "<th scope=\"row\">integrations/calendar</th>".to_owned(),
        "NotificationQueue (sms)".to_owned(),
        "<span class=\"added\">+    Login: { Default: 8000, staging: 10000 }".to_owned(),
        "NEVER COULD FAIL".to_owned(),
        "polygon class=\"fan\"".to_owned(),
    ] {
        assert!(page.contains(&expected), "expected {expected} in the page");
    }
    for alarm in list(&review["alarms"]).iter().chain(list(&review["without_values"])) {
        assert!(page.contains(word(&alarm["alarm"])), "{}", alarm["alarm"]);
    }
    for incident in list(&review["incidents"]) {
        assert!(page.contains(&format!("id=\"{}\"", word(&incident["id"]))), "{}", incident["id"]);
    }
    assert_eq!(text(&reviewed(store, &["--format", "html"]).stdout).trim_end(), page.trim_end());
}

#[test]
fn store_of_another_environment_is_refused() {
    let Month { store, .. } = month();
    let settings = crate::settings_file("review.toml", crate::DEMO);
    for (arguments, expected) in [
        (
            vec!["--store", store, "--settings", &settings],
            "expected environment demo, as in the settings, found staging",
        ),
        (vec!["--store", "missing.db"], "missing.db"),
        (vec![], "--environment <NAME>"),
        (vec!["--store", store, "--days", "0"], "0 is not in 1..=400"),
    ] {
        let output = synthetics(&[&["review"], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(text(&output.stderr).contains(expected), "{arguments:?}: {}", text(&output.stderr));
    }
}
