//! Redirects: faults 23 to 25.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use hostile::{Action, ConnectionBehavior, answer, ok};

use super::case::{Case, Expect::*};
use super::stage::{Stage, server_at, url};
use crate::host::{INSIDE, METADATA};
use crate::names::ZONE;

const METADATA_TEXT: &str = "a redirect to 169.254.169.254 (link-local)";

/// Answer with a redirect to this location.
fn to(location: &str) -> Vec<Action> {
    answer(&format!("302 Found\r\nLocation: {location}"), "")
}

pub(super) async fn cases(stage: &mut Stage) -> Vec<Case> {
    let mut cases = vec![
        stage
            .plain(
                23,
                "redirect loop",
                "/ redirects to /b, and /b to /",
                |request| if request.starts_with("GET /b") { to("/") } else { to("/b") },
                Failed("redirect", "back at GET"),
            )
            .await
            .named_by(&["redirect", "back at"]),
        stage
            .plain(
                23,
                "endless redirects",
                "each path redirects to a longer one",
                |request| to(&format!("{}x", request.split(' ').nth(1).unwrap_or("/"))),
                Failed("redirect", "one more, to"),
            )
            .await
            .named_by(&["redirect", "one more"]),
    ];

    let plain = stage.start(ConnectionBehavior::default(), |_| ok()).await;
    let down = url("http", "tls", &plain);
    let config = stage.authority.server(&format!("tls.{ZONE}"), (2020, 2999), &[]);
    let how = ConnectionBehavior { tls: Some((Arc::new(config), Duration::ZERO)), ..ConnectionBehavior::default() };
    let server = stage.start(how, move |_| to(&down)).await;
    let case = Case::at(
        24,
        "redirect from https to http",
        "an HTTPS page that redirects to plain HTTP",
        url("https", "tls", &server),
        Failed("redirect", "from https to plain http"),
    );
    cases.push(Case { resources: vec![server], forbidden: Some(plain), ..case }.named_by(&[
        "https to",
        "protocol \"http\"",
        "over ssl",
    ]));

    // The settings allow all of these hosts, so only the check of the addresses can refuse them.
    let (metadata, inside) = (server_at(METADATA, 80).await, server_at(INSIDE, 80).await);
    let loopback = server_at(Ipv4Addr::LOCALHOST, 80).await;
    for (fault, location, text, forbidden) in [
        ("redirect to the metadata service", "http://169.254.169.254/latest/", METADATA_TEXT, &metadata),
        ("redirect to the metadata service as one number", "http://2852039166/latest/", METADATA_TEXT, &metadata),
        (
            "redirect to the metadata service as IPv4-mapped IPv6",
            "http://[::ffff:a9fe:a9fe]/latest/",
            METADATA_TEXT,
            &metadata,
        ),
        ("redirect to this machine", "http://127.0.0.1/", "a redirect to 127.0.0.1 (loopback)", &loopback),
        ("redirect to a private address", "http://10.1.2.3/", "a redirect to 10.1.2.3 (private)", &inside),
        ("redirect to a name with a private address", "http://inside.hostile.example/", "10.1.2.3 (private)", &inside),
    ] {
        let case = stage
            .plain(25, fault, "redirects to a non-public address", move |_| to(location), Failed("redirect", text))
            .await;
        cases.push(Case { forbidden: Some(forbidden.clone()), ..case }.named_by(&[
            "(link-local)",
            "(loopback)",
            "(private)",
            "not allowed",
        ]));
    }
    cases
}
