//! Events: triggers of runs, stored state, and notifications.

use check::incident::CheckState;
use check::message::{Notification, chat, email, sms, subject_line};
use runtime::Trigger;
use serde_json::Value;

/// A trigger is accepted, or refused with a reason. State is refused, or the same after storing and reading. A
/// notification of any texts fits its media.
pub fn events(data: &[u8]) {
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
        let (line, text) = (subject_line(&notification), sms(&notification));
        assert!(line.is_ascii() && line.len() <= 100 && !line.contains('\n'), "not an SNS subject: {line:?}");
        assert!(text.chars().count() <= 140, "more than one SMS: {text:?}");
        assert!(!email(&notification).is_empty());
        assert!(chat(&notification).is_object());
    }
}
