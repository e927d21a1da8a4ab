//! The ports of this program: everything in memory, secrets from the environment.

use std::sync::Arc;

use check::Journey;
use local::{EnvironmentSecrets, Memory};
use probe::{Redactor, Tls};
use runtime::{Clock, Ports};

/// Ports that write into `memory` and take their time from `clock`.
pub(crate) fn ports(memory: &Arc<Memory>, clock: Arc<dyn Clock>) -> anyhow::Result<Ports> {
    Ok(Ports {
        clock,
        state: memory.clone(),
        metrics: memory.clone(),
        notifier: memory.clone(),
        secrets: Arc::new(EnvironmentSecrets::new(|name: &str| std::env::var(name).ok())),
        tls: Tls::new(&[])?,
        redactor: Redactor::default(),
        location: "this-machine".to_owned(),
        recorder: Arc::new(Journey::new),
    })
}
