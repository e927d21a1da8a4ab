//! Problems of a settings file, and the paths of its keys.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use toml::Value;
use url::Url;

/// Most problems of a file that are listed. A file with more is another kind of file, or was written by a program.
pub(crate) const LISTED: usize = 100;

/// One problem of a settings file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

/// Formats problems, one after the other: the first 100, the number of the others, and where unknown keys are described. `more` is that of further problems.
#[must_use]
pub fn listed(problems: &[Problem], more: usize) -> String {
    let shown = problems.iter().filter(|problem| !problem.is_brief()).take(LISTED);
    let mut lines: Vec<String> = shown.map(ToString::to_string).collect();
    let rest = problems.len() + more - lines.len();
    if rest > 0 {
        lines.push(format!("… and {rest} more"));
    }
    if problems.iter().any(|problem| problem.rule.starts_with(UNKNOWN)) {
        lines.push("`synthetics settings schema` describes every key".to_owned());
    }
    lines.join("\n")
}

/// First word of a rule about an unknown name.
pub(crate) const UNKNOWN: &str = "unknown";

/// Rule of a problem that is only counted.
const BRIEF: &str = "not listed, because there are too many problems";

impl Problem {
    /// Creates a problem that is only counted. The details of one take long to work out.
    pub(crate) fn brief(file: &str, line: usize, path: &[Part]) -> Self {
        let (source, rule) = (String::new(), BRIEF.to_owned());
        Self { file: file.to_owned(), line, source, key: key_path(path), rule }
    }

    fn is_brief(&self) -> bool {
        self.rule == BRIEF
    }
}

/// Part of a key's path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Key(String),
    Index(usize),
}

/// A problem whose place and text are not worked out yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// **Units:** bytes of the file.
    pub(crate) offset: usize,
    pub(crate) path: Vec<Part>,
    pub(crate) rule: String,
    /// True if the line may hold a secret.
    pub(crate) hide: bool,
}

/// Problems found so far.
#[derive(Default)]
pub(crate) struct Findings {
    findings: RefCell<Vec<Finding>>,
    /// Paths of unreadable values. Their absence, or an effect of the default in their place, is not another problem.
    unreadable: RefCell<HashSet<Vec<Part>>>,
    /// Every URL to which requests may be sent, with the path of its key.
    hosts: RefCell<Vec<(Vec<Part>, Url)>>,
    /// Defaults of missing keys, with their paths.
    defaults: RefCell<Vec<(Vec<Part>, Value)>>,
}

impl Findings {
    pub(crate) fn add(&self, finding: Finding) {
        self.findings.borrow_mut().push(finding);
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
        self.unreadable.borrow_mut().insert(path);
    }

    /// Every URL to which requests may be sent, with the path of its key.
    pub(crate) fn hosts(&self) -> Vec<(Vec<Part>, Url)> {
        self.hosts.borrow().clone()
    }

    /// Returns true if this value, or one around it, could not be read.
    pub(crate) fn is_unreadable(&self, path: &[Part]) -> bool {
        let unreadable = self.unreadable.borrow();
        !unreadable.is_empty() && (0..=path.len()).any(|length| unreadable.contains(&path[..length]))
    }

    pub(crate) fn is_valid(&self, section: &[Part]) -> bool {
        !self.findings.borrow().iter().any(|finding| finding.path.starts_with(section))
    }

    /// Takes all findings.
    pub(crate) fn into_inner(self) -> Vec<Finding> {
        self.findings.into_inner()
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
