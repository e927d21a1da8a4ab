//! The page as the console serves it.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::records::read;
use super::summary::Summary;
use super::{badge, feed, json, page};
use crate::shell::{self, Missing, Place, Shell};
use crate::source::Source;
use crate::status_settings::StatusSettings;

/// Routes of the page and its files.
pub(crate) fn routes() -> Router<Source> {
    Router::new()
        .route("/status", get(status))
        .route("/status/status.css", get(style))
        .route("/status/status.json", get(|source| file(source, "application/json", json::json)))
        .route("/status/badge.svg", get(|source| file(source, "image/svg+xml", badge::badge)))
        .route("/status/feed.atom", get(|source| file(source, "application/atom+xml", feed::feed)))
}

#[derive(Template)]
#[template(path = "status_missing.html")]
struct MissingPage {
    shell: Shell,
}

async fn status(State(source): State<Source>) -> Response {
    let shown = source.monitored.shown();
    let Some(settings) = &shown.status else {
        let mut shell = Shell::new(&source, Place::Status, "Status page");
        shell.tone = "unsure";
        return (StatusCode::NOT_FOUND, shell::page(&MissingPage { shell })).into_response();
    };
    match summary(&source, settings).await {
        Ok(summary) => shell::html(&page::page(&summary, "status/")),
        Err(missing) => missing.page(&source, Place::Status),
    }
}

async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], page::STYLE).into_response()
}

async fn file(State(source): State<Source>, kind: &'static str, render: fn(&Summary) -> String) -> Response {
    let shown = source.monitored.shown();
    let Some(settings) = &shown.status else {
        return (StatusCode::NOT_FOUND, "expected the section [status_page] in the settings\n").into_response();
    };
    match summary(&source, settings).await {
        Ok(summary) => ([(CONTENT_TYPE, kind)], render(&summary)).into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the history cannot be read\n").into_response(),
    }
}

async fn summary(source: &Source, settings: &StatusSettings) -> Result<Summary, Missing> {
    Ok(read(&*source.history, settings, source.clock.now()).await?)
}
