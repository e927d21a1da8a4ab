//! How exact the phases are: a reference server delays one at a time, and the probe is held against the delay and against a
//! bare exchange of the same run, which takes its times between its own calls.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot go on ends")]

#[path = "../tests/probe/reference.rs"]
mod reference;
#[expect(dead_code, unused_imports, reason = "the tests need more of it")]
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

/// How often each is measured; the median counts.
const TIMES: usize = 5;

#[tokio::main]
async fn main() {
    println!("one phase is delayed; median of {TIMES}");
    println!(
        "{:<12} {:>10} {:>10} {:>10} {:>10} {:>12}",
        "phase", "delay ms", "probe ms", "error", "bare ms", "probe/bare"
    );
    for slow in PHASES {
        let (mut probe, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            let took = |phases: [(&str, f64); 5]| phases.into_iter().find(|(phase, _)| *phase == slow).unwrap().1;
            // A congested port is so once.
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

/// The same exchange by hand.
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
    let mut answer = Vec::new();
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        stream.read_buf(&mut answer).await.unwrap();
    }
    marks.push(Instant::now());
    while !answer.ends_with(b"fine") {
        stream.read_buf(&mut answer).await.unwrap();
    }
    marks.push(Instant::now());
    let took = |place: usize| -> Duration { marks[place + 1] - marks[place] };
    std::array::from_fn(|place| (PHASES[place], took(place).as_secs_f64() * 1e3))
}
