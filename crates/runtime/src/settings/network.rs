//! Where requests may go, and whom they trust.

use std::net::IpAddr;

use ipnet::IpNet;
use probe::{CertificateDer, EgressPolicy, SPECIAL, Tls};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Host;

use super::section::Section;

/// Where requests may go besides the hosts that the settings name, and whom they trust besides Mozilla's authorities.
#[derive(Clone, Debug)]
pub struct Network {
    /// What is allowed; the hosts of a check are added to it.
    pub egress: EgressPolicy,
    /// Trust and ciphers.
    pub tls: Tls,
    written: RawNetwork,
}

/// As written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawNetwork {
    /// Addresses and networks outside the public internet that may be connected to: `10.2.0.0/16`, `127.0.0.1`. Default none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allow_addresses: Vec<String>,
    /// Hosts that redirects may lead to, besides those of the settings. Default none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allow_redirect_hosts: Vec<String>,
    /// Certificates (PEM) of authorities that are trusted besides Mozilla's. Default none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ca_certificates: Vec<String>,
}

impl RawNetwork {
    /// `None` when something is wrong; the section holds all problems then.
    pub(super) fn validate(self, section: &Section<'_>) -> Option<Network> {
        let networks: Vec<Option<IpNet>> =
            self.allow_addresses.iter().map(|text| section.parsed("allow_addresses", network(text))).collect();
        let allow_redirect_hosts: Vec<Option<String>> =
            self.allow_redirect_hosts.iter().map(|text| section.parsed("allow_redirect_hosts", host(text))).collect();
        let ca_certificates: Vec<Option<Vec<CertificateDer<'static>>>> =
            self.ca_certificates.iter().map(|text| section.parsed("ca_certificates", certificates(text))).collect();
        let ca_certificates: Option<Vec<_>> = ca_certificates.into_iter().collect();
        let tls = Tls::new(&ca_certificates?.concat())
            .map_err(|error| format!("expected certificates of authorities, {error}"));
        let tls = section.parsed("ca_certificates", tls);
        let egress = EgressPolicy::new(
            allow_redirect_hosts.into_iter().collect::<Option<Vec<_>>>()?,
            networks.into_iter().collect::<Option<_>>()?,
        );
        Some(Network { egress, tls: tls?, written: self })
    }
}

impl Network {
    /// What is allowed and trusted, given as it is.
    #[must_use]
    pub fn new(egress: EgressPolicy, tls: Tls) -> Self {
        Self { egress, tls, written: RawNetwork::default() }
    }

    pub(super) fn to_raw(&self) -> RawNetwork {
        self.written.clone()
    }
}

/// A network that lies within one of the special ranges: one that reaches further would allow what nobody thought of, and
/// public addresses need no leave.
fn network(text: &str) -> Result<IpNet, String> {
    let network: IpNet = text
        .parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("expected an address or a network such as `10.2.0.0/16`, found `{text}`"))?;
    if SPECIAL.iter().any(|(range, _)| range.contains(&network)) {
        Ok(network)
    } else {
        Err(format!(
            "expected a network within one range outside the public internet, such as 10.0.0.0/8 or 127.0.0.0/8, found `{text}`"
        ))
    }
}

fn host(text: &str) -> Result<String, String> {
    let host = Host::parse(text).map_err(|_| format!("expected a host such as `www.example.com`, found `{text}`"))?;
    Ok(host.to_string().trim_end_matches('.').to_owned())
}

fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    // A private key that was put here by mistake is not shown.
    match Tls::certificates(text) {
        Some(found) => Ok(found),
        None => {
            Err("expected a certificate in PEM, which begins with `-----BEGIN CERTIFICATE-----` (not shown)".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_lies_within_one_range() {
        for (text, valid) in [
            ("10.2.0.0/16", true),
            ("127.0.0.1", true),
            ("169.254.169.254", true),
            ("fd00::/8", true),
            ("::1", true),
            ("0.0.0.0/0", false),
            ("172.0.0.0/8", false),
            ("8.8.8.8", false),
            ("::/0", false),
            ("10.0.0.0/33", false),
            ("localhost", false),
        ] {
            assert_eq!(network(text).is_ok(), valid, "{text}");
        }
    }

    #[test]
    fn a_host_is_written_as_urls_have_it() {
        assert_eq!(host("WWW.Køreskole.example.").unwrap(), "www.xn--kreskole-54a.example");
        assert!(host("https://www.example").is_err());
    }

    #[test]
    fn a_certificate_is_read_or_not_shown() {
        for text in ["", "secret", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----"] {
            let said = certificates(text).unwrap_err();
            assert!(said.contains("expected a certificate in PEM") && !said.contains("c2Vj"), "{said}");
        }
    }
}
