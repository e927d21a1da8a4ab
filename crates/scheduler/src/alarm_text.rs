//! The change of an alarm for people and programs. The text has the order of a notification: what happened, since when, why, what to do.

use alarm::State;
use check::text::{ascii, utc};
use serde_json::{Value, json};

use crate::AlarmChange;

/// Longest subject line, in characters: SNS takes fewer than 100.
const MAX_SUBJECT: usize = 99;

/// Renders the subject line, with the tag of a notification.
pub(crate) fn subject(change: &AlarmChange) -> String {
    let AlarmChange { alarm, to, .. } = change;
    let tag = match to {
        State::Ok => "resolved",
        _ => alarm.metadata["Severity"].as_str().unwrap_or("warning"),
    };
    ascii(&format!("[{tag}] alarm {}: {}", alarm.name, to.as_str())).chars().take(MAX_SUBJECT).collect()
}

/// Renders the text.
pub(crate) fn text(change: &AlarmChange) -> String {
    let AlarmChange { alarm, from, to, at, reason, .. } = change;
    // Every shipped description ends with its runbook.
    let description = alarm.description.trim();
    let (meaning, runbook) = match description.rsplit_once(char::is_whitespace) {
        Some((meaning, link)) if link.starts_with("https://") => (meaning.trim_end(), Some(link)),
        _ => (description, None),
    };
    let heading = if *to == State::Ok { "For review" } else { "First steps" };
    let steps = runbook.map(|link| format!("\n{heading}\n  Runbook    {link}\n"));
    format!(
        "Alarm {}: {}\n{meaning}\n\n  Since      {}\n  Before     {}\n  Reason     {reason}\n{}",
        alarm.name,
        to.as_str(),
        utc(*at),
        from.as_str(),
        steps.unwrap_or_default(),
    )
}

/// The change as CloudWatch writes it for programs ("Amazon SNS message format" in its user guide), as far as one machine knows it.
pub(crate) fn as_json(change: &AlarmChange) -> Value {
    let AlarmChange { alarm, from, to, at, reason, .. } = change;
    json!({
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "NewStateValue": to.as_str(),
        "OldStateValue": from.as_str(),
        "NewStateReason": reason,
        "StateChangeTime": at.to_string(),
    })
}
