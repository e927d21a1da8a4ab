//! Credentials of a request: the raw form and its validation.

use schemars::JsonSchema;
use serde::Deserialize;
use settings::{RawReference, SecretRef, Section};

use crate::oauth2::Oauth2;
use crate::source::Source;

/// Credentials of a request, as a settings file writes them: one of its keys.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawAuth {
    /// Reference to a token, sent as `Authorization: Bearer …`.
    bearer: Option<RawReference>,
    /// User and password, sent as `Authorization: Basic …`. Default none.
    basic: Option<RawBasic>,
    /// Client credentials (RFC 6749, section 4.4). The token is requested before the first request, kept in memory until
    /// shortly before it expires, and requested once more when a kept one is answered with 401. Default none.
    oauth2: Option<RawOauth2>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawBasic {
    /// User. Required.
    user: Option<String>,
    /// Reference to the password. Required.
    password: Option<RawReference>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawOauth2 {
    /// URL of the token endpoint, or a path below `base_url`. Required.
    #[schemars(extend("x-type" = "URL or path"))]
    token_url: Option<String>,
    /// Id of the client, sent with its secret as Basic authorization. Required.
    client_id: Option<String>,
    /// Reference to the client's secret. Required.
    client_secret: Option<RawReference>,
    /// Scopes to request, separated by spaces. Default: none, so that the server decides.
    scope: Option<String>,
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
    /// Token of an OAuth 2 server, in `Authorization` after `Bearer`.
    Oauth2(Oauth2),
}

impl RawAuth {
    /// Validates the table. Returns `None` after reporting all problems to `section`.
    pub(crate) fn validate(self, section: &Section<'_>, source: &Source<'_>) -> Option<Auth> {
        const KEYS: [&str; 3] = ["bearer", "basic", "oauth2"];
        let is_written = [self.bearer.is_some(), self.basic.is_some(), self.oauth2.is_some()];
        let written: Vec<&str> = KEYS.into_iter().zip(is_written).filter_map(|(key, is)| is.then_some(key)).collect();
        if written.len() != 1 {
            if !KEYS.iter().any(|key| section.is_unreadable(key)) {
                let found = if written.is_empty() { "none".to_owned() } else { written.join(" and ") };
                section.problem("", format!("expected one of `bearer`, `basic` and `oauth2`, found {found}"));
            }
            return None;
        }
        let environment = &source.common.environment;
        if let Some(raw) = self.basic {
            let section = section.table("basic");
            let user = section.text("user", raw.user).filter(|user| {
                let is_sendable = !user.contains(':') && !user.chars().any(char::is_control);
                if !is_sendable {
                    section
                        .problem("user", "expected a user without `:` and control characters, which Basic cannot send");
                }
                is_sendable
            });
            let password = section.required("password", raw.password);
            let password = password.and_then(|raw| section.secret("password", Some(raw), environment, source.check));
            return Some(Auth::Basic { user: user?, password: password? });
        }
        if let Some(raw) = self.oauth2 {
            return raw.validate(&section.table("oauth2"), source).map(Auth::Oauth2);
        }
        section.secret("bearer", self.bearer, environment, source.check).map(Auth::Bearer)
    }
}

impl RawOauth2 {
    fn validate(self, section: &Section<'_>, source: &Source<'_>) -> Option<Oauth2> {
        let url = section.required("token_url", self.token_url);
        let url = url.and_then(|url| section.url_below("token_url", &url, &source.common.base_url));
        let client_id = section.text("client_id", self.client_id);
        let secret = section.required("client_secret", self.client_secret);
        let secret =
            secret.and_then(|raw| section.secret("client_secret", Some(raw), &source.common.environment, source.check));
        let scope = settings::optional(self.scope, |scope| section.text("scope", Some(scope)));
        Some(source.pool.oauth2(url?, client_id?, secret?, scope?))
    }
}
