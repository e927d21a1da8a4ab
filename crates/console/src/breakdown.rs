//! Where the time of a check's runs goes: by step, and by phase of HTTP.

use check::Phases;
use history::{History, PhaseTimes, Point, StepSeries};
use runtime::PortError;

use crate::chart::{Chart, DurationLine, Frame};
use crate::shell::visible;

/// Most steps in a chart.
const MAX_STEPS: usize = 6;

/// Reads what a phase took.
type Phase = fn(&Phases) -> Option<f64>;
/// Phases of a request, in their order.
const PHASES: [(&str, Phase); 5] = [
    ("DNS", |phases| phases.dns_ms),
    ("connect", |phases| phases.connect_ms),
    ("TLS", |phases| phases.tls_ms),
    ("first byte", |phases| phases.first_byte_ms),
    ("transfer", |phases| phases.transfer_ms),
];

/// Charts of both; none where the source has only reports.
pub(crate) async fn charts(history: &dyn History, check: &str, frame: &Frame) -> Result<Vec<Chart>, PortError> {
    let (steps, times) = futures::try_join!(
        history.step_durations(check, frame.window, frame.period),
        history.phase_durations(check, frame.window, frame.period),
    )?;
    Ok(by_step(steps, frame).into_iter().chain(by_phase(&times, frame)).collect())
}

/// The longest steps.
fn by_step(series: Vec<StepSeries>, frame: &Frame) -> Option<Chart> {
    let mut lines: Vec<DurationLine> =
        series.into_iter().map(|own| DurationLine { name: name(&own), points: own.points }).collect();
    lines.sort_by(|one, other| other.mean().total_cmp(&one.mean()));
    let hidden = lines.len().saturating_sub(MAX_STEPS);
    lines.truncate(MAX_STEPS);
    let meaning = match hidden {
        0 => "Average of the last attempts.".to_owned(),
        hidden => format!("Average of the last attempts. {hidden} shorter steps are not drawn."),
    };
    (!lines.is_empty()).then(|| frame.durations("Duration by step", meaning, &lines))
}

/// Made visible before it becomes JSON: an escape of HTML would end a text of the script.
fn name(series: &StepSeries) -> String {
    match series.subject.as_str() {
        "-" => visible(&series.name),
        subject => visible(&format!("{subject} {}", series.name)),
    }
}

fn by_phase(times: &[PhaseTimes], frame: &Frame) -> Option<Chart> {
    let line = |(name, phase): (&str, Phase)| {
        let points = times.iter().filter_map(|own| Some(Point { at: own.at, value: phase(&own.phases)? }));
        DurationLine { name: name.to_owned(), points: points.collect() }
    };
    let lines: Vec<DurationLine> = PHASES.into_iter().map(line).filter(|line| !line.points.is_empty()).collect();
    let meaning =
        "All requests of a run together, on average. A reused connection has no DNS, connect or TLS.".to_owned();
    (!lines.is_empty()).then(|| frame.durations("Duration by phase", meaning, &lines))
}
