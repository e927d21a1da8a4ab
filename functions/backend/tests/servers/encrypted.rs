//! Encrypted connections, to servers that are trusted and to others.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::mariadb::MariaDb;
use crate::redis::Redis;
use crate::world::{World, cache, database};
use check_testkit::servers::{Folder, free_port};

/// Whom a server's certificate is signed by.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn generate() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        // Authorities of the same name would be taken for one with a wrong signature.
        params.distinguished_name.push(DnType::CommonName, format!("{:x?}", &key.public_key_raw()[..8]));
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        Self { pem: issuer.pem(), issuer }
    }

    /// A certificate for a host, and its key.
    fn sign(&self, host: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// The paths of a certificate for this machine and of its key.
fn certificate(authority: &Authority, host: &str, folder: &Folder) -> (String, String) {
    let (certificate, key) = authority.sign(host);
    (folder.file("certificate.pem", &certificate), folder.file("key.pem", &key))
}

fn encrypted_database(authority: &Authority, host: &str, folder: &Folder) -> MariaDb {
    let (certificate, key) = certificate(authority, host, folder);
    let options = [format!("--ssl-cert={certificate}"), format!("--ssl-key={key}")];
    let only_so = "ALTER USER 'synthetics'@'%' REQUIRE SSL;";
    MariaDb::start(&options.each_ref().map(String::as_str), only_so)
}

#[tokio::test]
async fn a_database_whose_authority_is_trusted_is_reached_and_another_is_not() {
    let (authority, folder) = (Authority::generate(), Folder::new(env!("CARGO_TARGET_TMPDIR"), "tls"));
    let server = encrypted_database(&authority, "localhost", &folder);
    let settings = database(server.port, "");
    World::new(&settings, &[&authority.pem]).run().await.passed();
    let said = World::new(&settings, &[&Authority::generate().pem]).run().await.failed("database connect tls");
    assert!(said.contains("unknown authority"), "{said}");
    // It wants TLS, and refuses our user without.
    World::with_database(server.port, "").run().await.inconclusive();
}

#[tokio::test]
async fn a_database_with_a_certificate_of_another_host_is_not_trusted() {
    let (authority, folder) = (Authority::generate(), Folder::new(env!("CARGO_TARGET_TMPDIR"), "tls"));
    let server = encrypted_database(&authority, "db.elsewhere.example", &folder);
    let said = World::new(&database(server.port, ""), &[&authority.pem]).run().await.failed("database connect tls");
    assert!(said.contains("another host"), "{said}");
}

#[tokio::test]
async fn a_database_without_tls_is_a_failure_where_it_is_expected() {
    let server = MariaDb::start(&[], "");
    let said = World::new(&database(server.port, ""), &[]).run().await.failed("database connect tls");
    assert!(said.contains("a server without TLS"), "{said}");
}

#[tokio::test]
async fn a_cache_whose_authority_is_trusted_is_reached_and_another_is_not() {
    let (authority, folder) = (Authority::generate(), Folder::new(env!("CARGO_TARGET_TMPDIR"), "tls"));
    let (certificate, key) = certificate(&authority, "localhost", &folder);
    let own = folder.file("authority.pem", &authority.pem);
    let port = free_port().to_string();
    let server = Redis::start(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &own,
        "--tls-auth-clients",
        "no",
    ]);
    let settings = cache(port.parse().unwrap(), "");
    World::new(&settings, &[&authority.pem]).run().await.passed();
    World::new(&settings, &[&Authority::generate().pem]).run().await.failed("cache connect tls");
    drop(server);
}
