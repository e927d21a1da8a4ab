//! Bars of the last days. Their heights say the same as their colours.

use super::state::State;
use super::summary::DaySummary;
use super::times::day;
use crate::shown::percent;

/// Height of the whole picture; a day is 1 wide.
const HEIGHT: f64 = 10.0;

/// Amount of detail, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// A title for each day unlike its neighbours.
    Days,
    /// A title for days in a row with the same state.
    Spans,
    /// No titles.
    States,
    /// No bars.
    Nothing,
}

/// Bars of one state, drawn as a dashed line: each day is a dash.
pub(super) struct Bar {
    pub(super) class: &'static str,
    /// Path of the line.
    pub(super) path: String,
    /// Title; empty without one.
    pub(super) title: String,
}

/// Draws bars, oldest day first.
pub(super) fn bars(days: &[DaySummary], detail: Detail) -> Vec<Bar> {
    match detail {
        Detail::Nothing => Vec::new(),
        Detail::States => State::ALL.into_iter().filter_map(|state| line_of(days, state)).collect(),
        Detail::Days | Detail::Spans => spans(days, detail).into_iter().map(|(x, span)| titled(x, span)).collect(),
    }
}

/// Divides days into neighbours with the same state: first day, and days.
fn spans(days: &[DaySummary], detail: Detail) -> Vec<(usize, &[DaySummary])> {
    let is_alike = |one: &DaySummary, other: &DaySummary| {
        let has_own_title = detail == Detail::Days && one.state > State::Unknown;
        one.state == other.state && !has_own_title
    };
    let mut x = 0;
    let place = |span: &'_ [DaySummary]| {
        x += span.len();
        x - span.len()
    };
    let spans: Vec<&[DaySummary]> = days.chunk_by(is_alike).collect();
    let places: Vec<usize> = spans.iter().copied().map(place).collect();
    places.into_iter().zip(spans).collect()
}

fn titled(x: usize, span: &[DaySummary]) -> Bar {
    let state = span.first().map_or(State::Unknown, |day| day.state);
    let word = if state == State::Unknown { "no data" } else { state.word() };
    let title = match span {
        [] => String::new(),
        [only] => {
            let uptime = only.uptime.map(|uptime| format!(", {}", percent(uptime))).unwrap_or_default();
            format!("{}: {word}{uptime}", day(only.at))
        }
        [first, .., last] => format!("{} to {}: {word}", day(first.at), day(last.at)),
    };
    Bar { class: state.class(), path: format!("M{x} {}h{}", middle(state), span.len()), title }
}

fn line_of(days: &[DaySummary], state: State) -> Option<Bar> {
    let mut path = String::new();
    let mut end = 0;
    for (x, span) in spans(days, Detail::Spans).into_iter().filter(|(_, span)| span[0].state == state) {
        if path.is_empty() {
            path = format!("M{x} {}h{}", middle(state), span.len());
        } else {
            path.push_str(&format!("m{} 0h{}", x - end, span.len()));
        }
        end = x + span.len();
    }
    (!path.is_empty()).then(|| Bar { class: state.class(), path, title: String::new() })
}

/// Height of the middle of a bar above the lower edge. The style sheet has the heights.
fn middle(state: State) -> f64 {
    let height = match state {
        State::Operational | State::Down => HEIGHT,
        State::Degraded => 7.0,
        State::Maintenance => 4.0,
        State::Unknown => 2.0,
    };
    HEIGHT - height / 2.0
}

/// The bars in words.
pub(super) fn story(days: &[DaySummary]) -> String {
    let count = |state: State| days.iter().filter(|day| day.state == state).count();
    let parts = [State::Down, State::Degraded, State::Maintenance, State::Operational, State::Unknown]
        .into_iter()
        .filter(|state| count(*state) > 0)
        .map(|state| {
            let word = if state == State::Unknown { "no data".to_owned() } else { state.word().to_lowercase() };
            let plural = if count(state) == 1 { "" } else { "s" };
            format!("{word} on {} day{plural}", count(state))
        });
    format!("Last {} days: {}", days.len(), parts.collect::<Vec<_>>().join(", "))
}
