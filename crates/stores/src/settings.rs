//! Where a data store is, and who reads it.

use probe::HostPort;
use runtime::settings::{Common, SecretRef, Section};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A data store, and who reads it.
#[derive(Clone, Debug)]
pub struct Store {
    /// Where it is.
    pub place: HostPort,
    /// Whether the connection is encrypted. Default true.
    pub is_encrypted: bool,
    /// Who reads it; `None`: whoever has the password, or anybody.
    pub user: Option<String>,
    /// The password; `None`: there is none.
    pub password: Option<SecretRef>,
}

/// As written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawStore {
    /// Its name or address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its port. Default the usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Whether the connection is encrypted, and its certificate judged. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<bool>,
    /// A user who may read, and no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A reference to the user's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

impl RawStore {
    /// `None` when something is wrong; the section holds all problems then.
    pub fn validate(self, section: &Section<'_>, common: &Common, check: &str, default_port: u16) -> Option<Store> {
        let port = section.number("port", self.port, default_port, 1..=u16::MAX);
        let place = section.place("host", self.host, port.unwrap_or(default_port));
        let user = match self.user {
            None => Some(None),
            Some(user) => section.text("user", Some(user)).map(Some),
        };
        let password = match self.password {
            None => Some(None),
            written => section.secret("password", written, &common.environment, check).map(Some),
        };
        port?;
        Some(Store { place: place?, is_encrypted: self.tls.unwrap_or(true), user: user?, password: password? })
    }
}

impl From<&Store> for RawStore {
    fn from(store: &Store) -> Self {
        Self {
            host: Some(store.place.host.to_string()),
            port: Some(store.place.port),
            tls: Some(store.is_encrypted),
            user: store.user.clone(),
            password: store.password.as_ref().map(ToString::to_string),
        }
    }
}
