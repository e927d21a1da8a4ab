//! Keys of `expect`: the raw form and its validation.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use settings::{Section, Statuses, check_pointer};

use crate::expectation::{Expectation, JsonExpectation};
use crate::raw_request::{Source, read_headers};

/// Expectations of an answer, as a settings file writes them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawExpectation {
    /// Expected statuses: at least one, each 200 to 599. Default 200.
    status: Option<Vec<u16>>,
    /// Texts that headers must contain, by the name of the header. Each of these headers must be present. Default none.
    headers: BTreeMap<String, String>,
    /// Texts that the body must contain, byte by byte. Default none.
    text: Vec<String>,
    /// Values that the JSON body must hold. Default none.
    json: Vec<RawJson>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawJson {
    /// JSON Pointer (RFC 6901) to the value, such as `/data/status`. Required.
    pointer: Option<String>,
    /// Expected value. Numbers are compared by value (`1` equals `1.0`); `"1"` is not `1`. Default: any value.
    equals: Option<Value>,
}

impl RawExpectation {
    /// Returns true if `status` is written.
    #[must_use]
    pub const fn has_status(&self) -> bool {
        self.status.is_some()
    }

    /// Returns true if an expectation reads the body.
    pub(crate) fn reads_body(&self) -> bool {
        !self.text.is_empty() || !self.json.is_empty()
    }

    /// Validates the table, of a request that follows this many redirects. Returns `None` after reporting all problems to `section`.
    #[must_use]
    pub fn validate(
        self,
        section: &Section<'_>,
        source: &Source<'_>,
        max_redirects: Option<u8>,
    ) -> Option<Expectation> {
        let statuses = match (self.status, &source.statuses) {
            (None, Some(elsewhere)) => Some(elsewhere.clone()),
            (written, _) => statuses(section, written),
        };
        if let (Some(statuses), Some(1..), None) = (&statuses, max_redirects, &source.statuses)
            && statuses.iter().all(|status| matches!(status, 301 | 302 | 303 | 307 | 308))
        {
            let found = statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
            let rule = "expected `max_redirects = 0` with these statuses, or the status after the redirects: they are followed, so \
                        their own status is never the answer";
            section.problem("status", format!("{rule}; found {found}"));
            return None;
        }
        let headers = read_headers(&section.table("headers"), self.headers, |value| Ok::<_, String>(value.to_owned()));
        if self.text.iter().any(String::is_empty) {
            section.problem("text", "expected texts that a body may lack, found an empty one");
        }
        let json = self.json.into_iter().enumerate();
        let json: Vec<Option<JsonExpectation>> =
            json.map(|(index, raw)| raw.validate(&section.item("json", index))).collect();
        let json: Option<Vec<JsonExpectation>> = json.into_iter().collect();
        Some(Expectation { statuses: statuses?, headers: headers?, texts: self.text, json: json? })
    }
}

impl RawJson {
    fn validate(self, section: &Section<'_>) -> Option<JsonExpectation> {
        let pointer = section.required("pointer", self.pointer)?;
        section.parsed("pointer", check_pointer(&pointer))?;
        Some(JsonExpectation { pointer, equals: self.equals })
    }
}

fn statuses(section: &Section<'_>, written: Option<Vec<u16>>) -> Option<Vec<u16>> {
    let statuses = Statuses::try_from(section.or_default("status", written, vec![200]));
    section.parsed("status", statuses).map(Vec::from)
}
