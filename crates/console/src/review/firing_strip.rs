//! Firings of an alarm over the window, with the incidents behind them.

use jiff::Timestamp;
use review::words::{counted, minute, minutes};
use review::{AlarmReview, Firing, Kind, Review};

use super::axis::{Axis, WIDTH, place};

/// Smallest visible width.
const MIN_WIDTH: f64 = 4.0;

/// The strip: bars in the order of drawing, marks, and what they show in words.
pub(crate) struct FiringStrip {
    pub(crate) bars: Vec<Bar>,
    pub(crate) marks: Vec<String>,
    pub(crate) story: String,
}

/// A span of time. Its height says the same as its colour.
pub(crate) struct Bar {
    pub(crate) x: String,
    pub(crate) width: String,
    pub(crate) y: u8,
    pub(crate) height: u8,
    pub(crate) class: &'static str,
    pub(crate) title: String,
}

impl FiringStrip {
    /// Draws the firings of an alarm, and the incidents of its check.
    pub(super) fn new(alarm: &AlarmReview, review: &Review, axis: Axis) -> Self {
        let span = |from: Timestamp, until: Timestamp| {
            let start = axis.x(from);
            let width = (axis.x(until) - start).clamp(MIN_WIDTH, WIDTH);
            (place(start.min(WIDTH - width)), place(width))
        };
        let mut bars = Vec::new();
        if alarm.replayed_from > review.from {
            let (x, width) = span(review.from, alarm.replayed_from);
            let title = format!("not replayed before {}", minute(alarm.replayed_from));
            bars.push(Bar { x, width, y: 0, height: 12, class: "unknown", title });
        }
        let own = review.incidents.iter().filter(|incident| {
            alarm.check.as_ref() == Some(&incident.check)
                || alarm.behaviour.firings.iter().any(|firing| firing.incidents.contains(&incident.id))
        });
        for incident in own {
            let (x, width) = span(incident.since, incident.until.unwrap_or(review.until));
            bars.push(Bar {
                x,
                width,
                y: 0,
                height: 12,
                class: "incident",
                title: format!("incident {}", incident.id),
            });
        }
        for firing in &alarm.behaviour.firings {
            let (x, width) = span(firing.from, firing.until.unwrap_or(review.until));
            let (class, y, height) = if firing.is_matched() {
                ("matched", 6, 6)
            } else if alarm.kind == Kind::Symptom {
                ("false", 0, 12)
            } else {
                ("unmatched", 3, 9)
            };
            bars.push(Bar { x, width, y, height, class, title: title(firing, review.until) });
        }
        let marks = review.marks.iter().map(|mark| place(axis.x(mark.at))).collect();
        Self { bars, marks, story: story(alarm) }
    }
}

fn title(firing: &Firing, end: Timestamp) -> String {
    let length = firing.until.unwrap_or(end).duration_since(firing.from).as_secs_f64() / 60.0;
    let cause = match firing.incidents.as_slice() {
        [] if firing.maintenance => "planned maintenance".to_owned(),
        [] => "no incident".to_owned(),
        incidents => incidents.join(", "),
    };
    format!("ALARM from {} for {}: {cause}", minute(firing.from), minutes(length))
}

/// The strip in words.
fn story(alarm: &AlarmReview) -> String {
    let behaviour = &alarm.behaviour;
    match behaviour.firings.len() {
        0 => "never fired".to_owned(),
        count => format!(
            "{}, {} explained by incidents or maintenance, {} not",
            counted(count, "firing"),
            behaviour.matched,
            behaviour.unmatched
        ),
    }
}
