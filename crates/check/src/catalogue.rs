//! The catalogue of metrics, with their names, units, meanings and owners.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// CloudWatch namespace of all metrics in the catalogue.
pub const NAMESPACE: &str = "JustDriving/Synthetics";

/// The CloudWatch units that the catalogue uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Unit {
    /// A count, or days, for which CloudWatch has no unit.
    Count,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Percent, from 0 to 100.
    Percent,
}

impl Unit {
    /// The name in CloudWatch.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Seconds => "Seconds",
            Self::Percent => "Percent",
        }
    }
}

/// The exact set of dimensions of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimensions {
    /// `Environment` and `Check`.
    EnvironmentAndCheck,
    /// `Environment`, `Check` and `Channel`, the only dimension that splits a metric.
    EnvironmentCheckAndChannel,
    /// `Environment` only: one series for all checks.
    Environment,
}

/// The channel of a message to users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// E-mail.
    Email,
    /// SMS.
    Sms,
}

impl Channel {
    /// All channels.
    pub const ALL: [Self; 2] = [Self::Email, Self::Sms];

    /// The name, used as dimension and subject.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

/// A metric of the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// The name.
    pub name: &'static str,
    /// The unit.
    pub unit: Unit,
    /// The dimensions.
    pub dimensions: Dimensions,
    /// The id of the check that publishes it; `None` if every check does.
    pub owner: Option<&'static str>,
    /// The meaning, and when the metric is missing.
    pub meaning: &'static str,
}

/// Metrics measured with canaries, with the default interval between canaries. Settings can change the interval.
const CANARIES: [(Metric, Option<Channel>, Duration); 3] = [
    (JOB_DELAY, None, Duration::from_secs(300)),
    (NOTIFICATION_DELIVERY_DELAY, Some(Channel::Email), Duration::from_secs(900)),
    (NOTIFICATION_DELIVERY_DELAY, Some(Channel::Sms), Duration::from_secs(3_600)),
];

/// The window of the platform's operations counters.
const COUNTERS_WINDOW: Duration = Duration::from_secs(300);

/// Metrics counted in that window.
const COUNTED: [Metric; 12] = [
    LOGIN_FAILURE_RATE,
    LOCKOUTS,
    BOOKING_ERROR_RATE,
    WEBHOOK_FAILURE_RATE,
    PAYMENT_FAILURE_RATE,
    NOTIFICATION_FAILURES,
    FAILED_JOBS,
    REQUESTS,
    ERROR_RATE,
    EXCEPTIONS,
    SLOW_QUERIES,
    PARTNER_CALL_FAILURE_RATE,
];

impl Metric {
    /// The window of a metric that comes from the platform's operations counters: an event shows in every value of that window.
    /// `None` if a value describes its own run only.
    #[must_use]
    pub fn window(&self) -> Option<Duration> {
        COUNTED.contains(self).then_some(COUNTERS_WINDOW)
    }

    /// The default interval between values, for metrics that not every run publishes.
    #[must_use]
    pub fn every(&self, channel: Option<Channel>) -> Option<Duration> {
        let canary = CANARIES.iter().find(|(metric, own, _)| metric == self && *own == channel);
        canary.map(|(_, _, every)| *every)
    }
}

const fn for_every_check(name: &'static str, unit: Unit, meaning: &'static str) -> Metric {
    Metric { name, unit, dimensions: Dimensions::EnvironmentAndCheck, owner: None, meaning }
}

const fn for_check(owner: &'static str, name: &'static str, unit: Unit, meaning: &'static str) -> Metric {
    Metric { name, unit, dimensions: Dimensions::EnvironmentAndCheck, owner: Some(owner), meaning }
}

const fn per_channel(owner: &'static str, name: &'static str, unit: Unit, meaning: &'static str) -> Metric {
    Metric { name, unit, dimensions: Dimensions::EnvironmentCheckAndChannel, owner: Some(owner), meaning }
}

const fn for_environment(name: &'static str, unit: Unit, meaning: &'static str) -> Metric {
    Metric { name, unit, dimensions: Dimensions::Environment, owner: None, meaning }
}

/// Success of a run, as 1 or 0.
pub const SUCCESS: Metric = for_every_check(
    "Success",
    Unit::Count,
    "1 if the run passed, 0 if its last attempt failed. Missing for inconclusive runs, during maintenance and for \
     refused events.",
);
/// Duration of the user's flow.
pub const DURATION: Metric = for_every_check(
    "Duration",
    Unit::Milliseconds,
    "Time from the first to the last step of the last attempt, without waits, polling and compensation. Missing as for \
     `Success`.",
);
/// Inconclusive runs.
pub const INCONCLUSIVE: Metric = for_every_check(
    "Inconclusive",
    Unit::Count,
    "1 if the run was inconclusive, otherwise 0. Missing if the check did not run, which raises the monitoring-lost \
     alarm as well.",
);
/// Days until the first certificate expires.
pub const CERTIFICATE_DAYS_REMAINING: Metric = for_check(
    "availability",
    "CertificateDaysRemaining",
    Unit::Count,
    "Days until the first certificate of all targets expires; negative once it has. Missing if no target was reached \
     over TLS.",
);
/// Planned maintenance, as reported by the platform.
pub const MAINTENANCE: Metric = for_check(
    "availability",
    "Maintenance",
    Unit::Count,
    "1 while the platform is in maintenance mode, otherwise 0. Missing if no target answered.",
);
/// Failure rate of real users' log-ins.
pub const LOGIN_FAILURE_RATE: Metric = for_check(
    "login",
    "LoginFailureRate",
    Unit::Percent,
    "Share of failed log-ins in the operations counters' window, without the check's own attempts. Missing without the \
     counters, or with fewer attempts than `minimum_count`.",
);
/// Number of throttled log-ins.
pub const LOCKOUTS: Metric = for_check(
    "login",
    "Lockouts",
    Unit::Count,
    "Throttled log-ins in the operations counters' window, without the check's own attempts. Missing without the \
     counter.",
);
/// Error rate of real users' bookings.
pub const BOOKING_ERROR_RATE: Metric = for_check(
    "booking",
    "BookingErrorRate",
    Unit::Percent,
    "Share of requests to book or move a lesson that failed in the operations counters' window, without the check's \
     own requests. Missing without the counters, or with fewer requests than `minimum_count`.",
);
/// Time that the platform takes to process a payment event.
pub const WEBHOOK_PROCESSING_DELAY: Metric = for_check(
    "payment-webhook",
    "WebhookProcessingDelay",
    Unit::Milliseconds,
    "Time from the accepted delivery of a synthetic payment event until its invoice is read as paid, as precise as the \
     polling interval. Missing if the event was not accepted or the invoice was never paid.",
);
/// Failure rate of the provider's webhooks.
pub const WEBHOOK_FAILURE_RATE: Metric = for_check(
    "payment-webhook",
    "WebhookFailureRate",
    Unit::Percent,
    "Share of failed webhooks in the operations counters' window, without the check's own deliveries. Missing without \
     the counters, or with fewer webhooks than `minimum_count`.",
);
/// Failure rate of real users' payments.
pub const PAYMENT_FAILURE_RATE: Metric = for_check(
    "payment-webhook",
    "PaymentFailureRate",
    Unit::Percent,
    "Share of failed payments in the operations counters' window, without the check's own payments. Missing as for \
     `WebhookFailureRate`.",
);
/// Number of payments that differ between the provider and the platform.
pub const PAYMENT_MISMATCHES: Metric = for_check(
    "reconciliation",
    "PaymentMismatches",
    Unit::Count,
    "Payments that are missing on one side, recorded twice or late, or different in amount, currency or status. \
     Missing if one side could not be read.",
);
/// Delivery time of a message.
pub const NOTIFICATION_DELIVERY_DELAY: Metric = per_channel(
    "notifications",
    "NotificationDeliveryDelay",
    Unit::Seconds,
    "Time from sending a canary to its delivery, as recorded by the platform or the provider; if neither records it, \
     until a run finds the canary delivered. Missing in runs without a delivered canary.",
);
/// Number of messages that wait to be sent.
pub const NOTIFICATION_QUEUE: Metric = per_channel(
    "notifications",
    "NotificationQueue",
    Unit::Count,
    "Messages waiting to be sent, from the operations counters. Missing without the counter.",
);
/// Number of undelivered messages.
pub const NOTIFICATION_FAILURES: Metric = per_channel(
    "notifications",
    "NotificationFailures",
    Unit::Count,
    "Messages that failed or bounced in the operations counters' window. Missing without the counter.",
);
/// Number of jobs in the longest queue.
pub const QUEUE_BACKLOG: Metric = for_check(
    "queues",
    "QueueBacklog",
    Unit::Count,
    "Jobs waiting in the longest queue, without delayed jobs. Missing if no source reports it.",
);
/// Age of the oldest waiting job.
pub const OLDEST_JOB_AGE: Metric = for_check(
    "queues",
    "OldestJobAge",
    Unit::Seconds,
    "Age of the oldest waiting job in any queue: as reported by the platform, as recorded in the job by Horizon, or \
     since a run first found it at the head of its queue. Missing if no source reports it.",
);
/// Time that a canary job takes.
pub const JOB_DELAY: Metric = for_check(
    "queues",
    "JobDelay",
    Unit::Seconds,
    "Time from dispatching a canary job until it finished, for the slowest queue. Missing in runs without a finished \
     canary.",
);
/// Number of failed jobs.
pub const FAILED_JOBS: Metric = for_check(
    "queues",
    "FailedJobs",
    Unit::Count,
    "Failed jobs of all queues in the operations counters' window; without the counters, Horizon's number for its own \
     window. Missing if neither reports it.",
);
/// Delay of the most overdue scheduled task.
pub const SCHEDULED_TASK_LATENESS: Metric = for_check(
    "queues",
    "ScheduledTaskLateness",
    Unit::Seconds,
    "Time by which the most overdue scheduled task exceeds its interval; 0 if all are on time. Missing without the \
     counters.",
);
/// Number of requests that the platform answered.
pub const REQUESTS: Metric = for_check(
    "application",
    "Requests",
    Unit::Count,
    "Requests answered in the operations counters' window. Missing without the counter.",
);
/// Error rate of the application.
pub const ERROR_RATE: Metric = for_check(
    "application",
    "ErrorRate",
    Unit::Percent,
    "Share of requests answered with 5xx in the operations counters' window. Missing without the counters, or with \
     fewer requests than `minimum_count`.",
);
/// Number of uncaught exceptions.
pub const EXCEPTIONS: Metric = for_check(
    "application",
    "Exceptions",
    Unit::Count,
    "Uncaught exceptions in the operations counters' window. Missing without the counter.",
);
/// Number of slow database statements.
pub const SLOW_QUERIES: Metric = for_check(
    "application",
    "SlowQueries",
    Unit::Count,
    "Slow database statements in the operations counters' window. Missing without the counter.",
);
/// Failure rate of the platform's calls to partners.
pub const PARTNER_CALL_FAILURE_RATE: Metric = for_check(
    "application",
    "PartnerCallFailureRate",
    Unit::Percent,
    "Share of the platform's calls that failed, for the partner with the highest share in the operations counters' \
     window. Missing without the counters, or if every partner had fewer calls than `minimum_count`.",
);
/// Usage of the fullest disk.
pub const DISK_USED: Metric = for_check(
    "application",
    "DiskUsed",
    Unit::Percent,
    "Usage of the fullest disk, from the health endpoint. Missing if the endpoint does not report it.",
);
/// Load of the server.
pub const CPU_LOAD: Metric = for_check(
    "application",
    "CpuLoad",
    Unit::Count,
    "Runnable processes, averaged over five minutes, from the health endpoint. Missing if the endpoint does not report \
     it.",
);
/// Memory usage of the server.
pub const MEMORY_USED: Metric = for_check(
    "application",
    "MemoryUsed",
    Unit::Percent,
    "Memory usage of the server, from the health endpoint. Missing if the endpoint does not report it.",
);
/// Response time of the database.
pub const DATABASE_LATENCY: Metric = for_check(
    "backend",
    "DatabaseLatency",
    Unit::Milliseconds,
    "Time from sending `SELECT 1` to its answer. Missing if the database was not reached.",
);
/// Usage of the database's connections.
pub const CONNECTIONS_USED: Metric = for_check(
    "backend",
    "ConnectionsUsed",
    Unit::Percent,
    "Open connections as a share of the database's maximum, including the check's own. Missing if the database was not \
     reached.",
);
/// Response time of the cache.
pub const CACHE_LATENCY: Metric = for_check(
    "backend",
    "CacheLatency",
    Unit::Milliseconds,
    "Time from sending `PING` to its answer. Missing if the cache was not reached.",
);
/// Memory usage of the cache.
pub const CACHE_MEMORY_USED: Metric = for_check(
    "backend",
    "CacheMemoryUsed",
    Unit::Percent,
    "Used memory as a share of the cache's limit. Missing if the cache was not reached or has no limit.",
);
/// Consecutive failures of a partner.
pub const INTEGRATION_FAILURES: Metric = for_check(
    "integrations",
    "IntegrationFailures",
    Unit::Count,
    "Consecutive failed runs of the partner with the most; 0 if all partners answer. Missing if every partner was \
     inconclusive.",
);
/// Synthetic data that runs could not remove.
pub const LEFTOVERS: Metric = for_environment(
    "Leftovers",
    Unit::Count,
    "Synthetic data that a run could not remove. Published by checks that create data.",
);
/// Age of the oldest undelivered notification.
pub const OLDEST_UNSENT_NOTIFICATION: Metric = for_environment(
    "OldestUnsentNotification",
    Unit::Seconds,
    "Age of the oldest notification of an earlier run that its topic has not accepted. Missing if there is none.",
);

/// All published metrics.
pub const CATALOGUE: &[Metric] = &[
    SUCCESS,
    DURATION,
    INCONCLUSIVE,
    CERTIFICATE_DAYS_REMAINING,
    MAINTENANCE,
    LOGIN_FAILURE_RATE,
    LOCKOUTS,
    BOOKING_ERROR_RATE,
    WEBHOOK_PROCESSING_DELAY,
    WEBHOOK_FAILURE_RATE,
    PAYMENT_FAILURE_RATE,
    PAYMENT_MISMATCHES,
    NOTIFICATION_DELIVERY_DELAY,
    NOTIFICATION_QUEUE,
    NOTIFICATION_FAILURES,
    QUEUE_BACKLOG,
    OLDEST_JOB_AGE,
    JOB_DELAY,
    FAILED_JOBS,
    SCHEDULED_TASK_LATENESS,
    REQUESTS,
    ERROR_RATE,
    EXCEPTIONS,
    SLOW_QUERIES,
    PARTNER_CALL_FAILURE_RATE,
    DISK_USED,
    CPU_LOAD,
    MEMORY_USED,
    DATABASE_LATENCY,
    CONNECTIONS_USED,
    CACHE_LATENCY,
    CACHE_MEMORY_USED,
    INTEGRATION_FAILURES,
    LEFTOVERS,
    OLDEST_UNSENT_NOTIFICATION,
];

/// Success rate of real users' log-ins (measured, not published).
pub const LOGIN_SUCCESS_RATE: Metric = for_check(
    "login",
    "LoginSuccessRate",
    Unit::Percent,
    "Share of log-ins that succeeded; otherwise as for `LoginFailureRate`. Only in the report and the log line.",
);
/// Success rate of real users' log-outs (measured, not published).
pub const LOGOUT_SUCCESS_RATE: Metric = for_check(
    "login",
    "LogoutSuccessRate",
    Unit::Percent,
    "Share of log-outs that succeeded; otherwise as for `LoginFailureRate`. Only in the report and the log line.",
);
/// Number of finished jobs per minute (measured, not published).
pub const QUEUE_THROUGHPUT: Metric = for_check(
    "queues",
    "QueueThroughput",
    Unit::Count,
    "Finished jobs per minute as counted by Horizon; otherwise a lower bound, from the decrease in queue length since \
     the last run. Only in the report and the log line.",
);
/// Time to connect to the database (measured, not published).
pub const DATABASE_CONNECT_TIME: Metric = for_check(
    "backend",
    "DatabaseConnectTime",
    Unit::Milliseconds,
    "Time from resolving the database's name to an open session, including TLS and log-in. Only in the report and the \
     log line.",
);
/// Number of slow queries per minute (measured, not published).
pub const SLOW_QUERY_RATE: Metric = for_check(
    "backend",
    "SlowQueryRate",
    Unit::Count,
    "Slow queries per minute since the last run, as defined by `long_query_time`. Only in the report and the log line.",
);
/// Lag of the replica (measured, not published).
pub const REPLICATION_LAG: Metric = for_check(
    "backend",
    "ReplicationLag",
    Unit::Seconds,
    "Time by which the replica lags behind its source. Only in the report and the log line.",
);
/// Number of stored failed jobs (measured, not published).
pub const FAILED_JOBS_STORED: Metric = for_check(
    "backend",
    "FailedJobsStored",
    Unit::Count,
    "Rows of Laravel's `failed_jobs` table in the window, at most 10,000. Only in the report and the log line.",
);
/// Number of evicted cache keys per minute (measured, not published).
pub const CACHE_EVICTION_RATE: Metric = for_check(
    "backend",
    "CacheEvictionRate",
    Unit::Count,
    "Keys evicted to free memory, per minute since the last run. Only in the report and the log line.",
);
/// Number of rejected cache connections per minute (measured, not published).
pub const CACHE_REJECTED_CONNECTIONS: Metric = for_check(
    "backend",
    "CacheRejectedConnections",
    Unit::Count,
    "Connections rejected because of `maxclients`, per minute since the last run. Only in the report and the log line.",
);

/// Remaining share of a partner's rate limit (measured, not published).
pub const RATE_LIMIT_HEADROOM: Metric = for_check(
    "integrations",
    "RateLimitHeadroom",
    Unit::Percent,
    "Remaining share of allowed calls, for the partner closest to throttling. Only in the report and the log line.",
);
/// Days until the first certificate of a partner expires (measured, not published).
pub const PARTNER_CERTIFICATE_DAYS: Metric = for_check(
    "integrations",
    "PartnerCertificateDays",
    Unit::Count,
    "Days until the first certificate of all partners expires; negative once it has. Only in the report and the log \
     line.",
);
