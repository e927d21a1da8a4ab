//! Log-ins that answer with a redirect to the same page, whether the password is right or wrong: the session decides.

use check_testkit::{Harness, Observed};
use demo_platform::Options;
use hostile::{Server, answer};
use login::Login;

use crate::flavours::use_plain_account;

const PAGE: &str = "<form method=post action=/api/login><input name=email><input type=password name=password>\
                    <input type=hidden name=_token value=token-of-a-form-0001></form>";

/// Runs the check against a platform that takes these passwords and answers to all others in the same way.
async fn run(settings: &'static str, is_right: fn(&str) -> bool, to: &'static str) -> Observed {
    let respond = move |request: &str| {
        let cookie = |value: &str| format!("Set-Cookie: just_driving_session={value}; Path=/");
        match request.split(' ').take(2).collect::<Vec<_>>()[..] {
            ["GET", "/login" | "/"] => {
                let session = cookie("session-of-a-stranger");
                answer(&format!("200 OK\r\nContent-Type: text/html\r\n{session}"), PAGE)
            }
            ["POST", "/api/login"] => {
                let session = cookie(if is_right(request) { "session-of-a-user" } else { "session-of-nobody" });
                answer(&format!("302 Found\r\nLocation: {to}\r\n{session}"), "")
            }
            ["GET", "/api/me"] if request.contains("session-of-a-user") => {
                answer("200 OK\r\nContent-Type: application/json", r#"{"id":1}"#)
            }
            _ => answer("401 Unauthorized\r\nContent-Type: application/json", "{}"),
        }
    };
    let server = Server::plain(respond).await;
    let base_url = format!("http://{}", server.address);
    let change = |file: &mut String| {
        use_plain_account(file);
        file.push_str(&format!("\n[platform.login]\nencoding = 'form'\n{settings}\n"));
    };
    let harness = Harness::<Login>::behind(Options::default(), change, async |_| base_url).await;
    let observed = harness.run().await;
    drop(server);
    observed
}

#[tokio::test]
async fn session_decides_where_all_passwords_lead_to_one_page() {
    let only_right: fn(&str) -> bool = |request| !request.contains("wrong-on-purpose");
    for (case, settings, is_right, to, expected) in [
        ("to the front page", "status = [302]", only_right, "/", ["passed", "passed", "passed"]),
        ("to another page", "status = [302]", only_right, "/home?failed", ["passed", "passed", "passed"]),
        (
            "to the form on the front page",
            "status = [302]\nform = '/'",
            only_right,
            "/",
            ["passed", "passed", "passed"],
        ),
        ("all are refused", "status = [302]", |_| false, "/", ["failed", "passed", "passed"]),
        ("all are taken", "status = [302]", |_| true, "/", ["passed", "failed", "skipped"]),
        ("all are refused, with another status", "", |_| false, "/", ["failed", "passed", "passed"]),
    ] {
        let observed = run(settings, is_right, to).await;
        let steps = ["log-in", "wrong-password", "no-session"].map(|step| observed.step(step).unwrap_or("skipped"));
        assert_eq!(steps, expected, "{case}: {:#?}", observed.failures());
    }
    let observed = run("status = [302]", |_| false, "/").await;
    let check::Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    let failure = failures.iter().find(|failure| failure.step.as_str() == "log-in").unwrap();
    assert_eq!(failure.actual.as_str(), "302 to /, and no session after it");
}
