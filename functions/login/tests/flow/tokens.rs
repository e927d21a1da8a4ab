//! Bearer tokens in other places and forms than the settings expect: none is quoted, and none is forgotten.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use check::Outcome;
use check_testkit::{Harness, Observed};
use demo_platform::Options;
use hostile::{Server, answer};
use login::Login;

use crate::flavours::use_plain_account;

const TOKEN: &str = "7|Zx9QwErTyUiOpAsDfGhJkLzXcVbNm0123456789";
const OK: &str = "200 OK\r\nContent-Type: application/json";
/// Stands for no answer: the connection closes.
const LOST: &str = "";
const UNKNOWN: &str = "401 Unauthorized\r\nContent-Type: application/json";

/// A run at a server that answers the correct password so, everything that the run said, and the number of log-outs with the token.
struct Logged {
    observed: Observed,
    output: String,
    log_outs: usize,
}

/// Runs with an account with or without a second factor. The answer to the password, or to the code, is the given one.
async fn run(head: &'static str, body: String, has_second_factor: bool) -> Logged {
    let log_outs = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&log_outs);
    let respond = move |request: &str| {
        let is_ours = request.contains(TOKEN);
        match request.split(' ').take(2).collect::<Vec<_>>()[..] {
            ["POST", "/api/login"] if request.contains("wrong-on-purpose") => {
                answer("422 Unprocessable Content\r\nContent-Type: application/json", "{}")
            }
            ["POST", "/api/login"] if has_second_factor => answer(OK, r#"{"two_factor":true}"#),
            ["POST", "/api/two-factor-challenge"] if head == LOST => Vec::new(),
            ["POST", "/api/login" | "/api/two-factor-challenge"] => answer(head, &body),
            ["POST", "/api/logout"] if is_ours => {
                seen.fetch_add(1, Ordering::Relaxed);
                answer("204 No Content", "")
            }
            ["GET", "/login"] => answer("404 Not Found", ""),
            _ => answer(UNKNOWN, r#"{"message":"Unauthenticated."}"#),
        }
    };
    let server = Server::plain(respond).await;
    let base_url = format!("http://{}", server.address);
    let change = |file: &mut String| {
        if !has_second_factor {
            use_plain_account(file);
        }
        file.push_str("\n[platform.login]\nmode = \"token\"\n");
    };
    let harness = Harness::<Login>::behind(Options::default(), change, async |_| base_url).await;
    let observed = harness.run().await;
    drop(server);
    let report = serde_json::to_string(&observed.report).unwrap();
    let output = format!("{observed:?} {report} {:?}", harness.memory.take_sent());
    Logged { observed, output, log_outs: log_outs.load(Ordering::Relaxed) }
}

#[tokio::test]
async fn unread_token_is_reported_as_a_leftover_and_not_quoted() {
    let member = |name: &str, value: &str| serde_json::json!({ name: value }).to_string();
    let long = TOKEN.repeat(300);
    for (case, head, body, second_factor) in [
        ("in another member", OK, member("access_token", TOKEN), false),
        ("in a member without a meaning", OK, member("result", TOKEN), false),
        ("in a list", OK, format!("[{}]", member("token", TOKEN)), false),
        ("as the whole body", OK, format!("\"{TOKEN}\""), false),
        ("in an object", OK, format!(r#"{{"token":{{"value":"{TOKEN}"}}}}"#), false),
        ("in a page", "200 OK\r\nContent-Type: text/html", format!("<p>Your token is {TOKEN}.</p>"), false),
        ("too long", OK, member("token", &long), false),
        ("with a line break", OK, member("token", &format!("{TOKEN}\n")), false),
        ("with a line break within", OK, member("token", &format!("{TOKEN}\r\n{TOKEN}")), false),
        ("beyond ASCII", OK, member("token", &format!("t\u{f8}ken-{TOKEN}")), false),
        ("with another status", "201 Created\r\nContent-Type: application/json", member("result", TOKEN), false),
        (
            "in a redirect",
            "302 Found\r\nLocation: /signed-in/7|Zx9QwErTyUiOpAsDfGhJkLzXcVbNm0123456789",
            String::new(),
            false,
        ),
        ("in the answer to a code", OK, member("result", TOKEN), true),
    ] {
        let Logged { observed, output, log_outs } = run(head, body, second_factor).await;
        let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{case}: {:#?}", observed.report) };
        let step = if second_factor { "second-factor" } else { "log-in" };
        assert_eq!(failures[0].step, step, "{case}: {failures:?}");
        assert!(!output.contains("Zx9QwErTyUiOp"), "{case}: the token is in {output}");
        let [leftover] = &observed.report.leftovers[..] else { panic!("{case}: {:#?}", observed.report.leftovers) };
        let instructions = leftover.instructions.as_deref().unwrap_or_default();
        assert!(leftover.detail.contains("may hold a token that was not read"), "{case}: {leftover:?}");
        assert!(instructions.contains("delete the account's sessions and tokens"), "{case}: {leftover:?}");
        assert_eq!(log_outs, 0, "{case}");
    }
}

#[tokio::test]
async fn token_that_cannot_be_sent_fails_the_log_in() {
    for (case, token, actual) in [
        ("empty", String::new(), "an empty text"),
        ("blank", " ".to_owned(), "nothing but white space"),
        ("with a line break", format!("{TOKEN}\n"), "one of 42 bytes with a line break (U+000A)"),
    ] {
        let body = serde_json::json!({ "token": token }).to_string();
        let Logged { observed, output, .. } = run(OK, body, false).await;
        let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{case}: {:#?}", observed.report) };
        assert_eq!((failures.len(), failures[0].step.as_str()), (1, "log-in"), "{case}: {failures:?}");
        assert!(failures[0].expected.starts_with("a bearer token at /token that a header can hold"), "{failures:?}");
        assert_eq!(failures[0].actual.as_str(), actual, "{case}");
        assert!(!output.contains("Zx9QwErTyUiOp"), "{case}: the token is in {output}");
        // Even then, the platform may have stored one.
        assert_eq!(observed.report.leftovers.len(), 1, "{case}");
    }
}

#[tokio::test]
async fn token_of_an_unexpected_status_is_ended() {
    let body = || serde_json::json!({ "token": TOKEN }).to_string();
    for (head, step) in [(OK, "current-user"), ("201 Created\r\nContent-Type: application/json", "log-in")] {
        let Logged { observed, output, log_outs } = run(head, body(), false).await;
        let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
        assert_eq!(failures[0].step, step, "{failures:?}");
        assert!(!output.contains("Zx9QwErTyUiOp"), "the token is in {output}");
        assert_eq!((log_outs, &observed.report.leftovers[..]), (1, &[][..]), "{head}");
    }
}

/// The platform may have issued a token in an answer that was lost.
#[tokio::test]
async fn lost_answer_to_a_code_is_reported_as_a_leftover() {
    let Logged { observed, .. } = run(LOST, String::new(), true).await;
    assert_eq!(observed.step("second-factor"), Some("failed"), "{:#?}", observed.report);
    let [leftover] = &observed.report.leftovers[..] else { panic!("{:#?}", observed.report.leftovers) };
    assert!(leftover.detail.contains("it may have issued a token"), "{leftover:?}");
}

/// A refused password leaves nothing behind, whatever its answer looks like.
#[tokio::test]
async fn refusal_leaves_no_token() {
    let refused = format!("{{\"message\":\"These credentials do not match\",\"request\":\"{TOKEN}\"}}");
    let Logged { observed, .. } =
        run("422 Unprocessable Content\r\nContent-Type: application/json", refused, false).await;
    assert_eq!(observed.step("log-in"), Some("failed"));
    assert_eq!(observed.report.leftovers, []);
}
