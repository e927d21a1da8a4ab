//! Scanner that reads a text word by word.

/// Deepest nesting of parentheses and signs.
const MAX_DEPTH: usize = 50;

/// A text, and the current position in it.
pub(crate) struct Scanner<'t> {
    pub(crate) text: &'t str,
    pub(crate) at: usize,
    depth: usize,
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// Enters a nested part; false when it is nested too deeply.
    pub(crate) fn enter(&mut self) -> bool {
        self.depth += 1;
        self.depth <= MAX_DEPTH
    }

    /// Leaves a nested part.
    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Skips white space and returns the remaining text.
    pub(crate) fn rest(&mut self) -> &'t str {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        &self.text[self.at..]
    }

    /// Consumes a symbol or a whole word if it comes next.
    pub(crate) fn take(&mut self, word: &str) -> bool {
        let ends = |after: &str| {
            !word.ends_with(char::is_alphabetic) || !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        };
        let is_next = self.rest().strip_prefix(word).is_some_and(ends);
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    /// Returns the next token, for an error, and the number of its first character.
    pub(crate) fn next_token(&mut self) -> (String, usize) {
        let word: String = self.rest().chars().take_while(|c| !c.is_whitespace()).take(30).collect();
        let found = if word.is_empty() { "the end".to_owned() } else { format!("`{word}`") };
        (found, self.at + 1)
    }
}

/// The start of a text, for an error.
pub(crate) fn shortened(text: &str) -> String {
    const SHOWN: usize = 200;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
