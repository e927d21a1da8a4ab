//! The port to an AWS account: everything that the doctor reads.

use alarm::MuteRule;
use async_trait::async_trait;
use jiff::SignedDuration;
use runtime::StateItem;
use serde_json::Value;

/// Reason why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Unanswered {
    /// Code of the service, such as `AccessDenied`.
    pub code: String,
    /// Message of the service.
    pub message: String,
}

impl Unanswered {
    /// Creates a reason.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }

    /// Reports whether the service answered that the resource does not exist.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        // CloudFormation's code for a missing stack is that of any wrong input.
        let is_stack = self.code == "ValidationError" && self.message.contains("does not exist");
        let codes = ["ResourceNotFoundException", "NotFound", "NotFoundException", "NoSuchEntity"];
        let queues = ["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "NonExistentQueue"];
        is_stack || codes.contains(&self.code.as_str()) || queues.contains(&self.code.as_str())
    }

    /// Reports whether the credentials do not allow the call.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        ["AccessDenied", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized"]
            .iter()
            .any(|code| self.code.starts_with(code))
    }
}

/// A fact, or the reason why it is not known.
pub type Known<T> = Result<T, Unanswered>;

/// Reads of an AWS account in one region.
#[async_trait]
pub trait Account: Send + Sync {
    /// Region of the reads.
    fn region(&self) -> &str;

    /// Calls a read operation of a service. Input and answer are as in the AWS CLI.
    ///
    /// # Errors
    /// When the service refuses or does not answer.
    async fn read(&self, service: &str, operation: &str, input: Value) -> Known<Value>;

    /// Reads the alarm mute rules whose names begin with a prefix.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn mute_rules(&self, prefix: &str) -> Known<Vec<MuteRule>>;

    /// Reads the stored state of a check of the environment.
    ///
    /// # Errors
    /// When the table cannot be read.
    async fn state(&self, check: &str) -> Known<StateItem>;

    /// Connects to a host and leaves at once.
    ///
    /// # Errors
    /// When there is no connection within a few seconds.
    async fn connect(&self, host: &str, port: u16) -> Known<()>;

    /// Time by which the clock of AWS is ahead of this machine's.
    fn skew(&self) -> Option<SignedDuration>;
}
