//! A valid request, from its secrets to the answer.

use std::time::{Duration, Instant};

use check::StepEnded;
use http::header::CONTENT_TYPE;
use http::{HeaderName, Method};
use probe::{Request, Sent};
use runtime::Step;
use secrecy::ExposeSecret;
use settings::SecretRef;
use url::{Url, form_urlencoded};

use crate::body::Body;

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
    /// Body.
    pub body: Option<Body>,
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
    /// [`StepEnded`] when a secret could not be read: the step is inconclusive.
    ///
    /// **Side effects:** those of the request at the target.
    pub async fn transmit(&self, step: &Step<'_>) -> Result<Transmission, StepEnded> {
        let request = self.build(step).await?;
        let began = Instant::now();
        let sent = step.transmit(request).await;
        Ok(Transmission { sent, took: began.elapsed() })
    }

    async fn build(&self, step: &Step<'_>) -> Result<Request, StepEnded> {
        let mut request = Request::new(self.method.clone(), with_query(self.url.clone(), &self.query))
            .deadline(self.deadline)
            .max_redirects(self.max_redirects);
        for (name, value) in &self.headers {
            request = request.header(name.as_str(), value);
        }
        for (name, reference) in &self.secret_headers {
            let secret = step.secret(reference).await?;
            request = request.secret_header(name.as_str(), secret.expose_secret());
        }
        if let Some(body) = &self.body {
            let mut names =
                self.headers.iter().map(|(name, _)| name).chain(self.secret_headers.iter().map(|(name, _)| name));
            request = body.add_to(request, names.any(|name| *name == CONTENT_TYPE));
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
