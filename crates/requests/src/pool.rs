//! Tokens and client certificates that several requests of a check share, for the life of the process.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use probe::Tls;
use settings::SecretRef;
use url::Url;

use crate::client_certificate::ClientCertificate;
use crate::oauth2::Oauth2;

/// Tokens and client certificates of the requests validated with it: equal ones are shared.
#[derive(Default)]
pub struct Pool {
    clients: RefCell<BTreeMap<(Url, String, SecretRef, Option<String>), Oauth2>>,
    certificates: RefCell<BTreeMap<(SecretRef, SecretRef), Arc<ClientCertificate>>>,
}

impl Pool {
    pub(crate) fn oauth2(&self, url: Url, client_id: String, secret: SecretRef, scope: Option<String>) -> Oauth2 {
        let key = (url.clone(), client_id.clone(), secret.clone(), scope.clone());
        let mut clients = self.clients.borrow_mut();
        clients.entry(key).or_insert_with(|| Oauth2::new(url, client_id, secret, scope)).clone()
    }

    pub(crate) fn certificate(&self, certificate: SecretRef, key: SecretRef, tls: &Tls) -> Arc<ClientCertificate> {
        let mut certificates = self.certificates.borrow_mut();
        let shared = certificates
            .entry((certificate.clone(), key.clone()))
            .or_insert_with(|| Arc::new(ClientCertificate::new(certificate, key, tls.clone())));
        Arc::clone(shared)
    }
}
