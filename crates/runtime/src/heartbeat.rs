//! Heartbeat: a ping to a service outside AWS, which notices when all of AWS is silent.

use std::sync::Arc;
use std::time::Duration;

use check::{Phrase, Report, ours, phrase};
use probe::{Client, Connections, Error, Identity, Request};
use secrecy::ExposeSecret;
use settings::{Network, SecretRef, check_requestable};
use url::Url;

use crate::Ports;
use crate::secret_value::Alphabet;

/// Time left in the reserve after writing state, notifying and clearing the outbox.
const DEADLINE: Duration = Duration::from_millis(1_500);

/// Requests the URL once. A failed ping is a warning of the run, not a failure of the platform.
pub(crate) async fn ping(
    ports: &Ports,
    network: &Network,
    reference: &SecretRef,
    report: &Report,
) -> Result<(), Phrase> {
    let secret = ports.resolve(reference, Alphabet::Visible).await.map_err(|error| error.describe())?;
    ports.redactor.register(secret.expose_secret());
    let url = Url::parse(secret.expose_secret()).map_err(|error| {
        phrase!(
            "failed to ping the heartbeat: expected a URL in {}, found something else (not shown): {}",
            ours(reference),
            ours(error)
        )
    })?;
    check_requestable(&url).map_err(|rule| {
        phrase!(
            "failed to ping the heartbeat: expected a URL {} in {}, found another (not shown)",
            ours(rule),
            ours(reference)
        )
    })?;
    let identity = Identity { run_id: report.run_id.clone(), trace_id: report.trace_id.clone() };
    let clock = ports.clock.clone();
    let now = Arc::new(move || clock.now());
    let egress = network.egress.only_to(&url);
    let client = Client::new(&network.tls, &egress, identity, ports.redactor.clone(), now, Connections::Fresh)
        .map_err(Error::describe)?;
    let sent = client.send(Request::new(http::Method::GET, url).deadline(DEADLINE)).await;
    match sent.result {
        Ok(response) if response.status.is_success() => Ok(()),
        Ok(response) => Err(phrase!("failed to ping the heartbeat: status {}", response.status_line())),
        Err(error) => Err(phrase!("failed to ping the heartbeat: {}", error.describe())),
    }
}
