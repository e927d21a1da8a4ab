//! HTTP: faults 20 to 22, 26, 27, 35 and 36.

use std::time::Duration;

use hostile::{Action, answer, ok, send};

use super::case::{Case, Content, Expect::*};
use super::stage::Stage;

const SLOW: Duration = Duration::from_millis(300);

pub(super) async fn cases(stage: &mut Stage) -> Vec<Case> {
    let mut cases = slow(stage).await;
    cases.extend(headers(stage).await);
    cases.extend(statuses(stage).await);
    cases
}

async fn slow(stage: &mut Stage) -> Vec<Case> {
    let endless = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    vec![
        stage
            .plain(
                20,
                "slow first byte",
                "reads the request and never answers",
                |_| vec![Action::Hang],
                Failed("timeout", "still waiting for the first byte"),
            )
            .await
            .named_by(&["first byte", "awaiting headers", "with 0 bytes received"]),
        stage
            .plain(
                21,
                "slow-loris headers",
                "sends one header byte every 300 ms",
                |_| vec![send("HTTP/1.1 200 OK\r\nX-Slow: "), Action::Drip(b"a".to_vec(), SLOW)],
                Failed("timeout", "still waiting for the first byte"),
            )
            .await
            .named_by(&["first byte", "awaiting headers", "with 0 bytes received"]),
        stage
            .plain(
                22,
                "dripping body",
                "sends a body of 1 MB at one byte every 300 ms",
                move |_| vec![send(endless), Action::Drip(b"a".to_vec(), SLOW)],
                Failed("timeout", "still reading the body"),
            )
            .await
            .named_by(&["reading the body", "reading body", "out of 1000000 bytes"]),
    ]
}

async fn headers(stage: &mut Stage) -> Vec<Case> {
    let flood = |count: usize, size: usize| {
        let lines: String = (0..count).map(|i| format!("X-{i}: {}\r\n", "a".repeat(size))).collect();
        let head = send(format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 0\r\n\r\n"));
        move |_: &str| vec![head.clone(), Action::KeepAlive]
    };
    let too_large = Failed("protocol", "headers larger or more than allowed");
    let not_http = Failed("protocol", "bytes that are not HTTP");
    let malformed = Failed("protocol", "a malformed header line");
    let many: &[&str] = &["header", "too large"];
    let odd: &[&str] = &["not http", "malformed", "invalid", "header"];
    let endless = |_: &str| vec![send("HTTP/1.1 200 OK\r\n"), Action::Repeat(b"X: a\r\n".repeat(1_000))];
    vec![
        stage.plain(26, "header of 10 MB", "one header of 10 MB", flood(1, 10_000_000), too_large).await.named_by(many),
        stage.plain(26, "10,000 headers", "10,000 short headers", flood(10_000, 1), too_large).await.named_by(many),
        stage
            .plain(26, "endless headers", "sends headers until the client disconnects", endless, too_large)
            .await
            .named_by(many),
        stage
            .plain(
                27,
                "header name with a NUL",
                "a header `X\\0: a`",
                |_| vec![send("HTTP/1.1 200 OK\r\nX\0: a\r\nContent-Length: 0\r\n\r\n"), Action::Hang],
                malformed,
            )
            .await
            .named_by(odd),
        stage
            .plain(
                27,
                "header value with a NUL",
                "a header `X: a\\0`",
                |_| vec![send("HTTP/1.1 200 OK\r\nX: a\0\r\nContent-Length: 0\r\n\r\n"), Action::Hang],
                malformed,
            )
            .await
            .named_by(odd),
        stage
            .plain(
                27,
                "another protocol",
                "sends an SSH banner",
                |_| vec![send("SSH-2.0-OpenSSH_9.2\r\n\r\n"), Action::Hang],
                not_http,
            )
            .await
            .named_by(&["not http", "malformed", "http/0.9"]),
    ]
}

async fn statuses(stage: &mut Stage) -> Vec<Case> {
    let status = |head: &'static str| move |_: &str| answer(head, "");
    let bare = |head: &'static str| move |_: &str| vec![send(format!("HTTP/1.1 {head}\r\n\r\n")), Action::KeepAlive];
    let unknown = |_: &str| answer("999 Who Knows", "{}");
    let hints =
        |_: &str| [vec![send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")], ok()].concat();
    let endless = |_: &str| vec![Action::Drip(b"HTTP/1.1 100 Continue\r\n\r\n".repeat(100), Duration::from_millis(1))];
    vec![
        stage
            .plain(35, "204 instead of 200", "204 No Content", bare("204 No Content"), Failed("status", "204"))
            .await
            .named_by(&["204"]),
        stage
            .plain(35, "304 not requested", "304 Not Modified", bare("304 Not Modified"), Failed("status", "304"))
            .await
            .named_by(&["304"]),
        stage
            .plain(
                35,
                "101 not requested",
                "101 Switching Protocols",
                bare("101 Switching Protocols\r\nUpgrade: other\r\nConnection: upgrade"),
                Failed("status", "101"),
            )
            .await
            .named_by(&["101"]),
        stage.plain(35, "unknown status", "999 Who Knows", unknown, Failed("status", "999")).await.named_by(&["999"]),
        stage
            .plain(35, "103, then 200", "103 Early Hints before the answer", hints, Passed)
            .await
            .with_content(Content::Text("fine")),
        stage
            .plain(
                35,
                "endless 100 Continue",
                "sends interim answers until the client disconnects",
                endless,
                Failed("timeout", "still waiting for the first byte"),
            )
            .await
            .named_by(&["first byte", "1xx", "awaiting headers"]),
        stage
            .plain(
                36,
                "429 with Retry-After beyond the run",
                "429, Retry-After: 3600",
                status("429 Too Many Requests\r\nRetry-After: 3600"),
                Failed("status", "429"),
            )
            .await
            .named_by(&["429"]),
        stage
            .plain(
                36,
                "503 with Retry-After within the run",
                "503, Retry-After: 2",
                status("503 Service Unavailable\r\nRetry-After: 2"),
                Failed("status", "503"),
            )
            .await
            .named_by(&["503"]),
    ]
}
