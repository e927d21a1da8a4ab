//! Comparison of every field of a booking with the request.

use booking::Booking;
use check::Outcome;
use check_testkit::Harness;
use demo_platform::Options;

#[tokio::test]
async fn each_differing_field_fails_read_back() {
    // Each field is read from the pointer of a different field.
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
