//! The commands of `deployment` in a build without the AWS SDKs, such as `cargo demo`.

use std::sync::Arc;

use anyhow::bail;
use console::Actions;
use history::History;
use runtime::Secrets;
use scheduler::Sns;
use settings::{Destination, DestinationKind};

use crate::arguments::deployment::Deployment;
use crate::exit::Exit;

macro_rules! needs_aws {
    ($($command:ident),*) => {
        $(
            pub(crate) async fn $command<Options>(_: &Options) -> anyhow::Result<Exit> {
                bail!("this build has no AWS SDKs, and the command needs a deployment; use `cargo run --` instead of `cargo demo`, or \
                       build with the feature `aws`")
            }
        )*
    };
}

needs_aws!(
    mute,
    unmute,
    mutes,
    acknowledge,
    mark,
    list_maintenance,
    sync_maintenance,
    clear_memory,
    incidents,
    incident,
    set_secret,
    check_secrets,
    examine,
    notify_test
);

/// Says nothing: without AWS no region is needed.
pub(crate) fn region(_: Option<String>, _: Option<&str>) -> Option<String> {
    None
}

/// Resolves references on this machine only.
pub(crate) fn with_parameters(local: Arc<dyn Secrets>, _: Option<String>) -> Arc<dyn Secrets> {
    local
}

/// Refuses topics as destinations.
pub(crate) async fn topics(destinations: &[Destination]) -> anyhow::Result<Option<Arc<dyn Sns>>> {
    match destinations.iter().find(|destination| matches!(destination.kind, DestinationKind::Sns(_))) {
        None => Ok(None),
        Some(topic) => bail!("this build has no AWS SDKs, and the destination {} is a topic of Amazon SNS", topic.name),
    }
}

/// Refuses deployments.
pub(crate) async fn history(_: &Deployment) -> anyhow::Result<Option<Box<dyn History>>> {
    bail!("this build has no AWS SDKs, and a deployment needs them; give --store")
}

/// Refuses deployments.
pub(crate) async fn actions(_: &Deployment, _: &str) -> anyhow::Result<Actions> {
    bail!("this build has no AWS SDKs, and a deployment needs them; give --store")
}

/// Details of an error that an operator may want.
pub(crate) fn details(_: &anyhow::Error) -> Option<&str> {
    None
}
