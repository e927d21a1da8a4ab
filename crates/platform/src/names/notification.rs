//! The platform's names for notifications.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use settings::{Name, Path, Pointer, Statuses};

use crate::templates::{MessageBody, UserPath};

/// Notifications: sending one, and listing a user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Notification {
    /// Path to send an e-mail. Default `/api/notifications/email`.
    pub email: Path,
    /// Path to send an SMS. Default `/api/notifications/sms`.
    pub sms: Path,
    /// Body to send an e-mail; `{to}` and `{marker}` are required. Default: as `settings show` prints it.
    pub email_body: MessageBody,
    /// Body to send an SMS; `{to}` and `{marker}` are required. Default: as `settings show` prints it.
    pub sms_body: MessageBody,
    /// Statuses of an accepted message. Default 202, 200, 201.
    pub accepted: Statuses,
    /// Path of a user's notifications, with `{user}`. Default `/api/users/{user}/notifications`.
    pub record: UserPath,
    /// Id of a notification, in the list and in the answer to sending it. Default `/id`.
    pub id: Pointer,
    /// Status of a notification. Default `/status`.
    pub status: Pointer,
    /// Time of delivery. Default `/delivered_at`.
    pub delivered_at: Pointer,
    /// Error of a failed delivery. Default `/error`.
    pub error: Pointer,
    /// Id at the provider. Default `/provider_id`.
    pub provider_id: Pointer,
    /// Statuses of a delivered notification. A platform without delivery reports from its provider knows only `sent`:
    /// configure the provider, or count `sent` as delivered. Default `delivered`.
    pub delivered_statuses: Vec<Name>,
    /// Statuses of a notification that will never arrive. Default `failed`, `bounced`.
    pub failed_statuses: Vec<Name>,
}

impl Default for Notification {
    fn default() -> Self {
        let pointer = |text: &'static str| Pointer::from_static(text);
        let names = |all: &[&'static str]| all.iter().map(|name| Name::from_static(name)).collect();
        let email = json!({ "to": "{to}", "template": "synthetic-canary", "context": { "marker": "{marker}" } });
        let sms = json!({ "to": "{to}", "message": "Test {marker}", "context": { "marker": "{marker}" } });
        Self {
            email: Path::from_static("/api/notifications/email"),
            sms: Path::from_static("/api/notifications/sms"),
            email_body: MessageBody::from_static(&email),
            sms_body: MessageBody::from_static(&sms),
            accepted: Statuses::from_static(&[202, 200, 201]),
            record: UserPath::from_static("/api/users/{user}/notifications"),
            id: pointer("/id"),
            status: pointer("/status"),
            delivered_at: pointer("/delivered_at"),
            error: pointer("/error"),
            provider_id: pointer("/provider_id"),
            delivered_statuses: names(&["delivered"]),
            failed_statuses: names(&["failed", "bounced"]),
        }
    }
}
