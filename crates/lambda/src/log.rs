//! Log lines. One line contains a whole run.

use std::collections::BTreeMap;

use check::text::cut;
use check::{Outcome, Report};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::shorten::{STAGES, left_out};

/// CloudWatch Logs accepts events of 256 KB from every agent; a longer one is cut and no longer valid JSON.
pub(crate) const MAX_LINE: usize = 200 * 1024;
/// Maximum size of a flat list, in bytes of JSON.
const MAX_LIST: usize = 10 * 1024;
/// Maximum length of the message of a failed invocation, in characters.
const MAX_MESSAGE: usize = 10_000;

/// Log line of a run. Logs Insights finds only the first 200 fields of an event, so the fields to search by come first,
/// flat, and the report with every step comes last.
#[derive(Serialize)]
struct RunLine<'a> {
    level: &'static str,
    #[serde(rename = "type")]
    line_type: &'static str,
    check: &'a str,
    outcome: &'static str,
    run_id: &'a str,
    trace_id: &'a str,
    environment: &'a str,
    location: &'a str,
    scheduled_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<f64>,
    attempts: usize,
    failing: String,
    incidents: String,
    notifications: String,
    warnings: usize,
    is_shortened: bool,
    /// What a shortened report lacks: `{"exchanges": 400, "steps": 300}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    left_out: BTreeMap<&'static str, usize>,
    report: &'a Report,
}

impl<'a> RunLine<'a> {
    /// The line of a whole run, which holds as much of the report as `rest` has.
    fn new(whole: &Report, rest: &'a Report, is_shortened: bool) -> Self {
        let failing = match &whole.outcome {
            Outcome::Failed { failures } => {
                list(failures.iter().map(|f| format!("{}/{}/{}", f.subject, f.step, f.kind)))
            }
            _ => String::new(),
        };
        let incidents = whole.reasons.iter().filter_map(|reason| reason.incident.as_ref());
        Self {
            level: "INFO",
            line_type: "run",
            check: &rest.key.check,
            outcome: rest.outcome.word(),
            run_id: &rest.run_id,
            trace_id: &rest.trace_id,
            environment: &rest.environment,
            location: &rest.key.location,
            scheduled_time: rest.key.scheduled_time,
            duration_ms: whole.last_attempt().map(|attempt| attempt.duration_ms),
            attempts: whole.attempts.len(),
            failing,
            incidents: list(incidents.map(|incident| incident.id.clone())),
            notifications: list(whole.notifications.iter().cloned()),
            warnings: whole.warnings.len(),
            is_shortened,
            left_out: left_out(whole, rest),
            report: rest,
        }
    }
}

/// Formats the log line of a whole run: JSON, at most 200 KB. A report that is too long is shortened by [`STAGES`].
#[must_use]
pub fn run_line(report: &Report) -> String {
    let mut line = to_json(&RunLine::new(report, report, false));
    if line.len() <= MAX_LINE {
        return line;
    }
    let mut rest = report.clone();
    for stage in STAGES {
        stage(&mut rest);
        line = to_json(&RunLine::new(report, &rest, true));
        if line.len() <= MAX_LINE {
            break;
        }
    }
    line
}

/// Formats the log line of a failed invocation.
pub(crate) fn failure_line(check: &str, error_type: &str, message: &str) -> String {
    let message = cut(message, MAX_MESSAGE);
    let line: Value =
        json!({ "level": "ERROR", "type": "invocation", "check": check, "error_type": error_type, "message": message });
    line.to_string()
}

/// Joins the entries that fit, each whole, and adds the number of the others: `web/request/status +12`.
fn list(entries: impl Iterator<Item = String>) -> String {
    let (mut joined, mut bytes, mut others) = (String::new(), 0, 0_usize);
    for entry in entries {
        let size = serde_json::to_string(&entry).map_or(entry.len(), |json| json.len());
        if bytes + size > MAX_LIST {
            others += 1;
            continue;
        }
        bytes += size;
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(&entry);
    }
    if others > 0 {
        joined.push_str(&format!(" +{others}"));
    }
    joined
}

fn to_json(line: &RunLine<'_>) -> String {
    serde_json::to_string(line).unwrap_or_else(|error| failure_line(line.check, "Internal", &error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use check::{Cause, Exchange, Inconclusive, Journey, NoSecrets, Phases, RunKey, Shard, Subject, foreign, phrase};

    use super::*;

    fn report(targets: usize) -> Report {
        let at: Timestamp = "2026-11-23T04:49:00Z".parse().unwrap();
        let mut journey = Journey::new(at, Arc::new(NoSecrets));
        for number in 0..targets {
            let step = journey.begin(&Subject::new(format!("t{number}")).unwrap(), "request", at);
            let exchange = Exchange {
                method: "GET".to_owned(),
                url: phrase!("https://app.justdriving.example/{}", foreign("x".repeat(1_000))).admit(&NoSecrets, 2_000),
                started: at,
                duration_ms: 12.0,
                status: Some(200),
                protocol: None,
                remote: None,
                body_bytes: 1,
                location: None,
                certificate_expires: None,
                tls: None,
                retry_after_ms: None,
                phases: Phases::default(),
            };
            journey.exchanges(step, [exchange]);
            journey.pass(step);
        }
        let attempt = journey.finish(Duration::from_millis(12));
        Report {
            schema_version: Report::SCHEMA_VERSION,
            key: RunKey {
                check: "availability".to_owned(),
                location: "eu-north-1".to_owned(),
                shard: Shard::ONLY,
                scheduled_time: at,
            },
            run_id: "run".to_owned(),
            trace_id: "trace".to_owned(),
            environment: "production".to_owned(),
            started: at,
            ended: at,
            outcome: attempt.outcome(),
            attempts: vec![attempt],
            reasons: Vec::new(),
            notifications: Vec::new(),
            leftovers: Vec::new(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn search_fields_come_before_the_report() {
        let line = run_line(&report(1));
        let place = |key: &str| line.find(&format!("\"{key}\":")).unwrap();
        for key in ["type", "check", "outcome", "run_id", "trace_id", "failing", "incidents"] {
            assert!(place(key) < place("report"), "{key}: {line}");
        }
        assert!(line.contains("\"is_shortened\":false") && line.contains("x".repeat(1_000).as_str()));
    }

    #[test]
    fn overlong_line_is_shortened_and_marked() {
        let line = run_line(&report(200));
        assert!(line.len() < MAX_LINE, "{}", line.len());
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["is_shortened"], true);
        assert_eq!(value["left_out"], json!({ "exchanges": 200 }));
        assert_eq!(value["report"]["attempts"][0]["steps"].as_array().unwrap().len(), 200);
    }

    /// A query for an unknown field finds nothing, without an error.
    #[test]
    fn saved_queries_use_fields_of_the_log_lines() {
        let line: Value = serde_json::from_str(&run_line(&report(1))).unwrap();
        let inconclusive = Inconclusive::new(Cause::Throttled, "429", &NoSecrets);
        let inconclusive = Report { outcome: Outcome::Inconclusive { inconclusive }, ..report(1) };
        let inconclusive: Value = serde_json::from_str(&run_line(&inconclusive)).unwrap();
        let failure: Value = serde_json::from_str(&failure_line("login", "Internal", "text")).unwrap();
        // Lambda's own line, as documented for functions with JSON logs.
        let killed = json!({ "type": "platform.report", "record": { "requestId": "r", "status": "timeout" } });
        let inputs = alarm::Inputs::default().with("Environment", "production");
        let text = include_str!("../../../infra/alarms.yaml");
        let template = alarm::Template::read(text, &inputs).unwrap();
        let queries = template.resources.iter().filter(|own| own.kind == "AWS::Logs::QueryDefinition");
        let mut queries: Vec<String> =
            queries.map(|own| own.properties["QueryString"].as_str().unwrap().into()).collect();
        assert_eq!(queries.len(), 6);
        let body = template.resource("Dashboard").unwrap().properties["DashboardBody"].as_str().unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        let shown = body["widgets"].as_array().unwrap().iter().filter_map(|own| own["properties"]["query"].as_str());
        queries.extend(shown.map(|query| query.split_once("| ").unwrap().1.to_owned()));
        assert_eq!(queries.len(), 8);
        for query in queries {
            let fields = fields(&query);
            assert!(fields.len() > 3, "{query}");
            // Names introduced by `as` and `into`, with their values; a list is represented by its first item.
            let mut named = serde_json::Map::new();
            for (path, name) in fields {
                let found = [&Value::Object(named.clone()), &line, &inconclusive, &failure, &killed]
                    .into_iter()
                    .find_map(|root| at(root, &path));
                assert!(found.is_some() || path.starts_with('@'), "no line has {path}: {query}");
                if let Some(name) = name {
                    let found = if path == "@message" { line.clone() } else { found.unwrap_or_default() };
                    named.insert(name, found.get(0).cloned().unwrap_or(found));
                }
            }
        }
    }

    fn at(root: &Value, path: &str) -> Option<Value> {
        path.split('.').try_fold(root, |value, key| value.get(key)).cloned()
    }

    /// Fields of a query in order, each with its alias.
    fn fields(query: &str) -> Vec<(String, Option<String>)> {
        const WORDS: &str = " filter display fields sort limit stats unnest by and or like asc desc as into avg pct max count jsonParse ";
        let code: Vec<&str> = query.lines().filter(|line| !line.starts_with('#')).collect();
        let code = code.join(" ");
        let code: String = code.split('"').step_by(2).collect();
        let words = code.split(|c: char| !c.is_ascii_alphanumeric() && !"_.@".contains(c));
        let words: Vec<&str> = words.filter(|word| !word.is_empty() && word.parse::<f64>().is_err()).collect();
        let mut fields: Vec<(String, Option<String>)> = Vec::new();
        for (index, word) in words.iter().enumerate() {
            match index.checked_sub(1).map(|before| words[before]) {
                Some("as" | "into") if words[index - 2] == "count" => {
                    fields.push(("type".to_owned(), Some((*word).to_owned())))
                }
                Some("as" | "into") => fields.last_mut().unwrap().1 = Some((*word).to_owned()),
                _ if WORDS.contains(&format!(" {word} ")) => (),
                _ => fields.push(((*word).to_owned(), None)),
            }
        }
        fields
    }
}
