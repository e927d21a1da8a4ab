//! `GET /checks/{check}`: one check over time.

use std::collections::BTreeMap;

use alarm::{MetricAlarm, MetricId, State as AlarmState};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use check::message::budget_text;
use check::metric::{CATALOGUE, Channel, DURATION, Dimensions, Metric, NAMESPACE};
use futures::future::try_join_all;
use history::{History, RunSummary, SubjectCounts, Window};
use jiff::{SignedDuration, Timestamp};
use operations::thresholds::is_about;
use serde::Deserialize;

use crate::actions::{Actions, Offer};
use crate::alarm_row::AlarmRow;
use crate::breakdown;
use crate::chart::{Band, Chart, Drawable, Frame, Note, Span};
use crate::shell::{Missing, Place, Shell, page, visible};
use crate::shown::{Moment, milliseconds, percent, since};
use crate::source::Source;
use crate::standing::{Recorded, Standing, class};
use crate::strip::Strip;

/// Most runs of a list.
const MAX_RUNS: usize = 40;
/// Most subjects of a list, the unhealthy first.
const MAX_SUBJECTS: usize = 200;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    /// Window of the charts.
    window: String,
    /// Time before which runs are listed.
    before: Option<Timestamp>,
}

#[derive(Template)]
#[template(path = "check.html")]
struct Page {
    shell: Shell,
    check: &'static str,
    standing: Standing,
    since: Option<String>,
    open: Vec<(String, String, String)>,
    mutes: Vec<(Moment, String, String)>,
    strip: Strip,
    success: Option<String>,
    budget: Option<String>,
    spans: Vec<(&'static str, bool)>,
    span: &'static str,
    charts: Vec<Chart>,
    alarms: Vec<AlarmRow>,
    subjects: Vec<(String, SubjectCounts, String, bool)>,
    more_subjects: usize,
    runs: Vec<RunRow>,
    older: Option<String>,
    runbook: Option<String>,
    offer: Option<Offer>,
}

struct RunRow {
    at: Moment,
    link: Option<String>,
    word: &'static str,
    class: &'static str,
    duration: Option<String>,
}

/// Shows a check.
pub(super) async fn check(
    State(source): State<Source>,
    Path(check): Path<String>,
    Query(choice): Query<Choice>,
) -> Response {
    match read(&source, &check, choice).await {
        Ok(shown) => page(&shown),
        Err(missing) => missing.page(&source, Place::Overview),
    }
}

async fn read(source: &Source, name: &str, choice: Choice) -> Result<Page, Missing> {
    let now = source.clock.now();
    let shown = source.monitored.shown();
    let unknown = || Missing::Unknown("check", name.to_owned());
    let check = shown.checks.iter().copied().find(|check| *check == name).ok_or_else(unknown)?;
    let history = &*source.history;
    let recorded = Recorded::read(history, check, now).await?;
    let span = Span::read(&choice.window).unwrap_or_else(|| fitting(&recorded, now));
    let (window, period) = span.window(now);
    let until = choice.before.unwrap_or(now + SignedDuration::from_secs(1));
    let listed = Window::new(until - SignedDuration::from_hours(30 * 24), until);
    let (states, incidents, marks, runs) = futures::try_join!(
        history.alarm_states(),
        history.incidents(check, window.from - SignedDuration::from_hours(24)),
        history.marks(window.from),
        history.runs(check, listed, MAX_RUNS),
    )?;
    let alarms: Vec<&MetricAlarm> = shown.alarms.iter().filter(|alarm| is_about(alarm, check)).collect();
    let state = |alarm: &MetricAlarm| states.iter().find(|state| state.alarm == alarm.name);
    let bands = incidents.iter().filter(|incident| incident.closed_at.is_none_or(|end| end > window.from));
    let frame = Frame {
        window,
        period,
        bands: bands
            .map(|incident| Band {
                from: incident.since.as_second(),
                until: incident.closed_at.unwrap_or(now).as_second(),
                words: visible(&incident.id),
            })
            .collect(),
        marks: marks.iter().map(|mark| Note { at: mark.at.as_second(), words: visible(&mark.text) }).collect(),
    };
    let mut charts =
        charts(history, source, check, &alarms, &|alarm| state(alarm).map(|state| state.state), &frame).await?;
    let first = charts.len().min(1);
    charts.splice(first..first, breakdown::charts(history, check, &frame).await?);
    let standings = source.live.as_ref().map(|live| live.board.standings()).unwrap_or_default();
    let late = standings.get(check).is_some_and(|progress| progress.late(now).is_some());
    let standing = recorded.standing(late);
    let objective = shown.objectives.get(check).copied();
    let mut shell = Shell::new(source, Place::Overview, check);
    shell.tone = match standing {
        Standing::Failing => "bad",
        standing if standing.is_unhealthy() => "unsure",
        _ => "good",
    };
    let older = runs.has_more.then(|| runs.runs.last().map(|run| run.at.to_string())).flatten();
    let (subjects, more_subjects) = subjects(&recorded);
    Ok(Page {
        shell,
        check,
        standing,
        since: recorded.since(standing).map(|at| since(now, at)),
        open: recorded
            .open
            .iter()
            .map(|incident| {
                let failure = &incident.latest;
                let what = format!(
                    "{}, expected {}, actual {}",
                    failure.step,
                    failure.expected.as_str(),
                    failure.actual.as_str()
                );
                (incident.id.clone(), incident.subject.as_str().to_owned(), what)
            })
            .collect(),
        mutes: recorded.mutes.iter().map(|mute| (Moment(mute.until), mute.by.clone(), mute.reason.clone())).collect(),
        strip: Strip::new(&recorded.runs, now),
        success: recorded.success().map(percent),
        budget: objective.map(|objective| budget_text(&recorded.error_budget(objective, now))),
        spans: Span::ALL.iter().map(|own| (own.name(), *own == span)).collect(),
        span: span.name(),
        charts,
        alarms: alarms.iter().map(|alarm| AlarmRow::new(alarm, state(alarm), &source.environment)).collect(),
        subjects,
        more_subjects,
        runs: runs.runs.iter().map(|run| run_row(check, run)).collect(),
        older,
        offer: source.actions.as_ref().map(Actions::offer),
        runbook: runbook(check),
    })
}

/// Window for the charts: an hour is enough for a new monitor.
fn fitting(recorded: &Recorded, now: Timestamp) -> Span {
    let oldest = recorded.runs.last().map(|run| now.duration_since(run.at));
    if oldest.is_some_and(|age| age < SignedDuration::from_hours(2)) { Span::Hour } else { Span::Day }
}

/// Charts of the duration and of what only this check measures.
async fn charts(
    history: &dyn History,
    source: &Source,
    check: &str,
    alarms: &[&MetricAlarm],
    state: &(dyn Fn(&MetricAlarm) -> Option<AlarmState> + Sync),
    frame: &Frame,
) -> Result<Vec<Chart>, Missing> {
    let own = CATALOGUE.iter().filter(|metric| metric.owner == Some(check));
    let mut drawables = Vec::new();
    for metric in [&DURATION].into_iter().chain(own) {
        for channel in channels(metric) {
            let id = id(metric, &source.environment, check, channel);
            let on_it = alarms.iter().filter(|alarm| alarm.source.metrics().any(|(own, _)| *own == id));
            drawables.push(Drawable {
                title: match channel {
                    Some(channel) => format!("{} ({})", metric.name, channel.as_str()),
                    None => metric.name.to_owned(),
                },
                alarms: on_it.map(|alarm| (*alarm, state(alarm))).collect(),
                metric: id,
                unit: metric.unit,
                meaning: metric.meaning,
            });
        }
    }
    let charts = try_join_all(drawables.iter().map(|drawable| drawable.chart(history, frame))).await?;
    Ok(charts.into_iter().flatten().collect())
}

fn channels(metric: &Metric) -> Vec<Option<Channel>> {
    match metric.dimensions {
        Dimensions::EnvironmentCheckAndChannel => Channel::ALL.map(Some).to_vec(),
        Dimensions::EnvironmentAndCheck | Dimensions::Environment => vec![None],
    }
}

fn id(metric: &Metric, environment: &str, check: &str, channel: Option<Channel>) -> MetricId {
    let mut dimensions = BTreeMap::from([("Environment".to_owned(), environment.to_owned())]);
    if metric.dimensions != Dimensions::Environment {
        dimensions.insert("Check".to_owned(), check.to_owned());
    }
    dimensions.extend(channel.map(|channel| ("Channel".to_owned(), channel.as_str().to_owned())));
    MetricId { namespace: NAMESPACE.to_owned(), name: metric.name.to_owned(), dimensions }
}

/// Subjects of the last thirty days with their runs, the unhealthy first, and the number of those left out.
fn subjects(recorded: &Recorded) -> (Vec<(String, SubjectCounts, String, bool)>, usize) {
    let mut sums: BTreeMap<&str, SubjectCounts> = BTreeMap::new();
    for (subject, counts) in recorded.days.iter().filter_map(|day| day.subjects.as_ref()).flatten() {
        let sum = sums.entry(subject).or_default();
        (sum.passed, sum.failed) = (sum.passed + counts.passed, sum.failed + counts.failed);
    }
    let is_open = |subject: &str| recorded.open.iter().any(|incident| incident.subject.as_str() == subject);
    let mut rows: Vec<_> = sums
        .into_iter()
        .map(|(subject, counts)| {
            let success = counts.passed as f64 / (counts.passed + counts.failed).max(1) as f64;
            (subject.to_owned(), counts, percent(success), is_open(subject))
        })
        .collect();
    rows.sort_by_key(|(_, counts, _, is_open)| (!is_open, std::cmp::Reverse(counts.failed)));
    let more = rows.len().saturating_sub(MAX_SUBJECTS);
    rows.truncate(MAX_SUBJECTS);
    (rows, more)
}

fn run_row(check: &str, run: &RunSummary) -> RunRow {
    RunRow {
        at: Moment(run.at),
        link: run.run_id.as_ref().map(|id| format!("/checks/{check}/runs/{id}")),
        word: run.outcome.word(),
        class: class(Some(run.outcome)),
        duration: run.duration_ms.map(milliseconds),
    }
}

/// Address of the runbook's page; `None` without one.
fn runbook(check: &str) -> Option<String> {
    operations::shipped_files::runbook(check).map(|_| format!("/runbooks/{check}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_with_a_channel_have_one_chart_each() {
        let metric = CATALOGUE.iter().find(|metric| metric.name == "NotificationDeliveryDelay").unwrap();
        let ids: Vec<_> =
            channels(metric).into_iter().map(|channel| id(metric, "demo", "notifications", channel)).collect();
        assert_eq!(ids.len(), 2);
        assert_eq!(ids[0].dimensions["Channel"], "email");
        assert_eq!(ids[0].dimensions["Check"], "notifications");
    }
}
