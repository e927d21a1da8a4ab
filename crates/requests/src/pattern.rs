//! Regular expressions of the settings, which search in linear time.

use std::fmt;

use regex::{Regex, RegexBuilder};
use settings::Section;

/// Longest expression. **Units:** bytes.
const MAX_LENGTH: usize = 1_000;
/// Largest compiled expression. **Units:** bytes.
const MAX_COMPILED: usize = 1_000_000;

/// Regular expression, as written and compiled.
#[derive(Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles the value of a key. Returns `None` after reporting a problem.
    #[must_use]
    pub fn read(section: &Section<'_>, key: &str, written: &str) -> Option<Self> {
        if written.is_empty() || written.len() > MAX_LENGTH {
            let rule =
                format!("expected a regular expression of 1 to {MAX_LENGTH} bytes, found one of {}", written.len());
            section.problem(key, rule);
            return None;
        }
        let compiled = RegexBuilder::new(written).size_limit(MAX_COMPILED).build();
        section.parsed(key, compiled.map_err(|error| describe(written, &error))).map(Self)
    }

    /// Expression as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns true if the expression matches a part of the text.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// Returns the text of the first group of the first match, or the whole match of an expression without groups.
    #[must_use]
    pub fn first_group<'t>(&self, text: &'t str) -> Option<&'t str> {
        let found = self.0.captures(text)?;
        found.get(if found.len() > 1 { 1 } else { 0 }).map(|group| group.as_str())
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// The last line of the library's error has the reason; the lines before it draw the expression.
fn describe(written: &str, error: &regex::Error) -> String {
    let text = error.to_string();
    let reason = match error {
        regex::Error::CompiledTooBig(_) => "it needs too much memory",
        _ => text.lines().last().unwrap_or_default().trim_start_matches("error: "),
    };
    format!("expected a regular expression ({reason}), found `{written}`")
}
