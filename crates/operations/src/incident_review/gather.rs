//! Reads what is known of incidents.

use std::collections::BTreeSet;

use check::Report;
use check::incident::IncidentRecord;
use check::text::utc;
use history::{AlarmChange, AlarmChanges, History, SearchCost, Window};
use jiff::SignedDuration;
use runtime::PortError;

use super::asked::{Asked, BEFORE};
use super::gathered::{Gathered, Observed};
use super::logs::search;
use super::timeline::MAX_CHANGES;
use crate::thresholds::is_about;

/// Most runs of an incident that are read.
const MAX_RUNS: usize = 20_000;
/// Window of the objective.
const OBJECTIVE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Time between the starts of two incidents up to which they may have one cause.
const NEAR: SignedDuration = SignedDuration::from_mins(15);

/// Reads what is known of some incidents. A part that cannot be read is named in the result.
///
/// **Side effects:** a search of logs costs what [`super::price`] says.
///
/// # Errors
/// When the incidents of other checks cannot be read.
pub async fn gather(
    history: &dyn History,
    mut records: Vec<IncidentRecord>,
    wanted: Option<Window>,
    asked: &Asked<'_>,
) -> Result<Gathered, PortError> {
    records.sort_by_key(|record| record.since);
    let now = asked.now;
    let begin = records.iter().map(|record| record.since).min().unwrap_or(now);
    let window = asked.window(&records, wanted);
    let mut unknown = Vec::new();
    let mut others = Vec::new();
    for check in asked.checks {
        others.extend(history.incidents(check, begin - NEAR).await?);
    }
    others.retain(|other| {
        let is_near = |own: &IncidentRecord| own.since.duration_since(other.since).abs() <= NEAR;
        records.iter().any(is_near) && !records.iter().any(|own| own.id == other.id)
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
    for changes in changes.iter_mut() {
        let is_on = |name: &str, record: &IncidentRecord| alarms(asked, &record.check).contains(name);
        changes.retain(|change| records.iter().any(|record| is_on(&change.now.alarm, record)));
        changes.sort_by_key(|change| change.now.since);
    }
    let logged = search(history, &records, window, asked, &mut unknown).await;
    let mut incidents = Vec::new();
    for record in records {
        let mut own = observed(history, record, asked, &mut unknown).await;
        if own.first.is_none() {
            own.first = logged.first_of(&own.record).cloned().map(Box::new);
        }
        incidents.push(own);
    }
    let environment = asked.environment.to_owned();
    Ok(Gathered { environment, now, window, incidents, others, marks, changes, logged, unknown })
}

/// `None`: some may be unknown. The reason is noted.
async fn changes(
    history: &dyn History,
    window: Window,
    asked: &Asked<'_>,
    unknown: &mut Vec<String>,
) -> Option<Vec<AlarmChange>> {
    if asked.alarms.is_empty() {
        unknown.push("changes of alarms, which are named after the environment".to_owned());
        return None;
    }
    let read = futures::try_join!(history.alarm_states(), history.alarm_changes(window, MAX_CHANGES));
    let reason = match read {
        Err(error) => format!("changes of alarms: {error}"),
        Ok((states, _)) if states.is_empty() => "changes of alarms: nothing evaluates them here".to_owned(),
        Ok((_, AlarmChanges { has_more: true, .. })) => format!("changes of alarms before the newest {MAX_CHANGES}"),
        Ok((_, AlarmChanges { complete_from, .. })) if complete_from > window.from => {
            format!("changes of alarms before {}, which CloudWatch has forgotten", utc(complete_from))
        }
        Ok((_, AlarmChanges { changes, .. })) => return Some(changes),
    };
    unknown.push(reason);
    None
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
    let alarms = alarms(asked, &check);
    let mut observed = Observed { record, first: None, alarms, runs, notified, days, objective };
    match first_report(history, &observed).await {
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

/// Reads the report of the first failed run, unless it has a price.
async fn first_report(history: &dyn History, observed: &Observed) -> Result<Option<Box<Report>>, PortError> {
    let Some(run) = first_run(observed) else { return Ok(None) };
    let check = &observed.record.check;
    if history.search_cost(check, &run).await? != SearchCost::NONE {
        return Ok(None);
    }
    Ok(history.run(check, &run).await?.map(Box::new))
}

/// Names of the alarms on a check.
fn alarms(asked: &Asked<'_>, check: &str) -> BTreeSet<String> {
    asked.alarms.iter().filter(|alarm| is_about(alarm, check)).map(|alarm| alarm.name.clone()).collect()
}
