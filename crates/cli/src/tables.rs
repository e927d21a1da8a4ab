//! Tables for people.

use alarm::{Comparison, MetricAlarm};
use check::metric::{DURATION, Measurement, Unit};
use check::text::{self, quantity};
use check::{Attempt, Failure, Outcome, Report, Step, StepResult, Subject};
use operations::thresholds::Thresholds;

use crate::styled::{Styled, Tone};
use crate::terminal;

/// Columns between two columns of a table.
const GAP: usize = 2;
/// Fewest columns in which the text of a cell is broken over several lines. With less, the cell moves below its row.
const FEWEST_COLUMNS: usize = 32;

/// Arranges aligned columns in the width of the terminal, without lines between them.
pub(crate) fn columns<const N: usize, C: Into<Styled>>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [C; N]>,
) -> Styled {
    arranged(header, rows, terminal::columns())
}

/// Arranges aligned columns in a width. If they do not fit, the text of the widest one is broken over several lines; if
/// little room would be left for it, it moves below each row, with its title if there are several. The first column stays.
/// Other columns without a text are left out.
pub(crate) fn arranged<const N: usize, C: Into<Styled>>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [C; N]>,
    max: usize,
) -> Styled {
    let rows: Vec<[Styled; N]> = rows.into_iter().map(|row| row.map(Into::into)).collect();
    let head = header.map(|title| Styled::new(Tone::Strong, title));
    let mut widths: Vec<usize> = (0..N)
        .map(|column| rows.iter().chain([&head]).map(|row| row[column].width()).max().unwrap_or_default())
        .collect();
    let is_filled = |column: &usize| *column == 0 || rows.iter().any(|row| !row[*column].is_empty());
    let (mut shown, mut below): (Vec<usize>, Vec<usize>) = ((0..N).filter(is_filled).collect(), Vec::new());
    loop {
        let total = shown.iter().map(|column| widths[*column]).sum::<usize>() + GAP * shown.len().saturating_sub(1);
        let widest = shown.iter().skip(1).copied().max_by_key(|column| widths[*column]);
        let (Some(widest), true) = (widest, total > max) else { break };
        let room = max.saturating_sub(total - widths[widest]);
        let broken = rows.iter().chain([&head]).map(|row| row[widest].wrapped(room).width()).max().unwrap_or_default();
        if room >= FEWEST_COLUMNS && broken <= room {
            widths[widest] = broken;
        } else {
            shown.retain(|column| *column != widest);
            below.push(widest);
        }
    }
    below.sort_unstable();
    let titles = below.iter().map(|column| head[*column].width()).max().filter(|_| below.len() > 1);
    let mut lines = line_of_cells(&head, &widths, &shown);
    for row in &rows {
        lines.extend(line_of_cells(row, &widths, &shown));
        for column in below.iter().filter(|column| !row[**column].is_empty()) {
            for (cell, number) in row[*column].lines().zip(0..) {
                let mut line = Styled::new(Tone::Plain, " ".repeat(2 * GAP));
                if let Some(titles) = titles {
                    let title = if number == 0 { header[*column].trim().to_lowercase() } else { String::new() };
                    line.push(Tone::Faint, format!("{title:<titles$}  "));
                }
                line.append(&cell.trimmed());
                lines.push(line.wrapped(max));
            }
        }
    }
    Styled::from_lines(lines)
}

/// The cells of a row in these columns, each broken into the width of its column.
fn line_of_cells(row: &[Styled], widths: &[usize], shown: &[usize]) -> Vec<Styled> {
    let cells: Vec<Vec<Styled>> =
        shown.iter().map(|column| row[*column].wrapped(widths[*column]).lines().collect()).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or_default();
    let line = |number: usize| {
        let mut line = Styled::default();
        let mut end = 0;
        for (cell, column) in cells.iter().zip(shown) {
            if let Some(cell) = cell.get(number).filter(|cell| !cell.is_empty()) {
                line.pad_to(end);
                line.append(cell);
            }
            end += widths[*column] + GAP;
        }
        line
    };
    (0..height).map(line).collect()
}

/// Renders one run: a headline, the steps of its last attempt, measurements, leftovers and warnings.
pub(crate) fn report(report: &Report, thresholds: &Thresholds) -> Styled {
    let check = &report.key.check;
    let mut head = headline(report);
    if let Some(alarm) = thresholds.slow(report) {
        head.push(Tone::Plain, "  ");
        head.append(&beyond(alarm, Unit::Milliseconds, DURATION.name));
    }
    let mut parts = vec![head];
    if let Some(attempt) = report.last_attempt() {
        // Subjects run side by side; a reader wants one after the other.
        let mut steps: Vec<&Step> = attempt.steps.iter().collect();
        steps.sort_by_key(|step| &step.subject);
        let rows = steps.into_iter().map(|step| {
            let duration = quantity(DURATION.name, step.duration_ms, Unit::Milliseconds);
            let result = Styled::new(tone(&step.result), step.result.word());
            [
                subject_name(check, &step.subject).into(),
                step.name.as_str().into(),
                result,
                duration.into(),
                detail(step).into(),
            ]
        });
        parts.push(inner(["SUBJECT", "STEP", "RESULT", "DURATION", "DETAIL"], rows));
        if !attempt.measurements.is_empty() {
            parts.push(inner(["MEASURED", "VALUE", "ALARM"], measurements(check, attempt, thresholds)));
        }
    }
    for left in &report.leftovers {
        let line = Styled::new(Tone::Failed, format!("  leftover ({}): ", left.compensation));
        parts.push(line.with(Tone::Plain, left.detail.as_str()));
        parts.extend(left.instructions.as_ref().map(|instructions| format!("    {instructions}").into()));
    }
    for warning in &report.warnings {
        parts.push(Styled::new(Tone::Inconclusive, "  warning: ").with(Tone::Plain, warning.as_str()));
    }
    Styled::from_lines(parts)
}

/// A table below a headline.
fn inner<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [Styled; N]>) -> Styled {
    arranged(header, rows, terminal::columns().saturating_sub(GAP)).indented(GAP)
}

/// Summarizes one run: `availability: FAILED, confirmed by a second attempt, 1843 ms`.
pub(crate) fn headline(report: &Report) -> Styled {
    let (tone, outcome) = match &report.outcome {
        Outcome::Passed if report.attempts.len() > 1 => (Tone::Passed, "passed at the second attempt".to_owned()),
        Outcome::Passed => (Tone::Passed, "passed".to_owned()),
        Outcome::Failed { .. } if report.attempts.len() > 1 => {
            (Tone::Failed, "FAILED, confirmed by a second attempt".to_owned())
        }
        Outcome::Failed { .. } => (Tone::Failed, "FAILED".to_owned()),
        Outcome::Inconclusive { inconclusive } => {
            // The line of the step below says what to do.
            let what = inconclusive.detail.lines().next().unwrap_or_default();
            (Tone::Inconclusive, format!("INCONCLUSIVE ({}): {what}", inconclusive.cause))
        }
        Outcome::Maintenance { detail } => (Tone::Maintenance, format!("maintenance: {detail}")),
        Outcome::Refused { refusal } => (Tone::Maintenance, format!("refused: {refusal:?}").to_lowercase()),
    };
    let duration = report
        .last_attempt()
        .map(|attempt| format!(", {}", quantity(DURATION.name, attempt.duration_ms, Unit::Milliseconds)))
        .unwrap_or_default();
    Styled::new(Tone::Strong, &report.key.check).with(Tone::Plain, ": ").with(tone, outcome).with(Tone::Plain, duration)
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

/// Renders a measurement with its unit: `CertificateDaysRemaining (www.app.example) 4.9 days`.
pub(crate) fn measurement(check: &str, measured: &Measurement, thresholds: &Thresholds) -> String {
    measurement_row(check, measured, thresholds).map(|cell| cell.to_string()).join(" ").trim_end().to_owned()
}

fn tone(result: &StepResult) -> Tone {
    match result {
        StepResult::Passed => Tone::Passed,
        StepResult::Failed { .. } => Tone::Failed,
        StepResult::Inconclusive { .. } => Tone::Inconclusive,
        StepResult::Maintenance { .. } => Tone::Maintenance,
        StepResult::Skipped { .. } => Tone::Faint,
    }
}

/// Rows of measurements: name, value, and the alarm whose threshold the value is beyond.
fn measurements(check: &str, attempt: &Attempt, thresholds: &Thresholds) -> Vec<[Styled; 3]> {
    attempt.measurements.iter().map(|measured| measurement_row(check, measured, thresholds)).collect()
}

fn measurement_row(check: &str, measured: &Measurement, thresholds: &Thresholds) -> [Styled; 3] {
    let item = measured.item.as_deref().or(measured.channel.map(|channel| channel.as_str()));
    let item = item.map(|item| format!(" ({item})")).unwrap_or_default();
    let value = text::measured(&measured.metric, measured.value, measured.unit);
    let alarm = thresholds.over(check, measured);
    let tone = if alarm.is_some() { Tone::Over } else { Tone::Plain };
    [
        format!("{}{item}", measured.metric).into(),
        Styled::new(tone, value),
        alarm.map(|alarm| beyond(alarm, measured.unit, &measured.metric)).unwrap_or_default(),
    ]
}

/// Marks a value beyond a threshold: `under 7 days: just-driving-synthetics-demo-certificates-very-soon`.
fn beyond(alarm: &MetricAlarm, unit: Unit, metric: &str) -> Styled {
    let word = match alarm.comparison {
        Comparison::Greater => "over",
        Comparison::GreaterOrEqual => "at or over",
        Comparison::Less => "under",
        Comparison::LessOrEqual => "at or under",
    };
    Styled::new(Tone::Over, format!("{word} {}", quantity(metric, alarm.threshold, unit)))
        .with(Tone::Plain, format!(": {}", alarm.name))
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
        let head = report(&slow, &thresholds).lines().next().unwrap().to_string();
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
        let cells = &measurements("availability", &attempt, &thresholds)[0];
        assert_eq!(
            cells.each_ref().map(ToString::to_string),
            [
                "CertificateDaysRemaining (www.app.example)",
                "4.9 days",
                "under 7 days: just-driving-synthetics-demo-certificates-very-soon",
            ]
        );
        assert!(cells[1].ansi().starts_with("\u{1b}[1m\u{1b}[35m4.9"), "{:?}", cells[1].ansi());
    }

    #[test]
    fn tables_fit_their_width() {
        let header = ["STEP", "RESULT", "DETAIL", "EVIDENCE"];
        let detail = "status: expected status 201, actual: status 500";
        let rows = [["log-in", "passed", "", ""], ["create", "failed", detail, "no body"]];
        for (name, width, expected) in [
            (
                "everything fits",
                80,
                "STEP    RESULT  DETAIL                                           EVIDENCE\n\
                 log-in  passed\n\
                 create  failed  status: expected status 201, actual: status 500  no body",
            ),
            (
                "the widest column is broken",
                60,
                "STEP    RESULT  DETAIL                        EVIDENCE\n\
                 log-in  passed\n\
                 create  failed  status: expected status 201,  no body\n\
                 \x20               actual: status 500",
            ),
            (
                "the widest column moves below its row",
                40,
                "STEP    RESULT  EVIDENCE\n\
                 log-in  passed\n\
                 create  failed  no body\n\
                 \x20   status: expected status 201, actual:\n\
                 \x20   status 500",
            ),
            (
                "several columns move below their row, with their titles",
                22,
                "STEP    RESULT\n\
                 log-in  passed\n\
                 create  failed\n\
                 \x20   detail    status:\n\
                 \x20   expected status\n\
                 \x20   201, actual:\n\
                 \x20   status 500\n\
                 \x20   evidence  no body",
            ),
        ] {
            let table = arranged(header, rows, width);
            assert_eq!(table.to_string(), expected, "{name}");
            assert!(table.width() <= width, "{name}");
        }
    }

    #[test]
    fn ids_and_addresses_in_tables_stay_whole() {
        let id = "availability.front-page.20261123T094900Z";
        let url = "https://github.com/just-driving/synthetics/blob/main/docs/runbooks/availability.md";
        for width in [20, 40, 60, 80] {
            let table = arranged(["INCIDENT", "SEVERITY", "RUNBOOK"], [[id, "critical", url]], width).to_string();
            assert!(table.contains(id) && table.contains(url), "{table}");
        }
    }
}
