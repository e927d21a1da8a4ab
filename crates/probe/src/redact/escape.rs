//! Decoders of escapes in texts.

use html5ever::data::NAMED_ENTITIES;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory},
};

/// Length of the longest named character reference of HTML, without `&`.
pub(super) const LONGEST_NAME: usize = 32;

/// Maximum length of the remains of an escape at the start of a cut text, except for HTML's names: `ud83d\ude97`.
pub(super) const LONGEST_REMAINS: usize = 11;

/// Strongest decoding on the way to a view.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Text with some escapes decoded.
    Text,
    /// Text without its invisible characters. Values no longer end at line breaks.
    Joined,
    /// Bytes from Base64 or hexadecimal digits.
    Binary,
}

/// A kind of escapes.
pub(super) struct Escapes {
    pub(super) kind: Kind,
    /// Finds the next byte that may start an escape.
    pub(super) next: fn(&[u8]) -> Option<usize>,
    /// Decodes an escape at the start of the input. Returns its bytes and the length of the escape.
    pub(super) decode: fn(&[u8]) -> Option<(Decoded, usize)>,
    /// True if the input, up to its end, may be the start of an escape.
    pub(super) is_cut: fn(&[u8]) -> bool,
}

/// Escapes that only change how a text is spelled.
pub(super) const SPELLINGS: [Escapes; 3] = [
    Escapes { kind: Kind::Text, next: |text| position(text, b'%'), decode: percent, is_cut: is_cut_percent },
    Escapes { kind: Kind::Text, next: |text| position(text, b'\\'), decode: backslash, is_cut: is_cut_backslash },
    Escapes { kind: Kind::Text, next: |text| position(text, b'&'), decode: html, is_cut: is_cut_html },
];

/// Characters that a reader does not see, as escapes of nothing: controls, line breaks, soft hyphens, and everything that
/// Unicode lets programs ignore.
pub(super) const INVISIBLE: Escapes = Escapes {
    kind: Kind::Joined,
    next: |text| text.iter().position(|byte| !(b' '..0x7f).contains(byte)),
    decode: invisible,
    is_cut: is_cut_char,
};

/// White space of any kind and length, as escapes of one space: programs wrap and indent text, and cleaning folds it.
pub(super) const SPACES: Escapes = Escapes {
    kind: Kind::Joined,
    next: |text| text.iter().position(|byte| byte.is_ascii_whitespace() || *byte == 0x0b || !byte.is_ascii()),
    decode: spaces,
    is_cut: is_cut_char,
};

/// Bytes of one escape: at most two characters.
#[derive(Clone, Copy, Default)]
pub(super) struct Decoded {
    bytes: [u8; 8],
    length: usize,
}

impl Decoded {
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn byte(byte: u8) -> Self {
        Self { bytes: [byte, 0, 0, 0, 0, 0, 0, 0], length: 1 }
    }

    /// Appends a character.
    fn and(mut self, code: u32) -> Option<Self> {
        self.length += char::from_u32(code)?.encode_utf8(self.bytes.get_mut(self.length..)?).len();
        Some(self)
    }

    fn char(code: u32) -> Option<Self> {
        Self::default().and(code)
    }
}

fn spaces(text: &[u8]) -> Option<(Decoded, usize)> {
    let first = |text: &[u8]| text[..text.len().min(4)].utf8_chunks().next()?.valid().chars().next();
    let mut length = 0;
    while let Some(space) = first(&text[length..]).filter(|c| c.is_whitespace()) {
        length += space.len_utf8();
    }
    // One space stays as it is.
    (length > 0 && &text[..length] != b" ").then(|| (Decoded::byte(b' '), length))
}

/// Text with one space for white space of any kind and length.
pub(super) fn with_single_spaces(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text without its invisible characters.
pub(super) fn without_invisible(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c)).collect()
}

fn position(text: &[u8], sign: u8) -> Option<usize> {
    text.iter().position(|byte| *byte == sign)
}

fn percent(text: &[u8]) -> Option<(Decoded, usize)> {
    let [b'%', high, low, ..] = text else { return None };
    Some((Decoded::byte(byte([*high, *low])?), 3))
}

fn is_cut_percent(text: &[u8]) -> bool {
    text[1..].iter().all(u8::is_ascii_hexdigit)
}

/// Decodes the escapes of JSON, and those of other languages that do not contradict them.
fn backslash(text: &[u8]) -> Option<(Decoded, usize)> {
    let [b'\\', escape, rest @ ..] = text else { return None };
    let byte = match escape {
        b'"' | b'\'' | b'\\' | b'/' => *escape,
        b'0' => 0,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'x' => return Some((Decoded::byte(byte([*rest.first()?, *rest.get(1)?])?), 4)),
        b'u' => return unicode(rest),
        _ => return None,
    };
    Some((Decoded::byte(byte), 2))
}

/// Decodes the part of an escape after `\u`.
fn unicode(text: &[u8]) -> Option<(Decoded, usize)> {
    if let [b'{', digits @ ..] = text {
        let length = digits.iter().take(7).position(|byte| *byte == b'}')?;
        return Some((Decoded::char(hex(&digits[..length])?)?, length + 4));
    }
    let unit = hex(text.get(..4)?)?;
    // Characters beyond U+FFFF are written as two escapes.
    if (0xd800..0xdc00).contains(&unit)
        && let Some([b'\\', b'u', low @ ..]) = text.get(4..10)
        && let Some(low @ 0xdc00..0xe000) = hex(low)
    {
        return Some((Decoded::char(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00))?, 12));
    }
    Some((Decoded::char(unit)?, 6))
}

fn is_cut_backslash(text: &[u8]) -> bool {
    let all_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    match text {
        [b'\\'] | [b'\\', b'x' | b'u'] | [b'\\', b'x', _] => true,
        [b'\\', b'u', b'{', digits @ ..] => digits.len() < 7 && all_hex(digits),
        [b'\\', b'u', digits @ ..] if digits.len() < 4 => all_hex(digits),
        // The first of two escapes.
        [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'A' | b'b' | b'B', _, _, rest @ ..] => match rest {
            [] | [b'\\'] => true,
            [b'\\', b'u', digits @ ..] => digits.len() < 4 && all_hex(digits),
            _ => false,
        },
        _ => false,
    }
}

fn html(text: &[u8]) -> Option<(Decoded, usize)> {
    let reference = &text[1..];
    let end = reference.iter().take(LONGEST_NAME).position(|byte| !is_reference(*byte))?;
    if reference[end] != b';' {
        return None;
    }
    let decoded = match &reference[..end] {
        [b'#', b'x' | b'X', digits @ ..] => Decoded::char(hex(digits)?)?,
        [b'#', digits @ ..] => Decoded::char(std::str::from_utf8(digits).ok()?.parse().ok()?)?,
        _ => match NAMED_ENTITIES.get(std::str::from_utf8(&reference[..=end]).ok()?)? {
            (0, _) => return None,
            (code, 0) => Decoded::char(*code)?,
            (first, second) => Decoded::char(*first)?.and(*second)?,
        },
    };
    Some((decoded, end + 2))
}

fn is_cut_html(text: &[u8]) -> bool {
    text.len() <= LONGEST_NAME && text[1..].iter().all(|byte| is_reference(*byte))
}

fn is_reference(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'#'
}

fn invisible(text: &[u8]) -> Option<(Decoded, usize)> {
    let length = match text[0] {
        ..0xc0 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0.. => 4,
    };
    let c = std::str::from_utf8(text.get(..length)?).ok()?.chars().next()?;
    is_invisible(c).then(|| (Decoded::default(), length))
}

fn is_cut_char(text: &[u8]) -> bool {
    text.len() < 4
        && std::str::from_utf8(text).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
}

fn is_invisible(c: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator};
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || matches!(
            CodePointMapData::<GeneralCategory>::new().get(c),
            Control | Format | LineSeparator | ParagraphSeparator
        )
}

fn byte(digits: [u8; 2]) -> Option<u8> {
    u8::try_from(hex(&digits)?).ok()
}

/// Parses up to seven digits.
fn hex(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 7 {
        return None;
    }
    digits.iter().try_fold(0, |number, digit| Some((number << 4) + char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_to_seven_hexadecimal_digits_are_parsed() {
        for (digits, number) in [
            ("", None),
            ("0", Some(0)),
            ("4aF", Some(0x4af)),
            ("4g", None),
            ("0010ffF", Some(0x10fff)),
            ("00000041", None),
            ("000000041", None),
        ] {
            assert_eq!(hex(digits.as_bytes()), number, "{digits}");
        }
    }
}
