//! Notifications that an operator sends, as functions send them.

use std::sync::Arc;

use runtime::Notifier;

use crate::clients;
use crate::notifier::{Sns, Topics};
use crate::operator::config::{NoAccess, config};

/// Connects to these topics as an operator, with the credentials of the AWS CLI.
///
/// # Errors
/// When no region is given, nor set in variables or profile, or there are no credentials.
pub async fn notifier(region: Option<String>, topics: Topics) -> Result<Arc<dyn Notifier>, NoAccess> {
    let config = config(region).await?;
    Ok(Arc::new(Sns { client: clients::sns(&config), topics }))
}
