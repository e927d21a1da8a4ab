//! Links in messages, filled in from templates.

use jiff::Timestamp;
use url::Url;

use check::Report;
use check::message::Links;

use crate::hosts::{check_host, check_length};
use crate::texts::shortened;

/// Placeholders of a template, written in braces.
pub(crate) const PLACEHOLDERS: &[&str] =
    &["check", "environment", "location", "run_id", "trace_id", "from", "to", "from_ms", "to_ms"];

/// Time from the start of a window to the first failed run.
const LEAD_SECONDS: i64 = 300;

/// URL templates of the links in a message. `{from}` and `{to}` are the bounds of the incident's window in RFC 3339,
/// `{from_ms}` and `{to_ms}` the same in milliseconds of Unix time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkTemplates {
    /// Runbook of the check.
    pub runbook: String,
    /// Dashboard.
    pub dashboard: Option<String>,
    /// Log lines in the incident's window.
    pub logs: Option<String>,
    /// Run in the platform's own tracing.
    pub trace: Option<String>,
}

impl LinkTemplates {
    /// Fills in the links of a run whose incidents began at `since`.
    #[must_use]
    pub fn fill(&self, report: &Report, since: Option<Timestamp>) -> Links {
        let to = report.ended;
        let from = since.unwrap_or(report.key.scheduled_time);
        let from = Timestamp::from_second(from.as_second() - LEAD_SECONDS).unwrap_or(from);
        let value = |name: &str| match name {
            "check" => report.key.check.clone(),
            "environment" => report.environment.clone(),
            "location" => report.key.location.clone(),
            "run_id" => report.run_id.clone(),
            "trace_id" => report.trace_id.clone(),
            "from" => from.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "to" => to.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "from_ms" => from.as_millisecond().to_string(),
            "to_ms" => to.as_millisecond().to_string(),
            _ => String::new(),
        };
        let fill = |template: &String| {
            PLACEHOLDERS.iter().fold(template.clone(), |text, name| text.replace(&format!("{{{name}}}"), &value(name)))
        };
        Links {
            runbook: fill(&self.runbook),
            dashboard: self.dashboard.as_ref().map(fill),
            logs: self.logs.as_ref().map(fill),
            trace: self.trace.as_ref().map(fill),
        }
    }
}

/// Checks that a template is a URL and all its placeholders are known.
pub(crate) fn parse_template(text: &str) -> Result<String, String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            return Err(format!("expected a `}}` after `{{`, found `{text}`"));
        };
        if !PLACEHOLDERS.contains(&name) {
            return Err(format!(
                "there is no placeholder {{{}}}; there are {}",
                shortened(name),
                PLACEHOLDERS.join(", ")
            ));
        }
        rest = after;
    }
    let filled = PLACEHOLDERS.iter().fold(text.to_owned(), |text, name| text.replace(&format!("{{{name}}}"), "0"));
    check_length("URL", text)?;
    match Url::parse(&filled) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => {
            let host = url.host().map_or(Ok(()), |host| check_host(&host));
            host.map(|()| text.to_owned()).map_err(|rule| format!("expected a URL with a host {rule}, found `{text}`"))
        }
        Ok(_) => Err(format!("expected a URL of http or https, found `{text}`")),
        Err(error) => Err(format!("expected a URL, found `{text}`: {error}")),
    }
}
