//! Cleanup after a run of a scripted server.

use check::Outcome;
use hostile::{Action, Server, answer};

use crate::{report, steps};

/// Creates and removes.
const FLOW: &str = r#"
creates = true
steps = [
  { name = "create", path = "/things", method = "POST", body.json = { marker = "{run_id}" }, expect.status = [201], capture.id = { json = "/id" }, deadline = "500ms" },
  { name = "look", path = "/things/{id}" },
  { name = "remove", path = "/things/{id}", method = "DELETE", always = true, expect.status = [204], deadline = "500ms" },
]
"#;

/// Makes the answer to a request.
type Script = fn() -> Vec<Action>;

/// Server that answers each method by a script.
async fn server(post: Script, get: Script, delete: impl Fn(usize) -> Vec<Action> + Send + Sync + 'static) -> Server {
    let deletes = std::sync::atomic::AtomicUsize::new(0);
    Server::plain(move |request| match request.split(' ').next() {
        Some("POST") => post(),
        Some("DELETE") => delete(deletes.fetch_add(1, std::sync::atomic::Ordering::SeqCst)),
        _ => get(),
    })
    .await
}

fn created() -> Vec<Action> {
    answer("201 Created", "{\"id\":7}")
}

fn fine() -> Vec<Action> {
    answer("200 OK", "{}")
}

fn gone() -> Vec<Action> {
    answer("204 No Content", "")
}

fn methods(server: &Server) -> Vec<String> {
    server.requests().iter().filter_map(|request| request.split(' ').next().map(str::to_owned)).collect()
}

#[tokio::test]
async fn created_object_is_removed_once() {
    let server = server(created, fine, |_| gone()).await;
    let report = report(&server, FLOW).await;
    assert_eq!((report.outcome, &report.leftovers[..]), (Outcome::Passed, &[][..]));
    assert_eq!(methods(&server), ["POST", "GET", "DELETE"]);
}

#[tokio::test]
async fn failed_cleanup_is_tried_once_more() {
    for (case, again, leftovers) in [
        ("it works", gone as Script, 0),
        ("the first try had removed it", || answer("404 Not Found", ""), 0),
        ("it fails", || answer("500 Oops", "{}"), 1),
        ("no answer", || vec![Action::Hang], 1),
    ] {
        let hanging_first = move |count| if count == 0 { vec![Action::Hang] } else { again() };
        let server = server(created, fine, hanging_first).await;
        let report = report(&server, FLOW).await;
        assert_eq!(steps(&report)[2], ("remove", "failed"), "{case}");
        assert_eq!(methods(&server), ["POST", "GET", "DELETE", "DELETE"], "{case}");
        assert_eq!(report.leftovers.len(), leftovers, "{case}: {:?}", report.leftovers);
        if let Some(leftover) = report.leftovers.first() {
            assert_eq!(leftover.compensation.as_str(), "j/remove");
        }
    }
}

#[tokio::test]
async fn refused_creation_needs_no_cleanup() {
    let server = server(|| answer("422 Unprocessable Content", "{}"), fine, |_| gone()).await;
    let report = report(&server, FLOW).await;
    assert_eq!(steps(&report), [("create", "failed"), ("look", "skipped"), ("remove", "skipped")]);
    assert_eq!((methods(&server), &report.leftovers[..]), (vec!["POST".to_owned()], &[][..]));
}

#[tokio::test]
async fn creation_without_an_id_is_a_leftover() {
    for (case, post) in [
        ("no id", (|| answer("201 Created", "{}")) as Script),
        ("a failure", || answer("500 Oops", "{}")),
        ("no answer", || vec![Action::Hang]),
    ] {
        let server = server(post, fine, |_| gone()).await;
        let report = report(&server, FLOW).await;
        assert_eq!(steps(&report)[2], ("remove", "skipped"), "{case}");
        let [leftover] = &report.leftovers[..] else { panic!("{case}: {report:#?}") };
        assert_eq!(leftover.detail.as_str(), "the step create may have created something, but gave no value for {id}");
    }
}

#[tokio::test]
async fn nothing_is_created_without_the_secrets_of_the_cleanup() {
    let server = server(created, fine, |_| gone()).await;
    let flow =
        FLOW.replace("always = true,", "always = true, auth.bearer = \"ssm:/just-driving/test/journeys/absent\",");
    assert_ne!(flow, FLOW);
    let report = report(&server, &flow).await;
    assert!(matches!(report.outcome, Outcome::Inconclusive { .. }), "{report:#?}");
    assert_eq!(methods(&server), Vec::<String>::new());
}
