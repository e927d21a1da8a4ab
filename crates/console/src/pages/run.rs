//! `GET /checks/{check}/runs/{run}`: one run, step by step.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use check::message::Links;
use check::metric::Measurement;
use check::text::measured;
use check::{Exchange, Failure, Outcome, Report, Step, StepResult};
use history::RunOutcome;
use jiff::Timestamp;
use serde::Deserialize;

use crate::shell::{Missing, Place, Shell, page};
use crate::shown::{Moment, milliseconds};
use crate::source::Source;
use crate::standing::class;

/// Width of a drawing, in its own units.
const WIDTH: f64 = 1_000.0;
/// Least width of a bar, so that it is visible.
const VISIBLE: f64 = 3.0;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    /// True if the price of the search is accepted.
    search: bool,
}

#[derive(Template)]
#[template(path = "run.html")]
struct Run {
    shell: Shell,
    check: String,
    run_id: String,
    trace_id: String,
    /// Address of the trace in the platform's own tracing.
    trace: Option<String>,
    /// Address of the log lines.
    logs: Option<String>,
    location: String,
    scheduled: Moment,
    started: Moment,
    word: &'static str,
    class: &'static str,
    details: String,
    failures: Vec<Failed>,
    leftovers: Vec<(String, String, Option<String>)>,
    warnings: Vec<String>,
    attempts: Vec<Attempt>,
    notifications: Vec<String>,
    json: String,
}

struct Failed {
    subject: Option<String>,
    step: String,
    kind: String,
    expected: String,
    actual: String,
    evidence: Option<String>,
}

struct Attempt {
    duration: String,
    steps: Vec<StepRow>,
    measurements: Vec<(String, String)>,
}

struct StepRow {
    subject: Option<String>,
    name: String,
    word: &'static str,
    class: &'static str,
    duration: String,
    details: String,
    bar: Bar,
    assertions: Vec<(String, bool)>,
    exchanges: Vec<ExchangeRow>,
}

struct ExchangeRow {
    line: String,
    answer: String,
    duration: String,
    bars: Vec<Bar>,
    phases: String,
    remote: String,
    location: Option<String>,
    certificates: Vec<(String, String, Moment)>,
}

struct Bar {
    class: &'static str,
    x: f64,
    width: f64,
}

#[derive(Template)]
#[template(path = "run_missing.html")]
struct Unread {
    shell: Shell,
    check: String,
    run_id: String,
    /// Price of the search, and its megabytes.
    price: Option<(String, u64)>,
    steps: Vec<StepLine>,
}

/// Step of a run without a report.
struct StepLine {
    subject: Option<String>,
    name: String,
    result: String,
    class: &'static str,
    duration: String,
}

/// Shows a run.
pub(super) async fn run(
    State(source): State<Source>,
    Path((check, run_id)): Path<(String, String)>,
    Query(choice): Query<Choice>,
) -> Response {
    match read(&source, &check, &run_id, choice).await {
        Ok(response) => response,
        Err(missing) => missing.page(&source, Place::Overview),
    }
}

async fn read(source: &Source, check: &str, run_id: &str, choice: Choice) -> Result<Response, Missing> {
    let shell = Shell::new(source, Place::Overview, format!("Run of {check}"));
    let (check, run_id) = (check.to_owned(), run_id.to_owned());
    if !choice.search {
        let cost = source.history.search_cost(&check, &run_id).await?;
        if cost.usd > 0.0 {
            let price = Some((format!("{:.4}", cost.usd), cost.bytes / 1_000_000));
            return Ok(page(&Unread { shell, check, run_id, price, steps: Vec::new() }));
        }
    }
    match source.history.run(&check, &run_id).await? {
        Some(report) => {
            let links = source.monitored.shown().links.as_ref().map(|links| links.fill(&report, None));
            Ok(page(&shown(shell, &report, links.unwrap_or_default())))
        }
        None => {
            let steps = source.history.steps(&check, &run_id).await?;
            let steps = steps.into_iter().map(|step| StepLine {
                class: class(RunOutcome::read(&step.result)),
                subject: (step.subject != "-").then_some(step.subject),
                name: step.name,
                result: step.result,
                duration: milliseconds(step.duration_ms),
            });
            Ok(page(&Unread { steps: steps.collect(), shell, check, run_id, price: None }))
        }
    }
}

fn shown(mut shell: Shell, report: &Report, links: Links) -> Run {
    let (class, details, failures) = match &report.outcome {
        Outcome::Passed => ("good", String::new(), Vec::new()),
        Outcome::Failed { failures } => ("bad", String::new(), failures.iter().map(failed).collect()),
        Outcome::Inconclusive { inconclusive } => {
            let details = format!("{}: {}", inconclusive.cause.phrase(), inconclusive.detail.as_str());
            ("unsure", details, Vec::new())
        }
        Outcome::Maintenance { detail } => ("calm", detail.as_str().to_owned(), Vec::new()),
        Outcome::Refused { .. } => ("none", "the event was stale or a duplicate".to_owned(), Vec::new()),
    };
    shell.tone = if class == "bad" { "bad" } else { "good" };
    Run {
        shell,
        check: report.key.check.clone(),
        run_id: report.run_id.clone(),
        trace_id: report.trace_id.clone(),
        trace: links.trace.and_then(web_address),
        logs: links.logs.and_then(web_address),
        location: report.key.location.clone(),
        scheduled: Moment(report.key.scheduled_time),
        started: Moment(report.started),
        word: report.outcome.word(),
        class,
        details,
        failures,
        leftovers: report
            .leftovers
            .iter()
            .map(|left| (left.compensation.clone(), left.detail.as_str().to_owned(), left.instructions.clone()))
            .collect(),
        warnings: report.warnings.iter().map(|warning| warning.as_str().to_owned()).collect(),
        attempts: report.attempts.iter().map(attempt).collect(),
        notifications: report.notifications.clone(),
        json: serde_json::to_string_pretty(report).unwrap_or_default(),
    }
}

/// The address, if a browser may follow it.
fn web_address(link: String) -> Option<String> {
    (link.starts_with("https://") || link.starts_with("http://")).then_some(link)
}

fn failed(failure: &Failure) -> Failed {
    Failed {
        subject: (!failure.subject.is_whole()).then(|| failure.subject.as_str().to_owned()),
        step: failure.step.clone(),
        kind: failure.kind.to_string(),
        expected: failure.expected.as_str().to_owned(),
        actual: failure.actual.as_str().to_owned(),
        evidence: failure.evidence.as_ref().map(|evidence| evidence.as_str().to_owned()),
    }
}

fn attempt(attempt: &check::Attempt) -> Attempt {
    let scale = Scale::new(attempt);
    Attempt {
        duration: milliseconds(attempt.duration_ms),
        steps: attempt.steps.iter().map(|step| step_row(step, &scale)).collect(),
        measurements: attempt.measurements.iter().map(measurement).collect(),
    }
}

fn measurement(measurement: &Measurement) -> (String, String) {
    let name = match measurement.channel {
        Some(channel) => format!("{} ({})", measurement.metric, channel.as_str()),
        None => measurement.metric.clone(),
    };
    (name, measured(&measurement.metric, measurement.value, measurement.unit))
}

/// Time scale of an attempt.
struct Scale {
    start: Timestamp,
    per_ms: f64,
}

impl Scale {
    fn new(attempt: &check::Attempt) -> Self {
        let start = attempt.started;
        let ends = attempt.steps.iter().map(|step| since(start, step.started) + finite(step.duration_ms));
        let length = ends.fold(finite(attempt.duration_ms).max(0.001), f64::max);
        Self { start, per_ms: WIDTH / length }
    }

    fn bar(&self, class: &'static str, from_ms: f64, ms: f64) -> Bar {
        let x = (from_ms * self.per_ms).clamp(0.0, WIDTH - VISIBLE);
        Bar { class, x, width: (finite(ms) * self.per_ms).max(VISIBLE).min(WIDTH - x) }
    }
}

fn since(start: Timestamp, at: Timestamp) -> f64 {
    at.duration_since(start).as_millis_f64().max(0.0)
}

fn finite(number: f64) -> f64 {
    if number.is_finite() { number.max(0.0) } else { 0.0 }
}

fn step_row(step: &Step, scale: &Scale) -> StepRow {
    let (class, details) = match &step.result {
        StepResult::Passed => ("good", String::new()),
        StepResult::Failed { failure } => {
            ("bad", format!("expected {}, actual {}", failure.expected.as_str(), failure.actual.as_str()))
        }
        StepResult::Inconclusive { inconclusive } => ("unsure", inconclusive.detail.as_str().to_owned()),
        StepResult::Maintenance { detail } => ("calm", detail.as_str().to_owned()),
        StepResult::Skipped { reason } => ("none", reason.as_str().to_owned()),
    };
    StepRow {
        subject: (!step.subject.is_whole()).then(|| step.subject.as_str().to_owned()),
        name: step.name.clone(),
        word: step.result.word(),
        class,
        duration: milliseconds(step.duration_ms),
        details,
        bar: scale.bar("whole", since(scale.start, step.started), step.duration_ms),
        assertions: step.assertions.iter().map(|assertion| (assertion.name.clone(), assertion.held)).collect(),
        exchanges: step.exchanges.iter().map(|exchange| exchange_row(exchange, scale)).collect(),
    }
}

fn exchange_row(exchange: &Exchange, scale: &Scale) -> ExchangeRow {
    let begins = since(scale.start, exchange.started);
    let mut bars = vec![scale.bar("whole", begins, exchange.duration_ms)];
    let phases = &exchange.phases;
    let named = [
        ("dns", "DNS", phases.dns_ms),
        ("connect", "connect", phases.connect_ms),
        ("tls", "TLS", phases.tls_ms),
        ("waiting", "first byte", phases.first_byte_ms),
        ("transfer", "transfer", phases.transfer_ms),
    ];
    let (mut at, mut words) = (begins, Vec::new());
    for (class, name, ms) in named.into_iter().filter_map(|(class, name, ms)| Some((class, name, finite(ms?)))) {
        bars.push(scale.bar(class, at, ms));
        words.push(format!("{name} {}", milliseconds(ms)));
        at += ms;
    }
    let status = exchange.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let chain = exchange.tls.as_ref().map(|tls| tls.chain.as_slice()).unwrap_or_default();
    ExchangeRow {
        line: format!("{} {}", exchange.method, exchange.url.as_str()),
        answer: format!("{status}, {} bytes", exchange.body_bytes),
        duration: milliseconds(exchange.duration_ms),
        bars,
        phases: words.join(", "),
        remote: [exchange.protocol.as_deref(), exchange.remote.as_deref()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", "),
        location: exchange.location.as_ref().map(|location| location.as_str().to_owned()),
        certificates: chain
            .iter()
            .map(|one| (one.subject.as_str().to_owned(), one.issuer.as_str().to_owned(), Moment(one.expires)))
            .collect(),
    }
}
