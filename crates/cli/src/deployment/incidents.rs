//! `synthetics incidents` and `synthetics incident`.

use anyhow::{Context, bail};
use check::Failure;
use check::incident::{IncidentRecord, Mark, SilenceKind, parts_of_id};
use check::message::span;
use check::text::{cut, utc};
use history::{AlarmChange, AlarmChanges, Window};
use jiff::{SignedDuration, Timestamp};
use operations::checks;

use crate::arguments::deployment::Deployment;
use crate::arguments::{IncidentOptions, IncidentsOptions};
use crate::deployment::{access, acknowledgement};
use crate::exit::Exit;
use crate::{tables, terminal};

/// Time before the first failed run whose marks and changes of alarms are shown: a release comes before its incident.
const BEFORE: SignedDuration = SignedDuration::from_hours(1);
/// Most changes of alarms around an incident.
const MAX_CHANGES: usize = 50;
/// Longest reason of a change. **Units:** characters.
const MAX_REASON: usize = 120;

/// Lists incidents, newest first.
pub(crate) async fn list(options: &IncidentsOptions) -> anyhow::Result<Exit> {
    let checks = checks::ids(&options.checks)?;
    let history = access::records(&options.deployment).await?;
    let after = Timestamp::now() - options.since;
    let mut records = Vec::new();
    for check in checks {
        records.extend(history.incidents(check, after).await?);
    }
    records.retain(|record| !options.open || record.closed_at.is_none());
    records.sort_by_key(|record| std::cmp::Reverse(record.since));
    if options.json {
        terminal::json(&records)?;
        return Ok(Exit::Passed);
    }
    let marks = if options.open { Vec::new() } else { history.marks(after).await? };
    if records.is_empty() && marks.is_empty() {
        println!("no incidents{} since {}", if options.open { " are open" } else { "" }, utc(after));
    } else {
        let now = Timestamp::now();
        let incidents = records.iter().map(|record| {
            let lasted = span(record.closed_at.unwrap_or(now).duration_since(record.since).as_secs());
            let over = match (record.closed_at, &record.acknowledged) {
                (Some(closed_at), _) => utc(closed_at),
                (None, None) => "OPEN".to_owned(),
                (None, Some(given)) => format!("OPEN, ack {}", given.by),
            };
            let Failure { step, kind, actual, .. } = &record.latest;
            let what = format!("{step}, {kind}: {actual}");
            let columns =
                [record.id.clone(), record.severity.as_str().to_owned(), utc(record.since), over, lasted, what];
            (record.since, columns)
        });
        let mut rows: Vec<_> = incidents.collect();
        rows.extend(marks.iter().map(|Mark { at, text, by }| {
            let none = String::new;
            (*at, ["mark".to_owned(), none(), utc(*at), none(), none(), format!("{text} ({by})")])
        }));
        rows.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        let rows = rows.into_iter().map(|(_, columns)| columns);
        terminal::print(&tables::columns(
            ["INCIDENT", "SEVERITY", "SINCE", "UNTIL", "DURATION", "LATEST FAILURE"],
            rows,
        ));
    }
    Ok(Exit::Passed)
}

/// Shows one incident.
pub(crate) async fn show(options: &IncidentOptions) -> anyhow::Result<Exit> {
    let id = &options.id;
    let shape = || format!("expected an incident id such as login.20261123T045000Z, found `{id}`");
    let (check, since) = parts_of_id(id).with_context(shape)?;
    let checks = checks::ids(&[check.to_owned()])?;
    let since: Timestamp = since.parse().with_context(shape)?;
    let state = access::state_to_read(&options.deployment).await?;
    let mut records = state.incidents(checks[0], since).await?;
    acknowledgement::complete(&*state, checks[0], &mut records).await;
    let Some(record) = records.into_iter().find(|record| record.id == *id) else {
        bail!("unknown incident {id}; it may be older than 400 days, or belong to another environment or store");
    };
    if options.json {
        terminal::json(&record)?;
    } else {
        let around = around(&options.deployment, &record).await?;
        println!("{}", timeline(&record, around));
    }
    Ok(Exit::Passed)
}

/// Marks and changes of alarms during the incident and shortly before. The incident is shown without them if they cannot be read.
async fn around(deployment: &Deployment, record: &IncidentRecord) -> anyhow::Result<Vec<(Timestamp, String)>> {
    let Some(history) = access::history(deployment).await? else { return Ok(Vec::new()) };
    let end = record.closed_at.unwrap_or_else(Timestamp::now);
    let window = Window::new(record.since - BEFORE, end + SignedDuration::from_mins(1));
    let mut events = Vec::new();
    match history.marks(window.from).await {
        Ok(marks) => {
            let marks = marks.into_iter().filter(|mark| mark.at < window.until);
            events.extend(marks.map(|Mark { at, text, by }| (at, format!("mark: {text} ({by})"))));
        }
        Err(error) => eprintln!("warning: marks are missing: {error}"),
    }
    match history.alarm_changes(window, MAX_CHANGES).await {
        Ok(AlarmChanges { changes, has_more }) => {
            if has_more {
                eprintln!("warning: only the newest {MAX_CHANGES} changes of alarms are shown");
            }
            events.extend(changes.into_iter().map(|AlarmChange { now, .. }| {
                let reason = cut(now.reason.lines().next().unwrap_or_default(), MAX_REASON);
                (now.since, format!("alarm {}: {} ({reason})", now.alarm, now.state.as_str()))
            }));
        }
        Err(error) => eprintln!("warning: changes of alarms are missing: {error}"),
    }
    // Both are newest first.
    events.reverse();
    Ok(events)
}

/// Lines about an incident, with the events around it in their places.
fn timeline(record: &IncidentRecord, around: Vec<(Timestamp, String)>) -> String {
    let subject = tables::subject_name(&record.check, &record.subject);
    let mut lines = vec![format!("{} ({}): {subject}", record.id, record.severity.as_str()), String::new()];
    let mut events = vec![(record.since, "first failed run".to_owned()), (record.opened_at, "opened".to_owned())];
    events.extend(
        record
            .notifications
            .iter()
            .map(|entry| (entry.at, format!("notified: {} ({})", entry.event.as_str(), entry.notification_id))),
    );
    events.extend(record.silences.iter().map(|silence| {
        let kind = match silence.kind {
            SilenceKind::Mute => "muted",
            SilenceKind::Maintenance => "maintenance window",
        };
        (silence.from, format!("{kind} until {} by {}: {}", utc(silence.until), silence.by, silence.reason))
    }));
    events.extend(
        record.acknowledged.iter().map(|given| (given.at, format!("acknowledged by {}: {}", given.by, given.reason))),
    );
    events.extend(record.escalated_at.map(|at| (at, "escalated".to_owned())));
    events.extend(
        record.closed_at.map(|at| (at, format!("closed after {}", span(at.duration_since(record.since).as_secs())))),
    );
    events.extend(around);
    // The sort is stable: simultaneous entries keep the order above.
    events.sort_by_key(|(at, _)| *at);
    lines.extend(events.into_iter().map(|(at, what)| format!("{}  {what}", utc(at))));
    if record.closed_at.is_none() {
        lines.push("still open".to_owned());
    }
    lines.extend(failure_lines("First", &record.first));
    if record.latest != record.first {
        lines.extend(failure_lines("Latest", &record.latest));
    }
    lines.join("\n")
}

fn failure_lines(when: &str, failure: &Failure) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        format!("{when} failure: step {} ({})", failure.step, failure.kind),
        format!("  Expected   {}", failure.expected),
        format!("  Actual     {}", failure.actual),
    ];
    lines.extend(
        failure
            .evidence
            .iter()
            .flat_map(|evidence| evidence.lines())
            .enumerate()
            .map(|(index, line)| format!("  {:<9}  {line}", if index == 0 { "Evidence" } else { "" })),
    );
    lines
}
