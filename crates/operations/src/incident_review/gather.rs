//! Reads what is known of incidents.

use std::collections::BTreeMap;

use alarm::MetricAlarm;
use check::budget::Objective;
use check::incident::IncidentRecord;
use check::text::utc;
use history::{AlarmChange, AlarmChanges, History, SearchCost, Window};
use jiff::{SignedDuration, Timestamp};
use runtime::PortError;

use super::gathered::{FirstReport, Gathered, Observed};
use super::timeline::{BEFORE, MAX_CHANGES};

/// Most runs of an incident that are read.
const MAX_RUNS: usize = 20_000;
/// Age of other incidents at which they may still be open.
const OTHERS: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Window of the objective.
const OBJECTIVE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Time around an incident in which another one is at the same time.
const NEAR: SignedDuration = SignedDuration::from_mins(10);

/// What to read, and what is known already.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Name of the environment; empty if it is not known.
    pub environment: &'a str,
    /// Ids of all checks.
    pub checks: &'a [&'static str],
    /// The shipped alarms.
    pub alarms: &'a [MetricAlarm],
    /// Objective of each check.
    pub objectives: &'a BTreeMap<String, Objective>,
    /// Current time.
    pub now: Timestamp,
    /// True to read reports that have a price.
    pub with_logs: bool,
}

/// Reads what is known of some incidents. A part that cannot be read is named in the result.
///
/// **Side effects:** with `with_logs`, the costs of [`search_cost`].
///
/// # Errors
/// When the incidents of other checks cannot be read.
pub async fn gather(
    history: &dyn History,
    mut records: Vec<IncidentRecord>,
    window: Option<Window>,
    asked: &Asked<'_>,
) -> Result<Gathered, PortError> {
    records.sort_by_key(|record| record.since);
    let now = asked.now;
    let begin = records.iter().map(|record| record.since).min().unwrap_or(now);
    let end = records.iter().map(|record| record.closed_at.unwrap_or(now)).max().unwrap_or(now);
    let window = window.unwrap_or_else(|| Window::new(begin - BEFORE, end + SignedDuration::from_mins(1)));
    let mut unknown = Vec::new();
    let mut others = Vec::new();
    for check in asked.checks {
        others.extend(history.incidents(check, window.from - OTHERS).await?);
    }
    let (near, until) = (begin - NEAR, end + NEAR);
    others.retain(|other| {
        let overlaps = other.since <= until && other.closed_at.is_none_or(|closed| closed >= near);
        overlaps && !records.iter().any(|own| own.id == other.id)
    });
    others.sort_by_key(|record| record.since);
    let mut marks = match history.marks(window.from).await {
        Ok(marks) => marks,
        Err(error) => {
            unknown.push(format!("marks: {error}"));
            Vec::new()
        }
    };
    marks.retain(|mark| mark.at < window.until);
    marks.sort_by_key(|mark| mark.at);
    let mut changes = changes(history, window, asked, &mut unknown).await;
    changes.retain(|change| records.iter().any(|record| is_on(asked.alarms, &change.now.alarm, &record.check)));
    changes.sort_by_key(|change| change.now.since);
    let mut incidents = Vec::new();
    for record in records {
        incidents.push(observed(history, record, asked, &mut unknown).await);
    }
    let environment = asked.environment.to_owned();
    Ok(Gathered { environment, now, window, incidents, others, marks, changes, unknown })
}

async fn changes(
    history: &dyn History,
    window: Window,
    asked: &Asked<'_>,
    unknown: &mut Vec<String>,
) -> Vec<AlarmChange> {
    if asked.alarms.is_empty() {
        unknown.push("changes of alarms, which are named after the environment".to_owned());
        return Vec::new();
    }
    match history.alarm_changes(window, MAX_CHANGES).await {
        Ok(AlarmChanges { changes, has_more, complete_from }) => {
            if has_more {
                unknown.push(format!("changes of alarms before the newest {MAX_CHANGES}"));
            } else if complete_from > window.from {
                unknown
                    .push(format!("changes of alarms before {}, which CloudWatch has forgotten", utc(complete_from)));
            }
            changes
        }
        Err(error) => {
            unknown.push(format!("changes of alarms: {error}"));
            Vec::new()
        }
    }
}

async fn observed(
    history: &dyn History,
    record: IncidentRecord,
    asked: &Asked<'_>,
    unknown: &mut Vec<String>,
) -> Observed {
    let check = record.check.clone();
    let end = record.closed_at.unwrap_or(asked.now);
    let note =
        |unknown: &mut Vec<String>, what: &str, error: &PortError| unknown.push(format!("{what} of {check}: {error}"));
    let window = Window::new(record.since - BEFORE, end + SignedDuration::from_secs(1));
    let mut runs = match history.runs(&check, window, MAX_RUNS).await {
        Ok(found) => {
            if found.has_more {
                unknown.push(format!("runs of {check} before the newest {MAX_RUNS}"));
            }
            found.runs
        }
        Err(error) => {
            note(unknown, "runs", &error);
            Vec::new()
        }
    };
    runs.sort_by_key(|run| run.at);
    let ids: Vec<String> = record.notifications.iter().map(|entry| entry.notification_id.clone()).collect();
    let notified = match history.notifications(&ids).await {
        Ok(found) => found,
        Err(error) => {
            note(unknown, "notifications", &error);
            None
        }
    };
    let days = match history.daily(&check, Window::new(end - OBJECTIVE, end + SignedDuration::from_secs(1))).await {
        Ok(days) => days,
        Err(error) => {
            note(unknown, "numbers of days", &error);
            Vec::new()
        }
    };
    let objective = asked.objectives.get(&check).copied();
    let mut observed = Observed { record, first: FirstReport::Missing, runs, notified, days, objective };
    match first_report(history, &observed, asked.with_logs).await {
        Ok(first) => observed.first = first,
        Err(error) => note(unknown, "the report of the first failed run", &error),
    }
    observed
}

/// Id of the first failed run: that of the list, or else of its notification.
fn first_run(observed: &Observed) -> Option<String> {
    let first = observed.runs.iter().find(|run| run.at >= observed.record.since);
    let listed = first.and_then(|run| run.run_id.clone());
    listed.or_else(|| observed.notified.iter().flatten().next().map(|sent| sent.notification.run_id.clone()))
}

async fn first_report(history: &dyn History, observed: &Observed, with_logs: bool) -> Result<FirstReport, PortError> {
    let Some(run) = first_run(observed) else { return Ok(FirstReport::Missing) };
    let check = &observed.record.check;
    if !with_logs {
        let cost = history.search_cost(check, &run).await?;
        if cost != SearchCost::NONE {
            return Ok(FirstReport::NotAsked(cost));
        }
    }
    let report = history.run(check, &run).await?;
    Ok(report.map_or(FirstReport::Missing, |report| FirstReport::Read(Box::new(report))))
}

/// True if an alarm is about values of this check.
fn is_on(alarms: &[MetricAlarm], name: &str, check: &str) -> bool {
    let is_on_check = |alarm: &MetricAlarm| {
        alarm.source.metrics().any(|(metric, _)| metric.dimensions.get("Check").is_some_and(|own| own == check))
    };
    alarms.iter().any(|alarm| alarm.name == name && is_on_check(alarm))
}
