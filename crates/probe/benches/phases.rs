//! Accuracy of the phases. A reference server delays one phase at a time, and the probe's measurement is compared with the
//! delay and with a bare exchange that measures time between its own calls.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed benchmark should abort")]

#[path = "../tests/probe/reference.rs"]
mod reference;
#[expect(dead_code, unused_imports, reason = "only the tests use the rest")]
#[path = "../tests/probe/server.rs"]
mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use reference::{PHASES, Reference, named, wait};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Number of measurements per phase; the median counts.
const REPETITIONS: usize = 5;

#[tokio::main]
async fn main() {
    println!("one phase is delayed; median of {REPETITIONS}");
    println!(
        "{:<12} {:>10} {:>10} {:>10} {:>10} {:>12}",
        "phase", "delay ms", "probe ms", "error", "bare ms", "probe/bare"
    );
    for slow in PHASES {
        let (mut probe, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..REPETITIONS {
            let took = |phases: [(&str, f64); 5]| phases.into_iter().find(|(phase, _)| *phase == slow).unwrap().1;
            // A congested port delays only its first connection.
            let reference = Reference::start(slow, "http/1.1").await;
            probe.push(took(named(&reference.exchange().await.phases)));
            let reference = Reference::start(slow, "http/1.1").await;
            bare.push(took(exchange(&reference).await));
        }
        let (probe, bare) = (median(probe), median(bare));
        let delay = wait(slow).as_secs_f64() * 1e3;
        let error = (probe - delay) / delay * 100.0;
        println!("{slow:<12} {delay:>10.0} {probe:>10.1} {error:>9.2}% {bare:>10.1} {:>12.4}", probe / bare);
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Performs the same exchange without the probe.
async fn exchange(reference: &Reference) -> [(&'static str, f64); 5] {
    let mut roots = RootCertStore::empty();
    roots.add(reference.authority.certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let mut marks = vec![Instant::now()];
    tokio::time::sleep(reference.dns).await;
    marks.push(Instant::now());
    let stream = TcpStream::connect(reference.server.address).await.unwrap();
    marks.push(Instant::now());
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(ServerName::try_from("a.test").unwrap(), stream).await.unwrap();
    marks.push(Instant::now());
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await.unwrap();
    let mut response = Vec::new();
    while !response.windows(4).any(|end| end == b"\r\n\r\n") {
        stream.read_buf(&mut response).await.unwrap();
    }
    marks.push(Instant::now());
    while !response.ends_with(b"fine") {
        stream.read_buf(&mut response).await.unwrap();
    }
    marks.push(Instant::now());
    let took = |index: usize| -> Duration { marks[index + 1] - marks[index] };
    std::array::from_fn(|index| (PHASES[index], took(index).as_secs_f64() * 1e3))
}
