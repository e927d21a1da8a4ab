//! The commands of `deployment` in a build without the AWS SDKs, such as `cargo demo`.

use std::sync::Arc;

use anyhow::bail;
use runtime::Secrets;

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

needs_aws!(mute, unmute, mutes, list_maintenance, sync_maintenance, clear_memory, incidents, incident);

/// Resolves references on this machine only.
pub(crate) fn with_parameters(local: Arc<dyn Secrets>, _: Option<&str>) -> Arc<dyn Secrets> {
    local
}
