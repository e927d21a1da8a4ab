//! Searches the output of a process for a secret in any encoding.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Searches a text, decoded up to three times, for the secret or one half of it. Returns the encoding found.
pub fn leak(secret: &str, text: &str) -> Option<String> {
    let middle = secret.len() / 2;
    let parts = [secret, &secret[..middle], &secret[middle..]];
    let needles: Vec<String> =
        parts.iter().flat_map(|part| in_base64(part).into_iter().chain([(*part).to_owned()])).collect();
    let mut layer = vec![text.to_owned()];
    for _ in 0..=3 {
        for text in &layer {
            if let Some(needle) = needles.iter().find(|needle| text.contains(needle.as_str())) {
                return Some(needle.clone());
            }
        }
        layer = layer.iter().flat_map(|text| [percent_decoded(text), json_unescaped(text)]).collect();
    }
    None
}

/// Base64 of a part at each of the three alignments, without the characters that depend on neighbouring bytes, in both
/// alphabets.
fn in_base64(part: &str) -> Vec<String> {
    let mut all = Vec::new();
    for before in 0..3 {
        let encoded = STANDARD_NO_PAD.encode([&b"--"[..before], part.as_bytes()].concat());
        let stable = &encoded[(8 * before).div_ceil(6)..8 * (before + part.len()) / 6];
        all.extend([stable.to_owned(), stable.replace('+', "-").replace('/', "_")]);
    }
    all
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        let code = others.get(..2).filter(|_| *first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &others[2..];
            }
            None => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Resolves the escapes of quotes, slashes, backslashes and `\u00XX`.
fn json_unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(first) = rest.next() {
        match (first, rest.clone().next()) {
            ('\\', Some(next @ ('"' | '\\' | '/'))) => {
                out.push(next);
                rest.next();
            }
            ('\\', Some('u')) => {
                let code: String = rest.clone().skip(1).take(4).collect();
                match u32::from_str_radix(&code, 16).ok().and_then(char::from_u32) {
                    Some(read) => {
                        out.push(read);
                        rest.nth(4);
                    }
                    None => out.push('\\'),
                }
            }
            _ => out.push(first),
        }
    }
    out
}
