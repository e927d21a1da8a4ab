use std::sync::Arc;

use check::metric::CERTIFICATE_DAYS_REMAINING;
use check::{Cause, FailureKind, Mismatch, Outcome, foreign, phrase};
use local::EnvironmentSecrets;
use secrecy::ExposeSecret;
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

/// World whose secrets are given by name.
fn world_with(secrets: &'static [(&'static str, &'static str)]) -> World {
    let mut world = World::new();
    let variable = move |name: &str| secrets.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
    world.ports.secrets = Arc::new(EnvironmentSecrets::new(variable));
    world
}

#[tokio::test(start_paused = true)]
async fn one_line_break_at_the_end_is_not_part_of_a_secret() {
    let secrets = &[("PLAIN", "long-secret"), ("UNIX", "long-secret\n"), ("DOS", "long-secret\r\n")];
    let world = world_with(secrets);
    let check = reads(move |run, _| {
        Box::pin(async move {
            let step = run.step(&subject("a"), "answer");
            for (name, _) in secrets {
                let secret = step.secret(&SecretRef::Variable((*name).to_owned())).await.unwrap();
                assert_eq!(secret.expose_secret(), "long-secret", "{name}");
            }
            step.passed();
        })
    });
    assert_eq!(world.run(&check, 0).await.outcome, Outcome::Passed);
}

#[tokio::test(start_paused = true)]
async fn secret_with_space_at_its_edge_is_inconclusive() {
    for (stored, key, password) in
        [("long-secret ", false, false), ("long-s\tcret", false, true), ("long secret", true, true)]
    {
        let world = world_with(match stored {
            "long-secret " => &[("KEY", "long-secret ")],
            "long secret" => &[("KEY", "long secret")],
            _ => &[("KEY", "long-s\tcret")],
        });
        let check = reads(move |run, _| {
            Box::pin(async move {
                let reference = SecretRef::Variable("KEY".to_owned());
                let step = run.step(&subject("a"), "key");
                assert_eq!(step.secret(&reference).await.is_ok(), key, "{stored:?}");
                let step = run.step(&subject("a"), "password");
                assert_eq!(step.password(&reference).await.is_ok(), password, "{stored:?}");
                step.passed();
            })
        });
        let outcome = world.run(&check, 0).await.outcome;
        let named = |cause: &check::Inconclusive| cause.cause == Cause::Reference && cause.detail.contains("env:KEY");
        let is_named = matches!(&outcome, Outcome::Inconclusive { inconclusive } if named(inconclusive));
        assert_eq!(is_named, !key, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn short_secret_gets_a_warning() {
    for (secret, expected) in [
        ("abc", Some("the secret at env:SHORT has fewer than 8 characters: it is too short to be masked")),
        ("1234567", Some("the secret at env:SHORT has fewer than 8 characters: masking it also masks ordinary words")),
        ("12345678", None),
    ] {
        let world = world_with(match secret {
            "abc" => &[("SHORT", "abc")],
            "1234567" => &[("SHORT", "1234567")],
            _ => &[("SHORT", "12345678")],
        });
        let check = reads(|run, _| {
            Box::pin(async move {
                let step = run.step(&subject("a"), "answer");
                step.secret(&SecretRef::Variable("SHORT".to_owned())).await.unwrap();
                step.passed();
            })
        });
        let report = world.run(&check, 0).await;
        let warnings: Vec<&str> = report.warnings.iter().map(|warning| warning.as_str()).collect();
        assert_eq!(warnings, expected.into_iter().collect::<Vec<_>>(), "{secret}");
    }
}
