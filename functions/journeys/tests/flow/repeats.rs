//! Repeated requests, deadlines, and journeys that run in some of the runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use check::{FailureKind, Outcome};
use hostile::{Action, Server, answer};

use crate::{file, report, steps};
use ::settings::Document;
use journeys::Journeys;
use local::Memory;
use runtime::{Invocation, Prepared, SkippingClock, execute};

#[tokio::test]
async fn request_is_repeated_until_its_answer_is_as_expected() {
    let sent = AtomicUsize::new(0);
    let server = Server::plain(move |_| {
        let count = sent.fetch_add(1, SeqCst);
        answer("200 OK", format!("{{\"done\":{}}}", count == 3))
    })
    .await;
    let flow = r#"
steps = [
  { name = "wait", path = "/job", repeat_until = { every = "500ms", within = "3s" }, expect.json = [{ pointer = "/done", equals = true }] },
]
"#;
    let passed = report(&server, flow).await;
    assert_eq!(passed.outcome, Outcome::Passed, "{passed:#?}");
    assert_eq!((server.requests().len(), passed.attempts.len()), (4, 1));
}

#[tokio::test]
async fn repetition_ends_with_the_last_answer() {
    let server = Server::plain(|_| answer("200 OK", "{\"done\":false}")).await;
    let flow = r#"
creates = true
steps = [
  { name = "wait", path = "/job", repeat_until = { every = "500ms", within = "2s" }, expect.json = [{ pointer = "/done", equals = true }] },
  { name = "next", path = "/next" },
]
"#;
    let failed = report(&server, flow).await;
    assert_eq!(steps(&failed), [("wait", "failed"), ("next", "skipped")]);
    assert_eq!(server.requests().len(), 4, "at most one each half second, and none at the very end");
}

#[tokio::test]
async fn journey_that_is_too_slow_fails_its_step() {
    let server = Server::plain(|request| match request.starts_with("GET /slow") {
        true => vec![Action::Hang],
        false => answer("200 OK", "{}"),
    })
    .await;
    let flow = r#"
creates = true
steps = [
  { name = "first", path = "/fast" },
  { name = "second", path = "/slow", deadline = "300ms" },
  { name = "third", path = "/fast" },
]
"#;
    let failed = report(&server, flow).await;
    assert_eq!(steps(&failed), [("first", "passed"), ("second", "failed"), ("third", "skipped")]);
    let Outcome::Failed { failures } = &failed.outcome else { panic!("{failed:#?}") };
    assert_eq!(failures[0].kind, FailureKind::Timeout);
}

#[tokio::test]
async fn rare_journey_runs_in_each_nth_run() {
    let is_broken = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let answers = Arc::clone(&is_broken);
    let server = Server::plain(move |_| {
        let status = if answers.load(SeqCst) { "500 Oops" } else { "200 OK" };
        answer(status, "{}")
    })
    .await;
    let text = file(&server, "every = 3\ncreates = true\nsteps = [{ name = \"s\", path = \"/\" }]");
    let prepared: Prepared<Journeys> = Prepared::read(&Document::parse("t.toml", &text).unwrap()).unwrap();
    let clock = Arc::new(SkippingClock::default());
    let ports = check_testkit::ports(&Arc::new(Memory::default()), &clock, []);
    let mut counts = Vec::new();
    for run in 0..9 {
        clock.skip(Duration::from_secs(300));
        is_broken.store(run == 3, SeqCst);
        execute(&prepared, &ports, &Invocation::manual()).await.unwrap();
        counts.push(server.requests().len());
    }
    assert_eq!(counts, [1, 1, 1, 2, 3, 3, 4, 4, 4], "a failed journey runs again in the next run");
}

#[tokio::test]
async fn tag_restricts_a_run_to_its_journeys() {
    let server = Server::plain(|_| answer("200 OK", "{}")).await;
    let more = "tags = [\"quick\"]\nsteps = [{ name = \"s\", path = \"/\" }]\n[[check.journeys.flows]]\nid = \"k\"\nsteps = [{ name = \"t\", path = \"/\" }]";
    let prepared: Prepared<Journeys> =
        Prepared::read(&Document::parse("t.toml", &file(&server, more)).unwrap()).unwrap();
    let ports = check_testkit::ports(&Arc::new(Memory::default()), &Arc::new(SkippingClock::default()), []);
    let invocation = Invocation { tag: Some("quick".to_owned()), ..Invocation::manual() };
    let report = execute(&prepared, &ports, &invocation).await.unwrap();
    assert_eq!(steps(&report), [("s", "passed")]);
}
