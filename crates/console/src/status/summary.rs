//! The public view of what was recorded. It has names and texts of the settings only: subjects and failures are compared and
//! never shown.

use std::collections::BTreeMap;

use check::Subject;
use check::incident::{IncidentRecord, Severity, SilenceKind};
use history::{Day, RunOutcome, Window};
use jiff::{SignedDuration, Timestamp};
use settings::Service;

use super::state::State;
use crate::status_settings::StatusSettings;

/// Days that the page looks back.
const DAYS: i64 = 90;
/// Number of intervals after which a result is old.
const OLD_INTERVALS: u32 = 3;
/// Age at which a result is old at the earliest, since runs take time.
const OLD_AT_LEAST: SignedDuration = SignedDuration::from_mins(5);
/// Age at which a result is old if the interval is not known.
const OLD_BY_DEFAULT: SignedDuration = SignedDuration::from_mins(15);
/// Passed part of a day's runs below which the day is degraded, even without an incident.
const GOOD_DAY: f64 = 0.95;

/// Records of one check.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorded {
    /// The newest run with a verdict.
    pub(super) last: Option<(Timestamp, RunOutcome)>,
    /// Incidents, also older ones than the days.
    pub(super) incidents: Vec<IncidentRecord>,
    /// Days with runs.
    pub(super) days: Vec<Day>,
}

/// The whole page.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Summary {
    pub(super) title: String,
    pub(super) url: Option<String>,
    pub(super) now: Timestamp,
    /// Time of the newest result.
    pub(super) data_at: Option<Timestamp>,
    /// True if no service has a recent result.
    pub(super) is_old: bool,
    /// Worst state of a service.
    pub(super) state: State,
    pub(super) groups: Vec<Group>,
    /// Incidents, the newest first.
    pub(super) incidents: Vec<Incident>,
}

/// Services under one heading.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) services: Vec<ServiceSummary>,
}

/// State of a service.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ServiceSummary {
    pub(super) name: String,
    pub(super) state: State,
    /// Passed part of the runs.
    pub(super) uptime: Option<f64>,
    /// The last days, oldest first.
    pub(super) days: Vec<DaySummary>,
}

/// State of a service on one day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct DaySummary {
    pub(super) at: Timestamp,
    pub(super) state: State,
    pub(super) uptime: Option<f64>,
}

/// Time in which a service did not work.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Incident {
    pub(super) service: String,
    pub(super) state: State,
    pub(super) from: Timestamp,
    /// End; `None` while it is open.
    pub(super) to: Option<Timestamp>,
}

impl ServiceSummary {
    /// Number of days with results.
    pub(super) fn known_days(&self) -> usize {
        self.days.iter().filter(|day| day.state != State::Unknown).count()
    }
}

impl Summary {
    /// Services of all groups.
    pub(super) fn services(&self) -> impl Iterator<Item = &ServiceSummary> {
        self.groups.iter().flat_map(|group| &group.services)
    }
}

/// Summarizes the records of the listed checks.
pub(super) fn summary(settings: &StatusSettings, records: &BTreeMap<String, Recorded>, now: Timestamp) -> Summary {
    let none = Recorded::default();
    let mut incidents = Vec::new();
    let mut has_recent = false;
    let mut service = |service: &Service| {
        let scopes = service.scopes.iter().map(|(check, subject)| Scope {
            settings,
            check,
            subject: subject.as_ref(),
            recorded: records.get(check).unwrap_or(&none),
            now,
        });
        let scopes: Vec<Scope<'_>> = scopes.collect();
        has_recent |= scopes.iter().any(Scope::is_recent);
        let own = joined(scopes.iter().flat_map(Scope::incidents).collect());
        let days = days(now).map(|at| day(&scopes, &own, at)).collect();
        incidents.extend(own.into_iter().map(|spell| Incident {
            service: service.name.clone(),
            state: spell.state,
            from: spell.from,
            to: spell.to,
        }));
        ServiceSummary {
            name: service.name.clone(),
            state: scopes.iter().map(Scope::state).max().unwrap_or(State::Unknown),
            uptime: scopes.iter().filter_map(Scope::uptime).min_by(f64::total_cmp),
            days,
        }
    };
    let groups: Vec<Group> = (settings.page.groups.iter())
        .map(|group| Group { name: group.name.clone(), services: group.services.iter().map(&mut service).collect() })
        .collect();
    let start = days(now).next().unwrap_or(now);
    incidents.retain(|incident| incident.to.is_none_or(|to| to >= start));
    incidents.sort_by(|one, other| other.from.cmp(&one.from).then_with(|| one.service.cmp(&other.service)));
    let state = groups.iter().flat_map(|group| &group.services).map(|service| service.state).max();
    Summary {
        title: settings.page.title.clone(),
        url: settings.page.url.clone(),
        now,
        data_at: records.values().filter_map(|recorded| recorded.last).map(|(at, _)| at).max(),
        is_old: !has_recent,
        state: state.unwrap_or(State::Unknown),
        groups,
        incidents,
    }
}

/// Starts of the last days, UTC, oldest first; the last one is today.
pub(super) fn days(now: Timestamp) -> impl Iterator<Item = Timestamp> {
    let today = history::Period::DAY.floor(now);
    (0..DAYS).rev().map(move |ago| today - SignedDuration::from_hours(24 * ago))
}

/// Window of the last days.
pub(super) fn window(now: Timestamp) -> Window {
    // A run is recorded with its scheduled time, which is not after this moment.
    Window::new(days(now).next().unwrap_or(now), now + SignedDuration::from_secs(1))
}

/// One check or subject of a service, with what was recorded about it.
struct Scope<'a> {
    settings: &'a StatusSettings,
    check: &'a str,
    subject: Option<&'a Subject>,
    recorded: &'a Recorded,
    now: Timestamp,
}

/// A time in one state.
#[derive(Clone, Copy)]
struct Spell {
    state: State,
    from: Timestamp,
    to: Option<Timestamp>,
}

impl Scope<'_> {
    fn is_recent(&self) -> bool {
        let interval = self.settings.intervals.get(self.check).map(|interval| *interval * OLD_INTERVALS);
        let old = interval.and_then(|old| SignedDuration::try_from(old).ok());
        let old = old.map_or(OLD_BY_DEFAULT, |old| old.max(OLD_AT_LEAST));
        self.recorded.last.is_some_and(|(at, _)| self.now.duration_since(at) <= old)
    }

    fn state(&self) -> State {
        let is_silenced = self
            .settings
            .windows
            .iter()
            .flat_map(|window| window.silences(self.check, self.now))
            .any(|silence| silence.subject.is_none() || silence.subject.as_ref() == self.subject);
        let last = self.recorded.last.filter(|_| self.is_recent()).map(|(_, outcome)| outcome);
        if is_silenced || last == Some(RunOutcome::Maintenance) {
            return State::Maintenance;
        }
        let open = self.incidents().filter(|spell| spell.to.is_none()).map(|spell| spell.state).max();
        // An incident is not hidden by the silence after it.
        open.unwrap_or(if last.is_some() { State::Operational } else { State::Unknown })
    }

    fn incidents(&self) -> impl Iterator<Item = Spell> {
        let is_own = |record: &&IncidentRecord| self.subject.is_none_or(|subject| *subject == record.subject);
        self.recorded.incidents.iter().filter(is_own).map(|record| Spell {
            state: self.severity(record),
            from: record.since,
            to: record.closed_at,
        })
    }

    /// State of the service in an incident.
    fn severity(&self, record: &IncidentRecord) -> State {
        let end = record.closed_at.unwrap_or(self.now);
        let is_planned = record.silences.iter().any(|silence| {
            silence.kind == SilenceKind::Maintenance && silence.from <= record.since && end <= silence.until
        });
        match record.severity {
            _ if is_planned => State::Maintenance,
            // An escalated warning asks for attention; it is no worse than before.
            Severity::Critical if record.escalated_at.is_none() => State::Down,
            Severity::Critical | Severity::Warning => State::Degraded,
        }
    }

    /// Passed and failed runs of a day; `None` when they are not counted for the subject.
    fn counts(&self, day: &Day) -> Option<(u64, u64)> {
        match self.subject {
            None => Some((day.runs.passed, day.runs.failed)),
            Some(subject) => {
                let counts = day.subjects.as_ref()?.get(subject.as_str()).copied().unwrap_or_default();
                Some((counts.passed, counts.failed))
            }
        }
    }

    fn day(&self, at: Timestamp) -> DaySummary {
        let Some(day) = self.recorded.days.iter().find(|day| day.at == at) else {
            return DaySummary { at, state: State::Unknown, uptime: None };
        };
        let counts = self.counts(day);
        let uptime = counts.and_then(|(passed, failed)| fraction(passed, failed));
        let has_verdict = counts.map_or(day.runs.passed + day.runs.failed > 0, |(passed, failed)| passed + failed > 0);
        let state = match uptime {
            Some(uptime) if uptime < GOOD_DAY => State::Degraded,
            _ if has_verdict => State::Operational,
            _ if day.runs.maintenance > 0 => State::Maintenance,
            _ => State::Unknown,
        };
        DaySummary { at, state, uptime }
    }

    fn uptime(&self) -> Option<f64> {
        let counts = self.recorded.days.iter().filter_map(|day| self.counts(day));
        let (passed, failed) = counts.fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1));
        fraction(passed, failed)
    }
}

fn fraction(passed: u64, failed: u64) -> Option<f64> {
    let all = passed + failed;
    (all > 0).then(|| passed as f64 / all as f64)
}

/// State of a service on a day. Incidents decide before numbers of runs.
fn day(scopes: &[Scope<'_>], incidents: &[Spell], at: Timestamp) -> DaySummary {
    let end = at + SignedDuration::from_hours(24);
    let own: Vec<DaySummary> = scopes.iter().map(|scope| scope.day(at)).collect();
    let touches = |spell: &&Spell| spell.from < end && spell.to.is_none_or(|to| to >= at);
    let incident = incidents.iter().filter(touches).map(|spell| spell.state).max();
    // A part without results says nothing about the others.
    let known = own.iter().map(|day| day.state).filter(|state| *state != State::Unknown).max();
    DaySummary {
        at,
        state: incident.max(known).unwrap_or(State::Unknown),
        uptime: own.iter().filter_map(|day| day.uptime).min_by(f64::total_cmp),
    }
}

/// Joins incidents that overlap. The worst state counts.
fn joined(mut spells: Vec<Spell>) -> Vec<Spell> {
    spells.sort_by_key(|spell| spell.from);
    let mut joined: Vec<Spell> = Vec::new();
    for spell in spells {
        match joined.last_mut().filter(|last| last.to.is_none_or(|to| spell.from <= to)) {
            Some(last) => {
                last.state = last.state.max(spell.state);
                last.to = last.to.zip(spell.to).map(|(one, other)| one.max(other));
            }
            None => joined.push(spell),
        }
    }
    joined
}
