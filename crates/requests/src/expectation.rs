//! Expectations of an answer, judged as named assertions.

use std::time::Duration;

use check::{FailureKind, Mismatch, foreign, ours, phrase};
use http::HeaderName;
use jiff::Timestamp;
use probe::{Response, Version, expect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use settings::written_duration;

use crate::certificate::certificate_lasts;
use crate::json_expectation::JsonExpectation;
use crate::pattern::Pattern;
use crate::statuses::ExpectedStatuses;

/// Expectations of an answer.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Expected statuses. Default 200.
    pub statuses: ExpectedStatuses,
    /// Text that each of these headers must contain.
    pub headers: Vec<(HeaderName, String)>,
    /// Texts that the body must contain.
    pub texts: Vec<String>,
    /// Texts that the body must not contain.
    pub not_texts: Vec<String>,
    /// Expressions that the body must match.
    pub patterns: Vec<Pattern>,
    /// Values that the JSON body must hold.
    pub json: Vec<JsonExpectation>,
    /// Longest time from the request to the whole answer.
    pub within: Option<Duration>,
    /// Days for which the certificate must still be valid.
    pub certificate_days: Option<u32>,
    /// Version of HTTP.
    pub protocol: Option<Protocol>,
    /// True if the scripts, style sheets and images of the page have to answer too; see [`crate::RequestSpec::check_assets`].
    pub assets: bool,
}

/// Version of HTTP, by the name that TLS knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Protocol {
    /// HTTP/1.1.
    #[serde(rename = "http/1.1")]
    Http1,
    /// HTTP/2.
    #[serde(rename = "h2")]
    H2,
}

/// Name of an assertion, and its result.
pub type Assertion = (String, Result<(), Mismatch>);

impl Expectation {
    /// Names of the assertions, in the order of the settings' reference.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let named = |word: &str, text: &str| format!("{word}:{text}");
        let mut names = vec!["status".to_owned()];
        names.extend(self.headers.iter().map(|(name, _)| named("header", name.as_str())));
        names.extend(self.texts.iter().map(|text| named("text", text)));
        names.extend(self.not_texts.iter().map(|text| named("not_text", text)));
        names.extend(self.patterns.iter().map(|pattern| named("regex", pattern.as_str())));
        names.extend(self.json.iter().map(|value| named("json", &value.pointer)));
        let once = [
            ("within", self.within.is_some()),
            ("certificate", self.certificate_days.is_some()),
            ("protocol", self.protocol.is_some()),
        ];
        names.extend(once.into_iter().filter(|(_, is_expected)| *is_expected).map(|(name, _)| name.to_owned()));
        names
    }

    /// Judges an answer that arrived after `took`. The assertions are in the order of [`Expectation::names`].
    #[must_use]
    pub fn judge(&self, response: &Response, took: Duration, now: Timestamp) -> Vec<Assertion> {
        let mut held = vec![self.judge_status(response)];
        let headers = self.headers.iter();
        held.extend(headers.map(|(name, part)| expect::header_contains(response, name.as_str(), part)));
        held.extend(self.texts.iter().map(|text| expect::body_contains(response, text)));
        held.extend(self.not_texts.iter().map(|text| expect::body_lacks(response, text)));
        held.extend(self.patterns.iter().map(|pattern| judge_body(response, pattern)));
        held.extend(self.json.iter().map(|value| value.judge(response)));
        held.extend(self.within.map(|limit| judge_time(took, limit)));
        held.extend(self.certificate_days.map(|days| judge_certificate(response, days, now)));
        held.extend(self.protocol.map(|protocol| protocol.judge(response)));
        self.names().into_iter().zip(held).collect()
    }

    fn judge_status(&self, response: &Response) -> Result<(), Mismatch> {
        if self.statuses.contains(response.status.as_u16()) {
            return Ok(());
        }
        Err(expect::unmet_status(response, ours(self.statuses.describe(" or "))))
    }
}

fn judge_body(response: &Response, pattern: &Pattern) -> Result<(), Mismatch> {
    if pattern.is_match(&response.text()) {
        return Ok(());
    }
    let expected = phrase!("a match of {} in the body", foreign(format!("/{}/", pattern.as_str())));
    Err(expect::unmet_body(response, expected))
}

fn judge_time(took: Duration, limit: Duration) -> Result<(), Mismatch> {
    if took <= limit {
        return Ok(());
    }
    let expected = phrase!("the whole answer within {}", ours(written_duration(limit)));
    let actual = phrase!("it took {} ms", ours(took.as_millis()));
    Err(Mismatch::new(FailureKind::Timeout, expected, actual))
}

fn judge_certificate(response: &Response, days: u32, now: Timestamp) -> Result<(), Mismatch> {
    let host = response.url.host_str().unwrap_or_default();
    match response.certificate_expires {
        Some(ends) => certificate_lasts(host, ends, now, days),
        None => {
            let expected = phrase!("a certificate valid for another {} days", ours(days));
            Err(Mismatch::new(FailureKind::Tls, expected, "an answer without encryption"))
        }
    }
}

impl Protocol {
    const fn name(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::H2 => "h2",
        }
    }

    fn judge(self, response: &Response) -> Result<(), Mismatch> {
        let expected = match self {
            Self::Http1 => Version::HTTP_11,
            Self::H2 => Version::HTTP_2,
        };
        if response.version == expected {
            return Ok(());
        }
        let actual = match response.version {
            Version::HTTP_2 => ours("protocol h2"),
            version => ours(format!("protocol {version:?}").to_ascii_lowercase()),
        };
        Err(Mismatch::new(FailureKind::Protocol, phrase!("protocol {}", self.name()), actual))
    }
}
