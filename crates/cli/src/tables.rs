//! Tables for people.

use alarm::MetricAlarm;
use check::metric::{DURATION, Measurement, Unit};
use check::text::quantity;
use check::{Attempt, Failure, Outcome, Report, Step, StepResult, Subject};
use comfy_table::{Table, presets};
use operations::thresholds::Thresholds;

/// Renders aligned columns without lines between them.
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

/// Renders one run: a headline, the steps of its last attempt, measurements, leftovers and warnings.
pub(crate) fn report(report: &Report, thresholds: &Thresholds) -> String {
    let check = &report.key.check;
    let mut text = headline(report);
    text.push_str(&over(thresholds.slow(report), Unit::Milliseconds, DURATION.name));
    if let Some(attempt) = report.last_attempt() {
        // Subjects run side by side; a reader wants one after the other.
        let mut steps: Vec<&Step> = attempt.steps.iter().collect();
        steps.sort_by_key(|step| &step.subject);
        let rows = steps.into_iter().map(|step| {
            let duration = quantity(DURATION.name, step.duration_ms, Unit::Milliseconds);
            let subject = subject_name(check, &step.subject).to_owned();
            [subject, step.name.clone(), step.result.word().to_owned(), duration, detail(step)]
        });
        let table = columns(["SUBJECT", "STEP", "RESULT", "DURATION", "DETAIL"], rows);
        text.push_str(&indented(&table));
        text.push_str(&indented(&measurements(check, attempt, thresholds)));
    }
    for left in &report.leftovers {
        text.push_str(&format!("\n  leftover ({}): {}", left.compensation, left.detail));
        if let Some(instructions) = &left.instructions {
            text.push_str(&format!("\n    {instructions}"));
        }
    }
    for warning in &report.warnings {
        text.push_str(&format!("\n  warning: {warning}"));
    }
    text
}

/// Summarizes one run: `availability: FAILED, confirmed by a second attempt, 1843 ms`.
pub(crate) fn headline(report: &Report) -> String {
    let outcome = match &report.outcome {
        Outcome::Passed if report.attempts.len() > 1 => "passed at the second attempt".to_owned(),
        Outcome::Passed => "passed".to_owned(),
        Outcome::Failed { .. } if report.attempts.len() > 1 => "FAILED, confirmed by a second attempt".to_owned(),
        Outcome::Failed { .. } => "FAILED".to_owned(),
        Outcome::Inconclusive { inconclusive } => {
            // The line of the step below says what to do.
            let what = inconclusive.detail.lines().next().unwrap_or_default();
            format!("INCONCLUSIVE ({}): {what}", inconclusive.cause)
        }
        Outcome::Maintenance { detail } => format!("maintenance: {detail}"),
        Outcome::Refused { refusal } => format!("refused: {refusal:?}").to_lowercase(),
    };
    let duration = report
        .last_attempt()
        .map(|attempt| format!(", {}", quantity(DURATION.name, attempt.duration_ms, Unit::Milliseconds)))
        .unwrap_or_default();
    format!("{}: {outcome}{duration}", report.key.check)
}

/// Name of a subject; a check that is a single flow is called by its own name.
pub(crate) fn subject_name<'n>(check: &'n str, subject: &'n Subject) -> &'n str {
    if subject.is_whole() { check } else { subject.as_str() }
}

/// Compares the two sides of a failure: `expected status 200, actual: status 500`.
pub(crate) fn expected_actual(failure: &Failure) -> String {
    format!("expected {}, actual: {}", failure.expected, failure.actual)
}

fn detail(step: &Step) -> String {
    match &step.result {
        StepResult::Passed => String::new(),
        StepResult::Failed { failure } => format!("{}: {}", failure.kind, expected_actual(failure)),
        StepResult::Inconclusive { inconclusive } => format!("{}: {}", inconclusive.cause, inconclusive.detail),
        StepResult::Maintenance { detail } => detail.to_string(),
        StepResult::Skipped { reason } => reason.to_string(),
    }
}

fn measurements(check: &str, attempt: &Attempt, thresholds: &Thresholds) -> String {
    attempt.measurements.iter().map(|measured| measurement(check, measured, thresholds)).collect::<Vec<_>>().join("\n")
}

/// Renders a measurement with its unit: `CertificateDaysRemaining 4.9 days (www.app.example)`.
pub(crate) fn measurement(check: &str, measured: &Measurement, thresholds: &Thresholds) -> String {
    let item = measured.item.as_deref().or(measured.channel.map(|channel| channel.as_str()));
    let item = item.map(|item| format!(" ({item})")).unwrap_or_default();
    let value = quantity(&measured.metric, measured.value, measured.unit);
    let over = over(thresholds.over(check, measured), measured.unit, &measured.metric);
    format!("{} {value}{item}{over}", measured.metric)
}

/// Marks a value beyond a threshold: `  over 7 days: just-driving-synthetics-demo-certificates-very-soon`.
fn over(alarm: Option<&MetricAlarm>, unit: Unit, metric: &str) -> String {
    alarm.map(|alarm| format!("  over {}: {}", quantity(metric, alarm.threshold, unit), alarm.name)).unwrap_or_default()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("\n  {line}")).collect()
}

#[cfg(test)]
mod tests {
    use check::metric::CERTIFICATE_DAYS_REMAINING;
    use check_testkit::sample_report;

    use super::*;

    #[test]
    fn slow_run_shows_its_threshold_and_alarm() {
        let slow = sample_report(&[60_000.0]);
        let thresholds = Thresholds::shipped("demo").unwrap();
        let alarm = thresholds.slow(&slow).unwrap();
        assert_eq!(alarm.logical_id, "SlowLogin");
        let text = report(&slow, &thresholds);
        let (head, _) = text.split_once('\n').unwrap();
        assert!(head.ends_with(&format!(" ms  over {} ms: {}", alarm.threshold, alarm.name)), "{head}");
    }

    #[test]
    fn measurement_shows_unit_host_and_alarm() {
        let days = Measurement::new(&CERTIFICATE_DAYS_REMAINING, 4.94, None, Some(check::Text::own("www.app.example")));
        let attempt = Attempt {
            started: jiff::Timestamp::UNIX_EPOCH,
            duration_ms: 1.0,
            steps: Vec::new(),
            measurements: days.into_iter().collect(),
        };
        let thresholds = Thresholds::shipped("demo").unwrap();
        let text = measurements("availability", &attempt, &thresholds);
        assert!(text.starts_with("CertificateDaysRemaining 4.9 days (www.app.example)  over 7 days: "), "{text}");
        assert!(text.ends_with("just-driving-synthetics-demo-certificates-very-soon"), "{text}");
    }
}
