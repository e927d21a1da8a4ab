//! The platform's names for operations: counters, Horizon, the health endpoint, synthetic jobs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::checked::{HeaderName, JobBody, JobPath, Name, Path, Pointer, Statuses, members};

/// Operations counters, each a JSON Pointer into the answer. A missing counter is not published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Counters {
    /// Path of the counters.
    pub path: Path,
    /// Length of the counted window, in seconds.
    pub window_seconds: Pointer,
    /// Successful log-ins.
    pub logins_succeeded: Pointer,
    /// Failed log-ins.
    pub logins_failed: Pointer,
    /// Successful log-outs.
    pub logouts_succeeded: Pointer,
    /// Failed log-outs.
    pub logouts_failed: Pointer,
    /// Throttled log-ins.
    pub lockouts: Pointer,
    /// Created bookings.
    pub bookings_created: Pointer,
    /// Changed bookings.
    pub bookings_updated: Pointer,
    /// Failed attempts to create or change a booking.
    pub booking_errors: Pointer,
    /// Received webhooks.
    pub webhooks_received: Pointer,
    /// Webhooks answered with an error.
    pub webhooks_failed: Pointer,
    /// Started payments.
    pub payments_attempted: Pointer,
    /// Failed payments.
    pub payments_failed: Pointer,
    /// E-mails waiting to be sent.
    pub email_queued: Pointer,
    /// E-mails not sent because of an error.
    pub email_failed: Pointer,
    /// Bounced e-mails.
    pub email_bounced: Pointer,
    /// SMS waiting to be sent.
    pub sms_queued: Pointer,
    /// Undelivered SMS.
    pub sms_failed: Pointer,
    /// Answered requests.
    pub requests: Pointer,
    /// Requests answered with 5xx.
    pub responses_5xx: Pointer,
    /// Uncaught exceptions.
    pub exceptions: Pointer,
    /// Slow database statements.
    pub slow_queries: Pointer,
    /// Queues, by name.
    pub queues: Pointer,
    /// Waiting jobs of a queue.
    pub queue_pending: Pointer,
    /// Age of the oldest waiting job of a queue, in seconds.
    pub queue_oldest_seconds: Pointer,
    /// Failed jobs of a queue in the window.
    pub queue_failed: Pointer,
    /// List of scheduled tasks.
    pub scheduled_tasks: Pointer,
    /// Name of a task.
    pub task_name: Pointer,
    /// Time of a task's last completion.
    pub task_last_finished_at: Pointer,
    /// Expected interval of a task, in seconds.
    pub task_expected_every_seconds: Pointer,
    /// Last status of a task.
    pub task_last_status: Pointer,
    /// Statuses of a failed task.
    pub task_failed_statuses: Vec<Name>,
    /// The platform's own calls to its partners, by partner.
    pub external_calls: Pointer,
    /// Calls to a partner.
    pub external_attempted: Pointer,
    /// Failed calls to a partner.
    pub external_failed: Pointer,
}

/// Laravel Horizon, whose answers have their own format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Horizon {
    /// Path of the statistics.
    pub stats: Path,
    /// Path of the workload by queue.
    pub workload: Path,
}

/// Health endpoint, in the format of spatie/laravel-health and Oh Dear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Health {
    /// Path of the health endpoint.
    pub path: Path,
    /// Statuses of an answer with results. A platform may use another status when a result has failed.
    pub status: Statuses,
    /// Header of the optional secret.
    pub secret_header: HeaderName,
    /// Prefix of the names of disk results.
    pub disk_name: Name,
    /// Disk usage below a result's `meta`, in percent.
    pub disk_percent: Pointer,
    /// Disk below a result's `meta`, when there are several; without it, the label names the disk.
    pub disk_mount: Pointer,
    /// Name of the CPU result.
    pub cpu_name: Name,
    /// Load average below the result's `meta`: processes ready to run.
    pub cpu_load: Pointer,
    /// Name of the memory result.
    pub memory_name: Name,
    /// Memory usage below the result's `meta`, in percent.
    pub memory_percent: Pointer,
}

/// Synthetic jobs in the platform's queues: a job does nothing but record its completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Job {
    /// Path to put a job into a queue.
    pub dispatch: Path,
    /// Body to put a job into a queue.
    pub body: JobBody,
    /// Statuses of an accepted job.
    pub accepted: Statuses,
    /// Id of the job, in the answer to queueing it.
    pub id: Pointer,
    /// Path of a job, with `{job}`.
    pub record: JobPath,
    /// Status of a job.
    pub status: Pointer,
    /// Time of completion.
    pub finished_at: Pointer,
    /// Statuses of a completed job.
    pub done_statuses: Vec<Name>,
    /// Statuses of a job that will never complete.
    pub failed_statuses: Vec<Name>,
}

impl Default for Counters {
    fn default() -> Self {
        let pointer = |text: &str| Pointer(text.to_owned());
        Self {
            path: Path("/api/ops/metrics".to_owned()),
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
            task_failed_statuses: vec![Name("failed".to_owned())],
            external_calls: pointer("/external_calls"),
            external_attempted: pointer("/attempted"),
            external_failed: pointer("/failed"),
        }
    }
}

impl Default for Horizon {
    fn default() -> Self {
        let path = |text: &str| Path(text.to_owned());
        Self { stats: path("/horizon/api/stats"), workload: path("/horizon/api/workload") }
    }
}

impl Default for Health {
    fn default() -> Self {
        let name = |text: &str| Name(text.to_owned());
        let pointer = |text: &str| Pointer(text.to_owned());
        Self {
            path: Path("/health".to_owned()),
            status: Statuses(vec![200]),
            secret_header: HeaderName("oh-dear-health-check-secret".to_owned()),
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
        let pointer = |text: &str| Pointer(text.to_owned());
        let name = |text: &str| Name(text.to_owned());
        Self {
            dispatch: Path("/api/ops/jobs".to_owned()),
            body: JobBody(members(&json!({ "queue": "{queue}", "marker": "{marker}" }))),
            accepted: Statuses(vec![202, 200, 201]),
            id: pointer("/id"),
            record: JobPath("/api/ops/jobs/{job}".to_owned()),
            status: pointer("/status"),
            finished_at: pointer("/finished_at"),
            done_statuses: vec![name("finished")],
            failed_statuses: vec![name("failed")],
        }
    }
}
