//! `synthetics incidents` and `synthetics incident`.

use anyhow::{Context, bail};
use check::Failure;
use check::incident::{IncidentRecord, Mark, parts_of_id};
use check::message::span;
use check::text::utc;
use history::{AlarmChange, AlarmChanges, Window};
use jiff::{SignedDuration, Timestamp};
use operations::{checks, timeline};

use crate::arguments::deployment::Deployment;
use crate::arguments::{IncidentOptions, IncidentsOptions};
use crate::deployment::{access, acknowledgement};
use crate::exit::Exit;
use crate::{tables, terminal};

/// Lists incidents, newest first.
pub(crate) async fn list(options: &IncidentsOptions) -> anyhow::Result<Exit> {
    let checks = checks::ids(&options.checks)?;
    let history = access::records(&options.deployment).await?;
    let after = Timestamp::now() - options.since;
    let (mut records, mut exit) = (Vec::new(), Exit::Passed);
    for check in checks {
        match history.incidents(check, after).await {
            Ok(found) => records.extend(found),
            // Those of the other checks are needed all the same.
            Err(error) => {
                eprintln!("warning: the incidents of {check} are missing: {error}");
                exit = Exit::Inconclusive;
            }
        }
    }
    records.retain(|record| !options.open || record.closed_at.is_none());
    records.sort_by_key(|record| std::cmp::Reverse(record.since));
    if options.json {
        terminal::json(&records)?;
        return Ok(exit);
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
    Ok(exit)
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
        let around = Around::read(&options.deployment, &record).await?;
        println!("{}", lines(&record, &around));
    }
    Ok(Exit::Passed)
}

/// Marks and changes of alarms around an incident.
#[derive(Default)]
struct Around {
    marks: Vec<Mark>,
    changes: Vec<AlarmChange>,
}

impl Around {
    /// Reads them. The incident is shown without those that cannot be read.
    async fn read(deployment: &Deployment, record: &IncidentRecord) -> anyhow::Result<Self> {
        let Some(history) = access::history(deployment).await? else { return Ok(Self::default()) };
        let end = record.closed_at.unwrap_or_else(Timestamp::now);
        let window = Window::new(record.since - timeline::BEFORE, end + SignedDuration::from_mins(1));
        let mut around = Self::default();
        match history.marks(window.from).await {
            Ok(marks) => around.marks.extend(marks.into_iter().filter(|mark| mark.at < window.until)),
            Err(error) => eprintln!("warning: marks are missing: {error}"),
        }
        match history.alarm_changes(window, timeline::MAX_CHANGES).await {
            Ok(AlarmChanges { changes, has_more, complete_from }) => {
                if has_more {
                    eprintln!("warning: only the newest {} changes of alarms are shown", timeline::MAX_CHANGES);
                } else if complete_from > window.from {
                    eprintln!("warning: changes of alarms before {} may be missing", utc(complete_from));
                }
                around.changes = changes;
            }
            Err(error) => eprintln!("warning: changes of alarms are missing: {error}"),
        }
        Ok(around)
    }
}

/// Lines about an incident, with the events around it in their places.
fn lines(record: &IncidentRecord, around: &Around) -> String {
    let subject = tables::subject_name(&record.check, &record.subject);
    let mut lines = vec![format!("{} ({}): {subject}", record.id, record.severity.as_str()), String::new()];
    let entries = timeline::timeline(record, &around.marks, &around.changes);
    lines.extend(entries.into_iter().map(|entry| format!("{}  {}", utc(entry.at), entry.words)));
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
