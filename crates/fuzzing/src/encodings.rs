//! Encodings in which a text may leave a program, and decoders that read them again.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use base64::{alphabet, engine::DecodePaddingMode};

use crate::oracle::is_unclean;

/// Encodes a text.
pub(crate) type Encode = fn(&str) -> String;

/// Encodings that treat each character on its own, and interruptions.
pub(crate) const SPELLINGS: [Encode; 14] = [
    |text| text.to_owned(),
    |text| percent(text, |c| c.is_ascii_alphanumeric() || "-_.~".contains(c)),
    |text| percent(text, |_| false).to_ascii_lowercase(),
    |text| percent(text, |c| c.is_ascii_alphanumeric() || c == ' ').replace(' ', "+"),
    |text| each(text, json_escape),
    |text| each(text, |c| c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()),
    |text| each(text, |c| c.escape_unicode().to_string()),
    |text| each(text, |c| format!("&#{};", u32::from(c))),
    |text| each(text, |c| format!("&#x{:X};", u32::from(c))),
    |text| each(text, named),
    |text| interrupted(text, "\n"),
    |text| interrupted(text, "\u{ad}"),
    |text| interrupted(text, "\u{200b}\0"),
    |text| interrupted(text, "\u{feff}\u{2028}"),
];

/// Encodings of whole texts, digit by digit.
pub(crate) const DIGITS: [Encode; 4] = [
    |text| hex(text.as_bytes()),
    |text| hex(text.as_bytes()).to_ascii_uppercase(),
    |text| STANDARD_NO_PAD.encode(text),
    |text| URL_SAFE_NO_PAD.encode(text),
];

/// Encodings of a text in another character set. They come first, since they do not make texts of texts.
pub(crate) const CHARSETS: [Encode; 8] = [
    |text| hex(&utf16(text, u16::to_le_bytes)),
    |text| STANDARD_NO_PAD.encode(utf16(text, u16::to_le_bytes)),
    |text| hex(&utf16(text, u16::to_be_bytes)),
    |text| URL_SAFE_NO_PAD.encode(utf16(text, u16::to_be_bytes)),
    |text| latin1(text).map_or_else(|| hex(text.as_bytes()), |bytes| hex(&bytes)),
    |text| STANDARD_NO_PAD.encode(latin1(text).unwrap_or_else(|| text.into())),
    |text| bytewise(text, "%"),
    |text| bytewise(text, "\\x"),
];

/// Cases of letters that are masked.
pub(crate) const CASES: [Encode; 4] = [
    |text| text.to_owned(),
    |text| text.to_lowercase(),
    |text| text.to_uppercase(),
    |text| {
        text.chars()
            .enumerate()
            .map(|(i, c)| if i % 2 == 0 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
            .collect()
    },
];

/// Every text that a decoder reads from this one, and from those again.
pub(crate) fn decoded(text: &str, layers: usize) -> Vec<String> {
    let mut found = vec![text.to_owned()];
    let mut last = 0..1;
    for _ in 0..layers {
        let next: Vec<String> = found[last].iter().flat_map(|text| decoded_once(text)).collect();
        last = found.len()..found.len() + next.len();
        found.extend(next);
    }
    found
}

fn decoded_once(text: &str) -> Vec<String> {
    let mut texts = vec![
        percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned(),
        each_byte(&percent_encoding::percent_decode_str(text).collect::<Vec<u8>>()),
        backslashes(text),
        references(text),
        text.chars().filter(|c| !is_unclean(*c)).collect(),
        text.replace('+', " "),
    ];
    let runs =
        |is_digit: fn(char) -> bool| text.split(move |c| !is_digit(c)).filter(|run| run.len() >= 6).collect::<Vec<_>>();
    for run in runs(|c| c.is_ascii_hexdigit()) {
        for start in 0..2 {
            let pairs = run.as_bytes()[start..].chunks_exact(2);
            let bytes = pairs.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
            texts.extend(charsets(&bytes.collect::<Vec<_>>()));
        }
    }
    for run in runs(|c| c.is_ascii_alphanumeric() || "+/-_".contains(c)) {
        let run = run.replace('-', "+").replace('_', "/");
        for start in 0..4 {
            let digits = &run[start..];
            let digits = if digits.len() % 4 == 1 { &digits[..digits.len() - 1] } else { digits };
            texts.extend(LENIENT.decode(digits).into_iter().flat_map(|bytes| charsets(&bytes)));
        }
    }
    texts.retain(|decoded| decoded != text);
    texts.dedup();
    texts
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn charsets(bytes: &[u8]) -> Vec<String> {
    let wide = |from: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| from([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    vec![
        String::from_utf8_lossy(bytes).into_owned(),
        each_byte(bytes),
        wide(u16::from_le_bytes),
        wide(u16::from_be_bytes),
    ]
}

fn each(text: &str, encode: impl Fn(char) -> String) -> String {
    text.chars().map(encode).collect()
}

fn each_byte(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn percent(text: &str, keep: fn(char) -> bool) -> String {
    each(
        text,
        |c| if keep(c) { c.to_string() } else { c.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect() },
    )
}

/// Latin-1 with an escape for each byte, or UTF-8 where the text has no Latin-1.
fn bytewise(text: &str, sign: &str) -> String {
    let bytes = latin1(text).unwrap_or_else(|| text.into());
    bytes.iter().map(|byte| format!("{sign}{byte:02x}")).collect()
}

fn json_escape(c: char) -> String {
    match c {
        '"' | '\\' | '/' => format!("\\{c}"),
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        c if c.is_ascii() && !c.is_ascii_control() => c.to_string(),
        c => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04X}")).collect(),
    }
}

/// As PHP's `htmlentities` writes it.
fn named(c: char) -> String {
    NAMES.iter().find(|(own, _)| *own == c).map_or_else(|| c.to_string(), |(_, name)| format!("&{name};"))
}

const NAMES: [(char, &str); 14] = [
    ('&', "amp"),
    ('<', "lt"),
    ('>', "gt"),
    ('"', "quot"),
    ('\'', "apos"),
    ('æ', "aelig"),
    ('ø', "oslash"),
    ('å', "aring"),
    ('Æ', "AElig"),
    ('Ø', "Oslash"),
    ('Å', "Aring"),
    ('é', "eacute"),
    ('ü', "uuml"),
    ('€', "euro"),
];

fn interrupted(text: &str, sign: &str) -> String {
    text.chars().enumerate().flat_map(|(i, c)| [if i % 3 == 2 { sign } else { "" }.to_owned(), c.to_string()]).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(c).ok()).collect()
}

/// Decodes the escapes of JSON and of Rust.
fn backslashes(text: &str) -> String {
    let mut units: Vec<u16> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let escape = rest.strip_prefix('\\').and_then(|escape| {
            let number = |digits: Option<&str>, length: usize| Some((u32::from_str_radix(digits?, 16).ok()?, length));
            match escape.chars().next()? {
                'n' => Some((u32::from('\n'), 2)),
                't' => Some((u32::from('\t'), 2)),
                'x' => number(escape.get(1..3), 4),
                'u' if escape[1..].starts_with('{') => {
                    let digits = escape[2..].split_once('}')?.0;
                    number(Some(digits), digits.len() + 4)
                }
                'u' => number(escape.get(1..5), 6),
                sign => Some((u32::from(sign), 1 + sign.len_utf8())),
            }
        });
        let (code, length) = escape.unwrap_or((u32::from(c), c.len_utf8()));
        match (u16::try_from(code), char::from_u32(code)) {
            (Ok(unit), _) => units.push(unit),
            (_, Some(c)) => units.extend(c.encode_utf16(&mut [0; 2]).iter()),
            _ => {}
        }
        rest = &rest[length..];
    }
    String::from_utf16_lossy(&units)
}

/// Decodes HTML's references to characters.
fn references(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        let reference = after.split_once(';').and_then(|(name, after)| {
            let code = match name.strip_prefix('#') {
                Some(number) => match number.strip_prefix(['x', 'X']) {
                    Some(digits) => u32::from_str_radix(digits, 16).ok(),
                    None => number.parse().ok(),
                },
                None => NAMES.iter().find(|(_, own)| *own == name).map(|(c, _)| u32::from(*c)),
            };
            Some((char::from_u32(code?)?, after))
        });
        match reference {
            Some((c, after)) => {
                decoded.push(c);
                rest = after;
            }
            None => {
                decoded.push('&');
                rest = after;
            }
        }
    }
    decoded + rest
}
