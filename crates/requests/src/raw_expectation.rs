//! Keys of `expect`: the raw form and its validation.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use settings::{RawDuration, Section, optional};
use url::Url;

use crate::expectation::{Expectation, Protocol};
use crate::headers::read_headers;
use crate::json_expectation::{JsonExpectation, RawJson};
use crate::pattern::Pattern;
use crate::source::Source;
use crate::statuses::{ExpectedStatuses, RawStatus};

/// Shortest limit of the time that an answer may take.
const SHORTEST_LIMIT: Duration = Duration::from_millis(10);
/// Most days for which a certificate can be expected to be valid.
const MAX_DAYS: u32 = 365;

/// Expectations of an answer, as a settings file writes them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawExpectation {
    /// Expected statuses: at least one, each 200 to 599, a class such as `"2xx"`, or a range such as `"200-204"`. Default
    /// 200.
    status: Option<Vec<RawStatus>>,
    /// Texts that headers must contain, by the name of the header. Each of these headers must be present. Default none.
    pub(crate) headers: BTreeMap<String, String>,
    /// Texts that the body must contain, byte by byte. Default none.
    pub(crate) text: Vec<String>,
    /// Texts that the body must not contain. Default none.
    pub(crate) not_text: Vec<String>,
    /// Regular expressions that the body must match, in a part of it unless `^` and `$` say otherwise, with the syntax of
    /// the Rust crate `regex`: without look-around and backreferences. Each has at most 1000 bytes. Default none.
    pub(crate) regex: Vec<String>,
    /// Values that the JSON body must hold. Default none.
    pub(crate) json: Vec<RawJson>,
    /// Longest time from the beginning of the request, with name resolution, connection and redirects, to the end of the
    /// body: 10ms to `deadline`. A slower answer is a failure of kind `timeout`. Default: `deadline`.
    within: Option<RawDuration>,
    /// Days for which the certificate must still be valid: 1 to 365. Fewer are a failure of kind `tls`. Default: any time.
    certificate_days: Option<u32>,
    /// Version of HTTP, which server and client agree on during the handshake of TLS. Default: any.
    protocol: Option<Protocol>,
    /// True if every script, style sheet and image that the page names has to answer 200 with its type, within the
    /// `deadline` of the page: each once, at most 50, and each of at most 10 MB. Hosts that the settings do not name need
    /// `network.allow_redirect_hosts`. Only with GET. Default false.
    pub(crate) assets: Option<bool>,
}

impl RawExpectation {
    /// Returns true if `status` is written.
    #[must_use]
    pub const fn has_status(&self) -> bool {
        self.status.is_some()
    }

    /// Returns true if `certificate_days` is written.
    #[must_use]
    pub const fn has_certificate_days(&self) -> bool {
        self.certificate_days.is_some()
    }

    /// Returns true if an expectation reads the body.
    pub(crate) fn reads_body(&self) -> bool {
        !(self.text.is_empty() && self.not_text.is_empty() && self.regex.is_empty() && self.json.is_empty())
    }

    /// Validates the table, of a request to this URL with this deadline and these redirects. Returns `None` after reporting all
    /// problems to `section`.
    #[must_use]
    pub fn validate(
        self,
        section: &Section<'_>,
        source: &Source<'_>,
        url: Option<&Url>,
        deadline: Option<Duration>,
        max_redirects: Option<u8>,
    ) -> Option<Expectation> {
        self.check_encryption(section, url);
        self.check_texts(section);
        let statuses = match (self.status, &source.statuses) {
            (None, Some(elsewhere)) => Some(elsewhere.clone()),
            (written, _) => {
                let statuses = ExpectedStatuses::read(section, "status", written);
                statuses.filter(|statuses| !is_never_reached(section, statuses, max_redirects))
            }
        };
        let headers = read_headers(&section.table("headers"), self.headers, |value| Ok::<_, String>(value.to_owned()));
        let patterns: Vec<_> = self.regex.iter().map(|written| Pattern::read(section, "regex", written)).collect();
        let patterns: Option<Vec<Pattern>> = patterns.into_iter().collect();
        let json = self.json.into_iter().enumerate();
        let json: Vec<Option<JsonExpectation>> =
            json.map(|(index, raw)| raw.validate(&section.item("json", index))).collect();
        let json: Option<Vec<JsonExpectation>> = json.into_iter().collect();
        let longest = deadline.unwrap_or(source.max_deadline);
        let within =
            optional(self.within, |limit| section.duration("within", Some(limit), longest, SHORTEST_LIMIT..=longest));
        let days = optional(self.certificate_days, |days| {
            section.number("certificate_days", Some(days), MAX_DAYS, 1..=MAX_DAYS)
        });
        Some(Expectation {
            statuses: statuses?,
            headers: headers?,
            texts: self.text,
            not_texts: self.not_text,
            patterns: patterns?,
            json: json?,
            within: within?,
            certificate_days: days?,
            protocol: self.protocol,
            assets: section.or_default("assets", self.assets, false),
        })
    }

    /// Reports expectations that no answer without encryption can meet.
    fn check_encryption(&self, section: &Section<'_>, url: Option<&Url>) {
        if url.is_none_or(|url| url.scheme() == "https") {
            return;
        }
        for (key, is_written) in
            [("certificate_days", self.certificate_days.is_some()), ("protocol", self.protocol == Some(Protocol::H2))]
        {
            if is_written {
                section.problem(key, "expected a URL with https, since an answer without encryption cannot meet it");
            }
        }
    }

    fn check_texts(&self, section: &Section<'_>) {
        if self.text.iter().any(String::is_empty) {
            section.problem("text", "expected texts that a body may lack, found an empty one");
        }
        if self.not_text.iter().any(String::is_empty) {
            section.problem("not_text", "expected texts that a body may lack, found an empty one");
        }
        if let Some(both) = self.text.iter().find(|text| self.not_text.contains(text)) {
            section.problem("not_text", format!("expected texts missing in `text`, found `{both}`"));
        }
    }
}

/// Reports statuses of redirects when these are followed.
fn is_never_reached(section: &Section<'_>, statuses: &ExpectedStatuses, max_redirects: Option<u8>) -> bool {
    let is_never_reached = matches!(max_redirects, Some(1..)) && statuses.are_followed();
    if is_never_reached {
        let rule = "expected `max_redirects = 0` with these statuses, or the status after the redirects: they are followed, so \
                    their own status is never the answer";
        section.problem("status", format!("{rule}; found {}", statuses.describe(", ")));
    }
    is_never_reached
}
