//! Output of `synthetics run` in each of its formats.

mod exchanges;
mod html;
mod junit;
mod page;
mod waterfall;

use std::cell::OnceCell;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use check::Report;
use operations::thresholds::Thresholds;
use serde_json::Value;

use crate::arguments::{Format, RunOptions};
use crate::styled::Styled;
use crate::{tables, terminal};

/// Prints reports.
pub(crate) struct Output {
    format: Format,
    files: Vec<(Format, PathBuf, File)>,
    verbose: bool,
    thresholds: OnceCell<Thresholds>,
}

impl Output {
    /// Prints in the format of these options. Creates the files at once, so that a wrong name ends the program before anything runs.
    ///
    /// # Errors
    /// When a file cannot be created.
    pub(crate) fn new(options: &RunOptions) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        for (format, path) in &options.also {
            let file = File::create(path).with_context(|| format!("failed to create {}", path.display()))?;
            files.push((*format, path.clone(), file));
        }
        Ok(Self { format: options.format, files, verbose: options.verbose, thresholds: OnceCell::new() })
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

    /// Prints all reports, unless each was printed when its check had ended, and writes them to the files.
    pub(crate) fn all(&self, reports: &[Report]) -> anyhow::Result<()> {
        if !matches!(self.format, Format::Ndjson | Format::Table) {
            terminal::document(&self.text(self.format, reports)?);
        }
        for (format, path, file) in &self.files {
            let text = self.text(*format, reports)?;
            writeln!(&*file, "{}", Styled::from(text))
                .with_context(|| format!("failed to write {}", path.display()))?;
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
        if self.verbose {
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
