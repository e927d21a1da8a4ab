//! Runs beside each other: another location, or one by hand.

use booking::Booking;
use check::Outcome;
use futures::future::join_all;
use runtime::{Invocation, execute};
use serde_json::json;
use trial::Trial;

#[tokio::test]
async fn runs_beside_each_other_do_not_disturb_each_other() {
    let trial = Trial::<Booking>::with(demo_platform::Options::default(), |settings| {
        // Few slots: they must come to want the same.
        let line = "student = 350";
        *settings = settings.replace(line, &format!("{line}\nnotice = \"24h\"\nhorizon = \"72h\""));
    })
    .await;
    for round in 0..6 {
        let runs = (0..4).map(|place| {
            let ports = runtime::Ports { location: format!("location-{place}"), ..trial.ports() };
            let prepared = &trial.prepared;
            let event = if place == 0 { json!({}) } else { json!({ "scheduled_time": ports.clock.now().to_string() }) };
            async move { execute(prepared, &ports, &Invocation { event, killed_at: None, may_send: true }).await }
        });
        for report in join_all(runs).await {
            let report = report.unwrap();
            assert_eq!(report.outcome, Outcome::Passed, "round {round}: {report:#?}");
        }
        assert_eq!(trial.platform.left_behind(), Vec::<String>::new(), "round {round}");
        trial.clock.skip(std::time::Duration::from_secs(300));
    }
}
