//! `GET /runbooks/{check}`.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::runbook;
use crate::shell::{Missing, Place, Shell, page};
use crate::source::Source;

#[derive(Template)]
#[template(path = "runbook.html")]
struct Runbook {
    shell: Shell,
    runbook: String,
}

/// Shows a runbook.
pub(super) async fn runbook(State(source): State<Source>, Path(check): Path<String>) -> Response {
    match runbook::html(&check, false) {
        Some(runbook) => {
            page(&Runbook { shell: Shell::new(&source, Place::Overview, format!("Runbook of {check}")), runbook })
        }
        None => Missing::Unknown("runbook", check).page(&source, Place::Overview),
    }
}
