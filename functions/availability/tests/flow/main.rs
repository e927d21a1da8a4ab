//! The flow in process, against real servers.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod certificates;
mod mutation;

use std::sync::Arc;

use check::Journey;
use local::{EnvironmentSecrets, Memory};
use probe::{Redactor, Tls};
use runtime::{Ports, SkippingClock};

/// Everything in memory, no secrets, waits skipped.
fn ports(memory: &Arc<Memory>, clock: &Arc<SkippingClock>, tls: Tls) -> Ports {
    Ports {
        clock: clock.clone(),
        state: memory.clone(),
        metrics: memory.clone(),
        notifier: memory.clone(),
        secrets: Arc::new(EnvironmentSecrets::new(|_: &str| None)),
        tls,
        redactor: Redactor::default(),
        location: "test".to_owned(),
        recorder: Arc::new(Journey::new),
    }
}
