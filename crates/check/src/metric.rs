//! The catalogue of metrics: one place for names, units, meaning and owner.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// CloudWatch's namespace of all our metrics.
pub const NAMESPACE: &str = "JustDriving/Synthetics";

/// CloudWatch's units, as far as we use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Unit {
    /// A number of things; days too, for which CloudWatch has no unit.
    Count,
    /// Thousandths of a second.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Parts of a hundred.
    Percent,
}

impl Unit {
    /// CloudWatch's name.
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

/// Which dimensions a metric has: exactly these, never more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimensions {
    /// `Environment` and `Check`.
    EnvironmentAndCheck,
    /// `Environment`, `Check` and `Channel`: the only split there is.
    EnvironmentCheckAndChannel,
    /// `Environment` alone: one series, whoever publishes.
    Environment,
}

/// How a message goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// By e-mail.
    Email,
    /// By SMS.
    Sms,
}

impl Channel {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Email, Self::Sms];

    /// Its name, as dimension and subject.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

/// One metric of the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Its dimensions.
    pub dimensions: Dimensions,
    /// The id of the check that publishes it; `None` when every check does.
    pub owner: Option<&'static str>,
    /// What it means, and when it is missing.
    pub meaning: &'static str,
}

/// What is measured with a canary of ours, and how often one is sent by default: settings may say otherwise.
const CANARIES: [(Metric, Option<Channel>, Duration); 3] = [
    (JOB_DELAY, None, Duration::from_secs(300)),
    (NOTIFICATION_DELIVERY_DELAY, Some(Channel::Email), Duration::from_secs(900)),
    (NOTIFICATION_DELIVERY_DELAY, Some(Channel::Sms), Duration::from_secs(3_600)),
];

/// The window of the platform's operations counters.
const COUNTERS_WINDOW: Duration = Duration::from_secs(300);

/// What is counted in that window.
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
    /// How far each value looks back, of what the platform's operations counters tell: what happens once is in every value of that
    /// time. `None`: a value is of its run alone.
    #[must_use]
    pub fn window(&self) -> Option<Duration> {
        COUNTED.contains(self).then_some(COUNTERS_WINDOW)
    }

    /// How often it has a value by default, where that is not with each run of its check.
    #[must_use]
    pub fn every(&self, channel: Option<Channel>) -> Option<Duration> {
        let own = CANARIES.iter().find(|(metric, of, _)| metric == self && *of == channel);
        own.map(|(_, _, every)| *every)
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

/// Whether the run passed.
pub const SUCCESS: Metric = for_every_check(
    "Success",
    Unit::Count,
    "1 when the run passed, 0 when its last attempt failed. Missing when it could not judge, under maintenance, and when \
     the event was refused.",
);
/// How long the user's way took.
pub const DURATION: Metric = for_every_check(
    "Duration",
    Unit::Milliseconds,
    "The last attempt from its first to its last step, without waits, polling and compensation. Missing as `Success` is.",
);
/// Whether the run could not judge.
pub const INCONCLUSIVE: Metric = for_every_check(
    "Inconclusive",
    Unit::Count,
    "1 when the run could not judge, otherwise 0. Missing when the check did not run: that is what the blind alarm waits for.",
);
/// The certificate that ends first.
pub const CERTIFICATE_DAYS_REMAINING: Metric = for_check(
    "availability",
    "CertificateDaysRemaining",
    Unit::Count,
    "Days until the first certificate of all targets ends; negative when it has. Missing when no target was reached by TLS.",
);
/// Whether the platform says that it is down on purpose.
pub const MAINTENANCE: Metric = for_check(
    "availability",
    "Maintenance",
    Unit::Count,
    "1 while the platform is in maintenance mode, otherwise 0. Missing when nothing answered.",
);
/// How often real users' log-ins fail.
pub const LOGIN_FAILURE_RATE: Metric = for_check(
    "login",
    "LoginFailureRate",
    Unit::Percent,
    "Failed of all log-ins in the window of the operations counters, our own attempts subtracted. Missing without the \
     counters, and when the window holds fewer attempts than `minimum_count`.",
);
/// How many log-ins were throttled.
pub const LOCKOUTS: Metric = for_check(
    "login",
    "Lockouts",
    Unit::Count,
    "Throttled log-ins in the window of the operations counters, our own subtracted. Missing without the counter.",
);
/// How often real users' bookings fail.
pub const BOOKING_ERROR_RATE: Metric = for_check(
    "booking",
    "BookingErrorRate",
    Unit::Percent,
    "Booking errors of all requests to book or move a lesson in the window of the operations counters, our own subtracted. \
     Missing without the counters, and when the window holds fewer than `minimum_count`.",
);
/// How long the platform takes to work off a payment event.
pub const WEBHOOK_PROCESSING_DELAY: Metric = for_check(
    "payment-webhook",
    "WebhookProcessingDelay",
    Unit::Milliseconds,
    "From the accepted delivery of our payment event until its invoice is seen paid, as often as it is looked. Missing when \
     it was not delivered or never paid.",
);
/// How often the provider's webhooks fail.
pub const WEBHOOK_FAILURE_RATE: Metric = for_check(
    "payment-webhook",
    "WebhookFailureRate",
    Unit::Percent,
    "Failed of all webhooks in the window of the operations counters, our own subtracted. Missing without the counters, and \
     when the window holds fewer than `minimum_count`.",
);
/// How often real users' payments fail.
pub const PAYMENT_FAILURE_RATE: Metric = for_check(
    "payment-webhook",
    "PaymentFailureRate",
    Unit::Percent,
    "Failed of all payments in the window of the operations counters, our own subtracted. Missing as `WebhookFailureRate` is.",
);
/// How many payments differ between the provider and the platform.
pub const PAYMENT_MISMATCHES: Metric = for_check(
    "reconciliation",
    "PaymentMismatches",
    Unit::Count,
    "Payments that are missing on one side, recorded twice, late, or differ in amount, currency or status. Missing when one \
     side could not be read.",
);
/// How long a message takes to arrive.
pub const NOTIFICATION_DELIVERY_DELAY: Metric = per_channel(
    "notifications",
    "NotificationDeliveryDelay",
    Unit::Seconds,
    "From sending a canary to its delivery, by the platform's record or the provider's; until it was seen when neither tells \
     the time. Missing in runs that saw none arrive.",
);
/// How many messages wait to be sent.
pub const NOTIFICATION_QUEUE: Metric = per_channel(
    "notifications",
    "NotificationQueue",
    Unit::Count,
    "Messages that wait to be sent, by the operations counters. Missing without the counter.",
);
/// How many messages were not delivered.
pub const NOTIFICATION_FAILURES: Metric = per_channel(
    "notifications",
    "NotificationFailures",
    Unit::Count,
    "Messages that failed or bounced in the window of the operations counters. Missing without the counter.",
);
/// How many jobs wait in the fullest queue.
pub const QUEUE_BACKLOG: Metric = for_check(
    "queues",
    "QueueBacklog",
    Unit::Count,
    "Jobs that wait in the queue that has most, those left out that are to be done later. Missing when no source tells.",
);
/// How long the oldest job waits.
pub const OLDEST_JOB_AGE: Metric = for_check(
    "queues",
    "OldestJobAge",
    Unit::Seconds,
    "Age of the job that waits longest in any queue: as the platform tells it, as Horizon writes it into the job, or since a \
     run first saw it at the head of its queue. Missing when no source tells.",
);
/// How long a job of ours takes.
pub const JOB_DELAY: Metric = for_check(
    "queues",
    "JobDelay",
    Unit::Seconds,
    "From putting a job of ours into a queue until it was done, of the slowest queue. Missing in runs that saw none done.",
);
/// How many jobs failed.
pub const FAILED_JOBS: Metric = for_check(
    "queues",
    "FailedJobs",
    Unit::Count,
    "Jobs that failed in the window of the operations counters, of all queues; Horizon's number of its own window without \
     them. Missing when neither tells.",
);
/// How late the latest scheduled task is.
pub const SCHEDULED_TASK_LATENESS: Metric = for_check(
    "queues",
    "ScheduledTaskLateness",
    Unit::Seconds,
    "How far the scheduled task that is latest is beyond its interval; 0 when all are in time. Missing without the counters.",
);
/// How many requests users make.
pub const REQUESTS: Metric = for_check(
    "application",
    "Requests",
    Unit::Count,
    "Requests that were answered in the window of the operations counters. Missing without the counter.",
);
/// How often the application fails.
pub const ERROR_RATE: Metric = for_check(
    "application",
    "ErrorRate",
    Unit::Percent,
    "Answers 5xx of all requests in the window of the operations counters. Missing without the counters, and when the \
     window holds fewer requests than `minimum_count`.",
);
/// How many exceptions nobody caught.
pub const EXCEPTIONS: Metric = for_check(
    "application",
    "Exceptions",
    Unit::Count,
    "Exceptions in the window of the operations counters. Missing without the counter.",
);
/// How many statements the database took long for.
pub const SLOW_QUERIES: Metric = for_check(
    "application",
    "SlowQueries",
    Unit::Count,
    "Slow statements in the window of the operations counters. Missing without the counter.",
);
/// How often the platform's own calls to a partner fail.
pub const PARTNER_CALL_FAILURE_RATE: Metric = for_check(
    "application",
    "PartnerCallFailureRate",
    Unit::Percent,
    "Failed of the platform's own calls to the partner that fails most, in the window of the operations counters. Missing \
     without the counters, and when no partner was called as often as `minimum_count`.",
);
/// How full the fullest disk is.
pub const DISK_USED: Metric = for_check(
    "application",
    "DiskUsed",
    Unit::Percent,
    "Of the fullest disk, by the health endpoint. Missing when it does not tell.",
);
/// How many processes want to run.
pub const CPU_LOAD: Metric = for_check(
    "application",
    "CpuLoad",
    Unit::Count,
    "Processes that want to run, on average over five minutes, by the health endpoint. Missing when it does not tell.",
);
/// How much memory is used.
pub const MEMORY_USED: Metric = for_check(
    "application",
    "MemoryUsed",
    Unit::Percent,
    "Of the server's memory, by the health endpoint. Missing when it does not tell.",
);
/// How long the database takes to answer.
pub const DATABASE_LATENCY: Metric = for_check(
    "backend",
    "DatabaseLatency",
    Unit::Milliseconds,
    "`SELECT 1`, from sending it to its answer. Missing when the database was not reached.",
);
/// How many of the database's connections are used.
pub const CONNECTIONS_USED: Metric = for_check(
    "backend",
    "ConnectionsUsed",
    Unit::Percent,
    "Connections of the database of the most it takes, ours included. Missing when it was not reached.",
);
/// How long the cache takes to answer.
pub const CACHE_LATENCY: Metric = for_check(
    "backend",
    "CacheLatency",
    Unit::Milliseconds,
    "`PING`, from sending it to its answer. Missing when the cache was not reached.",
);
/// How full the cache is.
pub const CACHE_MEMORY_USED: Metric = for_check(
    "backend",
    "CacheMemoryUsed",
    Unit::Percent,
    "Memory of the cache of the most it may use. Missing when it was not reached, or has no limit.",
);
/// How often a partner has failed in a row.
pub const INTEGRATION_FAILURES: Metric = for_check(
    "integrations",
    "IntegrationFailures",
    Unit::Count,
    "Failed runs in a row of the partner that has most; 0 when all answer. Missing when none could be judged.",
);
/// What runs created and could not remove.
pub const LEFTOVERS: Metric = for_environment(
    "Leftovers",
    Unit::Count,
    "What a run created and could not remove. Published by checks that create something.",
);
/// The oldest message that was not delivered to its topic.
pub const OLDEST_UNSENT_NOTIFICATION: Metric = for_environment(
    "OldestUnsentNotification",
    Unit::Seconds,
    "Age of the oldest message of an earlier run that its topic has not taken. Missing when there is none.",
);

/// Every metric that is published.
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

/// How often real users' log-ins succeed. Measured, not published: the report and the log line hold it.
pub const LOGIN_SUCCESS_RATE: Metric = for_check(
    "login",
    "LoginSuccessRate",
    Unit::Percent,
    "Succeeded of all log-ins; otherwise as `LoginFailureRate`. In the report and the log line only.",
);
/// How often real users' log-outs succeed. Measured, not published: the report and the log line hold it.
pub const LOGOUT_SUCCESS_RATE: Metric = for_check(
    "login",
    "LogoutSuccessRate",
    Unit::Percent,
    "Succeeded of all log-outs; otherwise as `LoginFailureRate`. In the report and the log line only.",
);
/// How many jobs are done. Measured, not published: the report and the log line hold it.
pub const QUEUE_THROUGHPUT: Metric = for_check(
    "queues",
    "QueueThroughput",
    Unit::Count,
    "Jobs a minute: as Horizon counts them, else the least that it can have been, by how far the queues have shrunk since the \
     last run. In the report and the log line only.",
);
/// How long the database takes to let us in. Measured, not published: the report and the log line hold it.
pub const DATABASE_CONNECT_TIME: Metric = for_check(
    "backend",
    "DatabaseConnectTime",
    Unit::Milliseconds,
    "From the name to a session of ours, TLS and log-in included. In the report and the log line only.",
);
/// How many queries are slow. Measured, not published: the report and the log line hold it.
pub const SLOW_QUERY_RATE: Metric = for_check(
    "backend",
    "SlowQueryRate",
    Unit::Count,
    "Slow queries a minute since the last run, by `long_query_time`. In the report and the log line only.",
);
/// How far the replica is behind. Measured, not published: the report and the log line hold it.
pub const REPLICATION_LAG: Metric = for_check(
    "backend",
    "ReplicationLag",
    Unit::Seconds,
    "How far the replica is behind its source. In the report and the log line only.",
);
/// How many jobs were given up lately. Measured, not published: the report and the log line hold it.
pub const FAILED_JOBS_STORED: Metric = for_check(
    "backend",
    "FailedJobsStored",
    Unit::Count,
    "Rows of Laravel's `failed_jobs` in the window, at most 10,000. In the report and the log line only.",
);
/// How much the cache throws out. Measured, not published: the report and the log line hold it.
pub const CACHE_EVICTION_RATE: Metric = for_check(
    "backend",
    "CacheEvictionRate",
    Unit::Count,
    "Keys thrown out for room, a minute since the last run. In the report and the log line only.",
);
/// How many the cache turns away. Measured, not published: the report and the log line hold it.
pub const CACHE_REJECTED_CONNECTIONS: Metric = for_check(
    "backend",
    "CacheRejectedConnections",
    Unit::Count,
    "Connections refused for `maxclients`, a minute since the last run. In the report and the log line only.",
);

/// How much is left of what a partner lets us ask. Measured, not published: the report and the log line hold it.
pub const RATE_LIMIT_HEADROOM: Metric = for_check(
    "integrations",
    "RateLimitHeadroom",
    Unit::Percent,
    "Calls that are left until the partner that allows fewest throttles ours. In the report and the log line only.",
);
/// How long the partners' certificates last. Measured, not published: the report and the log line hold it.
pub const PARTNER_CERTIFICATE_DAYS: Metric = for_check(
    "integrations",
    "PartnerCertificateDays",
    Unit::Count,
    "Days until the partners' certificate that ends first does; below 0 when it has. In the report and the log line only.",
);

/// A named number with a unit, of one attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measurement {
    /// The metric's name.
    pub metric: String,
    /// The value in the metric's unit; finite.
    pub value: f64,
    /// The metric's unit.
    pub unit: Unit,
    /// Which of several items the worst value belongs to: a host, a queue. Not a dimension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// The channel that it is about, of a metric that is split by channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
}

impl Measurement {
    /// A measurement of a metric. `None` when the value is not finite: CloudWatch refuses those.
    #[must_use]
    pub fn new(metric: &Metric, value: f64, item: Option<String>) -> Option<Self> {
        value.is_finite().then(|| Self {
            metric: metric.name.to_owned(),
            value,
            unit: metric.unit,
            item,
            channel: None,
        })
    }
}
