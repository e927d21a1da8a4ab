//! Keys of a request: the raw form and its validation.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use settings::{Common, RawDuration, RawReference, Section, check_header_name, is_credential_header};
use url::Url;

use crate::expectation::Expectation;
use crate::raw_expectation::RawExpectation;
use crate::request_spec::RequestSpec;

const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);
const SHORTEST_DEADLINE: Duration = Duration::from_millis(100);
const DEFAULT_REDIRECTS: u8 = 5;

/// Adds the keys of a request to a table of the settings, after the table's own, and a method `take_request`, which moves
/// them into a [`RawRequest`]. The table has a key `deadline` of its own, since its bounds differ.
#[macro_export]
macro_rules! with_request_keys {
    ($(#[$meta:meta])* struct $name:ident {
        $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        struct $name {
            $($(#[$field_meta])* $field: $type,)*
            /// Method of the request. An answer to HEAD has no body, so `text` and `json` cannot be expected; whether it
            /// means maintenance mode is read from a GET. Default GET.
            method: Option<$crate::RawMethod>,
            /// Maximum number of redirects to follow: 0 to 20. With 0 the redirect itself is the answer, to be matched by
            /// `expect.status`; the page behind it is requested only to recognise maintenance mode. Default 5.
            max_redirects: Option<u8>,
            /// Headers sent with the request, by name. Those that the client sets itself, such as `host` and
            /// `accept-encoding`, are refused. Default none.
            headers: ::std::collections::BTreeMap<String, String>,
            /// Headers sent with the request, by name, each with a reference to its value. The value is masked in all
            /// output, and a redirect to another origin drops it. The same names are refused as in `headers`. Default
            /// none.
            secret_headers: ::std::collections::BTreeMap<String, $crate::RawReference>,
            /// Expectations of the response.
            expect: $crate::RawExpectation,
        }

        impl $name {
            /// Moves the keys of the request out of the table.
            fn take_request(&mut self) -> $crate::RawRequest {
                $crate::RawRequest {
                    deadline: self.deadline.take(),
                    method: self.method.take(),
                    max_redirects: self.max_redirects.take(),
                    headers: std::mem::take(&mut self.headers),
                    secret_headers: std::mem::take(&mut self.secret_headers),
                    expect: std::mem::take(&mut self.expect),
                }
            }
        }
    };
}

/// Keys of a request, as a settings file writes them.
#[derive(Debug, Default)]
pub struct RawRequest {
    /// Longest time that the exchange may take. Default 10 s.
    pub deadline: Option<RawDuration>,
    /// Method. Default GET.
    pub method: Option<RawMethod>,
    /// Most redirects to follow. Default 5.
    pub max_redirects: Option<u8>,
    /// Headers by name.
    pub headers: BTreeMap<String, String>,
    /// Headers by name, with references to their values.
    pub secret_headers: BTreeMap<String, RawReference>,
    /// Expectations of the answer.
    pub expect: RawExpectation,
}

/// Method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RawMethod {
    /// GET.
    Get,
    /// HEAD.
    Head,
}

impl From<RawMethod> for Method {
    fn from(method: RawMethod) -> Self {
        match method {
            RawMethod::Get => Self::GET,
            RawMethod::Head => Self::HEAD,
        }
    }
}

/// Facts about the settings around a request.
#[derive(Clone)]
pub struct Source<'a> {
    /// Settings shared by all checks.
    pub common: &'a Common,
    /// Id of the check, whose secrets the request may use.
    pub check: &'a str,
    /// Longest deadline.
    pub max_deadline: Duration,
    /// Expected statuses that another key holds: `expect.status` has no default then.
    pub statuses: Option<Vec<u16>>,
}

impl RawRequest {
    /// Names of the keys that are written, without `deadline` and `expect`.
    #[must_use]
    pub fn keys(&self) -> Vec<&'static str> {
        let written = [
            ("method", self.method.is_some()),
            ("max_redirects", self.max_redirects.is_some()),
            ("headers", !self.headers.is_empty()),
            ("secret_headers", !self.secret_headers.is_empty()),
        ];
        written.into_iter().filter_map(|(name, is_written)| is_written.then_some(name)).collect()
    }

    /// Validates `deadline`.
    #[must_use]
    pub fn validate_deadline(&self, section: &Section<'_>, source: &Source<'_>) -> Option<Duration> {
        let bounds = SHORTEST_DEADLINE..=source.max_deadline;
        section.duration("deadline", self.deadline.clone(), DEFAULT_DEADLINE, bounds)
    }

    /// Validates the keys of a request to this URL. Returns `None` after reporting all problems to `section`; a URL that is `None`
    /// was reported before.
    #[must_use]
    pub fn validate(
        self,
        url: Option<Url>,
        section: &Section<'_>,
        source: &Source<'_>,
    ) -> Option<(RequestSpec, Expectation)> {
        let deadline = self.validate_deadline(section, source);
        let max_redirects = section.number("max_redirects", self.max_redirects, DEFAULT_REDIRECTS, 0..=20);
        check_names(section, &self.headers, &self.secret_headers);
        let headers = read_headers(&section.table("headers"), self.headers, |value| {
            let valid = HeaderValue::try_from(value).is_ok();
            if valid {
                Ok(value.to_owned())
            } else {
                Err("expected a header value without control characters".to_owned())
            }
        });
        let secrets = section.table("secret_headers");
        let secret_headers = read_named_headers(&secrets, self.secret_headers, |name, value| {
            secrets.secret(name, Some(value), &source.common.environment, source.check)
        });
        if self.method == Some(RawMethod::Head) && self.expect.reads_body() {
            section.problem(
                "method",
                "expected GET, since `expect` names texts or JSON but a response to HEAD has no body",
            );
        }
        let expectation = self.expect.validate(&section.table("expect"), source, max_redirects);
        let spec = RequestSpec {
            method: section.or_default("method", self.method, RawMethod::Get).into(),
            url: url?,
            deadline: deadline?,
            max_redirects: max_redirects?,
            headers: headers?,
            secret_headers: secret_headers?,
            auth: None,
        };
        Some((spec, expectation?))
    }
}

/// Reports names of headers that must not be sent.
fn check_names(
    section: &Section<'_>,
    headers: &BTreeMap<String, String>,
    secret_headers: &BTreeMap<String, RawReference>,
) {
    for name in headers.keys().filter(|name| is_credential_header(name)) {
        let rule = "expected no credential (not shown); put a reference to it into secret_headers";
        section.table("headers").problem(name, rule);
    }
    let plain = headers.keys().map(|name| ("headers", name));
    for (table, name) in plain.chain(secret_headers.keys().map(|name| ("secret_headers", name))) {
        // Invalid names, and credentials, are reported where they are read.
        let is_read_elsewhere = HeaderName::try_from(name).is_err() || is_credential_header(name) && table == "headers";
        if !is_read_elsewhere {
            let section = section.table(table);
            section.parsed(name, check_header_name(name));
        }
    }
}

/// Reads a table of headers, and each value with `value`.
pub(crate) fn read_headers<V>(
    section: &Section<'_>,
    written: BTreeMap<String, String>,
    value: impl Fn(&str) -> Result<V, String>,
) -> Option<Vec<(HeaderName, V)>> {
    read_named_headers(section, written, |name, text| section.parsed(name, value(&text)))
}

fn read_named_headers<W, V>(
    section: &Section<'_>,
    written: BTreeMap<String, W>,
    value: impl Fn(&str, W) -> Option<V>,
) -> Option<Vec<(HeaderName, V)>> {
    let read: Vec<Option<(HeaderName, V)>> = written
        .into_iter()
        .map(|(name, text)| {
            let header = section.parsed(
                &name,
                HeaderName::try_from(&name).map_err(|_| format!("expected the name of a header, found `{name}`")),
            );
            let value = value(&name, text);
            Some((header?, value?))
        })
        .collect();
    read.into_iter().collect()
}
