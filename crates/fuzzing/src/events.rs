//! Events: triggers of runs, stored state, and notifications.

use check::incident::CheckState;
use check::message::Notification;
use runtime::Trigger;
use serde_json::Value;

/// A trigger is accepted, or refused with a reason. State and notifications are refused, or the same after storing and reading.
pub(crate) fn events(data: &[u8]) {
    if let Ok(event) = serde_json::from_slice::<Value>(data) {
        match Trigger::read(&event) {
            Ok(trigger) => {
                assert!(trigger.shard.manual || trigger.shard.index < trigger.shard.of, "no such shard: {trigger:?}");
            }
            Err(refused) => {
                assert!(refused.to_string().contains("expected"), "refused without the expected form: {refused}")
            }
        }
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(state) = CheckState::read(text)
    {
        let stored = serde_json::to_string(&state).unwrap_or_default();
        match CheckState::read(&stored) {
            Ok(again) => assert_eq!(again, state, "state is read as it was stored"),
            Err(error) => panic!("stored state is refused: {error}"),
        }
    }
    if let Ok(notification) = serde_json::from_slice::<Notification>(data) {
        let stored = serde_json::to_string(&notification).expect("a notification can be written");
        let read: Notification = serde_json::from_str(&stored).expect("a written notification can be read");
        assert_eq!(read, notification, "a notification is read as it was written");
    }
}
