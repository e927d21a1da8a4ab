//! Identification of the caller, by session cookie or bearer token, and the CSRF check. The check runs before throttling and
//! handlers but after routing, so an unsupported method is 405 with or without a token.
//!
//! Pages always have a session. As in Sanctum, the API has a session if `Referer` or `Origin` names this host. Otherwise it is
//! stateless, and only a bearer token identifies the caller.

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

use crate::answers::laravel::{Client, Problem, unauthenticated};
use crate::faults::Fault;
use crate::platform::Platform;
use crate::seed::Account;
use crate::state::session::Session;

/// Limit for request bodies, far above the largest one. **Units:** bytes.
const LARGEST_BODY: usize = 1 << 20;

/// The caller of a request.
#[derive(Clone)]
pub(crate) struct Caller {
    /// The id of the session, which changes at each log-in; `None` if stateless.
    session: Option<Arc<Mutex<String>>>,
    /// The bearer token.
    pub(crate) token: Option<String>,
    /// The fields of a form or JSON body; empty for other or invalid bodies.
    fields: Arc<BTreeMap<String, String>>,
    /// The whole JSON body; null for other bodies.
    pub(crate) body: Arc<Value>,
    /// May change data: the request sent the session's CSRF token, or has no session that another site could abuse.
    passes_csrf_check: bool,
}

impl Caller {
    /// The stored session.
    pub(crate) fn session(&self, platform: &Platform) -> Option<Session> {
        platform.sessions.get(&self.session_id()?)
    }

    pub(crate) fn session_id(&self) -> Option<String> {
        Some(self.session.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Updates the session id.
    pub(crate) fn set_session(&self, session: &Session) {
        if let Some(id) = &self.session {
            id.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&session.id);
        }
    }

    /// The logged-in account, by session or otherwise by bearer token, as in Sanctum.
    pub(crate) fn user<'p>(&self, platform: &'p Platform) -> Option<&'p Account> {
        let by_session = self.session(platform).and_then(|session| platform.accounts.by_id(session.user?));
        by_session.or_else(|| platform.accounts.by_token(self.token.as_deref()?, false))
    }

    /// A field of the body. Empty fields count as missing, as in Laravel.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Extractor for a logged-in account. Other callers get the answer for unauthenticated requests.
pub(crate) struct LoggedIn(pub(crate) Account);

impl FromRequestParts<Arc<Platform>> for LoggedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, platform: &Arc<Platform>) -> Result<Self, Response> {
        let user = parts.extensions.get::<Caller>().and_then(|caller| caller.user(platform)).cloned();
        let rejection = || unauthenticated(Client::from_headers(&parts.headers), &parts.headers, platform.names.form);
        user.map(Self).ok_or_else(rejection)
    }
}

/// The layer for pages.
pub(crate) async fn recognize_on_pages(
    State(platform): State<Arc<Platform>>,
    request: Request,
    next: Next,
) -> Response {
    serve(&platform, request, next, true).await
}

/// The layer for the API.
pub(crate) async fn recognize_on_api(State(platform): State<Arc<Platform>>, request: Request, next: Next) -> Response {
    let is_stateful = is_first_party(request.headers());
    serve(&platform, request, next, is_stateful).await
}

async fn serve(platform: &Platform, request: Request, next: Next, is_stateful: bool) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return Problem::ServerError.answer(Client::from_headers(&head.headers));
    };
    let sent = json(&head.headers, &body);
    let fields = fields(&head.headers, &body, &sent);
    let token = bearer(&head.headers).map(str::to_owned);
    let (names, now) = (platform.names, platform.now());
    let session = is_stateful.then(|| platform.sessions.resume_or_start(&head.headers, names, now));
    let passes_csrf_check = session.as_ref().is_none_or(|session| {
        !platform.has(Fault::CsrfBroken) && has_csrf_token(platform, session, &head.headers, &fields)
    });
    let session = session.map(|session| Arc::new(Mutex::new(session.id)));
    let caller = Caller { session, token, fields: Arc::new(fields), body: Arc::new(sent), passes_csrf_check };
    let mut request = Request::from_parts(head, Body::from(body));
    request.extensions_mut().insert(caller.clone());
    let answer = next.run(request).await;
    let Some(session) = caller.session(platform) else { return answer };
    let own = platform.sessions.session_cookie(&session, names, now);
    match answer.status().as_u16() {
        // Rejected before a session started.
        405 => answer,
        // Only answers that passed the CSRF check carry the token's cookie.
        419 => (AppendHeaders([own]), answer).into_response(),
        _ => (AppendHeaders([platform.sessions.csrf_cookie(&session, names, now), own]), answer).into_response(),
    }
}

/// The layer for methods that change data: 419 without a valid CSRF token.
pub(crate) async fn csrf_check(
    Extension(caller): Extension<Caller>,
    client: Client,
    request: Request,
    next: Next,
) -> Response {
    if caller.passes_csrf_check { next.run(request).await } else { Problem::PageExpired.answer(client) }
}

/// Returns true if a request carries the session's CSRF token: as a field, in `X-CSRF-TOKEN`, or sealed as in the cookie and
/// URL-decoded.
fn has_csrf_token(
    platform: &Platform,
    session: &Session,
    headers: &HeaderMap,
    fields: &BTreeMap<String, String>,
) -> bool {
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

fn is_first_party(headers: &HeaderMap) -> bool {
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
    // Laravel parses JSON only if the content type declares it.
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
