//! Tests of log-in and log-out with a session, including Laravel's surprises.

use serde_json::json;

use crate::visit::{BOTH, Browser, DOCUMENTED, PLAIN, WRONG, cookies, decoded};
use crate::wire::{Answer, Clock, JSON, ask, get, platform, post};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const MISMATCH: &str = "{\n    \"message\": \"CSRF token mismatch.\"\n}";

#[tokio::test]
async fn log_in_and_log_out_work_in_both_flavours() {
    for names in BOTH {
        let platform = names.platform(&Clock::default()).await;
        let mut browser = Browser::open(&platform, names).await;
        assert_eq!(browser.me().await.status, 401);
        let before = browser.clone();
        let answer = browser.log_in(PLAIN, &platform.credentials()["login/plain-password"]).await;
        assert_eq!((answer.status, answer.body.as_str()), (names.logged_in, ""));
        assert_eq!(browser.me().await.status, 200);
        assert_eq!(before.clone().me().await.status, 401, "the old session id still works");

        let mut stale = browser.clone();
        stale.cookies.insert(names.cookies[1].to_owned(), before.cookies[names.cookies[1]].clone());
        assert_eq!(stale.log_out().await.status, 419, "the old CSRF token still works");

        let inside = browser.clone();
        let answer = browser.log_out().await;
        assert_eq!((answer.status, answer.body.as_str()), (names.logged_out, ""));
        for mut browser in [browser, inside] {
            assert_eq!(browser.me().await.status, 401);
            browser.get(names.form).await;
            assert_eq!(browser.log_out().await.status, 401, "logged out twice");
        }
    }
}

#[tokio::test]
async fn documented_answers_are_wrapped_in_data() {
    let platform = platform().await;
    let mut browser = Browser::logged_in(&platform, &DOCUMENTED).await;
    let me = json!({"data": {
        "id": 33, "name": "Prøve Lærer", "email": PLAIN, "role": "teacher", "school_ids": [3], "current_school_id": 3,
    }});
    assert_eq!(browser.me().await.json(), me);
    let school = json!({"id": 3, "name": "Syntetisk Køreskole", "city": "Ingensteds"});
    assert_eq!(browser.get("/api/schools").await.json(), json!({"data": [school]}));
    assert_eq!(browser.school("3").await.json(), json!({"data": school}));
    let cases = [
        ("1", 403, "{\n    \"message\": \"This action is unauthorized.\"\n}"),
        ("99", 404, "{\n    \"message\": \"No query results for model [App\\\\Models\\\\School] 99\"\n}"),
    ];
    for (id, status, body) in cases {
        let answer = browser.school(id).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "{id}");
    }
}

#[tokio::test]
async fn renamed_answers_are_bare_with_string_ids() {
    let names = BOTH[1];
    let platform = names.platform(&Clock::default()).await;
    let mut browser = Browser::logged_in(&platform, names).await;
    let me = browser.me().await.json();
    assert_eq!((&me["uid"], &me["mail"], &me["kind"]), (&json!("33"), &json!(PLAIN), &json!("teacher")));
    assert_eq!(browser.school("3").await.json()["identifier"], "3");
    assert_eq!((browser.school("1").await.status, browser.school("99").await.status), (404, 404));
    for path in [DOCUMENTED.form, DOCUMENTED.login, DOCUMENTED.me, DOCUMENTED.schools, DOCUMENTED.counters] {
        assert_eq!(get(platform.base_url(), path, &[JSON]).await.status, 404, "{path}");
    }
    let front = get(platform.base_url(), "/", &[]).await;
    assert!(front.body.contains("href=\"/account/sign-in\""), "{}", front.body);
}

#[tokio::test]
async fn every_answer_renews_both_cookies() {
    let platform = platform().await;
    let mut browser = Browser::open(&platform, &DOCUMENTED).await;
    let mut observed = vec![browser.cookies.clone()];
    for path in ["/", "/home", "/api/me", "/api/schools", "/api/schools/3", "/login"] {
        let set = cookies(&browser.get(path).await);
        assert_eq!(set.keys().collect::<Vec<_>>(), ["XSRF-TOKEN", "just_driving_session"], "{path}");
        for before in &observed {
            assert!(before.iter().all(|(name, value)| set[name] != *value), "{path}");
        }
        observed.push(set);
    }
}

#[tokio::test]
async fn the_csrf_token_is_accepted_in_four_places() {
    let platform = platform().await;
    let mut browser = Browser::open(&platform, &DOCUMENTED).await;
    let stranger = Browser::open(&platform, &DOCUMENTED).await;
    let sealed = browser.cookies["XSRF-TOKEN"].clone();
    assert!(sealed.ends_with("%3D"), "{sealed}");
    let (plain, theirs) = (browser.form_token.clone(), decoded(&stranger.cookies["XSRF-TOKEN"]));
    let cases = [
        ("the cookie, decoded", format!("X-XSRF-TOKEN: {}", decoded(&sealed)), "", 401),
        ("the cookie as it came", format!("X-XSRF-TOKEN: {sealed}"), "", 419),
        ("the plain token in the cookie's header", format!("X-XSRF-TOKEN: {plain}"), "", 419),
        ("the plain token in its own header", format!("X-CSRF-TOKEN: {plain}"), "", 401),
        ("the cookie in the plain token's header", format!("X-CSRF-TOKEN: {}", decoded(&sealed)), "", 419),
        ("the plain token as a field", "X-Other: none".to_owned(), plain.as_str(), 401),
        ("the cookie of another session", format!("X-XSRF-TOKEN: {theirs}"), "", 419),
        ("the token of another session", "X-Other: none".to_owned(), stranger.form_token.as_str(), 419),
        ("none", "X-Other: none".to_owned(), "", 419),
    ];
    for (case, header, field, expected) in cases {
        // No account is logged in, so a request that passes the CSRF check is 401.
        let json = browser.post_with("/api/logout", &[&header], &[("_token", field)]).await;
        assert_eq!(json.status, expected, "{case}");
        let lines = browser.headers();
        let body = format!("_token={field}");
        let form = post(platform.base_url(), "/api/logout", &[&lines[0], &lines[1], &header, FORM, JSON], &body).await;
        assert_eq!(browser.keep(form).status, expected, "{case}, as a form");
    }
}

#[tokio::test]
async fn a_419_sets_no_csrf_cookie() {
    let platform = platform().await;
    let mut browser = Browser::open(&platform, &DOCUMENTED).await;
    let json = browser.post_with("/api/login", &[], &[]).await;
    assert_eq!((json.status, json.reason(), json.body.as_str()), (419, "unknown status", MISMATCH));
    let lines = browser.headers();
    let page = post(platform.base_url(), "/login", &[&lines[0], &lines[1], FORM], "email=a").await;
    assert_eq!(page.status, 419);
    assert!(page.body.contains("<title>Page Expired</title>"), "{}", page.body);
    for answer in [json, page] {
        assert_eq!(cookies(&answer).into_keys().collect::<Vec<_>>(), ["just_driving_session"]);
    }
}

#[tokio::test]
async fn an_unsupported_method_is_405_without_a_token() {
    let platform = platform().await;
    let cases =
        [("GET", "/api/login", "POST"), ("DELETE", "/login", "GET, HEAD, POST"), ("PUT", "/api/me", "GET, HEAD")];
    for (method, path, allow) in cases {
        let referer = format!("Referer: {}", platform.base_url());
        let answer = ask(platform.base_url(), method, path, &[JSON, &referer, "Content-Length: 0"]).await;
        assert_eq!((answer.status, answer.all("allow")), (405, vec![allow]), "{method} {path}");
        assert!(answer.all("set-cookie").is_empty(), "{method} {path}");
    }
}

#[tokio::test]
async fn wrong_passwords_and_unknown_accounts_are_422() {
    let platform = platform().await;
    let expected = "{\n    \"message\": \"The given data was invalid.\",\n    \"errors\": {\n        \"email\": [\n            \
                    \"These credentials do not match our records.\"\n        ]\n    }\n}";
    for email in [WRONG, PLAIN, "nobody@syntetisk.example"] {
        let mut browser = Browser::open(&platform, &DOCUMENTED).await;
        let answer = browser.log_in(email, "wrong").await;
        assert_eq!(answer.status, 422);
        assert_eq!(sorted(&answer.body), sorted(expected), "{}", answer.body);
        assert_eq!(browser.me().await.status, 401);
    }
    let names = BOTH[1];
    let renamed = names.platform(&Clock::default()).await;
    let mut browser = Browser::open(&renamed, names).await;
    assert_eq!(browser.log_in(WRONG, "wrong").await.status, names.refused);
}

/// The lines of a body in a fixed order, since the order of members varies.
fn sorted(body: &str) -> Vec<&str> {
    let mut lines: Vec<_> = body.lines().map(|line| line.trim_end_matches(',')).collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn a_missing_field_is_required() {
    let platform = platform().await;
    let kind = "Content-Type: application/json";
    let (email, password) = ("The email field is required.", "The password field is required.");
    let both = json!({"email": [email], "password": [password]});
    let cases = [
        ("nothing", kind, "{}", both.clone()),
        ("malformed JSON", kind, "{\"email\": ", both.clone()),
        ("JSON without its content type", "Content-Type: text/plain", "{\"email\":\"a\",\"password\":\"b\"}", both),
        ("no password", kind, "{\"email\":\"a@b.example\"}", json!({"password": [password]})),
        ("an empty e-mail", FORM, "email=&password=b", json!({"email": [email]})),
    ];
    for (case, kind, body, errors) in cases {
        let answer = post(platform.base_url(), "/api/login", &[JSON, kind], body).await;
        assert_eq!((answer.status, &answer.json()["errors"]), (422, &errors), "{case}");
        assert_eq!(answer.json()["message"], "The given data was invalid.", "{case}");
    }
}

#[tokio::test]
async fn browsers_are_redirected_to_the_form_and_back() {
    let platform = platform().await;
    let base = platform.base_url();
    let to = |path: &str| Some(format!("{base}{path}"));
    let redirected = |answer: &Answer| (answer.status, answer.header("location").map(str::to_owned));
    for path in ["/home", "/api/me", "/api/schools/3"] {
        assert_eq!(redirected(&get(base, path, &["Accept: text/html"]).await), (302, to("/login")), "{path}");
    }
    assert_eq!(get(base, "/home", &[JSON]).await.status, 401);

    let mut browser = Browser::open(&platform, &DOCUMENTED).await;
    let right = platform.credentials()["login/plain-password"].clone();
    for (password, path) in [("wrong", "/login"), (right.as_str(), "/home")] {
        let lines = browser.headers();
        let body = format!("_token={}&email={}&password={password}", browser.form_token, PLAIN.replace('@', "%40"));
        let json =
            post(base, "/login", &[&lines[0], &lines[1], FORM, JSON], &body.replace("password=", "password=x")).await;
        assert_eq!(browser.keep(json).status, 422);
        let lines = browser.headers();
        let answer = post(base, "/login", &[&lines[0], &lines[1], FORM], &body).await;
        assert_eq!(redirected(&browser.keep(answer)), (302, to(path)));
    }
    let home = browser.get("/home").await;
    assert_eq!(home.status, 200);
    assert!(home.body.contains("<h1>Prøve Lærer</h1>"), "{}", home.body);
    let any = post(base, "/api/login", &["Accept: */*", FORM], "email=a").await;
    assert_eq!(redirected(&any), (302, to("/login")), "a client that accepts anything counts as a browser");
}
