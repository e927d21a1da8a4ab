//! Live screen of the demo: a log of lines, and below it a table that is redrawn. Without a terminal, lines only.

use std::io::{IsTerminal, Write};

/// Output of the demo.
pub(crate) struct Screen {
    live: bool,
    drawn: usize,
}

impl Screen {
    /// Writes to standard output.
    pub(crate) fn new() -> Self {
        Self { live: std::io::stdout().is_terminal(), drawn: 0 }
    }

    /// Prints lines above the table.
    pub(crate) fn print(&mut self, text: &str) {
        self.wipe();
        println!("{text}");
    }

    /// Draws the table below the log; only on a terminal.
    pub(crate) fn draw(&mut self, table: &str) {
        self.wipe();
        if self.live {
            println!("\n{table}");
            self.drawn = table.lines().count() + 1;
        }
        // A closed pipe needs no handling here.
        let _ = std::io::stdout().flush();
    }

    fn wipe(&mut self) {
        if self.drawn > 0 {
            // Cursor up, and clear to the end of the screen (ECMA-48: CUU, ED). Not with `print!`, which strips escapes when
            // NO_COLOR is set.
            let _ = write!(std::io::stdout(), "\x1b[{}A\x1b[J", self.drawn);
            self.drawn = 0;
        }
    }
}
