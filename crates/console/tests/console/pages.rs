//! Pages and their guard.

use console::Guard;

use crate::world::{FAILED, World};

#[tokio::test]
async fn every_page_shows_what_was_recorded() {
    let world = World::start(Guard::ThisMachine, false).await;
    let run = format!("/checks/login/runs/{FAILED}");
    let incident = format!("/incidents/{}", world.incident);
    for (path, expected) in [
        ("/", "1 failing of 2"),
        ("/?q=boo", "no run yet"),
        ("/", "maintenance</span> night until"),
        ("/", "planned</span> release from"),
        ("/", "login/web, new servers"),
        ("/checks/login", "Duration by phase: TLS 30 ms, first byte 60 ms"),
        ("/?show=unhealthy", "1 more do not match"),
        ("/checks/login", "open-form"),
        ("/checks/login?window=7d", "aria-current=\"true\">7d"),
        (&run, "status 500"),
        ("/checks/login/runs/unknown", "Nothing is known of the run"),
        ("/incidents", "1 open incident"),
        (&incident, "first failed run"),
        ("/alarms", "login-slow"),
        ("/settings", "environment = &#34;demo&#34;"),
        ("/about", "store test.db"),
        ("/about", "runs for 30 days"),
        ("/runbooks/login", "<h1"),
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(answer.body.contains(expected), "{path}: expected {expected} in {}", answer.body);
        assert!(!answer.body.contains("<script>alert"), "{path} has markup from outside");
        assert!(answer.head.contains("content-security-policy: default-src 'none'"), "{path}: {}", answer.head);
    }
}

#[tokio::test]
async fn unknown_things_are_named() {
    let world = World::start(Guard::ThisMachine, false).await;
    for (path, expected) in [
        ("/checks/%3Cb%3E", "&#60;b&#62;"),
        ("/incidents/login.20260101T000000Z", "login.20260101T000000Z"),
        ("/incidents/x", "There is no such incident"),
        ("/runbooks/..%2Fsecret", "There is no such runbook"),
        ("/demo", "There is no such page"),
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body.contains(expected), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn actions_need_permission_and_a_form_from_here() {
    let form = "scope=login&length=1+hour&by=anna&reason=deploy";
    let read_only = World::start(Guard::ThisMachine, false).await;
    let refused = read_only.post("/actions/mute", form).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("--allow-actions"), "{}", refused.body);
    assert!(!read_only.get("/checks/login").await.body.contains("<form method=\"post\""));

    let world = World::start(Guard::ThisMachine, true).await;
    let elsewhere = "POST /actions/mute HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\n\
                     Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(world.ask(elsewhere).await.status, 403);
    for (action, form, status, expected) in [
        ("mute", form, 200, "login is muted"),
        ("mute", "scope=login&length=2+years&by=anna&reason=x", 422, "expected the length"),
        ("mute", "scope=logni&length=1+hour&by=anna&reason=x", 422, "did you mean"),
        ("mute", "scope=login&length=1+hour&by=anna&reason=+", 422, "expected a --reason"),
        ("mark", "scope=release+42&by=anna", 200, "Marked: release 42"),
        ("unmute", "scope=login", 200, "no longer muted"),
        ("acknowledge", "scope=booking&by=anna&reason=x", 422, "no incident of booking is open"),
        ("run", "scope=login", 422, "do not run in this program"),
        ("else", "scope=login", 422, "unknown action"),
    ] {
        let answer = world.post(&format!("/actions/{action}"), form).await;
        assert_eq!(answer.status, status, "{action} {form}: {}", answer.body);
        assert!(answer.body.contains(expected), "{action} {form}: expected {expected} in {}", answer.body);
    }
    assert!(world.get("/incidents").await.body.contains("release 42"));
}

#[tokio::test]
async fn other_hosts_and_callers_without_the_token_are_refused() {
    let world = World::start(Guard::ThisMachine, false).await;
    assert_eq!(world.ask("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").await.status, 403);

    let token = "0123456789abcdef";
    let world = World::start(Guard::Token(token.into()), false).await;
    let page = world.get("/").await;
    assert_eq!(page.status, 401);
    assert!(page.body.contains("SYNTHETICS_TOKEN") && !page.body.contains("failing"), "{}", page.body);
    assert_eq!(world.post("/log-in", "token=wrong-wrong-wrong").await.status, 401);
    let right = world.post("/log-in", &format!("token={token}")).await;
    assert_eq!(right.status, 303, "{}", right.body);
    let cookie = right.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(cookie.contains("httponly") && cookie.contains("samesite=strict") && !cookie.contains(token), "{cookie}");
    let value = cookie.split(';').next().unwrap();
    let page = world.ask(&format!("GET / HTTP/1.1\r\nHost: evil.example\r\nCookie: {value}\r\n\r\n")).await;
    assert_eq!(page.status, 200);
}

#[tokio::test]
async fn a_page_hears_of_changes() {
    let world = World::start(Guard::ThisMachine, true).await;
    let stream = world.get("/live");
    let change = async {
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        world.post("/actions/mark", "scope=release+42&by=anna").await;
    };
    let (stream, ()) = tokio::join!(stream, change);
    assert!(stream.head.contains("text/event-stream"), "{}", stream.head);
    let events: Vec<&str> = stream.body.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(events, ["hello", "changed"], "{}", stream.body);
    // Browsers discard an event without data.
    assert_eq!(stream.body.lines().filter(|line| line.starts_with("data: ")).count(), 2, "{}", stream.body);
}
