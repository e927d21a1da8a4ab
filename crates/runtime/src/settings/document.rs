//! The settings file: positions of keys, and problems found.

use std::cell::RefCell;
use std::fmt;

use probe::{EgressPolicy, Redactor};
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use url::Url;

use super::common::{RawCommon, RawRun, RunSettings};
use super::lenient;
use super::names::{renamed, unknown};
use super::section::Section;
use super::values::written_duration;
use crate::{Check, Prepared};

/// One problem of a settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Name of the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Text of the line, without possibly secret values.
    pub source: String,
    /// Path of the key: `check.availability.targets[1].deadline`. Empty when the file is not TOML.
    pub key: String,
    /// Expected and found value.
    pub rule: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.rule)?;
        if !self.source.trim().is_empty() {
            write!(f, "\n  | {}", self.source.trim_end())?;
        }
        Ok(())
    }
}

/// Part of a key's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Key(String),
    Index(usize),
}

/// Problems found so far.
#[derive(Default)]
pub(super) struct Findings {
    problems: RefCell<Vec<Problem>>,
    /// Paths of unreadable values. Their absence, or an effect of the default in their place, is not another problem.
    unreadable: RefCell<Vec<Vec<Part>>>,
    /// Every URL to which requests may be sent, with the path of its key.
    hosts: RefCell<Vec<(Vec<Part>, Url)>>,
}

impl Findings {
    pub(super) fn add(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// Records that requests may go to the host of this URL.
    pub(super) fn add_host(&self, path: Vec<Part>, url: Url) {
        self.hosts.borrow_mut().push((path, url));
    }

    /// Returns true if this value, or one around it, could not be read.
    pub(super) fn is_unreadable(&self, path: &[Part]) -> bool {
        self.unreadable.borrow().iter().any(|unreadable| path.starts_with(unreadable))
    }

    fn is_valid(&self, section: &[Part]) -> bool {
        let (key, within) = (key_path(section), format!("{}.", key_path(section)));
        !self.problems.borrow().iter().any(|problem| problem.key == key || problem.key.starts_with(&within))
    }

    /// All problems, in the order of the file.
    fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.line);
        problems
    }
}

/// A settings file in valid TOML. Its values are not validated yet.
pub struct Document<'t> {
    file: String,
    text: &'t str,
    root: Spanned<DeTable<'t>>,
}

pub(super) const CHECKS: &str = "check";

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

    /// Reads the settings of one check together with the shared ones.
    pub(crate) fn check<C: Check>(&self) -> Result<Prepared<C>, Vec<Problem>> {
        let findings = Findings::default();
        let shared = Section::new(self, &findings, Vec::new());
        let mut root = self.root.get_ref().clone();
        root.remove(CHECKS);
        let span = self.root.span();
        let raw: RawCommon = self.read(Spanned::new(span, root), &[], &[CHECKS], &findings);
        let common = raw.validate(&shared);

        let path = vec![Part::Key(CHECKS.to_owned()), Part::Key(C::ID.to_owned())];
        let section = Section::new(self, &findings, path.clone());
        let Some(table) = self.table(&path) else {
            findings.add(self.no_table(&path));
            return Err(findings.into_problems());
        };
        let (run_keys, own_keys) =
            table.get_ref().clone().into_iter().partition(|(key, _)| RawRun::KEYS.contains(&&**key.get_ref()));
        let raw_run: RawRun = self.read(Spanned::new(table.span(), run_keys), &path, &[], &findings);
        let raw_own: C::Raw = self.read(Spanned::new(table.span(), own_keys), &path, RawRun::KEYS, &findings);
        let prepared = common.and_then(|common| {
            let longest = C::FUNCTION_TIMEOUT.saturating_sub(crate::reserve(C::READ_ONLY));
            let run = raw_run.validate(&section, C::ID, C::SEVERITY, &common, longest);
            let check = C::read(raw_own, &section, &common);
            let (run, check) = (run?, check?);
            if findings.is_valid(&path) {
                budget::<C>(&section, &run, &check);
            }
            let egress = self.egress(&common.network.egress, &findings);
            Some(Prepared { common, run, check, egress })
        });
        let problems = findings.into_problems();
        match prepared {
            Some(prepared) if problems.is_empty() => Ok(prepared),
            _ => Err(problems),
        }
    }

    /// Allows requests to the hosts in the settings, and reports forbidden addresses among them.
    fn egress(&self, allowed: &EgressPolicy, findings: &Findings) -> EgressPolicy {
        let mut egress = allowed.clone();
        for (path, url) in findings.hosts.borrow().iter() {
            if let Err(refused) = allowed.permits_literal(url) {
                let rule = format!(
                    "expected a host on the public internet, or one that `network.allow_addresses` allows, found {refused}"
                );
                findings.add(self.problem(path, rule));
            }
            egress = egress.allow_host(url);
        }
        egress
    }

    /// Deserializes a table and reports mismatches.
    fn read<T: DeserializeOwned + Default>(
        &self,
        table: Spanned<DeTable<'t>>,
        path: &[Part],
        siblings: &[&str],
        findings: &Findings,
    ) -> T {
        let (value, mismatches) = lenient::read(table, path, siblings);
        for mismatch in mismatches {
            let path: Vec<Part> = path.iter().cloned().chain(mismatch.path).collect();
            let hide = may_be_secret(&path);
            let rule = match mismatch.rule.rsplit_once(", found ") {
                Some((expected, _)) if hide => format!("{expected}, found something else (not shown)"),
                _ => mismatch.rule,
            };
            findings.add(self.problem_at(mismatch.offset, &path, rule, hide || mismatch.is_unknown));
            match (mismatch.is_unknown, renamed(&path)) {
                (false, _) => findings.unreadable.borrow_mut().push(path),
                // The value is there under its old name, so the new key is not missing.
                (true, Some(new)) => {
                    let parent = path[..path.len() - 1].to_vec();
                    findings.unreadable.borrow_mut().push([parent, vec![Part::Key(new.to_owned())]].concat());
                }
                (true, None) => {}
            }
        }
        value
    }

    /// Problem of a missing section, or of another value in its place.
    fn no_table(&self, path: &[Part]) -> Problem {
        for length in 1..=path.len() {
            match self.value(&path[..length]) {
                None => break,
                Some(value) if value.get_ref().is_table() => {}
                Some(other) => {
                    return self
                        .problem(&path[..length], format!("expected a table, found {}", lenient::type_name(other)));
                }
            }
        }
        self.problem(path, format!("the section [{}] is missing", key_path(path)))
    }

    /// Problem of a key, or of the table around it when the key is missing.
    pub(super) fn problem(&self, path: &[Part], rule: String) -> Problem {
        let offset = (0..=path.len()).rev().find_map(|length| self.offset(&path[..length])).unwrap_or(0);
        self.problem_at(offset, path, rule, may_be_secret(path))
    }

    fn problem_at(&self, offset: usize, path: &[Part], rule: String, hide: bool) -> Problem {
        let (line, source) = line_at(self.text, offset);
        let rule = Redactor::default().redact(&rule);
        Problem { file: self.file.clone(), line, source: displayed_line(source, hide), key: key_path(path), rule }
    }

    fn table(&self, path: &[Part]) -> Option<Spanned<DeTable<'t>>> {
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

/// Checks that the attempts and the wait between them fit into the run's deadline, and the deadline into the function's
/// timeout.
fn budget<C: Check>(section: &Section<'_>, run: &RunSettings, check: &C) {
    let attempt = check.max_attempt_duration();
    let needed = if C::READ_ONLY { attempt * 2 + run.confirm_after } else { attempt };
    if needed > run.deadline {
        let reason = if C::READ_ONLY {
            format!(
                "2 attempts of {} and a wait of {} between them",
                written_duration(attempt),
                written_duration(run.confirm_after)
            )
        } else {
            format!("an attempt of {}", written_duration(attempt))
        };
        let (needed, deadline) = (written_duration(needed), written_duration(run.deadline));
        section.problem("deadline", format!("expected at least {needed}, for {reason}, found {deadline}"));
    }
    let reserve = crate::reserve(C::READ_ONLY);
    let limit = C::FUNCTION_TIMEOUT.saturating_sub(reserve);
    if run.deadline > limit {
        let rule = format!(
            "expected at most {}: the function is killed after {}, and {} are reserved for compensation, \
             publishing and notifying; found {}",
            written_duration(limit),
            written_duration(C::FUNCTION_TIMEOUT),
            written_duration(reserve),
            written_duration(run.deadline)
        );
        section.problem("deadline", rule);
    }
}

pub(super) fn key_path(path: &[Part]) -> String {
    let mut text = String::new();
    for part in path {
        match part {
            Part::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
                if !key.is_empty() && key.chars().all(is_bare) {
                    text.push_str(key);
                } else {
                    text.push_str(&format!("{key:?}"));
                }
            }
            Part::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

/// Line number from 1, and the line. The end of the file belongs to its last line.
fn line_at(text: &str, offset: usize) -> (usize, &str) {
    let end = text.trim_end().len();
    let before = text.get(..offset.min(end)).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    (line, text.lines().nth(line - 1).unwrap_or_default())
}

/// Returns true if the value of this key may be a secret, or a secret written in place of a reference.
fn may_be_secret(path: &[Part]) -> bool {
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
