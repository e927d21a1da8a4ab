//! Notifications, shown as their readers see them.

use check::message::{StepLine, Topic, chat, email, sms, subject_line};
use check::metric::{DURATION, Unit};
use check::text::quantity;
use runtime::Delivery;

use crate::styled::{Styled, Tone};
use crate::{tables, terminal};

/// Columns of the line above a notification.
const RULE: usize = 72;
/// Heading of the steps in an e-mail.
const STEPS: &str = "Steps of this run";
/// Columns up to which the steps are shown as in the e-mail.
const STEP_COLUMNS: usize = 60;

/// Renders what people get: e-mail and SMS, or the message of a chat. Nothing for the topic of programs.
pub(crate) fn shown(delivery: &Delivery) -> Option<Styled> {
    let n = &delivery.notification;
    let parts = match delivery.topic {
        Topic::OnCall | Topic::Warnings => {
            vec![
                (
                    "e-mail",
                    format!("Subject: {}\n\n{}", subject_line(n), fitted(&email(n), &n.steps, terminal::columns())),
                ),
                ("SMS", sms(n)),
            ]
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

/// Narrows the steps of an e-mail that a terminal would break: with a second attempt, its rows have 82 columns.
fn fitted(email: &str, steps: &[StepLine], columns: usize) -> String {
    let lines: Vec<&str> = email.lines().collect();
    let Some(start) = lines.iter().position(|line| line.starts_with(STEPS)) else { return email.to_owned() };
    let end = lines[start..].iter().position(|line| line.is_empty()).map_or(lines.len(), |length| start + length);
    if lines[start..end].iter().all(|line| line.chars().count() <= columns.min(STEP_COLUMNS)) {
        return email.to_owned();
    }
    let mut rows: Vec<[String; 3]> = Vec::new();
    for step in steps {
        let name = if step.subject.is_whole() {
            format!("  {}", step.step)
        } else {
            format!("  {} {}", step.subject, step.step)
        };
        let result = format!("{}, {}", step.result, quantity(DURATION.name, step.duration_ms, Unit::Milliseconds));
        let column = if step.attempt > 1 { 2 } else { 1 };
        match rows.iter_mut().find(|row| row[0] == name) {
            Some(row) => row[column] = result,
            None => {
                let mut row = [name, String::new(), String::new()];
                row[column] = result;
                rows.push(row);
            }
        }
    }
    let rows = rows.iter().map(|row| row.each_ref().map(String::as_str));
    let table = tables::arranged([STEPS, "first attempt", "second attempt"], rows, columns).to_string();
    [&lines[..start], &[table.as_str()], &lines[end..]].concat().join("\n")
}

fn rule(head: &str) -> String {
    format!("{head}{}", "─".repeat(terminal::columns().min(RULE).saturating_sub(head.chars().count())))
}

#[cfg(test)]
mod tests {
    use check::Subject;

    use super::*;

    #[test]
    fn steps_of_two_attempts_fit_a_narrow_terminal() {
        let step = |attempt, name: &str, duration_ms| StepLine {
            attempt,
            subject: Subject::whole(),
            step: name.to_owned(),
            result: "passed".to_owned(),
            duration_ms,
        };
        let steps = [step(1, "log-in", 12.0), step(1, "book", 0.5), step(2, "log-in", 1834.0)];
        let wide = format!("Hello\n\n{STEPS}{}first attempt\n  log-in\n\nRun id 1", " ".repeat(50));
        for (name, email, expected) in [
            (
                "too wide",
                wide.as_str(),
                "Hello\n\n\
                 Steps of this run  first attempt  second attempt\n\
                 \x20 log-in           passed, 12 ms  passed, 1834 ms\n\
                 \x20 book             passed, <1 ms\n\
                 \nRun id 1",
            ),
            (
                "narrow",
                "Steps of this run   first attempt\n  log-in\n\nRun id 1",
                "Steps of this run   first attempt\n  log-in\n\nRun id 1",
            ),
            ("without steps", "Hello\n", "Hello\n"),
        ] {
            assert_eq!(fitted(email, &steps, 60), expected, "{name}");
        }
    }
}
