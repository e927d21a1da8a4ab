//! Client certificates: the servers that get them, and useless ones.

use std::time::Duration;

use hostile::{Authority, Server, answer, ok};

use crate::{found, problems, runs, settings};

const KEYS: &str = "client_certificate = { certificate = \"ssm:/just-driving/test/availability/client/certificate\", \
                    key = \"ssm:/just-driving/test/availability/client/private_key\" }";

/// Authorities of servers and of clients, and the client's certificate and key in PEM.
struct Setup {
    servers: Authority,
    clients: Authority,
    certificate: String,
    key: String,
}

impl Setup {
    fn generate() -> Self {
        let (servers, clients) = (Authority::generate(), Authority::generate());
        let (certificate, key) = clients.sign_pem("monitor");
        Self { servers, clients, certificate, key }
    }

    /// Server that refuses other clients.
    async fn server(&self, script: impl Fn(&str) -> Vec<hostile::Action> + Send + Sync + 'static) -> Server {
        Server::tls(self.servers.server_for_clients("localhost", &self.clients), Duration::ZERO, script).await
    }

    /// Findings of two runs with these keys and this certificate and key. The key is not in the reports.
    async fn findings(&self, server: &Server, keys: &str, certificate: &str, key: &str) -> Vec<String> {
        let network = format!("ca_certificates = ['''\n{}''']\n", self.servers.pem);
        let settings = settings(&format!("https://localhost:{}", server.address.port()), &network, keys);
        let secrets = [("client/certificate", certificate), ("client/private_key", key)];
        let reports = runs(&settings, &secrets, 2).await;
        let written = serde_json::to_string(&reports).unwrap();
        assert!(!self.key.lines().any(|line| !line.starts_with('-') && written.contains(line)), "{written}");
        reports.iter().map(found).collect()
    }
}

#[tokio::test]
async fn server_that_requires_a_certificate_gets_it() {
    let setup = Setup::generate();
    let server = setup.server(|_| ok()).await;
    let one_line = setup.key.replace('\n', " ");
    for key in [setup.key.as_str(), &format!("{}\n", setup.key), one_line.trim_end()] {
        assert_eq!(setup.findings(&server, KEYS, &setup.certificate, key).await, ["passed", "passed"]);
    }
    let (other_certificate, other_key) = setup.servers.sign_pem("monitor");
    for (case, keys, certificate, key) in [
        ("none", "", &setup.certificate, &setup.key),
        ("one of another authority", KEYS, &other_certificate, &other_key),
    ] {
        for finding in setup.findings(&server, keys, certificate, key).await {
            assert!(finding.starts_with("request tls: expected "), "{case}: {finding}");
        }
    }
}

#[tokio::test]
async fn another_origin_does_not_get_the_certificate() {
    let setup = Setup::generate();
    let other = setup.server(|_| ok()).await;
    let location = format!("https://localhost:{}/", other.address.port());
    let server = setup.server(move |_| answer(&format!("302 Found\r\nLocation: {location}"), "")).await;
    for finding in setup.findings(&server, KEYS, &setup.certificate, &setup.key).await {
        assert!(finding.starts_with("request tls: expected "), "{finding}");
    }
    assert_eq!((server.requests().len(), other.requests().len()), (4, 0));
}

#[tokio::test]
async fn useless_certificate_is_inconclusive() {
    let setup = Setup::generate();
    let server = setup.server(|_| ok()).await;
    let (_, other_key) = setup.clients.sign_pem("monitor");
    for (certificate, key, expected) in [
        (setup.certificate.as_str(), other_key.as_str(), "the key is not that of the certificate"),
        ("nothing", &setup.key, "the certificate holds no `-----BEGIN CERTIFICATE-----`"),
        (&setup.certificate, &setup.key[..100], "the key has no `-----END`: it was cut"),
    ] {
        let expected = format!(
            "reference: the client certificate of ssm:/just-driving/test/availability/client/certificate and \
             ssm:/just-driving/test/availability/client/private_key cannot be used: {expected}"
        );
        assert_eq!(setup.findings(&server, KEYS, certificate, key).await, [expected.clone(), expected]);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn every_mistake_of_a_client_certificate_is_named() {
    insta::assert_snapshot!(problems("client_certificate = { certificate = \"-----BEGIN CERTIFICATE-----\" }\n"));
}
