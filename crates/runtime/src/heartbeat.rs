//! Heartbeat: a ping to a service outside AWS, which notices when all of AWS is silent.

use std::sync::Arc;
use std::time::Duration;

use check::Report;
use probe::{Client, Connections, Identity, Request};
use secrecy::ExposeSecret;
use settings::{Network, SecretRef};
use url::Url;

use crate::Ports;

/// Time left in the reserve after writing state, notifying and clearing the outbox.
const DEADLINE: Duration = Duration::from_millis(1_500);

/// Requests the URL once. A failed ping is a warning of the run, not a failure of the platform.
pub(crate) async fn ping(
    ports: &Ports,
    network: &Network,
    reference: &SecretRef,
    report: &Report,
) -> Result<(), String> {
    let secret = ports.secrets.resolve(reference).await.map_err(|error| error.to_string())?;
    ports.redactor.register(secret.expose_secret());
    let url = Url::parse(secret.expose_secret()).map_err(|error| {
        format!(
            "failed to ping the heartbeat: expected a URL in {reference}, found something else (not shown): {error}"
        )
    })?;
    let identity = Identity { run_id: report.run_id.clone(), trace_id: report.trace_id.clone() };
    let clock = ports.clock.clone();
    let now = Arc::new(move || clock.now());
    let egress = network.egress.only_to(&url);
    let client = Client::new(&network.tls, &egress, identity, ports.redactor.clone(), now, Connections::Fresh)
        .map_err(|error| error.to_string())?;
    let sent = client.send(Request::new(http::Method::GET, url).deadline(DEADLINE)).await;
    match sent.result {
        Ok(response) if response.status.is_success() => Ok(()),
        Ok(response) => Err(format!("failed to ping the heartbeat: status {}", response.status)),
        Err(error) => Err(format!("failed to ping the heartbeat: {error}")),
    }
}
