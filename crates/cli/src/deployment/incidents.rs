//! `synthetics incidents`.

use check::Failure;
use check::incident::Mark;
use check::message::span;
use check::text::utc;
use jiff::Timestamp;
use operations::checks;

use crate::arguments::IncidentsOptions;
use crate::deployment::access;
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
