//! Where the faults act that answer instead of a handler, or with what it answered.

use std::future::pending;
use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use futures::{StreamExt, stream};

use super::Fault;
use crate::html;
use crate::laravel::{self, Client, Problem};
use crate::platform::Platform;

/// Far above the largest answer; the handlers' answers are our own.
const LARGEST_BODY: usize = 64 << 20;

/// What stands for other people's servers.
const PARTNERS: &str = "/_partners/";

/// The faults of every request of the platform, routed or not.
pub(crate) async fn on_everything(
    State(platform): State<Arc<Platform>>,
    client: Client,
    request: Request,
    next: Next,
) -> Response {
    let active = |fault| platform.faults.is_active(fault);
    // Partners are elsewhere: what happens to the platform does not happen to them.
    if request.uri().path().starts_with(PARTNERS) {
        return next.run(request).await;
    }
    if active(Fault::Hang) {
        return pending().await;
    }
    if active(Fault::Slow) {
        tokio::time::sleep(platform.slow_delay).await;
    }
    if active(Fault::Maintenance) {
        return Problem::Maintenance.answer(client);
    }
    if active(Fault::ServerError) {
        return Problem::ServerError.answer(client);
    }
    next.run(request).await
}

/// The faults of HTML pages.
pub(crate) async fn on_pages(State(platform): State<Arc<Platform>>, request: Request, next: Next) -> Response {
    if platform.faults.is_active(Fault::RedirectLoop) {
        return laravel::redirect(request.headers(), request.uri().path());
    }
    next.run(request).await
}

/// The faults of JSON endpoints.
pub(crate) async fn on_json(State(platform): State<Arc<Platform>>, request: Request, next: Next) -> Response {
    if platform.faults.is_active(Fault::HtmlInsteadOfJson) {
        return (StatusCode::OK, Html(html::error("500", "Server Error"))).into_response();
    }
    let has_body = request.method() != Method::HEAD;
    let answer = next.run(request).await;
    let is_json = answer.headers().get(CONTENT_TYPE).is_some_and(|value| value.as_bytes() == b"application/json");
    if has_body && is_json && platform.faults.is_active(Fault::TruncatedJson) {
        return truncated(answer).await;
    }
    answer
}

/// The same answer with the length of its whole body, of which half comes before the connection is closed.
async fn truncated(answer: Response) -> Response {
    let (mut head, body) = answer.into_parts();
    let Ok(mut whole) = to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let half = whole.split_to(whole.len() / 2);
    let cut = stream::once(async {
        // hyper drops what it has not flushed when a body fails, and it flushes when a body lets it wait.
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    Response::from_parts(head, Body::from_stream(stream::iter([Ok::<Bytes, io::Error>(half)]).chain(cut)))
}
