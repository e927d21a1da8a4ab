//! Behaviour of an alarm over a window: its firings, and the incidents they match.

use std::collections::BTreeSet;

use alarm::{MetricAlarm, State, Transition};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::incident::IncidentSpan;
use crate::slope::median;

/// Shortest time around the start of an incident in which a firing belongs to it: an alarm on all users may be first.
const NEAR: SignedDuration = SignedDuration::from_mins(15);
/// Longest time after an incident at which a firing still belongs to it: an alarm looks back over its periods.
const MAX_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// Interval of evaluation of alarms that look back over more than a day, and their look back.
const HOURLY: [SignedDuration; 2] = [SignedDuration::from_hours(1), SignedDuration::from_hours(24)];
/// Longest time in `OK` between two firings that counts as a flap.
const FLAP: SignedDuration = SignedDuration::from_hours(1);

/// Behaviour of an alarm.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Behaviour {
    /// Firings, oldest first.
    pub firings: Vec<Firing>,
    /// Time in `ALARM`.
    ///
    /// **Units:** minutes.
    pub minutes_in_alarm: f64,
    /// Firings within an hour of the one before.
    pub flaps: usize,
    /// Length of the shortest firing; `None` without one.
    ///
    /// **Units:** minutes.
    pub shortest_minutes: Option<f64>,
    /// Length of the longest firing; `None` without one.
    ///
    /// **Units:** minutes.
    pub longest_minutes: Option<f64>,
    /// Firings that match an incident, or planned maintenance.
    pub matched: usize,
    /// Firings that match neither.
    pub unmatched: usize,
    /// Incidents of the alarm's own check during which it was not in `ALARM`, of those that began in the replay.
    pub missed: Vec<String>,
    /// Time from the first failed run of a matched incident to `ALARM`; `None` without one. Firings that began before the replay do not
    /// count.
    pub detection: Option<Delay>,
}

/// One stay in `ALARM`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Firing {
    /// Start; that of the replay if it began before.
    pub from: Timestamp,
    /// End; `None` while it lasts.
    pub until: Option<Timestamp>,
    /// True if the alarm was in `ALARM` at the start of the replay, so that it is unknown when it fired.
    pub began_before: bool,
    /// Ids of the incidents that it matches. It began during an incident of the same check, or near the start of another one.
    pub incidents: Vec<String>,
    /// True if it began during planned maintenance.
    pub maintenance: bool,
}

impl Firing {
    /// True if it matches an incident or planned maintenance.
    #[must_use]
    pub fn is_matched(&self) -> bool {
        self.maintenance || !self.incidents.is_empty()
    }
}

/// Delays of detection.
///
/// **Units:** minutes; negative if the alarm was first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Delay {
    /// Median.
    pub median_minutes: f64,
    /// Longest.
    pub longest_minutes: f64,
}

/// Events that explain firings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Events<'a> {
    /// Incidents of all checks.
    pub(crate) incidents: &'a [IncidentSpan],
    /// Times of planned maintenance.
    pub(crate) maintenance: &'a [(Timestamp, Timestamp)],
}

/// Time for which an alarm was replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replayed {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

/// Matches the firings of an alarm with the events around them.
pub(crate) fn behaviour(
    alarm: &MetricAlarm,
    check: Option<&str>,
    transitions: &[Transition],
    replayed: Replayed,
    events: Events<'_>,
) -> Behaviour {
    let slack = Slack::new(alarm);
    let begun = events.incidents.iter().filter(|incident| incident.overlaps(replayed.from, replayed.until));
    let incidents: Vec<&IncidentSpan> = begun.collect();
    let is_own = |incident: &IncidentSpan| Some(incident.check.as_str()) == check;
    let firing = |(from, until): (Timestamp, Option<Timestamp>)| {
        let began_before = from < replayed.from + slack.interval;
        // An incident of another check may last for weeks, and explains only what began with it.
        let is_matched = |incident: &&&IncidentSpan| {
            if is_own(incident) {
                slack.has_begun_at(from, incident.from, incident.until)
            } else {
                !began_before && slack.has_begun_near(from, incident.from)
            }
        };
        let is_in = |span: &(Timestamp, Timestamp)| slack.has_begun_at(from, span.0, span.1);
        Firing {
            from,
            until,
            began_before,
            incidents: incidents.iter().filter(is_matched).map(|incident| incident.id.clone()).collect(),
            maintenance: events.maintenance.iter().any(is_in),
        }
    };
    let firings: Vec<Firing> = stays(transitions).into_iter().map(firing).collect();
    let lengths: Vec<f64> = firings.iter().map(|one| minutes(one.from, one.until.unwrap_or(replayed.until))).collect();
    let is_covered = |incident: &IncidentSpan| {
        firings.iter().any(|one| {
            one.incidents.contains(&incident.id) || incident.overlaps(one.from, one.until.unwrap_or(replayed.until))
        })
    };
    // The alarm may have fired for an older one before the replay.
    let is_missed = |incident: &IncidentSpan| replayed.from <= incident.from && !is_covered(incident);
    let missed = incidents.iter().filter(|incident| is_own(incident) && is_missed(incident));
    let first = |incident: &&&IncidentSpan| {
        let matching = firings.iter().find(|one| one.incidents.contains(&incident.id))?;
        (!matching.began_before).then(|| minutes(incident.from, matching.from))
    };
    let mut delays: Vec<f64> = incidents.iter().filter_map(|incident| first(&incident)).collect();
    delays.sort_by(f64::total_cmp);
    let is_flap = |pair: &&[Firing]| pair[0].until.is_some_and(|until| pair[1].from.duration_since(until) <= FLAP);
    let matched = firings.iter().filter(|one| one.is_matched()).count();
    Behaviour {
        minutes_in_alarm: lengths.iter().sum(),
        flaps: firings.windows(2).filter(is_flap).count(),
        shortest_minutes: lengths.iter().copied().min_by(f64::total_cmp),
        longest_minutes: lengths.iter().copied().max_by(f64::total_cmp),
        matched,
        unmatched: firings.len() - matched,
        missed: missed.map(|incident| incident.id.clone()).collect(),
        detection: delays.last().map(|longest| Delay { median_minutes: median(&delays), longest_minutes: *longest }),
        firings,
    }
}

impl Behaviour {
    /// Ids of the incidents that a firing matches.
    pub(crate) fn seen(&self) -> BTreeSet<&str> {
        self.firings.iter().flat_map(|one| one.incidents.iter().map(String::as_str)).collect()
    }
}

/// Times around an incident in which a firing belongs to it.
struct Slack {
    before: SignedDuration,
    after: SignedDuration,
    /// Time between two evaluations.
    interval: SignedDuration,
}

impl Slack {
    fn new(alarm: &MetricAlarm) -> Self {
        let periods = |count: usize| {
            let seconds = alarm.period.as_secs().saturating_mul(count as u64);
            SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
        };
        let look_back = periods(alarm.evaluation_periods);
        let [hour, day] = HOURLY;
        Self {
            before: periods(2).min(MAX_AFTER).max(NEAR),
            after: look_back.min(MAX_AFTER),
            interval: if look_back > day { hour } else { SignedDuration::from_mins(1) },
        }
    }

    fn has_begun_at(&self, at: Timestamp, from: Timestamp, until: Timestamp) -> bool {
        from - self.before <= at && at <= until + self.after
    }

    fn has_begun_near(&self, at: Timestamp, start: Timestamp) -> bool {
        start - self.before <= at && at <= start + self.after.max(NEAR)
    }
}

/// Stays in `ALARM`: start, and end if there is one.
fn stays(transitions: &[Transition]) -> Vec<(Timestamp, Option<Timestamp>)> {
    let mut stays: Vec<(Timestamp, Option<Timestamp>)> = Vec::new();
    for change in transitions {
        if change.to == State::Alarm {
            stays.push((change.at, None));
        } else if let Some((_, until @ None)) = stays.last_mut() {
            *until = Some(change.at);
        }
    }
    stays
}

fn minutes(from: Timestamp, until: Timestamp) -> f64 {
    until.duration_since(from).as_secs_f64() / 60.0
}
