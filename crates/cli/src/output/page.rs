//! Writer of a page in HTML. Markup is always a constant, and everything else is escaped: there is no other way in. A template
//! engine would be a dependency for less than this.

use check::is_interpreted;

/// Text of a page.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    /// Adds markup.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text, which may come from outside.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // Control characters, and those that hide or reorder text.
                c if c != '\n' && is_interpreted(c) => self.0.extend(c.escape_unicode()),
                c => self.0.push(c),
            }
        }
        self
    }

    /// Adds a number as the value of an attribute.
    pub(super) fn number(&mut self, number: f64) -> &mut Self {
        self.0.push_str(&format!("{number:.2}"));
        self
    }

    /// Ends the page.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}
