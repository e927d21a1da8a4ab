//! Foreign text in Markdown.

/// Escapes a text, so that nothing in it is Markdown, HTML, or the end of a line or cell.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => escaped.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '!' | '&' => {
                escaped.push('\\');
                escaped.push(character);
            }
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_ends_of_cells_are_plain() {
        for (text, expected) in [
            ("a|b\nc", "a\\|b c"),
            ("<b>*x*</b> [y](z)", "\\<b\\>\\*x\\*\\</b\\> \\[y\\](z)"),
            ("~~no~~ ![i](j) &amp;", "\\~\\~no\\~\\~ \\!\\[i\\](j) \\&amp;"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }
}
