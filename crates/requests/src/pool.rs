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
    clients: RefCell<Vec<Oauth2>>,
    certificates: RefCell<BTreeMap<(SecretRef, SecretRef), Arc<ClientCertificate>>>,
}

impl Pool {
    pub(crate) fn oauth2(&self, url: Url, client_id: String, secret: SecretRef, scope: Option<String>) -> Oauth2 {
        let client = Oauth2::new(url, client_id, secret, scope);
        let mut clients = self.clients.borrow_mut();
        if let Some(shared) = clients.iter().find(|shared| shared.is_same(&client)) {
            return shared.clone();
        }
        clients.push(client.clone());
        client
    }

    pub(crate) fn certificate(&self, certificate: SecretRef, key: SecretRef, tls: &Tls) -> Arc<ClientCertificate> {
        let mut certificates = self.certificates.borrow_mut();
        let shared = certificates
            .entry((certificate.clone(), key.clone()))
            .or_insert_with(|| Arc::new(ClientCertificate::new(certificate, key, tls.clone())));
        Arc::clone(shared)
    }
}
