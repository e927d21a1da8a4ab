//! The settings file: its keys and their positions.

use probe::Redactor;
use serde::Deserialize;
use toml::de::{DeTable, DeValue, Deserializer};
use toml::{Spanned, Table};

use crate::names::unknown;
use crate::problem::{Part, Problem, key_path};

/// A settings file in valid TOML. Its values are not validated yet.
pub struct Document<'t> {
    file: String,
    text: &'t str,
    root: Spanned<DeTable<'t>>,
}

pub(crate) const CHECKS: &str = "check";

impl<'t> Document<'t> {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// All syntax errors, at most one per line.
    pub fn parse(file: &str, text: &'t str) -> Result<Self, Vec<Problem>> {
        let (root, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            let problem = |error: &toml::de::Error| {
                let (line, source) = line_at(text, error.span().map_or(0, |span| span.start));
                let source = displayed_line(source, false);
                Problem { file: file.to_owned(), line, source, key: String::new(), rule: error.message().to_owned() }
            };
            let mut problems: Vec<Problem> = errors.iter().map(problem).collect();
            problems.sort_by_key(|problem| problem.line);
            // Later errors on a line are mostly consequences of the first.
            problems.dedup_by_key(|problem| problem.line);
            return Err(problems);
        }
        Ok(Self { file: file.to_owned(), text, root })
    }

    /// Ids of all check sections, including unknown checks.
    #[must_use]
    pub fn check_ids(&self) -> Vec<String> {
        match self.root.get_ref().get(CHECKS).map(Spanned::get_ref) {
            Some(DeValue::Table(table)) => table.keys().map(|key| key.get_ref().to_string()).collect(),
            _ => Vec::new(),
        }
    }

    /// Problem of a section for an unknown check.
    #[must_use]
    pub fn unknown_check(&self, id: &str, known: &[&str]) -> Problem {
        let path = [Part::Key(CHECKS.to_owned()), Part::Key(id.to_owned())];
        self.problem(&path, unknown("check", id, known))
    }

    /// The whole file as plain values.
    pub(crate) fn to_table(&self) -> Table {
        Table::deserialize(Deserializer::from(self.root.clone())).unwrap_or_default()
    }

    /// Table at the top of the file.
    pub(crate) fn root(&self) -> Spanned<DeTable<'t>> {
        self.root.clone()
    }

    /// Problem of a missing section, or of another value in its place.
    pub(crate) fn no_table(&self, path: &[Part]) -> Problem {
        for length in 1..=path.len() {
            match self.value(&path[..length]) {
                None => break,
                Some(value) if value.get_ref().is_table() => {}
                Some(other) => {
                    return self.problem(&path[..length], format!("expected a table, found {}", type_name(other)));
                }
            }
        }
        self.problem(path, format!("the section [{}] is missing", key_path(path)))
    }

    /// Problem of a key, or of the table around it when the key is missing.
    pub(crate) fn problem(&self, path: &[Part], rule: String) -> Problem {
        let offset = (0..=path.len()).rev().find_map(|length| self.offset(&path[..length])).unwrap_or(0);
        self.problem_at(offset, path, rule, may_be_secret(path))
    }

    pub(crate) fn problem_at(&self, offset: usize, path: &[Part], rule: String, hide: bool) -> Problem {
        let (line, source) = line_at(self.text, offset);
        let rule = Redactor::default().redact(&rule);
        Problem { file: self.file.clone(), line, source: displayed_line(source, hide), key: key_path(path), rule }
    }

    pub(crate) fn table(&self, path: &[Part]) -> Option<Spanned<DeTable<'t>>> {
        let value = self.value(path)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Spanned::new(value.span(), table.clone())),
            _ => None,
        }
    }

    fn value(&self, path: &[Part]) -> Option<&Spanned<DeValue<'t>>> {
        let (first, rest) = path.split_first()?;
        let Part::Key(first) = first else { return None };
        let mut value = self.root.get_ref().get(first.as_str())?;
        for part in rest {
            value = match (part, value.get_ref()) {
                (Part::Key(key), DeValue::Table(table)) => table.get(key.as_str())?,
                (Part::Index(index), DeValue::Array(array)) => array.get(*index)?,
                _ => return None,
            };
        }
        Some(value)
    }

    fn offset(&self, path: &[Part]) -> Option<usize> {
        if path.is_empty() { Some(0) } else { self.value(path).map(|value| value.span().start) }
    }
}

/// Returns the text of a file with another value at a key such as `base_url` or `check.backend.cache.port`; a string
/// stays a string. Used for servers whose addresses are known only once they listen. A missing key changes nothing.
#[must_use]
pub fn replaced(text: &str, key: &str, value: &str) -> String {
    let (root, _) = DeTable::parse_recoverable(text);
    let mut keys = key.split('.');
    let first = keys.next().and_then(|key| root.get_ref().get(key));
    let found = keys.fold(first, |value, key| value?.get_ref().as_table()?.get(key));
    let Some(found) = found else { return text.to_owned() };
    let span = found.span();
    let written = if found.get_ref().is_str() { format!("{value:?}") } else { value.to_owned() };
    format!("{}{written}{}", &text[..span.start], &text[span.end..])
}

/// Name of a value's type.
pub(crate) fn type_name(value: &Spanned<DeValue<'_>>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        // Written as `[[key]]`: the span of such a list is that of its first table's header.
        DeValue::Array(items) if items.first().is_some_and(|item| item.span() == value.span()) => "a list of tables",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Line number from 1, and the line. The end of the file belongs to its last line.
fn line_at(text: &str, offset: usize) -> (usize, &str) {
    let end = text.trim_end().len();
    let before = text.get(..offset.min(end)).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    (line, text.lines().nth(line - 1).unwrap_or_default())
}

/// Returns true if the value of this key may be a secret, or a secret written in place of a reference.
pub(crate) fn may_be_secret(path: &[Part]) -> bool {
    path.iter().any(|part| matches!(part, Part::Key(key) if sounds_secret(key)))
}

fn sounds_secret(text: &str) -> bool {
    let text = text.to_lowercase();
    // Only as a separate word: many harmless names contain it.
    let mut words = text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_'));
    if words.any(|word| word == "key") {
        return true;
    }
    [
        "secret",
        "password",
        "token",
        "credential",
        "heartbeat",
        "authorization",
        "cookie",
        "api_key",
        "api-key",
        "private key",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// Text of a line for display: without its value if it must be hidden or the line sounds secret.
fn displayed_line(line: &str, hide: bool) -> String {
    let is_header = line.trim_start().starts_with('[');
    if (hide || sounds_secret(line)) && !is_header {
        return line.split_once('=').map_or_else(String::new, |(key, _)| format!("{key}= …"));
    }
    Redactor::default().redact(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_replaced_in_place() {
        let text = "base_url = 'http://a' # here\n[check.backend]\ncache = { port = 6379, tls = false }\n";
        let replaced = |key, value| replaced(text, key, value);
        assert!(replaced("base_url", "http://b").starts_with("base_url = \"http://b\" # here\n[check"));
        assert!(replaced("check.backend.cache.port", "7000").ends_with("cache = { port = 7000, tls = false }\n"));
        for missing in ["check.backend.cache.host", "check.login.port", "base_url.port", ""] {
            assert_eq!(replaced(missing, "x"), text, "{missing}");
        }
    }
}
