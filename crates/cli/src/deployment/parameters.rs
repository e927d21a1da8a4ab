//! References to secrets in Parameter Store.

use std::sync::Arc;

use async_trait::async_trait;
use aws::{NoAccess, ParameterStore};
use runtime::{PortError, Secrets};
use secrecy::SecretString;
use settings::SecretRef;
use tokio::sync::OnceCell;

/// Resolves `ssm:` references in Parameter Store with the operator's credentials, so that the settings of a deployment work as
/// they are, and all other references on this machine.
pub(crate) fn with_parameters(local: Arc<dyn Secrets>, region: Option<String>) -> Arc<dyn Secrets> {
    Arc::new(OperatorSecrets { region, local, store: OnceCell::new() })
}

struct OperatorSecrets {
    region: Option<String>,
    local: Arc<dyn Secrets>,
    store: OnceCell<Result<ParameterStore, NoAccess>>,
}

#[async_trait]
impl Secrets for OperatorSecrets {
    async fn resolve(&self, reference: &SecretRef) -> Result<SecretString, PortError> {
        let SecretRef::Parameter(_) = reference else { return self.local.resolve(reference).await };
        match self.store.get_or_init(|| ParameterStore::for_operator(self.region.clone())).await {
            Ok(store) => store.resolve(reference).await,
            Err(no_access) => Err(PortError::new(
                format!("resolve {reference}"),
                format!("{no_access}\nor use env:NAME in the settings"),
            )),
        }
    }
}
