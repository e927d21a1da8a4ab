//! Encodings in which a secret may leave the process.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use html5ever::data::NAMED_ENTITIES;

/// Encodes each character on its own.
pub(super) type Spell = fn(char) -> String;

/// Encodings of single characters.
pub(super) const SPELLINGS: [(&str, Spell); 16] = [
    ("plain", |c| c.to_string()),
    ("strict percent, upper", |c| percent(c, is_unreserved, upper)),
    ("strict percent, lower", |c| percent(c, is_unreserved, lower)),
    ("encodeURIComponent", |c| percent(c, is_component, upper)),
    ("everything percent-encoded", |c| percent(c, |_| false, upper)),
    ("form", |c| url::form_urlencoded::byte_serialize(c.to_string().as_bytes()).collect()),
    ("form, lower", |c| percent(c, is_component, lower).replace("%20", "+")),
    ("serde_json", |c| serde_json::to_string(&c).unwrap()[1..].strip_suffix('"').unwrap().to_owned()),
    ("PHP's json_encode", |c| json(c, lower)),
    ("JSON, upper", |c| json(c, upper)),
    ("Rust", |c| c.escape_unicode().to_string()),
    ("decimal character references", |c| format!("&#{};", u32::from(c))),
    ("hexadecimal character references", |c| format!("&#x{:X};", u32::from(c))),
    ("named character references", named),
    ("twice percent-encoded", |c| percent(c, is_unreserved, upper).replace('%', "%25")),
    ("a URL in JSON", |c| percent(c, is_component, upper).replace('%', "\\u0025")),
];

/// Those that encode once.
pub(super) const SINGLE: &[(&str, Spell)] = SPELLINGS.split_at(14).0;

/// Everything that is masked completely, with its name.
pub(super) fn all(secret: &str) -> Vec<(String, String)> {
    let mut all: Vec<_> = SPELLINGS.iter().map(|(name, spell)| ((*name).to_owned(), spelled(secret, *spell))).collect();
    all.extend(cases(secret));
    all.extend(split(secret));
    for (charset, bytes) in charsets(secret) {
        let hex = |digits: fn(u8) -> String| -> String { bytes.iter().map(|byte| digits(*byte)).collect() };
        all.push((format!("hexadecimal {charset}, upper"), hex(upper)));
        all.push((format!("hexadecimal {charset}, lower"), hex(lower)));
        let encoded = STANDARD_NO_PAD.encode(&bytes);
        all.push((format!("base64 {charset}"), encoded.clone()));
        all.push((format!("base64 {charset} in JSON in JSON"), encoded.replace('/', "\\\\\\/")));
        all.push((format!("base64 {charset} in lines"), lines(&encoded)));
        all.push((format!("base64 {charset} in base64"), STANDARD_NO_PAD.encode(&encoded)));
        all.push((format!("base64 {charset} in URL-safe base64"), URL_SAFE_NO_PAD.encode(&encoded)));
        all.push((format!("base64 {charset} in digits"), encoded.bytes().map(lower).collect()));
        all.push((format!("digits of {charset} in base64"), STANDARD_NO_PAD.encode(hex(lower))));
    }
    for (name, spell) in &SPELLINGS[..7] {
        all.push((format!("{name} in base64"), STANDARD_NO_PAD.encode(spelled(secret, *spell))));
    }
    if let Some(latin1) = latin1(secret) {
        let percent: fn(&u8) -> String =
            |byte| if is_unreserved(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
        all.push(("percent-encoded Latin-1".to_owned(), latin1.iter().map(percent).collect()));
        all.push((
            "bytes of Latin-1 in Python".to_owned(),
            latin1.iter().map(|byte| format!("\\x{byte:02x}")).collect(),
        ));
    }
    all
}

/// Bytes of a secret in all encodings of characters that have them.
pub(super) fn charsets(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let wide = |bytes: fn(u16) -> [u8; 2]| secret.encode_utf16().flat_map(bytes).collect();
    let mut charsets = vec![
        ("UTF-8", secret.as_bytes().to_vec()),
        ("UTF-16LE", wide(u16::to_le_bytes)),
        ("UTF-16BE", wide(u16::to_be_bytes)),
    ];
    charsets.extend(latin1(secret).map(|latin1| ("Latin-1", latin1)));
    charsets
}

/// Base64 in both alphabets, with and without padding, and inside other encodings.
pub(super) fn base64(bytes: &[u8]) -> [(&'static str, String); 6] {
    let standard = STANDARD.encode(bytes);
    [
        ("standard", standard.clone()),
        ("standard without padding", STANDARD_NO_PAD.encode(bytes)),
        ("URL-safe", URL_SAFE.encode(bytes)),
        ("URL-safe without padding", URL_SAFE_NO_PAD.encode(bytes)),
        ("in JSON", standard.replace('/', "\\/")),
        ("in a URL", standard.replace('+', "%2B").replace('/', "%2f").replace('=', "%3D")),
    ]
}

pub(super) fn spelled(secret: &str, spell: Spell) -> String {
    secret.chars().map(spell).collect()
}

/// Other case.
fn cases(secret: &str) -> Vec<(String, String)> {
    let mixed = |(i, c): (usize, char)| if i % 2 == 0 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    vec![
        ("lower case".to_owned(), secret.to_lowercase()),
        ("upper case".to_owned(), secret.to_uppercase()),
        ("mixed case".to_owned(), secret.chars().enumerate().map(mixed).collect()),
        (
            "upper case, percent-encoded".to_owned(),
            spelled(&secret.to_uppercase(), |c| percent(c, is_component, upper)),
        ),
    ]
}

/// Interrupted by characters that a reader does not see.
fn split(secret: &str) -> Vec<(String, String)> {
    let invisible = [
        "\t",
        "\n",
        "\r\n",
        "\0",
        "\u{1b}",
        "\u{7f}",
        "\u{85}",
        "\u{ad}",
        "\u{34f}",
        "\u{61c}",
        "\u{115f}",
        "\u{180b}",
        "\u{200b}",
        "\u{200d}",
        "\u{2028}",
        "\u{202e}",
        "\u{2060}",
        "\u{3164}",
        "\u{fe0f}",
        "\u{feff}",
        "\u{fff9}",
        "\u{1d173}",
        "\u{e0001}",
        "\u{e0100}",
        "&shy;",
        "%0A",
        "\\u200b",
    ];
    invisible
        .iter()
        .map(|sign| {
            let parts: Vec<String> = secret.chars().map(String::from).collect();
            (format!("interrupted by {sign:?}"), parts.join(sign))
        })
        // An escape of the sign would be confused with one in the secret.
        .filter(|(name, _)| !name.contains(['%', '&', '\\']) || !secret.contains(['%', '&', '\\']))
        .collect()
}

fn lines(text: &str) -> String {
    text.chars().enumerate().flat_map(|(i, c)| (i % 7 == 6).then_some('\n').into_iter().chain([c])).collect()
}

fn percent(c: char, keep: fn(u8) -> bool, digits: fn(u8) -> String) -> String {
    c.to_string()
        .bytes()
        .map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{}", digits(byte)) })
        .collect()
}

fn json(c: char, digits: fn(u8) -> String) -> String {
    match c {
        '/' | '"' | '\\' => format!("\\{c}"),
        c if c.is_ascii() && !c.is_ascii_control() => c.to_string(),
        c => {
            let unit = |unit: &mut u16| format!("\\u{}", unit.to_be_bytes().map(digits).concat());
            c.encode_utf16(&mut [0; 2]).iter_mut().map(unit).collect()
        }
    }
}

/// Reference by name, as PHP's `htmlentities` writes it, also for characters that it leaves alone.
fn named(c: char) -> String {
    let is_name = |name: &str, codes: (u32, u32)| name.ends_with(';') && codes == (u32::from(c), 0);
    let name = NAMED_ENTITIES.entries().filter(|(name, codes)| is_name(name, **codes)).map(|(name, _)| *name).min();
    if c.is_ascii_alphanumeric() { c.to_string() } else { name.map_or(c.to_string(), |name| format!("&{name}")) }
}

fn latin1(secret: &str) -> Option<Vec<u8>> {
    secret.chars().map(|c| u8::try_from(c).ok()).collect()
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)
}

fn is_component(byte: u8) -> bool {
    is_unreserved(byte) || b"!'()*".contains(&byte)
}

fn upper(byte: u8) -> String {
    format!("{byte:02X}")
}

fn lower(byte: u8) -> String {
    format!("{byte:02x}")
}
