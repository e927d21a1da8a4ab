//! Notifications, shown as their readers see them.

use check::message::{Topic, chat, email, sms, subject_line};
use runtime::Delivery;

use crate::styled::{Styled, Tone};
use crate::terminal;

/// Columns of the line above a notification.
const RULE: usize = 72;

/// Renders what people get: e-mail and SMS, or the message of a chat. Nothing for the topic of programs.
pub(crate) fn shown(delivery: &Delivery) -> Option<Styled> {
    let n = &delivery.notification;
    let parts = match delivery.topic {
        Topic::OnCall | Topic::Warnings => {
            vec![("e-mail", format!("Subject: {}\n\n{}", subject_line(n), email(n))), ("SMS", sms(n))]
        }
        Topic::Chat => {
            let content = &chat(n)["content"];
            let text = |key: &str| content[key].as_str().unwrap_or_default().to_owned();
            vec![("chat", format!("{}\n{}", text("title"), text("description")))]
        }
        Topic::Events => return None,
    };
    let parts = parts.into_iter().map(|(medium, text)| {
        Styled::new(Tone::Strong, rule(&format!("── {medium} to {} ", delivery.topic.as_str())))
            .with(Tone::Plain, format!("\n{}", text.trim_end()))
    });
    Some(Styled::from_lines(parts).with(Tone::Strong, format!("\n{}", rule(""))))
}

/// Renders what programs get, with the attributes by which they filter. Nothing for topics of people.
pub(crate) fn as_json(delivery: &Delivery) -> Option<String> {
    let n = &delivery.notification;
    let (attributes, json) = match delivery.topic {
        Topic::OnCall | Topic::Warnings => return None,
        Topic::Chat => (String::new(), chat(n).to_string()),
        Topic::Events => {
            let (severity, event) = (n.severity.as_str(), n.event.as_str());
            let attributes =
                format!("check={} severity={severity} event={event} environment={} ", n.check, n.environment);
            (attributes, serde_json::to_string(n).unwrap_or_default())
        }
    };
    Some(format!("{}\n{json}", rule(&format!("── JSON to {} {attributes}", delivery.topic.as_str()))))
}

fn rule(head: &str) -> String {
    format!("{head}{}", "─".repeat(terminal::columns().min(RULE).saturating_sub(head.chars().count())))
}
