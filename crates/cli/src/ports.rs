//! Ports of this program: everything in one store, secrets from the environment, in the demo from the demo platform.

use std::path::Path;
use std::sync::Arc;

use check::Journey;
use check::message::Machine;
use demo_platform::Running;
use local::EnvironmentSecrets;
use probe::Redactor;
use runtime::{CancellationToken, Clock, MetricSink, Notifier, Ports, StateStore};

/// Builds ports that write into `store` and take the time from `clock`. `interrupt` ends runs. `parameters` replace SSM, by name.
pub(crate) fn ports<S: StateStore + MetricSink + Notifier + 'static>(
    store: &Arc<S>,
    clock: Arc<dyn Clock>,
    interrupt: CancellationToken,
    parameters: impl IntoIterator<Item = (String, String)>,
) -> anyhow::Result<Ports> {
    let variables = EnvironmentSecrets::new(|name: &str| std::env::var_os(name));
    Ok(Ports {
        clock,
        state: store.clone(),
        metrics: store.clone(),
        notifier: store.clone(),
        secrets: Arc::new(variables.with_parameters(parameters)),
        redactor: Redactor::default(),
        location: "this-machine".to_owned(),
        region: None,
        machine: None,
        release: env!("CARGO_PKG_VERSION").to_owned(),
        interrupt,
        recorder: Arc::new(Journey::new),
    })
}

/// Files that commands in messages name. A name that is no text cannot be part of a command.
pub(crate) fn machine(settings: Option<&Path>, store: Option<&Path>) -> Machine {
    let name = |file: &Path| std::path::absolute(file).ok()?.to_str().map(str::to_owned);
    Machine { settings: settings.and_then(name), store: store.and_then(name) }
}

/// Secrets that the demo platform generated, under the names that the demo's settings refer to.
pub(crate) fn demo_parameters(platform: &Running) -> impl Iterator<Item = (String, String)> {
    platform.credentials().into_iter().map(|(path, value)| (format!("/just-driving/demo/{path}"), value))
}
