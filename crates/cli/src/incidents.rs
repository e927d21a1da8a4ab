//! `synthetics incidents` and `synthetics incident`.

use anyhow::{Context, bail};
use check::Failure;
use check::incident::{IncidentRecord, SilenceKind, parts_of_id};
use check::message::span;
use check::text::utc;
use jiff::Timestamp;
use runtime::OperatorStore;

use crate::arguments::{IncidentOptions, IncidentsOptions};
use crate::exit::Exit;
use crate::{checks, deployment, tables};

/// The incidents of the last weeks, newest first.
pub(crate) async fn list(options: &IncidentsOptions) -> anyhow::Result<Exit> {
    let checks = checks::ids(&options.checks)?;
    let table = deployment::table(&options.deployment).await?;
    let after = Timestamp::now() - options.since;
    let mut records = Vec::new();
    for check in checks {
        records.extend(table.incidents(check, after).await?);
    }
    records.retain(|record| !options.open || record.closed_at.is_none());
    records.sort_by_key(|record| std::cmp::Reverse(record.since));
    if options.json {
        println!("{}", serde_json::to_string_pretty(&records)?);
    } else if records.is_empty() {
        println!("no incidents{} since {}", if options.open { " are open" } else { "" }, utc(after));
    } else {
        let now = Timestamp::now();
        let rows = records.iter().map(|record| {
            let lasted = span(record.closed_at.unwrap_or(now).duration_since(record.since).as_secs());
            let over = record.closed_at.map_or_else(|| "OPEN".to_owned(), utc);
            let Failure { step, kind, actual, .. } = &record.latest;
            let what = format!("{step}, {kind}: {actual}");
            [record.id.clone(), record.severity.as_str().to_owned(), utc(record.since), over, lasted, what]
        });
        println!("{}", tables::columns(["INCIDENT", "SEVERITY", "SINCE", "UNTIL", "LASTED", "WHAT"], rows));
    }
    Ok(Exit::Passed)
}

/// One incident, as it went.
pub(crate) async fn show(options: &IncidentOptions) -> anyhow::Result<Exit> {
    let id = &options.id;
    let shape = || format!("`{id}` is no id of an incident; they look like login.20261123T045000Z");
    let (check, since) = parts_of_id(id).with_context(shape)?;
    let checks = checks::ids(&[check.to_owned()])?;
    let since: Timestamp = since.parse().with_context(shape)?;
    let table = deployment::table(&options.deployment).await?;
    let records = table.incidents(checks[0], since).await?;
    let Some(record) = records.into_iter().find(|record| record.id == *id) else {
        bail!("there is no incident {id}: it is older than 400 days, or of another environment");
    };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&record)?);
    } else {
        println!("{}", story(&record));
    }
    Ok(Exit::Passed)
}

fn story(record: &IncidentRecord) -> String {
    let of = if record.subject.is_whole() { String::new() } else { format!(" of {}", record.subject) };
    let mut lines = vec![format!("{} ({}): {}{of}", record.id, record.severity.as_str(), record.check), String::new()];
    let mut events = vec![(record.since, "first failed run".to_owned()), (record.opened_at, "opened".to_owned())];
    events.extend(
        record
            .notifications
            .iter()
            .map(|entry| (entry.at, format!("told: {} ({})", entry.event.as_str(), entry.notification_id))),
    );
    events.extend(record.silences.iter().map(|silence| {
        let kind = match silence.kind {
            SilenceKind::Mute => "suppressed_muted",
            SilenceKind::Maintenance => "maintenance window",
        };
        (silence.from, format!("{kind} until {} by {}: {}", utc(silence.until), silence.by, silence.reason))
    }));
    events.extend(record.escalated_at.map(|at| (at, "became more severe".to_owned())));
    events.extend(
        record.closed_at.map(|at| (at, format!("closed, after {}", span(at.duration_since(record.since).as_secs())))),
    );
    // In the order of time; what happened at the same time as it is written above.
    events.sort_by_key(|(at, _)| *at);
    lines.extend(events.into_iter().map(|(at, what)| format!("{}  {what}", utc(at))));
    if record.closed_at.is_none() {
        lines.push("it is not over".to_owned());
    }
    lines.extend(actual("First", &record.first));
    if record.latest != record.first {
        lines.extend(actual("Latest", &record.latest));
    }
    lines.join("\n")
}

fn actual(when: &str, failure: &Failure) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        format!("{when} failure: step {} ({})", failure.step, failure.kind),
        format!("  Expected   {}", failure.expected),
        format!("  Seen       {}", failure.actual),
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
