//! Egress policy: no bypass by redirects, links, IP literals, resolved addresses or changing DNS answers.

use std::net::SocketAddr;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use check::FailureKind::{Connect, Dns, Redirect};
use jiff::Timestamp;
use probe::{
    Client, Connections, Cookies, EgressPolicy, Identity, Redactor, Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

use crate::server::*;

/// Resolver that returns the next address for each lookup, and then the last one repeatedly.
struct Changing {
    addresses: Vec<[u8; 4]>,
    lookups: Arc<AtomicUsize>,
}

impl Resolve for Changing {
    fn resolve(&self, _: Name) -> Resolving {
        let lookups = self.lookups.fetch_add(1, SeqCst);
        let address = self.addresses[lookups.min(self.addresses.len() - 1)];
        Box::pin(async move { Ok(Box::new(std::iter::once(SocketAddr::from((address, 0)))) as Addrs) })
    }
}

fn changing(egress: &EgressPolicy, addresses: &[[u8; 4]]) -> (Client, Arc<AtomicUsize>) {
    let lookups = Arc::new(AtomicUsize::new(0));
    let resolver = Changing { addresses: addresses.to_vec(), lookups: lookups.clone() };
    (with_resolver(egress, Arc::new(resolver)), lookups)
}

fn with_resolver(egress: &EgressPolicy, resolver: Arc<dyn Resolve>) -> Client {
    let identity = Identity { run_id: "run-7".to_owned(), trace_id: TRACE.to_owned() };
    let now = Arc::new(Timestamp::now);
    Client::with_resolver(&tls(), egress, identity, Redactor::default(), now, Connections::Fresh, resolver).unwrap()
}

/// Policy that allows one host, and these networks.
fn allowing(host: &str, addresses: &[&str]) -> EgressPolicy {
    let networks = addresses.iter().map(|network| network.parse().unwrap()).collect();
    EgressPolicy::new([], networks).allow_host(&format!("http://{host}/").parse().unwrap())
}

#[tokio::test]
async fn redirect_to_another_host_is_rejected() {
    let reached = Server::plain(|_| ok()).await;
    let port = reached.address.port();
    for (case, to, expected) in [
        (
            "another host",
            format!("http://elsewhere.test:{port}/"),
            "a redirect to elsewhere.test; `network.allow_redirect_hosts`",
        ),
        (
            "an address that is not in the settings",
            format!("http://127.0.0.2:{port}/"),
            "a redirect to 127.0.0.2; `network.allow_redirect_hosts`",
        ),
        (
            "the metadata service",
            "http://169.254.169.254/latest/meta-data/".to_owned(),
            "a redirect to 169.254.169.254",
        ),
        ("the same as one number", "http://2852039166/latest/".to_owned(), "a redirect to 169.254.169.254"),
        ("the same embedded in IPv6", "http://[::ffff:a9fe:a9fe]/".to_owned(), "a redirect to [::ffff:a9fe:a9fe]"),
        ("with an allowed host as user", format!("http://a.test@127.0.0.2:{port}/"), "a redirect to 127.0.0.2"),
    ] {
        let server = Server::plain(move |_| answer(&format!("302 Found\r\nLocation: {to}"), "")).await;
        let failed = failure(&client(&tls()), get(at(&server, "http", "a.test", "/")), Redirect).await;
        assert_eq!(failed.expected.split(" (").next(), Some("a redirect to a host in the settings"), "{case}");
        assert!(failed.actual.starts_with(expected), "{case}: {failed:?}");
    }
    assert_eq!(reached.connections(), 0, "the wrong server was contacted");
}

#[tokio::test]
async fn allowed_redirect_to_a_private_address_is_rejected() {
    // The host is allowed, but not its address.
    let server = Server::plain(|_| answer("302 Found\r\nLocation: http://10.1.2.3/", "")).await;
    let home: Url = url(&server, "/");
    let egress = EgressPolicy::new(["10.1.2.3".to_owned()], vec!["127.0.0.0/8".parse().unwrap()]).allow_host(&home);
    let (client, lookups) = changing(&egress, &[[127, 0, 0, 1]]);
    let failed = failure(&client, get(home), Redirect).await;
    assert_eq!(failed.actual, "a redirect to 10.1.2.3 (private)");
    assert_eq!(lookups.load(SeqCst), 0);

    let server = Server::plain(|_| answer("302 Found\r\nLocation: http://inside.test/", "")).await;
    let egress = EgressPolicy::new(["inside.test".to_owned()], vec!["127.0.0.0/8".parse().unwrap()]);
    let (client, _) = changing(&egress.allow_host(&url(&server, "/")), &[[100, 64, 0, 1]]);
    let failed = failure(&client, get(url(&server, "/")), Redirect).await;
    assert!(failed.actual.starts_with("100.64.0.1 (carrier-grade NAT)"), "{failed:?}");
}

#[tokio::test]
async fn redirect_to_plain_http_is_rejected() {
    let authority = Authority::generate();
    let plain = Server::plain(|_| ok()).await;
    let to = at(&plain, "http", "a.test", "/");
    let config = authority.server("a.test", (2020, 2999), &[]);
    let script = move |_: &str| answer(&format!("302 Found\r\nLocation: {to}"), "");
    let server = Server::tls(config, std::time::Duration::ZERO, script).await;
    let request = get(at(&server, "https", "a.test", "/")).header("Authorization", "Bearer canary");
    let failed = failure(&client(&trusting(&authority)), request, Redirect).await;
    assert_eq!(failed.expected, "a redirect that stays encrypted");
    assert_eq!(plain.connections(), 0);
}

#[tokio::test]
async fn name_with_a_private_address_fails_as_dns() {
    for (addresses, expected) in
        [([10, 0, 0, 5], "10.0.0.5 (private)"), ([169, 254, 169, 254], "169.254.169.254 (link-local)")]
    {
        let (client, _) = changing(&allowing("a.test", &[]), &[addresses]);
        let failed = failure(&client, get("http://a.test/".parse().unwrap()), Dns).await;
        assert_eq!(failed.expected, "a public address for a.test");
        assert_eq!(failed.actual, format!("{expected}; `network.allow_addresses` can allow it"));
    }
}

#[tokio::test]
async fn connection_goes_to_the_checked_address() {
    // The second lookup of the name returns another address, so a client that resolves twice would reach it.
    let (allowed, inside) = (Server::plain(|_| ok()).await, Server::plain(|_| ok()).await);
    assert_ne!(allowed.address.port(), inside.address.port());
    let (client, lookups) = changing(&allowing("a.test", &["127.0.0.1/32"]), &[[127, 0, 0, 1], [127, 0, 0, 2]]);
    let sent = client.send(get(at(&allowed, "http", "a.test", "/"))).await;
    sent.result.unwrap();
    assert_eq!(lookups.load(SeqCst), 1, "the name was resolved again before connecting");
    assert_eq!(sent.exchanges[0].remote, Some(allowed.address.to_string()));
    // The next exchange is checked again.
    failure(&client, get(at(&allowed, "http", "a.test", "/")), Dns).await;
}

/// Resolver that returns all of these addresses.
struct Mixed(Vec<[u8; 4]>);

impl Resolve for Mixed {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Vec<SocketAddr> = self.0.iter().map(|address| SocketAddr::from((*address, 0))).collect();
        Box::pin(async move { Ok(Box::new(addresses.into_iter()) as Addrs) })
    }
}

#[tokio::test]
async fn only_permitted_addresses_of_a_name_are_used() {
    let (public, inside) = ([127, 0, 0, 1], [127, 0, 0, 2]);
    let allowed = Server::plain(|_| ok()).await;
    let port = allowed.address.port();
    let forbidden = Server::start(SocketAddr::from((inside, port)), ConnectionBehavior::default(), |_| ok()).await;
    let send = async |addresses: &[[u8; 4]]| {
        let resolver = Arc::new(Mixed(addresses.to_vec()));
        let client = with_resolver(&allowing("a.test", &["127.0.0.1/32"]), resolver);
        client.send(get(at(&allowed, "http", "a.test", "/"))).await
    };
    for addresses in [[inside, public], [public, inside]] {
        let sent = send(&addresses).await;
        sent.result.unwrap();
        assert_eq!(sent.exchanges[0].remote, Some(allowed.address.to_string()), "{addresses:?}");
    }
    // When the permitted address does not respond, the other one is not tried.
    let closed = [127, 0, 0, 3];
    let resolver = Arc::new(Mixed(vec![closed, inside]));
    let client = with_resolver(&allowing("a.test", &["127.0.0.3/32"]), resolver);
    failure(&client, get(at(&allowed, "http", "a.test", "/")), Connect).await;
    assert_eq!(forbidden.connections(), 0, "the forbidden address was contacted");
}

#[tokio::test]
async fn link_to_another_host_is_rejected() {
    let failed = failure(&client(&tls()), get("http://elsewhere.test/page/2".parse().unwrap()), Redirect).await;
    assert!(failed.expected.starts_with("a link to a host in the settings (127.0.0.1, a.test"), "{failed:?}");
    // A forbidden address in the settings is not the target's fault.
    let (client, _) = changing(&allowing("10.0.0.1", &[]), &[]);
    let sent = client.send(get("http://10.0.0.1/".parse().unwrap())).await;
    assert!(matches!(sent.result, Err(probe::Error::Request(_))) && sent.exchanges.is_empty(), "{sent:?}");
}

#[tokio::test]
async fn cookies_stay_at_their_host_and_scheme() {
    let authority = Authority::generate();
    let config = authority.server("www.site.test", (2020, 2999), &[]);
    let encrypted = Server::tls(config, std::time::Duration::ZERO, |_| ok()).await;
    let to = at(&encrypted, "https", "www.site.test", "/");
    let plain = Server::plain(move |request| {
        let there = if request.contains("GET /upgrade") { to.to_string() } else { "http://other.test:1/".to_owned() };
        let head = if request.contains("GET /begin") {
            "200 OK".to_owned()
        } else {
            format!("302 Found\r\nLocation: {there}")
        };
        answer(&format!("{head}\r\nSet-Cookie: session=canary; Domain=site.test; path=/"), "")
    })
    .await;
    let client = client(&trusting(&authority));
    let jar = Cookies::default();
    client.send(get(at(&plain, "http", "www.site.test", "/begin")).cookies(&jar)).await.result.unwrap();
    client.send(get(at(&plain, "http", "www.site.test", "/upgrade")).cookies(&jar)).await.result.unwrap();
    assert!(
        plain.requests()[1].contains("session=canary"),
        "expected the cookies at their own host, found {:?}",
        plain.requests()
    );
    let [upgraded] = &encrypted.requests()[..] else { panic!("{:?}", encrypted.requests()) };
    assert!(!upgraded.contains("canary"), "{upgraded}");
}

#[tokio::test]
async fn other_host_sets_no_cookies_for_the_shared_domain() {
    let server = Server::plain(|request| {
        let port = request.split("host: www.site.test:").nth(1).and_then(|rest| rest.lines().next());
        let (status, cookie) = match port {
            Some(port) => (format!("302 Found\r\nLocation: http://b.site.test:{port}/"), "own=canary"),
            None => ("200 OK".to_owned(), "planted=canary"),
        };
        answer(&format!("{status}\r\nSet-Cookie: {cookie}; Domain=site.test; path=/"), "")
    })
    .await;
    let egress = EgressPolicy::new(["b.site.test".to_owned()], vec!["127.0.0.0/8".parse().unwrap()]);
    let (client, _) = changing(&egress.allow_host(&at(&server, "http", "www.site.test", "/")), &[[127, 0, 0, 1]]);
    let jar = Cookies::default();
    for _ in 0..2 {
        client.send(get(at(&server, "http", "www.site.test", "/")).cookies(&jar)).await.result.unwrap();
    }
    let requests = server.requests();
    let cookies = |request: &String| Some(request.split("cookie: ").nth(1)?.lines().next()?.to_owned());
    assert_eq!(requests.iter().map(cookies).collect::<Vec<_>>(), [None, None, Some("own=canary".to_owned()), None]);
}
