//! `GET /demo`: the faults of the demo platform.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use crate::demo::Fault;
use crate::shell::{Missing, Place, Shell, page};
use crate::source::Source;

#[derive(Template)]
#[template(path = "demo.html")]
struct Demo {
    shell: Shell,
    active: Vec<Fault>,
    /// Faults by check.
    groups: Vec<(String, Vec<Fault>)>,
}

/// Shows the faults.
pub(super) async fn demo(State(source): State<Source>) -> Response {
    let Some(faults) = &source.faults else {
        return Missing::Unknown("page", "/demo".to_owned()).page(&source, Place::Overview);
    };
    let all = faults.list();
    let mut groups: Vec<(String, Vec<Fault>)> = Vec::new();
    for fault in all.iter().filter(|fault| !fault.active) {
        match groups.iter_mut().find(|(check, _)| *check == fault.check) {
            Some((_, group)) => group.push(fault.clone()),
            None => groups.push((fault.check.clone(), vec![fault.clone()])),
        }
    }
    let active = all.into_iter().filter(|fault| fault.active).collect();
    page(&Demo { shell: Shell::new(&source, Place::Demo, "Demo"), active, groups })
}

#[derive(Debug, Deserialize)]
pub(super) struct Switch {
    active: bool,
}

/// Switches a fault.
pub(super) async fn switch(
    State(source): State<Source>,
    Path(name): Path<String>,
    Form(switch): Form<Switch>,
) -> Response {
    match &source.faults {
        Some(faults) if faults.set(&name, switch.active) => Redirect::to("/demo").into_response(),
        _ => Missing::Unknown("fault", name).page(&source, Place::Overview),
    }
}
