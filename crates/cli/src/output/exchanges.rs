//! HTTP exchanges of a run, for `synthetics run --verbose`.

use check::metric::{DURATION, Unit};
use check::text::quantity;
use check::{Exchange, Phases, Report, Step};

use crate::tables::subject_name;

/// Renders the exchanges of the last attempt, step by step, to follow the table of the run.
pub(super) fn text(report: &Report) -> String {
    let Some(attempt) = report.last_attempt() else { return String::new() };
    let mut steps: Vec<&Step> = attempt.steps.iter().filter(|step| !step.exchanges.is_empty()).collect();
    steps.sort_by_key(|step| &step.subject);
    let mut text = String::new();
    for step in steps {
        text.push_str(&format!("\n  {} {}", subject_name(&report.key.check, &step.subject), step.name));
        for exchange in &step.exchanges {
            text.push_str(&format!("\n    {} {}\n      {}", exchange.method, exchange.url, result(exchange)));
        }
    }
    text
}

/// Describes the result of an exchange: `status 200 in 12 ms: connect <1 ms, waiting 10 ms, body 2 ms`.
pub(super) fn result(exchange: &Exchange) -> String {
    let status = exchange.status.map_or_else(|| "no response".to_owned(), |status| format!("status {status}"));
    let phases: Vec<String> =
        phases(&exchange.phases).into_iter().map(|(name, took)| format!("{name} {}", milliseconds(took))).collect();
    let colon = if phases.is_empty() { "" } else { ": " };
    format!("{status} in {}{colon}{}", milliseconds(exchange.duration_ms), phases.join(", "))
}

/// Phases that took place, with their durations in milliseconds.
pub(super) fn phases(phases: &Phases) -> Vec<(&'static str, f64)> {
    let named = [
        ("dns", phases.dns_ms),
        ("connect", phases.connect_ms),
        ("tls", phases.tls_ms),
        ("waiting", phases.first_byte_ms),
        ("body", phases.transfer_ms),
    ];
    named.into_iter().filter_map(|(name, took)| Some((name, took?))).collect()
}

/// Formats a duration: `12 ms`.
pub(super) fn milliseconds(took: f64) -> String {
    quantity(DURATION.name, took, Unit::Milliseconds)
}
