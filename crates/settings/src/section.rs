//! Sections of the settings file, and the problems found in them.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use probe::{Host, HostPort, Url};
use serde::Serialize;
use serde_json::Value;

use crate::checked_values::{check_id, check_path, check_written};
use crate::contract::{Shared, SharedValue};
use crate::document::Document;
use crate::hosts::{check_host, check_length, check_requestable};
use crate::problem::{Findings, Part};
use crate::values::{RawDuration, RawId, RawReference, SecretRef, parse_duration, written_duration};

/// A table or list item of a settings file. Problems are recorded with the key's path and line.
#[derive(Clone)]
pub struct Section<'a> {
    document: &'a Document<'a>,
    findings: &'a Findings,
    shared: &'a [Box<dyn SharedValue>],
    path: Vec<Part>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(
        document: &'a Document<'a>,
        findings: &'a Findings,
        shared: &'a [Box<dyn SharedValue>],
        path: Vec<Part>,
    ) -> Self {
        Self { document, findings, shared, path }
    }

    /// Returns a section that the check's contract lists. It was read once, and its problems are reported once.
    #[must_use]
    pub fn shared<S: Shared>(&self) -> Option<S> {
        let found = self.shared.iter().find_map(|value| value.as_any().downcast_ref::<S>());
        if found.is_none() {
            self.problem("", format!("the section [{}] is not in the check's contract", S::KEY));
        }
        found.cloned()
    }

    /// Returns true if no problem was found in this section so far.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.findings.is_valid(&self.path)
    }

    /// Folder of the settings file.
    pub(crate) fn folder(&self) -> &Path {
        self.document.folder()
    }

    /// Ids of the checks with a section in the file.
    pub(crate) fn check_ids(&self) -> Vec<String> {
        self.document.check_ids()
    }

    /// Returns a table within.
    #[must_use]
    pub fn table(&self, key: &str) -> Self {
        Self { path: self.child_path(key), ..self.clone() }
    }

    /// Returns an item of a list within.
    #[must_use]
    pub fn item(&self, key: &str, index: usize) -> Self {
        let mut path = self.child_path(key);
        path.push(Part::Index(index));
        Self { path, ..self.clone() }
    }

    /// Records a problem of a key here, or of this section itself when the key is empty. Problems of an unreadable
    /// value are not recorded again: they are consequences of the first.
    pub fn problem(&self, key: &str, rule: impl Into<String>) {
        let path = if key.is_empty() { self.path.clone() } else { self.child_path(key) };
        if !self.findings.is_unreadable(&path) {
            self.findings.add(self.document.finding(&path, rule.into()));
        }
    }

    /// Returns true for a key whose value could not be read. The value is then wrong, not missing.
    #[must_use]
    pub fn is_unreadable(&self, key: &str) -> bool {
        self.findings.is_unreadable(&self.child_path(key))
    }

    /// Requires a value.
    pub fn required<T>(&self, key: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.problem(key, "expected a value, found none");
        }
        value
    }

    /// Requires a text with more than blanks.
    pub fn text(&self, key: &str, value: Option<String>) -> Option<String> {
        let value = self.required(key, value)?;
        if value.trim().is_empty() {
            self.problem(key, "expected a text, found a blank one");
            return None;
        }
        Some(value)
    }

    /// Requires an id as platforms use them: a whole number, or a text such as a UUID.
    pub fn id(&self, key: &str, value: Option<RawId>) -> Option<Value> {
        match self.required(key, value)?.0 {
            Value::String(text) => self.text_id(key, Some(text)).map(Value::String),
            Value::Number(number) if number.is_u64() => Some(Value::Number(number)),
            other => {
                self.problem(key, format!("expected an id, a text or a whole number, found {other}"));
                None
            }
        }
    }

    /// Requires an id that is a text. It becomes part of a path.
    pub fn text_id(&self, key: &str, value: Option<String>) -> Option<String> {
        let text = self.text(key, value)?;
        let checked = check_id(&text).map_err(|found| format!("expected an id, found {found}"));
        self.parsed(key, checked).map(|()| text)
    }

    /// Returns the value of a key, or its default, which then appears in the effective settings.
    pub fn or_default<T: Serialize>(&self, key: &str, value: Option<T>, default: T) -> T {
        value.unwrap_or_else(|| {
            if let Ok(written) = toml::Value::try_from(&default) {
                self.findings.add_default(self.child_path(key), written);
            }
            default
        })
    }

    /// Returns a parsed value, or records the error.
    pub fn parsed<T, E: Display>(&self, key: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.problem(key, error.to_string())).ok()
    }

    /// Reads a duration written `"500ms"`, `"30s"`, `"5m"`, `"4h"`, within bounds.
    pub fn duration(
        &self,
        key: &str,
        value: Option<RawDuration>,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let value = self.or_default(key, value.map(|raw| raw.0), written_duration(default));
        let duration = self.parsed(key, parse_duration(&value))?;
        if !range.contains(&duration) {
            let (least, most) = (written_duration(*range.start()), written_duration(*range.end()));
            self.problem(key, format!("expected {least} to {most}, found {}", written_duration(duration)));
            return None;
        }
        Some(duration)
    }

    /// Checks that a whole number is within bounds.
    pub fn number<T: Copy + Display + PartialOrd + Serialize>(
        &self,
        key: &str,
        value: Option<T>,
        default: T,
        range: RangeInclusive<T>,
    ) -> Option<T> {
        let value = self.or_default(key, value, default);
        if !range.contains(&value) {
            self.problem(key, format!("expected {} to {}, found {value}", range.start(), range.end()));
            return None;
        }
        Some(value)
    }

    /// Requires an `http` or `https` URL without user and password. Requests may go to its host from now on.
    pub fn url(&self, key: &str, value: Option<String>) -> Option<Url> {
        let value = self.required(key, value)?;
        self.parsed(key, check_length("URL", &value))?;
        let url =
            self.parsed(key, Url::parse(&value).map_err(|error| format!("expected a URL, found `{value}`: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            self.problem(key, "expected a URL without user and password (not shown); credentials go by reference");
            return None;
        }
        self.parsed(key, check_requestable(&url).map_err(|rule| format!("expected a URL {rule}, found `{value}`")))?;
        self.parsed(key, check_written(&value).map_err(|rule| format!("expected a URL {rule}, found `{value}`")))?;
        self.findings.add_host(self.child_path(key), url.clone());
        Some(url)
    }

    /// Reads a path below another URL.
    pub fn path_below(&self, key: &str, path: &str, base: &Url) -> Option<Url> {
        self.parsed(key, check_path(path))?;
        self.parsed(key, base.join(path).map_err(|error| format!("expected a path, found `{path}`: {error}")))
    }

    /// Reads a URL like [`Self::url`], or a path below another URL.
    pub fn url_below(&self, key: &str, value: &str, base: &Url) -> Option<Url> {
        if value.starts_with('/') && !value.starts_with("//") {
            return self.path_below(key, value, base);
        }
        self.url(key, Some(value.to_owned()))
    }

    /// Reads the address of a server that does not speak HTTP. Connections to it are allowed from now on.
    pub fn place(&self, key: &str, host: Option<String>, port: u16) -> Option<HostPort> {
        let host = self.text(key, host)?;
        let read = Host::parse(&host)
            .map_err(|_| format!("expected a host such as `cache.internal` or an address, found `{host}`"));
        let read = self.parsed(key, read)?;
        self.parsed(key, check_host(&read).map_err(|rule| format!("expected a host {rule}, found `{host}`")))?;
        let place = HostPort { host: read, port };
        self.findings.add_host(self.child_path(key), place.url()?);
        Some(place)
    }

    /// Reads a reference to a secret, if there is one. Any other text is not shown: it may be the secret itself.
    pub fn secret(&self, key: &str, value: Option<RawReference>, environment: &str, check: &str) -> Option<SecretRef> {
        self.parsed(key, SecretRef::parse(&value?.0, environment, check))
    }

    fn child_path(&self, key: &str) -> Vec<Part> {
        let mut path = self.path.clone();
        path.push(Part::Key(key.to_owned()));
        path
    }
}

/// Validates an optional value. Returns `None` when it is wrong, and `None` inside when there is none.
pub fn optional<R, T>(value: Option<R>, validate: impl FnOnce(R) -> Option<T>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(value) => validate(value).map(Some),
    }
}
