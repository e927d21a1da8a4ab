//! Client credentials of OAuth 2 (RFC 6749, section 4.4): the token request, and the kept token.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use check::{Cause, FailureKind, Mismatch, Phrase, StepEnded, foreign, ours, phrase};
use jiff::{SignedDuration, Timestamp};
use probe::{Method, Request, Response, expect};
use runtime::Step;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use settings::SecretRef;
use tokio::sync::Mutex;
use tokio::time::timeout;
use url::{Url, form_urlencoded};

/// Largest answer to a token request. **Units:** bytes.
const MAX_ANSWER: u64 = 64 * 1024;
/// Longest token: no server takes longer headers. **Units:** bytes.
const MAX_TOKEN: usize = 8 * 1024;
/// Longest error code in a message, in characters.
const MAX_CODE: usize = 80;
/// Time for which a token is kept whose answer does not say how long it is valid.
const UNSTATED_LIFETIME: SignedDuration = SignedDuration::from_secs(60);
/// Longest time for which a token is kept.
const MAX_LIFETIME: SignedDuration = SignedDuration::from_hours(24);
/// Time before its end at which a token is no longer used: clocks differ, and requests take time.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// Client of an OAuth 2 server. Copies share the token.
#[derive(Clone)]
pub struct Oauth2 {
    token_url: Url,
    client_id: String,
    client_secret: SecretRef,
    scope: Option<String>,
    kept: Arc<Mutex<Option<Kept>>>,
}

struct Kept {
    token: SecretString,
    /// Time until which it is used.
    until: Timestamp,
}

/// Token of a server.
pub(crate) struct Token {
    pub(crate) value: SecretString,
    /// True if it was kept from an earlier request.
    pub(crate) was_kept: bool,
}

impl Oauth2 {
    pub(crate) fn new(token_url: Url, client_id: String, client_secret: SecretRef, scope: Option<String>) -> Self {
        Self { token_url, client_id, client_secret, scope, kept: Arc::default() }
    }

    /// Returns true if the other one gets the same token.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.token_url, &self.client_id, &self.client_secret, &self.scope)
            == (&other.token_url, &other.client_id, &other.client_secret, &other.scope)
    }

    /// Returns the kept token, or requests one.
    ///
    /// # Errors
    /// [`StepEnded`] when there is no token: the server refused the client, so that the step is inconclusive, or it failed.
    ///
    /// **Side effects:** sends a token request if no token is kept. Only one request at a time is sent for a client.
    pub(crate) async fn token(&self, step: &Step<'_>, deadline: Duration) -> Result<Token, StepEnded> {
        let began = Instant::now();
        let Ok(mut kept) = timeout(deadline, self.kept.lock()).await else {
            let actual = phrase!("another request still waits for it after {} ms", ours(deadline.as_millis()));
            return Err(step.fail("token", self.mismatch(FailureKind::Timeout, "a token", actual)));
        };
        if let Some(kept) = kept.as_ref().filter(|kept| step.now() < kept.until) {
            return Ok(Token { value: kept.token.clone(), was_kept: true });
        }
        *kept = None;
        let (token, lifetime) = self.request(step, deadline.saturating_sub(began.elapsed())).await?;
        let until = step.now().saturating_add(lifetime.min(MAX_LIFETIME) - MARGIN).unwrap_or(Timestamp::MIN);
        *kept = Some(Kept { token: token.clone(), until });
        Ok(Token { value: token, was_kept: false })
    }

    /// Forgets a refused token, unless another one is kept by now.
    pub(crate) async fn forget(&self, refused: &SecretString) {
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_some_and(|kept| kept.token.expose_secret() == refused.expose_secret()) {
            *kept = None;
        }
    }

    async fn request(&self, step: &Step<'_>, deadline: Duration) -> Result<(SecretString, SignedDuration), StepEnded> {
        let secret = step.secret(&self.client_secret).await?;
        // Section 2.3.1: both are encoded before they become user and password.
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let encoded = encode(secret.expose_secret());
        step.run().mask(&encoded);
        let request = Request::new(Method::POST, self.token_url.clone())
            .deadline(deadline)
            .max_redirects(0)
            .body_cap(MAX_ANSWER)
            .header("accept", "application/json")
            .header("content-type", "application/x-www-form-urlencoded")
            .basic_authorization(&encode(&self.client_id), &encoded)
            .body(self.form());
        let response = match step.transmit(request).await.result {
            Ok(response) => response,
            Err(error) => {
                return Err(match error.into_mismatch() {
                    Ok(mismatch) => {
                        let actual = phrase!("{}, for the token request to {}", mismatch.actual, self.host());
                        step.fail("token", Mismatch { actual, ..mismatch })
                    }
                    Err(error) => step.inconclusive(Cause::Internal, error),
                });
            }
        };
        self.read(step, &response)
    }

    fn form(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if let Some(scope) = &self.scope {
            form.append_pair("scope", scope);
        }
        form.finish()
    }

    /// Reads the answer to a token request. No part of the body is quoted, except the code of an error.
    fn read(&self, step: &Step<'_>, response: &Response) -> Result<(SecretString, SignedDuration), StepEnded> {
        let body = expect::json(response).ok();
        let member = |name: &str| body.as_ref().and_then(|body| body.get(name));
        if response.status.as_u16() != 200 {
            let code = member("error").and_then(Value::as_str);
            if matches!(response.status.as_u16(), 400 | 401) && code == Some("invalid_client") {
                let detail = phrase!(
                    "{} refused the client of the token request (invalid_client)\nput a valid secret at {}, and check \
                     `client_id`",
                    self.host(),
                    ours(&self.client_secret)
                );
                return Err(step.inconclusive(Cause::Credentials, detail));
            }
            let code = code.map(|code| phrase!(" ({})", foreign(code).at_most(MAX_CODE))).unwrap_or_default();
            let actual = phrase!("status {}{}", response.status_line(), code);
            return Err(step.fail("token", self.mismatch(FailureKind::Status, "status 200", actual)));
        }
        let is_bearer =
            member("token_type").and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        let token = member("access_token")
            .and_then(Value::as_str)
            .filter(|token| (1..=MAX_TOKEN).contains(&token.len()) && token.chars().all(|c| c.is_ascii_graphic()));
        let actual = match (&body, token) {
            (None, _) => "a body without JSON",
            (Some(_), None) => "no `access_token` that a header can hold",
            (Some(_), Some(_)) if !is_bearer => "a token of another type",
            (Some(_), Some(token)) => {
                step.run().mask(token);
                let seconds = member("expires_in").and_then(expect::number).filter(|seconds| *seconds >= 0.0);
                let lifetime = seconds.map_or(UNSTATED_LIFETIME, |seconds| SignedDuration::from_secs(seconds as i64));
                return Ok((SecretString::from(token), lifetime));
            }
        };
        let expected = "JSON with `access_token` and `token_type` = \"Bearer\"";
        Err(step.fail("token", self.mismatch(FailureKind::Body, expected, actual.into())))
    }

    fn mismatch(&self, kind: FailureKind, expected: &'static str, actual: Phrase) -> Mismatch {
        Mismatch::new(kind, phrase!("{} from {} for the token request", expected, self.host()), actual)
    }

    fn host(&self) -> Phrase {
        ours(self.token_url.host_str().unwrap_or_default()).into()
    }
}

/// Omits the kept token.
impl fmt::Debug for Oauth2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oauth2").field("token_url", &self.token_url.as_str()).finish_non_exhaustive()
    }
}
