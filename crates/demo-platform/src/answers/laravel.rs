//! Answers of Laravel 8: browser detection, error pages, JSON and redirects.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT, ALLOW, CONTENT_TYPE, HOST, LOCATION, REFERER, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use hyper::ext::ReasonPhrase;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value, json};

use crate::answers::html;
use crate::state::throttle::Limit;

/// The kind of client, as Laravel classifies it: a browser gets pages and redirects, others get JSON and statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    Browser,
    Json,
}

impl Client {
    /// Laravel's `expectsJson`: the client prefers JSON, or it is a script (`XMLHttpRequest`) that accepts anything.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let preferred = preferred(text(ACCEPT));
        let is_script = text(HeaderName::from_static("x-requested-with")) == "XMLHttpRequest"
            && !headers.contains_key("x-pjax")
            && matches!(preferred, None | Some("*/*" | "*"));
        let wants_json = preferred.is_some_and(|media| media.contains("/json") || media.contains("+json"));
        if is_script || wants_json { Self::Json } else { Self::Browser }
    }
}

/// The first media type with the highest quality.
fn preferred(accept: &str) -> Option<&str> {
    let quality = |media: &str| {
        let q = media.split(';').skip(1).find_map(|parameter| parameter.trim().strip_prefix("q="));
        q.and_then(|q| q.trim().parse::<f32>().ok()).unwrap_or(1.0)
    };
    let listed = accept.split(',').map(str::trim).filter(|media| !media.is_empty());
    // `max_by` would return the last of several equal types.
    let best = listed.reduce(|best, next| if quality(next) > quality(best) { next } else { best });
    best.and_then(|media| media.split(';').next()).map(str::trim)
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::from_headers(&parts.headers))
    }
}

/// Errors of the contract, answered like Laravel's exception handler with `APP_DEBUG=false`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    NotFound,
    /// A missing record: `No query results for model […]`.
    NoRecord {
        model: &'static str,
        id: String,
    },
    Forbidden,
    /// 419: the CSRF token is missing, stale or wrong.
    PageExpired,
    /// Invalid fields, each with a message.
    Invalid {
        status: u16,
        errors: Vec<(&'static str, String)>,
    },
    TooManyAttempts {
        limit: Limit,
        now: Timestamp,
    },
    MethodNotAllowed {
        method: Method,
        allow: String,
    },
    ServerError,
    /// `php artisan down --retry=60`.
    Maintenance,
}

impl Problem {
    pub(crate) fn answer(self, client: Client) -> Response {
        let (status, page, message) = match &self {
            Self::NotFound => (StatusCode::NOT_FOUND, html::error("404", "Not Found"), String::new()),
            Self::NoRecord { model, id } => (
                StatusCode::NOT_FOUND,
                html::error("404", "Not Found"),
                format!("No query results for model [App\\Models\\{model}] {id}"),
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                html::error("403", "This action is unauthorized."),
                "This action is unauthorized.".to_owned(),
            ),
            Self::PageExpired => {
                (page_expired(), html::error("419", "Page Expired"), "CSRF token mismatch.".to_owned())
            }
            Self::Invalid { status, .. } => (
                StatusCode::from_u16(*status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY),
                html::error(&status.to_string(), "The given data was invalid."),
                "The given data was invalid.".to_owned(),
            ),
            Self::TooManyAttempts { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                html::error("429", "Too Many Requests"),
                "Too Many Attempts.".to_owned(),
            ),
            Self::MethodNotAllowed { method, allow } => (
                StatusCode::METHOD_NOT_ALLOWED,
                html::bare_error("405 Method Not Allowed", "Method Not Allowed"),
                format!("The {method} method is not supported for this route. Supported methods: {allow}."),
            ),
            Self::ServerError => {
                (StatusCode::INTERNAL_SERVER_ERROR, html::error("500", "Server Error"), "Server Error".to_owned())
            }
            Self::Maintenance => (
                StatusCode::SERVICE_UNAVAILABLE,
                html::error("503", "Service Unavailable"),
                "Service Unavailable".to_owned(),
            ),
        };
        let mut answer = match client {
            Client::Browser => (status, Html(page)).into_response(),
            Client::Json => match &self {
                Self::Invalid { errors, .. } => {
                    let errors: Map<_, _> =
                        errors.iter().map(|(field, text)| ((*field).to_owned(), json!([text]))).collect();
                    pretty(status, &json!({ "message": message, "errors": errors }))
                }
                _ => error_json(status, &message),
            },
        };
        match self {
            Self::MethodNotAllowed { allow, .. } => set(&mut answer, ALLOW, &allow),
            Self::Maintenance => set(&mut answer, RETRY_AFTER, "60"),
            Self::TooManyAttempts { limit, now } => {
                let seconds = limit.resets.duration_since(now).as_secs().max(1);
                set(&mut answer, RETRY_AFTER, &seconds.to_string());
                set(&mut answer, HeaderName::from_static("x-ratelimit-reset"), &limit.resets.as_second().to_string());
                rate_limit(&mut answer, &limit);
            }
            Self::PageExpired => {
                // Neither PHP nor hyper has a reason phrase for 419; Symfony sends this one.
                answer.extensions_mut().insert(ReasonPhrase::from_static(b"unknown status"));
            }
            _ => {}
        }
        answer
    }
}

fn page_expired() -> StatusCode {
    StatusCode::from_u16(419).unwrap_or(StatusCode::FORBIDDEN)
}

/// Adds the rate limit headers of a throttled route.
pub(crate) fn rate_limit(answer: &mut Response, limit: &Limit) {
    set(answer, HeaderName::from_static("x-ratelimit-limit"), &limit.attempts.to_string());
    set(answer, HeaderName::from_static("x-ratelimit-remaining"), &limit.remaining.to_string());
}

/// Answers a client that is not logged in: 401, or a redirect to the login page.
pub(crate) fn unauthenticated(client: Client, headers: &HeaderMap, form: &str) -> Response {
    match client {
        Client::Browser => redirect(headers, form),
        Client::Json => error_json(StatusCode::UNAUTHORIZED, "Unauthenticated."),
    }
}

/// Laravel pretty-prints errors, and writes other JSON in one line.
fn error_json(status: StatusCode, message: &str) -> Response {
    pretty(status, &json!({ "message": message }))
}

fn pretty(status: StatusCode, value: &Value) -> Response {
    // PHP indents by four spaces, serde_json's pretty printer by two.
    let mut body = Vec::new();
    let mut writer = Serializer::with_formatter(&mut body, PrettyFormatter::with_indent(b"    "));
    // Serializing a `Value` never fails.
    let _ = value.serialize(&mut writer);
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}

/// A 200 answer with JSON in one line.
pub(crate) fn json(value: &impl Serialize) -> Response {
    axum::Json(value).into_response()
}

/// A 302 redirect to an absolute URL on the requested host, as Laravel builds it.
pub(crate) fn redirect(headers: &HeaderMap, path: &str) -> Response {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    redirect_to(&format!("http://{host}{path}"))
}

/// A 302 redirect back to the referring page, Laravel's answer to a browser with invalid input.
pub(crate) fn back(headers: &HeaderMap, otherwise: &str) -> Response {
    match headers.get(REFERER).and_then(|page| page.to_str().ok()) {
        Some(page) => redirect_to(page),
        None => redirect(headers, otherwise),
    }
}

/// A 302 redirect to any URL.
pub(crate) fn redirect_to(target: &str) -> Response {
    let mut answer = (StatusCode::FOUND, Html(html::redirect(target))).into_response();
    set(&mut answer, LOCATION, target);
    answer
}

/// The answer for a path without a route.
pub(crate) async fn not_found(client: Client) -> Response {
    Problem::NotFound.answer(client)
}

/// Sets a header. Invalid values are skipped, but no caller passes one.
pub(crate) fn set(answer: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(accept: Option<&str>, script: bool) -> Client {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(ACCEPT, accept.parse().unwrap());
        }
        if script {
            headers.insert("x-requested-with", HeaderValue::from_static("XMLHttpRequest"));
        }
        Client::from_headers(&headers)
    }

    #[test]
    fn json_is_for_clients_that_prefer_it_and_for_scripts() {
        let cases = [
            (None, false, Client::Browser),
            (Some("*/*"), false, Client::Browser),
            (Some("text/html"), false, Client::Browser),
            (Some("text/html, application/json"), false, Client::Browser),
            (Some("application/json"), false, Client::Json),
            (Some("application/json, text/html"), false, Client::Json),
            (Some("text/html;q=0.8, application/json"), false, Client::Json),
            (Some("application/json;q=0.1, */*"), false, Client::Browser),
            (Some("application/vnd.api+json"), false, Client::Json),
            (None, true, Client::Json),
            (Some("*/*"), true, Client::Json),
            (Some("text/html"), true, Client::Browser),
        ];
        for (accept, script, expected) in cases {
            assert_eq!(client(accept, script), expected, "Accept: {accept:?}, script: {script}");
        }
    }
}
