//! Expectations of an answer, judged as named assertions.

use check::Mismatch;
use http::HeaderName;
use probe::Response;
use probe::expect::{self, Compare};
use serde_json::Value;

/// Expectations of an answer.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Expected statuses. Default 200.
    pub statuses: Vec<u16>,
    /// Text that each of these headers must contain.
    pub headers: Vec<(HeaderName, String)>,
    /// Texts that the body must contain.
    pub texts: Vec<String>,
    /// Values that the JSON body must hold.
    pub json: Vec<JsonExpectation>,
}

/// Value that a JSON body must hold.
#[derive(Clone, Debug)]
pub struct JsonExpectation {
    /// JSON Pointer (RFC 6901) to the value.
    pub pointer: String,
    /// Expected value. `None`: any value.
    pub equals: Option<Value>,
}

/// Name of an assertion, and its result.
pub type Assertion = (String, Result<(), Mismatch>);

impl Expectation {
    /// Expects one of these statuses, and nothing else.
    #[must_use]
    pub const fn status(statuses: Vec<u16>) -> Self {
        Self { statuses, headers: Vec::new(), texts: Vec::new(), json: Vec::new() }
    }

    /// Judges an answer. The assertions are in the order of the settings' reference.
    #[must_use]
    pub fn judge(&self, response: &Response) -> Vec<Assertion> {
        let mut assertions = vec![("status".to_owned(), expect::status(response, &self.statuses))];
        let headers = self.headers.iter();
        assertions
            .extend(headers.map(|(name, part)| {
                (format!("header:{name}"), expect::header_contains(response, name.as_str(), part))
            }));
        let texts = self.texts.iter();
        assertions.extend(texts.map(|text| (format!("text:{text}"), expect::body_contains(response, text))));
        let json = self.json.iter();
        assertions.extend(json.map(|value| (format!("json:{}", value.pointer), value.judge(response))));
        assertions
    }
}

impl JsonExpectation {
    fn judge(&self, response: &Response) -> Result<(), Mismatch> {
        match &self.equals {
            Some(value) => expect::json_equals(response, &self.pointer, value, Compare::Strict),
            None => expect::json_exists(response, &self.pointer).map(|_| ()),
        }
    }
}
