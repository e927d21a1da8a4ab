//! Completes every answer with the headers of PHP and nginx.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, DATE, SERVER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;

use crate::answers::laravel::{Client, Problem, set};
use crate::platform::Platform;

/// The outermost layer. It replaces axum's bare 405 with Laravel's and adds the headers of PHP and nginx to every answer.
pub(crate) async fn finish_answers(State(platform): State<Arc<Platform>>, request: Request, next: Next) -> Response {
    let (client, method) = (Client::from_headers(request.headers()), request.method().clone());
    let mut answer = next.run(request).await;
    if answer.status() == StatusCode::METHOD_NOT_ALLOWED {
        answer = method_not_allowed(answer, client, method);
    }
    if answer.headers().get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html")) {
        // PHP writes the charset in upper case, axum in lower case.
        set(&mut answer, CONTENT_TYPE, "text/html; charset=UTF-8");
    }
    if !answer.headers().contains_key(CACHE_CONTROL) {
        set(&mut answer, CACHE_CONTROL, "no-cache, private");
    }
    set(&mut answer, SERVER, "nginx");
    set(&mut answer, DATE, &date(platform.now()));
    // Laravel's nginx configuration adds these without `always`, so nginx leaves them out of errors.
    if answer.status().as_u16() < 400 {
        set(&mut answer, X_FRAME_OPTIONS, "SAMEORIGIN");
        set(&mut answer, X_CONTENT_TYPE_OPTIONS, "nosniff");
    }
    answer
}

fn method_not_allowed(bare: Response, client: Client, method: Method) -> Response {
    let allow = bare.headers().get(ALLOW).and_then(|allow| allow.to_str().ok()).unwrap_or_default();
    let allow = allow.split(',').map(str::trim).collect::<Vec<_>>().join(", ");
    if method != Method::OPTIONS {
        return Problem::MethodNotAllowed { method, allow }.answer(client);
    }
    let mut answer = Html(()).into_response();
    set(&mut answer, ALLOW, &allow);
    answer
}

/// Formats a date for HTTP headers.
fn date(now: Timestamp) -> String {
    now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_the_format_of_http() {
        assert_eq!(date("2026-11-02T03:04:05.6Z".parse().unwrap()), "Mon, 02 Nov 2026 03:04:05 GMT");
    }
}
