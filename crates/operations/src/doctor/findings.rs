//! Findings, the input of the audit, and the collection of findings that all rules add to.

use std::collections::BTreeMap;
use std::fmt;

use alarm::template::Resource;
use alarm::{Alarm, Inputs, NotReplayed, Template, TemplateError};
use check::budget::Objective;
use schemars::JsonSchema;
use serde::Serialize;

/// File names in the templates folder.
pub(super) const FUNCTIONS: &str = "template.yaml";
pub(super) const ALARMS: &str = "alarms.yaml";
/// Optional.
pub(super) const PLATFORM: &str = "platform.yaml";
/// The deployment parameters of each stack. Optional.
pub(super) const SAMCONFIG: &str = "samconfig.toml";

/// Prefix of this project's namespaces: that of the checks' metrics, and those of metric filters on log lines.
pub(super) const OWN_NAMESPACES: &str = "JustDriving/";

/// Kind of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A mistake that keeps an alarm from firing or from notifying people.
    Error,
    /// Something that this program does not judge.
    Note,
}

impl Level {
    /// Name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Note => "note",
        }
    }
}

/// A mistake in a template, or a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Error or note.
    pub level: Level,
    /// The template's file name.
    pub file: &'static str,
    /// The line of the resource.
    pub line: usize,
    /// Path of the faulty property in the file.
    pub path: String,
    /// The sentence `expected …, found …: consequence`; of a note `not replayed: …: reason` or `not judged: …`.
    pub rule: String,
    /// The environment whose values cause the finding. `None`: the finding does not depend on such values.
    pub environment: Option<String>,
}

impl Finding {
    /// Creates an error for every environment.
    pub(super) fn new(file: &'static str, line: usize, path: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { level: Level::Error, file, line, path: path.into(), rule: rule.into(), environment: None }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: ", self.file, self.line, self.path)?;
        if self.level == Level::Note {
            f.write_str("note: ")?;
        }
        if let Some(environment) = &self.environment {
            write!(f, "in {environment}: ")?;
        }
        f.write_str(&self.rule)
    }
}

/// A template with alarms, resolved with all optional parts.
pub(super) struct Shipped {
    /// File name of the template.
    pub(super) file: &'static str,
    /// The resolved template.
    pub(super) template: Template,
    /// The valid alarms of the template.
    pub(super) alarms: Vec<Alarm>,
    /// Alarms that CloudWatch, or the template reader, rejects.
    pub(super) rejected: Vec<Rejected>,
}

/// An invalid alarm.
pub(super) struct Rejected {
    /// The resource in the template.
    pub(super) alarm: Resource,
    /// The reason for the rejection, and its place.
    pub(super) error: TemplateError,
}

/// Input of the audit.
pub(super) struct AuditInput<'a> {
    /// The template of the functions.
    pub(super) functions: &'a Template,
    /// The template of the checks' alarms.
    pub(super) alarms: &'a Shipped,
    /// Other templates with alarms.
    pub(super) others: &'a [Shipped],
    /// Text of the runbooks, by file name.
    pub(super) runbooks: &'a BTreeMap<String, String>,
    /// The inputs that the templates were resolved with.
    pub(super) inputs: &'a Inputs,
    /// Objectives of the environment, by check.
    pub(super) objectives: &'a BTreeMap<String, Objective>,
}

/// Collects findings during the audit.
pub(super) struct Findings<'a> {
    pub(super) input: &'a AuditInput<'a>,
    /// The template under audit.
    pub(super) current: &'a Shipped,
    pub(super) found: Vec<Finding>,
}

impl Findings<'_> {
    pub(super) fn report(&mut self, id: &str, property: &str, rule: impl Into<String>) {
        let line = self.current.template.resource(id).map_or(1, |resource| resource.line);
        let path = format!("Resources.{id}.{property}");
        self.found.push(Finding::new(self.current.file, line, path, rule));
    }

    /// Names what is not replayed.
    pub(super) fn note_not_replayed(&mut self, id: &str, note: &NotReplayed) {
        self.note(id, &format!("Properties.{}", note.property), note.to_string());
    }

    /// Names what is not judged.
    pub(super) fn note(&mut self, id: &str, property: &str, rule: impl Into<String>) {
        self.report(id, property, rule);
        if let Some(last) = self.found.last_mut() {
            last.level = Level::Note;
        }
    }

    pub(super) fn report_in_functions(&mut self, path: &str, rule: impl Into<String>) {
        self.found.push(Finding::new(FUNCTIONS, 1, path, rule));
    }
}
