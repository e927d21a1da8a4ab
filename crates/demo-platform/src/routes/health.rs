//! The health endpoint as spatie/laravel-health serves it and Oh Dear reads it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::answers::dialect::zone;
use crate::answers::laravel;
use crate::faults::Fault;
use crate::names::Names;
use crate::platform::Platform;

/// Age of outdated results. **Units:** seconds.
const STALE_AGE: i64 = 20 * 60;

pub(crate) fn routes(names: &Names) -> Router<Arc<Platform>> {
    Router::new().route(names.health, get(health))
}

async fn health(State(platform): State<Arc<Platform>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    if let Some(name) = platform.names.health_secret
        && headers.get(name).is_none_or(|secret| secret.as_bytes() != platform.accounts.health_secret().as_bytes())
    {
        return StatusCode::FORBIDDEN.into_response();
    }
    if platform.has(Fault::HealthEmpty) {
        return ([(CACHE_CONTROL, "no-store, private"), (CONTENT_TYPE, "application/json")], "").into_response();
    }
    // The scheduler runs the checks each full minute; `?fresh` runs them now.
    let fresh = query.unwrap_or_default().split('&').any(|pair| pair == "fresh" || pair.starts_with("fresh="));
    let now = platform.now().as_second();
    let finished = if fresh { now } else { now - now.rem_euclid(60) };
    let finished = finished - if platform.has(Fault::HealthStale) { STALE_AGE } else { 0 };
    let results = results(&platform);
    let body = if platform.is_wrapped {
        json!({ "finishedAt": finished, "checkResults": results })
    } else {
        // A date in local time, and an object with numeric keys, as PHP serialises filtered lists.
        let finished = Timestamp::from_second(finished).unwrap_or_default().to_zoned(zone());
        let keyed: Map<String, Value> = (1..).map(|key: u32| key.to_string()).zip(results).collect();
        json!({ "finishedAt": finished.strftime("%Y-%m-%d %H:%M:%S").to_string(), "checkResults": keyed })
    };
    ([(CACHE_CONTROL, "no-store, private")], laravel::json(&body)).into_response()
}

/// Results of the platform's own health checks.
fn results(platform: &Platform) -> Vec<Value> {
    let disk = match (platform.has(Fault::DiskFull), platform.has(Fault::DiskFilling)) {
        (true, _) => (97, "failed", "The disk is almost full (97% used)."),
        (_, true) => (88, "warning", "The disk is almost full (88% used)."),
        _ => (41, "ok", ""),
    };
    let (used, status, message) = disk;
    let memory = if platform.has(Fault::MemoryFilling) { 96 } else { 57 };
    let own = |name, label, summary, meta| result(platform, name, label, "ok", "", summary, meta);
    let schedule = if platform.has(Fault::HealthCheckCrashed) {
        let message = "Call to undefined function pcntl_fork()";
        result(platform, "Schedule", "Schedule", "crashed", message, "Crashed", json!([]))
    } else {
        own("Schedule", "Schedule", "Ok", json!([]))
    };
    vec![
        result(
            platform,
            "UsedDiskSpace",
            "Used Disk Space",
            status,
            message,
            &format!("{used}%"),
            json!({ platform.names.health_used: used }),
        ),
        own(
            "CpuLoad",
            "Cpu Load",
            "0.42 0.38 0.35",
            json!({ "last_minute": 0.42, platform.names.health_load: 0.38, "last_15_minutes": 0.35 }),
        ),
        own(
            "UsedMemory",
            "Used Memory",
            &format!("{memory}%"),
            json!({ platform.names.health_memory: memory.to_string() }),
        ),
        own("Database", "Database", "Ok", json!({ "connection_name": "mysql" })),
        own(
            "DatabaseConnectionCount",
            "Database Connection Count",
            "12 connections",
            json!({ "connection_count": 12 }),
        ),
        own("Redis", "Redis", "Ok", json!({ "connection_name": "default" })),
        own("RedisMemoryUsage", "Redis Memory Usage", "212 MB used", json!({ "memory_usage": 212 })),
        own("Cache", "Cache", "Ok", json!({ "driver": "redis" })),
        own("Queue", "Queue", "Ok", json!([])),
        schedule,
        own("Backups", "Backups", "Ok", json!([])),
        result(platform, "Horizon", "Horizon", "skipped", "", "Skipped", json!([])),
        own("DebugMode", "Debug Mode", "false", json!({ "actual": false, "expected": false })),
    ]
}

/// A single result. An empty `meta` is `[]`, because PHP has one type for lists and maps.
fn result(
    platform: &Platform,
    name: &str,
    label: &str,
    status: &str,
    message: &str,
    summary: &str,
    meta: Value,
) -> Value {
    let name = match name {
        "UsedDiskSpace" => platform.names.health_disk,
        "CpuLoad" => platform.names.health_cpu,
        "UsedMemory" => platform.names.health_ram,
        name => name,
    };
    json!({
        "name": name,
        "label": label,
        "notificationMessage": message,
        "shortSummary": summary,
        "status": status,
        "meta": meta,
    })
}
