//! State and alarms of a deployment, with an operator's credentials.

use anyhow::{Context, bail};
use aws::{MuteRules, Table};
use operations::names;

use crate::arguments::Deployment;

const NO_REGION: &str = "no AWS region is set; give --region, set AWS_REGION, or set one in the profile";

/// Opens the state table.
pub(crate) async fn table(deployment: &Deployment) -> anyhow::Result<Table> {
    let name = match (&deployment.table, &deployment.environment) {
        (Some(table), _) => table.clone(),
        (None, Some(environment)) => names::resource(environment, "state"),
        (None, None) => bail!("no deployment is named; give --environment"),
    };
    let table = Table::for_operator(name, deployment.region.clone()).await;
    table.context(NO_REGION)
}

/// Opens the alarm mute rules.
pub(crate) async fn mute_rules(region: Option<String>) -> anyhow::Result<MuteRules> {
    MuteRules::for_operator(region).await.context(NO_REGION)
}
