//! A log-in at a platform that plays back what it is sent and hands out: of passwords, cookies, tokens, codes and seeds
//! nothing leaves the process, in no encoding, whichever step fails.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{AppendHeaders, Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tokio::net::TcpListener;

use crate::leaks::leak;
use crate::world::{Message, World};

/// Changed by every encoding that is looked for, and fit for a cookie.
const SESSION: &str = "c4nary.session+/=~<%>tail-9f2c";
const CSRF: &str = "c4nary.csrf+/=~<%>tail-71d0";
const FORM_TOKEN: &str = "c4naryFormTokenTail51e3";

/// Where it plays back, and the step that shows it.
const PLACES: [(&str, &str); 7] = [
    ("/login", "open-form"),
    ("/api/login", "log-in"),
    ("/api/two-factor-challenge", "second-factor"),
    ("/api/me", "current-user"),
    ("/api/schools/3", "own-school"),
    ("/api/logout", "log-out"),
    ("/api/schools/1", "other-school"),
];
const ENCODINGS: [&str; 4] = ["raw", "percent", "base64", "json"];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_log_in_uses_leaves_the_process_in_any_encoding() {
    let mirror = Mirror::start().await;
    let mut world = World::new("mirror").await;
    let platform = world.platform.base_url().to_owned();
    world.replace(&platform, &mirror.url);
    // Long enough not to be met by chance among the digits of ids and times.
    world.replace("period = \"1s\"", "period = \"1s\"\ndigits = 8");
    let function = world.start("login").await;
    for (path, step) in PLACES {
        for encoding in ENCODINGS {
            mirror.play(path, encoding);
            let invoked = world.run(&function).await;
            assert_eq!(invoked.outcome(), "failed", "{path}, {encoding}: {:#}", invoked.report());
            let failure = &invoked.report()["outcome"]["failures"][0];
            assert_eq!(failure["step"], step, "{path}, {encoding}: {failure:#}");
            assert!(failure["evidence"].as_str().unwrap().contains("[redacted]"), "{path}, {encoding}: {failure:#}");
            for sent in mirror.sent() {
                assert_eq!(leak(&sent, &failure.to_string()), None, "{path}, {encoding}: {failure:#}");
            }
        }
    }
    // The codes were sent, and looked for.
    assert!(mirror.sent().iter().any(|sent| sent.len() == 8 && sent.chars().all(|c| c.is_ascii_digit())));

    let received = world.received().await;
    let text_of = |messages: &[Message]| messages.iter().map(|message| message.envelope.clone()).collect::<String>();
    let outputs = [
        ("log", function.output()),
        ("message to people", text_of(&received.on_call)),
        ("message to programs", text_of(&received.events)),
        ("state", world.state().await),
        ("metrics", format!("{:?}", world.metrics().await)),
    ];
    let mut secrets: Vec<String> = world.platform.credentials().into_values().collect();
    secrets.extend([SESSION, CSRF, FORM_TOKEN].map(str::to_owned));
    for (name, text) in outputs {
        assert!(!text.is_empty(), "{name}");
        for secret in &secrets {
            assert_eq!(leak(secret, &text), None, "{name}: {text}");
        }
    }
}

/// The platform of this test.
struct Mirror {
    url: String,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    path: String,
    encoding: String,
    is_logged_in: bool,
    sent: Vec<String>,
}

impl Mirror {
    async fn start() -> Self {
        let shared = Arc::<Mutex<Shared>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared }
    }

    /// From now on, this path plays back in this encoding.
    fn play(&self, path: &str, encoding: &str) {
        let mut shared = lock(&self.shared);
        (shared.path, shared.encoding) = (path.to_owned(), encoding.to_owned());
        shared.is_logged_in = false;
    }

    /// The passwords and codes that were sent.
    fn sent(&self) -> Vec<String> {
        lock(&self.shared).sent.clone()
    }
}

fn lock(shared: &Mutex<Shared>) -> std::sync::MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(shared): State<Arc<Mutex<Shared>>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let mut shared = lock(&shared);
    let body = String::from_utf8_lossy(&body).into_owned();
    let fields: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    shared.sent.extend(["password", "code"].iter().filter_map(|name| fields[*name].as_str().map(str::to_owned)));
    let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let cookies = AppendHeaders([
        ("set-cookie", format!("just_driving_session={}; path=/; httponly", percent(SESSION))),
        ("set-cookie", format!("XSRF-TOKEN={}; path=/", percent(CSRF))),
    ]);
    // The check of the second factor asks who is logged in, too; only the later question is played back.
    let plays = uri.path() == shared.path && (uri.path() != "/api/me" || shared.is_logged_in);
    if plays {
        let secrets =
            ["password", "code"].iter().filter_map(|name| fields[*name].as_str()).collect::<Vec<_>>().join(" ");
        // Known by where it stands in a form, which an answer in place of the form does not hold.
        let form_token = if uri.path() == "/login" { "" } else { FORM_TOKEN };
        let all = format!(
            "{secrets} {SESSION} {CSRF} {form_token} {} {}",
            text("x-xsrf-token").unwrap_or_default(),
            text("cookie").unwrap_or_default()
        );
        let played = match shared.encoding.as_str() {
            "percent" => percent(&all),
            "base64" => STANDARD.encode(&all),
            "json" => json!({ "sent": all, "body": body }).to_string(),
            _ => format!("<title>{all}</title> {all}"),
        };
        return (StatusCode::INTERNAL_SERVER_ERROR, cookies, played).into_response();
    }
    match uri.path() {
        "/login" => {
            let form = format!("<form><input type=\"hidden\" name=\"_token\" value=\"{FORM_TOKEN}\"></form>");
            (cookies, Html(form)).into_response()
        }
        "/api/login" if fields["email"].as_str().is_some_and(|email| email.starts_with("login-wrong")) => {
            (StatusCode::UNPROCESSABLE_ENTITY, cookies, "{}").into_response()
        }
        "/api/login" => (cookies, "{}").into_response(),
        "/api/two-factor-challenge" => {
            shared.is_logged_in = true;
            (StatusCode::NO_CONTENT, cookies).into_response()
        }
        "/api/logout" => {
            shared.is_logged_in = false;
            (StatusCode::NO_CONTENT, cookies).into_response()
        }
        "/api/me" if shared.is_logged_in => {
            axum::Json(json!({ "email": "login@syntetisk.example", "role": "student" })).into_response()
        }
        "/api/schools/3" => axum::Json(json!({ "id": 3 })).into_response(),
        "/api/schools/1" => StatusCode::NOT_FOUND.into_response(),
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}
