//! The file: where each key stands, and what is wrong with it.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::common::{RawCommon, RawRun, RunSettings};
use super::section::Section;
use crate::{Check, Prepared};

/// One thing that is wrong with a settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// That line as written.
    pub source: String,
    /// The key's path: `check.availability.targets[1].deadline`. Empty when the file is no TOML.
    pub key: String,
    /// What was expected, and what was seen.
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

/// A part of a key's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Key(String),
    Index(usize),
}

/// A settings file that is TOML; what stands in it may still be wrong.
pub struct Document<'t> {
    file: String,
    text: &'t str,
    root: Spanned<DeTable<'t>>,
}

const CHECKS: &str = "check";

impl<'t> Document<'t> {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// All places where it is no TOML.
    pub fn parse(file: &str, text: &'t str) -> Result<Self, Vec<Problem>> {
        let (root, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            let problem = |error: &toml::de::Error| {
                let (line, source) = line_at(text, error.span().map_or(0, |span| span.start));
                Problem { file: file.to_owned(), line, source, key: String::new(), rule: error.message().to_owned() }
            };
            return Err(errors.iter().map(problem).collect());
        }
        Ok(Self { file: file.to_owned(), text, root })
    }

    /// Puts a text in the place of what is written at the top of the file: for a server whose address is known only once
    /// it listens. Nothing happens when the key is not written.
    pub fn replace_text(&mut self, key: &str, text: String) {
        if let Some(value) = self.root.get_mut().get_mut(key) {
            *value.get_mut() = DeValue::String(text.into());
        }
    }

    /// The ids that have a section, whether there are such checks or not.
    #[must_use]
    pub fn check_ids(&self) -> Vec<String> {
        match self.root.get_ref().get(CHECKS).map(Spanned::get_ref) {
            Some(DeValue::Table(table)) => table.keys().map(|key| key.get_ref().to_string()).collect(),
            _ => Vec::new(),
        }
    }

    /// The problem that a section is of no known check.
    #[must_use]
    pub fn unknown_check(&self, id: &str, known: &[&str]) -> Problem {
        let path = [Part::Key(CHECKS.to_owned()), Part::Key(id.to_owned())];
        self.problem(&path, format!("there is no such check; there are {}", known.join(", ")))
    }

    /// Reads the settings of one check, with those that all checks share.
    pub(crate) fn check<C: Check>(&self) -> Result<Prepared<C>, Vec<Problem>> {
        let problems = RefCell::new(Vec::new());
        let shared = Section::new(self, &problems, Vec::new());
        let mut root = self.root.get_ref().clone();
        root.remove(CHECKS);
        let span = self.root.span();
        let raw: RawCommon = self.read(Spanned::new(span, root), &[], &problems);
        let common = raw.validate(&shared);

        let path = vec![Part::Key(CHECKS.to_owned()), Part::Key(C::ID.to_owned())];
        let section = Section::new(self, &problems, path.clone());
        let Some(table) = self.table(&path) else {
            section.problem("", format!("the section [check.{}] is missing", C::ID));
            return Err(problems.into_inner());
        };
        let (how, own) =
            table.get_ref().clone().into_iter().partition(|(key, _)| RawRun::KEYS.contains(&&**key.get_ref()));
        let raw_run: RawRun = self.read(Spanned::new(table.span(), how), &path, &problems);
        let raw_own: C::Raw = self.read(Spanned::new(table.span(), own), &path, &problems);
        let prepared = common.and_then(|common| {
            let run = raw_run.validate(&section, C::ID, &common.environment);
            let check = C::read(raw_own, &section, &common);
            let (run, check) = (run?, check?);
            budget::<C>(&section, &run, &check);
            Some(Prepared { common, run, check })
        });
        let problems = problems.into_inner();
        match prepared {
            Some(prepared) if problems.is_empty() => Ok(prepared),
            _ => Err(problems),
        }
    }

    /// Deserializes a table. What does not fit is noted, taken out, and the rest read again, so that the first
    /// misspelt key does not hide the second.
    fn read<T: DeserializeOwned + Default>(
        &self,
        mut table: Spanned<DeTable<'t>>,
        path: &[Part],
        problems: &RefCell<Vec<Problem>>,
    ) -> T {
        loop {
            let error = match T::deserialize(Deserializer::from(table.clone())) {
                Ok(value) => return value,
                Err(error) => error,
            };
            let span = error.span().unwrap_or(0..0);
            let rule = error.message().lines().next().unwrap_or_default().to_owned();
            let Some(found) = take_out(table.get_mut(), &span) else {
                // Nothing to take out: say it as it is, and leave it at that.
                problems.borrow_mut().push(self.problem(path, rule));
                return T::default();
            };
            let path: Vec<Part> = path.iter().cloned().chain(found).collect();
            problems.borrow_mut().push(self.problem_at(span.start, &path, rule));
        }
    }

    /// The problem of a key; of the table around it when the key is missing.
    pub(super) fn problem(&self, path: &[Part], rule: String) -> Problem {
        let offset = (0..=path.len()).rev().find_map(|length| self.offset(&path[..length])).unwrap_or(0);
        self.problem_at(offset, path, rule)
    }

    fn problem_at(&self, offset: usize, path: &[Part], rule: String) -> Problem {
        let (line, source) = line_at(self.text, offset);
        Problem { file: self.file.clone(), line, source, key: written(path), rule }
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

/// The time that attempts and the wait between them need must fit into the run's deadline, and that into the function's.
fn budget<C: Check>(section: &Section<'_>, run: &RunSettings, check: &C) {
    let attempt = check.worst_attempt();
    let needed = if C::READ_ONLY { attempt * 2 + run.confirm_after } else { attempt };
    if needed > run.deadline {
        let how = if C::READ_ONLY {
            format!("2 attempts of {attempt:?} and a wait of {:?} between them", run.confirm_after)
        } else {
            format!("an attempt of {attempt:?}")
        };
        section.problem("deadline", format!("expected at least {needed:?}, for {how}, saw {:?}", run.deadline));
    }
    let most = C::FUNCTION_TIMEOUT.saturating_sub(crate::RESERVE);
    if run.deadline > most {
        let rule = format!(
            "expected at most {most:?}: the function is killed after {:?}, and {:?} are kept back to undo, publish and \
             tell; saw {:?}",
            C::FUNCTION_TIMEOUT,
            crate::RESERVE,
            run.deadline
        );
        section.problem("deadline", rule);
    }
}

/// Takes the innermost key out that the span is of, and gives its path.
fn take_out(table: &mut DeTable<'_>, span: &Range<usize>) -> Option<Vec<Part>> {
    let within = |outer: Range<usize>| outer.start <= span.start && span.end <= outer.end && !span.is_empty();
    let key = table.iter().find(|(key, value)| within(key.span()) || within(value.span()))?.0.clone();
    let name = Part::Key(key.get_ref().to_string());
    let inner = if within(key.span()) {
        None
    } else {
        match table.get_mut(&key).map(Spanned::get_mut) {
            // A table whose own span it is has the wrong shape as a whole.
            Some(DeValue::Table(inner)) => take_out(inner, span),
            Some(DeValue::Array(array)) => array.iter_mut().enumerate().find_map(|(index, item)| {
                let DeValue::Table(inner) = item.get_mut() else { return None };
                let path = take_out(inner, span)?;
                Some(std::iter::once(Part::Index(index)).chain(path).collect())
            }),
            _ => None,
        }
    };
    if let Some(inner) = inner {
        return Some(std::iter::once(name).chain(inner).collect());
    }
    table.remove(&key);
    Some(vec![name])
}

pub(super) fn written(path: &[Part]) -> String {
    let mut text = String::new();
    for part in path {
        match part {
            Part::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            Part::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

fn line_at(text: &str, offset: usize) -> (usize, String) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    (line, text.lines().nth(line - 1).unwrap_or_default().to_owned())
}
