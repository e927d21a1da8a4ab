//! The message that tests the way from the monitor to people and programs.

use jiff::Timestamp;

use super::notification::{Contact, Links, Notification, Topic};
use crate::incident::Severity;
use crate::incident::event::Event;

/// Where delivery is explained.
const DELIVERY: &str = "https://github.com/just-driving/synthetics/blob/main/docs/deploy/delivery.md";
/// Stands for a check, in the text, in JSON and in the attributes.
const SENDER: &str = "notify";

impl Notification {
    /// Builds the test message for one topic. Programs recognize it by its event, `test`.
    #[must_use]
    pub fn test(topic: Topic, environment: &str, region: &str, sender: Contact, at: Timestamp) -> Self {
        let time = at.strftime("%Y%m%dT%H%M%SZ");
        Self {
            schema_version: Self::SCHEMA_VERSION,
            notification_id: format!("{SENDER}/{environment}/{time}/test/{}", topic.as_str()),
            event: Event::Test,
            check: SENDER.to_owned(),
            environment: environment.to_owned(),
            region: Some(region.to_owned()),
            machine: None,
            location: region.to_owned(),
            severity: if topic == Topic::OnCall { Severity::Critical } else { Severity::Warning },
            at,
            subjects: Vec::new(),
            more_subjects: 0,
            inconclusive: Vec::new(),
            leftovers: Vec::new(),
            reminds_after_seconds: None,
            steps: Vec::new(),
            last_successful_run: None,
            error_budget: None,
            run_id: format!("test-{time}"),
            trace_id: "0".repeat(32),
            contact: sender,
            links: Links { runbook: DELIVERY.to_owned(), ..Links::default() },
        }
    }
}
