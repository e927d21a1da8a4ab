//! Records and counts every request.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;

use crate::platform::Platform;
use crate::state::counters::Event;
use crate::state::request_log::{Recorded, RequestLog};

/// The layer that records requests.
pub(crate) async fn record(
    State(platform): State<Arc<Platform>>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let recorded = Recorded {
        at: platform.now(),
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        status: None,
        synthetic_run: header(request.headers(), "x-synthetic-run"),
        traceparent: header(request.headers(), "traceparent"),
        user_agent: header(request.headers(), "user-agent"),
    };
    platform.counters.note(Event::Request, recorded.at);
    let number = platform.requests.received(route.as_ref().map_or(RequestLog::UNROUTED, MatchedPath::as_str), recorded);
    let answer = next.run(request).await;
    platform.requests.answered(number, answer.status().as_u16());
    if answer.status().is_server_error() {
        platform.counters.note(Event::ServerError, platform.now());
    }
    answer
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
