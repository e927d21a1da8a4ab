//! Names of secrets, and the references that replace their values.

use std::collections::{BTreeMap, BTreeSet};

use probe::Redactor;
use serde_json::Value as Json;
use url::form_urlencoded;

use crate::draft::Secret;

/// Prefix of the variables that references name.
const PREFIX: &str = "SYNTHETICS";
/// Most secrets whose values are masked in comments; the redactor masks everything beyond its own limit.
const MAX_MASKED: usize = 400;

/// Longest name of a field that a body of unknown form may have. **Units:** bytes.
const LONGEST_NAME: usize = 40;

/// Parts of names of secrets.
const SECRET_PARTS: [&str; 13] = [
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "signature",
    "credential",
    "apikey",
    "api_key",
    "access_key",
    "accesskey",
    "private_key",
    "sessid",
];
/// Words of names of secrets.
const SECRET_WORDS: [&str; 13] =
    ["auth", "authorization", "cookie", "csrf", "jwt", "key", "otp", "pass", "pin", "pwd", "session", "sid", "sig"];

/// True for a name of secrets: of a header, a parameter, or a member of a body.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let mut plain = String::with_capacity(name.len());
    let mut was_lower = false;
    for c in name.chars() {
        // `accessToken` has two words.
        if c.is_ascii_uppercase() && was_lower {
            plain.push('_');
        }
        was_lower = c.is_ascii_lowercase();
        plain.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    }
    plain != "idempotency_key"
        && (SECRET_PARTS.iter().any(|part| plain.contains(part))
            || plain.split('_').any(|word| SECRET_WORDS.contains(&word)))
}

/// Name of the first secret in a body. A body of unknown form counts as secret if it contains such a name.
pub(crate) fn secret_in_body(body: &str, is_form: bool) -> Option<String> {
    if let Ok(value) = serde_json::from_str::<Json>(body) {
        return secret_member(&value);
    }
    let mut fields = form_urlencoded::parse(body.as_bytes());
    let field = fields.find(|(name, value)| is_secret_name(name) && !value.is_empty());
    match field {
        Some((name, _)) if is_form || name.len() < LONGEST_NAME => return Some(name.into_owned()),
        _ if is_form => return None,
        _ => {}
    }
    let lower = body.to_ascii_lowercase();
    SECRET_PARTS.iter().find(|part| lower.contains(**part)).map(|part| (*part).to_owned())
}

fn secret_member(value: &Json) -> Option<String> {
    match value {
        Json::Object(members) => members.iter().find_map(|(name, value)| {
            let is_value = matches!(value, Json::String(text) if !text.is_empty()) || value.is_number();
            if is_value && is_secret_name(name) { Some(name.clone()) } else { secret_member(value) }
        }),
        Json::Array(items) => items.iter().find_map(secret_member),
        _ => None,
    }
}

/// References to the secrets of all targets: the same secret has the same variable.
#[derive(Default)]
pub(crate) struct Secrets {
    variables: BTreeMap<(String, Secret), String>,
    taken: BTreeSet<String>,
    masked: usize,
    redactor: Redactor,
}

impl Secrets {
    /// Masks all secrets in comments.
    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Masks a value in comments.
    pub(crate) fn mask(&mut self, value: &str) {
        if self.masked < MAX_MASKED && self.redactor.register(value) {
            self.masked += 1;
        }
    }

    /// Variable of a secret. Its name comes from `kind`, such as a header.
    pub(crate) fn variable(&mut self, kind: &str, secret: &Secret) -> String {
        self.mask(secret.text());
        let key = (kind.to_ascii_lowercase(), secret.clone());
        if let Some(variable) = self.variables.get(&key) {
            return variable.clone();
        }
        let variable = secret.variable().map_or_else(|| self.free_name(kind), ToOwned::to_owned);
        self.taken.insert(variable.clone());
        self.variables.insert(key, variable.clone());
        variable
    }

    fn free_name(&self, kind: &str) -> String {
        let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let name: String = kind.chars().take(60).map(upper).collect();
        let name = format!("{PREFIX}_{name}");
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        std::iter::once(name.clone()).chain(numbered).find(|name| !self.taken.contains(name)).unwrap_or(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_recognised() {
        for (name, expected) in [
            ("Authorization", true),
            ("X-API-Key", true),
            ("X-CSRF-TOKEN", true),
            ("accessToken", true),
            ("sessionId", true),
            ("user[password]", true),
            ("PHPSESSID", true),
            ("monkey", false),
            ("Idempotency-Key", false),
            ("author", false),
            ("Accept", false),
            ("page", false),
        ] {
            assert_eq!(is_secret_name(name), expected, "{name}");
        }
    }

    #[test]
    fn secrets_in_bodies_are_recognised() {
        for (body, is_form, expected) in [
            ("{\"user\": {\"password\": \"x\"}}", false, Some("password")),
            ("[{\"apiKey\": 5}]", false, Some("apiKey")),
            ("{\"password\": \"\"}", false, None),
            ("{\"query\": \"token\"}", false, None),
            ("a=1&pass=x", true, Some("pass")),
            ("a=1&pass=", true, None),
            ("<user><Password>x</Password></user>", false, Some("password")),
            ("<user/>", false, None),
        ] {
            assert_eq!(secret_in_body(body, is_form).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn same_secret_has_the_same_variable() {
        let mut secrets = Secrets::default();
        let mut named = |kind: &str, value: &str| secrets.variable(kind, &Secret::Value(value.to_owned()));
        assert_eq!(named("x-api-key", "one"), "SYNTHETICS_X_API_KEY");
        assert_eq!(named("X-API-Key", "one"), "SYNTHETICS_X_API_KEY");
        assert_eq!(named("x-api-key", "two"), "SYNTHETICS_X_API_KEY_2");
        let template = Secret::Template("${TOKEN}".to_owned());
        assert_eq!(secrets.variable("cookie", &template), "TOKEN");
        let part = Secret::Template("a=$TOKEN".to_owned());
        assert_eq!(secrets.variable("cookie", &part), "SYNTHETICS_COOKIE");
    }
}
