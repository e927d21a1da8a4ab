//! Configuration of clients for operators.

use std::error::Error;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::ProvideCredentials;

/// Reason why an operator has no access to AWS, in one line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAccess {
    /// No region is given, nor set in variables or profile.
    #[error("no AWS region is set; give --region, set AWS_REGION, or set one in the profile")]
    Region,
    /// The sources of the AWS CLI have no credentials; the text says what each of them answered.
    #[error("no AWS credentials; run `aws sso login`, or set AWS_PROFILE")]
    Credentials(String),
}

impl NoAccess {
    /// The answer of each source of credentials, for those who know their configuration.
    #[must_use]
    pub fn details(&self) -> Option<&str> {
        match self {
            Self::Region => None,
            Self::Credentials(details) => Some(details),
        }
    }
}

/// Configuration for operators: region and credentials as for the AWS CLI.
///
/// # Errors
/// When no region is set, or there are no credentials.
pub(crate) async fn config(region: Option<String>) -> Result<SdkConfig, NoAccess> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    let config = loader.load().await;
    config.region().ok_or(NoAccess::Region)?;
    // Otherwise the first call would fail, with an error about the call.
    if let Some(provider) = config.credentials_provider() {
        provider.provide_credentials().await.map_err(|error| NoAccess::Credentials(innermost(&error)))?;
    }
    Ok(config)
}

fn innermost(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => innermost(source),
        None => error.to_string(),
    }
}
