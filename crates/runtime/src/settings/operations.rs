//! What the platform's operations side is called: counters, Horizon, the health endpoint, jobs of ours.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::checked::{HeaderName, JobBody, JobPath, Name, Path, Pointer, Statuses, members};

/// The operations counters. A counter that is not there is not published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Counters {
    /// Where.
    pub path: Path,
    /// The length of the window that is counted, in seconds.
    pub window_seconds: Pointer,
    /// Log-ins that succeeded.
    pub logins_succeeded: Pointer,
    /// Log-ins that failed.
    pub logins_failed: Pointer,
    /// Log-outs that succeeded.
    pub logouts_succeeded: Pointer,
    /// Log-outs that failed.
    pub logouts_failed: Pointer,
    /// Log-ins that were throttled.
    pub lockouts: Pointer,
    /// Bookings that were made.
    pub bookings_created: Pointer,
    /// Bookings that were changed.
    pub bookings_updated: Pointer,
    /// Bookings that were to be made or changed, and were not.
    pub booking_errors: Pointer,
    /// Webhooks that came.
    pub webhooks_received: Pointer,
    /// Webhooks that were answered with an error.
    pub webhooks_failed: Pointer,
    /// Payments that were begun.
    pub payments_attempted: Pointer,
    /// Payments that failed.
    pub payments_failed: Pointer,
    /// E-mails that wait to be sent.
    pub email_queued: Pointer,
    /// E-mails that could not be sent.
    pub email_failed: Pointer,
    /// E-mails that came back.
    pub email_bounced: Pointer,
    /// SMS that wait to be sent.
    pub sms_queued: Pointer,
    /// SMS that were not delivered.
    pub sms_failed: Pointer,
    /// Requests that were answered.
    pub requests: Pointer,
    /// Requests that were answered 5xx.
    pub responses_5xx: Pointer,
    /// Exceptions that nobody caught.
    pub exceptions: Pointer,
    /// Statements that the database took long for.
    pub slow_queries: Pointer,
    /// The queues, by name.
    pub queues: Pointer,
    /// Of a queue: jobs that wait.
    pub queue_pending: Pointer,
    /// Of a queue: the age of the job that waits longest, in seconds.
    pub queue_oldest_seconds: Pointer,
    /// Of a queue: jobs that failed in the window.
    pub queue_failed: Pointer,
    /// The list of scheduled tasks.
    pub scheduled_tasks: Pointer,
    /// Of a task: its name.
    pub task_name: Pointer,
    /// Of a task: when it was last done.
    pub task_last_finished_at: Pointer,
    /// Of a task: how often it is to be done, in seconds.
    pub task_expected_every_seconds: Pointer,
    /// Of a task: how it ended last.
    pub task_last_status: Pointer,
    /// The statuses of a task that ended badly.
    pub task_failed_statuses: Vec<Name>,
    /// The platform's own calls to its partners, by partner.
    pub external_calls: Pointer,
    /// Of a partner: calls.
    pub external_attempted: Pointer,
    /// Of a partner: calls that failed.
    pub external_failed: Pointer,
}

/// Laravel Horizon, whose answers have a shape of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Horizon {
    /// Where it tells how it is.
    pub stats: Path,
    /// Where it tells of its queues.
    pub workload: Path,
}

/// The health endpoint, in the format of spatie/laravel-health and Oh Dear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Health {
    /// Where.
    pub path: Path,
    /// The statuses of an answer with results. A platform may answer otherwise when one of them has failed.
    pub status: Statuses,
    /// The header of the secret that may guard it.
    pub secret_header: HeaderName,
    /// How the names of results about disks begin.
    pub disk_name: Name,
    /// Below their `meta`: how full, in percent.
    pub disk_percent: Pointer,
    /// Below their `meta`: which disk, when there are several. Their label tells otherwise.
    pub disk_mount: Pointer,
    /// The name of the result about the processors.
    pub cpu_name: Name,
    /// Below its `meta`: how many processes want to run, as an average.
    pub cpu_load: Pointer,
    /// The name of the result about memory.
    pub memory_name: Name,
    /// Below its `meta`: how much is used, in percent.
    pub memory_percent: Pointer,
}

/// Jobs of ours in the platform's queues: one is put into a queue, and does nothing but say that it was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Job {
    /// Where one is put into a queue.
    pub dispatch: Path,
    /// What is sent.
    pub body: JobBody,
    /// The statuses of one that was taken.
    pub accepted: Statuses,
    /// Its id, in the answer to that.
    pub id: Pointer,
    /// Where one is looked up, with `{job}`.
    pub record: JobPath,
    /// Its status.
    pub status: Pointer,
    /// When it was done.
    pub finished_at: Pointer,
    /// The statuses of one that was done.
    pub done_statuses: Vec<Name>,
    /// The statuses of one that never will be.
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
