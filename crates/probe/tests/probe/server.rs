//! Clients for the test servers.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use check::{Failure, FailureKind, Subject};
pub use hostile::{
    Action, Authority, ConnectionBehavior, OwnSigned, Server, answer, compressed, ok, own_signed, self_signed, send,
};
use jiff::Timestamp;
use probe::{
    Client, Connections, EgressPolicy, Error, Identity, Method, Redactor, Request, Tls, Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

/// Trace id of all tests.
pub const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Resolver that maps all names to the loopback address after a delay, except those ending in `.invalid`.
pub struct Names(pub Duration);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let wait = self.0;
        Box::pin(async move {
            tokio::time::sleep(wait).await;
            match name.as_str() {
                "empty.invalid" => Ok(Box::new(std::iter::empty()) as Addrs),
                "exhausted.invalid" => Err(std::io::Error::from_raw_os_error(24).into()),
                name if name.ends_with(".invalid") => Err("no such name".into()),
                _ => Ok(Box::new(std::iter::once(SocketAddr::from(([127, 0, 0, 1], 0)))) as Addrs),
            }
        })
    }
}

pub fn tls() -> Tls {
    Tls::new(&[]).unwrap()
}

pub fn client(tls: &Tls) -> Client {
    client_with(tls, Connections::Fresh, Names(Duration::ZERO))
}

pub fn client_with(tls: &Tls, connections: Connections, names: Names) -> Client {
    client_at(tls, connections, names, Timestamp::now())
}

pub fn client_at(tls: &Tls, connections: Connections, names: Names, now: Timestamp) -> Client {
    let identity = Identity { run_id: "run-7".to_owned(), trace_id: TRACE.to_owned() };
    let now = Arc::new(move || now);
    Client::with_resolver(tls, &egress(), identity, Redactor::default(), now, connections, Arc::new(names)).unwrap()
}

/// Policy with the hosts of the tests, all on the loopback interface; `redirected.test` is only for redirects.
pub fn egress() -> EgressPolicy {
    let hosts = [
        "127.0.0.1",
        "a.test",
        "other.test",
        "platform.test",
        "www.site.test",
        "unknown.invalid",
        "empty.invalid",
        "exhausted.invalid",
    ];
    let egress = EgressPolicy::new(["redirected.test".to_owned()], vec!["127.0.0.0/8".parse().unwrap()]);
    hosts.iter().fold(egress, |egress, host| egress.allow_host(&format!("http://{host}/").parse().unwrap()))
}

pub fn get(url: Url) -> Request {
    Request::new(Method::GET, url).deadline(Duration::from_secs(10))
}

/// Sends a request that must fail with this kind, and returns the failure.
pub async fn failure(client: &Client, request: Request, kind: FailureKind) -> Failure {
    let sent = client.send(request).await;
    let failed = shown(client, sent.result.expect_err("the request should have failed"));
    assert_eq!(failed.kind, kind, "{failed:?}");
    failed
}

/// The failure of the target as it is reported.
pub fn shown(client: &Client, error: Error) -> Failure {
    Failure::new(Subject::whole(), "step", error.into_mismatch().expect("the target's failure"), client.redactor())
}

/// URL with an IP literal.
pub fn url(server: &Server, path: &str) -> Url {
    at(server, "http", "127.0.0.1", path)
}

/// URL with a name that the test resolver knows.
pub fn at(server: &Server, scheme: &str, host: &str, path: &str) -> Url {
    format!("{scheme}://{host}:{}{path}", server.address.port()).parse().unwrap()
}

/// TLS configuration that trusts this authority.
pub fn trusting(authority: &Authority) -> Tls {
    Tls::new(std::slice::from_ref(&authority.certificate)).unwrap()
}
