//! The last 24 hours of a check as a strip.

use std::collections::BTreeMap;

use check::text::utc;
use history::{RunOutcome, RunSummary};
use jiff::{SignedDuration, Timestamp};

use crate::standing::{RUNS, class};

/// Height of a strip, in its own units.
const HEIGHT: u8 = 10;

/// A strip: its bars, and what they show in words.
pub(crate) struct Strip {
    pub(crate) bars: Vec<Bar>,
    pub(crate) story: String,
}

/// Part of a strip. Its height says the same as its colour.
pub(crate) struct Bar {
    pub(crate) x: usize,
    pub(crate) width: usize,
    pub(crate) y: u8,
    pub(crate) height: u8,
    pub(crate) class: &'static str,
}

impl Strip {
    /// Draws the 24 hours before now.
    pub(crate) fn new(runs: &[RunSummary], now: Timestamp) -> Self {
        let segments = segments(runs, now);
        Self { bars: segments.iter().map(bar).collect(), story: story(&segments) }
    }
}

fn bar(segment: &Segment) -> Bar {
    let height = match segment.outcome {
        Some(RunOutcome::Failed | RunOutcome::Passed) => HEIGHT,
        Some(RunOutcome::Inconclusive) => 6,
        Some(RunOutcome::Maintenance) => 3,
        Some(RunOutcome::Refused) | None => 0,
    };
    Bar { x: segment.x, width: segment.width, y: HEIGHT - height, height, class: class(segment.outcome) }
}

/// The strip in words.
fn story(segments: &[Segment]) -> String {
    let is_unhealthy = |segment: &&Segment| {
        matches!(segment.outcome, Some(RunOutcome::Failed | RunOutcome::Inconclusive | RunOutcome::Maintenance))
    };
    let parts: Vec<String> = segments
        .iter()
        .filter(is_unhealthy)
        .map(|segment| {
            let word = segment.outcome.map_or("", RunOutcome::word);
            format!("{word} from {} to {}", utc(segment.from), utc(segment.until))
        })
        .collect();
    match (parts.is_empty(), segments.iter().any(|segment| segment.outcome.is_some())) {
        (false, _) => format!("last 24 hours: {}", parts.join("; ")),
        (true, true) => "last 24 hours: every run passed".to_owned(),
        (true, false) => "last 24 hours: no runs".to_owned(),
    }
}

/// Part of a strip: neighbouring spans of one outcome.
#[derive(Clone, Debug, PartialEq)]
struct Segment {
    /// First span.
    x: usize,
    /// Number of spans.
    width: usize,
    /// Outcome; `None` without runs.
    outcome: Option<RunOutcome>,
    /// Start.
    from: Timestamp,
    /// End.
    until: Timestamp,
}

/// Number of spans in a strip of 24 hours.
const SPANS: usize = 96;

/// Divides the 24 hours before now into spans of a quarter of an hour, each with its worst outcome, and joins equal neighbours.
fn segments(runs: &[RunSummary], now: Timestamp) -> Vec<Segment> {
    let length = SignedDuration::from_secs(RUNS.as_secs() / SPANS as i64);
    let start = now - RUNS;
    let mut worst: BTreeMap<usize, RunOutcome> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.outcome != RunOutcome::Refused) {
        let place = run.at.duration_since(start).as_secs().div_euclid(length.as_secs());
        let Ok(place) = usize::try_from(place) else { continue };
        let outcome = worst.entry(place.min(SPANS - 1)).or_insert(run.outcome);
        if weight(run.outcome) > weight(*outcome) {
            *outcome = run.outcome;
        }
    }
    let mut segments: Vec<Segment> = Vec::new();
    let begins = |place: usize| start + SignedDuration::from_secs(length.as_secs() * i64::try_from(place).unwrap_or(0));
    for place in 0..SPANS {
        let outcome = worst.get(&place).copied();
        match segments.last_mut().filter(|last| last.outcome == outcome) {
            Some(last) => {
                last.width += 1;
                last.until = begins(place + 1);
            }
            None => {
                segments.push(Segment { x: place, width: 1, outcome, from: begins(place), until: begins(place + 1) });
            }
        }
    }
    segments
}

const fn weight(outcome: RunOutcome) -> u8 {
    match outcome {
        RunOutcome::Refused => 0,
        RunOutcome::Passed => 1,
        RunOutcome::Maintenance => 2,
        RunOutcome::Inconclusive => 3,
        RunOutcome::Failed => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(now: Timestamp, minutes_ago: i64, outcome: RunOutcome) -> RunSummary {
        let at = now - SignedDuration::from_mins(minutes_ago);
        RunSummary { at, run_id: None, has_report: false, outcome, duration_ms: None }
    }

    #[test]
    fn strip_shows_the_worst_of_each_quarter() {
        let now: Timestamp = "2026-11-23T04:50:00Z".parse().unwrap();
        let runs = [
            run(now, 1, RunOutcome::Passed),
            run(now, 2, RunOutcome::Failed),
            run(now, 16, RunOutcome::Inconclusive),
            run(now, 17, RunOutcome::Passed),
            run(now, 31, RunOutcome::Inconclusive),
            run(now, 3 * 24 * 60, RunOutcome::Failed),
        ];
        let found: Vec<_> =
            segments(&runs, now).into_iter().map(|segment| (segment.x, segment.width, segment.outcome)).collect();
        let expected = [(0, 93, None), (93, 2, Some(RunOutcome::Inconclusive)), (95, 1, Some(RunOutcome::Failed))];
        assert_eq!(found, expected);
    }
}
