//! State and alarms of a deployment, with an operator's credentials.

use anyhow::{Context, bail};
use aws::{MuteRules, Table};
use check::Subject;

use crate::arguments::Deployment;
use crate::checks;

const NO_REGION: &str = "no AWS region is set; give --region, set AWS_REGION, or set one in the profile";

/// Opens the state table.
pub(crate) async fn table(deployment: &Deployment) -> anyhow::Result<Table> {
    let name = match (&deployment.table, &deployment.environment) {
        (Some(table), _) => table.clone(),
        (None, Some(environment)) => named(environment, "state"),
        (None, None) => bail!("no deployment is named; give --environment"),
    };
    let table = Table::for_operator(name, deployment.region.clone()).await;
    table.context(NO_REGION)
}

/// Opens the alarm mute rules.
pub(crate) async fn mute_rules(region: Option<String>) -> anyhow::Result<MuteRules> {
    MuteRules::for_operator(region).await.context(NO_REGION)
}

/// Name of a resource in an environment, as the templates form it.
pub(crate) fn named(environment: &str, what: &str) -> String {
    format!("just-driving-synthetics-{environment}-{what}")
}

/// Parses `CHECK` or `CHECK/SUBJECT`.
pub(crate) fn parse_scope(text: &str) -> anyhow::Result<(&'static str, Option<Subject>)> {
    let (check, subject) = match text.split_once('/') {
        Some((check, subject)) => (check, Some(Subject::new(subject).context("failed to read the subject")?)),
        None => (text, None),
    };
    let ids = checks::ids(&[check.to_owned()])?;
    Ok((ids[0], subject))
}

/// Formats a scope as `CHECK` or `CHECK/SUBJECT`.
pub(crate) fn format_scope(check: &str, subject: Option<&Subject>) -> String {
    subject.map_or_else(|| check.to_owned(), |subject| format!("{check}/{subject}"))
}
