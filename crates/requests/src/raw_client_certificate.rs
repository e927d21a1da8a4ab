//! Keys of a client certificate: the raw form and its validation.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use settings::{RawReference, Section};

use crate::client_certificate::ClientCertificate;
use crate::source::Source;

/// Certificate by which the request identifies itself (mutual TLS), as a settings file writes it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawClientCertificate {
    /// Reference to the certificate in PEM, followed by those of its authorities if the server needs them. Required.
    certificate: Option<RawReference>,
    /// Reference to its private key in PEM, without a password. Required.
    key: Option<RawReference>,
}

impl RawClientCertificate {
    pub(crate) fn validate(self, section: &Section<'_>, source: &Source<'_>) -> Option<Arc<ClientCertificate>> {
        let read = |key: &str, raw: Option<RawReference>| {
            let raw = section.required(key, raw)?;
            section.secret(key, Some(raw), &source.common.environment, source.check)
        };
        let (certificate, key) = (read("certificate", self.certificate), read("key", self.key));
        Some(source.pool.certificate(certificate?, key?, &source.common.network.tls))
    }
}
