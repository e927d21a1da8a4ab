//! The rate of errors of real users, with all, some or none of its counters.

use booking::Booking;
use check::Outcome;
use check_testkit::Harness;
use demo_platform::Options;

/// Created and changed bookings and errors of the demo platform's real users in a window.
const REAL_USERS: (f64, f64, f64) = (60.0, 37.0, 3.0);

#[tokio::test]
async fn error_rate_needs_errors_and_created_bookings() {
    let (created, updated, errors) = REAL_USERS;
    let rate = |attempts: f64| Some(100.0 * errors / (attempts + errors));
    for (case, settings, expected, reason) in [
        ("all counters", "", rate(created + updated), ""),
        (
            "no changed bookings",
            r#"bookings_updated = "/none""#,
            rate(created),
            "the counters hold no /none; BookingErrorRate is published without /none",
        ),
        (
            "unreadable changed bookings",
            r#"bookings_updated = "/external_calls/e-teori""#,
            rate(created),
            "unreadable counters: /external_calls/e-teori is {\"attempted\":120,\"failed\":1}; \
             BookingErrorRate is published without /external_calls/e-teori",
        ),
        ("no created bookings", r#"bookings_created = "/none""#, None, "the counters hold no /none"),
        ("no errors", r#"booking_errors = "/none""#, None, "the counters hold no /none"),
        ("errors only", "bookings_created = \"/a\"\nbookings_updated = \"/b\"", None, "the counters hold no /a, /b"),
    ] {
        let harness = Harness::<Booking>::with(Options::default(), |file| {
            file.push_str(&format!("\n[platform.counters]\n{settings}\n"));
        })
        .await;
        let observed = harness.run().await;
        assert_eq!(observed.report.outcome, Outcome::Passed, "{case}: {:#?}", observed.report);
        let published = observed.metrics.get("BookingErrorRate").copied();
        let difference = published.unwrap_or(-1.0) - expected.unwrap_or(-1.0);
        assert!(difference.abs() < 1e-9, "{case}: expected {expected:?}, got {published:?}");
        let step = observed.report.last_attempt().unwrap().steps.iter().find(|step| step.name == "counters").unwrap();
        let result = serde_json::to_value(&step.result).unwrap();
        let actual = result.to_string();
        let is_complete = step.result.word() == "passed" && reason.is_empty();
        let quoted = serde_json::to_string(reason).unwrap();
        assert!(is_complete || actual.contains(&quoted), "{case}: expected {quoted} in {actual}");
    }
}
