//! State and alarms of a deployment, with an operator's credentials.

use std::sync::Once;

use anyhow::bail;
use aws::{Deployed, DeployedHistory, MuteRules, NoAccess, Table};
use history::History;
use local::Store;
use operations::names;
use operations::samconfig::Samconfig;
use runtime::OperatorStore;

use crate::arguments::deployment::Deployment;

/// Opens the state of a deployment, or the store on this machine.
pub(crate) async fn state(deployment: &Deployment) -> anyhow::Result<Box<dyn OperatorStore>> {
    match &deployment.store {
        Some(file) => Ok(Box::new(Store::open_existing(file)?)),
        None => table(deployment).await,
    }
}

/// The same for a command that only reads. The store's file may then be one that cannot be written.
pub(crate) async fn state_to_read(deployment: &Deployment) -> anyhow::Result<Box<dyn OperatorStore>> {
    match &deployment.store {
        Some(file) => Ok(Box::new(Store::open_to_read(file)?)),
        None => table(deployment).await,
    }
}

async fn table(deployment: &Deployment) -> anyhow::Result<Box<dyn OperatorStore>> {
    let name = table_name(deployment)?;
    let region = region(deployment.region.given.clone(), deployment.environment.as_deref());
    Ok(Box::new(Table::for_operator(name, region).await?))
}

/// Opens the read side. `None`: only a table is named, and alarms are named after the environment.
pub(crate) async fn history(deployment: &Deployment) -> anyhow::Result<Option<Box<dyn History>>> {
    let is_known = deployment.store.is_some() || deployment.environment.is_some();
    Ok(if is_known { Some(records(deployment).await?) } else { None })
}

/// Opens the read side for incidents, mutes and marks: a table has them, whatever its environment is called.
pub(crate) async fn records(deployment: &Deployment) -> anyhow::Result<Box<dyn History>> {
    if let Some(file) = &deployment.store {
        return Ok(Box::new(Store::open_to_read(file)?));
    }
    let environment = deployment.environment.as_deref();
    let name = environment.unwrap_or_default();
    let names = Deployed {
        environment: name.to_owned(),
        table: table_name(deployment)?,
        alarms: names::resource(name, ""),
        log_groups: format!("/just-driving/{name}/synthetics/"),
    };
    let region = region(deployment.region.given.clone(), environment);
    Ok(Box::new(DeployedHistory::for_operator(names, region).await?))
}

/// Name of the environment. `None`: only a table is named, or a store has no runs.
pub(crate) fn environment(deployment: &Deployment) -> anyhow::Result<Option<String>> {
    match &deployment.store {
        Some(file) => Ok(Store::open_to_read(file)?.platform()?.map(|(environment, _)| environment)),
        None => Ok(deployment.environment.clone()),
    }
}

fn table_name(deployment: &Deployment) -> anyhow::Result<String> {
    match (&deployment.table, &deployment.environment) {
        (Some(table), _) => Ok(table.clone()),
        (None, Some(environment)) => Ok(names::resource(environment, "state")),
        (None, None) => bail!("no deployment is named; give --environment"),
    }
}

/// Finds the region of a deployment: the option, the variables, then `samconfig.toml`, in which case it says so. `None`: the
/// profile of the AWS CLI names it.
pub(crate) fn region(option: Option<String>, environment: Option<&str>) -> Option<String> {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if option.is_some() || is_set("AWS_REGION") || is_set("AWS_DEFAULT_REGION") {
        return option;
    }
    let samconfig = match Samconfig::find(&std::env::current_dir().ok()?) {
        Ok(found) => found?,
        Err(error) => {
            eprintln!("warning: no region is taken from samconfig.toml: {error:#}");
            return None;
        }
    };
    let environment = environment?;
    let region = samconfig.region(environment)?;
    // A command may connect to several services.
    static SAID: Once = Once::new();
    SAID.call_once(|| eprintln!("region {region}, from {} for {environment}", samconfig.file()));
    Some(region)
}

/// Opens the alarm mute rules.
pub(crate) async fn mute_rules(option: Option<String>, environment: &str) -> anyhow::Result<MuteRules> {
    Ok(MuteRules::for_operator(region(option, Some(environment))).await?)
}

/// Details of an error that an operator may want.
pub(crate) fn details(error: &anyhow::Error) -> Option<&str> {
    error.downcast_ref::<NoAccess>().and_then(NoAccess::details)
}
