//! Every field of a booking is compared with what was asked for.

use booking::Booking;
use check::Outcome;
use check_testkit::Harness;
use demo_platform::Options;

#[tokio::test]
async fn a_booking_that_differs_in_one_field_alone_is_seen() {
    // Each is read from a place where something else stands.
    for (name, elsewhere) in [
        ("teacher", "/school_id"),
        ("students", "/school_id"),
        ("starts_at", "/ends_at"),
        ("ends_at", "/starts_at"),
        ("kind", "/status"),
        ("notes", "/type"),
        ("status", "/type"),
    ] {
        let harness = Harness::<Booking>::with(Options::default(), |settings| {
            settings.push_str(&format!("\n[platform.booking]\n{name} = \"{elsewhere}\"\n"));
        })
        .await;
        let observed = harness.run().await;
        let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{name}: {:#?}", observed.report) };
        assert_eq!(failures[0].step, "read-back", "{name}: {failures:?}");
        assert!(failures[0].expected.contains(elsewhere), "{name}: {failures:?}");
    }
}
