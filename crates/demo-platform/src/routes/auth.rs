//! Log-in, log-out and the current user.
//!
//! Assumed: without a session, an account with a second factor gets one token after the password, valid only for submitting
//! the code, and a full token after the code. A log-in counts once the code is accepted. Codes are throttled separately from
//! passwords, as in Fortify.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde_json::{Value, json};

use crate::answers::laravel::{self, Client, Problem, rate_limit, unauthenticated};
use crate::faults::Fault;
use crate::layers::caller::{Caller, LoggedIn, csrf_check};
use crate::names::Names;
use crate::platform::Platform;
use crate::seed::Account;
use crate::state::counters::Event;
use crate::state::session::Session;
use crate::state::throttle::Limit;

/// Redirect target of the fault `login-redirects-outside`: a reserved name that never resolves.
const OUTSIDE: &str = "http://login.just-driving.invalid/";

pub(crate) fn routes(names: &Names) -> Router<Arc<Platform>> {
    Router::new()
        .route(names.login, post(log_in).route_layer(from_fn(csrf_check)))
        .route(names.challenge, post(challenge).route_layer(from_fn(csrf_check)))
        .route(names.me, get(me))
        .route(names.logout, post(log_out).route_layer(from_fn(csrf_check)))
}

async fn log_in(
    State(platform): State<Arc<Platform>>,
    Extension(caller): Extension<Caller>,
    client: Client,
    headers: HeaderMap,
) -> Response {
    if platform.has(Fault::LoginSlow) {
        tokio::time::sleep(platform.slow_delay).await;
    }
    if platform.has(Fault::Login500) {
        return Problem::ServerError.answer(client);
    }
    attempt(&platform, &caller, client, &headers, |answer| answer)
}

/// Handles the log-in form: redirects a browser onwards, or back to the form.
pub(crate) async fn log_in_by_form(
    State(platform): State<Arc<Platform>>,
    Extension(caller): Extension<Caller>,
    client: Client,
    headers: HeaderMap,
) -> Response {
    let home = |answer: Response| {
        if answer.status().is_success() { laravel::redirect(&headers, "/home") } else { answer }
    };
    attempt(&platform, &caller, client, &headers, home)
}

/// Handles one attempt. It is throttled before anything is compared, and counts even if it fails. `on_success` builds the
/// answer to a successful attempt.
fn attempt(
    platform: &Platform,
    caller: &Caller,
    client: Client,
    headers: &HeaderMap,
    on_success: impl FnOnce(Response) -> Response,
) -> Response {
    let now = platform.now();
    let email = caller.field(platform.names.email).unwrap_or_default().to_lowercase();
    let mut limit = platform.log_ins.attempt(&email, now);
    if platform.has(Fault::Throttled) {
        (limit.is_over, limit.remaining) = (true, 0);
    }
    if limit.is_over {
        platform.counters.note(Event::Lockout, now);
        return too_many(platform, platform.names.email, limit, client, headers);
    }
    let answer = match authenticate(platform, caller) {
        Ok(account) => on_success(after_password(platform, caller, account)),
        Err(problem) => rejected(platform, problem, client, headers),
    };
    with_rate_limit(platform, answer, &limit)
}

/// Finds the account and compares the password.
fn authenticate<'p>(platform: &'p Platform, caller: &Caller) -> Result<&'p Account, Problem> {
    let names = platform.names;
    let (email, password) = (caller.field(names.email), caller.field(names.password));
    let (Some(email), Some(password)) = (email, password) else {
        let sent = [(names.email, email), (names.password, password)];
        let missing = sent.into_iter().filter(|(_, value)| value.is_none()).map(|(field, _)| required(field));
        return Err(Problem::Invalid { status: 422, errors: missing.collect() });
    };
    let known = platform.accounts.by_email(email);
    let is_right = |account: &&Account| {
        platform.accounts.is_password(account, password) || platform.has(Fault::WrongPasswordAccepted)
    };
    match known.filter(is_right) {
        Some(account) => Ok(account),
        None => {
            platform.counters.note(Event::LoginFailed, platform.now());
            if let (true, Some(account), Some(id)) = (platform.has(Fault::RefusalLogsIn), known, caller.session_id()) {
                platform.sessions.change(&id, |session| session.user = Some(account.id));
            }
            let text = "These credentials do not match our records.".to_owned();
            Err(Problem::Invalid { status: names.refused, errors: vec![(names.email, text)] })
        }
    }
}

fn required(field: &'static str) -> (&'static str, String) {
    (field, format!("The {field} field is required."))
}

/// Rejects invalid input: JSON with the errors, or a redirect back to the form for a browser.
fn rejected(platform: &Platform, problem: Problem, client: Client, headers: &HeaderMap) -> Response {
    match client {
        Client::Browser => laravel::back(headers, platform.names.form),
        Client::Json => problem.answer(client),
    }
}

/// Answers an attempt beyond the limit, as Laravel's middleware does, or as a log-in scaffold that reports it as invalid input.
fn too_many(platform: &Platform, field: &'static str, limit: Limit, client: Client, headers: &HeaderMap) -> Response {
    if platform.names.is_throttled_by_middleware() {
        return Problem::TooManyAttempts { limit, now: platform.now() }.answer(client);
    }
    let text = "Too many login attempts. Please try again in 42 seconds.".to_owned();
    let problem = Problem::Invalid { status: platform.names.throttled, errors: vec![(field, text)] };
    rejected(platform, problem, client, headers)
}

/// Adds the rate limit headers of Laravel's middleware, if the middleware is in use.
fn with_rate_limit(platform: &Platform, mut answer: Response, limit: &Limit) -> Response {
    if platform.names.is_throttled_by_middleware() {
        rate_limit(&mut answer, limit);
    }
    answer
}

/// Completes the log-in, or asks for the code of the second factor.
fn after_password(platform: &Platform, caller: &Caller, account: &Account) -> Response {
    let Some(id) = caller.session_id() else {
        if account.second_factor {
            let token = platform.accounts.token(account.id, !platform.has(Fault::SecondFactorSkipped));
            return with_body(platform, &json!({ "two_factor": true, "token": token }));
        }
        return complete_with_token(platform, account);
    };
    if account.second_factor {
        let is_skipped = platform.has(Fault::SecondFactorSkipped);
        platform.sessions.change(&id, |session| {
            session.pending = Some(account.id);
            session.user = is_skipped.then_some(account.id);
        });
        return with_body(platform, &json!({ "two_factor": true }));
    }
    complete(platform, caller, &id, account.id)
}

async fn challenge(
    State(platform): State<Arc<Platform>>,
    Extension(caller): Extension<Caller>,
    client: Client,
    headers: HeaderMap,
) -> Response {
    let (names, now) = (platform.names, platform.now());
    let session = caller.session(&platform);
    let token = caller.token.as_deref();
    let pending = match &session {
        Some(session) => session.pending.and_then(|id| platform.accounts.by_id(id)),
        None => token.and_then(|token| platform.accounts.by_token(token, true)),
    };
    let Some(account) = pending else { return unauthenticated(client, &headers, names.form) };
    let limit = platform.codes.attempt(&account.email, now);
    if limit.is_over {
        return too_many(&platform, names.code, limit, client, &headers);
    }
    let error = match caller.field(names.code) {
        Some(code) if platform.accounts.accept_code(account.id, code, now) => {
            let answer = match session {
                Some(session) => complete(&platform, &caller, &session.id, account.id),
                None => {
                    platform.accounts.revoke(token.unwrap_or_default());
                    complete_with_token(&platform, account)
                }
            };
            return with_rate_limit(&platform, answer, &limit);
        }
        Some(_) => (names.code, "The provided two factor authentication code was invalid.".to_owned()),
        None => required(names.code),
    };
    platform.counters.note(Event::LoginFailed, now);
    let problem = Problem::Invalid { status: 422, errors: vec![error] };
    with_rate_limit(&platform, rejected(&platform, problem, client, &headers), &limit)
}

/// A successful answer with a body, so its status is never 204.
fn with_body(platform: &Platform, body: &Value) -> Response {
    let status = if platform.names.logged_in == 204 { 200 } else { platform.names.logged_in };
    (StatusCode::from_u16(status).unwrap_or(StatusCode::OK), laravel::json(body)).into_response()
}

/// Completes a log-in without a session: issues a bearer token.
fn complete_with_token(platform: &Platform, account: &Account) -> Response {
    platform.counters.note(Event::LoginSucceeded, platform.now());
    if platform.has(Fault::LoginRedirectsOutside) {
        return laravel::redirect_to(OUTSIDE);
    }
    with_body(platform, &json!({ "token": platform.accounts.token(account.id, false) }))
}

/// Completes a log-in with a session, which gets a new id and token.
fn complete(platform: &Platform, caller: &Caller, id: &str, account: u32) -> Response {
    let session = platform.sessions.regenerate(id, platform.now(), |session| {
        session.user = Some(account);
        session.pending = None;
    });
    caller.set_session(&session);
    platform.counters.note(Event::LoginSucceeded, platform.now());
    if platform.has(Fault::LoginRedirectsOutside) {
        return laravel::redirect_to(OUTSIDE);
    }
    StatusCode::from_u16(platform.names.logged_in).unwrap_or(StatusCode::OK).into_response()
}

async fn me(State(platform): State<Arc<Platform>>, LoggedIn(user): LoggedIn) -> Response {
    let shown = if platform.has(Fault::WrongUser) { another_user(&platform, &user) } else { &user };
    laravel::json(&user_json(&platform, shown))
}

/// Another account, of the same role if possible, so that only the identity differs.
fn another_user<'p>(platform: &'p Platform, user: &'p Account) -> &'p Account {
    let others = || platform.seed.accounts.iter().filter(|account| account.id != user.id);
    others().find(|account| account.role == user.role).or_else(|| others().next()).unwrap_or(user)
}

fn user_json(platform: &Platform, user: &Account) -> Value {
    let Account { id, name, email, role, school_ids, .. } = user;
    if platform.is_wrapped {
        let data = json!({
            "id": id, "name": name, "email": email, "role": role,
            "school_ids": school_ids, "current_school_id": school_ids.first(),
        });
        return json!({ "data": data });
    }
    json!({ "uid": id.to_string(), "full_name": name, "mail": email, "kind": role })
}

async fn log_out(
    State(platform): State<Arc<Platform>>,
    Extension(caller): Extension<Caller>,
    client: Client,
    headers: HeaderMap,
) -> Response {
    if caller.user(&platform).is_none() {
        platform.counters.note(Event::LogoutFailed, platform.now());
        return unauthenticated(client, &headers, platform.names.form);
    }
    platform.counters.note(Event::LogoutSucceeded, platform.now());
    if !platform.has(Fault::SessionSurvivesLogout) {
        match caller.session(&platform).filter(|session| session.user.is_some()) {
            Some(Session { id, .. }) => {
                let fresh = platform.sessions.regenerate(&id, platform.now(), |session| {
                    (session.user, session.pending) = (None, None);
                });
                caller.set_session(&fresh);
            }
            None => platform.accounts.revoke(caller.token.as_deref().unwrap_or_default()),
        }
    }
    StatusCode::from_u16(platform.names.logged_out).unwrap_or(StatusCode::OK).into_response()
}
