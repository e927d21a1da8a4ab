//! Requests to URLs that are secrets: heartbeats, and webhooks of chats and pagers.

use std::sync::Arc;

use check::{Phrase, ours, phrase};
use probe::{Client, Connections, Error, Identity, Request};
use secrecy::ExposeSecret;
use settings::{Network, SecretRef, check_requestable};
use url::Url;

use crate::Ports;
use crate::secret_value::Alphabet;

/// Sends one request to the URL that a reference stands for, and expects success.
///
/// # Errors
/// What went wrong, without the URL.
pub async fn send_to_secret_url(
    ports: &Ports,
    network: &Network,
    reference: &SecretRef,
    identity: Identity,
    request: impl FnOnce(Url) -> Request,
) -> Result<(), Phrase> {
    let secret = ports.resolve(reference, Alphabet::Visible).await.map_err(|error| error.describe())?;
    ports.redactor.register(secret.expose_secret());
    let url = Url::parse(secret.expose_secret()).map_err(|error| {
        phrase!("expected a URL in {}, found something else (not shown): {}", ours(reference), ours(error))
    })?;
    check_requestable(&url)
        .map_err(|rule| phrase!("expected a URL {} in {}, found another (not shown)", ours(rule), ours(reference)))?;
    let clock = ports.clock.clone();
    let now = Arc::new(move || clock.now());
    let egress = network.egress.only_to(&url);
    let client = Client::new(&network.tls, &egress, identity, ports.redactor.clone(), now, Connections::Fresh)
        .map_err(Error::describe)?;
    match client.send(request(url)).await.result {
        Ok(response) if response.status.is_success() => Ok(()),
        Ok(response) => Err(phrase!("status {}", response.status_line())),
        Err(error) => Err(error.describe()),
    }
}
