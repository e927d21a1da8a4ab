//! What `demo` and `up` show: a log of what changes and, on a terminal, the state of all subjects below it.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use check::{Outcome, Report};
use runtime::Delivery;
use tokio::time::interval;

use crate::overview::Overview;
use crate::screen::Screen;
use crate::styled::{Styled, Tone};
use crate::{messages, tables, terminal};

/// Interval at which the size of the terminal is compared.
const RESIZES: Duration = Duration::from_millis(200);

/// State of the screen.
pub(crate) struct Show {
    screen: Screen,
    pub(crate) overview: Overview,
    /// Last line of the log about each check, without its duration.
    logged: BTreeMap<&'static str, String>,
    /// The last live line.
    pub(crate) status: String,
    /// Shows what programs get too.
    show_json: bool,
    /// True if every run is logged. Otherwise, only changes are of interest.
    logs_all: bool,
    /// Number of messages to people and programs.
    pub(crate) notified: u32,
}

impl Show {
    /// Begins with no check known. Next to the live lines, only changes are logged.
    pub(crate) fn new(show_json: bool, logs_all: bool) -> Self {
        let screen = Screen::new();
        Self {
            logs_all: logs_all && !screen.is_live(),
            screen,
            overview: Overview::default(),
            logged: BTreeMap::new(),
            status: String::new(),
            show_json,
            notified: 0,
        }
    }

    /// Waits for this work, and fits the live lines to the terminal meanwhile.
    pub(crate) async fn fitting<T>(&mut self, work: impl Future<Output = T>) -> T {
        let (mut work, mut resizes) = (pin!(work), interval(RESIZES));
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = resizes.tick() => self.fit(),
            }
        }
    }

    /// Redraws the live lines if the size of the terminal has changed.
    fn fit(&mut self) {
        if self.screen.is_resized() {
            self.redraw();
        }
    }

    /// Takes the report of a run, and logs it.
    pub(crate) fn ended(&mut self, check: &'static str, report: Report) {
        self.log(check, &report);
        self.overview.insert(check, report);
    }

    /// Prints a message as its readers see it.
    pub(crate) fn sent(&mut self, delivery: &Delivery) {
        self.notified += 1;
        if let Some(message) = messages::shown(delivery) {
            terminal::print(&message);
        }
        if self.show_json
            && let Some(json) = messages::as_json(delivery)
        {
            terminal::document(&json);
        }
    }

    fn log(&mut self, check: &'static str, report: &Report) {
        let failing = failing(report);
        let said = format!("{}{failing}", report.outcome.word());
        let is_new =
            self.logged.insert(check, said.clone()).map_or(report.outcome != Outcome::Passed, |last| last != said);
        if is_new || self.logs_all {
            let mut line = Styled::new(Tone::Faint, report.started.strftime("%H:%M:%S  ").to_string());
            line.append(&tables::headline(report));
            terminal::print(&line.with(Tone::Plain, failing));
        }
    }

    /// Redraws the live lines.
    pub(crate) fn redraw(&mut self) {
        let Self { screen, overview, status, .. } = self;
        screen.draw(|size| {
            let mut lines = vec![Styled::new(Tone::Faint, "─".repeat(size.columns))];
            lines.extend(overview.lines(size));
            lines.push(Styled::new(Tone::Faint, &*status));
            lines
        });
    }

    /// Leaves the state of all subjects on a terminal.
    pub(crate) fn end(&mut self) {
        if self.screen.is_live() {
            self.screen.clear();
            terminal::print(&self.overview.table().with(Tone::Plain, "\n"));
        }
    }
}

/// Renders the failures of a run, a line each, for the log above the table.
fn failing(report: &Report) -> String {
    let Outcome::Failed { failures } = &report.outcome else { return String::new() };
    failures
        .iter()
        .map(|failure| {
            format!(
                "\n            {} at {}, {}: {}",
                tables::subject_name(&report.key.check, &failure.subject),
                failure.step,
                failure.kind,
                tables::expected_actual(failure)
            )
        })
        .collect()
}

/// A number and its noun.
pub(crate) fn counted(count: u32, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
