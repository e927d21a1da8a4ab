//! Settings of a data store.

use probe::HostPort;
use schemars::JsonSchema;
use serde::Deserialize;
use settings::{Common, RawReference, SecretRef, Section, optional};

/// Validated settings of a data store.
#[derive(Clone, Debug)]
pub struct Store {
    /// Host and port.
    pub place: HostPort,
    /// True when the connection uses TLS. Default true.
    pub is_encrypted: bool,
    /// User name; `None` authenticates by password only, or not at all.
    pub user: Option<String>,
    /// Password; `None` without one.
    pub password: Option<SecretRef>,
}

/// Unchecked settings of a data store.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawStore {
    /// Host name or address.
    pub host: Option<String>,
    /// Port. Default: the standard port of the store.
    pub port: Option<u16>,
    /// True to use TLS and verify the certificate. Default true.
    pub tls: Option<bool>,
    /// User with read-only access.
    pub user: Option<String>,
    /// Reference to the user's password.
    pub password: Option<RawReference>,
}

impl RawStore {
    /// Validates the settings. Returns `None` after adding each problem to the section.
    pub fn validate(self, section: &Section<'_>, common: &Common, check: &str, default_port: u16) -> Option<Store> {
        let port = section.number("port", self.port, default_port, 1..=u16::MAX);
        let place = section.place("host", self.host, port.unwrap_or(default_port));
        let user = optional(self.user, |user| section.text("user", Some(user)));
        let password = match self.password {
            None => Some(None),
            written => section.secret("password", written, &common.environment, check).map(Some),
        };
        port?;
        Some(Store {
            place: place?,
            is_encrypted: section.or_default("tls", self.tls, true),
            user: user?,
            password: password?,
        })
    }
}
