//! What no template says: how long a run takes, how long its line is, how much is told. Stated here, and in the output.

use serde::Serialize;

/// **Units:** days. Every month is this long.
pub(super) const MONTH_DAYS: u64 = 30;
/// **Units:** seconds.
pub(super) const MONTH_SECONDS: u64 = MONTH_DAYS * 24 * 3_600;

/// Incidents in a month.
pub(super) const INCIDENTS: f64 = 10.0;
/// Messages about one incident: opened, reminded once, recovered. Each goes to a topic for people and to `events`.
pub(super) const MESSAGES: f64 = 3.0;
/// What an alarm tells beside it: `ALARM` and `OK`.
pub(super) const ALARM_MESSAGES: f64 = 2.0;
/// Addresses that a message for people goes to.
pub(super) const ADDRESSES: f64 = 1.0;
/// Requests to KMS for each message to an encrypted topic: a data key, and its decryption.
pub(super) const KEY_REQUESTS_PER_MESSAGE: f64 = 2.0;
/// The record of an incident. **Units:** KB.
pub(super) const RECORD_KB: f64 = 8.0;
/// Invocations in a month that fail and reach the queue: a crash, a state that could not be written.
pub(super) const FAILED_INVOCATIONS: f64 = 10.0;
/// For how long a function keeps a secret, and the table its key. **Units:** seconds.
pub(super) const KEPT_SECONDS: u64 = 300;
/// Lambda's own two JSON lines of an invocation, and what CloudWatch adds to each line. **Units:** KB of 1,000 bytes.
pub(super) const LAMBDA_LINES_KB: f64 = 1.0;
/// What a run in a private network sends through interface endpoints: numbers and secrets. **Units:** KB of 1,000 bytes.
pub(super) const ENDPOINT_KB: f64 = 20.0;

/// What a run of a check usually is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Usual {
    /// The id of the check.
    pub(super) check: &'static str,
    /// What Lambda bills for one run, waits too. **Units:** seconds.
    pub(super) seconds: f64,
    /// The line of a run. **Units:** KB of 1,000 bytes.
    pub(super) line_kb: f64,
    /// The item in the state table. **Units:** KB of 1,024 bytes.
    pub(super) item_kb: f64,
}

/// Of every check.
///
/// Seconds: 0.2 for each request of a run that waits for the one before it, as a run against the demo platform makes them, 0.4
/// for state, secrets and numbers, and the waits of `payment-webhook` for the queue; at most half of what the check's alarm
/// calls slow, which a test holds. `reconciliation` reads some 60 pages: two thousand payments a day.
///
/// Lines: measured on the demo platform, which a test holds; more than there, since TLS and its certificates come to each
/// connection. Items: with what checks remember of their own attempts.
pub(super) const USUAL: [Usual; 10] = [
    usual("availability", 1.0, 8.0, 2.0),
    usual("login", 3.0, 10.0, 4.0),
    usual("queues", 1.0, 6.0, 4.0),
    usual("application", 1.0, 6.0, 2.0),
    usual("backend", 1.0, 4.0, 2.0),
    usual("booking", 3.0, 10.0, 4.0),
    usual("payment-webhook", 5.0, 15.0, 4.0),
    usual("integrations", 1.0, 9.0, 2.0),
    usual("notifications", 2.0, 7.0, 4.0),
    usual("reconciliation", 12.0, 20.0, 2.0),
];

const fn usual(check: &'static str, seconds: f64, line_kb: f64, item_kb: f64) -> Usual {
    Usual { check, seconds, line_kb, item_kb }
}
