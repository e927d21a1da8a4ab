//! Decoded views of a text.

use std::ops::Range;

/// Bytes, with the range of the original text that each one comes from.
///
/// Searching the decoded text finds every spelling of a secret. Encoding the secret instead would have to guess which
/// characters an encoder left unchanged.
pub(super) struct View {
    pub(super) bytes: Vec<u8>,
    origins: Vec<Range<usize>>,
}

/// Decodes an escape at the start of the input. Returns its bytes and the length of the escape.
type Decode = fn(&[u8]) -> Option<(Vec<u8>, usize)>;

impl View {
    pub(super) fn new(text: &str) -> Self {
        Self { bytes: text.as_bytes().to_vec(), origins: (0..text.len()).map(|i| i..i + 1).collect() }
    }

    /// Range in the original text.
    pub(super) fn origin(&self, range: Range<usize>) -> Range<usize> {
        match self.origins.get(range) {
            Some([first, .., last]) => first.start..last.end,
            Some([only]) => only.clone(),
            _ => 0..0,
        }
    }

    /// Views of the text by each decoder that finds something to decode.
    pub(super) fn decoded(&self) -> impl Iterator<Item = Self> {
        let decoders: [(&[u8], Decode); 4] = [(b"%", percent), (b"+", form), (b"\\", json), (b"&", html)];
        decoders.into_iter().filter_map(|(sign, decode)| {
            self.bytes.iter().any(|byte| sign.contains(byte)).then(|| self.decode(decode)).flatten()
        })
    }

    fn decode(&self, decode: Decode) -> Option<Self> {
        let mut view = Self { bytes: Vec::with_capacity(self.bytes.len()), origins: Vec::new() };
        let mut changed = false;
        let mut i = 0;
        while i < self.bytes.len() {
            if let Some((decoded, length)) = decode(&self.bytes[i..]) {
                let origin = self.origin(i..i + length);
                view.origins.extend(decoded.iter().map(|_| origin.clone()));
                view.bytes.extend(decoded);
                i += length;
                changed = true;
            } else {
                view.bytes.push(self.bytes[i]);
                view.origins.push(self.origins[i].clone());
                i += 1;
            }
        }
        changed.then_some(view)
    }
}

fn percent(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    match text {
        [b'%', high, low, ..] => Some((vec![u8::try_from(hex(&[*high, *low])?).ok()?], 3)),
        _ => None,
    }
}

fn form(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    if text.first() == Some(&b'+') { Some((vec![b' '], 1)) } else { percent(text) }
}

fn json(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let [b'\\', escape, rest @ ..] = text else { return None };
    let byte = match escape {
        b'"' | b'\\' | b'/' => *escape,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => {
            let unit = hex(rest.get(..4)?)?;
            // Characters beyond U+FFFF are written as two escapes.
            if (0xd800..0xdc00).contains(&unit)
                && let Some([b'\\', b'u', low @ ..]) = rest.get(4..10)
                && let Some(low @ 0xdc00..0xe000) = hex(low)
            {
                return utf8(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).map(|bytes| (bytes, 12));
            }
            return utf8(unit).map(|bytes| (bytes, 6));
        }
        _ => return None,
    };
    Some((vec![byte], 2))
}

fn html(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    const NAMED: [(&[u8], u8); 5] =
        [(b"&amp;", b'&'), (b"&lt;", b'<'), (b"&gt;", b'>'), (b"&quot;", b'"'), (b"&apos;", b'\'')];
    if let Some((name, byte)) = NAMED.iter().find(|(name, _)| text.starts_with(name)) {
        return Some((vec![*byte], name.len()));
    }
    let number = text.strip_prefix(b"&#")?;
    // A character reference has at most seven digits.
    let end = number.iter().take(9).position(|byte| *byte == b';')?;
    let code = match &number[..end] {
        [b'x' | b'X', digits @ ..] => hex(digits)?,
        digits => std::str::from_utf8(digits).ok()?.parse().ok()?,
    };
    utf8(code).map(|bytes| (bytes, end + 3))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |number, digit| Some((number << 4) | char::from(*digit).to_digit(16)?))
}

fn utf8(code: u32) -> Option<Vec<u8>> {
    char::from_u32(code).map(|c| c.to_string().into_bytes())
}
