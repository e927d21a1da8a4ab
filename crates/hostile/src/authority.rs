//! Valid and defective certificates.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, NameConstraints, SanType, date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    pki_types::CertificateDer,
    server::WebPkiClientVerifier,
    sign::{CertifiedKey, SingleCertAndKey},
};

/// A day (UTC): year, month, day.
pub type Day = (i32, u8, u8);

/// Midnight at the start of a day. A macro, because the result type belongs to a dependency of rcgen.
macro_rules! at {
    ($day:expr) => {
        date_time_ymd($day.0, $day.1, $day.2)
    };
}

/// A root authority that test clients trust, or an intermediate one.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Common name.
    pub name: String,
    /// Certificate in DER.
    pub certificate: CertificateDer<'static>,
    /// Certificate in PEM.
    pub pem: String,
}

impl Authority {
    /// Creates a root authority.
    #[must_use]
    pub fn generate() -> Self {
        let key = KeyPair::generate().unwrap();
        // Clients would confuse authorities of the same name and report a wrong signature.
        let name = format!("{:x?}", &key.public_key_raw()[..8]);
        let params = Self::params(&name);
        Self::new(name, params.self_signed(&key).unwrap(), params, key)
    }

    /// Creates an intermediate authority that is valid between two years.
    pub fn intermediate(&self, name: &str, years: (i32, i32)) -> Self {
        self.intermediate_between(name, (years.0, 1, 1), (years.1, 1, 1))
    }

    fn intermediate_between(&self, name: &str, begin: Day, end: Day) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = Self::params(name);
        (params.not_before, params.not_after) = (at!(begin), at!(end));
        Self::new(name.to_owned(), params.signed_by(&key, &self.issuer).unwrap(), params, key)
    }

    /// Issues another certificate for an intermediate authority, with the same name and key.
    pub fn renewed(&self, authority: &Self, years: (i32, i32)) -> CertificateDer<'static> {
        let mut params = Self::params(&authority.name);
        (params.not_before, params.not_after) = (at!((years.0, 1, 1)), at!((years.1, 1, 1)));
        params.signed_by(authority.issuer.key(), &self.issuer).unwrap().der().clone()
    }

    /// Creates an intermediate authority with a limit.
    pub fn limited(&self, name: &str, limit: Limit) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = Self::params(name);
        match limit {
            Limit::PathLength => params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
            Limit::Names => {
                let permitted_subtrees = vec![GeneralSubtree::DnsName("limited.example".to_owned())];
                params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
            }
        }
        Self::new(name.to_owned(), params.signed_by(&key, &self.issuer).unwrap(), params, key)
    }

    fn new(name: String, certificate: Certificate, params: CertificateParams, key: KeyPair) -> Self {
        let (pem, certificate) = (certificate.pem(), certificate.der().clone());
        Self { issuer: Issuer::new(params, key), name, certificate, pem }
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    /// Creates an intermediate authority that expires on a day.
    pub fn intermediate_until(&self, name: &str, end: Day) -> Self {
        self.intermediate_between(name, (2020, 1, 1), end)
    }

    /// Server configuration for a host, with a certificate that expires on a day.
    pub fn server_until(&self, host: &str, end: Day) -> ServerConfig {
        let (certificate, key) = self.sign(host, (2020, 1, 1), end);
        config(vec![certificate], key, rustls::DEFAULT_VERSIONS)
    }

    /// Server configuration with a certificate that has these alternative names, as names even when they are addresses,
    /// and a common name.
    pub fn server_named(&self, common_name: &str, names: &[&str]) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.subject_alt_names = names.iter().map(|name| SanType::DnsName((*name).try_into().unwrap())).collect();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        config(vec![certificate], key, rustls::DEFAULT_VERSIONS)
    }

    /// Server configuration with an unusual certificate for a host, and that certificate in PEM.
    pub fn server_odd(&self, host: &str, oddity: Oddity) -> (ServerConfig, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (at!((2020, 1, 1)), at!((2999, 1, 1)));
        match oddity {
            Oddity::Authority => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            Oddity::ForClients => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            Oddity::CriticalExtension => {
                // A text in UTF-8.
                let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4, 5], b"\x0c\x03odd".to_vec());
                extension.set_criticality(true);
                params.custom_extensions = vec![extension];
            }
            Oddity::OtherNames => {
                let (uri, address) = (format!("https://{host}/"), format!("info@{host}"));
                params.subject_alt_names =
                    vec![SanType::URI(uri.try_into().unwrap()), SanType::Rfc822Name(address.try_into().unwrap())];
            }
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (config(vec![certificate.der().clone()], key, rustls::DEFAULT_VERSIONS), certificate.pem())
    }

    /// Certificate and key for a host, in PEM.
    pub fn sign_pem(&self, host: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    /// Server configuration for a host, with a certificate that is valid between two years.
    pub fn server(&self, host: &str, years: (i32, i32), protocols: &[&str]) -> ServerConfig {
        self.server_with(host, years, protocols, rustls::DEFAULT_VERSIONS)
    }

    /// Server configuration like [`Self::server`], with these versions of TLS.
    pub fn server_with(
        &self,
        host: &str,
        years: (i32, i32),
        protocols: &[&str],
        versions: &[&'static SupportedProtocolVersion],
    ) -> ServerConfig {
        let (certificate, key) = self.sign(host, (years.0, 1, 1), (years.1, 1, 1));
        let mut config = config(vec![certificate], key, versions);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config
    }

    /// Server configuration for a host that refuses clients without a certificate of an authority.
    pub fn server_for_clients(&self, host: &str, clients: &Self) -> ServerConfig {
        let mut roots = RootCertStore::empty();
        roots.add(clients.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
        let (certificate, key) = self.sign(host, (2020, 1, 1), (2999, 1, 1));
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        builder.with_client_cert_verifier(verifier).with_single_cert(vec![certificate], key.into()).unwrap()
    }

    /// Server configuration that sends these certificates after the one for the host.
    pub fn server_with_chain(&self, host: &str, years: (i32, i32), chain: &[CertificateDer<'static>]) -> ServerConfig {
        let (certificate, key) = self.sign(host, (years.0, 1, 1), (years.1, 1, 1));
        config([&[certificate], chain].concat(), key, rustls::DEFAULT_VERSIONS)
    }

    fn sign(&self, host: &str, begin: Day, end: Day) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (at!(begin), at!(end));
        (params.signed_by(&key, &self.issuer).unwrap().der().clone(), key)
    }
}

/// Limit of an intermediate authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// No further authority below it.
    PathLength,
    /// Only names of `limited.example`.
    Names,
}

/// What is unusual about a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// It is one of an authority.
    Authority,
    /// It is only for clients.
    ForClients,
    /// It has a critical extension that no client knows.
    CriticalExtension,
    /// Its names are a URI and an e-mail address.
    OtherNames,
}

/// Server configuration with a self-signed certificate.
pub fn self_signed(host: &str) -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, host);
    let certificate = params.self_signed(&key).unwrap().der().clone();
    config(vec![certificate], key, rustls::DEFAULT_VERSIONS)
}

/// Server configuration with a self-signed certificate whose subject is empty.
pub fn self_signed_unnamed(host: &str) -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    config(vec![certificate], key, rustls::DEFAULT_VERSIONS)
}

/// Kind of a server's certificate that is signed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnSigned {
    /// One of a server.
    Server,
    /// One of an authority, as `openssl req -x509` makes it.
    Authority,
    /// Another one of an authority.
    AnotherAuthority,
    /// One of an authority that is only for clients.
    AuthorityOfClients,
}

/// Server configuration with a certificate that is signed by itself and valid until a day, and that certificate in PEM.
pub fn own_signed(kind: OwnSigned, host: &str, end: Day) -> (ServerConfig, String) {
    let key = KeyPair::generate().unwrap();
    // Another name than that of the host, which other certificates may have.
    let mut params = Authority::params(&format!("{kind:?}"));
    params.subject_alt_names = vec![SanType::DnsName(host.try_into().unwrap())];
    params.not_after = at!(end);
    match kind {
        OwnSigned::Server => params.is_ca = IsCa::NoCa,
        OwnSigned::Authority | OwnSigned::AnotherAuthority => {}
        OwnSigned::AuthorityOfClients => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
    }
    let certificate = params.self_signed(&key).unwrap();
    (config(vec![certificate.der().clone()], key, rustls::DEFAULT_VERSIONS), certificate.pem())
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key.into()).unwrap();
    // Not `with_single_cert`, which refuses certificates that it cannot read.
    let certified = SingleCertAndKey::from(CertifiedKey::new(chain, key));
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certified))
}
