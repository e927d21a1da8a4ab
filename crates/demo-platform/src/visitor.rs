//! Who asks: a session with its cookies, a bearer token, or nobody. And the CSRF check, which comes before throttling and
//! handlers, but after routing: a method that a path does not have is 405 with or without a token.
//!
//! Pages always have a session. The API has one when `Referer` or `Origin` names this host, as Sanctum decides it; else it is
//! stateless, and only a bearer token tells who asks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN, REFERER};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::faults::Fault;
use crate::laravel::{Client, Problem, unauthenticated};
use crate::platform::Platform;
use crate::seed::Account;
use crate::session::Session;

/// Far above the largest request.
const LARGEST_BODY: usize = 1 << 20;

/// Who asks, for the handlers.
#[derive(Clone)]
pub(crate) struct UserSession {
    /// The id of the session; it changes with a log-in. `None`: stateless.
    session: Option<Arc<Mutex<String>>>,
    /// The bearer token.
    pub(crate) token: Option<String>,
    /// What was sent as form or JSON; empty when it was neither, or broken.
    fields: Arc<BTreeMap<String, String>>,
    /// What was sent as JSON, whole; null when it was none.
    pub(crate) body: Arc<Value>,
    /// Whether it may change something: it sent the session's token, or has no session that others could ride on.
    is_proven: bool,
}

impl UserSession {
    /// The session as it is kept now.
    pub(crate) fn session(&self, platform: &Platform) -> Option<Session> {
        platform.sessions.get(&self.session_id()?)
    }

    pub(crate) fn session_id(&self) -> Option<String> {
        Some(self.session.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// The session has another id now.
    pub(crate) fn moved_to(&self, session: &Session) {
        if let Some(id) = &self.session {
            id.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&session.id);
        }
    }

    /// Who is logged in: by the session, or else by the bearer token, as Sanctum looks for them.
    pub(crate) fn user<'p>(&self, platform: &'p Platform) -> Option<&'p Account> {
        let by_session = self.session(platform).and_then(|session| platform.accounts.by_id(session.user?));
        by_session.or_else(|| platform.accounts.by_token(self.token.as_deref()?, false))
    }

    /// A field that was sent; an empty one is none, as in Laravel.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Somebody who is logged in. Whoever is not gets what strangers get.
pub(crate) struct LoggedIn(pub(crate) Account);

impl FromRequestParts<Arc<Platform>> for LoggedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, platform: &Arc<Platform>) -> Result<Self, Response> {
        let user = parts.extensions.get::<UserSession>().and_then(|visitor| visitor.user(platform)).cloned();
        let stranger = || unauthenticated(Client::from_headers(&parts.headers), &parts.headers, platform.names.form);
        user.map(Self).ok_or_else(stranger)
    }
}

/// The layer of pages.
pub(crate) async fn recognize_on_pages(
    State(platform): State<Arc<Platform>>,
    request: Request,
    next: Next,
) -> Response {
    visit(&platform, request, next, true).await
}

/// The layer of the API.
pub(crate) async fn recognize_on_api(State(platform): State<Arc<Platform>>, request: Request, next: Next) -> Response {
    let is_stateful = comes_from_here(request.headers());
    visit(&platform, request, next, is_stateful).await
}

async fn visit(platform: &Platform, request: Request, next: Next, is_stateful: bool) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return Problem::ServerError.answer(Client::from_headers(&head.headers));
    };
    let sent = json(&head.headers, &body);
    let fields = fields(&head.headers, &body, &sent);
    let token = bearer(&head.headers).map(str::to_owned);
    let (names, now) = (platform.names, platform.now());
    let session = is_stateful.then(|| platform.sessions.resume_or_start(&head.headers, names, now));
    let is_proven = session
        .as_ref()
        .is_none_or(|session| !platform.has(Fault::CsrfBroken) && proves(platform, session, &head.headers, &fields));
    let session = session.map(|session| Arc::new(Mutex::new(session.id)));
    let visitor = UserSession { session, token, fields: Arc::new(fields), body: Arc::new(sent), is_proven };
    let mut request = Request::from_parts(head, Body::from(body));
    request.extensions_mut().insert(visitor.clone());
    let answer = next.run(request).await;
    let Some(session) = visitor.session(platform) else { return answer };
    let own = platform.sessions.session_cookie(&session, names, now);
    match answer.status().as_u16() {
        // Refused before there was a session.
        405 => answer,
        // The token's cookie comes with what the CSRF check let through only.
        419 => (AppendHeaders([own]), answer).into_response(),
        _ => (AppendHeaders([platform.sessions.csrf_cookie(&session, names, now), own]), answer).into_response(),
    }
}

/// The layer of each method that changes something: 419 when it could be another site's doing.
pub(crate) async fn proven(
    Extension(visitor): Extension<UserSession>,
    client: Client,
    request: Request,
    next: Next,
) -> Response {
    if visitor.is_proven { next.run(request).await } else { Problem::PageExpired.answer(client) }
}

/// Whether an unsafe request carries the session's token: as a field, in `X-CSRF-TOKEN`, or sealed as in its cookie and
/// URL-decoded.
fn proves(platform: &Platform, session: &Session, headers: &HeaderMap, fields: &BTreeMap<String, String>) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let field = fields.get(platform.names.form_token).map(String::as_str).filter(|token| !token.is_empty());
    let sent = field.or_else(|| header("x-csrf-token"));
    match sent {
        Some(token) => token == session.token,
        None => header(platform.names.csrf_header)
            .and_then(|sealed| platform.sessions.open_decoded(sealed))
            .is_some_and(|token| token == session.token),
    }
}

fn comes_from_here(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(host) = text(HOST) else { return false };
    let from = text(REFERER).or_else(|| text(ORIGIN)).and_then(|from| Url::parse(from).ok());
    let named = from.as_ref().map(|from| match from.port() {
        Some(port) => format!("{}:{port}", from.host_str().unwrap_or_default()),
        None => from.host_str().unwrap_or_default().to_owned(),
    });
    named.is_some_and(|named| named == host)
}

pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default()
}

fn json(headers: &HeaderMap, body: &[u8]) -> Value {
    let kind = content_type(headers);
    // Laravel reads no JSON that is not said to be some.
    let is_json = kind.contains("/json") || kind.contains("+json");
    if is_json { serde_json::from_slice(body).unwrap_or_default() } else { Value::Null }
}

fn fields(headers: &HeaderMap, body: &[u8], sent: &Value) -> BTreeMap<String, String> {
    if content_type(headers).starts_with("application/x-www-form-urlencoded") {
        return form_urlencoded::parse(body).into_owned().collect();
    }
    let Value::Object(members) = sent else { return BTreeMap::new() };
    members
        .iter()
        .filter_map(|(name, value)| match value {
            Value::String(text) => Some((name.clone(), text.clone())),
            Value::Number(number) => Some((name.clone(), number.to_string())),
            _ => None,
        })
        .collect()
}
