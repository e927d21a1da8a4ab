//! Egress policy: requests go only to hosts in the settings, and only to public addresses.
//!
//! A response can name any host in a redirect or a link, and the owner of a zone can point a name at any address: the
//! metadata service of a cloud, the Lambda Runtime API, a database next to the function. Each hop is therefore checked
//! against the hosts, and each address against the ranges. The connection goes to the very addresses that were checked:
//! hyper-util connects to those from the resolver and does not resolve again. An IP literal bypasses the resolver, so it is
//! checked before the request is sent.

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

/// Hosts and addresses that a client may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EgressPolicy {
    hosts: BTreeSet<String>,
    redirects: BTreeSet<String>,
    networks: Vec<IpNet>,
}

impl EgressPolicy {
    /// Creates a policy without hosts. Redirects may also lead to `redirects`, and connections may also go to `networks`,
    /// which are outside the public internet.
    #[must_use]
    pub fn new(redirects: impl IntoIterator<Item = String>, networks: Vec<IpNet>) -> Self {
        Self { hosts: BTreeSet::new(), redirects: redirects.into_iter().collect(), networks }
    }

    /// Allows requests to the host of this URL.
    #[must_use]
    pub fn allow_host(mut self, url: &Url) -> Self {
        self.hosts.extend(normalized_host(url));
        self
    }

    /// Copy of the policy with the host of this URL as the only one.
    #[must_use]
    pub fn only_to(&self, url: &Url) -> Self {
        Self { hosts: normalized_host(url).into_iter().collect(), ..self.clone() }
    }

    /// True when requests may go to the host of this URL.
    pub(crate) fn allows_host(&self, url: &Url) -> bool {
        normalized_host(url).is_some_and(|host| self.hosts.contains(&host))
    }

    /// True when a redirect may lead to this URL.
    pub(crate) fn allows_redirect(&self, url: &Url) -> bool {
        self.allows_host(url) || normalized_host(url).is_some_and(|host| self.redirects.contains(&host))
    }

    /// Hosts of the settings, separated by commas.
    pub(crate) fn host_list(&self) -> String {
        self.hosts.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Checks an address.
    ///
    /// # Errors
    /// The address, with its special purpose, when connections to it are not allowed.
    pub fn permits(&self, address: IpAddr) -> Result<(), Refused> {
        let address = address.to_canonical();
        match special(address) {
            Some(kind) if !self.networks.iter().any(|network| network.contains(&address)) => {
                Err(Refused { addresses: vec![(address, kind)] })
            }
            _ => Ok(()),
        }
    }

    /// Checks the host of a URL when it is an IP literal. Host names pass, since their addresses are checked when resolved.
    ///
    /// # Errors
    /// Those of [`Self::permits`].
    pub fn permits_literal(&self, url: &Url) -> Result<(), Refused> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.permits(address.into()),
            Some(Host::Ipv6(address)) => self.permits(address.into()),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }
}

/// Host for comparison: a name in lower case without the trailing dot, or an address.
fn normalized_host(url: &Url) -> Option<String> {
    url.host_str().map(|host| host.trim_end_matches('.').to_owned())
}

/// Addresses to which connections are not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refused {
    /// Each address with its special purpose.
    pub addresses: Vec<(IpAddr, &'static str)>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (address, kind)) in self.addresses.iter().enumerate() {
            write!(f, "{}{address} ({kind})", if index > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// Resolver that returns only addresses permitted by the policy.
pub(crate) struct PolicyResolver {
    pub(crate) inner: Arc<dyn Resolve>,
    pub(crate) egress: Arc<EgressPolicy>,
}

impl Resolve for PolicyResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolving = self.inner.resolve(name);
        let egress = self.egress.clone();
        Box::pin(async move {
            let mut refused = Vec::new();
            let permitted: Vec<SocketAddr> = resolving
                .await?
                .filter(|address| match egress.permits(address.ip()) {
                    Ok(()) => true,
                    Err(denied) => {
                        refused.extend(denied.addresses);
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
    fn only_listed_hosts_are_allowed() {
        let egress =
            EgressPolicy::new(["www.app.example".to_owned()], Vec::new()).allow_host(&url("https://App.example./x"));
        for (case, to, host, redirect) in [
            ("the same host", "https://app.example/y", true, true),
            ("another port and scheme", "http://app.example:8080/", true, true),
            ("in upper case, with a trailing dot", "https://APP.example./", true, true),
            ("a redirect host", "https://www.app.example/", false, true),
            ("a subdomain", "https://evil.app.example/", false, false),
            ("a host with the same suffix", "https://evilapp.example/", false, false),
            ("with user information in front", "https://app.example@evil.example/", false, false),
        ] {
            assert_eq!((egress.allows_host(&url(to)), egress.allows_redirect(&url(to))), (host, redirect), "{case}");
        }
    }

    #[test]
    fn policy_for_one_host_keeps_redirects_and_networks() {
        let networks = vec!["10.0.0.0/8".parse().unwrap()];
        let egress =
            EgressPolicy::new(["www.app.example".to_owned()], networks).allow_host(&url("https://app.example/"));
        let only = egress.only_to(&url("https://ping.example/x"));
        assert_eq!(only.host_list(), "ping.example");
        assert!(
            only.allows_redirect(&url("https://www.app.example/"))
                && only.permits_literal(&url("http://10.1.2.3/")).is_ok()
        );
        assert_eq!(egress.host_list(), "app.example");
    }

    #[test]
    fn refused_addresses_are_listed_with_their_purpose() {
        let addresses = vec![([10, 0, 0, 1].into(), "private"), ([127, 0, 0, 1].into(), "loopback")];
        assert_eq!(Refused { addresses }.to_string(), "10.0.0.1 (private), 127.0.0.1 (loopback)");
    }

    #[test]
    fn ip_literals_are_recognised_in_any_notation() {
        let egress = EgressPolicy::new([], Vec::new());
        for (case, to, permitted) in [
            ("a name", "http://localhost/", true),
            ("a public address", "http://93.184.215.14/", true),
            ("a public IPv6 address", "http://[2606:2800:21f:cb07::1]/", true),
            ("a private address", "http://10.1.2.3/", false),
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
    fn allowed_networks_match_ipv4_and_mapped_addresses() {
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
