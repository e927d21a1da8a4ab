//! The platform's names for operations: counters, Horizon, the health endpoint, synthetic jobs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use settings::{HeaderName, Name, Path, Pointer, Statuses};

use crate::templates::{JobBody, JobPath};

/// Operations counters, each a JSON Pointer into the answer. A missing counter is not published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Counters {
    /// Path of the counters. Default `/api/ops/metrics`.
    pub path: Path,
    /// Length of the counted window, in seconds. Default `/window_seconds`.
    pub window_seconds: Pointer,
    /// Successful log-ins. Default `/logins_succeeded`.
    pub logins_succeeded: Pointer,
    /// Failed log-ins. Default `/logins_failed`.
    pub logins_failed: Pointer,
    /// Successful log-outs. Default `/logouts_succeeded`.
    pub logouts_succeeded: Pointer,
    /// Failed log-outs. Default `/logouts_failed`.
    pub logouts_failed: Pointer,
    /// Throttled log-ins. Default `/lockouts`.
    pub lockouts: Pointer,
    /// Created bookings. Default `/bookings_created`.
    pub bookings_created: Pointer,
    /// Changed bookings. Default `/bookings_updated`.
    pub bookings_updated: Pointer,
    /// Failed attempts to create or change a booking. Default `/booking_errors`.
    pub booking_errors: Pointer,
    /// Received webhooks. Default `/webhooks_received`.
    pub webhooks_received: Pointer,
    /// Webhooks answered with an error. Default `/webhooks_failed`.
    pub webhooks_failed: Pointer,
    /// Started payments. Default `/payments_attempted`.
    pub payments_attempted: Pointer,
    /// Failed payments. Default `/payments_failed`.
    pub payments_failed: Pointer,
    /// E-mails waiting to be sent. Default `/email_queued`.
    pub email_queued: Pointer,
    /// E-mails not sent because of an error. Default `/email_failed`.
    pub email_failed: Pointer,
    /// Bounced e-mails. Default `/email_bounced`.
    pub email_bounced: Pointer,
    /// SMS waiting to be sent. Default `/sms_queued`.
    pub sms_queued: Pointer,
    /// Undelivered SMS. Default `/sms_failed`.
    pub sms_failed: Pointer,
    /// Answered requests. Default `/requests`.
    pub requests: Pointer,
    /// Requests answered with 5xx. Default `/responses_5xx`.
    pub responses_5xx: Pointer,
    /// Uncaught exceptions. Default `/exceptions`.
    pub exceptions: Pointer,
    /// Slow database statements. Default `/slow_queries`.
    pub slow_queries: Pointer,
    /// Queues, by name. Default `/queue`.
    pub queues: Pointer,
    /// Waiting jobs of a queue. Default `/pending`.
    pub queue_pending: Pointer,
    /// Age of the oldest waiting job of a queue, in seconds. Default `/oldest_seconds`.
    pub queue_oldest_seconds: Pointer,
    /// Failed jobs of a queue in the window. Default `/failed`.
    pub queue_failed: Pointer,
    /// List of scheduled tasks. Default `/scheduled_tasks`.
    pub scheduled_tasks: Pointer,
    /// Name of a task. Default `/name`.
    pub task_name: Pointer,
    /// Time of a task's last completion. Default `/last_finished_at`.
    pub task_last_finished_at: Pointer,
    /// Expected interval of a task, in seconds. Default `/expected_every_seconds`.
    pub task_expected_every_seconds: Pointer,
    /// Last status of a task. Default `/last_status`.
    pub task_last_status: Pointer,
    /// Statuses of a failed task. Default `failed`.
    pub task_failed_statuses: Vec<Name>,
    /// The platform's own calls to its partners, by partner. Default `/external_calls`.
    pub external_calls: Pointer,
    /// Calls to a partner. Default `/attempted`.
    pub external_attempted: Pointer,
    /// Failed calls to a partner. Default `/failed`.
    pub external_failed: Pointer,
}

/// Laravel Horizon, whose answers have their own format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Horizon {
    /// Path of the statistics. Default `/horizon/api/stats`.
    pub stats: Path,
    /// Path of the workload by queue. Default `/horizon/api/workload`.
    pub workload: Path,
}

/// Health endpoint, in the format of spatie/laravel-health and Oh Dear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Health {
    /// Path of the health endpoint, without `?fresh`, which would run all checks on every request. Default `/health`.
    pub path: Path,
    /// Statuses of an answer with results. A platform may use another status when a result has failed. Default 200.
    pub status: Statuses,
    /// Header of the optional secret. Default `oh-dear-health-check-secret`.
    pub secret_header: HeaderName,
    /// Prefix of the names of disk results. Default `UsedDiskSpace`.
    pub disk_name: Name,
    /// Disk usage below a result's `meta`, in percent. Default `/disk_space_used_percentage`.
    pub disk_percent: Pointer,
    /// Disk below a result's `meta`, when there are several; without it, the label names the disk. Default
    /// `/filesystem`.
    pub disk_mount: Pointer,
    /// Name of the CPU result. Default `CpuLoad`.
    pub cpu_name: Name,
    /// Load average below the result's `meta`: processes ready to run. Default `/last_5_minutes`.
    pub cpu_load: Pointer,
    /// Name of the memory result. Default `UsedMemory`.
    pub memory_name: Name,
    /// Memory usage below the result's `meta`, in percent. Default `/memory_used_percentage`.
    pub memory_percent: Pointer,
}

/// Synthetic jobs in the platform's queues: a job does nothing but record its completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Job {
    /// Path to put a job into a queue. Default `/api/ops/jobs`.
    pub dispatch: Path,
    /// Body to put a job into a queue, with `{queue}` and `{marker}`. Default: as `settings show` prints it.
    pub body: JobBody,
    /// Statuses of an accepted job. Default 202, 200, 201.
    pub accepted: Statuses,
    /// Id of the job, in the answer to queueing it. Default `/id`.
    pub id: Pointer,
    /// Path of a job, with `{job}`. Default `/api/ops/jobs/{job}`.
    pub record: JobPath,
    /// Status of a job. Default `/status`.
    pub status: Pointer,
    /// Time of completion. Default `/finished_at`.
    pub finished_at: Pointer,
    /// Statuses of a completed job. Default `finished`.
    pub done_statuses: Vec<Name>,
    /// Statuses of a job that will never complete. Default `failed`.
    pub failed_statuses: Vec<Name>,
}

impl Default for Counters {
    fn default() -> Self {
        let pointer = |text: &'static str| Pointer::from_static(text);
        Self {
            path: Path::from_static("/api/ops/metrics"),
            window_seconds: pointer("/window_seconds"),
            logins_succeeded: pointer("/logins_succeeded"),
            logins_failed: pointer("/logins_failed"),
            logouts_succeeded: pointer("/logouts_succeeded"),
            logouts_failed: pointer("/logouts_failed"),
            lockouts: pointer("/lockouts"),
            bookings_created: pointer("/bookings_created"),
            bookings_updated: pointer("/bookings_updated"),
            booking_errors: pointer("/booking_errors"),
            webhooks_received: pointer("/webhooks_received"),
            webhooks_failed: pointer("/webhooks_failed"),
            payments_attempted: pointer("/payments_attempted"),
            payments_failed: pointer("/payments_failed"),
            email_queued: pointer("/email_queued"),
            email_failed: pointer("/email_failed"),
            email_bounced: pointer("/email_bounced"),
            sms_queued: pointer("/sms_queued"),
            sms_failed: pointer("/sms_failed"),
            requests: pointer("/requests"),
            responses_5xx: pointer("/responses_5xx"),
            exceptions: pointer("/exceptions"),
            slow_queries: pointer("/slow_queries"),
            queues: pointer("/queue"),
            queue_pending: pointer("/pending"),
            queue_oldest_seconds: pointer("/oldest_seconds"),
            queue_failed: pointer("/failed"),
            scheduled_tasks: pointer("/scheduled_tasks"),
            task_name: pointer("/name"),
            task_last_finished_at: pointer("/last_finished_at"),
            task_expected_every_seconds: pointer("/expected_every_seconds"),
            task_last_status: pointer("/last_status"),
            task_failed_statuses: vec![Name::from_static("failed")],
            external_calls: pointer("/external_calls"),
            external_attempted: pointer("/attempted"),
            external_failed: pointer("/failed"),
        }
    }
}

impl Default for Horizon {
    fn default() -> Self {
        let path = |text: &'static str| Path::from_static(text);
        Self { stats: path("/horizon/api/stats"), workload: path("/horizon/api/workload") }
    }
}

impl Default for Health {
    fn default() -> Self {
        let name = |text: &'static str| Name::from_static(text);
        let pointer = |text: &'static str| Pointer::from_static(text);
        Self {
            path: Path::from_static("/health"),
            status: Statuses::from_static(&[200]),
            secret_header: HeaderName::from_static("oh-dear-health-check-secret"),
            disk_name: name("UsedDiskSpace"),
            disk_percent: pointer("/disk_space_used_percentage"),
            disk_mount: pointer("/filesystem"),
            cpu_name: name("CpuLoad"),
            cpu_load: pointer("/last_5_minutes"),
            memory_name: name("UsedMemory"),
            memory_percent: pointer("/memory_used_percentage"),
        }
    }
}

impl Default for Job {
    fn default() -> Self {
        let pointer = |text: &'static str| Pointer::from_static(text);
        let name = |text: &'static str| Name::from_static(text);
        Self {
            dispatch: Path::from_static("/api/ops/jobs"),
            body: JobBody::from_static(&json!({ "queue": "{queue}", "marker": "{marker}" })),
            accepted: Statuses::from_static(&[202, 200, 201]),
            id: pointer("/id"),
            record: JobPath::from_static("/api/ops/jobs/{job}"),
            status: pointer("/status"),
            finished_at: pointer("/finished_at"),
            done_statuses: vec![name("finished")],
            failed_statuses: vec![name("failed")],
        }
    }
}
