//! `GET /`: the state of everything.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use check::budget::{ErrorBudget, Objective};
use check::incident::IncidentRecord;
use check::message::budget_text;
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use settings::Window;

use crate::shell::{Missing, Place, Shell, page};
use crate::shown::{Moment, lasted, milliseconds, percent, since};
use crate::source::Source;
use crate::standing::{Recorded, Standing};
use crate::strip::Strip;

/// Most listed subjects of a check.
const MAX_SUBJECTS: usize = 2;

/// Time before its start from which a maintenance window shows.
const SOON: SignedDuration = SignedDuration::from_hours(24);

/// Choice of rows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    /// Part of the name of a check or an unhealthy subject.
    q: String,
    /// `unhealthy` shows only these.
    show: String,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    shell: Shell,
    choice: Choice,
    /// Numbers of checks by standing, the worst first.
    counts: Vec<(Standing, usize)>,
    /// Maintenance windows in effect or soon.
    windows: Vec<Planned>,
    rows: Vec<Row>,
    hidden: usize,
    headline: String,
}

/// A maintenance window.
struct Planned {
    name: String,
    reason: String,
    is_now: bool,
    from: Moment,
    until: Moment,
    /// Names of checks and subjects; `every check`.
    scopes: String,
}

/// A check.
struct Row {
    check: &'static str,
    standing: Standing,
    since: Option<String>,
    subjects: Vec<Subject>,
    more_subjects: usize,
    muted: Option<(Moment, String)>,
    strip: Strip,
    success: Option<String>,
    objective: Option<String>,
    budget: Option<Budget>,
    last: Option<(Moment, String)>,
    duration: Option<String>,
    next: Option<String>,
}

/// An unhealthy subject.
struct Subject {
    incident: String,
    name: String,
    what: String,
    acknowledged: Option<String>,
    is_critical: bool,
}

/// Error budget.
struct Budget {
    words: String,
    /// The same in a sentence.
    details: String,
    /// Width of the bar, 0 to 100; `None` while the budget is unknown.
    width: Option<u32>,
    is_spent: bool,
}

/// Shows the overview.
pub(super) async fn overview(State(source): State<Source>, Query(choice): Query<Choice>) -> Response {
    match read(&source, choice).await {
        Ok(overview) => page(&overview),
        Err(missing) => missing.page(&source, Place::Overview),
    }
}

async fn read(source: &Source, choice: Choice) -> Result<Overview, Missing> {
    let now = source.clock.now();
    let shown = source.monitored.shown();
    let standings = source.live.as_ref().map(|live| live.board.standings()).unwrap_or_default();
    let recorded = try_join_all(shown.checks.iter().map(|check| Recorded::read(&*source.history, check, now))).await?;
    let mut rows = Vec::new();
    for (check, recorded) in shown.checks.iter().zip(recorded) {
        let progress = standings.get(check);
        let late = progress.is_some_and(|progress| progress.late(now).is_some());
        let next = progress.and_then(|progress| progress.next).map(|next| due(now, next));
        rows.push(row(check, &recorded, late, next, shown.objectives.get(*check).copied(), now));
    }
    rows.sort_by_key(|row| Reverse(row.standing));
    let mut counts: BTreeMap<Reverse<Standing>, usize> = BTreeMap::new();
    rows.iter().for_each(|row| *counts.entry(Reverse(row.standing)).or_default() += 1);
    let counts: Vec<_> = counts.into_iter().map(|(Reverse(standing), count)| (standing, count)).collect();
    let all = rows.len();
    let headline = headline(&counts, all);
    let mut shell = Shell::new(source, Place::Overview, headline.clone());
    shell.tone = match counts.first() {
        Some((Standing::Failing, _)) => "bad",
        Some((standing, _)) if standing.is_unhealthy() => "unsure",
        _ => "good",
    };
    rows.retain(|row| choice.fits(row));
    let windows = windows(&shown.windows, now);
    Ok(Overview { windows, shell, choice, counts, hidden: all - rows.len(), rows, headline })
}

/// Windows in effect, and those that begin within a day, in the order of their start.
fn windows(all: &[Window], now: Timestamp) -> Vec<Planned> {
    let soon = all.iter().filter_map(|window| Some((window, window.not_over(now)?)));
    let mut soon: Vec<_> = soon.filter(|(_, (from, _))| from.duration_since(now) < SOON).collect();
    soon.sort_by_key(|(_, (from, _))| *from);
    let planned = |(window, (from, until)): (&Window, (Timestamp, Timestamp))| Planned {
        name: window.name().to_owned(),
        reason: window.reason().to_owned(),
        is_now: from <= now,
        from: Moment(from),
        until: Moment(until),
        scopes: scopes(window.scopes()),
    };
    soon.into_iter().map(planned).collect()
}

fn scopes(scopes: &[(String, Option<check::Subject>)]) -> String {
    let name = |(check, subject): &(String, Option<check::Subject>)| match subject {
        Some(subject) => format!("{check}/{}", subject.as_str()),
        None => check.clone(),
    };
    if scopes.is_empty() { "every check".to_owned() } else { scopes.iter().map(name).collect::<Vec<_>>().join(", ") }
}

impl Choice {
    fn fits(&self, row: &Row) -> bool {
        let part = self.q.trim().to_lowercase();
        let contains = |name: &str| name.to_lowercase().contains(&part);
        let is_named = contains(row.check) || row.subjects.iter().any(|subject| contains(&subject.name));
        is_named && (!self.is_unhealthy_only() || row.standing.is_unhealthy())
    }

    fn is_unhealthy_only(&self) -> bool {
        self.show == "unhealthy"
    }
}

/// The state of everything in a few words.
fn headline(counts: &[(Standing, usize)], all: usize) -> String {
    let unhealthy: Vec<String> = counts
        .iter()
        .filter(|(standing, _)| standing.is_unhealthy())
        .map(|(standing, count)| format!("{count} {}", standing.word()))
        .collect();
    match (all, unhealthy.is_empty()) {
        (0, _) => "No check has run yet".to_owned(),
        (_, false) => format!("{} of {all}", unhealthy.join(", ")),
        (_, true) => {
            let count = |wanted: Standing| {
                counts.iter().find(|(standing, _)| *standing == wanted).map_or(0, |(_, count)| *count)
            };
            match (count(Standing::Healthy), count(Standing::Waiting)) {
                (0, _) => "No verdict yet".to_owned(),
                (_, 0) => "All healthy".to_owned(),
                (healthy, waiting) => format!("{healthy} healthy, {waiting} without a run yet"),
            }
        }
    }
}

fn due(now: Timestamp, next: Timestamp) -> String {
    if next <= now { "now".to_owned() } else { format!("in {}", lasted(next.duration_since(now))) }
}

fn row(
    check: &'static str,
    recorded: &Recorded,
    late: bool,
    next: Option<String>,
    objective: Option<Objective>,
    now: Timestamp,
) -> Row {
    let standing = recorded.standing(late);
    let open = &recorded.open;
    Row {
        check,
        standing,
        since: recorded.since(standing).map(|at| since(now, at)),
        subjects: open.iter().take(MAX_SUBJECTS).map(|incident| subject(check, incident)).collect(),
        more_subjects: open.len().saturating_sub(MAX_SUBJECTS),
        muted: recorded.mutes.first().map(|mute| (Moment(mute.until), format!("{}: {}", mute.by, mute.reason))),
        strip: Strip::new(&recorded.runs, now),
        success: recorded.success().map(percent),
        objective: objective.map(|objective| objective.to_string()),
        budget: objective.map(|objective| budget(&recorded.error_budget(objective, now))),
        last: recorded.last().map(|run| (Moment(run.at), since(now, run.at))),
        duration: recorded.last().and_then(|run| run.duration_ms).map(milliseconds),
        next,
    }
}

fn subject(check: &str, incident: &IncidentRecord) -> Subject {
    let failure = &incident.latest;
    let name = if incident.subject.is_whole() { check } else { incident.subject.as_str() };
    Subject {
        incident: incident.id.clone(),
        name: name.to_owned(),
        what: format!("{}: {}", failure.step, failure.actual.as_str()),
        acknowledged: incident.acknowledged.as_ref().map(|given| given.by.clone()),
        is_critical: incident.severity == check::incident::Severity::Critical,
    }
}

fn budget(budget: &ErrorBudget) -> Budget {
    let hundredths = budget.left.map(|left| (left * 100.0).floor());
    let words = match hundredths {
        None => "not known yet".to_owned(),
        Some(_) if budget.is_gone() => "none left".to_owned(),
        Some(hundredths) => format!("{hundredths:.0} % left"),
    };
    let width = hundredths.map(|hundredths| hundredths as u32);
    Budget { words, details: budget_text(budget), width, is_spent: budget.is_gone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headline_counts_the_unhealthy() {
        for (counts, all, expected) in [
            (vec![], 0, "No check has run yet"),
            (vec![(Standing::Waiting, 3)], 3, "No verdict yet"),
            (vec![(Standing::Maintenance, 1), (Standing::Healthy, 9)], 10, "All healthy"),
            (vec![(Standing::Waiting, 3), (Standing::Healthy, 7)], 10, "7 healthy, 3 without a run yet"),
            (vec![(Standing::Failing, 2), (Standing::Late, 1), (Standing::Healthy, 7)], 10, "2 failing, 1 late of 10"),
        ] {
            assert_eq!(headline(&counts, all), expected);
        }
    }
}
