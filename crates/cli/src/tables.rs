//! Tables for people.

use alarm::MetricAlarm;
use check::metric::Unit;
use check::{Attempt, Outcome, Report, Step, StepResult};
use comfy_table::{Table, presets};

use crate::thresholds::Thresholds;

/// Columns that line up, without lines between them.
pub(crate) fn columns<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// One run: a head line, the steps of its last attempt, what was measured and what went wrong beside it.
pub(crate) fn report(report: &Report, thresholds: &Thresholds) -> String {
    let mut text = headline(report);
    text.push_str(&beyond(thresholds.slow(report)));
    if let Some(attempt) = report.last_attempt() {
        // Steps of several subjects go side by side; a reader wants one subject after the other.
        let mut steps: Vec<&Step> = attempt.steps.iter().collect();
        steps.sort_by_key(|step| &step.subject);
        let rows = steps.into_iter().map(|step| {
            let took = format!("{:.0} ms", step.duration_ms);
            [step.subject.to_string(), step.name.clone(), step.result.word().to_owned(), took, detail(step)]
        });
        let table = columns(["SUBJECT", "STEP", "RESULT", "TOOK", ""], rows);
        text.push_str(&indented(&table));
        text.push_str(&indented(&measurements(&report.key.check, attempt, thresholds)));
    }
    for left in &report.leftovers {
        text.push_str(&format!("\n  left behind by {}: {}", left.compensation, left.detail));
    }
    for warning in &report.warnings {
        text.push_str(&format!("\n  trouble: {warning}"));
    }
    text
}

/// `availability: FAILED at the second attempt too, 1843 ms`.
pub(crate) fn headline(report: &Report) -> String {
    let said = match &report.outcome {
        Outcome::Passed if report.attempts.len() > 1 => "passed at the second attempt".to_owned(),
        Outcome::Passed => "passed".to_owned(),
        Outcome::Failed { .. } if report.attempts.len() > 1 => "FAILED, and again when confirmed".to_owned(),
        Outcome::Failed { .. } => "FAILED".to_owned(),
        Outcome::Inconclusive { inconclusive } => {
            // What to do stands in the line below it, at the step.
            let what = inconclusive.detail.lines().next().unwrap_or_default();
            format!("COULD NOT JUDGE ({}): {what}", inconclusive.cause)
        }
        Outcome::Maintenance { detail } => format!("in maintenance: {detail}"),
        Outcome::Refused { refusal } => format!("refused: {refusal:?}").to_lowercase(),
    };
    let took = report.last_attempt().map(|attempt| format!(", {:.0} ms", attempt.duration_ms)).unwrap_or_default();
    format!("{}: {said}{took}", report.key.check)
}

fn detail(step: &Step) -> String {
    match &step.result {
        StepResult::Passed => String::new(),
        StepResult::Failed { failure } => {
            format!("{}: expected {}, found {}", failure.kind, failure.expected, failure.actual)
        }
        StepResult::Inconclusive { inconclusive } => format!("{}: {}", inconclusive.cause, inconclusive.detail),
        StepResult::Maintenance { detail } => detail.clone(),
        StepResult::Skipped { reason } => reason.clone(),
    }
}

fn measurements(check: &str, attempt: &Attempt, thresholds: &Thresholds) -> String {
    attempt
        .measurements
        .iter()
        .map(|measured| {
            let of = measured.item.as_deref().or(measured.channel.map(|channel| channel.as_str()));
            let item = of.map(|of| format!(" ({of})")).unwrap_or_default();
            let decimals = usize::from(measured.value.fract() != 0.0);
            let percent = if measured.unit == Unit::Percent { " %" } else { "" };
            let over = beyond(thresholds.over(check, measured));
            format!("{} {:.decimals$}{percent}{item}{over}", measured.metric, measured.value)
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// `  over 7: just-driving-synthetics-demo-certificates-very-soon`; nothing for what is not.
fn beyond(over: Option<&MetricAlarm>) -> String {
    over.map(|alarm| format!("  over {}: {}", alarm.threshold, alarm.name)).unwrap_or_default()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("\n  {line}")).collect()
}

#[cfg(test)]
mod tests {
    use check::metric::{CERTIFICATE_DAYS_REMAINING, Measurement};

    use super::*;

    #[test]
    fn the_days_that_a_certificate_has_left_are_shown_with_its_host() {
        let days = Measurement::new(&CERTIFICATE_DAYS_REMAINING, 4.94, Some("www.app.example".to_owned()));
        let attempt = Attempt {
            started: jiff::Timestamp::UNIX_EPOCH,
            duration_ms: 1.0,
            steps: Vec::new(),
            measurements: days.into_iter().collect(),
        };
        let thresholds = Thresholds::shipped("demo").unwrap();
        let text = measurements("availability", &attempt, &thresholds);
        assert!(text.starts_with("CertificateDaysRemaining 4.9 (www.app.example)  over "), "{text}");
        assert!(text.ends_with(": just-driving-synthetics-demo-certificates-very-soon"), "{text}");
    }
}
