//! `Retry-After` delays the confirming attempt, as long as it fits into the run.

use check::{FailureKind, Outcome};
use hostile::{Server, answer};
use jiff::SignedDuration;

use crate::report;

/// Time between the starts of both attempts against a server with this head. `None` if there was only one attempt.
async fn delay_of_second_attempt(head: &'static str) -> Option<SignedDuration> {
    let server = Server::plain(move |_| answer(head, "")).await;
    let report = report(&server, "").await;
    let Outcome::Failed { failures } = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(failures[0].kind, FailureKind::Status, "{failures:?}");
    let [first, second] = &report.attempts[..] else { return None };
    Some(second.started.duration_since(first.started))
}

#[tokio::test]
async fn second_attempt_waits_for_retry_after_within_the_run() {
    let seconds = |delay: Option<SignedDuration>| delay.map(|delay| delay.as_secs());
    for (head, expected) in [
        ("503 Service Unavailable", Some(20)),
        ("503 Service Unavailable\r\nRetry-After: 5", Some(20)),
        ("503 Service Unavailable\r\nRetry-After: 31", Some(31)),
        ("429 Too Many Requests\r\nRetry-After: 31", Some(31)),
        ("429 Too Many Requests\r\nRetry-After: 3600", None),
        ("429 Too Many Requests\r\nRetry-After: 99999999999999999999", None),
        ("429 Too Many Requests\r\nRetry-After: soon", Some(20)),
        ("429 Too Many Requests\r\nRetry-After: 18446744073709551615", None),
        ("429 Too Many Requests\r\nRetry-After: Wed, 21 Oct 2015 07:28:00 GMT", Some(20)),
        ("500 Internal Server Error\r\nRetry-After: 31", Some(20)),
    ] {
        assert_eq!(seconds(delay_of_second_attempt(head).await), expected, "{head}");
    }
}
