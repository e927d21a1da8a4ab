//! The operations counters: what happened in the last five minutes, to a fictional school's users and to whoever asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, json};

use crate::faults::Fault;
use crate::laravel::{self, Client, unauthenticated};
use crate::names::Names;
use crate::platform::Platform;
use crate::visitor::bearer;
use crate::work;

const WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    LoginSucceeded,
    LoginFailed,
    LogoutSucceeded,
    LogoutFailed,
    /// A log-in that was throttled.
    Lockout,
    BookingCreated,
    BookingUpdated,
    /// A booking that was to be made or changed, and was not.
    BookingError,
    WebhookReceived,
    /// A webhook that was answered with an error, ours with a bad signature too.
    WebhookFailed,
    PaymentAttempted,
    PaymentFailed,
    Request,
    /// A request that was answered 5xx.
    ServerError,
}

/// What the users of this platform, who are fictional, do in every window.
const fn of_users(event: Event) -> usize {
    match event {
        Event::LoginSucceeded => 180,
        Event::LoginFailed => 12,
        Event::LogoutSucceeded => 90,
        Event::BookingCreated => 60,
        Event::BookingUpdated => 37,
        Event::BookingError => 3,
        Event::WebhookReceived => 50,
        Event::WebhookFailed => 1,
        Event::PaymentAttempted => 40,
        Event::PaymentFailed => 2,
        Event::Request => 2_600,
        Event::ServerError => 4,
        Event::LogoutFailed | Event::Lockout => 0,
    }
}

/// What happened, oldest first.
#[derive(Default)]
pub(crate) struct Counters {
    events: Mutex<VecDeque<(Timestamp, Event)>>,
}

impl Counters {
    pub(crate) fn note(&self, event: Event, now: Timestamp) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        while events.front().is_some_and(|(at, _)| *at + WINDOW <= now) {
            events.pop_front();
        }
        events.push_back((now, event));
    }

    fn count(&self, event: Event, now: Timestamp) -> usize {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = events.iter().filter(|(at, own)| *own == event && *at + WINDOW > now).count();
        of_users(event) + counted
    }
}

pub(crate) fn routes(names: &Names) -> Router<Arc<Platform>> {
    Router::new().route(names.counters, get(metrics))
}

/// The platform's own calls to a partner: how many, and how many of them fail.
fn calls(platform: &Platform) -> [(&'static str, usize, usize); 3] {
    let is_failing = platform.has(Fault::PartnerCallsFailing);
    [("e-teori", 120, if is_failing { 96 } else { 1 }), ("findkoreskole", 64, 0), ("stripe", 80, 1)]
}

async fn metrics(State(platform): State<Arc<Platform>>, client: Client, headers: HeaderMap) -> Response {
    if !bearer(&headers).is_some_and(|token| platform.accounts.is_ops_token(token)) {
        return unauthenticated(client, &headers, platform.names.form);
    }
    let now = platform.now();
    let count = |event| platform.counters.count(event, now);
    let window = WINDOW.as_secs();
    let queued = if platform.has(Fault::NotificationQueueGrowing) { 800 } else { 4 };
    let requests = count(Event::Request);
    let server_errors = count(Event::ServerError) + if platform.has(Fault::ErrorSpike) { requests * 2 / 5 } else { 0 };
    let exceptions = if platform.has(Fault::ExceptionsSpike) { 420 } else { 3 };
    let mut counters = if platform.is_wrapped {
        json!({
            "window_seconds": window,
            "logins_succeeded": count(Event::LoginSucceeded),
            "logins_failed": count(Event::LoginFailed),
            "logouts_succeeded": count(Event::LogoutSucceeded),
            "logouts_failed": count(Event::LogoutFailed),
            "lockouts": count(Event::Lockout),
            "bookings_created": count(Event::BookingCreated),
            "bookings_updated": count(Event::BookingUpdated),
            "booking_errors": count(Event::BookingError),
            "webhooks_received": count(Event::WebhookReceived),
            "webhooks_failed": count(Event::WebhookFailed),
            "payments_attempted": count(Event::PaymentAttempted),
            "payments_failed": count(Event::PaymentFailed),
            "email_queued": queued,
            "email_failed": 1,
            "email_bounced": 2,
            "sms_queued": 1,
            "sms_failed": 1,
            "queue": work::queues(&platform),
            "scheduled_tasks": work::tasks(&platform),
            "requests": requests,
            "responses_5xx": server_errors,
            "exceptions": exceptions,
            "slow_queries": 6,
            "external_calls": calls(&platform)
                .map(|(partner, attempted, failed)| (partner.to_owned(), json!({ "attempted": attempted, "failed": failed })))
                .into_iter()
                .collect::<Map<_, _>>(),
        })
    } else {
        json!({
            "window": window,
            "auth": {
                "ok": count(Event::LoginSucceeded),
                "bad": count(Event::LoginFailed),
                "locked": count(Event::Lockout),
            },
            "sign_outs": { "ok": count(Event::LogoutSucceeded), "bad": count(Event::LogoutFailed) },
            "lessons": {
                "made": count(Event::BookingCreated),
                "moved": count(Event::BookingUpdated),
                "refused": count(Event::BookingError),
            },
            "messages": { "letters": { "waiting": queued, "lost": 3 }, "texts": { "waiting": 1, "lost": 1 } },
            "hooks": { "all": count(Event::WebhookReceived), "bad": count(Event::WebhookFailed) },
            "money": { "all": count(Event::PaymentAttempted), "bad": count(Event::PaymentFailed) },
            "chores": { "lanes": work::queues(&platform), "errands": work::tasks(&platform) },
            "answers": { "all": requests, "bad": server_errors },
            "thrown": exceptions,
            "sluggish": 6,
            "partners": calls(&platform)
                .map(|(partner, attempted, failed)| (partner.to_owned(), json!({ "tries": attempted, "misses": failed })))
                .into_iter()
                .collect::<Map<_, _>>(),
        })
    };
    if platform.has(Fault::CountersMissing)
        && let Some(members) = counters.as_object_mut()
    {
        members.retain(|name, _| name == "window_seconds" || name == "window");
    }
    laravel::json(&counters)
}
