//! Attribution of delays to phases.

use std::{
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::Duration,
};

use check::NoSecrets;
use probe::Connections;

use crate::{
    reference::{DELAY, PHASES, Reference, named},
    server::*,
};

const SLOW: Duration = Duration::from_millis(500);

/// The reference server delays one phase by a second or more.
#[tokio::test(flavor = "multi_thread")]
async fn delay_shows_in_its_own_phase() {
    let cases = ["http/1.1", "h2"].into_iter().flat_map(|protocol| PHASES.map(|slow| (protocol, slow)));
    // hyper delivers HTTP/2 bodies as a whole.
    let cases = cases.filter(|case| *case != ("h2", "transfer"));
    let exchanges = futures::future::join_all(cases.map(async |(protocol, slow)| {
        let reference = Reference::start(slow, protocol).await;
        (protocol, slow, reference.exchange().await)
    }));
    for (protocol, slow, exchange) in exchanges.await {
        let phases = named(&exchange.phases);
        let (longest, took) = phases.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        assert_eq!(longest, slow, "{protocol}: {phases:?}");
        assert!(took >= DELAY.as_secs_f64() * 1e3, "{protocol}: {phases:?}");
        let sum: f64 = phases.iter().map(|(_, took)| took).sum();
        let rest = exchange.duration_ms - sum;
        assert!((-0.1..exchange.duration_ms / 4.0).contains(&rest), "{rest} ms are in no phase of {exchange:?}");
    }
}

#[tokio::test]
async fn concurrent_exchanges_keep_their_phases_apart() {
    let authority = Authority::generate();
    let quick = Server::tls(authority.server("a.test", (2020, 2999), &[]), Duration::ZERO, |_| ok()).await;
    let slow = Server::tls(authority.server("a.test", (2020, 2999), &[]), SLOW, |_| ok()).await;
    let client = client_with(&trusting(&authority), Connections::Reused, Names(Duration::ZERO));
    let (one, other) = tokio::join!(
        client.send(get(at(&quick, "https", "a.test", "/"))),
        client.send(get(at(&slow, "https", "a.test", "/"))),
    );
    let [quick, slow] = [&one, &other].map(|sent| sent.exchanges[0].phases.tls_ms.unwrap());
    assert!(
        slow >= SLOW.as_secs_f64() * 1e3 - 1.0 && quick + SLOW.as_secs_f64() * 5e2 < slow,
        "{:?} {:?}",
        one.exchanges,
        other.exchanges
    );
}

/// The first response is slow. The second request starts to connect, with a slow resolver, and takes over the first
/// connection as soon as it is idle.
async fn taken_over(then: Action, deadline: Duration) -> probe::Sent {
    let authority = Authority::generate();
    let first = AtomicBool::new(true);
    let server = Server::tls(authority.server("a.test", (2020, 2999), &["http/1.1"]), Duration::ZERO, move |_| {
        let act = if first.swap(false, SeqCst) { Action::Wait(SLOW) } else { then.clone() };
        [vec![act], ok()].concat()
    })
    .await;
    let client = client_with(&trusting(&authority), Connections::Reused, Names(SLOW * 2));
    let url = at(&server, "https", "a.test", "/");
    let second = async {
        tokio::time::sleep(SLOW * 5 / 2).await;
        client.send(get(url.clone()).deadline(deadline)).await
    };
    let (_, second) = tokio::join!(client.send(get(url.clone())), second);
    assert_eq!(server.requests().len(), 2);
    second
}

#[tokio::test]
async fn connection_taken_over_counts_as_kept() {
    let sent = taken_over(Action::Wait(Duration::ZERO), SLOW * 20).await;
    sent.result.unwrap();
    let phases = &sent.exchanges[0].phases;
    assert!(phases.dns_ms.is_none() && phases.tls_ms.is_none(), "{phases:?}");
    // Half of the delay remained when the second exchange began.
    assert!(phases.first_byte_ms.unwrap() < SLOW.as_secs_f64() * 1.8e3, "{phases:?}");
}

#[tokio::test]
async fn timeout_on_a_taken_over_connection_is_not_dns() {
    let sent = taken_over(Action::Hang, SLOW * 3 / 2).await;
    let failed = sent.result.unwrap_err().into_mismatch().unwrap().actual.admit(&NoSecrets, 200);
    assert!(failed.starts_with("still waiting for the first byte"), "{failed:?}");
    assert_eq!(sent.exchanges[0].phases.dns_ms, None);
}
