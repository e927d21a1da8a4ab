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
    pub(crate) fn ended(&self, report: &Report) -> anyhow::Result<()> {
        if self.format == Format::Ndjson {
            terminal::json_line(&self.thresholds(&report.environment)?.marked(report)?)?;
        }
        Ok(())
    }

    /// Prints all reports, unless each was printed when its check had ended.
    pub(crate) fn all(&self, reports: &[Report]) -> anyhow::Result<()> {
        let thresholds = self.thresholds(reports.first().map_or("none", |report| report.environment.as_str()))?;
        match self.format {
            Format::Junit => println!("{}", junit::to_xml(reports)?),
            Format::Html => println!("{}", html::page(reports, thresholds)),
            Format::Json => {
                let marked: Result<Vec<Value>, _> = reports.iter().map(|report| thresholds.marked(report)).collect();
                terminal::json(&marked?)?;
            }
            Format::Ndjson => {}
            Format::Table => {
                let text = |report: &Report| {
                    let exchanges = if self.verbose { exchanges::text(report) } else { String::new() };
                    tables::report(report, thresholds) + &exchanges
                };
                println!("{}", reports.iter().map(text).collect::<Vec<_>>().join("\n\n"));
            }
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
