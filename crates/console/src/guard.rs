//! Who may ask.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HOST, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// Rule about who may ask.
#[derive(Clone, Debug)]
pub enum Guard {
    /// Programs on this machine. A name other than its own in `Host` is that of a site that leads browsers here (DNS
    /// rebinding).
    ThisMachine,
    /// Programs that send this token as a bearer. `/healthz` needs none: it says nothing about the platform.
    Token(Arc<str>),
}

/// Refuses requests that the rule does not allow.
pub(crate) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = match guard.refusal(request.headers(), request.uri().path()) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

impl Guard {
    /// Status and reason; `None` when the request is allowed.
    fn refusal(&self, headers: &HeaderMap, path: &str) -> Option<(StatusCode, &'static str)> {
        let header = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        match self {
            Self::ThisMachine if header(HOST).is_some_and(is_this_machine) => None,
            Self::ThisMachine => {
                Some((StatusCode::FORBIDDEN, "expected a name of this machine in Host, such as localhost\n"))
            }
            Self::Token(_) if path == "/healthz" => None,
            Self::Token(token) => {
                let sent = header(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
                let is_right = sent.is_some_and(|sent| equal_in_constant_time(sent.as_bytes(), token.as_bytes()));
                (!is_right).then_some((StatusCode::UNAUTHORIZED, "expected the token: Authorization: Bearer TOKEN\n"))
            }
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// Takes the same time whatever the difference is.
fn equal_in_constant_time(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
}

#[cfg(test)]
mod tests {
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
}
