//! Secrets never leave the process, no matter how the platform echoes them.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::json;
use tokio::net::TcpListener;

use crate::calls::Obstacle;
use crate::leak_search::leak;
use crate::world::{Message, World};

/// Secret that every encoding changes.
const CANARY: &str = r#"c4nary+/="\ %&<s3cret>~tail-9f2c"#;
const MASK: &str = "[redacted]";

/// Ways in which the platform of this test echoes the secret. Each is also a path.
const ECHOES: [&str; 8] = ["raw", "percent", "base64-0", "base64-1", "base64-2", "json", "header", "redirect"];

#[tokio::test(flavor = "multi_thread")]
async fn echoed_secret_never_leaves_the_process() {
    let echo = Echo::start().await;
    let mut world = World::new("canary").await;
    let parameter = "/just-driving/canary/availability/api-key";
    world.put_parameter(parameter, CANARY).await;
    for id in ECHOES {
        world.append(&format!(
            "\n[[check.availability.targets]]\nid = {id:?}\nurl = \"{}/{id}\"\ndeadline = \"5s\"\nmax_redirects = 2\n\
             secret_headers.x-api-key = \"ssm:{parameter}\"\n",
            echo.url
        ));
        world.append(if id == "header" {
            "expect.headers.x-echo = \"something else\"\n"
        } else {
            "expect.text = [\"something else\"]\n"
        });
    }
    let function = world.start("availability").await;
    let invoked = world.run(&function).await;
    assert_eq!(invoked.outcome(), "failed", "{:#}", invoked.report());
    let failures = invoked.report()["outcome"]["failures"].as_array().unwrap();
    let failed: Vec<&str> = failures.iter().map(|failure| failure["subject"].as_str().unwrap()).collect();
    for id in ECHOES {
        assert!(failed.contains(&id), "expected {id} to fail with evidence, found {failed:?}");
    }
    assert_eq!(failed.len(), ECHOES.len());
    // Both attempts sent the plain secret to every path.
    assert_eq!(echo.received(), vec![CANARY; 2 * ECHOES.len()]);

    let received = world.received().await;
    let envelopes = |messages: &[Message]| messages.iter().map(|message| message.envelope.clone()).collect::<String>();
    let outputs = [
        ("log", function.output(), true),
        ("response", invoked.report().to_string(), true),
        ("message to people", envelopes(&received.on_call), true),
        ("message to programs", envelopes(&received.events), true),
        ("state", world.state().await, true),
        ("metrics", format!("{:?}", world.metrics().await), false),
    ];
    for (name, text, has_evidence) in outputs {
        assert_eq!(text.contains(MASK), has_evidence, "expected redacted evidence in {name}: {text}");
        assert_eq!(leak(CANARY, &text), None, "{name}: {text}");
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
    assert_eq!(leak(CANARY, &invoked.report().to_string()), None, "{:#}", invoked.report());
    assert_eq!(leak(CANARY, &function.output()), None, "{}", function.output());
}

#[test]
fn leak_search_finds_every_encoding() {
    for id in ECHOES {
        let echo = echo_text(id);
        let in_json = json!({ "Message": json!({ "evidence": echo }).to_string() }).to_string();
        for text in [echo, in_json] {
            assert!(leak(CANARY, &text).is_some(), "{id}: {text}");
        }
    }
    let (head, tail) = CANARY.split_at(CANARY.len() / 2);
    for half in [head, tail] {
        assert!(leak(CANARY, &format!("half of it: {half}")).is_some(), "{half}");
        assert!(leak(CANARY, &STANDARD.encode(format!("1{half}"))).is_some(), "{half}");
    }
    assert_eq!(leak(CANARY, r#"{"evidence": "x-api-key: [redacted], 100 % \"c4\""}"#), None);
}

/// Text with which a path echoes the secret.
fn echo_text(id: &str) -> String {
    let percent = || CANARY.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    match id {
        "raw" | "header" => format!("you sent {CANARY}"),
        "percent" => format!("you sent {}", percent()),
        "base64-0" => STANDARD.encode(format!("{CANARY} was sent")),
        "base64-1" => STANDARD.encode(format!("1{CANARY} was sent")),
        "base64-2" => URL_SAFE.encode(format!("22{CANARY} was sent")),
        "json" => json!({ "sent": CANARY }).to_string(),
        "redirect" => format!("/landed?key={}", percent()),
        other => panic!("unknown path {other}"),
    }
}

/// A platform that echoes the secret it receives.
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
    let answer = echo_text(&id);
    match id.as_str() {
        "header" => ([("x-echo", answer)], "nothing").into_response(),
        "redirect" => (StatusCode::FOUND, [("location", answer)]).into_response(),
        _ => answer.into_response(),
    }
}
