//! Texts with values in braces, and their parts.

/// Longest name. **Units:** characters.
const MAX_NAME: usize = 40;

/// Part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'t> {
    /// Plain text.
    Text(&'t str),
    /// `{name}`: a value.
    Value(&'t str),
    /// `{name:number}`: a value that becomes a JSON number.
    Number(&'t str),
}

/// Checks the name of a value.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let is_inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '_' | '-');
    if name.len() <= MAX_NAME
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(is_inner)
    {
        return Ok(());
    }
    let rule = format!("expected a name of 1 to {MAX_NAME} of `a-z`, `0-9`, `_` and `-` that begins with a letter");
    Err(format!("{rule}, found `{name}`"))
}

/// Splits a text into its parts. `{{` is a brace.
///
/// # Errors
/// The expected and the found text.
pub(crate) fn parts(text: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        if rest[start + 1..].starts_with('{') {
            parts.push(Part::Text(&rest[..=start]));
            rest = &rest[start + 2..];
            continue;
        }
        parts.push(Part::Text(&rest[..start]));
        let name = rest[start + 1..].split_once('}').map(|(name, _)| name);
        let (value, is_number) = match name {
            Some(name) => name.strip_suffix(":number").map_or((name, false), |name| (name, true)),
            None => ("", false),
        };
        let (Some(name), Ok(())) = (name, check_name(value)) else {
            return Err(format!("expected `{{name}}` or `{{name:number}}`, or `{{{{` for a brace, found `{text}`"));
        };
        parts.push(if is_number { Part::Number(value) } else { Part::Value(value) });
        rest = &rest[start + name.len() + 2..];
    }
    parts.push(Part::Text(rest));
    parts.retain(|part| *part != Part::Text(""));
    Ok(parts)
}

/// Names of the values in a text. A text that is not a template has none.
pub(crate) fn names(text: &str) -> impl Iterator<Item = &str> {
    parts(text).unwrap_or_default().into_iter().filter_map(|part| match part {
        Part::Text(_) => None,
        Part::Value(name) | Part::Number(name) => Some(name),
    })
}

/// Replaces the values of a path by a letter, to check the rest of it.
///
/// # Errors
/// The expected and the found text.
pub(crate) fn sample(path: &str) -> Result<String, String> {
    let mut sample = String::with_capacity(path.len());
    for part in parts(path)? {
        match part {
            Part::Text(text) => sample.push_str(text),
            Part::Value(_) | Part::Number(_) if ends_within_escape(&sample) => {
                return Err(format!("expected two hexadecimal digits after each `%` before a value, found `{path}`"));
            }
            Part::Value(_) | Part::Number(_) => sample.push('x'),
        }
    }
    Ok(sample)
}

/// True for `…%` and `…%4`, to which the first characters of a value would belong.
fn ends_within_escape(text: &str) -> bool {
    let is_begun = |text: &str| text.ends_with('%');
    is_begun(text) || text.strip_suffix(|last: char| last.is_ascii_hexdigit()).is_some_and(is_begun)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_texts_and_values() {
        use Part::{Number, Text, Value};
        assert_eq!(parts("").unwrap(), []);
        assert_eq!(parts("a}b").unwrap(), [Text("a}b")]);
        assert_eq!(parts("{a}{b-1:number}c").unwrap(), [Value("a"), Number("b-1"), Text("c")]);
        assert_eq!(parts("{{a}{{").unwrap(), [Text("{"), Text("a}{")]);
        for wrong in ["{", "{}", "{A}", "{a", "{a b}", "{a:text}", "{-a}", "x{{{", "{a{b}"] {
            assert!(parts(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn value_does_not_complete_an_escape() {
        for wrong in ["/a%{v}", "/a%4{v}"] {
            assert!(sample(wrong).is_err(), "{wrong}");
        }
        assert_eq!(sample("/a%41{v}/{{?x={v}").unwrap(), "/a%41x/{?x=x");
    }
}
