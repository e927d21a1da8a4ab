//! Where requests may go: to the hosts that the settings name, and to addresses of the public internet.
//!
//! Whoever answers can name any host in a redirect or a link, and whoever runs a name's zone can give it any address: the
//! metadata service of a cloud, the Lambda Runtime API, a database beside the function. So each hop is held against the
//! hosts, each address against the ranges, and the connection is made to the very addresses that were held against them:
//! hyper-util connects to what the resolver gave, and asks nobody again. A host that is an IP literal goes past the
//! resolver, so it is judged before the request is sent.

mod ranges;

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

pub use ranges::{SPECIAL, special};

/// Which hosts and addresses a client may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EgressPolicy {
    hosts: BTreeSet<String>,
    redirects: BTreeSet<String>,
    networks: Vec<IpNet>,
}

impl EgressPolicy {
    /// Lets redirects lead to `redirects` too, beside the hosts that requests go to, and connections to `networks`, which are
    /// no part of the public internet. No host is named yet.
    #[must_use]
    pub fn new(redirects: impl IntoIterator<Item = String>, networks: Vec<IpNet>) -> Self {
        Self { hosts: BTreeSet::new(), redirects: redirects.into_iter().collect(), networks }
    }

    /// Lets requests go to the host of this URL.
    #[must_use]
    pub fn with_host_of(mut self, url: &Url) -> Self {
        self.hosts.extend(host_of(url));
        self
    }

    /// The same, with the host of this URL as the only one.
    #[must_use]
    pub fn only_to(&self, url: &Url) -> Self {
        Self { hosts: host_of(url).into_iter().collect(), ..self.clone() }
    }

    /// Whether the settings name the host of this URL.
    pub(crate) fn names(&self, url: &Url) -> bool {
        host_of(url).is_some_and(|host| self.hosts.contains(&host))
    }

    /// Whether a redirect may lead to this URL.
    pub(crate) fn lets_redirect(&self, url: &Url) -> bool {
        self.names(url) || host_of(url).is_some_and(|host| self.redirects.contains(&host))
    }

    /// The hosts that the settings name, in words.
    pub(crate) fn hosts(&self) -> String {
        self.hosts.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Whether a connection may be made to this address.
    ///
    /// # Errors
    /// Why not.
    pub fn permits(&self, address: IpAddr) -> Result<(), Refused> {
        let address = address.to_canonical();
        match special(address) {
            Some(kind) if !self.networks.iter().any(|network| network.contains(&address)) => {
                Err(Refused { addresses: vec![(address, kind)] })
            }
            _ => Ok(()),
        }
    }

    /// Whether a connection may be made to the host of this URL, as far as the URL alone tells: when it is an IP literal.
    ///
    /// # Errors
    /// Why not.
    pub fn permits_literal(&self, url: &Url) -> Result<(), Refused> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.permits(address.into()),
            Some(Host::Ipv6(address)) => self.permits(address.into()),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }
}

/// As it is compared: a name in lower case without the dot of the root, or an address.
fn host_of(url: &Url) -> Option<String> {
    url.host_str().map(|host| host.trim_end_matches('.').to_owned())
}

/// Addresses that no connection is made to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refused {
    /// Each with what it is.
    pub addresses: Vec<(IpAddr, &'static str)>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (address, kind)) in self.addresses.iter().enumerate() {
            write!(f, "{}{address} ({kind})", if place > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// A resolver that gives only addresses which may be reached.
pub(crate) struct FencedResolver {
    pub(crate) inner: Arc<dyn Resolve>,
    pub(crate) egress: Arc<EgressPolicy>,
}

impl Resolve for FencedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolving = self.inner.resolve(name);
        let egress = self.egress.clone();
        Box::pin(async move {
            let mut refused = Vec::new();
            let permitted: Vec<SocketAddr> = resolving
                .await?
                .filter(|address| match egress.permits(address.ip()) {
                    Ok(()) => true,
                    Err(why) => {
                        refused.extend(why.addresses);
                        false
                    }
                })
                .collect();
            if permitted.is_empty() && !refused.is_empty() {
                return Err(Refused { addresses: refused }.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn hosts_are_those_that_are_named() {
        let egress =
            EgressPolicy::new(["www.app.example".to_owned()], Vec::new()).with_host_of(&url("https://App.example./x"));
        for (case, to, named, redirect) in [
            ("itself", "https://app.example/y", true, true),
            ("another port and scheme", "http://app.example:8080/", true, true),
            ("in upper case, with the root's dot", "https://APP.example./", true, true),
            ("one for redirects", "https://www.app.example/", false, true),
            ("a subdomain", "https://evil.app.example/", false, false),
            ("one that ends alike", "https://evilapp.example/", false, false),
            ("with user information in front", "https://app.example@evil.example/", false, false),
        ] {
            assert_eq!((egress.names(&url(to)), egress.lets_redirect(&url(to))), (named, redirect), "{case}");
        }
    }

    #[test]
    fn a_literal_is_seen_however_it_is_written() {
        let egress = EgressPolicy::new([], Vec::new());
        for (case, to, permitted) in [
            ("a name", "http://localhost/", true),
            ("a public address", "http://93.184.215.14/", true),
            ("a public address of IPv6", "http://[2606:2800:21f:cb07::1]/", true),
            ("a private one", "http://10.1.2.3/", false),
            ("as one number", "http://2852039166/", false),
            ("in hexadecimal", "http://0xa9.0xfe.0xa9.0xfe/", false),
            ("in octal", "http://0251.0376.0251.0376/", false),
            ("short", "http://127.1/", false),
            ("mapped into IPv6", "http://[::ffff:169.254.169.254]/", false),
            ("through NAT64", "http://[64:ff9b::a9fe:a9fe]/", false),
            ("through 6to4", "http://[2002:a9fe:a9fe::]/", false),
        ] {
            assert_eq!(egress.permits_literal(&url(to)).is_ok(), permitted, "{case}");
        }
    }

    #[test]
    fn what_is_allowed_is_allowed_in_both_notations() {
        let egress = EgressPolicy::new([], vec!["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        for (address, permitted) in [
            ("127.0.0.1", true),
            ("::ffff:127.0.0.1", true),
            ("fd00::1", true),
            ("fc00::1", false),
            ("10.0.0.1", false),
            ("::1", false),
        ] {
            assert_eq!(egress.permits(address.parse().unwrap()).is_ok(), permitted, "{address}");
        }
    }
}
