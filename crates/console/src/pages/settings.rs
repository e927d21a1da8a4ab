//! `GET /settings`: the settings in effect.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::shell::{Place, Shell, page};
use crate::source::Source;

#[derive(Template)]
#[template(path = "settings.html")]
struct Settings {
    shell: Shell,
    text: Option<String>,
}

/// Shows the settings, without secrets.
pub(super) async fn settings(State(source): State<Source>) -> Response {
    let text = source.monitored.shown().settings.clone();
    page(&Settings { shell: Shell::new(&source, Place::Settings, "Settings in effect"), text })
}
