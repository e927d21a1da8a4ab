//! The ports of this program: everything in memory, secrets from the environment, and in the demo from the stand-in.

use std::sync::Arc;

use check::Journey;
use demo_platform::Running;
use local::{EnvironmentSecrets, Memory};
use probe::Redactor;
use runtime::{Clock, Ports};

/// Ports that write into `memory` and take their time from `clock`. `parameters` stand in for SSM, by name.
pub(crate) fn ports(
    memory: &Arc<Memory>,
    clock: Arc<dyn Clock>,
    parameters: impl IntoIterator<Item = (String, String)>,
) -> anyhow::Result<Ports> {
    let variables = EnvironmentSecrets::new(|name: &str| std::env::var(name).ok());
    Ok(Ports {
        clock,
        state: memory.clone(),
        metrics: memory.clone(),
        notifier: memory.clone(),
        secrets: Arc::new(variables.with_parameters(parameters)),
        redactor: Redactor::default(),
        location: "this-machine".to_owned(),
        recorder: Arc::new(Journey::new),
    })
}

/// What the stand-in of the platform drew for itself, where the demo's settings refer to it.
pub(crate) fn parameters_of_demo(platform: &Running) -> impl Iterator<Item = (String, String)> {
    platform.credentials().into_iter().map(|(path, value)| (format!("/just-driving/demo/{path}"), value))
}
