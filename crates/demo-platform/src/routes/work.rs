//! Background work: queues and scheduled tasks driven by the clock, Horizon's view of them, and canary jobs dispatched with the
//! token of the operations counters.
//!
//! Assumed: a canary job has no effect, and finishes two seconds after it was dispatched. Horizon's gate admits administrators
//! and this token.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::answers::dialect::{format_time, zone};
use crate::answers::laravel::{self, Client, Problem, unauthenticated};
use crate::faults::Fault;
use crate::layers::caller::{Caller, bearer};
use crate::names::Names;
use crate::platform::Platform;
use crate::state::work::QueueState;

const DONE_AFTER: SignedDuration = SignedDuration::from_secs(2);
/// Jobs finished per minute.
const JOBS_PER_MINUTE: u32 = 84;

/// Scheduled tasks: name, interval and duration. **Units:** seconds.
const TASKS: [(&str, i64, i64); 3] =
    [("reminders:send", 300, 4), ("balances:update", 3_600, 20), ("backup:run", 86_400, 240)];

/// Queues as shown in the operations counters.
pub(crate) fn queues(platform: &Platform) -> Value {
    let listed = platform.queue_states().into_iter().map(|queue| {
        let listed = if platform.is_wrapped {
            json!({ "pending": queue.pending, "oldest_seconds": queue.oldest_seconds, "failed": queue.failed })
        } else {
            json!({ "waiting": queue.pending, "eldest": queue.oldest_seconds, "broken": queue.failed })
        };
        (queue.name.to_owned(), listed)
    });
    Value::Object(listed.collect::<Map<_, _>>())
}

/// Scheduled tasks as shown in the operations counters.
pub(crate) fn tasks(platform: &Platform) -> Value {
    let now = platform.now();
    let listed = TASKS.into_iter().map(|(name, every, takes)| {
        let begun = now.as_second() - takes;
        let on_time = Timestamp::from_second(begun - begun.rem_euclid(every) + takes).unwrap_or(now);
        let is_backup = name == "backup:run";
        let at = if is_backup && platform.has(Fault::BackupOld) {
            now - SignedDuration::from_hours(50)
        } else if !is_backup && platform.has(Fault::SchedulerSilent) {
            now - SignedDuration::from_hours(3)
        } else {
            on_time
        };
        let has_failed = name == "reminders:send" && platform.has(Fault::TaskFailing);
        if platform.is_wrapped {
            let status = if has_failed { "failed" } else { "finished" };
            json!({
                "name": name,
                "last_finished_at": format_time(at),
                "expected_every_seconds": every,
                "last_status": status,
            })
        } else {
            let at = at.to_zoned(zone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
            json!({ "title": name, "done_on": at, "interval": every, "outcome": if has_failed { "KAPUT" } else { "FINE" } })
        }
    });
    listed.collect()
}

/// Horizon's routes. They belong to the API group, so they know the logged-in account.
pub(crate) fn horizon_routes(names: &Names) -> Router<Arc<Platform>> {
    Router::new().route(names.horizon_stats, get(stats)).route(names.horizon_workload, get(workload))
}

pub(crate) fn routes(names: &Names) -> Router<Arc<Platform>> {
    Router::new().route(names.jobs, post(dispatch)).route(names.job, get(record))
}

/// Returns true if Horizon's gate admits the caller.
fn passes_horizon_gate(platform: &Platform, caller: &Caller, headers: &HeaderMap) -> bool {
    let is_admin = caller.user(platform).is_some_and(|user| user.role == "admin");
    is_admin || has_token(platform, headers)
}

fn has_token(platform: &Platform, headers: &HeaderMap) -> bool {
    bearer(headers).is_some_and(|token| platform.accounts.is_ops_token(token))
}

async fn stats(
    State(platform): State<Arc<Platform>>,
    Extension(caller): Extension<Caller>,
    client: Client,
    headers: HeaderMap,
) -> Response {
    if !passes_horizon_gate(&platform, &caller, &headers) {
        return Problem::Forbidden.answer(client);
    }
    let queue_states = platform.queue_states();
    // Jobs that workers have already taken still finish.
    let is_paused = platform.has(Fault::HorizonPaused);
    laravel::json(&json!({
        "failedJobs": queue_states.iter().map(|queue| queue.failed).sum::<u32>(),
        "jobsPerMinute": JOBS_PER_MINUTE,
        "pausedMasters": u32::from(is_paused),
        "periods": { "failedJobs": 10_080, "recentJobs": 60 },
        "processes": queue_states.iter().map(|queue| queue.workers).sum::<u32>(),
        "queueWithMaxRuntime": "emails",
        "queueWithMaxThroughput": "default",
        "recentJobs": 60 * JOBS_PER_MINUTE,
        "status": if is_paused { "paused" } else { "running" },
        "wait": { "redis:emails": 2 },
    }))
}

async fn workload(
    State(platform): State<Arc<Platform>>,
    Extension(caller): Extension<Caller>,
    client: Client,
    headers: HeaderMap,
) -> Response {
    if !passes_horizon_gate(&platform, &caller, &headers) {
        return Problem::Forbidden.answer(client);
    }
    let queue = |queue: QueueState| {
        json!({
            "name": queue.name,
            "length": queue.pending,
            "wait": queue.oldest_seconds,
            "processes": queue.workers,
            "split_queues": null,
        })
    };
    laravel::json(&platform.queue_states().into_iter().map(queue).collect::<Vec<_>>())
}

async fn dispatch(State(platform): State<Arc<Platform>>, client: Client, headers: HeaderMap, body: Bytes) -> Response {
    if !has_token(&platform, &headers) {
        return unauthenticated(client, &headers, platform.names.form);
    }
    let body = platform.to_documented(&serde_json::from_slice(&body).unwrap_or_default());
    let queue = body["queue"].as_str().unwrap_or_default();
    let Some(id) = platform.work.dispatch(queue, platform.now(), platform.has(Fault::JobLost)) else {
        let errors = vec![("queue", "The selected queue is invalid.".to_owned())];
        return Problem::Invalid { status: 422, errors }.answer(client);
    };
    platform.answer(StatusCode::ACCEPTED, json!({ "id": id, "status": "queued" }))
}

async fn record(
    State(platform): State<Arc<Platform>>,
    client: Client,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    if !has_token(&platform, &headers) {
        return unauthenticated(client, &headers, platform.names.form);
    }
    let Some(job) = platform.work.job(&id) else {
        return Problem::NoRecord { model: "Job", id }.answer(client);
    };
    let done_at = job.at + if platform.has(Fault::JobLate) { platform.late_by } else { DONE_AFTER };
    let is_done = !job.is_lost && platform.now() >= done_at;
    let (status, finished_at) = if is_done { ("finished", Some(format_time(done_at))) } else { ("queued", None) };
    let listed = json!({ "id": job.id, "queue": job.queue, "status": status, "finished_at": finished_at });
    platform.answer(StatusCode::OK, listed)
}
