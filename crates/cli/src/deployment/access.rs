//! State and alarms of a deployment, with an operator's credentials.

use anyhow::bail;
use aws::{MuteRules, Table};
use operations::names;

use crate::arguments::Deployment;

/// Opens the state table.
pub(crate) async fn table(deployment: &Deployment) -> anyhow::Result<Table> {
    let name = match (&deployment.table, &deployment.environment) {
        (Some(table), _) => table.clone(),
        (None, Some(environment)) => names::resource(environment, "state"),
        (None, None) => bail!("no deployment is named; give --environment"),
    };
    Ok(Table::for_operator(name, deployment.region.clone()).await?)
}

/// Opens the alarm mute rules.
pub(crate) async fn mute_rules(region: Option<String>) -> anyhow::Result<MuteRules> {
    Ok(MuteRules::for_operator(region).await?)
}
