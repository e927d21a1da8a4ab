//! `GET /healthz`: does every check run at its cadence?

use axum::extract::State;
use axum::http::StatusCode;

use crate::source::Source;

/// Answers 200, or 503 with a line for each check that is late. It says nothing about the platform.
pub(crate) async fn healthz(State(source): State<Source>) -> (StatusCode, String) {
    let now = source.clock.now();
    let Some(live) = source.live else { return (StatusCode::OK, "ok: this program runs no checks\n".to_owned()) };
    let standings = live.board.standings();
    let late: String =
        standings.iter().filter_map(|(check, standing)| Some(format!("{check}: {}\n", standing.late(now)?))).collect();
    if late.is_empty() {
        let checks: Vec<&str> = standings.into_keys().collect();
        (StatusCode::OK, format!("ok: {}\n", checks.join(", ")))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, late)
    }
}
