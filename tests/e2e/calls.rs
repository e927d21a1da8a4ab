//! A proxy between the functions and the AWS emulator. It records calls and can disturb them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::mute_rules::{MuteRuleApi, refused};

/// Disturbance of calls to one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The call never reaches AWS, and no answer arrives.
    Hold,
    /// AWS executes the call, but the answer never arrives.
    HoldAnswer,
    /// AWS executes the call, and the answer takes 1.5 s.
    SlowAnswer,
    /// The service answers with an error.
    Refuse,
    /// The answer is truncated.
    Cut,
    /// The first two calls are throttled; later ones pass.
    ThrottleTwice,
}

/// The proxy. Dropping it stops the server.
pub struct Calls {
    /// The one API that the emulator lacks, answered here.
    pub mute_rules: Arc<MuteRuleApi>,
    url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    emulator: String,
    mute_rules: Arc<MuteRuleApi>,
    client: reqwest::Client,
    operations: Mutex<Vec<String>>,
    actions: Mutex<BTreeSet<String>>,
    obstacle: Mutex<Option<(Obstacle, &'static str)>>,
    /// Disturbance of one call to any operation, and the number of calls that pass first.
    one_call: Mutex<Option<(Obstacle, usize)>>,
    /// Answers to operations that the emulator lacks: status and body.
    answers: Mutex<BTreeMap<String, (StatusCode, String)>>,
    throttled: Mutex<u32>,
    held: Semaphore,
}

impl Calls {
    /// Starts a proxy in front of the emulator at this address.
    pub async fn to(emulator: &str) -> Self {
        let mute_rules = Arc::<MuteRuleApi>::default();
        let shared = Arc::new(Shared {
            emulator: emulator.to_owned(),
            mute_rules: Arc::clone(&mute_rules),
            client: reqwest::Client::new(),
            operations: Mutex::default(),
            actions: Mutex::default(),
            obstacle: Mutex::default(),
            one_call: Mutex::default(),
            answers: Mutex::default(),
            throttled: Mutex::default(),
            held: Semaphore::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { mute_rules, url, shared, server }
    }

    /// URL for the functions.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Takes the names of the operations called since the last time, in order.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.shared.operations))
    }

    /// All actions called so far, as policies name them: `dynamodb:GetItem`.
    pub fn actions(&self) -> BTreeSet<String> {
        lock(&self.shared.actions).clone()
    }

    /// Disturbs calls to this operation from now on.
    pub fn obstruct(&self, obstacle: Obstacle, operation: &'static str) {
        *lock(&self.shared.obstacle) = Some((obstacle, operation));
    }

    /// Lets this number of calls pass and disturbs the next one.
    pub fn obstruct_after(&self, calls: usize, obstacle: Obstacle) {
        *lock(&self.shared.one_call) = Some((obstacle, calls));
    }

    /// Answers calls to an operation with this body instead of the emulator, as AWS documents it.
    pub fn answer(&self, operation: &str, status: StatusCode, body: impl Into<String>) {
        lock(&self.shared.answers).insert(operation.to_owned(), (status, body.into()));
    }

    /// Leaves an operation to the emulator again.
    pub fn leave_to_the_emulator(&self, operation: &str) {
        lock(&self.shared.answers).remove(operation);
    }

    /// Removes all obstacles. Held calls stay held.
    pub fn clear(&self) {
        *lock(&self.shared.obstacle) = None;
        *lock(&self.shared.one_call) = None;
    }

    /// Waits until this number of calls is held.
    pub async fn held(&self, calls: u32) {
        self.shared.held.acquire_many(calls).await.unwrap().forget();
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let operation = operation(&uri, &headers, &body);
    lock(&shared.operations).push(operation.clone());
    if let Some(answer) = shared.mute_rules.answer(&operation, &body) {
        return answer;
    }
    if let Some(answer) = lock(&shared.answers).get(&operation).cloned() {
        return answer.into_response();
    }
    lock(&shared.actions).extend(actions(service(&headers).unwrap_or("unsigned"), &operation, &body));
    let for_operation = lock(&shared.obstacle).filter(|(_, name)| *name == operation).map(|(obstacle, _)| obstacle);
    let obstacle = for_operation.or_else(|| shared.for_one_call());
    match obstacle {
        Some(Obstacle::Hold) => return hold(&shared).await,
        Some(Obstacle::Refuse) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Obstacle::ThrottleTwice) => {
            let mut throttled = lock(&shared.throttled);
            *throttled += 1;
            if *throttled <= 2 {
                return throttling(&headers);
            }
        }
        Some(Obstacle::HoldAnswer | Obstacle::SlowAnswer | Obstacle::Cut) | None => {}
    }
    let mut request = shared.client.request(method, format!("{}{uri}", shared.emulator)).body(body);
    for (name, value) in headers.iter().filter(|(name, _)| !is_hop_by_hop(name.as_str())) {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let headers: Vec<_> = answer
        .headers()
        .iter()
        .filter(|(name, _)| !is_hop_by_hop(name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut body = answer.bytes().await.unwrap();
    match obstacle {
        Some(Obstacle::HoldAnswer) => return hold(&shared).await,
        Some(Obstacle::SlowAnswer) => tokio::time::sleep(Duration::from_millis(1_500)).await,
        Some(Obstacle::Cut) => body.truncate(body.len() - 2),
        _ => {}
    }
    let mut response = (status, body).into_response();
    response.headers_mut().extend(headers);
    response
}

impl Shared {
    /// Counts one call and returns its obstacle, if any.
    fn for_one_call(&self) -> Option<Obstacle> {
        let mut one_call = lock(&self.one_call);
        match &mut *one_call {
            Some((_, left)) if *left > 0 => {
                *left -= 1;
                None
            }
            _ => one_call.take().map(|(obstacle, _)| obstacle),
        }
    }
}

/// Answer of DynamoDB or CloudWatch to one call too many, in the protocol of the call.
fn throttling(headers: &HeaderMap) -> Response {
    const CODE: &str = "ThrottlingException";
    if headers.contains_key("smithy-protocol") {
        return refused(CODE, "slower");
    }
    let error = format!("{{\"__type\":\"com.amazonaws.dynamodb.v20120810#{CODE}\",\"message\":\"slower\"}}");
    (StatusCode::BAD_REQUEST, [("content-type", "application/x-amz-json-1.0")], error).into_response()
}

async fn hold(shared: &Shared) -> Response {
    shared.held.add_permits(1);
    std::future::pending().await
}

/// Headers that the proxy sets itself: it forwards the body decoded and complete, with a new length.
fn is_hop_by_hop(header: &str) -> bool {
    ["host", "connection", "content-length", "content-encoding", "transfer-encoding", "accept-encoding"]
        .contains(&header)
}

/// Name of the called operation, in any of AWS's protocols.
fn operation(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> String {
    if let Some(target) = headers.get("x-amz-target").and_then(|value| value.to_str().ok()) {
        return target.rsplit('.').next().unwrap_or_default().to_owned();
    }
    if let Some((_, operation)) = uri.path().split_once("/operation/") {
        return operation.to_owned();
    }
    let form = String::from_utf8_lossy(body);
    let action = form.split('&').find_map(|pair| pair.strip_prefix("Action="));
    action.map_or_else(|| uri.to_string(), str::to_owned)
}

/// Service of a signed call, as policies name it.
fn service(headers: &HeaderMap) -> Option<&str> {
    let (_, credential) = headers.get("authorization")?.to_str().ok()?.split_once("Credential=")?;
    // key/date/region/service/aws4_request
    match credential.split(',').next()?.split('/').nth(3)? {
        "monitoring" => Some("cloudwatch"),
        other => Some(other),
    }
}

/// Actions that a policy must allow for a call. For a transaction, these are the actions of its items.
fn actions(service: &str, operation: &str, body: &[u8]) -> Vec<String> {
    if operation != "TransactWriteItems" {
        return vec![format!("{service}:{operation}")];
    }
    let body: Value = serde_json::from_slice(body).unwrap();
    let items = body["TransactItems"].as_array().unwrap().iter();
    // `Put`, `Update`, `Delete`, `ConditionCheck`
    items.flat_map(|item| item.as_object().unwrap().keys()).map(|kind| format!("{service}:{kind}Item")).collect()
}
