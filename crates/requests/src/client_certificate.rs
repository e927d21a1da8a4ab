//! Client certificate of a request, and the identity built from it.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use check::{Cause, StepEnded, ours, phrase};
use probe::{ClientIdentity, Tls};
use runtime::Step;
use secrecy::{ExposeSecret, SecretString};
use settings::SecretRef;

/// Certificate and key by which a request identifies itself. The identity is built at its first use, and again when the secrets
/// change.
pub struct ClientCertificate {
    certificate: SecretRef,
    key: SecretRef,
    tls: Tls,
    built: Mutex<Option<Built>>,
}

/// Identity, with the texts from which it was built.
struct Built {
    certificate: SecretString,
    key: SecretString,
    identity: ClientIdentity,
}

impl ClientCertificate {
    pub(crate) const fn new(certificate: SecretRef, key: SecretRef, tls: Tls) -> Self {
        Self { certificate, key, tls, built: Mutex::new(None) }
    }

    /// Identity from the secrets of now.
    ///
    /// # Errors
    /// [`StepEnded`] when a secret could not be read or is of no use: the step is inconclusive.
    pub(crate) async fn identity(&self, step: &Step<'_>) -> Result<ClientIdentity, StepEnded> {
        let certificate = step.pem(&self.certificate).await?;
        let key = step.pem(&self.key).await?;
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |one: &SecretString, other: &SecretString| one.expose_secret() == other.expose_secret();
        if let Some(built) = built.as_ref()
            && is_same(&built.certificate, &certificate)
            && is_same(&built.key, &key)
        {
            return Ok(built.identity.clone());
        }
        let read = ClientIdentity::from_pem(&self.tls, certificate.expose_secret(), key.expose_secret());
        let identity = read.map_err(|mistake| {
            let detail = phrase!(
                "the client certificate of {} and {} cannot be used: {}",
                ours(&self.certificate),
                ours(&self.key),
                ours(mistake)
            );
            step.inconclusive(Cause::Reference, detail)
        })?;
        *built = Some(Built { certificate, key, identity: identity.clone() });
        Ok(identity)
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client certificate of {} and {}", self.certificate, self.key)
    }
}
