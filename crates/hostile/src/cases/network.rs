//! Names, addresses and connections: faults 1 to 10.

use std::sync::Arc;
use std::time::Duration;

use hostile::{ConnectionBehavior, Server, ok, send};

use super::case::{Case, Expect::*};
use super::stage::{Stage, url};
use crate::host::PUBLIC;
use crate::names::ZONE;

pub(super) async fn cases(stage: &mut Stage) -> Vec<Case> {
    let name = |label: &str, port: u16| format!("http://{label}.{ZONE}:{port}/");
    let mut cases =
        vec![
            Case::at(1, "NXDOMAIN", "the name does not exist", name("nobody", 80), Failed("dns", "not known"))
                .named_by(&["resolve", "no such host", "not known"]),
            Case::at(
                2,
                "resolver timeout",
                "the name server does not answer",
                name("silent", 80),
                Failed("timeout", "still resolving the name"),
            )
            .named_by(&["resolv", "lookup"]),
        ];
    let alive = stage.start(ConnectionBehavior::default(), |_| ok()).await;
    let dead_6 = Case::at(
        3,
        "IPv6 dead, IPv4 alive",
        "an AAAA record of an unreachable address, tried first, and a working A record",
        url("http", "dead-ipv6", &alive),
        Passed,
    );
    // RFC 8305, section 5: the client tries the next address after 250 ms.
    cases.push(Case { resources: vec![alive], at_least: Duration::from_millis(250), ..dead_6 });
    cases.push(
        Case::at(
            4,
            "connection refused",
            "a port without a listener",
            name("plain", 19_999),
            Failed("connect", "the connection was refused"),
        )
        .named_by(&["refused", "couldn't connect"]),
    );
    cases.push(
        Case::at(
            5,
            "SYN black hole",
            "drops all packets",
            name("black-hole", 80),
            Failed("timeout", "still connecting"),
        )
        .named_by(&["connecting", "dial tcp", "connection timed out"]),
    );
    let at_once = ConnectionBehavior { reset: true, first: vec![send("")], ..ConnectionBehavior::default() };
    let reset: Server = Server::start((PUBLIC, 19_998).into(), at_once, |_| ok()).await;
    let case = Case::at(
        6,
        "RST after connect",
        "accepts and resets",
        url("http", "plain", &reset),
        Failed("connect", "reset"),
    );
    cases.push(Case { resources: vec![Arc::new(reset)], ..case }.named_by(&["reset"]));
    let mid_headers = stage
        .start(ConnectionBehavior { reset: true, ..ConnectionBehavior::default() }, |_| {
            vec![send("HTTP/1.1 200 OK\r\nX-"), hostile::Action::Wait(Duration::from_millis(50))]
        })
        .await;
    let case = Case::at(
        7,
        "RST within the headers",
        "resets after half a header",
        url("http", "plain", &mid_headers),
        Failed("connect", "reset"),
    );
    cases.push(Case { resources: vec![mid_headers], ..case }.named_by(&["reset"]));
    cases.extend([
        stage
            .plain(
                8,
                "closed before a response",
                "reads the request and closes",
                |_| Vec::new(),
                Failed("connect", "closed before a response"),
            )
            .await
            .named_by(&["closed", "empty reply", "eof"]),
        stage
            .plain(
                9,
                "truncated body with a length",
                "promises 9 bytes, sends 4",
                |_| vec![send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabcd")],
                Failed("body", "cut short after 4 bytes"),
            )
            .await
            .named_by(&["cut short", "outstanding read", "unexpected eof", "remaining"]),
        stage
            .plain(
                10,
                "truncated chunked body",
                "closes without the last chunk",
                |_| vec![send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n")],
                Failed("body", "cut short after 4 bytes"),
            )
            .await
            .named_by(&["cut short", "outstanding read", "unexpected eof", "remaining", "transfer closed"]),
    ]);
    cases
}
