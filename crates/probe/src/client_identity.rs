//! Certificate and key by which a client identifies itself to a server (mutual TLS).

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::Tls;

/// Certificate and key of a client, with the trust of a [`Tls`]. A redirect to another origin does not present it.
#[derive(Clone)]
pub struct ClientIdentity {
    pub(crate) tls: Tls,
}

impl ClientIdentity {
    /// Reads a certificate, followed by those of its authorities if there are any, and its key, both in PEM (RFC 7468). Lines
    /// may be indented, or joined by spaces, as settings and variables of pipelines leave them.
    ///
    /// # Errors
    /// What is wrong, without any of the texts.
    pub fn from_pem(tls: &Tls, certificate: &str, key: &str) -> Result<Self, String> {
        let chain = certificates(certificate).map_err(|mistake| format!("the certificate {mistake}"))?;
        let key = private_key(key).map_err(|mistake| format!("the key {mistake}"))?;
        let certified = CertifiedKey::from_der(chain, key, tls.provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => "the key is not that of the certificate".to_owned(),
            _ => "the certificate or the key does not decode, or is of a kind that TLS does not know".to_owned(),
        })?;
        Ok(Self { tls: tls.with_identity(SingleCertAndKey::from(certified)) })
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity").finish_non_exhaustive()
    }
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = blocks(pem)?;
    if found.is_empty() {
        return Err("holds no `-----BEGIN CERTIFICATE-----`".to_owned());
    }
    let certificate = |(label, der): (&str, Vec<u8>)| match label {
        "CERTIFICATE" => Ok(CertificateDer::from(der)),
        _ => Err(format!("holds something else than certificates: {}", kind(label))),
    };
    found.into_iter().map(certificate).collect()
}

fn private_key(pem: &str) -> Result<PrivateKeyDer<'static>, String> {
    match <[_; 1]>::try_from(blocks(pem)?) {
        Ok([("PRIVATE KEY", der)]) => Ok(PrivateKeyDer::Pkcs8(der.into())),
        Ok([("RSA PRIVATE KEY", der)]) => Ok(PrivateKeyDer::Pkcs1(der.into())),
        Ok([("EC PRIVATE KEY", der)]) => Ok(PrivateKeyDer::Sec1(der.into())),
        Ok([("ENCRYPTED PRIVATE KEY", _)]) => Err("is encrypted with a password; store it without".to_owned()),
        Ok([(label, _)]) => Err(format!("is no private key: {}", kind(label))),
        Err(found) if found.is_empty() => Err("holds no `-----BEGIN PRIVATE KEY-----`".to_owned()),
        Err(found) => Err(format!("has {} parts in PEM; expected one", found.len())),
    }
}

/// Kind of a block, in words of ours.
fn kind(label: &str) -> &'static str {
    match label {
        "CERTIFICATE" => "it is a certificate",
        label if label.ends_with("PRIVATE KEY") => "it is a private key",
        _ => "it is another kind of text in PEM",
    }
}

/// Blocks of a text in PEM, each with its label.
fn blocks(pem: &str) -> Result<Vec<(&str, Vec<u8>)>, String> {
    const BEGIN: &str = "-----BEGIN ";
    let mut found = Vec::new();
    for rest in pem.split(BEGIN).skip(1) {
        let Some((label, rest)) = rest.split_once("-----") else {
            return Err("has a `-----BEGIN` without an end: it was cut".to_owned());
        };
        let Some((base64, _)) = rest.split_once("-----END ") else {
            return Err("has no `-----END`: it was cut".to_owned());
        };
        let base64: String = base64.replace("\\n", "").split_whitespace().collect();
        let der =
            STANDARD.decode(base64).map_err(|_| "is not Base64 between `-----BEGIN` and `-----END`".to_owned())?;
        found.push((label, der));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn mistake(certificate: &str, key: &str) -> String {
        let tls = Tls::new(&[]).unwrap();
        match ClientIdentity::from_pem(&tls, certificate, key) {
            Ok(_) => "none".to_owned(),
            Err(mistake) => mistake,
        }
    }

    #[test]
    fn mistakes_in_pem_are_named_without_the_text() {
        let (one, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let certificate = CertificateParams::new(vec!["client".to_owned()]).unwrap().self_signed(&one).unwrap().pem();
        let (key, wrong) = (one.serialize_pem(), other.serialize_pem());
        assert_eq!(mistake(&certificate, &key), "none");
        assert_eq!(mistake(&certificate.replace('\n', " "), &key.replace('\n', "\\n")), "none");
        let encrypted = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
        let broken = key.replace("MIG", "AAA").replace("MC4", "AAA");
        for (certificate, key, expected) in [
            ("hunter2", &key[..], "the certificate holds no `-----BEGIN CERTIFICATE-----`"),
            (&key, &key, "the certificate holds something else than certificates: it is a private key"),
            (&certificate, "hunter2", "the key holds no `-----BEGIN PRIVATE KEY-----`"),
            (&certificate, &certificate, "the key is no private key: it is a certificate"),
            (&certificate, &wrong, "the key is not that of the certificate"),
            (&certificate, &encrypted, "the key is encrypted with a password; store it without"),
            (&certificate, &key[..80], "the key has no `-----END`: it was cut"),
            (&certificate, &format!("{key}{key}"), "the key has 2 parts in PEM; expected one"),
            (
                &certificate,
                &broken,
                "the certificate or the key does not decode, or is of a kind that TLS does not know",
            ),
        ] {
            assert_eq!(mistake(certificate, key), expected);
        }
    }
}
