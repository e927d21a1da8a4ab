//! A text that is read word by word.

/// Where reading stands.
pub(crate) struct Scanner<'t> {
    pub(crate) text: &'t str,
    pub(crate) at: usize,
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// What is left, without space before it.
    pub(crate) fn rest(&mut self) -> &'t str {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        &self.text[self.at..]
    }

    /// Takes a symbol, or a whole word, when it is next.
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

    /// What is next, for an error, and the number of its first character.
    pub(crate) fn actual(&mut self) -> (String, usize) {
        let word: String = self.rest().chars().take_while(|c| !c.is_whitespace()).take(30).collect();
        let actual = if word.is_empty() { "its end".to_owned() } else { format!("`{word}`") };
        (actual, self.at + 1)
    }
}
