//! The ping to somebody outside AWS, who notices when all of AWS is silent.

use std::sync::Arc;
use std::time::Duration;

use check::Report;
use probe::{Client, Connections, Identity, Request};
use secrecy::ExposeSecret;
use url::Url;

use crate::Ports;
use crate::settings::{Network, SecretRef};

/// What writing, telling and clearing leave of the time that is kept back to tell.
const DEADLINE: Duration = Duration::from_millis(1_500);

/// Asks for the URL once. What goes wrong is a trouble of the run, not of the platform.
pub(crate) async fn ping(
    ports: &Ports,
    network: &Network,
    reference: &SecretRef,
    report: &Report,
) -> Result<(), String> {
    let secret = ports.secrets.resolve(reference).await.map_err(|error| error.to_string())?;
    ports.redactor.register(secret.expose_secret());
    let url = Url::parse(secret.expose_secret())
        .map_err(|error| format!("failed to ping the heartbeat: {reference} holds no URL: {error}"))?;
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
