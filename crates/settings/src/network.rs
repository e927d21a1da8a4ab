//! Allowed hosts and addresses, and trusted certificates.

use std::net::IpAddr;

use ipnet::IpNet;
use probe::{CertificateDer, EgressPolicy, SPECIAL, Tls};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Host;

use crate::hosts::check_host;
use crate::section::Section;

/// Hosts and addresses allowed in addition to those in the settings, and certificates trusted in addition to Mozilla's.
#[derive(Clone, Debug)]
pub struct Network {
    /// Egress policy; the hosts of a check are added to it.
    pub egress: EgressPolicy,
    /// Trusted certificates and ciphers.
    pub tls: Tls,
}

/// Hosts and addresses allowed in addition to those in this file, and trusted certificates.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawNetwork {
    /// Addresses and networks outside the public internet to which connections are allowed, such as `10.2.0.0/16` and
    /// `127.0.0.1`. Each must lie within one special-purpose range, so `0.0.0.0/0` is refused. Default none.
    allow_addresses: Vec<String>,
    /// Further hosts to which redirects may lead, such as `www.example.com`. Their addresses are checked against
    /// `allow_addresses` too. A redirect from `https` to `http` is never followed. Default none.
    allow_redirect_hosts: Vec<String>,
    /// Certificates (PEM) of authorities trusted in addition to Mozilla's, by all checks; a server's own self-signed one too.
    /// Default none.
    ca_certificates: Vec<String>,
}

impl RawNetwork {
    /// Returns `None` when a value is wrong; the section then holds all problems.
    pub(crate) fn validate(self, section: &Section<'_>) -> Option<Network> {
        let networks: Vec<Option<IpNet>> =
            self.allow_addresses.iter().map(|text| section.parsed("allow_addresses", network(text))).collect();
        let allow_redirect_hosts: Vec<Option<String>> =
            self.allow_redirect_hosts.iter().map(|text| section.parsed("allow_redirect_hosts", host(text))).collect();
        let ca_certificates: Vec<Option<Vec<CertificateDer<'static>>>> =
            self.ca_certificates.iter().map(|text| section.parsed("ca_certificates", certificates(text))).collect();
        let ca_certificates: Option<Vec<_>> = ca_certificates.into_iter().collect();
        let tls = Tls::new(&ca_certificates?.concat())
            .map_err(|_| "expected certificates of authorities, found one that cannot be trusted".to_owned());
        let tls = section.parsed("ca_certificates", tls);
        let egress = EgressPolicy::new(
            allow_redirect_hosts.into_iter().collect::<Option<Vec<_>>>()?,
            networks.into_iter().collect::<Option<_>>()?,
        );
        Some(Network { egress, tls: tls? })
    }
}

impl Network {
    /// Creates it from an egress policy and TLS settings.
    #[must_use]
    pub fn new(egress: EgressPolicy, tls: Tls) -> Self {
        Self { egress, tls }
    }
}

/// A network within one of the special ranges. A wider one would allow addresses by accident, and public addresses need
/// no permission.
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
    let wrong = |why: &str| format!("expected a host such as `www.example.com`{why}, found `{text}`");
    let host = Host::parse(text).map_err(|_| wrong(""))?;
    check_host(&host).map_err(|rule| wrong(&format!(" {rule}")))?;
    Ok(host.to_string().trim_end_matches('.').to_owned())
}

fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    // A private key pasted here by mistake is not shown.
    Tls::certificates(text)
        .map_err(|problem| format!("expected a certificate in PEM, found a text (not shown) where {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_lies_within_one_special_range() {
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
    fn host_is_normalized_as_in_urls() {
        assert_eq!(host("WWW.Køreskole.example.").unwrap(), "www.xn--kreskole-54a.example");
        for text in [
            "https://www.example",
            "www.example:443",
            "www.example/a",
            "",
            "a b",
            "*.example.com",
            "$HOST",
            "a..example",
        ] {
            let error = host(text).expect_err(text);
            assert!(error.starts_with("expected a host such as `www.example.com`"), "{error}");
        }
    }

    #[test]
    fn certificate_errors_do_not_show_the_text() {
        for (text, problem) in [
            ("", "holds no `-----BEGIN CERTIFICATE-----`"),
            ("secret", "holds no"),
            ("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----", "holds a private key"),
            ("-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----", "holds a private key"),
            ("-----BEGIN CERTIFICATE REQUEST-----\nc2VjcmV0\n-----END CERTIFICATE REQUEST-----", "holds no"),
            ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "certificate 1 does not decode"),
            ("-----BEGIN CERTIFICATE-----\nc2VjcmV0\n", "certificate 1 has no `-----END CERTIFICATE-----`"),
            ("-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----", "certificate 1 does not decode"),
            (
                "-----BEGIN CERTIFICATE-----\nc2Vj!\n-----END CERTIFICATE-----",
                "certificate 1 is not Base64: it has the character `!`",
            ),
            (
                "-----BEGIN CERTIFICATE-----\n> c2Vj\n> cmV0\n-----END CERTIFICATE-----",
                "certificate 1 is not Base64: it has the character `>`",
            ),
            (
                "-----BEGIN CERTIFICATE-----\nc2Vj\u{e6}\n-----END CERTIFICATE-----",
                "certificate 1 is not Base64: it has a character that is not printable or beyond ASCII",
            ),
            (
                "-----BEGIN CERTIFICATE-----\nc2Vj=cmV0\n-----END CERTIFICATE-----",
                "certificate 1 is not Base64: it has `=` before its end",
            ),
            (
                "-----BEGIN CERTIFICATE-----\nc2Vjc\n-----END CERTIFICATE-----",
                "certificate 1 is not Base64: characters are missing or were added",
            ),
        ] {
            let message = certificates(text).unwrap_err();
            assert!(message.contains("expected a certificate in PEM") && message.contains(problem), "{message}");
            assert!(!message.contains("c2Vj"), "{message}");
        }
    }
}
