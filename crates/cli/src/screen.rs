//! Live parts of the terminal: lines of the demo that are redrawn below its log, and the progress of a run.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use check::message::span;
use tokio::task::JoinHandle;
use tokio::time::interval;

use crate::live;
use crate::stream::{self, Stream};
use crate::styled::Styled;
use crate::terminal;

/// Interval at which the progress of a run moves.
const TICK: Duration = Duration::from_millis(100);
/// Signs that show one after the other that a run goes on.
const SPINNER: [char; 8] = ['⠋', '⠙', '⠸', '⠴', '⠦', '⠇', '⠏', '⠹'];

/// Output of the demo: a log and, on a terminal, a few live lines below it.
pub(crate) struct Screen {
    is_live: bool,
    /// Columns and lines for which the live lines were drawn.
    drawn: (usize, usize),
}

impl Screen {
    /// Writes to standard output.
    pub(crate) fn new() -> Self {
        let is_live = Stream::Output.is_live();
        if is_live {
            live::show(Stream::Output);
        }
        Self { is_live, drawn: size() }
    }

    /// True if there are live lines.
    pub(crate) fn is_live(&self) -> bool {
        self.is_live
    }

    /// True if the terminal has another size than at the last drawing.
    pub(crate) fn is_resized(&self) -> bool {
        self.is_live && size() != self.drawn
    }

    /// Redraws the live lines.
    pub(crate) fn draw(&mut self, lines: impl FnOnce(Size) -> Vec<Styled>) {
        if !self.is_live {
            return;
        }
        self.drawn = size();
        // A line as wide as the terminal would leave no place for the cursor.
        let size = Size { columns: self.drawn.0.saturating_sub(1), lines: (self.drawn.1 / 2).max(4) };
        let lines = lines(size).into_iter().map(|line| line.cut(size.columns));
        live::update(terminal::rendered(&Styled::from_lines(lines)));
    }

    /// Removes the live lines.
    pub(crate) fn clear(&mut self) {
        self.is_live = false;
        live::hide();
    }
}

/// Columns and lines of the terminal.
fn size() -> (usize, usize) {
    (Stream::Output.columns(), stream::lines())
}

/// Room for live lines.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) lines: usize,
}

/// Progress of a run on standard error; shown only on a terminal.
pub(crate) struct Progress {
    now: Arc<Mutex<String>>,
    checks: usize,
    ticks: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts with no check running.
    pub(crate) fn new(checks: usize) -> Self {
        let now = Arc::new(Mutex::new(String::new()));
        let ticks = Stream::Error.is_live().then(|| {
            live::show(Stream::Error);
            tokio::spawn(tick(now.clone()))
        });
        Self { now, checks, ticks }
    }

    /// Shows the check that runs now, and its place.
    pub(crate) fn next(&self, check: &str, place: usize) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) =
            format!("running {check} ({place} of {}, ", self.checks);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(ticks) = self.ticks.take() {
            ticks.abort();
            live::hide();
        }
    }
}

/// Draws the progress again and again.
async fn tick(now: Arc<Mutex<String>>) {
    let (began, mut ticks) = (Instant::now(), interval(TICK));
    for sign in SPINNER.iter().cycle() {
        ticks.tick().await;
        let now = now.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !now.is_empty() {
            let seconds = i64::try_from(began.elapsed().as_secs()).unwrap_or(i64::MAX);
            live::update(format!("{sign} {now}{})", span(seconds)));
        }
    }
}
