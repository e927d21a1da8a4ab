//! Encrypted connections to trusted and untrusted servers.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::start;
use crate::world::{World, cache, database};
use check_testkit::servers::{Folder, MariaDb, free_port};

/// Authority that signs the certificates of servers.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn generate() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        // Two authorities with one name would look like one authority with a wrong signature.
        params.distinguished_name.push(DnType::CommonName, format!("{:x?}", &key.public_key_raw()[..8]));
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        Self { pem: issuer.pem(), issuer }
    }

    /// Signs a certificate for a host. Returns the certificate and its key as PEM.
    fn sign(&self, host: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// Writes a certificate for a host and its key to files. Returns their paths.
fn certificate(authority: &Authority, host: &str, folder: &Folder) -> (String, String) {
    let (certificate, key) = authority.sign(host);
    (folder.file("certificate.pem", &certificate), folder.file("key.pem", &key))
}

fn encrypted_database(authority: &Authority, host: &str, folder: &Folder) -> MariaDb {
    let (certificate, key) = certificate(authority, host, folder);
    let options = [format!("--ssl-cert={certificate}"), format!("--ssl-key={key}")];
    let require_tls = "ALTER USER 'synthetics'@'%' REQUIRE SSL;";
    start::mariadb(&options.each_ref().map(String::as_str), require_tls)
}

#[tokio::test]
async fn database_is_reached_only_if_its_authority_is_trusted() {
    let (authority, folder) = (Authority::generate(), Folder::new(env!("CARGO_TARGET_TMPDIR"), "tls"));
    let server = encrypted_database(&authority, "localhost", &folder);
    let settings = database(server.port, "");
    World::new(&settings, &[&authority.pem]).run().await.passed();
    let text = World::new(&settings, &[&Authority::generate().pem]).run().await.failed("database connect tls");
    assert!(text.contains("the authority is unknown"), "{text}");
    // The server refuses the user without TLS.
    World::with_database(server.port, "").run().await.inconclusive();
}

#[tokio::test]
async fn database_certificate_of_another_host_fails() {
    let (authority, folder) = (Authority::generate(), Folder::new(env!("CARGO_TARGET_TMPDIR"), "tls"));
    let server = encrypted_database(&authority, "db.elsewhere.example", &folder);
    let text = World::new(&database(server.port, ""), &[&authority.pem]).run().await.failed("database connect tls");
    assert!(text.contains("another host"), "{text}");
}

#[tokio::test]
async fn database_without_tls_fails_if_tls_is_required() {
    let server = start::mariadb(&[], "");
    let text = World::new(&database(server.port, ""), &[]).run().await.failed("database connect tls");
    assert!(text.contains("a server without TLS"), "{text}");
}

#[tokio::test]
async fn cache_is_reached_only_if_its_authority_is_trusted() {
    let (authority, folder) = (Authority::generate(), Folder::new(env!("CARGO_TARGET_TMPDIR"), "tls"));
    let (certificate, key) = certificate(&authority, "localhost", &folder);
    let authority_file = folder.file("authority.pem", &authority.pem);
    let port = free_port().to_string();
    let server = start::redis(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &authority_file,
        "--tls-auth-clients",
        "no",
    ]);
    let settings = cache(port.parse().unwrap(), "");
    World::new(&settings, &[&authority.pem]).run().await.passed();
    World::new(&settings, &[&Authority::generate().pem]).run().await.failed("cache connect tls");
    drop(server);
}
