//! Log-ins of other shapes than the demo platform's: where the token comes from, and cookies that browsers refuse.

use check_testkit::{Harness, Observed};
use demo_platform::Options;
use hostile::{Server, answer};
use login::Login;

use crate::flavours::use_plain_account;

const SESSION: &str = "Set-Cookie: just_driving_session=session-of-a-page-0001; Path=/";
const TOKEN: &str = "Set-Cookie: XSRF-TOKEN=token-of-a-cookie-0001; Path=/";
const HIDDEN: &str = "Set-Cookie: XSRF-TOKEN=token-of-a-cookie-0003; Path=/; HttpOnly";
const APP: &str = "<div id=app></div>";
const POSTED: &str = "<form method=post action=/api/login><input name=email><input type=password name=password>";
const SCRIPTED: &str = "<form><input name=email><input type=password name=password></form>";
const META: &str = "<meta name=csrf-token content=token-of-the-head-0001><div id=app></div>";
const FIELD: &str = "<input type=hidden name=_token value=token-of-a-form-0001></form>";

/// The answers of a platform.
#[derive(Clone)]
struct Shape {
    /// Headers and body of the page.
    page: (Vec<&'static str>, String),
    /// Text that a request to log in must have, as a script or a form sends it.
    proof: &'static str,
    /// Headers of the answer to the log-in.
    logged_in: Vec<&'static str>,
}

async fn run(shape: Shape, settings: &'static str) -> Observed {
    let respond = move |request: &str| {
        let head = |status: &str, kind: &str, headers: &[&str]| [&[status, kind][..], headers].concat().join("\r\n");
        match request.split(' ').take(2).collect::<Vec<_>>()[..] {
            ["GET", "/login"] => answer(&head("200 OK", "Content-Type: text/html", &shape.page.0), &shape.page.1),
            ["POST", "/api/login"] if request.contains(shape.proof) => answer(
                &head("200 OK", "Content-Type: application/json", &shape.logged_in),
                r#"{"token":"t0ken-of-an-account"}"#,
            ),
            ["POST", "/api/login"] => answer("419 unknown status\r\nContent-Type: application/json", "{}"),
            _ => answer("401 Unauthorized\r\nContent-Type: application/json", "{}"),
        }
    };
    let server = Server::plain(respond).await;
    let base_url = format!("http://{}", server.address);
    let change = |file: &mut String| {
        use_plain_account(file);
        file.push_str(&format!("\n[platform.login]\n{settings}\n"));
    };
    let harness = Harness::<Login>::behind(Options::default(), change, async |_| base_url).await;
    let observed = harness.run().await;
    drop(server);
    observed
}

fn shape(page: &[&'static str], body: &str, proof: &'static str) -> Shape {
    Shape { page: (page.to_vec(), body.to_owned()), proof, logged_in: vec![SESSION] }
}

#[tokio::test]
async fn token_comes_from_where_the_page_has_it() {
    let form = format!("{POSTED}{FIELD}");
    let by_form = "encoding = 'form'";
    let tenant =
        format!("{POSTED}<input type=hidden name=tenant value=7><input type=checkbox name=remember checked>{FIELD}");
    let multipart = form.replace("<form ", "<form enctype=multipart/form-data ");
    for (case, shape, settings) in [
        ("a cookie", shape(&[SESSION, TOKEN], APP, "x-xsrf-token: token-of-a-cookie-0001"), ""),
        ("a meta tag", shape(&[SESSION], META, "x-csrf-token: token-of-the-head-0001"), ""),
        ("a form", shape(&[SESSION], &form, "_token=token-of-a-form-0001"), by_form),
        (
            "the other inputs of a form",
            shape(&[SESSION], &tenant, "tenant=7&remember=on&_token=token-of-a-form-0001"),
            by_form,
        ),
        (
            "the default button of a form",
            shape(&[SESSION], &format!("{POSTED}<button name=go value=1>In</button>{FIELD}"), "go=1&_token=token-of"),
            by_form,
        ),
        ("a form in parts", shape(&[SESSION], &multipart, "name=\"_token\"\r\n\r\ntoken-of-a-form-0001\r\n"), by_form),
        (
            "a meta tag instead of a hidden cookie",
            shape(&[SESSION, HIDDEN], META, "x-csrf-token: token-of-the-head-0001"),
            "",
        ),
        ("a form of a script", shape(&[SESSION, TOKEN], SCRIPTED, "x-xsrf-token: token-of-a-cookie-0001"), ""),
        ("none for a bearer token", shape(&[], SCRIPTED, "password"), "mode = 'token'"),
        ("none in a posted form", shape(&[], &format!("{POSTED}</form>"), "password"), "mode = 'token'"),
    ] {
        let observed = run(shape, settings).await;
        let steps = (observed.step("open-form"), observed.step("log-in"));
        assert_eq!(steps, (Some("passed"), Some("passed")), "{case}: {:#?}", observed.failures());
    }
}

#[tokio::test]
async fn missing_token_and_refused_cookie_are_named() {
    let unposted = format!("{POSTED}</form>");
    let renewed = |cookie: &'static str| Shape { logged_in: vec![cookie], ..shape(&[SESSION, TOKEN], APP, "") };
    const ELSEWHERE: &str = "Set-Cookie: just_driving_session=session-of-a-page-0002; Path=/; Domain=b.example";
    const INSECURE: &str = "Set-Cookie: XSRF-TOKEN=token-of-a-cookie-0002; SameSite=None";
    for (case, shape, settings, step, said) in [
        ("a posted form without one", shape(&[SESSION, TOKEN], &unposted, ""), "", "open-form", "hidden field _token"),
        (
            "the same, sent as a form",
            shape(&[SESSION, TOKEN], SCRIPTED, ""),
            "encoding = 'form'",
            "open-form",
            "_token",
        ),
        ("no cookie and no form", shape(&[SESSION], APP, ""), "", "open-form", "a cookie XSRF-TOKEN"),
        (
            "a form with a disabled field",
            shape(&[SESSION, TOKEN], &format!("{POSTED}{FIELD}").replace("name=email", "name=email disabled"), ""),
            "encoding = 'form'",
            "open-form",
            "a disabled email, which browsers do not send",
        ),
        (
            "a form that leads elsewhere",
            shape(&[SESSION, TOKEN], &format!("{POSTED}{FIELD}").replace("/api/login", "/sign-in?from=page"), ""),
            "encoding = 'form'",
            "open-form",
            "a form to /sign-in?from=page, not to `platform.login.path`, /api/login",
        ),
        (
            "a form that a policy forbids to send",
            shape(&[SESSION, TOKEN, "Content-Security-Policy: form-action 'none'"], &format!("{POSTED}{FIELD}"), ""),
            "encoding = 'form'",
            "open-form",
            "by the Content-Security-Policy form-action 'none'",
        ),
        (
            "a script that a policy keeps from the platform",
            shape(&[SESSION, TOKEN, "Content-Security-Policy: connect-src 'none'"], APP, ""),
            "",
            "open-form",
            "by the Content-Security-Policy connect-src 'none'",
        ),
        (
            "a page without a referrer",
            shape(&[SESSION, TOKEN, "Referrer-Policy: no-referrer"], APP, "origin: http"),
            "",
            "current-user",
            "has the Referrer-Policy no-referrer, so browsers send neither Referer nor Origin",
        ),
        (
            "no cookie, and a meta tag with a space",
            shape(&[SESSION], "<meta name=csrf-token content='token of-the-head-0002'><div id=app></div>", ""),
            "",
            "open-form",
            "one of 22 bytes with the character U+0020",
        ),
        ("a cookie hidden from scripts", shape(&[SESSION, HIDDEN], APP, ""), "", "open-form", "the attribute HttpOnly"),
        ("a blank page", shape(&[SESSION, TOKEN], "", ""), "", "open-form", "a blank page"),
        ("an error page", shape(&[SESSION, TOKEN], "<h1>Oops</h1>", ""), "", "open-form", "13 bytes without a form"),
        ("no cookies", shape(&[], APP, ""), "", "open-form", "no cookies"),
        ("a refused token", shape(&[SESSION, INSECURE], APP, ""), "", "open-form", "SameSite=None requires"),
        ("a refused session", shape(&[ELSEWHERE, TOKEN], APP, ""), "", "open-form", "its Domain b.example"),
        (
            "a session for another path",
            shape(&["Set-Cookie: just_driving_session=session-of-a-page-0003; Path=/login", TOKEN], APP, ""),
            "",
            "open-form",
            "its Path /login does not include /api/login",
        ),
        ("a session refused at the log-in", renewed(ELSEWHERE), "", "log-in", "its Domain b.example"),
        ("a token refused at the log-in", renewed(INSECURE), "", "log-in", "SameSite=None requires"),
        (
            "a session deleted at the log-in",
            renewed("Set-Cookie: just_driving_session=; Path=/; Max-Age=0"),
            "",
            "log-in",
            "it was deleted, by its Max-Age",
        ),
    ] {
        let observed = run(shape, settings).await;
        let check::Outcome::Failed { failures } = &observed.report.outcome else {
            panic!("{case}: {:#?}", observed.report)
        };
        let failure = &failures[0];
        let text = format!("{} {}", failure.expected, failure.actual);
        assert_eq!(failure.step, step, "{case}: {text}");
        assert!(text.contains(said), "{case}: {text}");
    }
}
