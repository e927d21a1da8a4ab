//! Assumptions that templates do not contain: run times, log sizes, numbers of messages. The output of `synthetics
//! cost` lists them.

use serde::Serialize;

/// Length of every month. **Units:** days.
pub const MONTH_DAYS: u64 = 30;
/// **Units:** seconds.
pub(super) const MONTH_SECONDS: u64 = MONTH_DAYS * 24 * 3_600;

/// Incidents in a month.
pub(super) const INCIDENTS: f64 = 10.0;
/// Notifications of one incident: opened, reminded once, recovered. Each goes to a topic for people and to `events`.
pub const MESSAGES_PER_INCIDENT: f64 = 3.0;
/// Messages that CloudWatch alarms add to an incident: `ALARM` and `OK`.
pub const ALARM_MESSAGES_PER_INCIDENT: f64 = 2.0;
/// E-mail addresses subscribed to the topics for people.
pub const ADDRESSES: f64 = 1.0;
/// KMS requests for each message to an encrypted topic: creating a data key and decrypting it.
pub(super) const KEY_REQUESTS_PER_MESSAGE: f64 = 2.0;
/// Size of an incident record. **Units:** KB of 1,024 bytes.
pub(super) const RECORD_KB: f64 = 8.0;
/// Failed invocations a month that reach the failure queue, such as a crash or an unwritten state.
pub const FAILED_INVOCATIONS: f64 = 10.0;
/// Time for which a function caches a secret, and DynamoDB its table key. **Units:** seconds.
pub(super) const CACHE_SECONDS: u64 = 300;
/// Lambda's own two JSON lines per invocation, and CloudWatch's overhead per line. **Units:** KB of 1,000 bytes.
pub const LAMBDA_LINES_KB: f64 = 1.0;
/// Metrics and secrets that a run in a private network sends through interface endpoints. **Units:** KB of 1,000 bytes.
pub const ENDPOINT_KB: f64 = 20.0;

/// Time and data of a typical run of a check.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TypicalRun {
    /// Id of the check.
    pub check: &'static str,
    /// Time that Lambda bills for one run, waits included. **Units:** seconds.
    pub seconds: f64,
    /// Size of the run's log line. **Units:** KB of 1,000 bytes.
    pub line_kb: f64,
    /// Size of the check's item in the state table. **Units:** KB of 1,024 bytes.
    pub item_kb: f64,
}

/// The typical run of every check.
///
/// Seconds: 0.2 for each sequential request, counted in runs against the demo platform; 0.4 for state, secrets and
/// metrics; and the time that `payment-webhook` waits for the queue. A test limits each value to half of the threshold
/// of the check's `slow` alarm. `reconciliation` reads about 60 pages: two thousand payments a day.
///
/// Log lines: measured on the demo platform and checked by a test, with an allowance for TLS and certificates, which
/// each real connection adds. Items include the memory that checks keep of earlier attempts.
pub const TYPICAL_RUNS: [TypicalRun; 10] = [
    typical("availability", 1.0, 8.0, 2.0),
    typical("login", 3.0, 10.0, 4.0),
    typical("queues", 1.0, 6.0, 4.0),
    typical("application", 1.0, 6.0, 2.0),
    typical("backend", 1.0, 4.0, 2.0),
    typical("booking", 3.0, 10.0, 4.0),
    typical("payment-webhook", 5.0, 15.0, 4.0),
    typical("integrations", 1.0, 9.0, 2.0),
    typical("notifications", 2.0, 7.0, 4.0),
    typical("reconciliation", 12.0, 20.0, 2.0),
];

const fn typical(check: &'static str, seconds: f64, line_kb: f64, item_kb: f64) -> TypicalRun {
    TypicalRun { check, seconds, line_kb, item_kb }
}
