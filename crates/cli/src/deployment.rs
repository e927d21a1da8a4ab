//! The state and the alarms of a deployment, as an operator reaches them.

use anyhow::{Context, bail};
use check::Subject;
use lambda::{MuteRules, Table};

use crate::arguments::Deployment;
use crate::checks;

const NO_REGION: &str = "no region is set: --region, the variable AWS_REGION or the profile says which";

/// The state table, through the credentials of whoever sits here.
pub(crate) async fn table(deployment: &Deployment) -> anyhow::Result<Table> {
    let name = match (&deployment.table, &deployment.environment) {
        (Some(table), _) => table.clone(),
        (None, Some(environment)) => named(environment, "state"),
        (None, None) => bail!("which deployment? --environment names it"),
    };
    let table = Table::for_operator(name, deployment.region.clone()).await;
    table.context(NO_REGION)
}

/// The alarm mute rules, through the same credentials.
pub(crate) async fn mute_rules(region: Option<String>) -> anyhow::Result<MuteRules> {
    MuteRules::for_operator(region).await.context(NO_REGION)
}

/// What something of an environment is called, as the templates name all that is theirs.
pub(crate) fn named(environment: &str, what: &str) -> String {
    format!("just-driving-synthetics-{environment}-{what}")
}

/// `CHECK`, or `CHECK/SUBJECT`.
pub(crate) fn scope(what: &str) -> anyhow::Result<(&'static str, Option<Subject>)> {
    let (check, subject) = match what.split_once('/') {
        Some((check, subject)) => (check, Some(Subject::new(subject).context("which subject?")?)),
        None => (what, None),
    };
    let ids = checks::ids(&[check.to_owned()])?;
    Ok((ids[0], subject))
}

/// The same, written.
pub(crate) fn written(check: &str, subject: Option<&Subject>) -> String {
    subject.map_or_else(|| check.to_owned(), |subject| format!("{check}/{subject}"))
}
