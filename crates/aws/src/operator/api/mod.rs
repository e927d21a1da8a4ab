//! Read-only calls to services that have no port: one small signed client instead of an SDK for each service.
//!
//! Only the operations in [`READS`] can be called. Inputs and answers are JSON values with the names of the API reference, as in
//! the AWS CLI, whatever the protocol.

mod services;
#[cfg(test)]
mod tests;
mod xml;

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::{Credentials, ProvideCredentials};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap};
use reqwest::redirect::Policy;
use runtime::{Clock, SystemClock};
use serde_json::Value;

use crate::operator::config::{NoAccess, config};
use services::{Request, host, request};

pub use services::{READS, Reads};

/// Longest time to connect, and for one try of a call.
const CONNECT: Duration = Duration::from_secs(3);
const TRY: Duration = Duration::from_secs(5);
/// Wait before the second try of a call that may succeed later.
const PAUSE: Duration = Duration::from_millis(300);
/// Longest answer. **Units:** bytes.
const MAX_ANSWER: usize = 8 * 1024 * 1024;
/// Longest message of a service that is quoted. **Units:** characters.
const MAX_MESSAGE: usize = 300;

/// Reason why a call was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refused {
    /// Code of the service, such as `AccessDenied`; `Unreachable` without an answer, `Unreadable` for one that is not understood.
    pub code: String,
    /// Message of the service, or the reason for having none.
    pub message: String,
}

/// Signed reads of an account and region.
pub struct Api {
    client: reqwest::Client,
    credentials: Credentials,
    region: String,
    /// Address of an emulator, instead of AWS.
    endpoint: Option<String>,
    /// Difference between the clocks of AWS and of this machine, from the latest answer.
    skew: Mutex<Option<SignedDuration>>,
}

impl Api {
    /// Connects as an operator, with the credentials of the AWS CLI.
    ///
    /// # Errors
    /// When no region is given, nor set in variables or profile, or there are no credentials.
    pub async fn for_operator(region: Option<String>) -> Result<Self, NoAccess> {
        Self::new(&config(region).await?).await
    }

    /// Connects with a configuration of the SDK.
    ///
    /// # Errors
    /// When it has no region or no credentials.
    pub(in crate::operator) async fn new(config: &SdkConfig) -> Result<Self, NoAccess> {
        let provider = config.credentials_provider().ok_or_else(|| NoAccess::Credentials("none found".to_owned()))?;
        let credentials = provider.provide_credentials().await;
        let client = reqwest::Client::builder().connect_timeout(CONNECT).timeout(TRY).redirect(Policy::none());
        Ok(Self {
            client: client.build().map_err(|error| NoAccess::Credentials(error.to_string()))?,
            credentials: credentials.map_err(|error| NoAccess::Credentials(error.to_string()))?,
            region: config.region().ok_or(NoAccess::Region)?.to_string(),
            endpoint: config.endpoint_url().map(|url| url.trim_end_matches('/').to_owned()),
            skew: Mutex::default(),
        })
    }

    /// Region of the calls.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Difference by which the clock of AWS is ahead of this machine's, to the second. `None`: nothing was answered yet.
    #[must_use]
    pub fn skew(&self) -> Option<SignedDuration> {
        *self.skew.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Calls a read operation. Input and answer are as in the AWS CLI; a call that may succeed later is tried twice.
    ///
    /// # Errors
    /// When the service refuses it, does not answer in time, or answers something unreadable.
    pub async fn read(&self, service: &str, operation: &str, input: &Value) -> Result<Value, Refused> {
        let unknown = || refused("Unreadable", format!("{service} {operation} is not a read that this program knows"));
        let request = request(service, operation, input).ok_or_else(unknown)?;
        match self.once(service, operation, &request).await {
            Err((_, true)) => {
                SystemClock.sleep(PAUSE).await;
                self.once(service, operation, &request).await.map_err(|(refused, _)| refused)
            }
            other => other.map_err(|(refused, _)| refused),
        }
    }

    /// Sends the request once. An error says whether another try may succeed.
    async fn once(&self, service: &str, operation: &str, request: &Request) -> Result<Value, (Refused, bool)> {
        let (host, region) = host(service, &self.region);
        let address = self.endpoint.clone().unwrap_or_else(|| format!("https://{host}"));
        let url = format!("{address}{}", request.path);
        let signed = self.signed(service, &region, &url, request).map_err(|error| (error, false))?;
        let mut call = self.client.request(request.method.parse().unwrap_or_default(), &url);
        for (name, value) in &signed {
            call = call.header(name, value);
        }
        let place = self.endpoint.as_deref().unwrap_or(&host);
        let unreachable = |error: &reqwest::Error| {
            let why = if error.is_timeout() {
                format!("no answer from {place} within {} s", TRY.as_secs())
            } else if error.is_connect() {
                format!("no connection to {place}")
            } else {
                format!("the answer of {place} broke off")
            };
            (refused("Unreachable", why), true)
        };
        let sent_at = Timestamp::now();
        let mut answer = call.body(request.body.clone()).send().await.map_err(|error| unreachable(&error))?;
        self.note_clock(answer.headers(), sent_at);
        let status = answer.status();
        let error_type = answer.headers().get("x-amzn-errortype").and_then(|value| value.to_str().ok());
        let error_type = error_type.map(str::to_owned);
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| unreachable(&error))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err((refused("Unreadable", format!("expected at most {MAX_ANSWER} bytes, found more")), false));
            }
            body.extend_from_slice(&chunk);
        }
        let body = String::from_utf8_lossy(&body);
        if status.is_success() {
            let unreadable = || (refused("Unreadable", format!("the answer to {operation} is not understood")), false);
            return answer_of(operation, &body, request.is_xml).ok_or_else(unreadable);
        }
        let error = error_of(&body, request.is_xml, error_type.as_deref());
        let error =
            error.unwrap_or_else(|| refused("Unreadable", format!("status {} without a reason", status.as_u16())));
        let is_passing = status.is_server_error() || status.as_u16() == 429 || error.code.contains("Throttl");
        Err((error, is_passing))
    }

    /// Headers of the request, with its signature.
    fn signed(
        &self,
        service: &str,
        region: &str,
        url: &str,
        request: &Request,
    ) -> Result<Vec<(String, String)>, Refused> {
        let unsigned = |error: String| refused("Unreadable", format!("the request cannot be signed: {error}"));
        let identity = self.credentials.clone().into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| unsigned(error.to_string()))?;
        let headers = request.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable = SignableRequest::new(request.method, url, headers, SignableBody::Bytes(request.body.as_bytes()))
            .map_err(|error| unsigned(error.to_string()))?;
        let (instructions, _) =
            sign(signable, &parameters.into()).map_err(|error| unsigned(error.to_string()))?.into_parts();
        let own = request.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let added = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(own.chain(added).collect())
    }

    /// Compares the clocks. The answer's time has full seconds, and lies between the sending and the arrival of the answer.
    fn note_clock(&self, headers: &HeaderMap, sent_at: Timestamp) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let Some(date) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) else { return };
        let half = Timestamp::now().duration_since(sent_at) / 2;
        let skew = date.timestamp().duration_since(sent_at + half);
        *self.skew.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(skew);
    }
}

/// The value of an answer. In XML, it is inside `<OperationResult>`, except in EC2's answers.
fn answer_of(operation: &str, body: &str, is_xml: bool) -> Option<Value> {
    if !is_xml {
        // SQS leaves out an object without members.
        return if body.is_empty() { Some(Value::Object(Default::default())) } else { serde_json::from_str(body).ok() };
    }
    let (_, mut answer) = xml::read(body)?;
    match answer.get_mut(format!("{operation}Result")) {
        Some(result) => Some(result.take()),
        None => answer.is_object().then_some(answer),
    }
}

fn error_of(body: &str, is_xml: bool, error_type: Option<&str>) -> Option<Refused> {
    let (code, message) = if is_xml {
        let (_, answer) = xml::read(body)?;
        // EC2 has a list of one error.
        let error = answer.get("Error").or_else(|| answer.get("Errors")?.get("Error"))?;
        (error["Code"].as_str()?.to_owned(), error["Message"].as_str().unwrap_or_default().to_owned())
    } else {
        let answer: Value = serde_json::from_str(body).ok()?;
        let code = error_type.or_else(|| answer["__type"].as_str()).or_else(|| answer["code"].as_str())?;
        // `com.amazonaws.sqs#QueueDoesNotExist`, `ResourceNotFoundException:http://…`
        let code = code.rsplit('#').next().and_then(|code| code.split(':').next()).unwrap_or_default();
        let message = ["message", "Message"].iter().find_map(|key| answer[*key].as_str()).unwrap_or_default();
        (code.to_owned(), message.to_owned())
    };
    Some(refused(&code, message))
}

fn refused(code: &str, message: impl Into<String>) -> Refused {
    Refused { code: code.to_owned(), message: check::text::cut(&message.into(), MAX_MESSAGE) }
}
