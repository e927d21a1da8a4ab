//! Short, visible, redacted pieces of long texts.

use std::fmt::Write as _;

use crate::Redactor;

/// The most characters of an excerpt, `…` included.
pub(crate) const EXCERPT: usize = 300;

/// The most characters of a name.
const NAME: usize = 80;

/// How much of a text is looked at: enough that a secret which begins inside the excerpt also ends inside the window,
/// so that redaction sees it whole.
const WINDOW: usize = 16 * 1024;

/// The start of a text: redacted, on one line, control characters made visible, cut between characters.
pub(crate) fn excerpt(text: &str, redactor: &Redactor) -> String {
    let window = &text[..text.floor_char_boundary(WINDOW)];
    check::text::cut(visible(&redactor.redact(window)).trim(), EXCERPT)
}

/// A name that somebody else has written.
pub(crate) fn name_excerpt(text: &str, redactor: &Redactor) -> String {
    check::text::cut(&excerpt(text, redactor), NAME)
}

/// The piece of a text around a place in it, 60 characters before included.
pub(crate) fn excerpt_around(text: &str, at: usize, redactor: &Redactor) -> String {
    let half = WINDOW / 2;
    let window = text.floor_char_boundary(at.saturating_sub(half))..text.ceil_char_boundary(at + half);
    // Far more is redacted than shown, so that no secret is cut before the redactor saw it.
    let before = redactor.redact(&text[window.start..text.ceil_char_boundary(at)]).chars().count();
    let redacted = redactor.redact(&text[window]);
    let piece: String = redacted.chars().skip(before.saturating_sub(60)).collect();
    check::text::cut(&visible(&piece), EXCERPT)
}

/// Puts a text on one line, so that the indentation of a page does not use up its excerpt, and replaces what a
/// terminal, a mail program or an SMS would obey or hide by its escape.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            // Besides controls: what has no width, and what turns the direction of the text around it.
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
    fn is_short_visible_and_cut_between_characters() {
        let redactor = Redactor::default();
        for (case, text, shown) in [
            ("a short text stays", "Kør forsigtigt", "Kør forsigtigt".to_owned()),
            ("white space folds", "<html>\r\n\t<title>b  c\n", "<html> <title>b c".to_owned()),
            ("escape sequences do nothing", "\u{1b}[2Jx\0", "\\u{1b}[2Jx\\u{0}".to_owned()),
            ("direction marks are shown", "a\u{202e}b\u{200b}", "a\\u{202e}b\\u{200b}".to_owned()),
            ("a long text is cut", &"ø".repeat(400), format!("{}…", "ø".repeat(299))),
        ] {
            assert_eq!(excerpt(text, &redactor), shown, "{case}");
        }
    }

    #[test]
    fn redacts_a_secret_that_the_cut_would_split() {
        let redactor = Redactor::default();
        redactor.register("correct-horse-battery");
        let text = format!("{}correct-horse-battery", "x".repeat(295));
        assert!(!excerpt(&text, &redactor).contains("corr"));
    }
}
