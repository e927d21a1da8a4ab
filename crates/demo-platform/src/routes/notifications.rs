//! Sending e-mails and SMS, and a user's list of notifications.
//!
//! Assumed: a message is sent one second after it was accepted, and delivered three seconds later. The list contains the
//! provider's id. With a mail server configured, e-mails are sent to it, and its answer decides the delivery state. Without
//! receipts, the platform never learns the delivery state; only the providers know it, see `providers`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use jiff::{SignedDuration, Timestamp};
use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde_json::{Value, json};

use crate::answers::dialect::format_time;
use crate::answers::laravel::{Client, Problem};
use crate::faults::Fault;
use crate::layers::caller::{Caller, LoggedIn, csrf_check};
use crate::names::Names;
use crate::platform::Platform;

const SENT_AFTER: SignedDuration = SignedDuration::from_secs(1);
const DELIVERED_AFTER: SignedDuration = SignedDuration::from_secs(4);
/// Limit of messages that are kept and listed.
const KEPT: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Email,
    Sms,
}

/// The delivery state of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DeliveryState {
    /// Waiting to be sent.
    Queued,
    /// Sent; the delivery is unknown.
    Sent,
    Delivered(Timestamp),
    /// Not delivered: the status and the reason.
    Lost(&'static str, String),
}

/// One message.
#[derive(Clone, Debug)]
pub(crate) struct Notification {
    pub(crate) id: u32,
    pub(crate) channel: Channel,
    pub(crate) to: String,
    pub(crate) text: String,
    pub(crate) created_at: Timestamp,
    state: DeliveryState,
    /// A real mail server decides the state, not the clock.
    is_real: bool,
}

impl Notification {
    /// The provider's id.
    pub(crate) fn provider_id(&self) -> String {
        match self.channel {
            Channel::Email => format!("{:018}", self.id),
            Channel::Sms => format!("SM{:032x}", self.id),
        }
    }
}

/// All messages, oldest first.
#[derive(Default)]
pub(crate) struct Notifications {
    kept: Mutex<Vec<Notification>>,
}

impl Notifications {
    fn lock(&self) -> MutexGuard<'_, Vec<Notification>> {
        // Every change is a single entry, so the data is consistent even after a panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_state(&self, id: u32, state: DeliveryState) {
        if let Some(kept) = self.lock().iter_mut().find(|kept| kept.id == id) {
            kept.state = state;
        }
    }
}

/// Delivery time of a message.
fn delivery_time(platform: &Platform, channel: Channel) -> SignedDuration {
    let late = match channel {
        Channel::Email => Fault::EmailLate,
        Channel::Sms => Fault::SmsLate,
    };
    if platform.has(late) { platform.late_by } else { DELIVERED_AFTER }
}

/// Updates every message to the current time, and returns each with the state known to its provider.
pub(crate) fn current_states(platform: &Platform) -> Vec<(Notification, DeliveryState)> {
    let now = platform.now();
    let mut kept = platform.notifications.lock();
    for message in kept.iter_mut().filter(|message| !message.is_real) {
        let stuck = match message.channel {
            Channel::Email => Fault::EmailStuck,
            Channel::Sms => Fault::SmsStuck,
        };
        let is_final = matches!(message.state, DeliveryState::Delivered(_) | DeliveryState::Lost(..));
        if is_final || (message.state == DeliveryState::Queued && platform.has(stuck)) {
            continue;
        }
        let delivered_at = message.created_at + delivery_time(platform, message.channel);
        if now >= delivered_at {
            message.state = match message.channel {
                Channel::Email if platform.has(Fault::EmailBounced) => DeliveryState::Lost(
                    "bounced",
                    "550 5.1.1 The email account that you tried to reach does not exist".to_owned(),
                ),
                Channel::Sms if platform.has(Fault::SmsFailed) => {
                    DeliveryState::Lost("failed", "30003 Unreachable destination handset".to_owned())
                }
                _ => DeliveryState::Delivered(delivered_at),
            };
        } else if now >= message.created_at + SENT_AFTER {
            message.state = DeliveryState::Sent;
        }
    }
    kept.iter().map(|message| (message.clone(), message.state.clone())).collect()
}

pub(crate) fn routes(names: &Names) -> Router<Arc<Platform>> {
    let writes = Router::new()
        .route(names.email_notifications, post(email))
        .route(names.sms_notifications, post(sms))
        .route_layer(from_fn(csrf_check));
    Router::new().route(names.user_notifications, get(record)).merge(writes)
}

async fn email(
    State(platform): State<Arc<Platform>>,
    Extension(caller): Extension<Caller>,
    _: LoggedIn,
    client: Client,
) -> Response {
    accept(&platform, &caller, client, Channel::Email)
}

async fn sms(
    State(platform): State<Arc<Platform>>,
    Extension(caller): Extension<Caller>,
    _: LoggedIn,
    client: Client,
) -> Response {
    accept(&platform, &caller, client, Channel::Sms)
}

fn accept(platform: &Arc<Platform>, caller: &Caller, client: Client, channel: Channel) -> Response {
    let body = platform.to_documented(&caller.body);
    let to = body["to"].as_str().unwrap_or_default().to_owned();
    if to.is_empty() {
        let error = ("to", "The to field is required.".to_owned());
        return Problem::Invalid { status: 422, errors: vec![error] }.answer(client);
    }
    if channel == Channel::Email && platform.has(Fault::EmailRefused) {
        let error = ("template", "The selected template is invalid.".to_owned());
        return Problem::Invalid { status: 422, errors: vec![error] }.answer(client);
    }
    let text = body["context"]["marker"].as_str().unwrap_or_default().to_owned();
    let smtp = platform.smtp.filter(|_| channel == Channel::Email && !platform.has(Fault::EmailStuck));
    let message = {
        let mut kept = platform.notifications.lock();
        let id = kept.last().map_or(8000, |last| last.id) + 1;
        let (state, created_at, is_real) = (DeliveryState::Queued, platform.now(), smtp.is_some());
        kept.push(Notification { id, channel, to, text, created_at, state, is_real });
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
        kept.last().cloned()
    };
    let Some(message) = message else { return Problem::ServerError.answer(client) };
    let id = message.id;
    if let Some(server) = smtp {
        let platform = Arc::clone(platform);
        tokio::spawn(async move {
            let state = match send(server, &message).await {
                Ok(()) => DeliveryState::Delivered(platform.now()),
                Err(error) => DeliveryState::Lost("bounced", error),
            };
            platform.notifications.set_state(message.id, state);
        });
    }
    if channel == Channel::Email && platform.has(Fault::EmailWithoutId) {
        return platform.answer(StatusCode::ACCEPTED, json!({ "queued": true }));
    }
    platform.answer(StatusCode::ACCEPTED, json!({ "id": id }))
}

/// Sends an e-mail over SMTP.
async fn send(server: SocketAddr, message: &Notification) -> Result<(), String> {
    let mailbox = |address: &str| address.parse::<Mailbox>().map_err(|error| error.to_string());
    let email = Message::builder()
        .from(mailbox("no-reply@syntetisk.example")?)
        .to(mailbox(&message.to)?)
        .subject(format!("Canary {}", message.text))
        .body(format!("This is a test: {}", message.text))
        .map_err(|error| error.to_string())?;
    let transport =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.ip().to_string()).port(server.port());
    transport.build().send(email).await.map(|_| ()).map_err(|error| error.to_string())
}

async fn record(
    State(platform): State<Arc<Platform>>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(id): Path<String>,
) -> Response {
    if id != user.id.to_string() {
        return Problem::Forbidden.answer(client);
    }
    let list: Vec<Value> =
        current_states(&platform).iter().map(|(message, state)| message_json(&platform, message, state)).collect();
    platform.answer(StatusCode::OK, Value::Array(list))
}

fn message_json(platform: &Platform, message: &Notification, state: &DeliveryState) -> Value {
    // Without receipts, the platform knows no more than that a message was sent.
    let known =
        if platform.receipts || matches!(state, DeliveryState::Queued) { state.clone() } else { DeliveryState::Sent };
    let (status, delivered_at, error) = match known {
        DeliveryState::Queued => ("queued", None, None),
        DeliveryState::Sent => ("sent", None, None),
        DeliveryState::Delivered(at) => ("delivered", Some(format_time(at)), None),
        DeliveryState::Lost(status, reason) => (status, None, Some(reason)),
    };
    let is_queued = status == "queued";
    json!({
        "id": message.id,
        "channel": match message.channel { Channel::Email => "email", Channel::Sms => "sms" },
        "status": status,
        "created_at": format_time(message.created_at),
        "sent_at": (!is_queued).then(|| format_time(message.created_at + SENT_AFTER)),
        "delivered_at": delivered_at,
        "error": error,
        "provider_id": (!is_queued).then(|| message.provider_id()),
    })
}
