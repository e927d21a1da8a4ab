//! Names of deployed resources, and of the checks and subjects in commands.

use anyhow::Context;
use check::Subject;

use crate::checks;

/// Name of a resource in an environment, as the templates form it.
pub fn resource(environment: &str, what: &str) -> String {
    format!("just-driving-synthetics-{environment}-{what}")
}

/// Name of an alarm without the part that all alarms of an environment share.
#[must_use]
pub fn short_name<'a>(name: &'a str, environment: &str) -> &'a str {
    name.strip_prefix(resource(environment, "").as_str()).unwrap_or(name)
}

/// Parses `CHECK` or `CHECK/SUBJECT`.
///
/// # Errors
/// When the check is unknown, or the subject is not valid.
pub fn parse_scope(text: &str) -> anyhow::Result<(&'static str, Option<Subject>)> {
    let (check, subject) = match text.split_once('/') {
        Some((check, subject)) => (check, Some(Subject::new(subject).context("failed to read the subject")?)),
        None => (text, None),
    };
    let ids = checks::ids(&[check.to_owned()])?;
    Ok((ids[0], subject))
}

/// Formats a scope as `CHECK` or `CHECK/SUBJECT`.
pub fn format_scope(check: &str, subject: Option<&Subject>) -> String {
    subject.map_or_else(|| check.to_owned(), |subject| format!("{check}/{subject}"))
}
