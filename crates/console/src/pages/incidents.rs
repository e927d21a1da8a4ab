//! `GET /incidents`: all incidents, the open ones first.

use std::cmp::Reverse;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use check::incident::{IncidentRecord, Severity};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::actions::{Actions, Offer};
use crate::shell::{Missing, Place, Shell, page};
use crate::shown::{Moment, lasted};
use crate::source::Source;

/// Windows that the page offers, in days.
const DAYS: [u16; 4] = [7, 30, 90, 400];
/// Most incidents of a list.
const MAX_ROWS: usize = 300;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    /// Window in days.
    days: Option<u16>,
    /// Only incidents of this check.
    check: String,
}

#[derive(Template)]
#[template(path = "incidents.html")]
struct Incidents {
    shell: Shell,
    rows: Vec<Row>,
    open: usize,
    more: usize,
    days: Vec<(u16, bool)>,
    checks: Vec<(&'static str, bool)>,
    marks: Vec<(Moment, String, String)>,
    offer: Option<Offer>,
}

struct Row {
    id: String,
    check: String,
    subject: Option<String>,
    since: Moment,
    began: Timestamp,
    lasted: String,
    is_open: bool,
    is_critical: bool,
    what: String,
    acknowledged: Option<String>,
}

/// Lists incidents.
pub(super) async fn incidents(State(source): State<Source>, Query(choice): Query<Choice>) -> Response {
    match read(&source, choice).await {
        Ok(incidents) => page(&incidents),
        Err(missing) => missing.page(&source, Place::Incidents),
    }
}

async fn read(source: &Source, choice: Choice) -> Result<Incidents, Missing> {
    let now = source.clock.now();
    let days = choice.days.filter(|days| DAYS.contains(days)).unwrap_or(30);
    let after = now - SignedDuration::from_hours(24 * i64::from(days));
    let shown = source.monitored.shown();
    let wanted = shown.checks.iter().filter(|check| choice.check.is_empty() || **check == choice.check);
    let found = try_join_all(wanted.map(|check| source.history.incidents(check, after))).await?;
    let mut rows: Vec<Row> = found.into_iter().flatten().map(|record| row(record, now)).collect();
    rows.sort_by_key(|row| (!row.is_open, Reverse(row.began)));
    let open = rows.iter().filter(|row| row.is_open).count();
    let more = rows.len().saturating_sub(MAX_ROWS);
    rows.truncate(MAX_ROWS);
    let marks = source.history.marks(after).await?;
    let mut shell = Shell::new(source, Place::Incidents, "Incidents");
    shell.tone = if open > 0 { "bad" } else { "good" };
    Ok(Incidents {
        shell,
        rows,
        open,
        more,
        offer: source.actions.as_ref().map(Actions::offer),
        days: DAYS.map(|own| (own, own == days)).to_vec(),
        checks: shown.checks.iter().map(|check| (*check, *check == choice.check)).collect(),
        marks: marks.into_iter().map(|mark| (Moment(mark.at), mark.text, mark.by)).collect(),
    })
}

fn row(record: IncidentRecord, now: Timestamp) -> Row {
    let end = record.closed_at.unwrap_or(now);
    Row {
        since: Moment(record.since),
        began: record.since,
        lasted: lasted(end.duration_since(record.since)),
        is_open: record.closed_at.is_none(),
        is_critical: record.severity == Severity::Critical,
        what: format!("{}, {}: {}", record.latest.step, record.latest.kind, record.latest.actual.as_str()),
        subject: (!record.subject.is_whole()).then(|| record.subject.as_str().to_owned()),
        acknowledged: record.acknowledged.map(|given| given.by),
        id: record.id,
        check: record.check,
    }
}
