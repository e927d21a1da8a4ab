//! The login check against a platform that echoes all credentials: no password, cookie, token, code or seed leaves the
//! process, in any encoding, no matter which step fails.

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

use crate::leak_search::Search;
use crate::world::{Message, World};

/// Session secret that every encoding changes and that is valid in a cookie.
const SESSION: &str = "c4nary.session+/=~<%>tail-9f2c";
const CSRF: &str = "c4nary.csrf+/=~<%>tail-71d0";
const FORM_TOKEN: &str = "c4naryFormTokenTail51e3";

/// Paths that can echo, each with the step that then fails.
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
async fn login_secrets_never_leave_the_process() {
    let mirror = Mirror::start().await;
    let mut world = World::new("mirror").await;
    let platform = world.platform.base_url().to_owned();
    world.replace(&platform, &mirror.url);
    // Eight digits do not appear by chance in ids and times.
    world.replace("period = \"1s\"", "period = \"1s\"\ndigits = 8");
    let function = world.start("login").await;
    for (path, step) in PLACES {
        for encoding in ENCODINGS {
            mirror.echo(path, encoding);
            let invoked = world.run(&function).await;
            assert_eq!(invoked.outcome(), "failed", "{path}, {encoding}: {:#}", invoked.report());
            let failure = &invoked.report()["outcome"]["failures"][0];
            assert_eq!(failure["step"], step, "{path}, {encoding}: {failure:#}");
            assert!(failure["evidence"].as_str().unwrap().contains("[redacted]"), "{path}, {encoding}: {failure:#}");
            let search = Search::new(mirror.sent().iter().map(String::as_str));
            assert_eq!(search.find(&failure.to_string()), None, "{path}, {encoding}: {failure:#}");
        }
    }
    // The search covered one-time codes.
    assert!(mirror.sent().iter().any(|sent| sent.len() == 8 && sent.chars().all(|c| c.is_ascii_digit())));

    let received = world.received().await;
    let envelopes = |messages: &[Message]| messages.iter().map(|message| message.envelope.clone()).collect::<String>();
    let outputs = [
        ("log", function.output()),
        ("message to people", envelopes(&received.on_call)),
        ("message to programs", envelopes(&received.events)),
        ("state", world.state().await),
        ("metrics", format!("{:?}", world.metrics().await)),
    ];
    let mut secrets: Vec<String> = world.platform.credentials().into_values().collect();
    secrets.extend([SESSION, CSRF, FORM_TOKEN].map(str::to_owned));
    for (name, text) in outputs {
        assert!(!text.is_empty(), "{name}");
        let search = Search::new(secrets.iter().map(String::as_str));
        assert_eq!(search.find(&text), None, "{name}: {text}");
    }
}

/// A platform that echoes the credentials it receives and issues.
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

    /// Makes this path echo in this encoding.
    fn echo(&self, path: &str, encoding: &str) {
        let mut shared = lock(&self.shared);
        (shared.path, shared.encoding) = (path.to_owned(), encoding.to_owned());
        shared.is_logged_in = false;
    }

    /// Passwords and codes received so far.
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
    // The step for the second factor also requests the current user; only the later request gets an echo.
    let is_echo = uri.path() == shared.path && (uri.path() != "/api/me" || shared.is_logged_in);
    if is_echo {
        let secrets =
            ["password", "code"].iter().filter_map(|name| fields[*name].as_str()).collect::<Vec<_>>().join(" ");
        // The check learns this token from the form, which the echo replaces.
        let form_token = if uri.path() == "/login" { "" } else { FORM_TOKEN };
        let all = format!(
            "{secrets} {SESSION} {CSRF} {form_token} {} {}",
            text("x-xsrf-token").unwrap_or_default(),
            text("cookie").unwrap_or_default()
        );
        let echo = match shared.encoding.as_str() {
            "percent" => percent(&all),
            "base64" => STANDARD.encode(&all),
            "json" => json!({ "sent": all, "body": body }).to_string(),
            _ => format!("<title>{all}</title> {all}"),
        };
        return (StatusCode::INTERNAL_SERVER_ERROR, cookies, echo).into_response();
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
