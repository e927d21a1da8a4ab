//! Clients that reach the servers of tests.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use check::{FailureKind, Mismatch};
pub use hostile::{Act, Authority, How, Server, answer, compressed, ok, self_signed, send};
use jiff::Timestamp;
use probe::{
    Client, Connections, EgressPolicy, Identity, Method, Redactor, Request, Tls, Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

/// The trace id of all tests.
pub const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Knows every name as the loopback, except those that end in `.invalid`; after a while.
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

/// The hosts of the tests, all of them on the loopback; `redirected.test` is only for redirects.
pub fn egress() -> EgressPolicy {
    let hosts =
        ["127.0.0.1", "a.test", "other.test", "platform.test", "nobody.invalid", "empty.invalid", "exhausted.invalid"];
    let egress = EgressPolicy::new(["redirected.test".to_owned()], vec!["127.0.0.0/8".parse().unwrap()]);
    hosts.iter().fold(egress, |egress, host| egress.with_host_of(&format!("http://{host}/").parse().unwrap()))
}

pub fn get(url: Url) -> Request {
    Request::new(Method::GET, url).deadline(Duration::from_secs(10))
}

/// Sends a request that must fail as this kind; returns how.
pub async fn failure(client: &Client, request: Request, kind: FailureKind) -> Mismatch {
    let sent = client.send(request).await;
    let failed =
        sent.result.expect_err("the request should have failed").into_mismatch().expect("the target's failure");
    assert_eq!(failed.kind, kind, "{failed:?}");
    failed
}

/// A URL with an IP literal.
pub fn url(server: &Server, path: &str) -> Url {
    at(server, "http", "127.0.0.1", path)
}

/// A URL with a name, which the tests' resolver knows.
pub fn at(server: &Server, scheme: &str, host: &str, path: &str) -> Url {
    format!("{scheme}://{host}:{}{path}", server.address.port()).parse().unwrap()
}

/// Trusts this authority.
pub fn trusting(authority: &Authority) -> Tls {
    Tls::new(std::slice::from_ref(&authority.certificate)).unwrap()
}
