//! Tests of each endpoint's behaviour without faults.

use serde_json::json;

use crate::wire::{JSON, ask, get, platform};

#[tokio::test]
async fn the_front_page_sets_cookies_and_lists_public_schools() {
    let platform = platform().await;
    let answer = get(platform.base_url(), "/", &[]).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=UTF-8")));
    assert!(answer.body.contains("<title>Just Driving</title>"), "{}", answer.body);
    assert!(answer.body.contains("<li>Fjordbyens Køreskole, Roskilde (3 kørelærere)</li>"), "{}", answer.body);
    assert!(!answer.body.contains("Syntetisk"), "{}", answer.body);
    assert_eq!(answer.all("set-cookie").len(), 2);
}

#[tokio::test]
async fn the_login_form_keeps_its_token_within_a_session() {
    let platform = platform().await;
    let token = |body: &str| {
        body.split_once(r#"<input type="hidden" name="_token" value=""#)
            .unwrap()
            .1
            .split_once('"')
            .unwrap()
            .0
            .to_owned()
    };
    let first = get(platform.base_url(), "/login", &[]).await;
    assert_eq!(first.status, 200);
    let [xsrf, session] = first.all("set-cookie")[..] else { panic!("{first:?}") };
    let xsrf_value = xsrf.strip_prefix("XSRF-TOKEN=").unwrap().split(';').next().unwrap();
    assert!(!xsrf_value.contains(['=', '+', '/']), "not URL-encoded: {xsrf_value}");
    assert!(session.starts_with("just_driving_session=") && session.contains("; httponly"), "{session}");

    let cookie = format!("Cookie: {}", session.split(';').next().unwrap());
    let second = get(platform.base_url(), "/login", &[&cookie]).await;
    let other = get(platform.base_url(), "/login", &[]).await;
    assert_eq!(token(&second.body), token(&first.body));
    assert_ne!(token(&other.body), token(&first.body));
}

#[tokio::test]
async fn health_has_spaties_format_and_updates_every_minute() {
    let platform = platform().await;
    let answer = get(platform.base_url(), "/health", &[]).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.header("cache-control"), Some("no-store, private"));
    assert!(answer.all("set-cookie").is_empty());
    let body = answer.json();
    assert_eq!(body["finishedAt"], 1_795_389_300);
    for result in body["checkResults"].as_array().unwrap() {
        let keys: Vec<_> = result.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["label", "meta", "name", "notificationMessage", "shortSummary", "status"]);
        let expected = if result["name"] == "Horizon" { "skipped" } else { "ok" };
        assert_eq!(result["status"], expected);
    }
    let fresh = get(platform.base_url(), "/health?fresh", &[]).await.json();
    assert_eq!(fresh["finishedAt"], 1_795_389_328);
}

#[tokio::test]
async fn the_status_is_json_in_one_line() {
    let platform = platform().await;
    let answer = get(platform.base_url(), "/api/status", &[]).await;
    assert_eq!((answer.status, answer.body.lines().count()), (200, 1));
    let expected = json!({"data": {"status": "ok", "version": "4.12.0", "time": "2026-11-22T23:15:28.250000Z"}});
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn schools_without_a_session_are_401_or_a_redirect() {
    let platform = platform().await;
    for accept in [JSON, "X-Requested-With: XMLHttpRequest"] {
        let answer = get(platform.base_url(), "/api/schools", &[accept]).await;
        assert_eq!((answer.status, answer.header("content-type")), (401, Some("application/json")), "{accept}");
        assert_eq!(answer.body, "{\n    \"message\": \"Unauthenticated.\"\n}", "{accept}");
    }
    for accept in ["Accept: */*", "Accept: text/html, application/json", "X-Other: none"] {
        let answer = get(platform.base_url(), "/api/schools", &[accept]).await;
        let login = format!("{}/login", platform.base_url());
        assert_eq!((answer.status, answer.header("location")), (302, Some(login.as_str())), "{accept}");
        assert!(answer.body.contains(&format!("<title>Redirecting to {login}</title>")), "{}", answer.body);
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_as_page_or_json() {
    let platform = platform().await;
    let page = get(platform.base_url(), "/nothing", &[]).await;
    assert_eq!(page.status, 404);
    assert!(page.body.contains("<title>Not Found</title>"), "{}", page.body);
    let json = get(platform.base_url(), "/api/nothing", &[JSON]).await;
    assert_eq!((json.status, json.body.as_str()), (404, "{\n    \"message\": \"\"\n}"));
}

#[tokio::test]
async fn a_wrong_method_is_405_and_options_lists_methods() {
    let platform = platform().await;
    let page = ask(platform.base_url(), "DELETE", "/", &[]).await;
    assert_eq!((page.status, page.all("allow")), (405, vec!["GET, HEAD"]));
    assert!(page.body.contains("<title>An Error Occurred: Method Not Allowed</title>"), "{}", page.body);
    let json = ask(platform.base_url(), "POST", "/api/status", &[JSON, "Content-Length: 0"]).await;
    assert_eq!((json.status, json.all("allow")), (405, vec!["GET, HEAD"]));
    let message = "The POST method is not supported for this route. Supported methods: GET, HEAD.";
    assert_eq!(json.json()["message"], message);
    let options = ask(platform.base_url(), "OPTIONS", "/login", &[]).await;
    assert_eq!((options.status, options.all("allow"), options.body.as_str()), (200, vec!["GET, HEAD, POST"], ""));
}

#[tokio::test]
async fn every_answer_has_the_headers_of_php_behind_nginx() {
    let platform = platform().await;
    for (path, is_success) in [("/", true), ("/api/status", true), ("/api/schools", true), ("/nothing", false)] {
        let answer = get(platform.base_url(), path, &[]).await;
        assert_eq!(answer.all("server"), ["nginx"], "{path}");
        assert_eq!(answer.all("date"), ["Sun, 22 Nov 2026 23:15:28 GMT"], "{path}: not the platform's clock");
        assert_eq!(answer.all("cache-control"), ["no-cache, private"], "{path}");
        assert_eq!(answer.header("x-powered-by"), None, "{path}");
        assert_eq!(answer.header("x-frame-options").is_some(), is_success, "{path}");
        assert_eq!(answer.header("x-content-type-options").is_some(), is_success, "{path}");
    }
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let platform = platform().await;
    for (path, status) in [("/", 200), ("/health", 200), ("/api/schools", 401), ("/nothing", 404)] {
        let (whole, head) =
            (get(platform.base_url(), path, &[JSON]).await, ask(platform.base_url(), "HEAD", path, &[JSON]).await);
        assert_eq!((head.status, head.body.as_str()), (status, ""), "{path}");
        assert_eq!(head.header("content-length"), Some(whole.body.len().to_string().as_str()), "{path}");
    }
}
