//! Live lines of the terminal: where they are drawn, and how other output gets above them.

use std::cell::Cell;
use std::fmt::{Debug, Formatter};
use std::io::{self, Write, stderr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, TermLike};

use crate::stream::{self, Stream};

/// Drawings per second, at most.
const RATE: u8 = 20;

/// The live lines that are shown now.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

thread_local! {
    /// True while this thread prints above the live lines.
    static IS_PRINTING: Cell<bool> = const { Cell::new(false) };
}

/// Prints above the live lines, if there are any: they are removed, and drawn again below. Whatever is printed while they are
/// shown passes here, since they are redrawn from where the cursor was left.
pub(crate) fn above<T>(print: impl FnOnce() -> T) -> T {
    let shown = locked(&SHOWN).clone();
    let Some(shown) = shown.filter(|_| !IS_PRINTING.get()) else { return print() };
    shown.suspend(|| {
        IS_PRINTING.set(true);
        let printed = print();
        IS_PRINTING.set(false);
        printed
    })
}

/// Names the live lines that are shown from now on.
pub(crate) fn show(lines: Option<&ProgressBar>) {
    *locked(&SHOWN) = lines.cloned();
}

/// Leaves the line of the cursor before the program ends at once, so that the prompt of the shell does not overwrite it.
pub(crate) fn leave() {
    if locked(&SHOWN).is_some() {
        // Without standard error, there is no one to notify.
        let _ = stderr().write_all(b"\n");
    }
}

/// Draws on a stream if it is a terminal, and nowhere otherwise.
pub(crate) fn target(stream: Stream) -> ProgressDrawTarget {
    if stream.is_live() {
        ProgressDrawTarget::term_like_with_hz(Box::new(Canvas { stream, pending: Mutex::default() }), RATE)
    } else {
        ProgressDrawTarget::hidden()
    }
}

/// A terminal whose cursor waits at the start of the last line. The targets of `indicatif` leave it behind the end of that line:
/// the echo of Ctrl-C would begin another line, and the next drawing would miss the first live line.
struct Canvas {
    stream: Stream,
    /// Codes and text of the drawing in progress.
    pending: Mutex<String>,
}

impl Canvas {
    fn push(&self, text: &str) {
        locked(&self.pending).push_str(text);
    }

    /// Adds a code of ECMA-48 that moves the cursor.
    fn step(&self, count: usize, code: char) -> io::Result<()> {
        if count > 0 {
            self.push(&format!("\x1b[{count}{code}"));
        }
        Ok(())
    }
}

impl TermLike for Canvas {
    fn width(&self) -> u16 {
        u16::try_from(self.stream.columns()).unwrap_or(u16::MAX)
    }

    fn height(&self) -> u16 {
        u16::try_from(stream::lines()).unwrap_or(u16::MAX)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.step(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.step(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.step(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.step(n, 'D')
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        self.push(s);
        self.push("\n");
        Ok(())
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        self.push(s);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.push("\r\x1b[2K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut drawing = std::mem::take(&mut *locked(&self.pending));
        drawing.push('\r');
        self.stream.write(drawing.as_bytes())
    }
}

impl Debug for Canvas {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canvas").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// A value behind a lock. A thread that panicked while it printed leaves nothing half done.
fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
