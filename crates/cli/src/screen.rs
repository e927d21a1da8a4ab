//! The live screen of the demo: lines that stay, and below them a table that is drawn anew. Plain lines when standard
//! output is no terminal.

use std::io::{IsTerminal, Write};

/// Where the demo prints.
pub(crate) struct Screen {
    live: bool,
    drawn: usize,
}

impl Screen {
    /// Standard output.
    pub(crate) fn new() -> Self {
        Self { live: std::io::stdout().is_terminal(), drawn: 0 }
    }

    /// Prints lines that stay.
    pub(crate) fn print(&mut self, text: &str) {
        self.wipe();
        println!("{text}");
    }

    /// Draws the table below everything else; only on a terminal.
    pub(crate) fn draw(&mut self, table: &str) {
        self.wipe();
        if self.live {
            println!("\n{table}");
            self.drawn = table.lines().count() + 1;
        }
        // Nobody reads any more: there is nothing to save here.
        let _ = std::io::stdout().flush();
    }

    fn wipe(&mut self) {
        if self.drawn > 0 {
            // Cursor up, and clear to the end of the screen (ECMA-48: CUU, ED). Not by `print!`, which takes them for colours
            // where those are not wanted (NO_COLOR).
            let _ = write!(std::io::stdout(), "\x1b[{}A\x1b[J", self.drawn);
            self.drawn = 0;
        }
    }
}
