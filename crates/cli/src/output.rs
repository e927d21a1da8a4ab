//! Output of `synthetics run` in each of its formats.

mod exchanges;
mod html;
mod junit;
mod page;
mod waterfall;

use std::cell::OnceCell;

use check::Report;
use operations::thresholds::Thresholds;
use serde_json::Value;

use crate::arguments::{Format, RunOptions};
use crate::styled::Styled;
use crate::{tables, terminal};

/// Prints reports.
pub(crate) struct Output {
    format: Format,
    verbose: bool,
    thresholds: OnceCell<Thresholds>,
}

impl Output {
    /// Prints in the format of these options.
    pub(crate) fn new(options: &RunOptions) -> Self {
        Self { format: options.format, verbose: options.verbose, thresholds: OnceCell::new() }
    }

    /// Prints a report as soon as its check has ended, in the formats that allow it.
    pub(crate) fn ended(&self, report: &Report, is_first: bool) -> anyhow::Result<()> {
        let thresholds = self.thresholds(&report.environment)?;
        match self.format {
            Format::Ndjson => terminal::json_line(&thresholds.marked(report)?)?,
            Format::Table => {
                let mut text = Styled::from(if is_first { "" } else { "\n" });
                text.append(&tables::report(report, thresholds));
                if self.verbose {
                    text.append(&exchanges::text(report).into());
                }
                terminal::print(&text);
            }
            Format::Junit | Format::Html | Format::Json => {}
        }
        Ok(())
    }

    /// Prints all reports, unless each was printed when its check had ended.
    pub(crate) fn all(&self, reports: &[Report]) -> anyhow::Result<()> {
        let thresholds = self.thresholds(reports.first().map_or("none", |report| report.environment.as_str()))?;
        match self.format {
            Format::Junit => terminal::document(&junit::to_xml(reports)?),
            Format::Html => terminal::document(&html::page(reports, thresholds)),
            Format::Json => {
                let marked: Result<Vec<Value>, _> = reports.iter().map(|report| thresholds.marked(report)).collect();
                terminal::json(&marked?)?;
            }
            Format::Ndjson | Format::Table => {}
        }
        Ok(())
    }

    fn thresholds(&self, environment: &str) -> anyhow::Result<&Thresholds> {
        if let Some(thresholds) = self.thresholds.get() {
            return Ok(thresholds);
        }
        let read = Thresholds::shipped(environment)?;
        Ok(self.thresholds.get_or_init(|| read))
    }
}
