use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use local::EnvironmentSecrets;
use serde_json::json;
use settings::SecretRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::*;

const PATH: &str = "/ping/0b1946ac92492d2347c6235b";

/// A server that counts pings.
struct Listener {
    url: String,
    pings: Arc<AtomicUsize>,
}

async fn listener(status: &'static str) -> Listener {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{PATH}", socket.local_addr().unwrap());
    let pings = Arc::new(AtomicUsize::new(0));
    let count = pings.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = socket.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            assert!(request.starts_with(format!("GET {PATH} HTTP/1.1\r\n").as_bytes()));
            count.fetch_add(1, SeqCst);
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    Listener { url, pings }
}

fn world(url: &str) -> World {
    let mut world = World::new();
    let url = url.to_owned();
    world.ports.secrets =
        Arc::new(EnvironmentSecrets::new(move |name: &str| (name == "BEAT").then(|| url.clone().into())));
    world
}

async fn ping(world: &World, lines: &'static [&'static str], variable: &str) -> check::Report {
    let mut check = creates(script(lines));
    check.run.heartbeat_url = Some(SecretRef::Variable(variable.to_owned()));
    let report = world.invoke(&check, json!({ "scheduled_time": START }), None).await.unwrap();
    assert_eq!(world.published().is_empty(), report.outcome.word() == "refused");
    report
}

#[tokio::test]
async fn only_passed_run_pings() {
    let cases: &[(&[&str], usize)] =
        &[(&["web=."], 1), (&["web=x"], 0), (&["web=?"], 0), (&["web=m"], 0), (&["web=. api=x"], 0)];
    for (lines, expected) in cases {
        let listener = listener("200 OK").await;
        let report = ping(&world(&listener.url), lines, "BEAT").await;
        assert_eq!(listener.pings.load(SeqCst), *expected, "{lines:?}");
        assert_eq!(report.warnings, [""; 0], "{lines:?}");
    }
}

#[tokio::test]
async fn refused_event_does_not_ping() {
    let listener = listener("200 OK").await;
    let world = world(&listener.url);
    assert_eq!(ping(&world, &["web=."], "BEAT").await.outcome.word(), "passed");
    assert_eq!(ping(&world, &["web=."], "BEAT").await.outcome.word(), "refused");
    assert_eq!(listener.pings.load(SeqCst), 1);
}

#[tokio::test]
async fn failed_ping_is_a_warning_and_not_a_failure() {
    let refusing = listener("500 Internal Server Error").await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let cases = [
        (refusing.url.clone(), "BEAT", "failed to ping the heartbeat: status 500 Internal Server Error"),
        (format!("http://{closed}{PATH}"), "BEAT", "failed to ping the heartbeat: expected "),
        ("no URL at all".to_owned(), "BEAT", "failed to ping the heartbeat: expected a URL in env:BEAT"),
        (
            "https://beat..example/ping".to_owned(),
            "BEAT",
            "failed to ping the heartbeat: expected a URL with a host with something before, between and after its dots in env:BEAT",
        ),
        (
            "ftp://beat.example/ping".to_owned(),
            "BEAT",
            "failed to ping the heartbeat: expected a URL of http or https with a host in env:BEAT",
        ),
        (
            refusing.url.clone(),
            "OTHER",
            "failed to ping the heartbeat: failed to resolve env:OTHER: the variable is not set, or empty",
        ),
    ];
    for (url, variable, expected) in cases {
        let report = ping(&world(&url), &["web=."], variable).await;
        assert_eq!(report.outcome.word(), "passed", "{expected}");
        assert_eq!(report.warnings.len(), 1, "{expected}");
        assert!(report.warnings[0].starts_with(expected), "{:?}", report.warnings);
        assert!(!format!("{report:?}").contains(&url), "{report:?}");
    }
}
