//! Live parts of the terminal, by `indicatif`: lines of the demo that are redrawn below its log, and the progress of a run.

use std::collections::VecDeque;
use std::time::Duration;

use check::message::span;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::live::{self, above};
use crate::stream::{self, Stream};
use crate::styled::Styled;
use crate::terminal;

/// Lines of the log that are kept, to be printed again when the width of the terminal changes.
const KEPT_LINES: usize = 200;
/// Interval at which the progress of a run moves.
const TICK: Duration = Duration::from_millis(100);
/// Output of the demo: a log and, on a terminal, a few live lines below it.
pub(crate) struct Screen {
    live: Option<ProgressBar>,
    /// Columns for which the log was broken into lines.
    columns: usize,
    /// Columns and lines for which the live lines were drawn.
    drawn: (usize, usize),
    log: VecDeque<Styled>,
}

impl Screen {
    /// Writes to standard output.
    pub(crate) fn new() -> Self {
        let live = Stream::Output.is_live().then(|| bar(None, Stream::Output, "{msg}"));
        live::show(live.as_ref());
        Self { live, columns: terminal::columns(), drawn: (terminal::columns(), stream::lines()), log: VecDeque::new() }
    }

    /// True if there are live lines.
    pub(crate) fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// True if the terminal has another size than at the last drawing.
    pub(crate) fn is_resized(&self) -> bool {
        self.is_live() && (terminal::columns(), stream::lines()) != self.drawn
    }

    /// Prints lines of the log.
    pub(crate) fn print(&mut self, text: &Styled) {
        self.log(text, || terminal::print(text));
    }

    /// Prints lines of the log that keep their length.
    pub(crate) fn document(&mut self, text: &str) {
        self.log(&text.into(), || terminal::document(text));
    }

    fn log(&mut self, text: &Styled, print: impl FnOnce()) {
        self.adapt();
        above(print);
        if !self.is_live() {
            return;
        }
        self.log.extend(text.lines());
        self.log.drain(..self.log.len().saturating_sub(KEPT_LINES));
    }

    /// Redraws the live lines.
    pub(crate) fn draw(&mut self, lines: impl FnOnce(Size) -> Vec<Styled>) {
        self.adapt();
        let Some(live) = &self.live else { return };
        self.drawn = (terminal::columns(), stream::lines());
        // A line as wide as the terminal would leave no place for the cursor.
        let size = Size { columns: self.drawn.0.saturating_sub(1), lines: (self.drawn.1 / 2).max(4) };
        let lines = lines(size).into_iter().map(|line| line.cut(size.columns));
        live.set_message(terminal::rendered(&Styled::from_lines(lines)));
        live.force_draw();
    }

    /// Prints the end of the log again when the width has changed. The terminal may have broken its lines anew, so what was
    /// drawn is no longer where it was.
    fn adapt(&mut self) {
        let Some(live) = self.live.as_ref().filter(|_| terminal::columns() != self.columns) else { return };
        self.columns = terminal::columns();
        let log = Styled::from_lines(self.log.iter().cloned()).wrapped(self.columns);
        let skipped = log.lines().count().saturating_sub(stream::lines() / 2);
        let shown = Styled::from_lines(log.lines().skip(skipped));
        live.set_message("");
        above(|| {
            terminal::clear_screen();
            terminal::print(&shown);
        });
    }

    /// Removes the live lines.
    pub(crate) fn clear(&mut self) {
        if let Some(live) = self.live.take() {
            live::show(None);
            live.finish_and_clear();
        }
    }
}

/// Room for live lines.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) lines: usize,
}

/// Progress of a run on standard error; shown only on a terminal.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Starts with no check done.
    pub(crate) fn new(checks: usize) -> Self {
        let bar = bar(Some(checks), Stream::Error, "{spinner} {msg} ({pos} of {len}, {time})");
        bar.enable_steady_tick(TICK);
        live::show(Some(&bar));
        Self(bar)
    }

    /// Shows the check that runs now.
    pub(crate) fn next(&self, check: &str) {
        self.0.set_message(format!("running {check}"));
        self.0.inc(1);
    }

    /// Hides the progress while something is printed.
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        above(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        live::show(None);
        self.0.finish_and_clear();
    }
}

fn bar(length: Option<usize>, stream: Stream, template: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(length.map(|length| length as u64), live::target(stream));
    // The templates here are valid.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style.with_key("time", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let seconds = i64::try_from(state.elapsed().as_secs()).unwrap_or(i64::MAX);
        // The line is drawn again soon.
        let _ = out.write_str(&span(seconds));
    }))
}
