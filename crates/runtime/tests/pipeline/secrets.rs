use check::metric::CERTIFICATE_DAYS_REMAINING;
use check::{Cause, Outcome};
use settings::SecretRef;

use crate::world::*;

fn token() -> SecretRef {
    SecretRef::Variable("TOKEN".to_owned())
}

#[tokio::test(start_paused = true)]
async fn unresolved_reference_is_inconclusive() {
    let world = World::new();
    let report = world.run(&reads(script(&["web=?"])), 0).await;
    let Outcome::Inconclusive { inconclusive } = report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!((inconclusive.cause, inconclusive.detail.contains("env:MISSING")), (Cause::Reference, true));
}

#[tokio::test(start_paused = true)]
async fn resolved_secret_is_masked_in_all_output() {
    let world = World::new();
    let check = reads(|run, _| {
        Box::pin(async move {
            let step = run.step(&subject("a"), "answer");
            step.secret(&token()).await.unwrap();
            let mut mismatch = mismatch(&format!("it said {SECRET}"));
            mismatch.expected = format!("not {SECRET}");
            mismatch.evidence = Some(format!("<p>{SECRET}</p>"));
            step.check("text", Err(mismatch)).unwrap_err();
            run.step(&subject("b"), "answer").maintenance(&format!("down for {SECRET}"));
            run.step(&subject("c"), "answer").skipped(format!("no {SECRET}"));
            run.measure(&CERTIFICATE_DAYS_REMAINING, 1.0, Some(format!("host of {SECRET}")));
            run.on_exit("undo", async { Err(format!("{SECRET} is still there")) });
        })
    });
    let report = world.run(&check, 0).await;
    let Outcome::Failed { failures } = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(failures[0].actual, "it said [redacted]");
    let sent = world.memory.take_sent();
    assert_eq!(sent.len(), 4, "the failure and the leftovers");
    let everything = format!(
        "{} {:?} {:?} {:?}",
        serde_json::to_string(&report).unwrap(),
        sent,
        world.item().await,
        world.memory.data()
    );
    assert!(!everything.contains(SECRET), "{everything}");
    assert!(everything.contains("not [redacted]") && everything.contains("host of [redacted]"), "{everything}");
}
