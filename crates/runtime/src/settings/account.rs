//! What every check that logs in is told in its own section: whose account it is, and the token of the counters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::Common;
use super::section::Section;
use super::values::SecretRef;

const DEFAULT_MINIMUM_COUNT: u32 = 20;

/// The account that a check logs in with: without a second factor.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Its e-mail.
    pub email: String,
    /// Its password.
    pub password: SecretRef,
}

/// As written.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawCredentials {
    /// Its e-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// A reference to its password.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

impl RawCredentials {
    /// `None` when something is wrong; the section holds all problems then.
    pub fn validate(self, section: &Section<'_>, common: &Common, check: &str) -> Option<Credentials> {
        let email = section.text("email", self.email);
        let password = section.required("password", self.password);
        let password =
            password.and_then(|written| section.secret("password", Some(written), &common.environment, check));
        Some(Credentials { email: email?, password: password? })
    }
}

impl From<&Credentials> for RawCredentials {
    fn from(credentials: &Credentials) -> Self {
        Self { email: Some(credentials.email.clone()), password: Some(credentials.password.to_string()) }
    }
}

/// Where the rates of real users come from.
#[derive(Clone, Debug)]
pub struct Counting {
    /// The bearer token of the operations counters.
    pub token: SecretRef,
    /// How many attempts a window must hold for a rate to be published. Default 20.
    pub minimum_count: u32,
    /// Whether the counters hold our own attempts too. Default true.
    pub includes_synthetic: bool,
}

/// As written.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawCounting {
    /// A reference to the bearer token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// How many attempts a window must hold for a rate to be published. Default 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_count: Option<u32>,
    /// Whether the counters hold the attempts of this check too, which are then subtracted. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    includes_synthetic: Option<bool>,
}

impl RawCounting {
    /// `None` when something is wrong; the section holds all problems then.
    pub fn validate(self, section: &Section<'_>, common: &Common, check: &str) -> Option<Counting> {
        let token = section.required("token", self.token);
        let token = token.and_then(|written| section.secret("token", Some(written), &common.environment, check));
        let minimum_count = section.number("minimum_count", self.minimum_count, DEFAULT_MINIMUM_COUNT, 1..=1_000_000);
        Some(Counting {
            token: token?,
            minimum_count: minimum_count?,
            includes_synthetic: self.includes_synthetic.unwrap_or(true),
        })
    }
}

impl From<&Counting> for RawCounting {
    fn from(counting: &Counting) -> Self {
        Self {
            token: Some(counting.token.to_string()),
            minimum_count: Some(counting.minimum_count),
            includes_synthetic: Some(counting.includes_synthetic),
        }
    }
}
