//! The operations counters.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, json};

use crate::answers::laravel::{self, Client, unauthenticated};
use crate::faults::Fault;
use crate::layers::caller::bearer;
use crate::names::Names;
use crate::platform::Platform;
use crate::routes::work;
use crate::state::counters::{Event, WINDOW};

pub(crate) fn routes(names: &Names) -> Router<Arc<Platform>> {
    Router::new().route(names.counters, get(metrics))
}

/// The platform's calls to its partners: attempts and failures.
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
    let more = |fault, usual: usize, more| usual + if platform.has(fault) { more } else { 0 };
    let emails_queued = more(Fault::NotificationQueueGrowing, 4, 796);
    let sms_queued = more(Fault::SmsQueueGrowing, 1, 299);
    let emails_failed = more(Fault::EmailFailuresSpike, 1, 59);
    let sms_failed = more(Fault::SmsFailuresSpike, 1, 39);
    let logins_failed = more(Fault::LoginFailuresSpike, count(Event::LoginFailed), 280);
    let lockouts = more(Fault::LockoutsSpike, count(Event::Lockout), 120);
    let booking_errors = more(Fault::BookingErrorsSpike, count(Event::BookingError), 80);
    let webhooks_failed = more(Fault::WebhookFailuresSpike, count(Event::WebhookFailed), 32);
    let payments_failed = more(Fault::PaymentFailuresSpike, count(Event::PaymentFailed), 30);
    let requests = count(Event::Request);
    let server_errors = more(Fault::ErrorSpike, count(Event::ServerError), requests * 2 / 5);
    let exceptions = more(Fault::ExceptionsSpike, 3, 417);
    let slow_queries = more(Fault::SlowQueriesSpike, 6, 294);
    let mut counters = if platform.is_wrapped {
        json!({
            "window_seconds": window,
            "logins_succeeded": count(Event::LoginSucceeded),
            "logins_failed": logins_failed,
            "logouts_succeeded": count(Event::LogoutSucceeded),
            "logouts_failed": count(Event::LogoutFailed),
            "lockouts": lockouts,
            "bookings_created": count(Event::BookingCreated),
            "bookings_updated": count(Event::BookingUpdated),
            "booking_errors": booking_errors,
            "webhooks_received": count(Event::WebhookReceived),
            "webhooks_failed": webhooks_failed,
            "payments_attempted": count(Event::PaymentAttempted),
            "payments_failed": payments_failed,
            "email_queued": emails_queued,
            "email_failed": emails_failed,
            "email_bounced": 2,
            "sms_queued": sms_queued,
            "sms_failed": sms_failed,
            "queue": work::queues(&platform),
            "scheduled_tasks": work::tasks(&platform),
            "requests": requests,
            "responses_5xx": server_errors,
            "exceptions": exceptions,
            "slow_queries": slow_queries,
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
                "bad": logins_failed,
                "locked": lockouts,
            },
            "sign_outs": { "ok": count(Event::LogoutSucceeded), "bad": count(Event::LogoutFailed) },
            "lessons": {
                "made": count(Event::BookingCreated),
                "moved": count(Event::BookingUpdated),
                "refused": booking_errors,
            },
            "messages": { "letters": { "waiting": emails_queued, "lost": emails_failed + 2 }, "texts": { "waiting": sms_queued, "lost": sms_failed } },
            "hooks": { "all": count(Event::WebhookReceived), "bad": webhooks_failed },
            "money": { "all": count(Event::PaymentAttempted), "bad": payments_failed },
            "chores": { "lanes": work::queues(&platform), "errands": work::tasks(&platform) },
            "answers": { "all": requests, "bad": server_errors },
            "thrown": exceptions,
            "sluggish": slow_queries,
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
