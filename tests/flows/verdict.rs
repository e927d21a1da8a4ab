//! The bounds that every run must hold.

use std::time::Duration;

use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;
use serde_json::Value;

use crate::attack::{Arrived, Attack, Extent, Place};
use crate::behavior::{Behavior, QUOTED};
use crate::run::{Flow, Later, Observation};

/// Longest time of a run after its deadline, for compensation.
pub const GRACE: Duration = Duration::from_secs(5);
/// Maximum memory of a run beyond the one against a healthy platform. **Units:** MB.
pub const MEMORY_BOUND: u64 = 64;
/// Maximum length of a text. **Units:** characters.
pub const MAX_TEXT: usize = 2_000;

/// Requests whose broken answer a run may pass with: request, flows that must not, and reason.
pub const MAY_PASS: [(&str, &[&str], &str); 2] = [
    (
        "GET /api/ops/metrics",
        &["queues", "application"],
        "the rates of real users are missing then; the check `application` judges the counters themselves",
    ),
    ("POST /api/logout", &["login"], "the run reports the session as a leftover; the check `login` judges the log-out"),
];

/// Request that may begin a session. Without an answer, the run does not know the session; it expires by itself.
pub const LOG_IN: &str = "POST /api/login";

/// Bounds that a run does not hold, one line each.
pub fn violations(flow: &Flow, attack: Option<&Attack>, observed: &Observation, baseline_kb: u64) -> Vec<String> {
    let mut violations = Vec::new();
    let report = &observed.report;
    let bound = flow.deadline + GRACE;
    if observed.took > bound {
        violations.push(format!("took {:.1} s; the limit is {bound:?}", observed.took.as_secs_f64()));
    }
    let over = observed.peak_kb.saturating_sub(baseline_kb).div_ceil(1_000);
    if over > MEMORY_BOUND {
        violations.push(format!("needed {over} MB more than a healthy run; the limit is {MEMORY_BOUND}"));
    }
    texts(report, "", &mut |path, text| {
        let length = text.chars().count();
        if length > MAX_TEXT {
            violations.push(format!("{path} has {length} characters; the limit is {MAX_TEXT}"));
        }
        violations.extend(unclean(path, text));
        if text.contains("panicked") {
            violations.push(format!("{path}: {text}"));
        }
    });
    texts(&observed.messages, "message", &mut |path, text| {
        violations.extend(unclean(path, text));
    });
    if let Some(store) = flow.store
        && [report, &observed.messages].iter().any(|output| output.to_string().contains(store.password()))
    {
        violations.push("the password is in the output".to_owned());
    }
    let has_passed = observed.has_passed();
    if let Some(Attack { behavior, from, extent }) = attack {
        let may_pass =
            |(request, but, _): &(&str, &[&str], &str)| from.request == *request && !but.contains(&flow.check);
        // A second attempt meets a healthy platform.
        let is_confirmed = *extent == Extent::Once && observed.attempts() == 2;
        if !observed.arrived.iter().any(|arrived| arrived.place == *from) {
            violations.push("the request was not sent".to_owned());
        } else if behavior.breaks_the_answer() && has_passed && !is_confirmed && !MAY_PASS.iter().any(may_pass) {
            violations.push("passed without an answer".to_owned());
        }
    } else if !has_passed {
        violations.push(format!("not passed: {}", report["outcome"]));
    }
    if let Some(later) = &observed.later {
        if later.outcome["result"] != "passed" {
            violations.push(format!("the next runs have not passed: {}", later.outcome));
        }
        if !later.left.is_empty() {
            violations.push(format!("left after the cleanup: {}", later.left.join("; ")));
        }
    }
    let is_reported = report["leftovers"].as_array().is_some_and(|leftovers| !leftovers.is_empty());
    if !observed.left.is_empty() && !is_reported {
        violations.push(format!("left without a report: {}", observed.left.join("; ")));
    }
    if observed.logged_in > 0 && !is_reported && !has_unanswered_log_in(report) {
        violations.push(format!("{} sessions left logged in without a report", observed.logged_in));
    }
    violations
}

/// True when a log-in got no answer, as from a slow platform.
fn has_unanswered_log_in(report: &Value) -> bool {
    let lists = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let steps = lists(report, "attempts").into_iter().flat_map(|attempt| lists(&attempt, "steps"));
    let mut exchanges = steps.flat_map(|step| lists(&step, "exchanges"));
    exchanges.any(|exchange| {
        let url = exchange["url"].as_str().unwrap_or_default();
        let is_log_in =
            LOG_IN.split_once(' ').is_some_and(|(method, path)| exchange["method"] == method && url.ends_with(path));
        is_log_in && exchange["status"].is_null()
    })
}

/// Characters and lines that an answer has smuggled into a text. The product's own texts have newlines.
fn unclean(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(character) = text.chars().find(|c| *c != '\n' && is_unclean(*c)) {
        found.push(format!("{path} contains {character:?}"));
    }
    if text.lines().any(|line| line.trim_start().starts_with(QUOTED)) {
        found.push(format!("{path} has a forged line"));
    }
    found
}

/// True for control and format characters.
fn is_unclean(c: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    matches!(category, GeneralCategory::Control | GeneralCategory::Format)
}

/// Visits all texts of a document, member names included.
fn texts(value: &Value, path: &str, visit: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(text) => visit(path, text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, &format!("{path}/*"), visit)),
        Value::Object(members) => {
            for (key, member) in members {
                visit(path, key);
                texts(member, &format!("{path}/{key}"), visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Control of the bounds: each is found to be broken.
pub fn control(flow: &Flow) -> anyhow::Result<()> {
    let report = |outcome: &str, text: &str| serde_json::json!({ "outcome": { "result": outcome }, "text": text });
    let place = Place { request: "GET /login".to_owned(), number: 0 };
    let arrived = vec![Arrived { place: place.clone(), behaviors: Vec::new() }];
    let fine = || Observation {
        report: report("failed", "text"),
        messages: Value::Null,
        took: flow.deadline,
        peak_kb: 0,
        arrived: arrived.clone(),
        left: Vec::new(),
        logged_in: 0,
        later: None,
    };
    let later = |outcome: &str, left: &[&str]| {
        let outcome = serde_json::json!({ "result": outcome });
        Some(Later { outcome, left: left.iter().map(|left| (*left).to_owned()).collect() })
    };
    let attack = Attack { behavior: Behavior::Hang, from: place, extent: Extent::Lasting };
    let cases = [
        ("", fine()),
        ("took", Observation { took: flow.deadline + GRACE * 2, ..fine() }),
        ("needed 65 MB", Observation { peak_kb: MEMORY_BOUND * 1_000 + 1, ..fine() }),
        ("/text has 2001 characters", Observation { report: report("failed", &"a".repeat(MAX_TEXT + 1)), ..fine() }),
        ("/text contains '\\u{1b}'", Observation { report: report("failed", "a\u{1b}[2J"), ..fine() }),
        ("/text contains '\\u{202e}'", Observation { report: report("failed", "a\u{202e}"), ..fine() }),
        ("/text: the check panicked", Observation { report: report("failed", "the check panicked: x"), ..fine() }),
        ("message contains '\\u{1b}'", Observation { messages: Value::from("a\n\u{1b}"), ..fine() }),
        ("message has a forged line", Observation { messages: Value::from(format!("a\n{QUOTED}")), ..fine() }),
        ("passed without an answer", Observation { report: report("passed", "text"), ..fine() }),
        ("the request was not sent", Observation { arrived: Vec::new(), ..fine() }),
        ("left without a report", Observation { left: vec!["booking 1".to_owned()], ..fine() }),
        ("the next runs have not passed", Observation { later: later("failed", &[]), ..fine() }),
        ("left after the cleanup", Observation { later: later("passed", &["booking 1"]), ..fine() }),
        ("1 sessions left", Observation { logged_in: 1, ..fine() }),
    ];
    for (expected, observed) in cases {
        let found = violations(flow, Some(&attack), &observed, 0).join("; ");
        let is_found = if expected.is_empty() { found.is_empty() } else { found.starts_with(expected) };
        anyhow::ensure!(is_found, "expected the violation {expected:?}, found {found:?}");
    }
    Ok(())
}
