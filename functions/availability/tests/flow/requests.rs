//! Methods, queries and bodies, and the attempts of a run.

use availability::Availability;
use check::FailureKind;
use hostile::{Server, answer, ok};
use runtime::Prepared;
use settings::Document;

use crate::{found, problems, report, runs, settings};

/// Head and body of the last request to a server that answers everything.
async fn sent(keys: &str) -> (String, String) {
    let server = Server::plain(|_| ok()).await;
    assert_eq!(found(&report(&server, keys).await), "passed", "{keys}");
    let request = server.requests().pop().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn request_has_method_query_and_body() {
    for (case, keys, line, media_type, body) in [
        ("a query", "query = { page = \"1\", \"a b\" = \"æ&\" }", "GET /?a%20b=%C3%A6%26&page=1 ", "", ""),
        ("OPTIONS", "method = \"OPTIONS\"", "OPTIONS / ", "", ""),
        ("DELETE", "method = \"DELETE\"", "DELETE / ", "", ""),
        (
            "JSON",
            "method = \"POST\"\nbody.json = { a = [1, true], b = \"ø\" }",
            "POST / ",
            "application/json",
            "{\"a\":[1,true],\"b\":\"ø\"}",
        ),
        (
            "a form",
            "method = \"PUT\"\nbody.form = { \"a b\" = \"c&d\", e = \"\" }",
            "PUT / ",
            "application/x-www-form-urlencoded",
            "a+b=c%26d&e=",
        ),
        ("a text", "method = \"PATCH\"\nbody.text = \"é\"", "PATCH / ", "text/plain; charset=utf-8", "é"),
        (
            "a text with a type",
            "method = \"POST\"\nbody.text = \"<a/>\"\nheaders = { Content-Type = \"application/soap+xml\" }",
            "POST / ",
            "application/soap+xml",
            "<a/>",
        ),
        (
            "a file",
            "method = \"POST\"\nbody.file = \"tests/flow/bodies/order.json\"",
            "POST / ",
            "application/json",
            "{ \"lesson\": 7 }\n",
        ),
    ] {
        let (head, sent) = sent(keys).await;
        assert!(head.starts_with(line), "{case}: {head}");
        let types: Vec<&str> = head.lines().filter_map(|line| line.strip_prefix("content-type: ")).collect();
        assert_eq!(types.join(", "), media_type, "{case}");
        assert_eq!(sent, body, "{case}");
    }
}

#[tokio::test]
async fn post_is_sent_once_and_confirmed_by_the_next_run() {
    let server = Server::plain(|_| answer("500 Internal Server Error", "")).await;
    for (method, requests, confirmed) in [("GET", 2, true), ("HEAD", 2, true), ("POST", 1, false), ("DELETE", 1, false)]
    {
        let before = server.requests().len();
        let run = report(&server, &format!("method = \"{method}\"")).await;
        assert_eq!(server.requests().len() - before, requests, "{method}");
        // One failed and confirmed run opens an incident; two are needed otherwise.
        assert_eq!(
            run.reasons.iter().any(|reason| reason.notification_reason.event().is_some()),
            confirmed,
            "{method}"
        );
    }
    let reports = runs(&settings(&format!("http://{}", server.address), "", "method = \"POST\""), &[], 2).await;
    let opened =
        |index: usize| reports[index].reasons.iter().any(|reason| reason.notification_reason.event().is_some());
    assert_eq!((opened(0), opened(1)), (false, true));
}

#[tokio::test]
async fn failed_post_keeps_its_failure_while_others_are_confirmed() {
    let server = Server::plain(|_| answer("500 Internal Server Error", "")).await;
    let second = "method = \"POST\"\n[[check.availability.targets]]\nid = \"u\"\npath = \"/u\"\n";
    let run = report(&server, second).await;
    let check::Outcome::Failed { failures } = &run.outcome else { panic!("{:?}", run.outcome) };
    let failed: Vec<_> = failures.iter().map(|failure| (failure.subject.as_str(), failure.kind)).collect();
    assert_eq!(failed, [("t", FailureKind::Status), ("u", FailureKind::Status)]);
    let posts = server.requests().iter().filter(|request| request.starts_with("POST")).count();
    assert_eq!((posts, server.requests().len(), run.attempts.len()), (1, 3, 2));
    let steps = run.attempts.iter().map(|attempt| attempt.steps.iter().filter(|step| step.subject.as_str() == "t"));
    let exchanges: Vec<usize> = steps.map(|steps| steps.map(|step| step.exchanges.len()).sum()).collect();
    assert_eq!(exchanges, [1, 0], "the exchange is recorded where it was made");
}

#[test]
fn file_of_a_body_is_near_the_settings_and_bounded() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("bodies");
    std::fs::create_dir_all(folder.join("bodies")).unwrap();
    let name = folder.join("test.toml");
    let read = |size: usize| {
        std::fs::write(folder.join("bodies/order.json"), "1".repeat(size)).unwrap();
        let text = settings("http://127.0.0.1", "", "method = \"POST\"\nbody.file = \"bodies/order.json\"");
        let document = Document::parse(name.to_str().unwrap(), &text).unwrap_or_else(|found| panic!("{found:#?}"));
        let read = Prepared::<Availability>::read(&document);
        read.err().map(|problems| problems.into_iter().map(|problem| problem.rule).collect::<Vec<_>>().join("\n"))
    };
    assert_eq!(read(256_000), None);
    let rule = "expected a file of at most 256 kB, found one of 257 kB";
    assert_eq!(read(257_000).as_deref(), Some(rule));
}

#[test]
fn every_mistake_of_a_request_is_named() {
    insta::assert_snapshot!(problems(
        "method = \"GET\"\nbody = { json = {}, text = \"a\" }\nquery = { a = 1 }\nheaders = { host = \"a\" }\n\
         [[check.availability.targets]]\nid = \"u\"\npath = \"/\"\nmethod = \"TRACE\"\nbody = {}\n\
         [[check.availability.targets]]\nid = \"v\"\npath = \"/\"\nmethod = \"POST\"\nbody.file = \"../secret\"\n\
         [[check.availability.targets]]\nid = \"w\"\npath = \"/\"\nmethod = \"POST\"\nbody.file = \"tests/flow/none.json\"\n\
         [[check.availability.targets]]\nid = \"x\"\npath = \"/\"\nmethod = \"POST\"\nbody.file = \"tests\"\n\
         [[check.availability.targets]]\nid = \"y\"\npath = \"/\"\nmethod = \"POST\"\nbody.form = { a = 1 }\n"
    ));
}
