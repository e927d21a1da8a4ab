//! Short, printable, redacted excerpts of long texts.

use std::fmt::Write as _;

use crate::Redactor;

/// Maximum length of an excerpt in characters, including `…`.
pub(crate) const EXCERPT: usize = 300;

/// Maximum length of a name in characters.
const NAME: usize = 80;

/// Bytes of a text that are redacted. The window is much larger than the excerpt, so a secret that starts in the excerpt
/// also ends in the window and is recognised.
const WINDOW: usize = 16 * 1024;

/// Start of a text: redacted, on one line, with control characters escaped, cut between characters.
pub(crate) fn excerpt(text: &str, redactor: &Redactor) -> String {
    let window = &text[..text.floor_char_boundary(WINDOW)];
    check::text::cut(visible(&redactor.redact(window)).trim(), EXCERPT)
}

/// Excerpt of a foreign name.
pub(crate) fn name_excerpt(text: &str, redactor: &Redactor) -> String {
    check::text::cut(&excerpt(text, redactor), NAME)
}

/// Excerpt of a text that starts 60 characters before a position.
pub(crate) fn excerpt_around(text: &str, at: usize, redactor: &Redactor) -> String {
    let half = WINDOW / 2;
    let window = text.floor_char_boundary(at.saturating_sub(half))..text.ceil_char_boundary(at + half);
    // Redact much more than is shown, so that no secret is cut before redaction.
    let before = redactor.redact(&text[window.start..text.ceil_char_boundary(at)]).chars().count();
    let redacted = redactor.redact(&text[window]);
    let excerpt: String = redacted.chars().skip(before.saturating_sub(60)).collect();
    check::text::cut(&visible(&excerpt), EXCERPT)
}

/// Folds white space, so that indentation does not use up the excerpt, and escapes characters that a terminal, a mail
/// program or an SMS would interpret or hide.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            // Also escape zero-width characters and those that change the text direction.
            c if c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}') =>
            {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_short_and_printable() {
        let redactor = Redactor::default();
        for (case, text, expected) in [
            ("a short text stays", "Kør forsigtigt", "Kør forsigtigt".to_owned()),
            ("white space folds", "<html>\r\n\t<title>b  c\n", "<html> <title>b c".to_owned()),
            ("escape sequences are escaped", "\u{1b}[2Jx\0", "\\u{1b}[2Jx\\u{0}".to_owned()),
            ("direction marks are escaped", "a\u{202e}b\u{200b}", "a\\u{202e}b\\u{200b}".to_owned()),
            ("a long text is cut", &"ø".repeat(400), format!("{}…", "ø".repeat(299))),
        ] {
            assert_eq!(excerpt(text, &redactor), expected, "{case}");
        }
    }

    #[test]
    fn secret_across_the_cut_is_redacted() {
        let redactor = Redactor::default();
        redactor.register("correct-horse-battery");
        let text = format!("{}correct-horse-battery", "x".repeat(295));
        assert!(!excerpt(&text, &redactor).contains("corr"));
    }
}
