//! Clients for the test servers.

use std::net::SocketAddr;
use std::sync::Arc;

pub use hostile::{Authority, Server, answer, send};
use jiff::Timestamp;
use probe::dns::{Addrs, Name, Resolve, Resolving};
use probe::{Client, Connections, EgressPolicy, Identity, Redactor, Tls, Url};

/// Resolver that maps all names to the loopback address.
struct Loopback;

impl Resolve for Loopback {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(async { Ok(Box::new(std::iter::once(SocketAddr::from(([127, 0, 0, 1], 0)))) as Addrs) })
    }
}

pub fn tls() -> Tls {
    Tls::new(&[]).unwrap()
}

pub fn client(tls: &Tls) -> Client {
    let identity = Identity { run_id: "run-7".to_owned(), trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned() };
    let hosts = ["127.0.0.1", "other.test", "platform.test"];
    let egress = EgressPolicy::new([], vec!["127.0.0.0/8".parse().unwrap()]);
    let egress =
        hosts.iter().fold(egress, |egress, host| egress.allow_host(&format!("http://{host}/").parse().unwrap()));
    let (redactor, now) = (Redactor::default(), Arc::new(Timestamp::now));
    Client::with_resolver(tls, &egress, identity, redactor, now, Connections::Fresh, Arc::new(Loopback)).unwrap()
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
