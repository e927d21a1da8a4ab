//! A valid request, from its secrets to the answer.

use std::time::Duration;

use check::StepEnded;
use http::{HeaderName, Method};
use probe::{Request, Sent};
use runtime::Step;
use secrecy::ExposeSecret;
use settings::SecretRef;
use url::Url;

/// A valid request. Its texts are as the settings write them.
#[derive(Clone, Debug)]
pub struct RequestSpec {
    /// Method.
    pub method: Method,
    /// URL to request.
    pub url: Url,
    /// Deadline of the exchange, with redirects and body. Default 10 s.
    pub deadline: Duration,
    /// Most redirects to follow. With 0 the redirect itself is the answer. Default 5.
    pub max_redirects: u8,
    /// Headers.
    pub headers: Vec<(HeaderName, String)>,
    /// Headers with references to their values, resolved for each request.
    pub secret_headers: Vec<(HeaderName, SecretRef)>,
    /// Credentials.
    pub auth: Option<Auth>,
}

/// Credentials of a request.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Token in `Authorization`, after `Bearer` (RFC 6750).
    Bearer(SecretRef),
    /// User and password in `Authorization` (RFC 7617).
    Basic {
        /// User.
        user: String,
        /// Password.
        password: SecretRef,
    },
}

impl RequestSpec {
    /// GET request without further headers, which follows no redirect.
    #[must_use]
    pub const fn get(url: Url, deadline: Duration) -> Self {
        Self {
            method: Method::GET,
            url,
            deadline,
            max_redirects: 0,
            headers: Vec::new(),
            secret_headers: Vec::new(),
            auth: None,
        }
    }

    /// Sends the request in a step, without an assertion.
    ///
    /// # Errors
    /// [`StepEnded`] when a secret could not be read: the step is inconclusive.
    ///
    /// **Side effects:** those of the request at the target.
    pub async fn transmit(&self, step: &Step<'_>) -> Result<Sent, StepEnded> {
        let request = self.build(step).await?;
        Ok(step.transmit(request).await)
    }

    async fn build(&self, step: &Step<'_>) -> Result<Request, StepEnded> {
        let mut request = Request::new(self.method.clone(), self.url.clone())
            .deadline(self.deadline)
            .max_redirects(self.max_redirects);
        for (name, value) in &self.headers {
            request = request.header(name.as_str(), value);
        }
        for (name, reference) in &self.secret_headers {
            let secret = step.secret(reference).await?;
            request = request.secret_header(name.as_str(), secret.expose_secret());
        }
        Ok(match &self.auth {
            None => request,
            Some(Auth::Bearer(token)) => {
                let token = step.secret(token).await?;
                request.secret_header("authorization", &format!("Bearer {}", token.expose_secret()))
            }
            Some(Auth::Basic { user, password }) => {
                let password = step.password(password).await?;
                request.basic_authorization(user, password.expose_secret())
            }
        })
    }
}
