//! Output of `synthetics run` in each of its formats.

mod exchanges;
mod html;
mod junit;
mod page;
mod waterfall;

use std::cell::OnceCell;
use std::fs::OpenOptions;
use std::path::PathBuf;

use anyhow::{Context, bail};
use check::Report;
use operations::thresholds::Thresholds;
use serde_json::Value;

use crate::arguments::{Format, RunOptions};
use crate::styled::Styled;
use crate::{tables, terminal};

/// Prints reports.
pub(crate) struct Output {
    format: Format,
    files: Vec<(Format, PathBuf)>,
    thresholds: OnceCell<Thresholds>,
}

impl Output {
    /// Prints in the format of these options. Files are tried at once, so that a wrong name ends the program before anything runs;
    /// their content stays until there are results.
    ///
    /// # Errors
    /// When a file cannot be created, or is named twice.
    pub(crate) fn new(options: &RunOptions) -> anyhow::Result<Self> {
        let mut files: Vec<(Format, PathBuf)> = Vec::new();
        for (format, path) in &options.also {
            if files.iter().any(|(_, other)| other == path) {
                bail!("expected another file for each --also, found {} twice", path.display());
            }
            let is_new = path.symlink_metadata().is_err();
            let tried = OpenOptions::new().append(true).create(true).open(path);
            tried.with_context(|| format!("failed to create {}", path.display()))?;
            if is_new {
                // Best effort: an empty file is no harm.
                let _ = std::fs::remove_file(path);
            }
            files.push((*format, path.clone()));
        }
        Ok(Self { format: options.format, files, thresholds: OnceCell::new() })
    }

    /// Prints a report as soon as its check has ended, in the formats that allow it.
    pub(crate) fn ended(&self, report: &Report, is_first: bool) -> anyhow::Result<()> {
        let thresholds = self.thresholds(&report.environment)?;
        match self.format {
            Format::Ndjson => terminal::json_line(&thresholds.marked(report)?)?,
            Format::Table => {
                let mut text = Styled::from(if is_first { "" } else { "\n" });
                text.append(&self.table(report, thresholds));
                terminal::print(&text);
            }
            Format::Junit | Format::Html | Format::Json => {}
        }
        Ok(())
    }

    /// Names the checks that were not run since the program was stopped. Their reports say so too.
    pub(crate) fn not_run(&self, reports: &[Report]) -> anyhow::Result<()> {
        let checks: Vec<&str> = reports.iter().map(|report| report.key.check.as_str()).collect();
        // A reader that left stopped the program and needs no more.
        if !terminal::is_closed() {
            eprintln!("not run, since the program was stopped: {}", checks.join(", "));
        }
        match self.format {
            Format::Ndjson => reports.iter().try_for_each(|report| self.ended(report, false)),
            _ => Ok(()),
        }
    }

    /// Prints all reports, unless each was printed when its check had ended, and writes them to the files.
    pub(crate) fn all(&self, reports: &[Report]) -> anyhow::Result<()> {
        if !matches!(self.format, Format::Ndjson | Format::Table) {
            terminal::document(&self.text(self.format, reports)?);
        }
        for (format, path) in &self.files {
            let text = format!("{}\n", Styled::from(self.text(*format, reports)?));
            std::fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))?;
        }
        Ok(())
    }

    /// Reports in a format.
    fn text(&self, format: Format, reports: &[Report]) -> anyhow::Result<String> {
        let thresholds = self.thresholds(reports.first().map_or("none", |report| report.environment.as_str()))?;
        let marked = || -> Result<Vec<Value>, _> { reports.iter().map(|report| thresholds.marked(report)).collect() };
        Ok(match format {
            Format::Junit => junit::to_xml(reports)?,
            Format::Html => html::page(reports, thresholds),
            Format::Json => terminal::escaped(&serde_json::to_string_pretty(&marked()?)?),
            Format::Ndjson => {
                let lines: Vec<String> =
                    marked()?.iter().map(|report| terminal::escaped(&report.to_string())).collect();
                lines.join("\n")
            }
            Format::Table => {
                let tables: Vec<String> =
                    reports.iter().map(|report| self.table(report, thresholds).to_string()).collect();
                tables.join("\n\n")
            }
        })
    }

    fn table(&self, report: &Report, thresholds: &Thresholds) -> Styled {
        let mut text = tables::report(report, thresholds);
        if terminal::is_verbose() {
            text.append(&exchanges::text(report).into());
        }
        text
    }

    fn thresholds(&self, environment: &str) -> anyhow::Result<&Thresholds> {
        if let Some(thresholds) = self.thresholds.get() {
            return Ok(thresholds);
        }
        let read = Thresholds::shipped(environment)?;
        Ok(self.thresholds.get_or_init(|| read))
    }
}
