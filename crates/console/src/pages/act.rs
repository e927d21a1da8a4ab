//! `POST /actions/{action}`.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::actions::Request;
use crate::shell::{Place, Shell, page};
use crate::source::Source;

#[derive(Template)]
#[template(path = "done.html")]
struct Done {
    shell: Shell,
    headline: &'static str,
    said: Vec<String>,
    back: String,
}

/// Carries out a form, and reports it.
pub(super) async fn act(
    State(source): State<Source>,
    Path(action): Path<String>,
    Form(request): Form<Request>,
) -> Response {
    let check = request.scope.split('/').next().unwrap_or_default();
    let known = source.monitored.shown().checks.contains(&check);
    let back = if known { format!("/checks/{check}") } else { "/incidents".to_owned() };
    let mut shell = Shell::new(&source, Place::Overview, "Done");
    let Some(actions) = &source.actions else {
        shell.tone = "unsure";
        let said = vec!["This console only shows. Start it with --allow-actions to change something.".to_owned()];
        return (StatusCode::FORBIDDEN, page(&Done { shell, headline: "Nothing was done", said, back }))
            .into_response();
    };
    let done = actions.act(&action, &request, source.clock.now()).await;
    if let Some(memo) = &source.once_per_minute {
        memo.forget().await;
    }
    match done {
        Ok(said) => page(&Done { shell, headline: "Done", said, back }),
        Err(error) => {
            shell.tone = "unsure";
            let said = format!("{error:#}").lines().map(str::to_owned).collect();
            let done = Done { shell, headline: "Nothing was done", said, back };
            (StatusCode::UNPROCESSABLE_ENTITY, page(&done)).into_response()
        }
    }
}
