//! Tests of the page.

use check::is_interpreted;
use check_testkit::sample_report;
use serde_json::{Value, from_value, json};

use super::*;

const HOSTILE: &str =
    "<script>alert(1)</script><img src=https://evil.example onerror=\"x\">' style='\u{202e}\u{1b}[2J&amp;";

fn thresholds() -> Thresholds {
    Thresholds::shipped("demo").unwrap()
}

/// A report with one step that failed, and one exchange, with this text in every place.
fn report(text: &str) -> Report {
    let mut report = sample_report(&[100.0]);
    let failure =
        json!({ "subject": "-", "step": text, "kind": "status", "expected": text, "actual": text, "evidence": text });
    let exchange = json!({
        "method": text, "url": text, "started": report.started, "duration_ms": 80.0, "status": 500, "body_bytes": 3,
        "phases": { "connect_ms": 20.0, "tls_ms": 0.5, "first_byte_ms": 50.0, "transfer_ms": 10.0 },
    });
    let step = json!({
        "subject": "-", "name": text, "result": "failed", "failure": failure, "started": report.started,
        "duration_ms": 100.0, "exchanges": [exchange],
    });
    let measured = json!({ "metric": text, "value": 1.0, "unit": "Count", "item": text });
    let leftover = json!({ "compensation": text, "detail": text, "instructions": text });
    report.outcome = read(json!({ "result": "failed", "failures": [failure] }));
    report.attempts[0].steps = read(json!([step]));
    report.attempts[0].measurements = read(json!([measured]));
    report.leftovers = read(json!([leftover]));
    report.warnings = read(json!([text]));
    (report.run_id, report.trace_id) = (text.to_owned(), text.to_owned());
    (report.environment, report.key.check) = (text.to_owned(), text.to_owned());
    report
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    from_value(value).unwrap()
}

#[test]
fn hostile_texts_stay_texts() {
    let hostile = page(&[report(HOSTILE)], &thresholds());
    let harmless = page(&[report("harmless")], &thresholds());
    // Every place of a text is used, and none adds markup.
    assert!(harmless.matches("harmless").count() >= 20, "{harmless}");
    for mark in ["<", ">", "\"", "'"] {
        assert_eq!(hostile.matches(mark).count(), harmless.matches(mark).count(), "{mark}: {hostile}");
    }
    assert!(hostile.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{hostile}");
    assert!(hostile.contains("&amp;amp;") && hostile.contains("\\u{202e}"), "{hostile}");
    assert_eq!(hostile.chars().find(|c| *c != '\n' && is_interpreted(*c)), None);
}

#[test]
fn later_failures_of_a_subject_say_what_was_found() {
    let mut report = report("first");
    let mut later = report.attempts[0].steps[0].clone();
    later.name = "later".to_owned();
    later.result = read(json!({
        "result": "failed",
        "failure": { "subject": "-", "step": "later", "kind": "invariant", "expected": "a free slot", "actual": "a taken one" },
    }));
    report.attempts[0].steps.push(later);
    let page = page(&[report], &thresholds());
    assert!(page.contains("invariant: expected a free slot, found a taken one"), "{page}");
}

#[test]
fn page_needs_nothing_from_elsewhere() {
    let page = page(&[report("harmless")], &thresholds());
    for outside in ["<script", "href", " src=", "url(", "@import", "http:", "https:", "<link", "<iframe", "<form"] {
        assert!(!page.contains(outside), "{outside}: {page}");
    }
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""), "{page}");
}

#[test]
fn failures_come_first_and_are_open() {
    let healthy = sample_report(&[5.0]);
    let mut failed = report("broken");
    failed.leftovers.clear();
    let page = page(&[healthy, failed], &thresholds());
    assert!(page.find("<b>broken</b>").unwrap() < page.find("<b>login</b>").unwrap(), "{page}");
    assert_eq!((page.matches(" open>").count(), page.matches("<details").count()), (1, 2), "{page}");
    assert!(page.contains("1 failed, 1 passed") && page.contains("<title>failed: synthetics, "), "{page}");
    assert!(super::page(&[], &thresholds()).contains("no check ran"));
}

#[test]
fn waterfall_has_a_bar_per_phase_to_scale() {
    let page = page(&[report("harmless")], &thresholds());
    // The flow takes 80 ms, so a millisecond is 12.5 units wide.
    for bar in [
        "class=\"connect\" x=\"0.00\" width=\"250.00\"",
        "class=\"tls\" x=\"250.00\" width=\"6.25\"",
        "class=\"waiting\" x=\"256.25\" width=\"625.00\"",
        "class=\"body\" x=\"881.25\" width=\"125.00\"",
    ] {
        assert!(page.contains(bar), "{bar}: {page}");
    }
    assert!(!page.contains("rect class=\"dns\""), "a phase that did not take place");
    let text = "status 500 in 80 ms: connect 20 ms, tls &lt;1 ms, waiting 50 ms, body 10 ms";
    assert!(page.contains(text), "{page}");
    let mut odd = report("odd");
    odd.attempts[0].steps[0].exchanges[0].duration_ms = f64::NAN;
    let odd = super::page(&[odd], &thresholds());
    assert!(!odd.contains("\"NaN") && !odd.contains("\"inf"), "{odd}");
}
