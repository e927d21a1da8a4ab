//! `GET /about`: what this is, and where its numbers come from.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::shell::{Place, Shell, page};
use crate::source::Source;

#[derive(Template)]
#[template(path = "about.html")]
struct About {
    shell: Shell,
    place: String,
    options: String,
    kept: String,
    checks: Vec<(&'static str, Option<String>, u64, u64)>,
    runs_here: bool,
    alarms: usize,
    /// Numbers of questions, and of repeated ones.
    asked: Option<(u64, u64)>,
}

/// Shows the release and the sources.
pub(super) async fn about(State(source): State<Source>) -> Response {
    let shown = source.monitored.shown();
    let standings = source.live.as_ref().map(|live| live.board.standings()).unwrap_or_default();
    let checks = shown.checks.iter().map(|check| {
        let progress = standings.get(check);
        let every = progress.map(|progress| progress.every.as_secs());
        let every = every.map(|seconds| check::message::span(i64::try_from(seconds).unwrap_or(i64::MAX)));
        let runs = progress.map_or(0, |progress| progress.runs.values().sum());
        (*check, every, runs, progress.map_or(0, |progress| progress.missed))
    });
    page(&About {
        shell: Shell::new(&source, Place::About, "About"),
        place: source.place.clone(),
        options: source.options.clone(),
        kept: source.kept.clone(),
        checks: checks.collect(),
        runs_here: source.live.is_some(),
        alarms: shown.alarms.len(),
        asked: source.once_per_minute.as_ref().map(|memo| memo.counts()),
    })
}
