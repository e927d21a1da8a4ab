//! The admin endpoint: switches faults and reports the recorded requests. It is not part of the contract, and no fault affects it.
//! It answers programs on this machine only. Pages of other sites in a local browser are refused, also when their name
//! resolves to this machine (DNS rebinding).
//!
//! | request | answer |
//! |---|---|
//! | `GET /faults` | `{"active": [name], "known": [{"name", "description"}]}` |
//! | `PUT /faults/{name}` | activates a fault; 404 for an unknown one |
//! | `DELETE /faults/{name}`, `DELETE /faults` | clears one fault, or all |
//! | `GET /leftovers` | `{"leftovers": ["booking 9001 …"]}`: synthetic data that was not removed |
//! | `GET /requests` | `{"counts": {"GET /login": 3}, "last": [request]}`, see [`Recorded`](crate::Recorded) |
//! | `DELETE /requests` | clears the record |

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::faults::{Fault, UnknownFault};
use crate::platform::Platform;

/// `address` is the one that the endpoint is bound to.
pub(crate) fn router(platform: &Arc<Platform>, address: SocketAddr) -> Router {
    Router::new()
        .route("/faults", get(list).delete(clear_all))
        .route("/faults/{name}", put(activate).delete(clear))
        .route("/requests", get(requests).delete(clear_requests))
        .route("/leftovers", get(leftovers))
        .fallback(no_such_endpoint)
        .with_state(Arc::clone(platform))
        .layer(middleware::from_fn_with_state(address.ip(), refuse_other_sites))
}

/// Refuses requests sent to another name, and those from pages of another site.
async fn refuse_other_sites(State(bound): State<IpAddr>, request: Request, next: Next) -> Response {
    match refusal(&request, bound) {
        Some((status, error)) => (status, Json(json!({ "error": error }))).into_response(),
        None => next.run(request).await,
    }
}

fn refusal(request: &Request, bound: IpAddr) -> Option<(StatusCode, &'static str)> {
    let texts = |name| request.headers().get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let hosts: Vec<_> = texts(HOST).chain(request.uri().authority().map(|named| named.as_str().into())).collect();
    if hosts.is_empty() || !hosts.iter().all(|host| is_own(host, bound)) {
        let error =
            "expected a Host header that names this machine, such as localhost or 127.0.0.1, found another or none";
        return Some((StatusCode::MISDIRECTED_REQUEST, error));
    }
    let is_own_page = |origin: &str| {
        origin.split_once("://").is_some_and(|(_, named)| hosts.iter().all(|host| host.eq_ignore_ascii_case(named)))
    };
    if !texts(ORIGIN).all(|origin| is_own_page(&origin)) {
        let error = "expected no Origin header or this endpoint's own, found another site's";
        return Some((StatusCode::FORBIDDEN, error));
    }
    None
}

/// Returns true for loopback names and addresses, and the bound address. No other site can claim them.
fn is_own(host: &str, bound: IpAddr) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    if authority.as_str().contains('@') {
        return false;
    }
    if let Ok(address) = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return address.is_loopback() || address == bound;
    }
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

async fn list(State(platform): State<Arc<Platform>>) -> Json<Value> {
    let known = platform.catalogue.iter().map(|spec| json!({ "name": spec.fault, "description": spec.description }));
    Json(json!({ "active": platform.faults.active(), "known": known.collect::<Vec<_>>() }))
}

async fn activate(
    State(platform): State<Arc<Platform>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, UnknownFault> {
    platform.faults.activate(name.parse()?);
    Ok(active(&platform))
}

async fn clear(State(platform): State<Arc<Platform>>, Path(name): Path<String>) -> Result<Json<Value>, UnknownFault> {
    platform.faults.clear(name.parse()?);
    Ok(active(&platform))
}

async fn clear_all(State(platform): State<Arc<Platform>>) -> Json<Value> {
    platform.faults.clear_all();
    active(&platform)
}

fn active(platform: &Platform) -> Json<Value> {
    Json(json!({ "active": platform.faults.active() }))
}

async fn requests(State(platform): State<Arc<Platform>>) -> Json<Value> {
    Json(json!({ "counts": platform.requests.counts(), "last": platform.requests.last() }))
}

async fn clear_requests(State(platform): State<Arc<Platform>>) -> StatusCode {
    platform.requests.clear();
    StatusCode::NO_CONTENT
}

async fn leftovers(State(platform): State<Arc<Platform>>) -> Json<Value> {
    Json(json!({ "leftovers": platform.leftovers() }))
}

async fn no_such_endpoint() -> (StatusCode, Json<Value>) {
    (StatusCode::NOT_FOUND, Json(json!({ "error": "expected /faults, /faults/{name}, /requests or /leftovers" })))
}

impl IntoResponse for UnknownFault {
    fn into_response(self) -> Response {
        let body = json!({ "error": format!("failed to {self}"), "known": Fault::ALL });
        (StatusCode::NOT_FOUND, Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_names_are_those_of_this_machine() {
        let bound = "192.0.2.7".parse().unwrap();
        for (host, expected) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("localhost.:8080", true),
            ("demo.localhost:1", true),
            ("127.0.0.1:8080", true),
            ("127.1.2.3", true),
            ("[::1]:8080", true),
            ("[::1]", true),
            ("192.0.2.7:8080", true),
            ("192.0.2.8:8080", false),
            ("0.0.0.0", false),
            ("evil.example", false),
            ("evil.example:8080", false),
            ("localhost.evil.example", false),
            ("notlocalhost", false),
            ("127.0.0.1.evil.example", false),
            ("localhost@evil.example", false),
            ("evil.example@localhost", false),
            ("localhost/", false),
            (".localhost.example", false),
            ("", false),
        ] {
            assert_eq!(is_own(host, bound), expected, "{host}");
        }
    }
}
