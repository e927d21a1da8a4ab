//! The settings file: its keys and their positions.

use std::path::Path;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use toml::de::{DeTable, DeValue, Deserializer};
use toml::{Spanned, Table};

use crate::names::unknown;
use crate::problem::{Finding, Findings, LISTED, Part, Problem, key_path};
use crate::texts::{displayed, is_token, masked, refused_texts, searched, shortened, shortened_to};

/// A settings file in valid TOML. Its values are not validated yet.
pub struct Document<'t> {
    file: String,
    text: &'t str,
    /// Offset of each line. **Units:** bytes.
    lines: Vec<usize>,
    root: Spanned<DeTable<'t>>,
    /// Texts that no key accepts.
    refused_texts: Vec<Finding>,
}

pub(crate) const CHECKS: &str = "check";

impl<'t> Document<'t> {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// All syntax errors, at most one per line.
    pub fn parse(file: &str, text: &'t str) -> Result<Self, Vec<Problem>> {
        let (root, errors) = DeTable::parse_recoverable(text);
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut document = Self { file: file.to_owned(), text, lines, root, refused_texts: Vec::new() };
        if !errors.is_empty() {
            let mut errors: Vec<_> =
                errors.iter().map(|error| (error.span().map_or(0, |span| span.start), error.message())).collect();
            errors.sort_by_key(|(offset, _)| document.line(*offset));
            // Later errors on a line are mostly consequences of the first.
            errors.dedup_by_key(|(offset, _)| document.line(*offset));
            let findings = Findings::default();
            for (offset, message) in errors {
                findings.add(Finding { offset, path: Vec::new(), rule: message.to_owned(), hide: false });
            }
            return Err(document.problems(findings));
        }
        document.refused_texts = refused_texts(text, document.root.get_ref());
        Ok(document)
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
        let secret = self.refused_texts.iter().find(|finding| finding.path == path);
        let unknown = || self.finding(&path, unknown("check", id, known, ""));
        self.problem(&secret.cloned().unwrap_or_else(unknown))
    }

    /// Folder of the file, in which the files that it names are.
    pub(crate) fn folder(&self) -> &Path {
        Path::new(&self.file).parent().unwrap_or(Path::new(""))
    }

    /// Digest of the values: 16 hexadecimal digits of SHA-256. Comments and layout do not count.
    #[must_use]
    pub fn digest(&self) -> String {
        let digest = Sha256::digest(self.to_table().to_string());
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
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
    pub(crate) fn no_table(&self, path: &[Part]) -> Finding {
        for length in 1..=path.len() {
            match self.value(&path[..length]) {
                None => break,
                Some(value) if value.get_ref().is_table() => {}
                Some(other) => {
                    return self.finding(&path[..length], format!("expected a table, found {}", type_name(other)));
                }
            }
        }
        self.finding(path, format!("the section [{}] is missing", key_path(path)))
    }

    /// Problem of a key, or of the table around it when the key is missing.
    pub(crate) fn finding(&self, path: &[Part], rule: String) -> Finding {
        let offset = (0..=path.len()).rev().find_map(|length| self.offset(&path[..length])).unwrap_or(0);
        Finding { offset, path: path.to_vec(), rule, hide: may_be_secret(path) }
    }

    /// Works out the place and the text of a problem.
    pub(crate) fn problem(&self, finding: &Finding) -> Problem {
        let Finding { offset, path, rule, hide } = finding;
        let line = self.line(*offset);
        if !path.is_empty() && self.offset(&path[..1]).is_none() {
            // Nothing of it is in the file, so no line is wrong.
            let source = String::new();
            return Problem { file: self.file.clone(), line, source, key: shown_key(path), rule: shown_rule(rule) };
        }
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        let source = self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let source = displayed_line(source, *hide);
        Problem { file: self.file.clone(), line, source, key: shown_key(path), rule: shown_rule(rule) }
    }

    /// All problems, in the order of the file. Those that are not listed have no details.
    pub(crate) fn problems(&self, findings: Findings) -> Vec<Problem> {
        let with_line = |finding: Finding| (self.line(finding.offset), finding);
        let mut findings: Vec<_> = findings.into_inner().into_iter().map(with_line).collect();
        findings.sort_by_key(|(line, _)| *line);
        let listed = findings.iter().take(LISTED).map(|(_, finding)| self.problem(finding));
        let brief = |(line, finding): &(usize, Finding)| Problem::brief(&self.file, *line, &finding.path);
        listed.chain(findings.iter().skip(LISTED).map(brief)).collect()
    }

    /// Line number from 1. The end of the file belongs to its last line.
    pub(crate) fn line(&self, offset: usize) -> usize {
        let offset = offset.min(self.text.trim_end().len());
        self.lines.partition_point(|start| *start <= offset).max(1)
    }

    /// Texts that no key accepts, outside the sections of other checks.
    pub(crate) fn refused_texts(&self, check: &str) -> impl Iterator<Item = &Finding> {
        self.refused_texts.iter().filter(move |finding| match &finding.path[..] {
            [Part::Key(section), Part::Key(id), ..] => section != CHECKS || id == check,
            _ => true,
        })
    }

    pub(crate) fn table(&self, path: &[Part]) -> Option<Spanned<DeTable<'t>>> {
        let value = self.value(path)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Spanned::new(value.span(), table.clone())),
            _ => None,
        }
    }

    pub(crate) fn value(&self, path: &[Part]) -> Option<&Spanned<DeValue<'t>>> {
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
    let line = searched(line);
    let is_header = line.trim_start().starts_with('[');
    if is_header && is_token(line) {
        return String::new();
    }
    if (hide || sounds_secret(line) || is_token(line)) && !is_header {
        let (key, _) = line.split_once('=').filter(|(key, _)| !is_token(key)).unwrap_or_default();
        return if key.is_empty() { String::new() } else { format!("{}= …", shortened(&displayed(key))) };
    }
    shortened(&displayed(line))
}

fn shown_key(path: &[Part]) -> String {
    let short = |part: &Part| match part {
        Part::Key(key) if is_token(key) => Part::Key("…".to_owned()),
        // The path is quoted where it holds control characters.
        Part::Key(key) => Part::Key(shortened(&masked(key))),
        Part::Index(index) => Part::Index(*index),
    };
    key_path(&path.iter().map(short).collect::<Vec<_>>())
}

/// A rule for display, with at most 200 characters of a value.
fn shown_rule(rule: &str) -> String {
    let rule = searched(rule);
    if is_token(rule) {
        let expected = rule.split_once(", found ").map(|(expected, _)| expected).filter(|expected| !is_token(expected));
        return format!("{}, found something else (not shown)", expected.unwrap_or("expected another value"));
    }
    let rule = displayed(rule);
    let Some((expected, found)) = rule.split_once(", found ") else { return shortened_to(&rule, 1_000) };
    let quoted = found.strip_prefix('`').and_then(|value| value.rsplit_once('`'));
    let found = match quoted {
        Some((value, rest)) => format!("`{}`{}", shortened(value), shortened(rest)),
        None => shortened(found),
    };
    format!("{}, found {found}", shortened_to(expected, 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_that_of_the_values() {
        let digest = |text: &str| Document::parse("x", text).ok().unwrap().digest();
        let first = digest("base_url = 'http://a'\n[check.backend]\ncache = { port = 6379 }\n");
        assert_eq!(first.len(), 16);
        assert_eq!(digest("# new\nbase_url=\"http://a\"\n\n[check.backend.cache]\nport = 6379 # usual"), first);
        assert_ne!(digest("base_url = 'http://a'\n[check.backend]\ncache = { port = 6380 }\n"), first);
    }

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
