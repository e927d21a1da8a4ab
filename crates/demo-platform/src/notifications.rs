//! E-mail and SMS: sending one, and the record of a user's.
//!
//! Assumed: a message is sent a second after it was taken, and delivered three seconds after that; the record holds the
//! provider's id. With a mail server, e-mails really go there, and its answer decides. Without receipts, the platform never
//! learns what became of what it sent: only the providers know, see `providers`.

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

use crate::dialect::written;
use crate::faults::Fault;
use crate::laravel::{Client, Problem};
use crate::names::Names;
use crate::platform::Platform;
use crate::visitor::{LoggedIn, UserSession, proven};

const SENT_AFTER: SignedDuration = SignedDuration::from_secs(1);
const DELIVERED_AFTER: SignedDuration = SignedDuration::from_secs(4);
/// No more are kept, and listed.
const KEPT: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Email,
    Sms,
}

/// What has become of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It waits to be sent.
    Queued,
    /// It left, and nobody knows more.
    Sent,
    Delivered(Timestamp),
    /// The status, and why.
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
    fate: Fate,
    /// The mail server decides about it, not the clock.
    is_real: bool,
}

impl Notification {
    /// Its id at the provider.
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
        // Every change is one entry, so what a panicking thread left is whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, id: u32, fate: Fate) {
        if let Some(kept) = self.lock().iter_mut().find(|kept| kept.id == id) {
            kept.fate = fate;
        }
    }
}

/// How long a message is on its way.
fn takes(platform: &Platform, channel: Channel) -> SignedDuration {
    let late = match channel {
        Channel::Email => Fault::EmailLate,
        Channel::Sms => Fault::SmsLate,
    };
    if platform.has(late) { platform.late_by } else { DELIVERED_AFTER }
}

/// Every message as a worker would have left it by now, with its fate as the providers know it.
pub(crate) fn worked_off(platform: &Platform) -> Vec<(Notification, Fate)> {
    let now = platform.now();
    let mut kept = platform.notifications.lock();
    for message in kept.iter_mut().filter(|message| !message.is_real) {
        let stuck = match message.channel {
            Channel::Email => Fault::EmailStuck,
            Channel::Sms => Fault::SmsStuck,
        };
        let is_settled = matches!(message.fate, Fate::Delivered(_) | Fate::Lost(..));
        if is_settled || (message.fate == Fate::Queued && platform.has(stuck)) {
            continue;
        }
        let delivered_at = message.created_at + takes(platform, message.channel);
        if now >= delivered_at {
            message.fate = match message.channel {
                Channel::Email if platform.has(Fault::EmailBounced) => Fate::Lost(
                    "bounced",
                    "550 5.1.1 The email account that you tried to reach does not exist".to_owned(),
                ),
                Channel::Sms if platform.has(Fault::SmsFailed) => {
                    Fate::Lost("failed", "30003 Unreachable destination handset".to_owned())
                }
                _ => Fate::Delivered(delivered_at),
            };
        } else if now >= message.created_at + SENT_AFTER {
            message.fate = Fate::Sent;
        }
    }
    kept.iter().map(|message| (message.clone(), message.fate.clone())).collect()
}

pub(crate) fn routes(names: &Names) -> Router<Arc<Platform>> {
    let writes = Router::new()
        .route(names.email_notifications, post(email))
        .route(names.sms_notifications, post(sms))
        .route_layer(from_fn(proven));
    Router::new().route(names.user_notifications, get(record)).merge(writes)
}

async fn email(
    State(platform): State<Arc<Platform>>,
    Extension(visitor): Extension<UserSession>,
    _: LoggedIn,
    client: Client,
) -> Response {
    take(&platform, &visitor, client, Channel::Email)
}

async fn sms(
    State(platform): State<Arc<Platform>>,
    Extension(visitor): Extension<UserSession>,
    _: LoggedIn,
    client: Client,
) -> Response {
    take(&platform, &visitor, client, Channel::Sms)
}

fn take(platform: &Arc<Platform>, visitor: &UserSession, client: Client, channel: Channel) -> Response {
    let body = platform.heard(&visitor.body);
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
        let (fate, created_at, is_real) = (Fate::Queued, platform.now(), smtp.is_some());
        kept.push(Notification { id, channel, to, text, created_at, fate, is_real });
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
        kept.last().cloned()
    };
    let Some(message) = message else { return Problem::ServerError.answer(client) };
    let id = message.id;
    if let Some(server) = smtp {
        let platform = Arc::clone(platform);
        tokio::spawn(async move {
            let fate = match send(server, &message).await {
                Ok(()) => Fate::Delivered(platform.now()),
                Err(error) => Fate::Lost("bounced", error),
            };
            platform.notifications.settle(message.id, fate);
        });
    }
    if channel == Channel::Email && platform.has(Fault::EmailWithoutId) {
        return platform.answer(StatusCode::ACCEPTED, json!({ "queued": true }));
    }
    platform.answer(StatusCode::ACCEPTED, json!({ "id": id }))
}

/// Sends a real e-mail to a real server.
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
        worked_off(&platform).iter().map(|(message, fate)| described(&platform, message, fate)).collect();
    platform.answer(StatusCode::OK, Value::Array(list))
}

fn described(platform: &Platform, message: &Notification, fate: &Fate) -> Value {
    // Without receipts nobody tells the platform.
    let known = if platform.receipts || matches!(fate, Fate::Queued) { fate.clone() } else { Fate::Sent };
    let (status, delivered_at, error) = match known {
        Fate::Queued => ("queued", None, None),
        Fate::Sent => ("sent", None, None),
        Fate::Delivered(at) => ("delivered", Some(written(at)), None),
        Fate::Lost(status, why) => (status, None, Some(why)),
    };
    let is_queued = status == "queued";
    json!({
        "id": message.id,
        "channel": match message.channel { Channel::Email => "email", Channel::Sms => "sms" },
        "status": status,
        "created_at": written(message.created_at),
        "sent_at": (!is_queued).then(|| written(message.created_at + SENT_AFTER)),
        "delivered_at": delivered_at,
        "error": error,
        "provider_id": (!is_queued).then(|| message.provider_id()),
    })
}
