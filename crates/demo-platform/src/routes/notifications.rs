//! Sending e-mails and SMS, and a user's list of notifications.
//!
//! Assumed: the list contains the provider's id. With a mail server configured, e-mails are sent to it, and its answer decides
//! the delivery state. Without receipts, the platform never learns the delivery state; only the providers know it, see
//! `partners::messages`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde_json::{Value, json};

use crate::answers::dialect::format_time;
use crate::answers::laravel::{Client, Problem};
use crate::faults::Fault;
use crate::layers::caller::{Caller, LoggedIn, csrf_check};
use crate::names::Names;
use crate::platform::Platform;
use crate::state::notifications::{Channel, DeliveryState, Notification, SENT_AFTER};

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
    let (now, is_real) = (platform.now(), smtp.is_some());
    let message = platform.notifications.queue(channel, to, text, now, is_real);
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
        platform.message_states().iter().map(|(message, state)| message_json(&platform, message, state)).collect();
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
