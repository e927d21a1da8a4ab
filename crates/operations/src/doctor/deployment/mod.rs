//! Examines a deployment: reads facts, judges them, and names what it could not read.

mod account;
mod facts;
mod gather;
mod report;
mod rules;
mod settings_facts;

pub use account::{Account, Known, Unanswered};
pub use gather::{DeployedTopic, Question, deployed_topics};
pub use report::{Finding, LookedAt, NotLookedAt, Report};
pub use settings_facts::SettingsFacts;

use gather::{gather, identity};
use report::Notes;

/// Examines a deployment. Changes nothing.
///
/// # Errors
/// When not even the identity behind the credentials can be read: there is no access.
pub async fn examine(account: &dyn Account, question: Question<'_>) -> Known<Report> {
    let identity = identity(account).await?;
    let deployment = gather(account, &identity, question).await;
    let mut notes = Notes::default();
    notes.saw("identity", &identity.arn);
    rules::judge(&deployment, &mut notes);
    let (findings, looked_at, not_looked_at) = notes.into_parts();
    Ok(Report {
        environment: deployment.environment,
        region: deployment.region,
        account: identity.account,
        identity: identity.arn,
        at: deployment.at,
        findings,
        looked_at,
        not_looked_at,
    })
}

#[cfg(test)]
mod tests;
