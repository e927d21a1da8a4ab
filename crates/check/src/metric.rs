//! The catalogue of metrics: one place for names, units, meaning and owner.

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

const fn of_every_check(name: &'static str, unit: Unit, meaning: &'static str) -> Metric {
    Metric { name, unit, dimensions: Dimensions::EnvironmentAndCheck, owner: None, meaning }
}

const fn of(owner: &'static str, name: &'static str, unit: Unit, meaning: &'static str) -> Metric {
    Metric { name, unit, dimensions: Dimensions::EnvironmentAndCheck, owner: Some(owner), meaning }
}

const fn of_channels(owner: &'static str, name: &'static str, unit: Unit, meaning: &'static str) -> Metric {
    Metric { name, unit, dimensions: Dimensions::EnvironmentCheckAndChannel, owner: Some(owner), meaning }
}

const fn of_the_environment(name: &'static str, unit: Unit, meaning: &'static str) -> Metric {
    Metric { name, unit, dimensions: Dimensions::Environment, owner: None, meaning }
}

/// Whether the run passed.
pub const SUCCESS: Metric = of_every_check(
    "Success",
    Unit::Count,
    "1 when the run passed, 0 when its last attempt failed. Missing when it could not judge, under maintenance, and when \
     the event was refused.",
);
/// How long the user's way took.
pub const DURATION: Metric = of_every_check(
    "Duration",
    Unit::Milliseconds,
    "The last attempt from its first to its last step, without waits, polling and compensation. Missing as `Success` is.",
);
/// Whether the run could not judge.
pub const ERRORED: Metric = of_every_check(
    "Errored",
    Unit::Count,
    "1 when the run could not judge, otherwise 0. Missing when the check did not run: that is what the blind alarm waits for.",
);
/// The certificate that ends first.
pub const CERTIFICATE_DAYS_REMAINING: Metric = of(
    "availability",
    "CertificateDaysRemaining",
    Unit::Count,
    "Days until the first certificate of all targets ends; negative when it has. Missing when no target was reached by TLS.",
);
/// Whether the platform says that it is down on purpose.
pub const MAINTENANCE: Metric = of(
    "availability",
    "Maintenance",
    Unit::Count,
    "1 while the platform is in maintenance mode, otherwise 0. Missing when nothing answered.",
);
/// How often real users' log-ins fail.
pub const LOGIN_FAILURE_RATE: Metric = of(
    "login",
    "LoginFailureRate",
    Unit::Percent,
    "Failed of all log-ins in the window of the operations counters, our own attempts subtracted. Missing without the \
     counters, and when the window holds fewer attempts than `minimum_count`.",
);
/// How many log-ins were throttled.
pub const LOCKOUTS: Metric = of(
    "login",
    "Lockouts",
    Unit::Count,
    "Throttled log-ins in the window of the operations counters, our own subtracted. Missing without the counter.",
);
/// How often real users' bookings fail.
pub const BOOKING_ERROR_RATE: Metric = of(
    "booking",
    "BookingErrorRate",
    Unit::Percent,
    "Booking errors of all requests to book or move a lesson in the window of the operations counters, our own subtracted. \
     Missing without the counters, and when the window holds fewer than `minimum_count`.",
);
/// How long the platform takes to work off a payment event.
pub const WEBHOOK_PROCESSING_DELAY: Metric = of(
    "payment-webhook",
    "WebhookProcessingDelay",
    Unit::Milliseconds,
    "From the accepted delivery of our payment event until its invoice is seen paid, as often as it is looked. Missing when \
     it was not delivered or never paid.",
);
/// How often the provider's webhooks fail.
pub const WEBHOOK_FAILURE_RATE: Metric = of(
    "payment-webhook",
    "WebhookFailureRate",
    Unit::Percent,
    "Failed of all webhooks in the window of the operations counters, our own subtracted. Missing without the counters, and \
     when the window holds fewer than `minimum_count`.",
);
/// How often real users' payments fail.
pub const PAYMENT_FAILURE_RATE: Metric = of(
    "payment-webhook",
    "PaymentFailureRate",
    Unit::Percent,
    "Failed of all payments in the window of the operations counters, our own subtracted. Missing as `WebhookFailureRate` is.",
);
/// How many payments differ between the provider and the platform.
pub const PAYMENT_MISMATCHES: Metric = of(
    "reconciliation",
    "PaymentMismatches",
    Unit::Count,
    "Payments that are missing on one side, recorded twice, late, or differ in amount, currency or status. Missing when one \
     side could not be read.",
);
/// How long a message takes to arrive.
pub const NOTIFICATION_DELIVERY_DELAY: Metric = of_channels(
    "notifications",
    "NotificationDeliveryDelay",
    Unit::Seconds,
    "From sending a canary to its delivery, by the platform's record or the provider's; until it was seen when neither tells \
     the time. Missing in runs that saw none arrive.",
);
/// How many messages wait to be sent.
pub const NOTIFICATION_QUEUE: Metric = of_channels(
    "notifications",
    "NotificationQueue",
    Unit::Count,
    "Messages that wait to be sent, by the operations counters. Missing without the counter.",
);
/// How many messages were not delivered.
pub const NOTIFICATION_FAILURES: Metric = of_channels(
    "notifications",
    "NotificationFailures",
    Unit::Count,
    "Messages that failed or bounced in the window of the operations counters. Missing without the counter.",
);
/// What runs created and could not remove.
pub const LEFT_BEHIND: Metric = of_the_environment(
    "LeftBehind",
    Unit::Count,
    "What a run created and could not remove. Published by checks that create something.",
);
/// The oldest message that was not delivered to its topic.
pub const OLDEST_UNSENT_NOTIFICATION: Metric = of_the_environment(
    "OldestUnsentNotification",
    Unit::Seconds,
    "Age of the oldest message of an earlier run that its topic has not taken. Missing when there is none.",
);

/// Every metric that is published.
pub const CATALOGUE: &[Metric] = &[
    SUCCESS,
    DURATION,
    ERRORED,
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
    LEFT_BEHIND,
    OLDEST_UNSENT_NOTIFICATION,
];

/// How often real users' log-ins succeed. Measured, not published: the report and the log line hold it.
pub const LOGIN_SUCCESS_RATE: Metric = of(
    "login",
    "LoginSuccessRate",
    Unit::Percent,
    "Succeeded of all log-ins; otherwise as `LoginFailureRate`. In the report and the log line only.",
);
/// How often real users' log-outs succeed. Measured, not published: the report and the log line hold it.
pub const LOGOUT_SUCCESS_RATE: Metric = of(
    "login",
    "LogoutSuccessRate",
    Unit::Percent,
    "Succeeded of all log-outs; otherwise as `LoginFailureRate`. In the report and the log line only.",
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
    pub fn of(metric: &Metric, value: f64, item: Option<String>) -> Option<Self> {
        value.is_finite().then(|| Self {
            metric: metric.name.to_owned(),
            value,
            unit: metric.unit,
            item,
            channel: None,
        })
    }
}
