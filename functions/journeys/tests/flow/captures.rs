//! Values taken from answers, and their use.

use check::Outcome;
use hostile::{Server, answer};

use crate::{SECRET, report, steps};

/// Page with every kind of value.
const PAGE: &str = r#"<form><input type="hidden" name="_token" value="t&amp;1"></form> order no. 4711 done"#;

fn script(request: &str) -> Vec<hostile::Action> {
    match request.split(' ').nth(1).unwrap_or_default() {
        "/page" => answer(
            "200 OK\r\nContent-Type: text/html\r\nSet-Cookie: sid=c%20d; Path=/\r\nX-Id: head-er\r\nLocation: /orders/77",
            PAGE,
        ),
        "/json" => {
            answer("200 OK", r#"{"data":{"id":42,"name":"a b","ok":true,"none":null,"key":"s3cret-t0ken-value"}}"#)
        }
        _ => answer("200 OK", "{}"),
    }
}

#[tokio::test]
async fn values_of_every_kind_are_taken_and_used() {
    let server = Server::plain(script).await;
    let flow = r#"
values = { fixed = "v-{run_id}", number = 310 }
secrets = { key = "ssm:/just-driving/test/journeys/key" }
steps = [
  { name = "page", path = "/page", capture.token = { form = "_token" }, capture.sid = { cookie = "sid", secret = false }, capture.order = { regex = 'no\. (\d+)' }, capture.head = { header = "x-id" }, capture.place = { header = "location", regex = '\d+$' } },
  { name = "json", path = "/json", capture.id = { json = "/data/id" }, capture.named = { json = "/data/name" }, capture.ok = { json = "/data/ok" } },
  { name = "use", path = "/x/{place}/{named}?order={order}", method = "POST", query = { t = "{token}" }, headers = { x-sid = "{sid}", authorization = "Bearer {key}" }, body.json = { id = "{id:number}", text = "{id}", ok = "{ok}", head = "<{head}>", fixed = "{fixed}", number = "{number:number}" } },
  { name = "form", path = "/form", method = "POST", body.form = { a = "{token}", b = "{{{named}" } },
]
"#;
    let report = report(&server, flow).await;
    assert_eq!(report.outcome, Outcome::Passed, "{report:#?}");
    let requests = server.requests();
    let used = &requests[2];
    assert!(used.starts_with("POST /x/77/a%20b?order=4711&t=t%261 HTTP/1.1"), "{used}");
    assert!(
        used.contains("x-sid: c%20d\r\n") && used.contains(&format!("authorization: Bearer {SECRET}\r\n")),
        "{used}"
    );
    assert!(used.contains("cookie: sid=c%20d\r\n"), "a journey keeps its cookies: {used}");
    let fixed = format!("v-{}", report.run_id);
    let body: serde_json::Value = serde_json::from_str(used.split_once("\r\n\r\n").unwrap().1).unwrap();
    let expected = serde_json::json!(
        { "id": 42, "text": "42", "ok": "true", "head": "<head-er>", "fixed": fixed, "number": 310 });
    assert_eq!(body, expected);
    assert!(requests[3].ends_with("a=t%261&b=%7Ba+b"), "{}", requests[3]);
}

#[tokio::test]
async fn missing_value_fails_its_step() {
    let server = Server::plain(script).await;
    for (path, capture, expected) in [
        ("/json", r#"{ json = "/data/no" }"#, "a value at /data/no: no value"),
        (
            "/json",
            r#"{ json = "/data/none" }"#,
            r#"a text, a number or a boolean at /data/none: "none": null at /data/none"#,
        ),
        ("/json", r#"{ header = "x-id" }"#, "a value of the header x-id: no header x-id"),
        ("/json", r#"{ cookie = "sid" }"#, "a value of the cookie sid: no cookie sid"),
        ("/json", r#"{ form = "_token" }"#, "a value of the field _token of the page: no field _token"),
        ("/page", r#"{ regex = 'no\. (\d{9})' }"#, "a value of the body by /no\\. (\\d{9})/: no match"),
        ("/page", r#"{ header = "x-id", regex = 'x*' }"#, "a value of the header x-id by /x*/: an empty text"),
    ] {
        let flow = format!("steps = [{{ name = \"s\", path = \"{path}\", capture.v = {capture} }}]");
        let report = report(&server, &flow).await;
        let Outcome::Failed { failures } = &report.outcome else { panic!("{capture}: {report:#?}") };
        assert_eq!(format!("{}: {}", failures[0].expected, failures[0].actual), expected, "{capture}");
        let assertions = &report.last_attempt().unwrap().steps[0].assertions;
        assert_eq!(assertions.last().unwrap().name, "capture:v");
    }
}

#[tokio::test]
async fn long_value_is_refused() {
    let server = Server::plain(|request| {
        let length = if request.starts_with("GET /long") { 1_001 } else { 1_000 };
        answer("200 OK", format!("[\"{}\"]", "é".repeat(length)))
    })
    .await;
    let flow = |path: &str| format!("steps = [{{ name = \"s\", path = \"{path}\", capture.v = {{ json = \"/0\" }} }}]");
    assert_eq!(report(&server, &flow("/fits")).await.outcome, Outcome::Passed);
    let report = report(&server, &flow("/long")).await;
    let Outcome::Failed { failures } = &report.outcome else { panic!("{report:#?}") };
    assert_eq!(failures[0].expected.as_str(), "a value of at most 1000 characters in the JSON at /0");
}

#[tokio::test]
async fn secret_value_is_masked_from_then_on() {
    let server = Server::plain(|request| match request.split(' ').nth(1).unwrap_or_default() {
        "/json" => script(request),
        // Echoes what the request holds.
        _ => answer("500 Oops", format!("you sent {request}")),
    })
    .await;
    let flow = r#"
steps = [
  { name = "take", path = "/json", expect.text = ["absent"], capture.key = { json = "/data/key", secret = true } },
]
"#;
    let failed = report(&server, flow).await;
    assert!(matches!(failed.outcome, Outcome::Failed { .. }));
    assert!(!format!("{failed:?}").contains("s3cret-t0ken-value"), "masked before the first assertion: {failed:#?}");
    let flow = r#"
steps = [
  { name = "take", path = "/json", capture.key = { json = "/data/key", secret = true } },
  { name = "use", path = "/x/{key}", headers = { authorization = "Bearer {key}" }, expect.text = ["{key}!"] },
]
"#;
    let used = report(&server, flow).await;
    assert_eq!(steps(&used), [("take", "passed"), ("use", "failed")]);
    assert!(server.requests().last().unwrap().contains("authorization: Bearer s3cret-t0ken-value"));
    assert!(!format!("{used:?}").contains("s3cret-t0ken-value"), "{used:#?}");
}

#[tokio::test]
async fn explanation_shows_each_step_without_secrets() {
    let server = Server::plain(script).await;
    let flow = r#"
secrets = { key = "ssm:/just-driving/test/journeys/key" }
steps = [
  { name = "json", path = "/json", capture.id = { json = "/data/id" }, capture.token = { json = "/data/key", secret = true } },
  { name = "use", path = "/x/{id}", method = "POST", query = { t = "{token}" }, headers = { x-id = "{id}", authorization = "Bearer {token}" }, body.json = { id = "{id:number}", key = "{key}" }, expect.text = ["absent"] },
  { name = "rest", path = "/json" },
]
[[check.journeys.flows]]
id = "other"
steps = [{ name = "s", path = "/other" }]
"#;
    let lines = crate::explanation(&server, flow).await.replace(&server.address.to_string(), "ADDRESS");
    let timeless = |line: &str| line.split(" after ").next().unwrap_or_default().to_owned() + "\n";
    insta::assert_snapshot!(lines.lines().map(timeless).collect::<String>());
    assert!(!lines.contains(SECRET) && !lines.contains("s3cret-t0ken-value"));
    assert_eq!(server.requests().len(), 2, "one attempt of one journey");
}
