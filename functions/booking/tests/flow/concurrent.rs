//! Concurrent runs: in another location, or started by hand.

use booking::Booking;
use check::Outcome;
use check_testkit::Harness;
use futures::future::join_all;
use runtime::{Invocation, execute};
use serde_json::json;

#[tokio::test]
async fn concurrent_runs_do_not_disturb_each_other() {
    let harness = Harness::<Booking>::with(demo_platform::Options::default(), |settings| {
        // Few slots, so that runs compete for them. At least two days with lessons, since Sundays have none.
        let line = "student = 350";
        *settings = settings.replace(line, &format!("{line}\nmin_lead_time = \"24h\"\nmax_lead_time = \"96h\""));
    })
    .await;
    for round in 0..6 {
        let runs = (0..4).map(|place| {
            let ports = runtime::Ports { location: format!("location-{place}"), ..harness.ports() };
            let prepared = &harness.prepared;
            let event = if place == 0 { json!({}) } else { json!({ "scheduled_time": ports.clock.now().to_string() }) };
            async move {
                execute(
                    prepared,
                    &ports,
                    &Invocation { event, killed_at: None, may_send: true, tag: None, explanation: None },
                )
                .await
            }
        });
        for report in join_all(runs).await {
            let report = report.unwrap();
            assert_eq!(report.outcome, Outcome::Passed, "round {round}: {report:#?}");
        }
        assert_eq!(harness.platform.leftovers(), Vec::<String>::new(), "round {round}");
        harness.clock.skip(std::time::Duration::from_secs(300));
    }
}

/// Error rate of the demo platform's real users in a window, in percent: 60 booked, 37 moved, 3 refused.
const REAL_USERS: f64 = 3.0;

#[tokio::test]
async fn attempts_of_concurrent_runs_are_not_counted() {
    let harness = Harness::<Booking>::start().await;
    for round in 0..3 {
        // Two locations and a run by hand at once: two of the three find a concurrent write of the memory.
        let runs = (0..3).map(|place| {
            let ports = runtime::Ports { location: format!("location-{place}"), ..harness.ports() };
            let event = if place == 0 { json!({}) } else { json!({ "scheduled_time": ports.clock.now().to_string() }) };
            let prepared = &harness.prepared;
            async move {
                execute(
                    prepared,
                    &ports,
                    &Invocation { event, killed_at: None, may_send: true, tag: None, explanation: None },
                )
                .await
            }
        });
        for report in join_all(runs).await {
            assert_eq!(report.unwrap().outcome, Outcome::Passed, "round {round}");
        }
        // A minute later, the attempts of all three runs are still in the platform's window.
        let observed = harness.run().await;
        let rate = observed.metrics["BookingErrorRate"];
        assert!((rate - REAL_USERS).abs() < 1e-9, "round {round}: expected {REAL_USERS}, got {rate}");
    }
}
