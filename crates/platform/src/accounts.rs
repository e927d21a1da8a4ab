//! Settings of checks that log in: their account, and the token of the counters.

use schemars::JsonSchema;
use serde::Deserialize;
use settings::{Common, RawReference, SecretRef, Section};

const DEFAULT_MINIMUM_COUNT: u32 = 20;

/// Account of a check that logs in, without a second factor.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// E-mail address.
    pub email: String,
    /// Password.
    pub password: SecretRef,
}

/// Account that the check logs in with, without a second factor.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawCredentials {
    /// E-mail address of the account. Required.
    email: Option<String>,
    /// Reference to the password of the account. Required.
    password: Option<RawReference>,
}

impl RawCredentials {
    /// Returns `None` when a value is wrong; the section then holds all problems.
    pub fn validate(self, section: &Section<'_>, common: &Common, check: &str) -> Option<Credentials> {
        let email = section.text("email", self.email);
        let password = section.required("password", self.password);
        let password =
            password.and_then(|written| section.secret("password", Some(written), &common.environment, check));
        Some(Credentials { email: email?, password: password? })
    }
}

/// Source of the rates of real users.
#[derive(Clone, Debug)]
pub struct Counting {
    /// Bearer token of the operations counters.
    pub token: SecretRef,
    /// Fewest attempts in a window for a rate to be published. Default 20.
    pub minimum_count: u32,
    /// True if the counters include our own attempts. Default true.
    pub includes_synthetic: bool,
}

/// Operations counters of the platform, for the rates of real users.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawCounting {
    /// Reference to the bearer token of the operations counters. Required.
    token: Option<RawReference>,
    /// Number of attempts that a window must contain for a rate to be published: 1 to 1000000. Default 20.
    minimum_count: Option<u32>,
    /// True when the platform counts the check's own attempts, which are then subtracted. Default true.
    includes_synthetic: Option<bool>,
}

impl RawCounting {
    /// Returns `None` when a value is wrong; the section then holds all problems.
    pub fn validate(self, section: &Section<'_>, common: &Common, check: &str) -> Option<Counting> {
        let token = section.required("token", self.token);
        let token = token.and_then(|written| section.secret("token", Some(written), &common.environment, check));
        let minimum_count = section.number("minimum_count", self.minimum_count, DEFAULT_MINIMUM_COUNT, 1..=1_000_000);
        Some(Counting {
            token: token?,
            minimum_count: minimum_count?,
            includes_synthetic: section.or_default("includes_synthetic", self.includes_synthetic, true),
        })
    }
}
