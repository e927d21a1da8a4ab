//! Pages of the console.

mod about;
mod act;
mod alarms;
mod check;
mod demo;
mod incident;
mod incidents;
mod overview;
mod run;
mod runbook;
mod settings;

use axum::Router;
use axum::routing::{get, post};

use crate::source::Source;

/// Routes of all pages.
pub(crate) fn routes() -> Router<Source> {
    Router::new()
        .route("/", get(overview::overview))
        .route("/checks/{check}", get(check::check))
        .route("/checks/{check}/runs/{run}", get(run::run))
        .route("/incidents", get(incidents::incidents))
        .route("/incidents/{id}", get(incident::incident))
        .route("/runbooks/{check}", get(runbook::runbook))
        .route("/alarms", get(alarms::alarms))
        .route("/actions/{action}", post(act::act))
        .route("/demo", get(demo::demo))
        .route("/demo/faults/{name}", post(demo::switch))
        .route("/settings", get(settings::settings))
        .route("/about", get(about::about))
}
