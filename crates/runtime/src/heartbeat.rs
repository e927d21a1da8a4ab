//! Heartbeat: a ping to a service outside AWS, which notices when all of AWS is silent.

use std::time::Duration;

use check::{Phrase, Report, phrase};
use probe::{Identity, Request};
use settings::{Network, SecretRef};

use crate::Ports;
use crate::secret_url::send_to_secret_url;

/// Time left in the reserve after writing state, notifying and clearing the outbox.
const DEADLINE: Duration = Duration::from_millis(1_500);

/// Requests the URL once. A failed ping is a warning of the run, not a failure of the platform.
pub(crate) async fn ping(
    ports: &Ports,
    network: &Network,
    reference: &SecretRef,
    report: &Report,
) -> Result<(), Phrase> {
    let identity = Identity { run_id: report.run_id.clone(), trace_id: report.trace_id.clone() };
    let request = |url| Request::new(http::Method::GET, url).deadline(DEADLINE);
    let sent = send_to_secret_url(ports, network, reference, identity, request).await;
    sent.map_err(|why| phrase!("failed to ping the heartbeat: {}", why))
}
