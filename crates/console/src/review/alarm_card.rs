//! An alarm of a review: its numbers, its charts, and the reasons to look at it.

use std::collections::BTreeSet;

use check::message::span;
use review::words::{counted, exact, minute, minutes, signed_minutes};
use review::{AlarmReview, Kind, RecordedFirings, Review, Verdict};

use super::axis::Axis;
use super::changes::change;
use super::firing_strip::FiringStrip;
use super::headroom_bar::HeadroomBar;

/// Part of the way to the threshold from which an alarm is close to it.
const CLOSE: f64 = 0.9;

/// An alarm.
pub(crate) struct AlarmCard {
    pub(crate) alarm: String,
    pub(crate) check: Option<String>,
    pub(crate) kind: &'static str,
    pub(crate) notifies: bool,
    /// Reasons to look at it: class and words.
    pub(crate) reasons: Vec<(&'static str, String)>,
    pub(crate) metric: String,
    /// `> 5000 ms in 5 of 10 × 1 min`.
    pub(crate) condition: String,
    pub(crate) bar: Option<HeadroomBar>,
    pub(crate) strip: FiringStrip,
    /// Facts with their names.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Incidents that its firings match.
    pub(crate) incidents: Vec<String>,
    pub(crate) verdict: CardVerdict,
    pub(crate) fired: usize,
    pub(crate) missing: String,
}

/// Judgement on the numbers of an alarm.
pub(crate) struct CardVerdict {
    pub(crate) word: &'static str,
    pub(crate) class: &'static str,
    pub(crate) words: String,
}

/// Alarms that need attention, the most urgent first, and the others in the order of the template.
pub(super) fn cards(review: &Review, axis: Axis) -> (Vec<AlarmCard>, Vec<AlarmCard>) {
    let (mut first, others): (Vec<&AlarmReview>, Vec<&AlarmReview>) =
        review.alarms.iter().partition(|alarm| !reasons(alarm).is_empty());
    first.sort_by_key(|alarm| {
        let is_change = matches!(alarm.verdict, Verdict::Change(_));
        (!is_ringing(alarm), !is_change, std::cmp::Reverse(alarm.false_firings()), alarm.behaviour.unmatched == 0)
    });
    let card = |alarm: &AlarmReview| AlarmCard::new(alarm, review, axis);
    (first.into_iter().map(card).collect(), others.into_iter().map(card).collect())
}

impl AlarmCard {
    fn new(alarm: &AlarmReview, review: &Review, axis: Axis) -> Self {
        let missing = 1.0 - alarm.values.coverage();
        Self {
            alarm: alarm.alarm.clone(),
            check: alarm.check.clone(),
            kind: alarm.kind.word(),
            notifies: alarm.notifies,
            reasons: reasons(alarm),
            metric: alarm.metric.clone(),
            condition: condition(alarm),
            bar: HeadroomBar::new(alarm),
            strip: FiringStrip::new(alarm, review, axis),
            facts: facts(alarm, review),
            incidents: incidents(alarm),
            verdict: verdict(alarm),
            fired: alarm.behaviour.firings.len(),
            missing: match missing * 100.0 {
                none if none <= 0.0 => String::new(),
                few if few < 0.1 => "<0.1 %".to_owned(),
                percent => format!("{percent:.1} %"),
            },
        }
    }
}

fn incidents(alarm: &AlarmReview) -> Vec<String> {
    let matched = alarm.behaviour.firings.iter().flat_map(|firing| firing.incidents.iter().cloned());
    matched.collect::<BTreeSet<_>>().into_iter().collect()
}

fn condition(alarm: &AlarmReview) -> String {
    let threshold = exact(alarm.threshold, alarm.unit.as_deref());
    let period = span(i64::try_from(alarm.period_seconds).unwrap_or(i64::MAX));
    format!("{} {threshold} in {} × {period}", alarm.sign(), alarm.datapoints)
}

/// True if the alarm is in `ALARM` at the end of the window.
fn is_ringing(alarm: &AlarmReview) -> bool {
    alarm.notifies && alarm.behaviour.firings.last().is_some_and(|firing| firing.until.is_none())
}

/// Reasons to look at an alarm, the most urgent first.
fn reasons(alarm: &AlarmReview) -> Vec<(&'static str, String)> {
    let mut reasons = Vec::new();
    if is_ringing(alarm) {
        reasons.push(("bad", "in ALARM at the end".to_owned()));
    }
    if matches!(alarm.verdict, Verdict::Change(_)) {
        reasons.push(("unsure", "proposal".to_owned()));
    }
    let unmatched = alarm.behaviour.unmatched;
    match alarm.kind {
        Kind::Symptom if unmatched > 0 => reasons.push(("bad", counted(unmatched, "false firing"))),
        Kind::Early | Kind::Objective | Kind::Monitoring if unmatched > 0 => {
            reasons.push(("calm", format!("{} without an incident", counted(unmatched, "firing"))));
        }
        _ => {}
    }
    let is_close = alarm.threshold_used().is_some_and(|used| used >= CLOSE);
    if is_close && matches!(alarm.kind, Kind::Symptom | Kind::Early) {
        reasons.push(("unsure", "close to its threshold".to_owned()));
    }
    reasons
}

fn facts(alarm: &AlarmReview, review: &Review) -> Vec<(&'static str, String)> {
    let behaviour = &alarm.behaviour;
    let mut facts = Vec::new();
    if let (Some(shortest), Some(longest)) = (behaviour.shortest_minutes, behaviour.longest_minutes) {
        let lengths = match behaviour.firings.len() {
            1 => minutes(longest),
            count => format!(
                "{} in {count} firings, {} to {}",
                minutes(behaviour.minutes_in_alarm),
                minutes(shortest),
                minutes(longest)
            ),
        };
        facts.push(("In ALARM", lengths));
    }
    if behaviour.flaps > 0 {
        facts.push(("Flaps", format!("{} within an hour of the one before", counted(behaviour.flaps, "firing"))));
    }
    if let Some(delay) = behaviour.detection {
        let (median, longest) = (signed_minutes(delay.median_minutes), signed_minutes(delay.longest_minutes));
        facts.push(("Detection", format!("after {median} in the median, {longest} at most")));
    }
    match alarm.recorded {
        RecordedFirings::Known { firings } => facts.push(("Recorded", counted(firings, "firing"))),
        RecordedFirings::Partly { from, firings } => {
            facts.push((
                "Recorded",
                format!("{} since {}; older ones are unknown", counted(firings, "firing"), minute(from)),
            ));
        }
        RecordedFirings::Unknown => {}
    }
    if let Some(reason) = review.late_start(alarm) {
        facts.push(("Replayed from", format!("{}, since {reason}", minute(alarm.replayed_from))));
    }
    facts
}

fn verdict(alarm: &AlarmReview) -> CardVerdict {
    let (word, class, words) = match &alarm.verdict {
        Verdict::Change(proposal) => (
            "Proposal",
            "unsure",
            format!("{}; it {}.", change(proposal.change, alarm.unit.as_deref()), proposal.reason),
        ),
        Verdict::TooLittleData { reason } => ("Too little data", "none", format!("{reason}.")),
        Verdict::Keep { reason } => ("Keep", "good", format!("{reason}.")),
    };
    CardVerdict { word, class, words }
}
