//! Standard output and standard error as terminals: their size, and whether lines can be redrawn.

use std::io::{IsTerminal, Result, Write, stderr, stdout};

use terminal_size::{Height, Width, terminal_size_of};

/// Columns of output for people when neither a terminal nor `COLUMNS` says otherwise.
const COLUMNS: usize = 80;
/// Lines of a terminal that does not say how many it has.
const LINES: usize = 24;
/// Fewest columns that texts are arranged for.
const FEWEST_COLUMNS: usize = 20;

/// Lines of the terminal.
pub(crate) fn lines() -> usize {
    terminal_size_of(stdout()).map(|(_, Height(lines))| usize::from(lines)).filter(|lines| *lines > 0).unwrap_or(LINES)
}

/// A stream for output that people may read on a terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

impl Stream {
    /// True if it is a terminal on which lines can be redrawn.
    pub(crate) fn is_live(self) -> bool {
        let is_terminal = match self {
            Self::Output => stdout().is_terminal(),
            Self::Error => stderr().is_terminal(),
        };
        is_terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Columns of the terminal, or else `COLUMNS`, or else 80.
    pub(crate) fn columns(self) -> usize {
        self.columns_or(COLUMNS)
    }

    /// Columns of the terminal, or else `COLUMNS`, or else this number.
    pub(crate) fn columns_or(self, otherwise: usize) -> usize {
        let size = match self {
            Self::Output => terminal_size_of(stdout()),
            Self::Error => terminal_size_of(stderr()),
        };
        let variable = || std::env::var("COLUMNS").ok()?.parse().ok();
        let terminal = size.map(|(Width(columns), _)| usize::from(columns)).filter(|columns| *columns > 0);
        terminal.or_else(variable).unwrap_or(otherwise).max(FEWEST_COLUMNS)
    }

    /// Writes a drawing with its codes. Not through anstream, which removes them when NO_COLOR is set.
    pub(crate) fn write(self, drawing: &[u8]) -> Result<()> {
        match self {
            Self::Output => stdout().write_all(drawing).and_then(|()| stdout().flush()),
            Self::Error => stderr().write_all(drawing),
        }
    }
}
