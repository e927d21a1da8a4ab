//! Middleware for the faults that answer instead of a handler, or change its answer.

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

use crate::answers::html;
use crate::answers::laravel::{self, Client, Problem};
use crate::faults::Fault;
use crate::platform::Platform;

/// Limit for buffered answers, far above the largest one. **Units:** bytes.
const LARGEST_BODY: usize = 64 << 20;

/// Path prefix of the endpoints that represent third-party servers.
const PARTNERS: &str = "/_partners/";

/// Applies the faults that affect every request, including requests without a route.
pub(crate) async fn on_everything(
    State(platform): State<Arc<Platform>>,
    client: Client,
    request: Request,
    next: Next,
) -> Response {
    let active = |fault| platform.faults.is_active(fault);
    // Partners run elsewhere, so faults of the platform do not affect them.
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

/// Applies the faults of HTML pages.
pub(crate) async fn on_pages(State(platform): State<Arc<Platform>>, request: Request, next: Next) -> Response {
    if platform.faults.is_active(Fault::RedirectLoop) {
        return laravel::redirect(request.headers(), request.uri().path());
    }
    next.run(request).await
}

/// Applies the faults of JSON endpoints.
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

/// Cuts an answer: the `Content-Length` of the whole body, half of the body, then a closed connection.
async fn truncated(answer: Response) -> Response {
    let (mut head, body) = answer.into_parts();
    let Ok(mut whole) = to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let half = whole.split_to(whole.len() / 2);
    let cut = stream::once(async {
        // hyper discards unflushed data when a body fails; yielding once makes it flush.
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    Response::from_parts(head, Body::from_stream(stream::iter([Ok::<Bytes, io::Error>(half)]).chain(cut)))
}
