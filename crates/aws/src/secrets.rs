//! Secrets in SSM Parameter Store, and in Secrets Manager through it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_sdk_ssm::Client;
use runtime::{PortError, Secrets};
use secrecy::SecretString;
use settings::SecretRef;

/// Time for which a secret is cached; a changed secret is in use after this at the latest.
const CACHE_TIME: Duration = Duration::from_secs(5 * 60);

/// Secrets in Parameter Store, cached for five minutes.
pub struct ParameterStore {
    client: Client,
    cached: Mutex<BTreeMap<String, (Instant, SecretString)>>,
}

impl ParameterStore {
    /// Connects as an operator, with the credentials of the AWS CLI.
    ///
    /// # Errors
    /// When no region is set, or there are no credentials.
    #[cfg(feature = "operator")]
    pub async fn for_operator(region: Option<String>) -> Result<Self, crate::operator::NoAccess> {
        Ok(Self::new(Client::new(&crate::operator::config(region).await?)))
    }

    /// Stores a secret under the name of a parameter, encrypted with AWS's own key for Parameter Store, and returns its version.
    ///
    /// **Side effects:** replaces the parameter's value; functions use the new one within five minutes.
    ///
    /// # Errors
    /// When AWS refuses it.
    #[cfg(feature = "operator")]
    pub async fn put(&self, name: &str, secret: &SecretString) -> Result<i64, PortError> {
        use aws_sdk_ssm::types::ParameterType;
        use secrecy::ExposeSecret;

        let call = self.client.put_parameter().name(name).value(secret.expose_secret());
        let answer = call.r#type(ParameterType::SecureString).overwrite(true).send().await;
        answer
            .map(|stored| stored.version())
            .map_err(|error| crate::clients::port_error(format!("store ssm:{name}"), error))
    }

    pub(crate) fn new(client: Client) -> Self {
        Self { client, cached: Mutex::default() }
    }

    fn cached(&self, name: &str) -> Option<SecretString> {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        cached.get(name).filter(|(since, _)| since.elapsed() < CACHE_TIME).map(|(_, secret)| secret.clone())
    }
}

#[async_trait]
impl Secrets for ParameterStore {
    async fn resolve(&self, reference: &SecretRef) -> Result<SecretString, PortError> {
        let operation = format!("resolve {reference}");
        let SecretRef::Parameter(name) = reference else {
            return Err(PortError::new(
                operation,
                "a function's environment holds no secrets; use ssm:/just-driving/…",
            ));
        };
        if let Some(secret) = self.cached(name) {
            return Ok(secret);
        }
        let answer = self
            .client
            .get_parameter()
            .name(name)
            .with_decryption(true)
            .send()
            .await
            .map_err(|error| crate::clients::port_error(&operation, error))?;
        let value = answer.parameter.and_then(|parameter| parameter.value).filter(|value| !value.is_empty());
        let secret = SecretString::from(value.ok_or_else(|| PortError::new(operation, "the parameter is empty"))?);
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        cached.insert(name.clone(), (Instant::now(), secret.clone()));
        Ok(secret)
    }
}
