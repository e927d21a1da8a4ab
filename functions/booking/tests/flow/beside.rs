//! Runs beside each other: another location, or one by hand.

use booking::Booking;
use check::Outcome;
use check_testkit::Harness;
use futures::future::join_all;
use runtime::{Invocation, execute};
use serde_json::json;

#[tokio::test]
async fn runs_beside_each_other_do_not_disturb_each_other() {
    let harness = Harness::<Booking>::with(demo_platform::Options::default(), |settings| {
        // Few slots: they must come to want the same. Two days of lessons at least, whatever day it is: nobody teaches on Sundays.
        let line = "student = 350";
        *settings = settings.replace(line, &format!("{line}\nnotice = \"24h\"\nhorizon = \"96h\""));
    })
    .await;
    for round in 0..6 {
        let runs = (0..4).map(|place| {
            let ports = runtime::Ports { location: format!("location-{place}"), ..harness.ports() };
            let prepared = &harness.prepared;
            let event = if place == 0 { json!({}) } else { json!({ "scheduled_time": ports.clock.now().to_string() }) };
            async move { execute(prepared, &ports, &Invocation { event, killed_at: None, may_send: true }).await }
        });
        for report in join_all(runs).await {
            let report = report.unwrap();
            assert_eq!(report.outcome, Outcome::Passed, "round {round}: {report:#?}");
        }
        assert_eq!(harness.platform.leftovers(), Vec::<String>::new(), "round {round}");
        harness.clock.skip(std::time::Duration::from_secs(300));
    }
}

/// What the demo platform's real users do in a window: 60 booked, 37 moved, 3 refused.
const OF_USERS: f64 = 3.0;

#[tokio::test]
async fn what_all_of_them_did_is_taken_off_the_rate_whoever_wrote_first() {
    let harness = Harness::<Booking>::start().await;
    for round in 0..3 {
        // Two locations, and a run by hand, at once: two of the three find that another one has written meanwhile.
        let runs = (0..3).map(|place| {
            let ports = runtime::Ports { location: format!("location-{place}"), ..harness.ports() };
            let event = if place == 0 { json!({}) } else { json!({ "scheduled_time": ports.clock.now().to_string() }) };
            let prepared = &harness.prepared;
            async move { execute(prepared, &ports, &Invocation { event, killed_at: None, may_send: true }).await }
        });
        for report in join_all(runs).await {
            assert_eq!(report.unwrap().outcome, Outcome::Passed, "round {round}");
        }
        // A minute later, all that they did is still in the platform's window: three made, moved and refused.
        let observed = harness.run().await;
        let rate = observed.metrics["BookingErrorRate"];
        assert!((rate - OF_USERS).abs() < 1e-9, "round {round}: {rate}, not {OF_USERS}");
    }
}
