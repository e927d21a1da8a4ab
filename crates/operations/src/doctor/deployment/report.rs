//! The result: findings, what was looked at, and what could not be.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::account::Known;
use crate::doctor::findings::Level;

/// Something to put right in a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// `error` for a mistake, `note` for something to know; notes leave the exit code at 0.
    pub level: Level,
    /// Stable id of the rule, such as `subscription-unconfirmed`.
    pub rule: &'static str,
    /// Resource or file that the finding is about.
    pub place: String,
    /// Expected value.
    pub expected: String,
    /// Found value.
    pub found: String,
    /// What to do.
    pub action: String,
    /// How to check again, other than by this command.
    pub verify: String,
}

/// A kind of fact that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LookedAt {
    /// Kind of the fact.
    pub what: String,
    /// Resources or checks.
    pub of: Vec<String>,
}

/// A kind of fact that could not be looked at. It counts as neither healthy nor broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NotLookedAt {
    /// Kind of the fact.
    pub what: String,
    /// Resources or checks.
    pub of: Vec<String>,
    /// Reason, and what to do about it.
    pub why: String,
}

/// Result of an examination.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Report {
    /// Name of the environment.
    pub environment: String,
    /// AWS region.
    pub region: String,
    /// Id of the AWS account.
    pub account: String,
    /// ARN of the identity that looked.
    pub identity: String,
    /// Time of the examination.
    pub at: Timestamp,
    /// Findings, errors first.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub looked_at: Vec<LookedAt>,
    /// What could not be looked at.
    pub not_looked_at: Vec<NotLookedAt>,
}

impl Report {
    /// Number of findings that are errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.level == Level::Error).count()
    }

    /// Builds the JSON Schema (draft 2020-12) of a report.
    #[must_use]
    pub fn schema() -> Value {
        let mut schema = schemars::schema_for!(Self).to_value();
        schema["title"] = json!("Examination of a deployment");
        schema["description"] = json!("Output of `synthetics doctor deployment --json`.");
        schema
    }
}

/// Texts of a finding besides its level, rule and place.
pub(super) struct Words {
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) action: String,
    pub(super) verify: String,
}

pub(super) fn words(
    expected: impl Into<String>,
    found: impl Into<String>,
    action: impl Into<String>,
    verify: impl Into<String>,
) -> Words {
    Words { expected: expected.into(), found: found.into(), action: action.into(), verify: verify.into() }
}

/// A list of names for a sentence; an empty list is `none`.
pub(super) fn named<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Collects the parts of a report.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) findings: Vec<Finding>,
    looked_at: BTreeMap<&'static str, Vec<String>>,
    not_looked_at: BTreeMap<(&'static str, String), Vec<String>>,
}

impl Notes {
    /// Adds an error.
    pub(super) fn error(&mut self, rule: &'static str, place: impl Into<String>, words: Words) {
        self.add(Level::Error, rule, place.into(), words);
    }

    /// Adds something to know.
    pub(super) fn note(&mut self, rule: &'static str, place: impl Into<String>, words: Words) {
        self.add(Level::Note, rule, place.into(), words);
    }

    fn add(&mut self, level: Level, rule: &'static str, place: String, words: Words) {
        let Words { expected, found, action, verify } = words;
        self.findings.push(Finding { level, rule, place, expected, found, action, verify });
    }

    /// Takes a fact, and notes that it was looked at, or why it could not be.
    pub(super) fn look<'f, T>(&mut self, what: &'static str, of: &str, fact: &'f Known<T>) -> Option<&'f T> {
        match fact {
            Ok(fact) => {
                self.saw(what, of);
                Some(fact)
            }
            Err(unanswered) => {
                let why = if unanswered.is_denied() {
                    format!("{}; the rights are in docs/deploy/operator-policy.json", unanswered.code)
                } else {
                    unanswered.to_string()
                };
                self.could_not(what, of, why);
                None
            }
        }
    }

    pub(super) fn saw(&mut self, what: &'static str, of: &str) {
        self.looked_at.entry(what).or_default().push(of.to_owned());
    }

    pub(super) fn could_not(&mut self, what: &'static str, of: &str, why: impl Into<String>) {
        self.not_looked_at.entry((what, why.into())).or_default().push(of.to_owned());
    }

    /// Everything noted, findings sorted by level.
    pub(super) fn into_parts(mut self) -> (Vec<Finding>, Vec<LookedAt>, Vec<NotLookedAt>) {
        self.findings.sort_by_key(|finding| finding.level == Level::Note);
        let looked_at = self.looked_at.into_iter().map(|(what, of)| LookedAt { what: what.to_owned(), of });
        let not =
            self.not_looked_at.into_iter().map(|((what, why), of)| NotLookedAt { what: what.to_owned(), of, why });
        (self.findings, looked_at.collect(), not.collect())
    }
}
