//! Live lines of the terminal: where they are drawn, and how other output gets above them.

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::stream::Stream;

/// Clears from the cursor to the end of the screen, from the start of its line (CR, and ED of ECMA-48).
const ERASE: &str = "\r\x1b[J";

/// The live lines that are shown now.
static SHOWN: Mutex<Option<Lines>> = Mutex::new(None);

thread_local! {
    /// True while this thread prints above the live lines.
    static IS_PRINTING: Cell<bool> = const { Cell::new(false) };
}

/// Live lines. While they are shown, the cursor waits at the start of the first: a terminal that is resized may break, cut or drop
/// lines, but what is below the cursor stays there. The echo of Ctrl-C is then erased with them.
struct Lines {
    stream: Stream,
    text: String,
}

impl Lines {
    /// Draws the lines from the cursor on, in one write.
    fn draw(&self) {
        if self.text.is_empty() {
            return;
        }
        // A line that does not fit is cut, not continued (DECAWM).
        let first = match self.text.matches('\n').count() {
            0 => String::new(),
            below => format!("\x1b[{below}A"),
        };
        self.write(&format!("{ERASE}\x1b[?7l{}\x1b[?7h\r{first}", self.text));
    }

    fn erase(&self) {
        if !self.text.is_empty() {
            self.write(ERASE);
        }
    }

    fn write(&self, codes: &str) {
        // Output that cannot be printed is noticed where results are printed.
        let _ = self.stream.write(codes.as_bytes());
    }
}

/// Prints above the live lines, if there are any: they are erased, and drawn again below. Whatever is printed while they are
/// shown passes here, since they are redrawn from where the cursor was left.
pub(crate) fn above<T>(print: impl FnOnce() -> T) -> T {
    if IS_PRINTING.get() {
        return print();
    }
    let shown = shown();
    shown.iter().for_each(Lines::erase);
    IS_PRINTING.set(true);
    let printed = print();
    IS_PRINTING.set(false);
    shown.iter().for_each(Lines::draw);
    printed
}

/// Shows live lines on a stream from now on.
pub(crate) fn show(stream: Stream) {
    *shown() = Some(Lines { stream, text: String::new() });
}

/// Redraws the live lines with this text, which is not empty, if any are shown.
pub(crate) fn update(text: String) {
    if let Some(lines) = shown().as_mut() {
        lines.text = text;
        lines.draw();
    }
}

/// Erases the live lines, and shows none from now on.
pub(crate) fn hide() {
    if let Some(lines) = shown().take() {
        lines.erase();
    }
}

/// Erases the live lines before the program ends at once, so that the prompt of the shell follows what was printed.
pub(crate) fn leave() {
    // A thread that prints may hold the lock for as long as the terminal is stopped.
    if let Ok(shown) = SHOWN.try_lock() {
        shown.iter().for_each(Lines::erase);
    }
}

/// A thread that panicked while it printed leaves nothing half done.
fn shown() -> MutexGuard<'static, Option<Lines>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}
