//! Secrets recognised by their position in a text.

use std::ops::Range;

/// Ranges of a text that are secret because of their position; some may be empty. The time is linear in the length of any text: an end that
/// several candidates share is searched once.
pub(super) fn secrets(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut element, mut parameter_end) = (Element::default(), 0);
    for (i, byte) in text.iter().enumerate() {
        found.extend(match byte {
            b':' if text[i..].starts_with(b"://") => userinfo(text, i + 3),
            b'=' => parameter(text, i, &mut parameter_end),
            b':' => member(text, i),
            b'<' => element.secret(text, i),
            _ => None,
        });
    }
    found
}

/// Finds `user:password` in `https://user:password@host/`.
fn userinfo(text: &[u8], start: usize) -> Option<Range<usize>> {
    let end = value_end(text, start, b"/?#\\");
    let at = start + text[start..end].iter().rposition(|byte| *byte == b'@')?;
    Some(start..at)
}

/// Finds `value` in `?token=value`, in `&user[password]=value`, in `#access_token=value`, and at the start of a form body.
fn parameter(text: &[u8], equals: usize, known_end: &mut usize) -> Option<Range<usize>> {
    let name_start = text[..equals].iter().rposition(|byte| !is_name(*byte)).map_or(0, |before| before + 1);
    let starts = name_start == 0 || matches!(text[name_start - 1], b'?' | b'&' | b';' | b'#');
    if !starts || !is_secret_parameter(&text[name_start..equals]) {
        return None;
    }
    if *known_end <= equals {
        *known_end = value_end(text, equals, b"&#;");
    }
    Some(equals + 1..*known_end)
}

/// Finds `value` in `"token": "value"`.
fn member(text: &[u8], colon: usize) -> Option<Range<usize>> {
    let name = text[..colon].trim_ascii_end().strip_suffix(b"\"")?;
    let name_start = name.iter().rposition(|byte| !is_name(*byte))?;
    if name[name_start] != b'"' || !is_secret_name(&name[name_start..].to_ascii_lowercase()) {
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
    // A truncated text may lack the closing quote.
    Some(start..length.map_or(text.len(), |length| start + length))
}

/// End of the current element, and the positions of its attributes.
#[derive(Default)]
struct Element {
    end: usize,
    name: Attribute,
    value: Attribute,
    content: Attribute,
}

/// First attribute with a name after some position: its position, and its value unless empty.
#[derive(Clone, Default)]
enum Attribute {
    #[default]
    Unknown,
    Missing,
    At(usize, Option<Range<usize>>),
}

impl Element {
    /// Finds `value` in `<input name="_token" value="value">`, `content` in `<meta name="csrf-token" content="content">`.
    fn secret(&mut self, text: &[u8], start: usize) -> Option<Range<usize>> {
        if start >= self.end {
            // A truncated text may lack the end.
            let length = text[start..].iter().position(|byte| *byte == b'>');
            *self = Self { end: length.map_or(text.len(), |length| start + length), ..Self::default() };
        }
        let inside = start..self.end;
        let name = self.name.first(text, inside.clone(), b"name")?;
        if !is_secret_name(&text[name].to_ascii_lowercase()) {
            return None;
        }
        self.value.first(text, inside.clone(), b"value").or_else(|| self.content.first(text, inside, b"content"))
    }
}

impl Attribute {
    /// Value of the first attribute in an element. Elements are passed in order of their start, and share their end.
    fn first(&mut self, text: &[u8], element: Range<usize>, name: &[u8]) -> Option<Range<usize>> {
        if !matches!(self, Self::Missing) && !matches!(self, Self::At(at, _) if *at >= element.start) {
            *self = Self::find(text, element, name);
        }
        if let Self::At(_, value) = self { value.clone() } else { None }
    }

    fn find(text: &[u8], element: Range<usize>, name: &[u8]) -> Self {
        let inside = &text[element.clone()];
        let is_match = |at: &usize| {
            inside[at + 1..].get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name))
                && inside[*at].is_ascii_whitespace()
                && inside[at + 1 + name.len()..].trim_ascii_start().starts_with(b"=")
        };
        let Some(at) = (0..inside.len()).find(is_match) else { return Self::Missing };
        let value = inside[at + 1 + name.len()..].trim_ascii_start();
        let value = value.strip_prefix(b"=").unwrap_or(value).trim_ascii_start();
        let (value, stops): (&[u8], &[u8]) = match value {
            [b'"', rest @ ..] => (rest, b"\""),
            [b'\'', rest @ ..] => (rest, b"'"),
            _ => (value, b" \t\r\n"),
        };
        let start = element.end - value.len();
        let length = value.iter().position(|byte| stops.contains(byte));
        let end = length.map_or(element.end, |length| start + length);
        Self::At(element.start + at, (end > start).then_some(start..end))
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte)
}

/// Queries have more secret names than JSON, where `code` and `key` are common words.
fn is_secret_parameter(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    is_secret_name(&name)
        || name
            .split(|byte| !byte.is_ascii_alphanumeric())
            .any(|word| [&b"key"[..], b"code", b"sig", b"auth", b"otp"].contains(&word))
}

pub(super) fn is_secret_name(lower: &[u8]) -> bool {
    const WORDS: [&str; 14] = [
        "token",
        "csrf",
        "checksum",
        "signature",
        "password",
        "passwd",
        "secret",
        "credential",
        "apikey",
        "api_key",
        "bearer",
        "jwt",
        "sessionid",
        "session_id",
    ];
    WORDS.iter().any(|word| lower.windows(word.len()).any(|part| part == word.as_bytes()))
}

/// End of a value: one of the stop characters, white space, a quote, or the end of the text.
fn value_end(text: &[u8], start: usize, stops: &[u8]) -> usize {
    let stop = |byte: &u8| byte.is_ascii_whitespace() || b"\"'<>`".contains(byte) || stops.contains(byte);
    text[start..].iter().position(stop).map_or(text.len(), |length| start + length)
}
