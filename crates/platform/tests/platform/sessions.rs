//! Sessions with a Laravel-like application on a real socket.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use check::FailureKind::{Header, Status};
use check::{Failure, NoSecrets, Subject, phrase};
use platform::{Csrf, Session, server_message};
use probe::{Method, Url, expect, is_throttled};
use secrecy::{ExposeSecret, SecretString};

use crate::server::*;

/// Cookies of a realistic length that differ in each response.
fn cookies(number: usize) -> String {
    format!(
        "Set-Cookie: XSRF-TOKEN=csrf-of-answer-{number:04}%3D; Max-Age=7200; path=/; samesite=lax\r\n\
         set-cookie: just_driving_session=session-of-answer-{number:04}%3D; path=/; httponly"
    )
}

/// Server that sets new values for both cookies in each response.
async fn laravel(status: &'static str) -> Server {
    let responses = AtomicUsize::new(0);
    Server::plain(move |_| {
        let number = responses.fetch_add(1, SeqCst) + 1;
        answer(&format!("{status}\r\n{}", cookies(number)), "{}")
    })
    .await
}

fn header<'r>(request: &'r str, name: &str) -> Option<&'r str> {
    let lines = request.lines().skip(1).take_while(|line| !line.is_empty());
    let mut values = lines.filter_map(|line| line.split_once(": ")).filter(|(key, _)| key.eq_ignore_ascii_case(name));
    let value = values.next().map(|(_, value)| value);
    assert_eq!(values.next(), None, "{name} was sent twice in {request}");
    value
}

fn session(server: &Server) -> Session {
    Session::new(&url(server, "/"), Csrf::default())
}

#[tokio::test]
async fn newest_cookies_and_decoded_token_are_sent() {
    // Both change with every response, including errors.
    for status in ["200 OK", "401 Unauthorized", "419 unknown status", "422 Unprocessable Content", "503 Down"] {
        let server = laravel(status).await;
        let (client, session) = (client(&tls()), session(&server));
        for number in 1..=3 {
            client.send(session.request(Method::POST, url(&server, "/api/login")).body("x")).await.result.unwrap();
            let requests = server.requests();
            let sent = requests.last().unwrap();
            let before = number - 1;
            let expected = (number > 1).then(|| {
                let mut pairs = [
                    format!("XSRF-TOKEN=csrf-of-answer-{before:04}%3D"),
                    format!("just_driving_session=session-of-answer-{before:04}%3D"),
                ];
                pairs.sort();
                pairs.join("; ")
            });
            let cookie = header(sent, "cookie").map(|line| {
                let mut pairs: Vec<&str> = line.split("; ").collect();
                pairs.sort_unstable();
                pairs.join("; ")
            });
            assert_eq!(cookie, expected, "{status}, request {number}");
            let token = (number > 1).then(|| format!("csrf-of-answer-{before:04}="));
            assert_eq!(header(sent, "x-xsrf-token").map(str::to_owned), token, "{status}, request {number}");
        }
    }
}

#[tokio::test]
async fn requests_match_those_of_the_applications_script() {
    let server = laravel("200 OK").await;
    let (client, session) = (client(&tls()), session(&server));
    client.send(session.page(url(&server, "/login"))).await.result.unwrap();
    for method in [Method::GET, Method::POST, Method::DELETE] {
        client.send(session.request(method, url(&server, "/api/me"))).await.result.unwrap();
    }
    let requests = server.requests();
    let origin = format!("http://{}", server.address);
    let page = &requests[0];
    assert!(header(page, "accept").unwrap().starts_with("text/html"), "{page}");
    assert_eq!((header(page, "origin"), header(page, "x-xsrf-token")), (None, None));
    for (request, is_safe) in requests[1..].iter().zip([true, false, false]) {
        // Laravel redirects unless JSON comes first; Sanctum needs both other headers to start a session.
        assert_eq!(header(request, "accept"), Some("application/json"));
        assert_eq!(header(request, "origin"), Some(origin.as_str()));
        assert_eq!(header(request, "referer"), Some(format!("{origin}/").as_str()));
        assert!(header(request, "cookie").is_some());
        assert_eq!(header(request, "x-xsrf-token").is_none(), is_safe, "{request}");
    }
}

#[tokio::test]
async fn redirect_cookies_are_sent_to_the_same_host_only() {
    let server = Server::plain(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        match path {
            "/login" => answer(&format!("302 Found\r\nLocation: /form\r\n{}", cookies(1)), ""),
            "/out" => {
                let port = header(request, "host").and_then(|host| host.split_once(':')).unwrap().1.to_owned();
                answer(&format!("302 Found\r\nLocation: http://other.test:{port}/there\r\n{}", cookies(3)), "")
            }
            _ => answer(&format!("200 OK\r\n{}", cookies(2)), "form"),
        }
    })
    .await;
    let (client, session) = (client(&tls()), session(&server));
    client.send(session.page(url(&server, "/login"))).await.result.unwrap();
    client.send(session.page(url(&server, "/out"))).await.result.unwrap();
    client.send(session.request(Method::POST, at(&server, "http", "other.test", "/api"))).await.result.unwrap();
    let requests = server.requests();
    assert!(header(&requests[1], "cookie").unwrap().contains("session-of-answer-0001"), "{}", requests[1]);
    let there = &requests[3];
    assert!(there.starts_with("GET /there"), "{there}");
    for elsewhere in [there, &requests[4]] {
        for name in ["cookie", "x-xsrf-token", "origin", "referer", "authorization"] {
            assert_eq!(header(elsewhere, name), None, "{elsewhere}");
        }
    }
    // Cookies of the other host are not stored for this one.
    let value = session.cookies().value(&url(&server, "/"), "just_driving_session").unwrap();
    assert_eq!(value, "session-of-answer-0003%3D");
}

#[tokio::test]
async fn old_session_can_be_replayed() {
    let server = laravel("200 OK").await;
    let (client, session) = (client(&tls()), session(&server));
    client.send(session.page(url(&server, "/login"))).await.result.unwrap();
    let before = session.copy();
    client.send(session.request(Method::POST, url(&server, "/api/logout"))).await.result.unwrap();
    client.send(before.request(Method::GET, url(&server, "/api/me"))).await.result.unwrap();
    client.send(session.request(Method::GET, url(&server, "/api/me"))).await.result.unwrap();
    let requests = server.requests();
    assert!(header(&requests[2], "cookie").unwrap().contains("session-of-answer-0001"), "{}", requests[2]);
    assert!(header(&requests[3], "cookie").unwrap().contains("session-of-answer-0002"), "{}", requests[3]);
}

#[tokio::test]
async fn bearer_token_is_sent_without_cookies() {
    let server = laravel("200 OK").await;
    let client = client(&tls());
    let mut session = Session::stateless(&url(&server, "/"));
    client.send(session.request(Method::POST, url(&server, "/api/login"))).await.result.unwrap();
    session.authorize(SecretString::from("7|token-of-forty-letters"));
    let sent = client.send(session.request(Method::POST, url(&server, "/api/logout"))).await;
    client.send(session.request(Method::GET, at(&server, "http", "other.test", "/"))).await.result.unwrap();
    let requests = server.requests();
    assert_eq!(header(&requests[0], "authorization"), None);
    assert_eq!(header(&requests[1], "authorization"), Some("Bearer 7|token-of-forty-letters"));
    assert_eq!(header(&requests[2], "authorization"), None, "to another origin");
    for request in &requests {
        for name in ["cookie", "origin", "referer", "x-xsrf-token"] {
            assert_eq!(header(request, name), None, "{request}");
        }
    }
    assert_eq!(client.redactor().redact("7|token-of-forty-letters"), "[redacted]");
    assert!(!format!("{sent:?} {session:?}").contains("token-of-forty-letters"));
}

#[tokio::test]
async fn cookies_expire_and_are_bound_to_path_and_https() {
    let server = Server::plain(|request| {
        let set = match request.split(' ').nth(1).unwrap_or_default() {
            "/set" => "Set-Cookie: all=1; path=/\r\nSet-Cookie: admin=2; path=/admin\r\nSet-Cookie: no cookie at all\r\nSet-Cookie: other=3; domain=elsewhere.test",
            "/end" => "Set-Cookie: all=; Max-Age=0; path=/",
            _ => "X-Nothing: new",
        };
        answer(&format!("200 OK\r\n{set}"), "")
    })
    .await;
    let (client, session) = (client(&tls()), session(&server));
    for path in ["/set", "/", "/admin", "/end", "/"] {
        client.send(session.page(url(&server, path))).await.result.unwrap();
    }
    let sent: Vec<_> = server.requests().iter().map(|request| header(request, "cookie").map(str::to_owned)).collect();
    assert_eq!(sent[1].as_deref(), Some("all=1"));
    let mut admin: Vec<&str> = sent[2].as_deref().unwrap().split("; ").collect();
    admin.sort_unstable();
    assert_eq!(admin, ["admin=2", "all=1"]);
    assert_eq!(sent[4], None, "the cookie has expired");

    // A `Secure` cookie is not sent over plain HTTP.
    let authority = Authority::generate();
    let secure = Server::tls(authority.server("platform.test", (2020, 2090), &[]), std::time::Duration::ZERO, |_| {
        answer("200 OK\r\nSet-Cookie: just_driving_session=secure-session-0001; Secure; path=/", "")
    })
    .await;
    let client = crate::server::client(&trusting(&authority));
    let base = at(&secure, "https", "platform.test", "/");
    let session = Session::new(&base, Csrf::default());
    client.send(session.page(base.clone())).await.result.unwrap();
    let plain: Url = "http://platform.test/".parse().unwrap();
    assert!(session.cookies().value(&base, "just_driving_session").is_some());
    assert_eq!(session.cookies().value(&plain, "just_driving_session"), None);
}

#[tokio::test]
async fn http_1_0_with_lower_case_headers_is_supported() {
    let server = Server::plain(|request| {
        let head = "HTTP/1.0 200 OK\r\ncontent-type: text/html\r\nset-cookie: XSRF-TOKEN=abcdefghijklmnopqrst%3D; path=/\r\n\r\n";
        let body = if request.starts_with("GET") { "<form><input name=\"_token\" value=\"of-the-form\"></form>" } else { "" };
        // Without a length, the end of the connection ends the body.
        vec![send(head), send(body)]
    })
    .await;
    let (client, session) = (client(&tls()), session(&server));
    let sent = client.send(session.page(url(&server, "/login"))).await;
    assert_eq!(sent.exchanges[0].protocol.as_deref(), Some("HTTP/1.0"));
    let form = expect::form(&sent.result.unwrap(), &expect::WantedForm::with_token("_token")).unwrap();
    assert_eq!(form.token.expose_secret(), "of-the-form");
    client.send(session.request(Method::POST, url(&server, "/api/login"))).await.result.unwrap();
    assert_eq!(header(&server.requests()[1], "x-xsrf-token"), Some("abcdefghijklmnopqrst="));
}

#[tokio::test]
async fn token_that_no_header_can_hold_is_a_failure() {
    for (value, expected) in [
        ("abc%0Adef", Some("one with a line break (U+000A)")),
        ("abc%0D%0AX-Admin:1", Some("one with a carriage return (U+000D)")),
        ("abc%00def", Some("one with a control character (U+0000)")),
        ("abc%7Fdefghijkl", Some("one with a control character (U+007F)")),
        ("abc%C2%85defghijkl", None),
        ("abc%09def%C3%A6", None),
        ("abc%ZZdefghijkl", None),
    ] {
        let server =
            Server::plain(move |_| answer(&format!("200 OK\r\nSet-Cookie: XSRF-TOKEN={value}; path=/"), "")).await;
        let (client, session) = (client(&tls()), session(&server));
        client.send(session.page(url(&server, "/login"))).await.result.unwrap();
        let sent = client.send(session.request(Method::POST, url(&server, "/api/login"))).await;
        let found = sent.result.err().map(|error| error.into_mismatch().unwrap());
        let shown = |text: check::Phrase| text.admit(&NoSecrets, 200).to_string();
        let found = found.map(|found| (found.kind, shown(found.expected), shown(found.actual)));
        let expected = expected.map(|actual| {
            (Header, "a cookie XSRF-TOKEN with a value that a header can hold".to_owned(), actual.to_owned())
        });
        assert_eq!(found, expected, "{value}");
        assert_eq!(server.requests().len(), if expected.is_some() { 1 } else { 2 }, "{value}");
    }
}

/// Laravel's responses to a client: status, message, and whether the request was throttled.
#[tokio::test]
async fn laravel_responses_are_distinguished() {
    for (case, head, body, message, limited) in [
        (
            "a redirect to the form",
            "302 Found\r\nLocation: /login",
            "<title>Redirecting to /login</title>",
            Some("Redirecting to /login"),
            false,
        ),
        (
            "not logged in",
            "401 Unauthorized",
            "{\n    \"message\": \"Unauthenticated.\"\n}",
            Some("Unauthenticated."),
            false,
        ),
        (
            "not allowed",
            "403 Forbidden",
            "{\"message\": \"This action is unauthorized.\"}",
            Some("This action is unauthorized."),
            false,
        ),
        ("not found", "404 Not Found", "{\"message\": \"\"}", None, false),
        (
            "no record",
            "404 Not Found",
            "{\"message\": \"No query results for model [App\\\\Models\\\\School] 9\"}",
            Some("No query results for model [App\\Models\\School] 9"),
            false,
        ),
        (
            "a wrong method",
            "405 Method Not Allowed\r\nAllow: GET",
            "{\"message\": \"The POST method is not supported for this route.\"}",
            Some("The POST method is not supported for this route."),
            false,
        ),
        (
            "a stale token",
            "419 unknown status",
            "{\"message\": \"CSRF token mismatch.\"}",
            Some("CSRF token mismatch."),
            false,
        ),
        (
            "a wrong field",
            "422 Unprocessable Entity",
            "{\"message\": \"The given data was invalid.\", \"errors\": {\"email\": [\"No match.\"]}}",
            Some("The given data was invalid.; email: No match."),
            false,
        ),
        (
            "too many",
            "429 Too Many Requests\r\nRetry-After: 42",
            "{\"message\": \"Too Many Attempts.\"}",
            Some("Too Many Attempts."),
            true,
        ),
        ("too many, no time", "429 Too Many Requests", "", None, true),
        ("broken", "500 Internal Server Error", "{\"message\": \"Server Error\"}", Some("Server Error"), false),
    ] {
        let server = Server::plain(move |_| answer(head, body)).await;
        let (client, session) = (client(&tls()), session(&server));
        let response = client.send(session.request(Method::POST, url(&server, "/api"))).await.result.unwrap();
        let shown = server_message(&response).map(|message| phrase!("{}", message).admit(&NoSecrets, 200));
        assert_eq!(shown.as_deref(), message, "{case}");
        assert_eq!(is_throttled(&response, &[]), limited, "{case}");
        assert_eq!(expect::status(&response, &[200]).unwrap_err().kind, Status, "{case}");
        assert_eq!(
            response.location().map(|to| to.path().to_owned()).as_deref(),
            head.contains("Location").then_some("/login")
        );
    }
}

#[tokio::test]
async fn echoed_session_cookies_are_masked() {
    let server = Server::plain(|request| {
        let cookie = header(request, "cookie").unwrap_or_default().to_owned();
        let body = format!("you sent {cookie} and session-of-answer-0001= and da_DK");
        answer(&format!("200 OK\r\n{}\r\nSet-Cookie: locale=da_DK; path=/\r\nX-Echo: {cookie}", cookies(1)), body)
    })
    .await;
    let (client, session) = (client(&tls()), session(&server));
    client.send(session.page(url(&server, "/"))).await.result.unwrap();
    let sent = client.send(session.page(url(&server, "/"))).await;
    let response = sent.result.as_ref().unwrap();
    let text = [
        expect::body_contains(response, "nothing").unwrap_err(),
        expect::header_equals(response, "x-echo", "nothing").unwrap_err(),
    ];
    let text = text.map(|mismatch| Failure::new(Subject::whole(), "step", mismatch, client.redactor()));
    let text = format!("{text:?} {:?} {session:?}", sent.exchanges);
    assert!(!text.contains("of-answer"), "{text}");
    assert!(text.contains("da_DK"), "expected short cookies in plain text: {text}");
}

#[tokio::test]
async fn withheld_referrer_leaves_the_origin_of_unsafe_requests() {
    let server = laravel("200 OK").await;
    let (client, mut session) = (client(&tls()), session(&server));
    for withholds in [false, true] {
        if withholds {
            session.withhold_referrer();
        }
        for (method, has_origin) in [(Method::GET, !withholds), (Method::POST, true)] {
            client.send(session.request(method.clone(), url(&server, "/api/me"))).await.result.unwrap();
            let requests = server.requests();
            let sent = requests.last().unwrap();
            let found = (header(sent, "referer").is_some(), header(sent, "origin").is_some());
            assert_eq!(found, (!withholds, has_origin), "{method} {withholds}");
        }
    }
}
