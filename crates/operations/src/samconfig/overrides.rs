//! The text form of `parameter_overrides`, as the parser of SAM CLI takes it: `NAME=VALUE` separated by spaces, or
//! `ParameterKey=NAME,ParameterValue=VALUE`. A value with spaces is quoted, or its spaces follow a backslash.
//!
//! SAM CLI silently ignores what it does not understand; here that is an error.

const LONG_NAME: &str = "ParameterKey=";
const LONG_VALUE: &str = ",ParameterValue=";
const QUOTES: [char; 2] = ['"', '\''];

/// Parses the pairs of a text.
///
/// # Errors
/// The expected form, and the part that does not have it.
pub(super) fn read(text: &str) -> Result<Vec<(String, String)>, String> {
    let is_long = text.trim_start().starts_with(LONG_NAME);
    let mut rest = text.trim();
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let form = if is_long { "ParameterKey=NAME,ParameterValue=VALUE" } else { "NAME=VALUE" };
        let wrong = |why: &str| {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            format!("expected {form}, found `{}`{why}", shortened(&rest[..end]))
        };
        let (name, after) = if is_long {
            rest.strip_prefix(LONG_NAME).and_then(|rest| rest.split_once(LONG_VALUE)).ok_or_else(|| wrong(""))?
        } else {
            rest.split_once('=').ok_or_else(|| wrong(": a value with spaces needs quotes"))?
        };
        if !is_long && rest.starts_with(LONG_NAME) {
            return Err(wrong(": SAM CLI takes one of the two forms in a text"));
        }
        let name = unquoted(name);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(wrong(": a name consists of letters and digits, and a value with spaces needs quotes"));
        }
        let length = value_length(after);
        let (value, remainder) = after.split_at(length);
        if value.is_empty() && after.starts_with('"') {
            return Err(wrong(": its quotation mark is not closed"));
        }
        if value.is_empty() {
            return Err(wrong(": write an empty value as \"\""));
        }
        if !remainder.is_empty() && !remainder.starts_with(' ') {
            return Err(wrong(": a quote ends the value, and a space must follow"));
        }
        if value.contains(['\n', '\r']) && !value.starts_with(QUOTES) {
            return Err(wrong(
                ": SAM CLI separates pairs by spaces, not by line breaks; write a list, one pair in each text",
            ));
        }
        if value.contains(LONG_NAME) {
            return Err(wrong(": SAM CLI separates pairs by spaces, not by commas"));
        }
        pairs.push((name, unquoted(value)));
        rest = remainder.trim_start();
    }
    Ok(pairs)
}

/// Returns the length of the value at the start of a text: quoted, or up to a space or a quotation mark.
fn value_length(text: &str) -> usize {
    let quote = text.chars().next().filter(|first| QUOTES.contains(first));
    if let Some(quote) = quote
        && let Some(length) = until(&text[1..], |c| c == quote)
    {
        return length + 2;
    }
    until(text, |c| c == ' ' || c == '"').unwrap_or(text.len())
}

/// Returns the place of the first character that ends a value. A character after a backslash does not.
fn until(text: &str, ends: impl Fn(char) -> bool) -> Option<usize> {
    let mut is_escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let is_end = !is_escaped && ends(c);
        is_escaped = !is_escaped && c == '\\';
        is_end.then_some(at)
    })
}

/// Removes the quotation marks around a text, and the backslashes before spaces and quotation marks.
fn unquoted(text: &str) -> String {
    let inner = QUOTES.iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(text);
    inner.replace("\\ ", " ").replace("\\\"", "\"").replace("\\'", "'")
}

/// The start of a text, for an error.
pub(super) fn shortened(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_sam_cli_are_read() {
        for (text, expected) in [
            ("", &[][..]),
            ("A=1", &[("A", "1")][..]),
            ("  A=1   B=2,3 ", &[("A", "1"), ("B", "2,3")]),
            ("A=\"2,3\" B='x y'", &[("A", "2,3"), ("B", "x y")]),
            ("A=\"\" B=''", &[("A", ""), ("B", "")]),
            ("\"A\"=1 'B'=2", &[("A", "1"), ("B", "2")]),
            ("A=x\\ y B=2", &[("A", "x y"), ("B", "2")]),
            ("A=\"say \\\"hi\\\"\" B=2", &[("A", "say \"hi\""), ("B", "2")]),
            ("A=it's B=2", &[("A", "it's"), ("B", "2")]),
            ("A=a=b B==", &[("A", "a=b"), ("B", "=")]),
            ("A=https://x.example/?a=1&b=2", &[("A", "https://x.example/?a=1&b=2")]),
            ("A=\"two\nlines\"", &[("A", "two\nlines")]),
            ("ParameterKey=A,ParameterValue=1 ParameterKey=B,ParameterValue=2,3", &[("A", "1"), ("B", "2,3")]),
            (
                "ParameterKey=A,ParameterValue=\"x y\"  ParameterKey=B,ParameterValue='z w'",
                &[("A", "x y"), ("B", "z w")],
            ),
            ("ParameterKey=\"A\",ParameterValue=\"\"", &[("A", "")]),
            ("ParameterKey=A,ParameterValue=x\\ y", &[("A", "x y")]),
        ] {
            let pairs = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(pairs, expected, "{text}");
        }
    }

    #[test]
    fn text_that_sam_cli_would_ignore_is_an_error() {
        for (text, expected) in [
            ("A", "expected NAME=VALUE, found `A`"),
            ("A=hello world", "found `world`: a value with spaces needs quotes"),
            ("A=hello world B=1", "found `world`: a name consists of letters and digits"),
            ("A=", "found `A=`: write an empty value as \"\""),
            ("A= B=2", "found `A=`: write an empty value"),
            ("A=x\"y\"", "found `A=x\"y\"`: a quote ends the value"),
            ("A=\"x\"y", "a quote ends the value"),
            ("A=\"x y", "found `A=\"x`: its quotation mark is not closed"),
            ("A=1\nB=2", "not by line breaks"),
            ("=1", "a name consists of letters and digits"),
            ("A-B=1", "a name consists of letters and digits"),
            ("A=1 ParameterKey=B,ParameterValue=2", "one of the two forms"),
            ("ParameterKey=A,ParameterValue=1 B=2", "expected ParameterKey=NAME,ParameterValue=VALUE, found `B=2`"),
            ("ParameterKey=A,ParameterValue=1,ParameterKey=B,ParameterValue=2", "not by commas"),
            (
                "ParameterKey=A ParameterValue=1",
                "expected ParameterKey=NAME,ParameterValue=VALUE, found `ParameterKey=A`",
            ),
            ("ParameterKey=A", "expected ParameterKey=NAME,ParameterValue=VALUE, found `ParameterKey=A`"),
            (&format!("{} B", "x".repeat(500)), "…`"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
            assert!(error.len() < 400, "{error}");
        }
    }
}
