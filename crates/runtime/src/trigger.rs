//! The events that start a run.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use check::text::cut;
use check::{RunKey, Shard};

/// Maximum length of a location, in characters.
const MAX_LOCATION: usize = 60;

/// Contents of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// Scheduled time; `None` for a manual run, meant for now.
    pub scheduled_time: Option<Timestamp>,
    /// Part of the targets.
    pub shard: Shard,
}

/// An event in no accepted form.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "malformed event: {0}\n(expected {{\"scheduled_time\": \"2026-11-23T04:49:00Z\", \"shard\": 0, \"of\": 1}}, \
     EventBridge's \"Scheduled Event\", Scheduler's {{\"scheduled_time\": …}}, or {{}} for a manual run)"
)]
pub struct MalformedEvent(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnEvent {
    scheduled_time: Option<String>,
    shard: Option<u16>,
    of: Option<u16>,
}

/// Envelope of a rule without an input transformer. EventBridge may add fields, so unknown ones are accepted.
#[derive(Deserialize)]
struct RuleEvent {
    #[serde(rename = "detail-type")]
    detail_type: String,
    time: String,
}

impl Trigger {
    /// A manual run, now.
    pub const MANUAL: Self = Self { scheduled_time: None, shard: Shard::MANUAL };

    /// Reads an event.
    ///
    /// # Errors
    /// When it has no accepted form; the message names the wrong field and the expected form.
    pub fn read(event: &Value) -> Result<Self, MalformedEvent> {
        let Value::Object(fields) = event else {
            return Err(MalformedEvent(format!("found {}, not an object", shape(event))));
        };
        if fields.is_empty() {
            return Ok(Self::MANUAL);
        }
        if fields.contains_key("detail-type") {
            let rule = RuleEvent::deserialize(event).map_err(|error| MalformedEvent(error.to_string()))?;
            if rule.detail_type != "Scheduled Event" {
                return Err(MalformedEvent(format!("detail-type is `{}`", rule.detail_type)));
            }
            return Ok(Self { scheduled_time: Some(time("time", &rule.time)?), shard: Shard::ONLY });
        }
        let own = OwnEvent::deserialize(event).map_err(|error| MalformedEvent(error.to_string()))?;
        let scheduled_time =
            own.scheduled_time.ok_or_else(|| MalformedEvent("scheduled_time is missing".to_owned()))?;
        let scheduled_time = time("scheduled_time", &scheduled_time)?;
        let (index, of) = (own.shard.unwrap_or(0), own.of.unwrap_or(1));
        if index >= of {
            return Err(MalformedEvent(format!(
                "shard {index} of {of}: shards count from 0, and there is at least one"
            )));
        }
        Ok(Self { scheduled_time: Some(scheduled_time), shard: Shard { index, of, manual: false } })
    }

    /// Returns the key of the run. Its time is cut to milliseconds, as the store keeps it: otherwise a repeated event would
    /// be later than the stored run.
    #[must_use]
    pub fn run_key(&self, check: &str, location: &str, now: Timestamp) -> RunKey {
        RunKey {
            check: check.to_owned(),
            location: cut(location, MAX_LOCATION),
            shard: self.shard,
            scheduled_time: to_milliseconds(self.scheduled_time.unwrap_or(now)),
        }
    }
}

fn time(field: &str, text: &str) -> Result<Timestamp, MalformedEvent> {
    text.parse().map_err(|_| MalformedEvent(format!("{field} is `{text}`, not a time of RFC 3339")))
}

fn to_milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

const fn shape(event: &Value) -> &'static str {
    match event {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn accepted_events_start_a_run() {
        let time: Timestamp = "2026-11-23T04:49:00Z".parse().unwrap();
        let cases = [
            (
                json!({"scheduled_time": "2026-11-23T04:49:00Z", "shard": 1, "of": 3}),
                Shard { index: 1, of: 3, manual: false },
            ),
            (json!({"scheduled_time": "2026-11-23T04:49:00Z"}), Shard::ONLY),
            (
                json!({"version": "0", "id": "x", "detail-type": "Scheduled Event", "source": "aws.events", "account": "1",
                    "time": "2026-11-23T04:49:00Z", "region": "eu-north-1", "resources": [], "detail": {}}),
                Shard::ONLY,
            ),
        ];
        for (event, shard) in cases {
            assert_eq!(Trigger::read(&event), Ok(Trigger { scheduled_time: Some(time), shard }), "{event}");
        }
        assert_eq!(Trigger::read(&json!({})), Ok(Trigger::MANUAL));
    }

    #[test]
    fn sample_events_are_accepted() {
        let read = |text| Trigger::read(&serde_json::from_str(text).unwrap());
        let time = Some("2026-11-23T04:49:00Z".parse().unwrap());
        let scheduled = Ok(Trigger { scheduled_time: time, shard: Shard::ONLY });
        assert_eq!(read(include_str!("../../../events/availability.json")), scheduled);
        assert_eq!(read(include_str!("../../../events/rule.json")), scheduled);
        assert_eq!(read(include_str!("../../../events/scheduler.json")), scheduled);
        assert_eq!(read(include_str!("../../../events/manual.json")), Ok(Trigger::MANUAL));
    }

    #[test]
    fn malformed_events_are_refused_with_a_reason() {
        let cases = [
            (json!([]), "found a list, not an object"),
            (json!({"shard": 0}), "scheduled_time is missing"),
            (json!({"scheduled_time": "2026-11-23T04:49:00Z", "shard": 1}), "shard 1 of 1"),
            (json!({"scheduled_time": "2026-11-23T04:49:00Z", "shard": 0, "of": 0}), "shard 0 of 0"),
            (json!({"scheduled_time": "noon"}), "scheduled_time is `noon`, not a time of RFC 3339"),
            (json!({"scheduled_time": "2026-11-23T04:49:00Z", "check": "x"}), "unknown field `check`"),
            (json!({"detail-type": "Scheduled Event", "time": "noon"}), "time is `noon`, not a time of RFC 3339"),
            (json!({"detail-type": "Scheduled Event"}), "missing field `time`"),
            (
                json!({"detail-type": "EC2 Instance State-change Notification", "time": "2026-11-23T04:49:00Z"}),
                "detail-type is",
            ),
        ];
        for (event, expected) in cases {
            let message = Trigger::read(&event).unwrap_err().to_string();
            assert!(message.contains(expected), "{event}: {message}");
        }
    }
}
