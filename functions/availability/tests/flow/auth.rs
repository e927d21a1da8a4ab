//! Credentials of a request: the header sent, answers of token servers, and the absence of secrets.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use hostile::{Action, Server, answer, ok, send};

use crate::{found, problems, runs, settings};

const SECRETS: [(&str, &str); 2] = [("client-secret", "s3cr&t-of-the-client"), ("password", "pæss w0rd:2 long")];

const OAUTH2: &str = "auth.oauth2 = { token_url = \"/token\", client_id = \"mon itor\", \
                      client_secret = \"ssm:/just-driving/test/availability/client-secret\", scope = \"read all\" }";

/// Answer of a token server.
fn token(body: &str) -> Vec<Action> {
    answer("200 OK\r\nContent-Type: application/json", body)
}

fn header<'r>(request: &'r str, name: &str) -> Option<&'r str> {
    request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn is_token_request(request: &str) -> bool {
    request.starts_with("POST /token ")
}

/// Findings of runs against a server, and its requests. No secret is in the reports.
async fn observe(server: &Server, keys: &str, times: usize) -> (Vec<String>, Vec<String>) {
    let settings = settings(&format!("http://{}", server.address), "", keys);
    let reports = runs(&settings, &SECRETS, times).await;
    let written = serde_json::to_string(&reports).unwrap();
    for secret in ["s3cr", "pæss", "t0ken-of", "cMOmc3Mg", "bW9uK2l0b3I6"] {
        assert!(!written.contains(secret), "{secret} in {written}");
    }
    (reports.iter().map(found).collect(), server.requests())
}

#[tokio::test]
async fn bearer_and_basic_credentials_are_sent() {
    for (keys, expected) in [
        ("auth.bearer = \"ssm:/just-driving/test/availability/client-secret\"", "Bearer s3cr&t-of-the-client"),
        (
            "auth.basic = { user = \"ann\", password = \"ssm:/just-driving/test/availability/password\" }",
            "Basic YW5uOnDDpnNzIHcwcmQ6MiBsb25n",
        ),
    ] {
        // The server repeats what it got.
        let server = Server::plain(|request| {
            let sent = header(request, "authorization").unwrap_or_default();
            answer("500 Internal Server Error", format!("refused {sent}"))
        })
        .await;
        let (findings, requests) = observe(&server, keys, 1).await;
        assert!(findings[0].starts_with("response status: expected status 200, found status 500"), "{findings:?}");
        assert_eq!(header(&requests[0], "authorization"), Some(expected), "{keys}");
    }
}

#[tokio::test]
async fn token_is_requested_once_for_all_requests() {
    let server = Server::plain(|request| match is_token_request(request) {
        true => token(r#"{"access_token": "t0ken-of-the-server", "token_type": "bearer", "expires_in": 3600}"#),
        false => ok(),
    })
    .await;
    let second = format!("{OAUTH2}\n[[check.availability.targets]]\nid = \"u\"\npath = \"/u\"\n{OAUTH2}\n");
    let (findings, requests) = observe(&server, &second, 2).await;
    assert_eq!(findings, ["passed", "passed"]);
    let (tokens, others): (Vec<_>, Vec<_>) = requests.iter().partition(|request| is_token_request(request));
    assert_eq!((tokens.len(), others.len()), (1, 4));
    assert!(others.iter().all(|request| header(request, "authorization") == Some("Bearer t0ken-of-the-server")));
    // Both parts are encoded before Base64 (RFC 6749, section 2.3.1): `mon+itor:s3cr%26t-of-the-client`.
    let basic = header(tokens[0], "authorization");
    assert_eq!(basic, Some("Basic bW9uK2l0b3I6czNjciUyNnQtb2YtdGhlLWNsaWVudA=="));
    let (_, body) = tokens[0].split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "grant_type=client_credentials&scope=read+all");
    assert_eq!(header(tokens[0], "content-type"), Some("application/x-www-form-urlencoded"));
}

#[tokio::test]
async fn expired_token_is_requested_again() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let server = Server::plain(move |request| match is_token_request(request) {
        true => {
            counted.fetch_add(1, SeqCst);
            // Shorter than the margin.
            token(r#"{"access_token": "t0ken-of-the-server", "token_type": "Bearer", "expires_in": "20"}"#)
        }
        false => ok(),
    })
    .await;
    let (findings, _) = observe(&server, OAUTH2, 3).await;
    assert_eq!((findings, count.load(SeqCst)), (vec!["passed".to_owned(); 3], 3));
}

#[tokio::test]
async fn refused_kept_token_is_requested_once_more() {
    let valid = Arc::new(Mutex::new(0));
    let issued = valid.clone();
    let server = Server::plain(move |request| {
        let mut valid = issued.lock().unwrap();
        if is_token_request(request) {
            *valid += 1;
            let body = format!(r#"{{"access_token": "t0ken-of-{valid}", "token_type": "Bearer", "expires_in": 3600}}"#);
            return token(&body);
        }
        let is_valid = header(request, "authorization") == Some(&format!("Bearer t0ken-of-{valid}"));
        // Each run ends the session of its token: that of the first request, and of the second to it.
        *valid += usize::from(is_valid);
        if is_valid { ok() } else { answer("401 Unauthorized", "") }
    })
    .await;
    let (findings, requests) = observe(&server, OAUTH2, 2).await;
    assert_eq!(findings, ["passed", "passed"]);
    let kinds: String = requests.iter().map(|request| if is_token_request(request) { 't' } else { 'r' }).collect();
    assert_eq!(kinds, "trrtr");

    let server = Server::plain(|request| match is_token_request(request) {
        true => token(r#"{"access_token": "t0ken-of-it", "token_type": "Bearer", "expires_in": 3600}"#),
        false => answer("401 Unauthorized", ""),
    })
    .await;
    let (findings, requests) = observe(&server, &format!("{OAUTH2}\nmethod = \"POST\""), 1).await;
    assert_eq!(findings, ["response status: expected status 200, found status 401 Unauthorized"]);
    let kinds: String = requests.iter().map(|request| if is_token_request(request) { 't' } else { 'r' }).collect();
    assert_eq!(kinds, "tr", "a new token is not requested again");
}

#[tokio::test]
async fn token_server_fails_as_itself() {
    let long = "t".repeat(10_000);
    let json = |body: &str| token(body);
    let refused = |status: &str, body: &str| answer(&format!("{status}\r\nContent-Type: application/json"), body);
    let expected = "request body: expected JSON with `access_token` and `token_type` = \"Bearer\" from 127.0.0.1 for the token \
                    request, found ";
    let client = "credentials: 127.0.0.1 refused the client of the token request (invalid_client)\nput a valid secret at \
                  ssm:/just-driving/test/availability/client-secret, and check `client_id`";
    let status = "request status: expected status 200 from 127.0.0.1 for the token request, found status ";
    for (case, script, finding) in [
        ("invalid_client, 401", refused("401 Unauthorized", r#"{"error": "invalid_client"}"#), client.to_owned()),
        ("invalid_client, 400", refused("400 Bad Request", r#"{"error": "invalid_client"}"#), client.to_owned()),
        (
            "another error",
            refused("400 Bad Request", r#"{"error": "invalid_scope", "hint": "t0ken-of"}"#),
            format!("{status}400 Bad Request (invalid_scope)"),
        ),
        ("a server error", answer("503 Service Unavailable", "t0ken-of"), format!("{status}503 Service Unavailable")),
        ("a redirect", answer("302 Found\r\nLocation: /elsewhere", ""), format!("{status}302 Found, to /elsewhere")),
        ("a page", answer("200 OK", "<html>t0ken-of</html>"), format!("{expected}a body without JSON")),
        ("no token", json("{}"), format!("{expected}no `access_token` that a header can hold")),
        (
            "another type",
            json(r#"{"access_token": "t0ken-of", "token_type": "mac"}"#),
            format!("{expected}a token of another type"),
        ),
        (
            "a header within the token",
            json(r#"{"access_token": "t0ken-of\r\nX: y", "token_type": "Bearer"}"#),
            format!("{expected}no `access_token` that a header can hold"),
        ),
        (
            "a long token",
            json(&format!(r#"{{"access_token": "{long}", "token_type": "Bearer"}}"#)),
            format!("{expected}no `access_token` that a header can hold"),
        ),
        (
            "an endless answer",
            vec![send("HTTP/1.1 200 OK\r\n\r\n"), Action::Repeat(vec![b' '; 4_096])],
            "request body: expected a body of at most 65536 bytes, found more, after 65536 bytes were read, for the token request to 127.0.0.1"
                .to_owned(),
        ),
    ] {
        let answered = script.clone();
        let server = Server::plain(move |request| if is_token_request(request) { answered.clone() } else { ok() }).await;
        let (findings, requests) = observe(&server, OAUTH2, 1).await;
        assert_eq!(findings, [finding], "{case}");
        assert!(requests.iter().all(|request| is_token_request(request)), "{case}: {requests:?}");
    }
}

#[tokio::test]
async fn silent_token_server_leaves_the_deadline() {
    let server = Server::plain(|request| if is_token_request(request) { vec![Action::Hang] } else { ok() }).await;
    let (findings, _) = observe(&server, OAUTH2, 1).await;
    assert!(findings[0].starts_with("request timeout: expected a response within "), "{findings:?}");
    assert!(findings[0].ends_with(", for the token request to 127.0.0.1"), "{findings:?}");
}

#[test]
fn every_mistake_of_credentials_is_named() {
    insta::assert_snapshot!(problems(
        "auth = { bearer = \"hunter2\", basic = { user = \"a\" } }\n\
         [[check.availability.targets]]\nid = \"u\"\npath = \"/\"\nauth.bearer = \"hunter2\"\n\
         [[check.availability.targets]]\nid = \"v\"\npath = \"/\"\nauth.basic = { user = \"a:b\" }\n\
         [[check.availability.targets]]\nid = \"w\"\npath = \"/\"\nauth = {}\n\
         [[check.availability.targets]]\nid = \"x\"\npath = \"/\"\nauth.oauth2 = { token_url = \"ftp://a.example/\", scope = \" \" }\n\
         [[check.availability.targets]]\nid = \"y\"\npath = \"/\"\nauth.bearer = \"env:TOKEN\"\n\
         secret_headers = { Authorization = \"env:TOKEN\" }\n"
    ));
}
