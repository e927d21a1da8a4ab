//! The rule for callers.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, COOKIE, HOST, ORIGIN, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::assets;

/// Rule for callers.
#[derive(Clone, Debug)]
pub enum Guard {
    /// Programs on this machine. A name other than its own in `Host` is that of a site that leads browsers here (DNS
    /// rebinding).
    ThisMachine,
    /// Programs that send this token as a bearer, and browsers in which a person has given it. `/healthz` needs none: it says nothing
    /// about the platform.
    Token(Arc<str>),
}

/// Name of the cookie of a browser in which the token was given.
const COOKIE_NAME: &str = "synthetics";
/// Page on which a person gives the token.
const LOG_IN: &str = "/log-in";

/// Refuses requests that the rule does not allow.
pub(crate) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = match guard.refusal(&request) {
        Some(Refusal::NoToken) => no_token(&guard, request).await,
        Some(Refusal::Forbidden(reason)) => (StatusCode::FORBIDDEN, reason).into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Reason for a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    NoToken,
    Forbidden(&'static str),
}

impl Guard {
    /// `None`: the request is allowed.
    fn refusal(&self, request: &Request) -> Option<Refusal> {
        let headers = request.headers();
        let path = request.uri().path();
        let host = header(headers, HOST).unwrap_or_default();
        match self {
            Self::ThisMachine if !is_this_machine(host) => {
                return Some(Refusal::Forbidden("expected a name of this machine in Host, such as localhost\n"));
            }
            Self::Token(token) if path != "/healthz" && !path.starts_with("/assets/") && !has(token, headers) => {
                return Some(Refusal::NoToken);
            }
            Self::ThisMachine | Self::Token(_) => {}
        }
        // A page elsewhere can make a browser send a form here.
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        (!is_read && !is_from_here(headers, host))
            .then_some(Refusal::Forbidden("expected a form of this console; Origin and Host differ\n"))
    }
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// True if a request has the token or the cookie that stands for it.
fn has(token: &str, headers: &HeaderMap) -> bool {
    let bearer = header(headers, AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let expected = cookie(token);
    bearer.is_some_and(|sent| equal_in_constant_time(sent, token))
        || cookies.any(|(name, value)| name == COOKIE_NAME && equal_in_constant_time(value, &expected))
}

/// Value of the cookie. The token does not follow from it.
fn cookie(token: &str) -> String {
    let digest = Sha256::new().chain_update("cookie of the console: ").chain_update(token).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// True if a browser sends a form of this site. Every browser says where a form comes from.
fn is_from_here(headers: &HeaderMap, host: &str) -> bool {
    let origin = header(headers, ORIGIN).and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    origin.is_some_and(|origin| !origin.is_empty() && origin.eq_ignore_ascii_case(host))
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// Takes the same time whatever the difference is.
fn equal_in_constant_time(one: &str, other: &str) -> bool {
    let differs = one.bytes().zip(other.bytes()).fold(0, |differs, (one, other)| differs | (one ^ other));
    one.len() == other.len() && differs == 0
}

#[derive(Template)]
#[template(path = "log_in.html")]
struct LogIn {
    css: String,
    was_wrong: bool,
}

/// What a person gives.
#[derive(Deserialize)]
struct Given {
    token: String,
}

/// Answer to a request without the token: programs get the status, people the page to give it.
async fn no_token(guard: &Guard, request: Request) -> Response {
    let is_browser = header(request.headers(), ACCEPT).is_some_and(|types| types.contains("text/html"));
    let host = header(request.headers(), HOST).unwrap_or_default();
    let is_form = *request.method() == Method::POST && request.uri().path() == LOG_IN;
    if is_form && is_from_here(request.headers(), host) {
        let given = Form::<Given>::from_request(request, &()).await;
        let Guard::Token(token) = guard else { return StatusCode::NOT_FOUND.into_response() };
        return match given {
            Ok(Form(given)) if equal_in_constant_time(given.token.trim(), token) => {
                let cookie = format!("{COOKIE_NAME}={}; Path=/; HttpOnly; SameSite=Strict", cookie(token));
                ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response()
            }
            _ => log_in(true),
        };
    }
    if is_browser {
        return log_in(false);
    }
    (StatusCode::UNAUTHORIZED, "expected the token: Authorization: Bearer TOKEN\n").into_response()
}

fn log_in(was_wrong: bool) -> Response {
    let text = LogIn { css: assets::path("console.css"), was_wrong }.render().unwrap_or_default();
    (StatusCode::UNAUTHORIZED, crate::shell::headers(), Html(text)).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn names_of_this_machine_are_known() {
        for (host, expected) in [
            ("localhost", true),
            ("LOCALHOST:8490", true),
            ("127.0.0.1:8490", true),
            ("[::1]:8490", true),
            ("[::1]", true),
            ("evil.example:8490", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:80", false),
            ("", false),
        ] {
            assert_eq!(is_this_machine(host), expected, "{host}");
        }
    }

    fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request {
        let builder = Request::builder().method(method).uri(path);
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        builder.body(Body::empty()).unwrap()
    }

    #[test]
    fn forms_of_other_sites_are_refused() {
        let own = ("Host", "127.0.0.1:8490");
        for (headers, allowed) in [
            (vec![own, ("Origin", "http://127.0.0.1:8490")], true),
            (vec![own], false),
            (vec![own, ("Origin", "null")], false),
            (vec![own, ("Origin", "http://evil.example")], false),
            (vec![own, ("Origin", "http://127.0.0.1:8491")], false),
            (vec![("Host", "evil.example"), ("Origin", "http://evil.example")], false),
        ] {
            let refusal = Guard::ThisMachine.refusal(&request("POST", "/actions/mute", &headers));
            assert_eq!(refusal.is_none(), allowed, "{headers:?}");
        }
    }

    #[test]
    fn token_or_its_cookie_opens_the_pages() {
        let token = "0123456789abcdef";
        let guard = Guard::Token(token.into());
        let bearer = format!("Bearer {token}");
        let right = format!("other=1; {COOKIE_NAME}={}", cookie(token));
        let raw = format!("{COOKIE_NAME}={token}");
        for (path, headers, allowed) in [
            ("/", vec![], false),
            ("/", vec![("Authorization", bearer.as_str())], true),
            ("/", vec![("Authorization", "Bearer 0123456789abcdeX")], false),
            ("/", vec![("Cookie", right.as_str())], true),
            ("/", vec![("Cookie", raw.as_str())], false),
            ("/healthz", vec![], true),
            ("/metrics", vec![], false),
            ("/live", vec![], false),
        ] {
            assert_eq!(guard.refusal(&request("GET", path, &headers)).is_none(), allowed, "{path} {headers:?}");
        }
    }
}
