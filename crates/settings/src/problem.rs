//! Problems of a settings file, and the paths of its keys.

use std::cell::RefCell;
use std::fmt;

use toml::Value;
use url::Url;

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
pub(crate) enum Part {
    Key(String),
    Index(usize),
}

/// Problems found so far.
#[derive(Default)]
pub(crate) struct Findings {
    problems: RefCell<Vec<Problem>>,
    /// Paths of unreadable values. Their absence, or an effect of the default in their place, is not another problem.
    unreadable: RefCell<Vec<Vec<Part>>>,
    /// Every URL to which requests may be sent, with the path of its key.
    hosts: RefCell<Vec<(Vec<Part>, Url)>>,
    /// Defaults of missing keys, with their paths.
    defaults: RefCell<Vec<(Vec<Part>, Value)>>,
}

impl Findings {
    pub(crate) fn add(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// Records that requests may go to the host of this URL.
    pub(crate) fn add_host(&self, path: Vec<Part>, url: Url) {
        self.hosts.borrow_mut().push((path, url));
    }

    /// Records the default of a missing key.
    pub(crate) fn add_default(&self, path: Vec<Part>, value: Value) {
        self.defaults.borrow_mut().push((path, value));
    }

    /// Defaults of missing keys, with their paths.
    pub(crate) fn defaults(&self) -> Vec<(Vec<Part>, Value)> {
        self.defaults.borrow().clone()
    }

    /// Records a value that could not be read.
    pub(crate) fn add_unreadable(&self, path: Vec<Part>) {
        self.unreadable.borrow_mut().push(path);
    }

    /// Every URL to which requests may be sent, with the path of its key.
    pub(crate) fn hosts(&self) -> Vec<(Vec<Part>, Url)> {
        self.hosts.borrow().clone()
    }

    /// Returns true if this value, or one around it, could not be read.
    pub(crate) fn is_unreadable(&self, path: &[Part]) -> bool {
        self.unreadable.borrow().iter().any(|unreadable| path.starts_with(unreadable))
    }

    pub(crate) fn is_valid(&self, section: &[Part]) -> bool {
        let (key, within) = (key_path(section), format!("{}.", key_path(section)));
        !self.problems.borrow().iter().any(|problem| problem.key == key || problem.key.starts_with(&within))
    }

    /// All problems, in the order of the file.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.line);
        problems
    }
}

pub(crate) fn key_path(path: &[Part]) -> String {
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
