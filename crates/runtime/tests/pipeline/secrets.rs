use check::metric::CERTIFICATE_DAYS_REMAINING;
use check::{Cause, FailureKind, Mismatch, Outcome, foreign, phrase};
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
            let said = |words| phrase!("{} {}", words, foreign(SECRET));
            let mismatch = Mismatch::new(FailureKind::Assertion, said("not"), said("it said"));
            step.check("text", Err(mismatch.with_evidence(said("<p>")))).unwrap_err();
            run.step(&subject("b"), "answer").maintenance(said("down for"));
            run.step(&subject("c"), "answer").skipped(said("no"));
            run.measure(&CERTIFICATE_DAYS_REMAINING, 1.0, Some(said("host of")));
            run.report_leftover("booking", said("it is"));
            run.on_exit("undo", async move { Err(said("still there:")) });
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
    assert!(everything.contains("it is [redacted]") && everything.contains("still there: [redacted]"), "{everything}");
    assert!(everything.contains("not [redacted]") && everything.contains("host of [redacted]"), "{everything}");
}

#[tokio::test(start_paused = true)]
async fn secret_that_is_learned_later_is_masked_in_earlier_texts() {
    const LATER: &str = "token-that-comes-later";
    let world = World::new();
    let check = reads(|run, _| {
        Box::pin(async move {
            let step = run.step(&subject("a"), "answer");
            let mismatch = Mismatch::new(FailureKind::Assertion, "a page", foreign(LATER));
            step.check("text", Err(mismatch)).unwrap_err();
            run.measure(&CERTIFICATE_DAYS_REMAINING, 1.0, Some(foreign(LATER).into()));
            run.mask(LATER);
        })
    });
    let report = world.run(&check, 0).await;
    let everything = format!("{} {:?}", serde_json::to_string(&report).unwrap(), world.item().await);
    assert!(!everything.contains(LATER) && everything.contains("[redacted]"), "{everything}");
}

#[tokio::test(start_paused = true)]
async fn words_of_ours_are_never_masked() {
    let world = World::new();
    let check = reads(|run, _| {
        Box::pin(async move {
            run.mask("status 500");
            let step = run.step(&subject("a"), "answer");
            let mismatch = Mismatch::new(FailureKind::Status, "status 200", phrase!("status {}", 500));
            step.check("text", Err(mismatch.with_evidence(foreign("it has status 500")))).unwrap_err();
        })
    });
    let report = world.run(&check, 0).await;
    let Outcome::Failed { failures } = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(failures[0].actual, "status 500");
    assert_eq!(failures[0].evidence.as_deref(), Some("it has [redacted]"));
}
