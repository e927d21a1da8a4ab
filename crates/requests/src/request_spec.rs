//! A valid request, from its secrets to the answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use check::StepEnded;
use http::header::CONTENT_TYPE;
use http::{HeaderName, Method, StatusCode};
use probe::{Request, Sent};
use runtime::Step;
use secrecy::{ExposeSecret, SecretString};
use settings::SecretRef;
use url::{Url, form_urlencoded};

use crate::auth::Auth;
use crate::body::Body;
use crate::client_certificate::ClientCertificate;
use crate::oauth2::Token;

/// A valid request. Its texts are as the settings write them.
#[derive(Clone, Debug)]
pub struct RequestSpec {
    /// Method.
    pub method: Method,
    /// URL to request, without the parameters of `query`.
    pub url: Url,
    /// Deadline of the exchange, with redirects and body. Default 10 s.
    pub deadline: Duration,
    /// Most redirects to follow. With 0 the redirect itself is the answer. Default 5.
    pub max_redirects: u8,
    /// Parameters added to the query of the URL.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: Vec<(HeaderName, String)>,
    /// Headers with references to their values, resolved for each request.
    pub secret_headers: Vec<(HeaderName, SecretRef)>,
    /// Credentials.
    pub auth: Option<Auth>,
    /// Certificate by which it identifies itself.
    pub client_certificate: Option<Arc<ClientCertificate>>,
    /// Body.
    pub body: Option<Body>,
}

/// A sent request with its answer.
pub struct Transmission {
    /// Answer, or the error.
    pub sent: Sent,
    /// Time from the beginning of the request to the end of the answer.
    pub took: Duration,
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
            query: Vec::new(),
            headers: Vec::new(),
            secret_headers: Vec::new(),
            auth: None,
            client_certificate: None,
            body: None,
        }
    }

    /// Returns true if the request changes nothing at its target (RFC 9110, section 9.2.1), so that it can be repeated.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        self.method.is_safe()
    }

    /// Sends the request in a step, without an assertion.
    ///
    /// # Errors
    /// [`StepEnded`] when a secret could not be read, or there is no token for the request.
    ///
    /// **Side effects:** those of the request at the target, once; a request that is answered with 401 to a kept token is sent
    /// once more with a new one.
    pub async fn transmit(&self, step: &Step<'_>) -> Result<Transmission, StepEnded> {
        self.transmit_with(step, |request| request).await
    }

    /// Sends the request like [`RequestSpec::transmit`], with the additions of a session.
    ///
    /// # Errors
    /// Those of [`RequestSpec::transmit`].
    pub async fn transmit_with(
        &self,
        step: &Step<'_>,
        add: impl Fn(Request) -> Request,
    ) -> Result<Transmission, StepEnded> {
        let began = Instant::now();
        let (request, token) = self.build(step, self.deadline).await?;
        let first = send(step, add(request)).await;
        let is_refused = matches!(&first.sent.result, Ok(response) if response.status == StatusCode::UNAUTHORIZED);
        let (Some(Auth::Oauth2(client)), Some(token)) =
            (&self.auth, token.filter(|token| token.was_kept && is_refused))
        else {
            return Ok(first);
        };
        client.forget(&token.value).await;
        let left = self.deadline.saturating_sub(began.elapsed());
        let (request, _) = self.build(step, left).await?;
        Ok(send(step, add(request)).await)
    }

    /// Builds the request, with the token that it carries if there is one. Its deadline is what a token request leaves of `deadline`.
    pub(crate) async fn build(
        &self,
        step: &Step<'_>,
        deadline: Duration,
    ) -> Result<(Request, Option<Token>), StepEnded> {
        let (request, token) = self.authorize(step, deadline).await?;
        Ok((self.complete(request), token))
    }

    /// Begins the request: its method, limits and credentials, which need a step. [`RequestSpec::complete`] adds the rest, also
    /// after the step.
    ///
    /// # Errors
    /// [`StepEnded`] when a secret could not be read, or there is no token for the request.
    pub async fn begin(&self, step: &Step<'_>) -> Result<Request, StepEnded> {
        Ok(self.authorize(step, self.deadline).await?.0)
    }

    /// Adds URL, query, headers and body to a request begun before.
    #[must_use]
    pub fn complete(&self, request: Request) -> Request {
        let mut request = request.to(with_query(self.url.clone(), &self.query));
        for (name, value) in &self.headers {
            request = request.header(name.as_str(), value);
        }
        if let Some(body) = &self.body {
            let plain = self.headers.iter().map(|(name, _)| name);
            let mut names = plain.chain(self.secret_headers.iter().map(|(name, _)| name));
            request = body.add_to(request, names.any(|name| *name == CONTENT_TYPE));
        }
        request
    }

    async fn authorize(&self, step: &Step<'_>, deadline: Duration) -> Result<(Request, Option<Token>), StepEnded> {
        let mut request =
            Request::new(self.method.clone(), self.url.clone()).deadline(deadline).max_redirects(self.max_redirects);
        for (name, reference) in &self.secret_headers {
            let secret = step.secret(reference).await?;
            request = request.secret_header(name.as_str(), secret.expose_secret());
        }
        if let Some(certificate) = &self.client_certificate {
            request = request.identity(&certificate.identity(step).await?);
        }
        match &self.auth {
            None => Ok((request, None)),
            Some(Auth::Bearer(token)) => {
                let token = step.secret(token).await?;
                Ok((bearer(request, &token), None))
            }
            Some(Auth::Basic { user, password }) => {
                let password = step.password(password).await?;
                Ok((request.basic_authorization(user, password.expose_secret()), None))
            }
            Some(Auth::Oauth2(client)) => {
                let began = Instant::now();
                let token = client.token(step, deadline).await?;
                let request = bearer(request, &token.value).deadline(deadline.saturating_sub(began.elapsed()));
                Ok((request, Some(token)))
            }
        }
    }
}

async fn send(step: &Step<'_>, request: Request) -> Transmission {
    let began = Instant::now();
    let sent = step.transmit(request).await;
    Transmission { sent, took: began.elapsed() }
}

fn bearer(request: Request, token: &SecretString) -> Request {
    request.secret_header("authorization", &format!("Bearer {}", token.expose_secret()))
}

/// Adds parameters to a URL. Spaces become `%20`, which every server reads; `+` is a space only in forms.
fn with_query(mut url: Url, parameters: &[(String, String)]) -> Url {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let written = url.query().map(str::to_owned).filter(|written| !written.is_empty());
    let added = parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    let query: Vec<String> = written.into_iter().chain(added).collect();
    if !parameters.is_empty() {
        url.set_query(Some(&query.join("&")));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_follow_those_of_the_url() {
        let added = [("a b".to_owned(), "c&d=e+f".to_owned()), ("ø".to_owned(), String::new())];
        for (url, parameters, expected) in [
            ("https://a.example/?x=1", &added[..], "https://a.example/?x=1&a%20b=c%26d%3De%2Bf&%C3%B8="),
            ("https://a.example/p", &added[..1], "https://a.example/p?a%20b=c%26d%3De%2Bf"),
            ("https://a.example/p?", &added[1..], "https://a.example/p?%C3%B8="),
            ("https://a.example/p?x", &[], "https://a.example/p?x"),
        ] {
            assert_eq!(with_query(url.parse().unwrap(), parameters).as_str(), expected);
        }
    }
}
