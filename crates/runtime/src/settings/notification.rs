//! What the platform's notifications are called.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::checked::{MessageBody, Name, Path, Pointer, Statuses, UserPath, members};

/// Notifications: sending one, and the record of a user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Notification {
    /// Where an e-mail is sent.
    pub email: Path,
    /// Where an SMS is sent.
    pub sms: Path,
    /// What is sent to send an e-mail.
    pub email_body: MessageBody,
    /// What is sent to send an SMS.
    pub sms_body: MessageBody,
    /// The statuses of a message that was taken.
    pub accepted: Statuses,
    /// Where a user's notifications are listed, with `{user}`.
    pub record: UserPath,
    /// The id of one, in the list and in the answer to sending it.
    pub id: Pointer,
    /// Its status.
    pub status: Pointer,
    /// When it was delivered.
    pub delivered_at: Pointer,
    /// Why it was not.
    pub error: Pointer,
    /// Its id at the provider.
    pub provider_id: Pointer,
    /// The statuses of one that arrived. A platform that is not told by its providers knows `sent` only.
    pub delivered_statuses: Vec<Name>,
    /// The statuses of one that never will.
    pub failed_statuses: Vec<Name>,
}

impl Default for Notification {
    fn default() -> Self {
        let pointer = |text: &str| Pointer(text.to_owned());
        let names = |all: &[&str]| all.iter().map(|name| Name((*name).to_owned())).collect();
        let email = json!({ "to": "{to}", "template": "synthetic-canary", "context": { "marker": "{marker}" } });
        let sms = json!({ "to": "{to}", "message": "Test {marker}", "context": { "marker": "{marker}" } });
        Self {
            email: Path("/api/notifications/email".to_owned()),
            sms: Path("/api/notifications/sms".to_owned()),
            email_body: MessageBody(members(&email)),
            sms_body: MessageBody(members(&sms)),
            accepted: Statuses(vec![202, 200, 201]),
            record: UserPath("/api/users/{user}/notifications".to_owned()),
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
