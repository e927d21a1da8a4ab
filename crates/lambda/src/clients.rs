//! How AWS is called: within time bounds, and how its errors are told.

use std::error::Error;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use runtime::PortError;

/// One try. The SDK has no bound of its own on it.
const ATTEMPT: Duration = Duration::from_millis(1_000);
/// All tries of one call. Three calls in a row (write, tell, clear) stay within what a run keeps back.
const OPERATION: Duration = Duration::from_millis(2_500);

/// The configuration of all clients: region and credentials as Lambda gives them, and nothing looked up elsewhere.
pub(crate) async fn config(region: &str) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(ATTEMPT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(100)))
        .load()
        .await
}

/// The configuration of a person: region and credentials as the AWS CLI takes them. `None`: no region is set.
#[cfg(feature = "operator")]
pub(crate) async fn operator_config(region: Option<String>) -> Option<SdkConfig> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    let config = loader.load().await;
    config.region().is_some().then_some(config)
}

/// The client of SNS. A message has no token by which SNS would know it again, so a try that is given up too early is a
/// message sent twice: one try may take nearly all the time of a call.
pub(crate) fn sns(config: &SdkConfig) -> aws_sdk_sns::Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(ATTEMPT)
        .operation_attempt_timeout(OPERATION.saturating_sub(Duration::from_millis(100)))
        .operation_timeout(OPERATION)
        .build();
    aws_sdk_sns::Client::from_conf(aws_sdk_sns::config::Builder::from(config).timeout_config(timeouts).build())
}

/// An SDK's error in the words of a port: why, and why that, as far as each error says it itself. Never its debug form,
/// which holds the whole answer: that of Parameter Store may be a secret.
pub(crate) fn port_error<E, R>(operation: impl Into<String>, error: SdkError<E, R>) -> PortError
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + 'static,
{
    const THROTTLING: &[&str] = &[
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
        "ProvisionedThroughputExceededException",
        "InternalServerError",
        "ServiceUnavailable",
        "InternalFailure",
    ];
    let retryable = match &error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(service) => service.err().code().is_some_and(|code| THROTTLING.contains(&code)),
        _ => false,
    };
    PortError { operation: operation.into(), detail: detail(&error), retryable }
}

/// The texts of an error and of those behind it, each once.
fn detail(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts.join(": ")
}
