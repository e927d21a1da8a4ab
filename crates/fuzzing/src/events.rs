//! Events: what starts a run, what is stored, and what is told.

use check::incident::CheckState;
use check::message::{Notification, chat, email, sms, subject_line};
use runtime::Trigger;
use serde_json::Value;

/// An event is one of the accepted ones or refused in words; state is read or refused, and read again as it was; a message
/// of any texts fits its media.
pub fn events(data: &[u8]) {
    if let Ok(event) = serde_json::from_slice::<Value>(data) {
        match Trigger::read(&event) {
            Ok(trigger) => {
                assert!(trigger.shard.manual || trigger.shard.index < trigger.shard.of, "no such shard: {trigger:?}");
            }
            Err(refused) => assert!(refused.to_string().contains("expected"), "refused without a way out: {refused}"),
        }
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(state) = CheckState::read(text)
    {
        let stored = serde_json::to_string(&state).unwrap_or_default();
        match CheckState::read(&stored) {
            Ok(again) => assert_eq!(again, state, "state is read as it was stored"),
            Err(error) => panic!("what was stored is refused: {error}"),
        }
    }
    if let Ok(notification) = serde_json::from_slice::<Notification>(data) {
        let (line, text) = (subject_line(&notification), sms(&notification));
        assert!(line.is_ascii() && line.len() <= 100 && !line.contains('\n'), "no subject for SNS: {line:?}");
        assert!(text.chars().count() <= 140, "more than one SMS: {text:?}");
        assert!(!email(&notification).is_empty());
        assert!(chat(&notification).is_object());
    }
}
