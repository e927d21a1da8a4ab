//! Limits on time and bytes against hostile targets.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use check::FailureKind::{Body, Timeout};
use check::NoSecrets;
use probe::expect::{WantedForm, form};
use probe::{Connections, Method, Request};

use crate::server::*;

const DEADLINE: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn deadline_interrupts_every_phase() {
    let authority = Authority::generate();
    let fast = Names(Duration::ZERO);
    let silent_tls = Server::tls(authority.server("a.test", (2020, 2999), &[]), LONG, |_| ok()).await;
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    let silent = Server::plain(|_| vec![Action::Hang]).await;
    let trickle = Server::plain(move |_| vec![send("HTTP/1.1 200 OK\r\n"), Action::Wait(LONG)]).await;
    let stuck = Server::plain(move |_| vec![send(head), send("abcd"), Action::Hang]).await;
    let drip = Server::plain(|_| {
        let piece = [send("1\r\na\r\n"), Action::Wait(Duration::from_millis(10))];
        [
            vec![send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")],
            std::iter::repeat_n(piece, 500).flatten().collect(),
        ]
        .concat()
    })
    .await;
    for (case, url, names, phase) in [
        ("a slow resolver", at(&silent, "http", "a.test", "/"), Names(LONG), "still resolving the name after"),
        ("a slow handshake", at(&silent_tls, "https", "a.test", "/"), fast, "still in the TLS handshake after"),
        ("no response", url(&silent, "/"), Names(LONG), "still waiting for the first byte after"),
        ("headers that do not end", url(&trickle, "/"), Names(LONG), "still waiting for the first byte after"),
        ("a body that stops", url(&stuck, "/"), Names(LONG), "still reading the body after"),
        ("a body that drips", url(&drip, "/"), Names(LONG), "still reading the body after"),
    ] {
        let client = client_with(&trusting(&authority), Connections::Fresh, names);
        let started = Instant::now();
        let sent = client.send(get(url).deadline(DEADLINE)).await;
        assert!(started.elapsed() < Duration::from_secs(5), "{case} was not interrupted");
        let error = sent.result.expect_err(case);
        assert!(error.is_retryable(), "{case}: {error:?}");
        let failed = shown(&client, error);
        assert_eq!(failed.kind, Timeout, "{case}: {failed:?}");
        assert!(failed.actual.starts_with(phase), "{case}: {failed:?}");
        // On a busy machine part of the deadline passes before the exchange begins.
        assert!(sent.exchanges[0].duration_ms >= 200.0, "{case}: {:?}", sent.exchanges);
    }
    for server in [silent, trickle, stuck, drip] {
        assert_eq!(server.requests().len(), usize::from(server.connections() > 0), "a request was retried");
    }
}

#[tokio::test]
async fn deadline_covers_all_hops() {
    let server = Server::plain(|request| {
        let n = request.split(['/', ' ']).nth(2).and_then(|n| n.parse::<u32>().ok()).unwrap_or_default();
        let mut script = answer(&format!("302 Found\r\nLocation: /{}", n + 1), "");
        script.insert(0, Action::Wait(Duration::from_millis(120)));
        script
    })
    .await;
    let client = client(&tls());
    let sent = client.send(get(url(&server, "/1")).deadline(DEADLINE)).await;
    let failed = shown(&client, sent.result.unwrap_err());
    assert_eq!(failed.kind, Timeout);
    assert!((2..=3).contains(&sent.exchanges.len()), "{:?}", sent.exchanges);
}

#[tokio::test]
async fn body_is_read_up_to_its_cap() {
    let server = Server::plain(|_| answer("200 OK", "a".repeat(1000))).await;
    let client = client(&tls());
    assert_eq!(client.send(get(url(&server, "/")).body_cap(1000)).await.result.unwrap().body.len(), 1000);
    let failed = failure(&client, get(url(&server, "/")).body_cap(999), Body).await;
    assert_eq!(failed.expected, "a body of at most 999 bytes");

    let endless = Server::plain(|_| vec![send("HTTP/1.1 200 OK\r\n\r\n"), Action::Repeat(vec![b'a'; 8192])]).await;
    let sent = client.send(get(url(&endless, "/"))).await;
    assert_eq!(sent.result.unwrap_err().kind(), Some(Body));
    assert!(sent.exchanges[0].body_bytes < 3 * 1024 * 1024, "{:?}", sent.exchanges);
    // Reading stops, and the connection is closed.
    endless.idle().await;

    // A gzip header, followed by an endless sequence of empty blocks: the limit is also one of bytes that arrive.
    let empty_blocks = Server::plain(|_| {
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
        let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
        vec![send(head), send(gzip), Action::Repeat([0, 0, 0, 0xff, 0xff].repeat(2000))]
    })
    .await;
    let failed = failure(&client, get(url(&empty_blocks, "/")), Body).await;
    assert_eq!(failed.actual, "more, after 2097152 bytes were read");
    empty_blocks.idle().await;
}

#[tokio::test]
async fn decompression_bomb_stays_within_the_cap() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    (0..128).try_for_each(|_| encoder.write_all(&[0; 1024 * 1024])).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 1024 * 1024, "{} bytes that would become 128 MiB", bomb.len());
    let server = Server::plain(move |_| answer("200 OK\r\nContent-Encoding: gzip", &bomb)).await;
    let before = peak_memory();
    let sent = client(&tls()).send(get(url(&server, "/"))).await;
    assert_eq!(sent.result.unwrap_err().kind(), Some(Body));
    let read = sent.exchanges[0].body_bytes;
    assert!(read == 2 * 1024 * 1024, "{read} bytes were decoded");
    if let (Some(before), Some(after)) = (before, peak_memory()) {
        let more = after.saturating_sub(before);
        assert!(more < 64 * 1024, "{more} kB more at the peak");
    }
}

#[tokio::test]
async fn hostile_pages_take_linear_time_and_little_memory() {
    let open: String = (0..3_000).map(|index| format!("<b {index}>")).collect();
    let attributes: String = (0..60_000).map(|index| format!(" a{index}=b")).collect();
    for (case, page) in [
        ("elements that a parser reopens in each paragraph", format!("<p>{open}{}", "<p>x".repeat(6_000))),
        ("nested without end", "<div>".repeat(400_000)),
        ("tables in tables", "<table><tr><td>".repeat(130_000)),
        ("a tag with many attributes", format!("<p{attributes}>")),
        ("fields without end", "<input name=a&amp;b value=c>".repeat(70_000)),
        ("comments that do not end", "<!--".repeat(500_000)),
        ("invalid end tags", "<title>".to_owned() + &"</t".repeat(600_000)),
        ("scripts in scripts", "<script><!--".to_owned() + &"<script".repeat(250_000)),
        ("unclosed quotes", "<a b='".repeat(300_000)),
    ] {
        assert!(page.len() < 2 * 1024 * 1024, "{case} exceeds the cap");
        let page = format!("<form>{page}");
        let server = Server::plain(move |_| answer("200 OK\r\nContent-Type: text/html", &page)).await;
        let response = client(&tls()).send(get(url(&server, "/"))).await.result.unwrap();
        let (before, started) = (peak_memory(), Instant::now());
        let actual = form(&response, &WantedForm::with_token("_token")).unwrap_err().actual.admit(&NoSecrets, 200);
        let took = started.elapsed();
        // Quadratic time would take minutes.
        assert!(took < Duration::from_secs(20), "{case}: {took:?}");
        assert!(actual.starts_with("a form without fields") || actual == "more than 1000 fields", "{case}: {actual}");
        if let (Some(before), Some(after)) = (before, peak_memory()) {
            // The limit is generous, since other tests run in the same process.
            let more = after.saturating_sub(before);
            assert!(more < 64 * 1024, "{case}: {more} kB more at the peak");
        }
    }
}

/// Peak memory of this process. The kernel counts it only approximately, so it may seem to shrink. **Units:** kilobytes.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[tokio::test]
async fn compressed_bodies_are_decoded() {
    let server = Server::plain(|request| {
        assert!(request.contains("accept-encoding: gzip, deflate, br"), "{request}");
        answer("200 OK\r\nContent-Encoding: gzip", compressed("Kørelærer".as_bytes()))
    })
    .await;
    let response = client(&tls()).send(get(url(&server, "/"))).await.result.unwrap();
    assert_eq!(response.text(), "Kørelærer");
    assert_eq!(response.header("content-encoding"), Some("gzip"), "headers are as they arrived");
    let arrived = compressed("Kørelærer".as_bytes()).len().to_string();
    assert_eq!(response.header("content-length"), Some(arrived.as_str()));
}

#[tokio::test]
async fn bodiless_responses_end_after_the_headers() {
    let client = client(&tls());
    for (method, head) in [
        (Method::HEAD, "200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99"),
        (Method::GET, "204 No Content"),
        (Method::GET, "304 Not Modified\r\nContent-Encoding: gzip"),
    ] {
        let head = format!("HTTP/1.1 {head}\r\n\r\n");
        let server = Server::plain(move |_| vec![send(&head), Action::Hang]).await;
        let response = client.send(Request::new(method, url(&server, "/"))).await.result.unwrap();
        assert!(response.body.is_empty());
    }
}

#[tokio::test]
async fn three_hundred_header_lines_are_read() {
    let authority = Authority::generate();
    for protocol in ["http/1.1", "h2"] {
        // Both protocols add lines, such as Date.
        let lines: String = (1..=290).map(|number| format!("\r\nX-{number}: {}", "a".repeat(100))).collect();
        let config = authority.server("a.test", (2020, 2999), &[protocol]);
        let server = Server::tls(config, Duration::ZERO, move |_| answer(&format!("200 OK{lines}"), "fine")).await;
        let response =
            client(&trusting(&authority)).send(get(at(&server, "https", "a.test", "/"))).await.result.unwrap();
        assert_eq!(response.header("x-290").map(str::len), Some(100), "{protocol}");
    }
}

#[tokio::test]
async fn headers_are_read_as_browsers_do() {
    let server = Server::plain(|_| {
        let head = "200 OK\r\nX-Space : a\r\nX-Fold: b;\r\n  c\r\nLocation: /k\u{f8}re";
        answer(head, "")
    })
    .await;
    let response = client(&tls()).send(get(url(&server, "/"))).await.result.unwrap();
    assert_eq!((response.header("x-space"), response.header("x-fold")), (Some("a"), Some("b; c")));
    assert_eq!(response.location().unwrap().path(), "/k%C3%B8re");
}
