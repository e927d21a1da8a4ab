//! Characters that no medium may interpret or hide.

use std::borrow::Cow;
use std::fmt::Write as _;

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Replaces what a terminal, a mail program or a telephone would interpret or hide by visible escapes, and white space of any
/// kind by one space, so that the text stays in its line.
///
/// Characters are chosen by their Unicode properties: control (Cc), format (Cf) and default-ignorable ones.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(replaced(text, |out| {
        if !out.ends_with(' ') {
            out.push(' ');
        }
    }))
}

/// Replaces characters as [`clean`] does, but keeps the number of spaces: for a line that is laid out already.
#[must_use]
pub fn printable(line: &str) -> Cow<'_, str> {
    if line.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Cow::Borrowed(line);
    }
    Cow::Owned(replaced(line, |out| out.push(' ')))
}

/// True for characters that a medium interprets or hides.
#[must_use]
pub fn is_interpreted(c: char) -> bool {
    !c.is_ascii_graphic()
        && (CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
            || matches!(
                CodePointMapData::<GeneralCategory>::new().get(c),
                GeneralCategory::Control | GeneralCategory::Format
            ))
}

fn replaced(text: &str, space: impl Fn(&mut String)) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_whitespace() {
            space(&mut out);
        } else if is_interpreted(c) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreted_characters_become_escapes() {
        for (text, cleaned, laid_out) in [
            ("plain~!", "plain~!", "plain~!"),
            ("a  b", "a b", "a  b"),
            (" a\r\n\tb ", " a b ", " a   b "),
            ("\u{1b}[2J\u{7f}", "\\u{1b}[2J\\u{7f}", "\\u{1b}[2J\\u{7f}"),
            ("\u{9b}\u{202e}\u{ad}\u{200b}", "\\u{9b}\\u{202e}\\u{ad}\\u{200b}", "\\u{9b}\\u{202e}\\u{ad}\\u{200b}"),
            ("\u{85}\u{2028}æ\u{a0}", " æ ", "  æ "),
            ("\u{e0041}\u{115f}", "\\u{e0041}\\u{115f}", "\\u{e0041}\\u{115f}"),
        ] {
            assert_eq!((clean(text).as_ref(), printable(text).as_ref()), (cleaned, laid_out), "{text:?}");
        }
    }

    #[test]
    fn harmless_texts_are_not_copied() {
        assert!(matches!(clean("abc"), Cow::Borrowed("abc")) && matches!(clean("a b"), Cow::Owned(_)));
        assert!(matches!(printable("a  b"), Cow::Borrowed("a  b")) && matches!(printable("a\tb"), Cow::Owned(_)));
    }

    #[test]
    fn control_format_and_ignorable_characters_are_interpreted() {
        for (c, expected) in [('a', false), (' ', false), ('æ', false), ('日', false), ('\n', true), ('\u{61c}', true)]
        {
            assert_eq!(is_interpreted(c), expected, "{c:?}");
        }
    }
}
