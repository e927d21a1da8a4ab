//! `synthetics incidents`.

use anyhow::Context as _;
use check::Failure;
use check::incident::{IncidentRecord, Mark};
use check::message::span;
use check::text::utc;
use history::History;
use jiff::Timestamp;
use operations::checks;

use crate::arguments::IncidentsOptions;
use crate::arguments::deployment::{ExportFormat, ExportOptions, IncidentsCommand};
use crate::deployment::access;
use crate::exit::Exit;
use crate::{tables, terminal};

/// Lists incidents, newest first.
pub(crate) async fn list(options: &IncidentsOptions) -> anyhow::Result<Exit> {
    if let Some(IncidentsCommand::Export(options)) = &options.command {
        return export(options).await;
    }
    let checks = checks::ids(&options.checks)?;
    let history = access::records(&options.deployment).await?;
    let after = Timestamp::now() - options.since;
    let (mut records, exit) = read(&*history, &checks, after).await;
    records.retain(|record| !options.open || record.closed_at.is_none());
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

/// Reads the incidents of some checks, newest first.
async fn read(history: &dyn History, checks: &[&str], after: Timestamp) -> (Vec<IncidentRecord>, Exit) {
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
    records.sort_by_key(|record| std::cmp::Reverse(record.since));
    (records, exit)
}

/// Writes incidents for other programs.
async fn export(options: &ExportOptions) -> anyhow::Result<Exit> {
    let checks = checks::ids(&options.checks)?;
    let history = access::records(&options.deployment).await?;
    let (records, exit) = read(&*history, &checks, Timestamp::now() - options.since).await;
    match options.format {
        ExportFormat::Json => terminal::json(&records)?,
        ExportFormat::Csv => print!("{}", csv(&records)?),
    }
    Ok(exit)
}

/// Columns of the table.
const COLUMNS: [&str; 18] = [
    "id",
    "check",
    "subject",
    "severity",
    "first_failed_run",
    "opened",
    "closed",
    "duration_seconds",
    "notifications",
    "first_notified",
    "acknowledged",
    "acknowledged_by",
    "escalated",
    "silences",
    "step",
    "kind",
    "expected",
    "actual",
];

fn csv(records: &[IncidentRecord]) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for record in records {
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        let given = record.acknowledged.as_ref();
        let lasted = record.closed_at.map(|at| at.duration_since(record.since).as_secs().to_string());
        let row: [String; COLUMNS.len()] = [
            record.id.clone(),
            record.check.clone(),
            if record.subject.is_whole() { String::new() } else { record.subject.to_string() },
            record.severity.as_str().to_owned(),
            record.since.to_string(),
            record.opened_at.to_string(),
            time(record.closed_at),
            lasted.unwrap_or_default(),
            record.notifications.len().to_string(),
            time(record.notifications.first().map(|entry| entry.at)),
            time(given.map(|given| given.at)),
            given.map(|given| given.by.clone()).unwrap_or_default(),
            time(record.escalated_at),
            record.silences.len().to_string(),
            record.first.step.clone(),
            record.first.kind.to_string(),
            record.first.expected.to_string(),
            record.first.actual.to_string(),
        ];
        writer.write_record(row.iter().map(|cell| plain(cell)))?;
    }
    let written = writer.into_inner().context("failed to write the table")?;
    String::from_utf8(written).context("failed to write the table")
}

/// A cell that no spreadsheet takes for a formula: its text may come from outside.
fn plain(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cell_from_outside_is_no_formula() {
        for (cell, expected) in [
            ("=HYPERLINK(\"http://e.example\")", "'=HYPERLINK(\"http://e.example\")"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-1+2", "'-1+2"),
            ("status 500", "status 500"),
            ("", ""),
        ] {
            assert_eq!(plain(cell), expected);
        }
    }
}
