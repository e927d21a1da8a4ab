//! The phase that is slow is the phase that shows it.

use std::time::Duration;

use check::Phases;
use probe::Connections;

use crate::server::*;

const SLOW: Duration = Duration::from_millis(120);

#[tokio::test]
async fn each_delay_shows_in_its_own_phase() {
    let authority = Authority::new();
    for protocol in ["http/1.1", "h2"] {
        for slow in ["dns", "tls", "first byte", "transfer"] {
            // HTTP/2 bodies come from hyper whole.
            if (protocol, slow) == ("h2", "transfer") {
                continue;
            }
            let when = |phase: &str| if phase == slow { SLOW } else { Duration::ZERO };
            let (first_byte, transfer) = (when("first byte"), when("transfer"));
            let config = authority.server("a.test", (2020, 2999), &[protocol]);
            let server = Server::tls(config, when("tls"), move |_| {
                let head = send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
                vec![Act::Wait(first_byte), head, Act::Wait(transfer), send("fine"), Act::KeepAlive]
            })
            .await;
            let client = client_with(&authority.tls(), Connections::Fresh, Names(when("dns")));
            let sent = client.send(get(server.named("https", "a.test", "/"))).await;
            sent.result.unwrap();
            let exchange = &sent.exchanges[0];
            let named = named(&exchange.phases);
            let (longest, took) = named.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            assert_eq!(longest, slow, "{protocol}: {named:?}");
            assert!(took >= 119.0, "{protocol}: {named:?}");
            let sum: f64 = named.iter().map(|(_, took)| took).sum();
            let rest = exchange.duration_ms - sum;
            assert!(
                (-0.1..20.0).contains(&rest),
                "the phases make up the whole: {rest} ms are missing of {exchange:?}"
            );
        }
    }
}

fn named(phases: &Phases) -> [(&'static str, f64); 5] {
    [
        ("dns", phases.dns_ms.unwrap()),
        ("connect", phases.connect_ms.unwrap()),
        ("tls", phases.tls_ms.unwrap()),
        ("first byte", phases.first_byte_ms.unwrap()),
        ("transfer", phases.transfer_ms.unwrap()),
    ]
}

#[tokio::test]
async fn concurrent_exchanges_do_not_mix_their_phases() {
    let authority = Authority::new();
    let quick = Server::tls(authority.server("a.test", (2020, 2999), &[]), Duration::ZERO, |_| ok()).await;
    let slow = Server::tls(authority.server("a.test", (2020, 2999), &[]), SLOW, |_| ok()).await;
    let client = client_with(&authority.tls(), Connections::Reused, Names(Duration::ZERO));
    let (one, other) = tokio::join!(
        client.send(get(quick.named("https", "a.test", "/"))),
        client.send(get(slow.named("https", "a.test", "/"))),
    );
    assert!(one.exchanges[0].phases.tls_ms.unwrap() < 100.0, "{:?}", one.exchanges);
    assert!(other.exchanges[0].phases.tls_ms.unwrap() >= 119.0, "{:?}", other.exchanges);
}

#[tokio::test]
async fn a_connection_taken_over_while_connecting_counts_as_kept() {
    let authority = Authority::new();
    let connections = std::sync::atomic::AtomicUsize::new(0);
    // The first connection answers slowly; the second request starts to connect, with a slow resolver, and is given the
    // first connection as soon as that is idle.
    let server = Server::tls(authority.server("a.test", (2020, 2999), &["http/1.1"]), Duration::ZERO, move |_| {
        let first = connections.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        let mut script = ok();
        script.insert(0, Act::Wait(if first { SLOW } else { Duration::ZERO }));
        script
    })
    .await;
    let client = client_with(&authority.tls(), Connections::Reused, Names(SLOW * 2));
    let url = server.named("https", "a.test", "/");
    let second = async {
        tokio::time::sleep(SLOW * 5 / 2).await;
        client.send(get(url.clone())).await
    };
    let (_, second) = tokio::join!(client.send(get(url.clone())), second);
    second.result.unwrap();
    let phases = &second.exchanges[0].phases;
    assert!(phases.dns_ms.is_none() && phases.tls_ms.is_none(), "{phases:?}");
    assert!(phases.first_byte_ms.unwrap() < 200.0, "{phases:?}");
    assert_eq!(server.requests().len(), 2);
}
