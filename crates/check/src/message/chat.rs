//! Chat messages: custom notifications of Amazon Q Developer in chat applications (its administrator guide, "Custom
//! notifications", event schema 1.0).

use serde_json::{Value, json};

use super::lines::{Line, on_one_line};
use super::notification::Notification;
use super::owners::{contacts, ownership};
use super::wording::{budget, details, explanation, headline, next_update};
use crate::incident::Severity;
use crate::incident::event::Event;
use crate::model::text::cut;

/// Bounds in characters, below those of the service, so that only this code cuts.
const MAX_TITLE: usize = 240;
const MAX_DESCRIPTION: usize = 3_000;
const MAX_VALUE: usize = 1_000;
const MAX_STEP: usize = 240;
const MAX_THREAD: usize = 240;

/// Builds the custom notification. All messages of one incident go into one thread.
#[must_use]
pub fn chat(notification: &Notification) -> Value {
    let n = notification;
    let is_critical = n.severity == Severity::Critical;
    let sign = match n.event {
        Event::Opened | Event::Reminded | Event::Escalated | Event::Flapping if is_critical => ":red_circle:",
        Event::Stabilized if n.is_ongoing() && is_critical => ":red_circle:",
        Event::Opened | Event::Reminded | Event::Escalated | Event::Flapping => ":large_yellow_circle:",
        Event::Stabilized if n.is_ongoing() => ":large_yellow_circle:",
        Event::Recovered | Event::Stabilized | Event::MonitoringRestored => ":large_green_circle:",
        Event::MonitoringLost | Event::Leftovers => ":large_yellow_circle:",
        Event::Test => ":large_blue_circle:",
    };
    let title = format!("{sign} [{}] {}: {} {}", n.tag(), n.environment, n.check, headline(n));
    let sentences = ownership(n).into_iter().chain(explanation(n).map(str::to_owned)).map(Line::sentence);
    let next = next_update(n).map(|next| Line::field("Next update", next));
    let budget = budget(n).map(|budget| Line::field("Error budget", budget));
    let lines: Vec<Line> = sentences.chain(details(n)).chain(next).chain(budget).collect();
    let mut next_steps = vec![format!("Runbook: {}", n.links.runbook)];
    let links = [("Logs", &n.links.logs), ("Dashboard", &n.links.dashboard), ("Trace", &n.links.trace)];
    next_steps.extend(links.iter().filter_map(|(label, link)| Some(format!("{label}: {}", link.as_ref()?))));
    next_steps.extend(contacts(n).iter().map(|(name, details)| format!("Contact {}: {details}", disarmed(name))));
    // A shortened link leads nowhere: a longer one is in the e-mail only.
    let next_steps: Vec<String> =
        next_steps.iter().map(|step| on_one_line(step)).filter(|step| step.chars().count() <= MAX_STEP).collect();
    let thread =
        n.subjects.first().map_or_else(|| format!("{}.{}", n.check, n.event.as_str()), |s| s.incident_id.clone());
    json!({
        "version": "1.0",
        "source": "custom",
        "id": n.notification_id,
        "content": {
            "textType": "client-markdown",
            "title": cut(&disarmed(&title), MAX_TITLE),
            "description": description(&lines),
            "nextSteps": next_steps,
            "keywords": [n.check, n.environment, n.severity.as_str()],
        },
        "metadata": {
            "threadId": cut(&thread, MAX_THREAD),
            "summary": cut(&disarmed(&format!("{} {}", n.check, headline(n))), MAX_TITLE),
            "eventType": n.event.as_str(),
            "relatedResources": n.subjects.iter().map(|s| s.incident_id.clone()).collect::<Vec<_>>(),
            "additionalContext": { "run_id": n.run_id, "trace_id": n.trace_id },
        },
    })
}

/// Joins as many lines as fit.
fn description(lines: &[Line]) -> String {
    let mut text = String::new();
    let mut room = MAX_DESCRIPTION - 2;
    for line in lines {
        let line = in_chat(line);
        let Some(left) = room.checked_sub(line.chars().count() + 1) else {
            text.push_str("\n…");
            break;
        };
        room = left;
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&line);
    }
    text
}

/// Renders a line. Values are code, in which a chat looks for neither formats nor links.
fn in_chat(line: &Line) -> String {
    let code = |value: &str| format!("`{}`", cut(&disarmed(value), MAX_VALUE));
    match line {
        Line::Empty => String::new(),
        Line::Sentence(text) => disarmed(text.trim_start()),
        Line::Field(label, value) if value.trim().is_empty() => format!("{label}: –"),
        Line::Field(label, value) => format!("{label}: {}", code(value)),
        Line::More(value) if value.trim().is_empty() => String::new(),
        Line::More(value) => code(value),
    }
}

/// Disarms a text, so that it neither formats nor links nor mentions anyone in a chat: `<!channel>`, `@here`, `#general`,
/// `*bold*`, `[text](address)`, `https://…`.
fn disarmed(text: &str) -> String {
    let text = on_one_line(text).replace("://", "[:]//").replace("](", "] (");
    text.chars()
        .map(|c| match c {
            '<' => '‹',
            '>' => '›',
            '@' => '＠',
            '#' => '＃',
            '*' | '`' => '\'',
            '~' => '-',
            '&' => '+',
            c => c,
        })
        .collect()
}
