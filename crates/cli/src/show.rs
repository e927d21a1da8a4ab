//! What `demo` and `up` show: a log of what changes and, on a terminal, the state of all subjects below it.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use alarm::State;
use check::{Outcome, Report};
use runtime::Delivery;
use scheduler::{AlarmChange, Event, Missed};
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
    /// Warnings of the last run of each check.
    warned: BTreeMap<&'static str, Vec<String>>,
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
            warned: BTreeMap::new(),
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

    /// Shows an event. Returns the number of runs that have ended with it.
    pub(crate) fn event(&mut self, event: Event) -> u64 {
        match event {
            Event::Began { .. } => 0,
            Event::Ended { check, report, losses, .. } => {
                for loss in losses {
                    eprintln!("warning: {}\n  {}", loss.error, loss.consequence);
                }
                self.warn(check, &report);
                self.ended(check, *report);
                1
            }
            Event::NotRun { check, error, .. } => {
                eprintln!("warning: {check} was not run: {error}");
                0
            }
            Event::Missed { check, missed, count, .. } => {
                let why = match missed {
                    Missed::Asleep => "this machine slept, or was too busy",
                    Missed::StillRunning => "the run before took longer than the interval",
                };
                let runs = counted(u32::try_from(count).unwrap_or(u32::MAX), "run");
                eprintln!("warning: {check}: {runs} missed, and not caught up: {why}");
                0
            }
            Event::ClockSetBack { check, by, .. } => {
                eprintln!("warning: {check}: the clock of this machine was set back by {} s or more", by.as_secs());
                0
            }
            Event::StoreLost(error) => {
                eprintln!("warning: {error}");
                0
            }
            Event::StoreFound => {
                eprintln!("the store is back in its place");
                0
            }
            Event::Dropped { count } => {
                let events = counted(u32::try_from(count).unwrap_or(u32::MAX), "event");
                eprintln!(
                    "warning: {events} are missing here, since this output took none for a while; the store has all runs"
                );
                0
            }
            Event::Alarm(change) => {
                let is_news = change.to == State::Alarm || change.from == State::Alarm;
                // At the start, all alarms leave the state of too few values.
                if is_news {
                    terminal::print(&alarm_line(&change));
                }
                0
            }
            Event::AlarmNotSent(error) => {
                eprintln!("warning: {error}\n  it is sent again in a minute");
                0
            }
            Event::AlarmsUnread(error) => {
                eprintln!("warning: {error}\n  the alarms were not evaluated");
                0
            }
        }
    }

    /// Prints the warnings of a run that the run before did not have, such as a message that a destination did not take.
    fn warn(&mut self, check: &'static str, report: &Report) {
        let warnings: Vec<String> = report.warnings.iter().map(ToString::to_string).collect();
        let before = self.warned.insert(check, warnings.clone()).unwrap_or_default();
        for warning in warnings.iter().filter(|warning| !before.contains(warning)) {
            eprintln!("warning: {check}: {warning}");
        }
    }

    /// Takes the report of a run, and logs it.
    fn ended(&mut self, check: &'static str, report: Report) {
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

/// Renders a change of an alarm's state.
fn alarm_line(change: &AlarmChange) -> Styled {
    let AlarmChange { alarm, to, at, reason, .. } = change;
    let tone = match to {
        State::Alarm => Tone::Failed,
        State::Ok => Tone::Passed,
        State::InsufficientData => Tone::Faint,
    };
    let mut line = Styled::new(Tone::Faint, at.strftime("%H:%M:%S  ").to_string());
    line.push(tone, format!("alarm {} {}", alarm.name, to.as_str()));
    let description = if *to == State::Alarm { format!("\n            {}", alarm.description) } else { String::new() };
    line.with(Tone::Plain, format!("\n            {reason}{description}"))
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
