//! Secrets never leave the process, no matter where and in which encoding the platform echoes them.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;

use crate::calls::Obstacle;
use crate::leak_search::{ENCODINGS, Search};
use crate::world::{Message, World};

/// Secret that every encoding changes.
const CANARY: &str = r#"c4nary+/="\ %&<s3cret>~tail-9f2c"#;
/// Secret that is masked although it may be part of ordinary text.
const SHORT: &str = "k7Qz9";
const MASK: &str = "[redacted]";

/// Parts of an answer that echo the plain secret. Each is a path; the path of an encoding, in a body, is its number.
const PARTS: [&str; 6] = ["header", "content-type", "json", "redirect", "redirect-host", "cookie"];

fn paths() -> Vec<String> {
    let encodings = (0..ENCODINGS.len()).map(|number| format!("encoding-{number}"));
    encodings.chain(PARTS.map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_stores_a_secret_that_the_function_reads() {
    let mut world = World::new("stored").await;
    let parameter = "/just-driving/stored/availability/api-key";
    world.replace("\ndeadline = \"20s\"", "\ndeadline = \"41s\"");
    world.append(&format!(
        "\n[[check.availability.targets]]\nid = \"keyed\"\nurl = \"https://example.org/up\"\n\
         secret_headers.x-api-key = \"ssm:{parameter}\"\n"
    ));
    let settings = world.write_settings().to_str().unwrap().to_owned();
    let check = ["secrets", "check", "availability", "--settings", &settings];
    let missing = world.program(&check);
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
    assert!(String::from_utf8(missing.stdout).unwrap().contains(parameter));

    let set = ["secrets", "set", "availability/api-key", "--environment", "stored"];
    for (input, expected) in [("k3y\nk3y\n", Some(2)), ("c4nary-of-the-operator\r\n", Some(0)), ("", Some(2))] {
        let output = world.program_with_input(&set, input);
        assert_eq!(output.status.code(), expected, "{input:?}: {output:?}");
        assert!(!format!("{output:?}").contains("c4nary"), "{output:?}");
    }
    let found = world.program(&check);
    assert_eq!(found.status.code(), Some(0), "{found:?}");
    assert_eq!(world.parameter(parameter).await, "c4nary-of-the-operator", "without the line break");
}

#[tokio::test(flavor = "multi_thread")]
async fn echoed_secret_never_leaves_the_process() {
    let echo = Echo::start().await;
    let mut world = World::new("canary").await;
    let chat = world.chat().await;
    // There are more targets than can be requested at once.
    world.replace("\ndeadline = \"20s\"", "\ndeadline = \"41s\"");
    let parameter = "/just-driving/canary/availability/api-key";
    let short = "/just-driving/canary/availability/pin";
    world.put_parameter(parameter, CANARY).await;
    world.put_parameter(short, SHORT).await;
    for id in paths() {
        world.append(&format!(
            "\n[[check.availability.targets]]\nid = {id:?}\nurl = \"{}/{id}\"\ndeadline = \"5s\"\nmax_redirects = 2\n\
             secret_headers.x-api-key = \"ssm:{parameter}\"\nsecret_headers.x-pin = \"ssm:{short}\"\n",
            echo.url
        ));
        world.append(match id.as_str() {
            "header" => "expect.headers.x-echo = \"something else\"\n",
            "content-type" | "json" => "expect.json = [{ pointer = \"/a\", equals = 1 }]\n",
            _ => "expect.text = [\"something else\"]\n",
        });
    }
    let search = Search::new([CANARY, SHORT]);
    let function = world.start("availability").await;
    let invoked = world.run(&function).await;
    assert_eq!(invoked.outcome(), "failed", "{:#}", invoked.report());
    let failures = invoked.report()["outcome"]["failures"].as_array().unwrap();
    for id in paths() {
        let failure = failures.iter().find(|failure| failure["subject"] == id.as_str());
        let failure = failure.unwrap_or_else(|| panic!("expected {id} to fail, found {failures:#?}"));
        // The exchanges of the report hold the address of a redirect.
        assert!(id == "redirect" || failure.to_string().contains(MASK), "expected a mask in {failure:#}");
        assert_eq!(search.find(&failure.to_string()), None, "{failure:#}");
    }
    assert_eq!(failures.len(), paths().len());
    // Both attempts sent the plain secret to every path.
    assert_eq!(echo.received(), vec![CANARY; 2 * paths().len()]);

    let received = world.received().await;
    let envelopes = |messages: &[Message]| messages.iter().map(|message| message.envelope.clone()).collect::<String>();
    let mut outputs = vec![
        ("log".to_owned(), function.output(), true),
        ("response".to_owned(), invoked.report().to_string(), true),
        ("message to people".to_owned(), envelopes(&received.on_call), true),
        ("message to programs".to_owned(), envelopes(&received.events), true),
        ("chat".to_owned(), envelopes(&chat.take().await), false),
        ("state".to_owned(), world.state().await, true),
        ("metrics".to_owned(), format!("{:?}", world.metrics().await), false),
    ];
    let mut secrets = world.platform.credentials();
    secrets.extend(
        [("availability/api-key", CANARY), ("availability/pin", SHORT)]
            .map(|(path, value)| (path.to_owned(), value.to_owned())),
    );
    for format in ["table", "json", "junit"] {
        let output = world.run_locally(&["availability", "--format", format], &secrets);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        outputs.push((format!("command, {format}"), text, true));
    }
    for (name, text, has_evidence) in outputs {
        assert!(!text.is_empty(), "{name}");
        assert!(text.contains(MASK) || !has_evidence, "expected redacted evidence in {name}: {text}");
        assert_eq!(search.find(&text), None, "{name}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn truncated_parameter_answer_leaks_no_secret() {
    let mut world = World::new("garbled").await;
    let parameter = "/just-driving/garbled/availability/api-key";
    world.put_parameter(parameter, CANARY).await;
    world.replace(
        "id = \"status-api\"\n",
        &format!("id = \"status-api\"\nsecret_headers.x-api-key = \"ssm:{parameter}\"\n"),
    );
    world.calls.obstruct(Obstacle::Cut, "GetParameter");
    let function = world.start("availability").await;
    let invoked = world.run(&function).await;
    assert!(world.calls.take().contains(&"GetParameter".to_owned()));
    assert_eq!(invoked.outcome(), "inconclusive", "{:#}", invoked.report());
    assert_eq!(invoked.report()["outcome"]["inconclusive"]["cause"], "reference");
    let search = Search::new([CANARY]);
    assert_eq!(search.find(&invoked.report().to_string()), None, "{:#}", invoked.report());
    assert_eq!(search.find(&function.output()), None, "{}", function.output());
}

#[test]
fn unmasked_output_is_found() {
    let search = Search::new([CANARY, SHORT]);
    for id in paths() {
        let (head, body) = echo_text(&id);
        let output = json!({ "evidence": format!("{head} {body}") }).to_string();
        assert!(search.find(&output).is_some(), "{id}: {output}");
    }
    assert_eq!(search.find(r#"{"evidence": "x-api-key: [redacted], 100 % \"c4\""}"#), None);
}

/// Text with which a path echoes the secrets: in a header, and in a body.
fn echo_text(id: &str) -> (String, String) {
    if let Some(number) = id.strip_prefix("encoding-") {
        let encoding = &ENCODINGS[number.parse::<usize>().unwrap()];
        return (String::new(), format!("you sent {} and {}", encoding.apply(CANARY), encoding.apply(SHORT)));
    }
    let percent = || CANARY.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    match id {
        "header" | "content-type" => (format!("text/{CANARY}"), "nothing".to_owned()),
        "json" => (String::new(), json!({ "a": { CANARY: SHORT }, "message": CANARY }).to_string()),
        "redirect" => (format!("/landed?key={}", percent()), String::new()),
        "redirect-host" => (format!("http://{SHORT}.example/{}", percent()), String::new()),
        "cookie" => (format!("{SHORT}=1"), format!("the cookie {CANARY}")),
        other => panic!("unknown path {other}"),
    }
}

/// A platform that echoes the secrets it receives.
struct Echo {
    url: String,
    received: Arc<Mutex<Vec<String>>>,
}

impl Echo {
    async fn start() -> Self {
        let received = Arc::<Mutex<Vec<String>>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/landed", get(async || "landed"))
            .route("/{id}", get(echo))
            .with_state(Arc::clone(&received));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, received }
    }

    /// Secrets received so far.
    fn received(&self) -> Vec<String> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn echo(State(received): State<Arc<Mutex<Vec<String>>>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let key = headers.get("x-api-key").map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
    received.lock().unwrap_or_else(PoisonError::into_inner).push(key.unwrap_or_default());
    let (head, body) = echo_text(&id);
    match id.as_str() {
        "header" => ([("x-echo", head)], body).into_response(),
        "content-type" => ([("content-type", head)], body).into_response(),
        "json" => ([("content-type", "application/json".to_owned())], body).into_response(),
        "redirect" | "redirect-host" => (StatusCode::FOUND, [("location", head)]).into_response(),
        "cookie" => ([("set-cookie", head)], body).into_response(),
        _ => body.into_response(),
    }
}
