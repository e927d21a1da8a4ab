//! `GET /health` as spatie/laravel-health serves it and Oh Dear reads it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use crate::laravel;
use crate::platform::Platform;

pub(crate) fn routes() -> Router<Arc<Platform>> {
    Router::new().route("/health", get(health))
}

async fn health(State(platform): State<Arc<Platform>>, RawQuery(query): RawQuery) -> Response {
    // The scheduler runs the checks each full minute; `?fresh` runs them now.
    let fresh = query.unwrap_or_default().split('&').any(|pair| pair == "fresh" || pair.starts_with("fresh="));
    let now = platform.now().as_second();
    let finished = if fresh { now } else { now - now.rem_euclid(60) };
    let body = laravel::json(&json!({ "finishedAt": finished, "checkResults": results() }));
    ([(CACHE_CONTROL, "no-store, private")], body).into_response()
}

/// What a healthy server reports.
fn results() -> Vec<Value> {
    vec![
        result("UsedDiskSpace", "Used Disk Space", "41%", json!({ "disk_space_used_percentage": 41 })),
        result(
            "CpuLoad",
            "Cpu Load",
            "0.42 0.38 0.35",
            json!({ "last_minute": 0.42, "last_5_minutes": 0.38, "last_15_minutes": 0.35 }),
        ),
        result("Database", "Database", "Ok", json!({ "connection_name": "mysql" })),
        result(
            "DatabaseConnectionCount",
            "Database Connection Count",
            "12 connections",
            json!({ "connection_count": 12 }),
        ),
        result("Redis", "Redis", "Ok", json!({ "connection_name": "default" })),
        result("Cache", "Cache", "Ok", json!({ "driver": "redis" })),
        result("Queue", "Queue", "Ok", json!([])),
        result("Schedule", "Schedule", "Ok", json!([])),
        result("DebugMode", "Debug Mode", "false", json!({ "actual": false, "expected": false })),
    ]
}

/// One result. An empty `meta` is `[]`, since PHP has one type for lists and maps.
fn result(name: &str, label: &str, summary: &str, meta: Value) -> Value {
    json!({
        "name": name,
        "label": label,
        "notificationMessage": "",
        "shortSummary": summary,
        "status": "ok",
        "meta": meta,
    })
}
