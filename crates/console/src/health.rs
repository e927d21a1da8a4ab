//! `GET /healthz`: does every check run at its cadence?

use axum::extract::State;
use axum::http::StatusCode;

use crate::source::Source;

/// Line about a lost store. Without its name: callers need no token here.
const STORE_LOST: &str = "the store was moved, removed or replaced: put its file back, or start the program again\n";

/// Answers 200, or 503 with a line for each late check, and for a lost store. It says nothing about the platform.
pub(crate) async fn healthz(State(source): State<Source>) -> (StatusCode, String) {
    let now = source.clock.now();
    let Some(live) = source.live else { return (StatusCode::OK, "ok: this program runs no checks\n".to_owned()) };
    let standings = live.board.standings();
    let late = standings.iter().filter_map(|(check, standing)| Some(format!("{check}: {}\n", standing.late(now)?)));
    let lost = live.board.is_store_lost().then(|| STORE_LOST.to_owned());
    let faults: String = lost.into_iter().chain(late).collect();
    if faults.is_empty() {
        let checks: Vec<&str> = standings.into_keys().collect();
        (StatusCode::OK, format!("ok: {}\n", checks.join(", ")))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, faults)
    }
}
