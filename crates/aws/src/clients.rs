//! AWS clients: time limits, and conversion of their errors.

use std::error::Error;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use runtime::PortError;

/// Longest time for one try. The SDK sets no limit itself.
const ATTEMPT: Duration = Duration::from_millis(1_000);
/// Longest time for all tries of one call. Three calls in a row (write, notify, clear) fit into a run's reserve.
const OPERATION: Duration = Duration::from_millis(2_500);

/// Configuration of all clients in a function: region and credentials from Lambda, without other lookups.
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

/// SNS client. SNS cannot recognize a repeated message, so giving up a try too early sends the message twice: one try
/// may take nearly the whole time of a call.
pub(crate) fn sns(config: &SdkConfig) -> aws_sdk_sns::Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(ATTEMPT)
        .operation_attempt_timeout(OPERATION.saturating_sub(Duration::from_millis(100)))
        .operation_timeout(OPERATION)
        .build();
    aws_sdk_sns::Client::from_conf(aws_sdk_sns::config::Builder::from(config).timeout_config(timeouts).build())
}

/// Converts an SDK error into a port error, with the text of every error in the chain. The debug form is never used: it
/// contains the whole answer, and Parameter Store's may be a secret.
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

/// Texts of an error and its sources, each once.
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
