//! Secrets known by where they stand.

use std::ops::Range;

/// The ranges of a text that are secret whatever they are.
pub(super) fn secrets(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (i, byte) in text.iter().enumerate() {
        found.extend(match byte {
            b':' if text[i..].starts_with(b"://") => userinfo(text, i + 3),
            b'=' => parameter(text, i),
            b':' => member(text, i),
            b'<' => element(text, i),
            _ => None,
        });
    }
    found
}

/// `user:password` in `https://user:password@host/`.
fn userinfo(text: &[u8], start: usize) -> Option<Range<usize>> {
    let end = end_of(text, start, b"/?#\\");
    let at = start + text[start..end].iter().rposition(|byte| *byte == b'@')?;
    (at > start).then_some(start..at)
}

/// `value` in `?token=value`, `&user[password]=value`, and at the start of a form.
fn parameter(text: &[u8], equals: usize) -> Option<Range<usize>> {
    let name_start = text[..equals].iter().rposition(|byte| !is_name(*byte)).map_or(0, |before| before + 1);
    let starts = name_start == 0 || matches!(text[name_start - 1], b'?' | b'&' | b';');
    let end = end_of(text, equals + 1, b"&#;");
    (starts && end > equals + 1 && is_secret_parameter(&text[name_start..equals])).then_some(equals + 1..end)
}

/// `value` in `"token": "value"`.
fn member(text: &[u8], colon: usize) -> Option<Range<usize>> {
    let name = text[..colon].trim_ascii_end().strip_suffix(b"\"")?;
    let name_start = name.iter().rposition(|byte| !is_name(*byte))?;
    if name[name_start] != b'"' || !is_secret_name(&name[name_start + 1..].to_ascii_lowercase()) {
        return None;
    }
    let value = text[colon + 1..].trim_ascii_start().strip_prefix(b"\"")?;
    let start = text.len() - value.len();
    let mut escaped = false;
    let length = value.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    // A text that was cut may lack the closing quote.
    let end = length.map_or(text.len(), |length| start + length);
    (end > start).then_some(start..end)
}

/// `value` in `<input name="_token" value="value">`, `content` in `<meta name="csrf-token" content="content">`.
fn element(text: &[u8], start: usize) -> Option<Range<usize>> {
    // A text that was cut may lack the end.
    let end = text[start..].iter().position(|byte| *byte == b'>').map_or(text.len(), |length| start + length);
    let name = attribute(text, start..end, b"name")?;
    if !is_secret_name(&text[name].to_ascii_lowercase()) {
        return None;
    }
    attribute(text, start..end, b"value").or_else(|| attribute(text, start..end, b"content"))
}

/// The value of an element's attribute, when it has one that is not empty.
fn attribute(text: &[u8], element: Range<usize>, name: &[u8]) -> Option<Range<usize>> {
    let inside = &text[element.clone()];
    let is_here = |at: &usize| {
        inside[at + 1..].get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name))
            && inside[*at].is_ascii_whitespace()
            && inside[at + 1 + name.len()..].trim_ascii_start().starts_with(b"=")
    };
    let at = (0..inside.len()).find(is_here)? + 1 + name.len();
    let value = inside[at..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (value, stops): (&[u8], &[u8]) = match value {
        [b'"', rest @ ..] => (rest, b"\""),
        [b'\'', rest @ ..] => (rest, b"'"),
        _ => (value, b" \t\r\n"),
    };
    let start = element.end - value.len();
    let end = value.iter().position(|byte| stops.contains(byte)).map_or(element.end, |length| start + length);
    (end > start).then_some(start..end)
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte)
}

/// In a query, more names are taken for secret than in JSON, where `code` and `key` are everyday words.
fn is_secret_parameter(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    is_secret_name(&name)
        || name
            .split(|byte| !byte.is_ascii_alphanumeric())
            .any(|word| [&b"key"[..], b"code", b"sig", b"auth", b"otp"].contains(&word))
}

fn is_secret_name(lower: &[u8]) -> bool {
    ["token", "signature", "password", "passwd", "secret", "credential", "apikey", "api_key"]
        .iter()
        .any(|word| lower.windows(word.len()).any(|part| part == word.as_bytes()))
}

/// Where a value ends: at one of these, at white space, at a quote, or with the text.
fn end_of(text: &[u8], start: usize, stops: &[u8]) -> usize {
    let stop = |byte: &u8| byte.is_ascii_whitespace() || b"\"'<>`".contains(byte) || stops.contains(byte);
    text[start..].iter().position(stop).map_or(text.len(), |length| start + length)
}
