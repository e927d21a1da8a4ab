//! Notifications, shown as they would be sent.

use check::message::{Topic, chat, email, sms, subject_line};
use runtime::Delivery;

/// Renders one notification to one topic: e-mail and SMS for people, JSON for programs.
pub(crate) fn shown(delivery: &Delivery) -> String {
    let n = &delivery.notification;
    let head = format!("──── notification to topic {} ", delivery.topic.as_str());
    let body = match delivery.topic {
        Topic::OnCall | Topic::Warnings => {
            format!("Subject: {}\n\n{}\n\nSMS: {}", subject_line(n), email(n), sms(n))
        }
        Topic::Chat => chat(n).to_string(),
        Topic::Events => format!(
            "attributes: check={} severity={} event={} environment={}\n{}",
            n.check,
            n.severity.as_str(),
            n.event.as_str(),
            n.environment,
            serde_json::to_string(n).unwrap_or_default()
        ),
    };
    let lines: String = body.lines().map(|line| format!("\n│ {line}")).collect();
    format!("┌{head}{}{lines}\n└────", "─".repeat(60_usize.saturating_sub(head.chars().count())))
}
