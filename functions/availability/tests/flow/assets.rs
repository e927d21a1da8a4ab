//! Scripts, style sheets and images of a page.

use hostile::{Action, Server, answer};

use crate::{found, problems, runs, settings};

/// Answer with a content type.
fn typed(media_type: &str, body: &str) -> Vec<Action> {
    answer(&format!("200 OK\r\nContent-Type: {media_type}"), body)
}

/// Server of a page, with answers to the other paths.
async fn site(page: String, other: impl Fn(&str) -> Vec<Action> + Send + Sync + 'static) -> Server {
    Server::plain(move |request| match request.split(' ').nth(1) {
        Some("/") => typed("text/html", &page),
        path => other(path.unwrap_or_default()),
    })
    .await
}

const PAGE: &str = r#"<link rel=stylesheet href="/build/app.css"><script type=module src="/build/app.js"></script>
    <img src="/logo.svg"><script src="/build/app.js"></script>"#;

fn build(path: &str) -> Vec<Action> {
    match path {
        "/build/app.css" => typed("text/css; charset=utf-8", "a{}"),
        "/build/app.js" => typed("text/javascript", "1"),
        "/logo.svg" => typed("image/svg+xml", "<svg/>"),
        _ => answer("404 Not Found", ""),
    }
}

const KEYS: &str = "expect.assets = true\nsecret_headers = { x-key = \"ssm:/just-driving/test/availability/key\" }\n\
                    auth.basic = { user = \"ann\", password = \"ssm:/just-driving/test/availability/password\" }\n";

/// Finding of a run, and the paths of the requests.
async fn observe(server: &Server, network: &str) -> (String, Vec<String>) {
    let settings = settings(&format!("http://{}", server.address), network, KEYS);
    let secrets = [("key", "k3y-of-the-page"), ("password", "p4ssword-of-ann")];
    let report = runs(&settings, &secrets, 1).await.remove(0);
    let written = serde_json::to_string(&report).unwrap();
    assert!(!written.contains("k3y-of") && !written.contains("p4ssw"), "{written}");
    let mut paths: Vec<_> = server.requests();
    paths.sort();
    (found(&report), paths.iter().map(|request| request.split(' ').nth(1).unwrap().to_owned()).collect())
}

#[tokio::test]
async fn each_asset_of_a_page_is_requested_once() {
    let server = site(PAGE.to_owned(), build).await;
    let (finding, paths) = observe(&server, "").await;
    assert_eq!(finding, "passed");
    assert_eq!(paths, ["/", "/build/app.css", "/build/app.js", "/logo.svg"]);
    for request in server.requests() {
        assert!(request.contains("x-key: k3y-of-the-page") && request.contains("authorization: Basic "), "{request}");
    }
}

#[tokio::test]
async fn missing_or_wrong_asset_is_named() {
    for (case, path, script, finding) in [
        (
            "a missing chunk",
            "/build/app.js",
            answer("404 Not Found", ""),
            "assets status: expected status 200 for the script {}, found status 404 Not Found",
        ),
        (
            "the page of a single-page application",
            "/build/app.js",
            typed("text/html", "<html>"),
            "assets header: expected content-type text/javascript for the script {}, found content-type text/html",
        ),
        (
            "a style sheet as text",
            "/build/app.css",
            typed("text/plain", "a{}"),
            "assets header: expected content-type text/css for the style sheet {}, found content-type text/plain",
        ),
        (
            "an image without a type",
            "/logo.svg",
            answer("200 OK", "<svg/>"),
            "assets header: expected content-type image/… for the image {}, found no content type",
        ),
        ("a silent server", "/logo.svg", vec![Action::Hang], "assets timeout: expected a response within "),
    ] {
        let server =
            site(PAGE.to_owned(), move |asked| if asked == path { script.clone() } else { build(asked) }).await;
        let (found, _) = observe(&server, "").await;
        let url = format!("http://{}{path}", server.address);
        let expected = finding.replace("{}", &url);
        assert!(found.starts_with(&expected), "{case}: {found}\nexpected {expected}");
        assert!(found.contains(&url), "{case}: {found}");
    }
}

#[tokio::test]
async fn other_origins_get_no_secrets_and_need_permission() {
    let cdn = Server::plain(|_| typed("text/javascript", "1")).await;
    // The same machine under another name, which the settings do not know.
    let page = format!("<script src=\"http://localhost:{}/lib.js\"></script>", cdn.address.port());
    let server = site(page, build).await;
    let (finding, _) = observe(&server, "").await;
    let start =
        "assets redirect: expected a link to a host in the settings (127.0.0.1), for the script http://localhost:";
    assert!(finding.starts_with(start), "{finding}");
    assert!(finding.ends_with("found a link to localhost; `network.allow_redirect_hosts` can allow it"), "{finding}");
    assert_eq!(cdn.connections(), 0);
    let (finding, _) = observe(&server, "allow_redirect_hosts = [\"localhost\"]\n").await;
    assert_eq!(finding, "passed");
    let request = cdn.requests().remove(0);
    assert!(!request.contains("x-key") && !request.contains("authorization"), "{request}");
}

#[tokio::test]
async fn assets_of_a_page_are_bounded() {
    let images: String = (0..1_000).map(|number| format!("<img src=\"/{number}.png\">")).collect();
    let server = site(images, |_| typed("image/png", "")).await;
    let (finding, paths) = observe(&server, "").await;
    assert_eq!((finding.as_str(), paths.len()), ("passed", 51));
    let json = Server::plain(|_| typed("application/json", "{}")).await;
    let (finding, _) = observe(&json, "").await;
    assert_eq!(finding, "assets body: expected a page in HTML, found status 200 OK without a page in HTML");
}

#[test]
fn assets_need_a_page() {
    assert_eq!(
        problems("method = \"POST\"\nexpect.assets = true"),
        "method: expected GET, since `expect.assets` reads a page\n"
    );
}
