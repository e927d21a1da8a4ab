//! Searches output for secrets in every encoding that the product promises to mask, without the product's own code.

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use probe::Url;

/// Letters of a part of a secret that is searched on its own, since an excerpt may cut a secret.
const PART: usize = 10;
/// Shortest encoded text that does not appear by chance.
const SHORTEST: usize = 5;
/// JSON within JSON, as in the envelope of a message.
const LAYERS: usize = 3;

/// An encoding, and its name.
pub struct Encoding {
    pub name: &'static str,
    encode: fn(&str) -> String,
}

impl Encoding {
    /// The text in this encoding.
    pub fn apply(&self, text: &str) -> String {
        (self.encode)(text)
    }

    /// True when letters in another case are another text.
    fn has_case(&self) -> bool {
        self.name.contains("Base64") && !self.name.starts_with("hexadecimal")
    }
}

const fn encoding(name: &'static str, encode: fn(&str) -> String) -> Encoding {
    Encoding { name, encode }
}

/// Encodings of a whole text. `SECURITY.md` promises to mask them.
pub const ENCODINGS: [Encoding; 46] = [
    encoding("plain", str::to_owned),
    encoding("lower case", str::to_lowercase),
    encoding("upper case", str::to_uppercase),
    encoding("mixed case", |text| {
        let change =
            |(index, c): (usize, char)| if index % 2 == 0 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        text.chars().enumerate().map(change).collect()
    }),
    encoding("percent-encoded", |text| each_byte(text.as_bytes(), |byte| format!("%{byte:02X}"))),
    encoding("percent-encoded, lower", |text| each_byte(text.as_bytes(), |byte| format!("%{byte:02x}"))),
    encoding("percent-encoded where necessary", component),
    encoding("percent-encoded every second byte", |text| {
        let mut encode = true;
        each_byte(text.as_bytes(), |byte| {
            encode = !encode;
            if encode || !byte.is_ascii_alphanumeric() { format!("%{byte:02X}") } else { char::from(byte).to_string() }
        })
    }),
    encoding("form", |text| component(text).replace("%20", "+")),
    encoding("percent-encoded Latin-1", |text| each_byte(&latin1(text), |byte| format!("%{byte:02X}"))),
    encoding("twice percent-encoded", |text| component(&each_byte(text.as_bytes(), |byte| format!("%{byte:02X}")))),
    encoding("JSON", json),
    encoding("JSON within JSON", |text| json(&json(text))),
    encoding("JSON as in PHP", |text| json(text).replace('/', "\\/")),
    encoding("JSON, all escaped", escaped),
    encoding("escapes of bytes", |text| each_byte(&latin1(text), |byte| format!("\\x{byte:02x}"))),
    encoding("escapes in braces", |text| each(text, |c| format!("\\u{{{:x}}}", u32::from(c)))),
    encoding("decimal references", |text| each(text, |c| format!("&#{};", u32::from(c)))),
    encoding("hexadecimal references", |text| each(text, |c| format!("&#x{:X};", u32::from(c)))),
    encoding("named references", |text| each(text, named)),
    encoding("hexadecimal", |text| hex(text.as_bytes())),
    encoding("hexadecimal, upper", |text| hex(text.as_bytes()).to_uppercase()),
    encoding("hexadecimal UTF-16", |text| hex(&utf16(text, u16::to_be_bytes))),
    encoding("hexadecimal Latin-1", |text| hex(&latin1(text))),
    encoding("Base64", |text| STANDARD.encode(text)),
    encoding("Base64 after one byte", |text| STANDARD.encode(format!("-{text}-"))),
    encoding("Base64 after two bytes", |text| STANDARD.encode(format!("--{text}--"))),
    encoding("URL-safe Base64", |text| URL_SAFE.encode(text)),
    encoding("Base64 of UTF-16, little end", |text| STANDARD.encode(utf16(text, u16::to_le_bytes))),
    encoding("Base64 of UTF-16, big end", |text| STANDARD.encode(utf16(text, u16::to_be_bytes))),
    encoding("Base64 of Latin-1", |text| STANDARD.encode(latin1(text))),
    encoding("Base64 in Base64", |text| STANDARD.encode(STANDARD.encode(text))),
    encoding("Base64 in a URL", |text| component(&STANDARD.encode(text))),
    encoding("Base64 in JSON as in PHP", |text| STANDARD.encode(text).replace('/', "\\/")),
    encoding("Base64 of hexadecimal", |text| STANDARD.encode(hex(text.as_bytes()))),
    encoding("hexadecimal of Base64", |text| hex(STANDARD.encode(text).as_bytes())),
    encoding("Base64 of percent-encoded", |text| STANDARD.encode(component(text))),
    encoding("Base64 of JSON", |text| STANDARD.encode(json(text))),
    encoding("percent-encoded in JSON, all escaped", |text| escaped(&component(text))),
    encoding("references, percent-encoded", |text| component(&each(text, |c| format!("&#{};", u32::from(c))))),
    encoding("interrupted by newlines", |text| each(text, |c| format!("{c}\n"))),
    encoding("interrupted by tabs", |text| each(text, |c| format!("{c}\t"))),
    encoding("interrupted by soft hyphens", |text| each(text, |c| format!("{c}\u{ad}"))),
    encoding("interrupted by zero-width spaces", |text| each(text, |c| format!("{c}\u{200b}"))),
    encoding("interrupted by a control character", |text| each(text, |c| format!("{c}\u{1}"))),
    encoding("host label", label),
];

/// A secret found in an output.
#[derive(Debug, PartialEq, Eq)]
pub struct Leak {
    pub secret: String,
    pub encoding: &'static str,
}

/// Searches for secrets.
pub struct Search {
    /// Encodings in which other letter case is the same text, and those in which it is not.
    searches: [(AhoCorasick, Vec<(String, &'static str)>); 2],
}

impl Search {
    /// Searches for these secrets, their first and their last letters.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut found = [const { (Vec::new(), Vec::new()) }; 2];
        for secret in secrets {
            for part in parts(secret) {
                for encoding in &ENCODINGS {
                    let pattern = needle(encoding, &part);
                    if pattern.len() >= SHORTEST.min(part.len()) {
                        let (patterns, needles) = &mut found[usize::from(encoding.has_case())];
                        patterns.push(pattern);
                        needles.push((secret.to_owned(), encoding.name));
                    }
                }
            }
        }
        let [any_case, same_case] = found;
        let search = |(patterns, needles): (Vec<String>, _), ignores_case| {
            (AhoCorasick::builder().ascii_case_insensitive(ignores_case).build(patterns).unwrap(), needles)
        };
        Self { searches: [search(any_case, true), search(same_case, false)] }
    }

    /// Searches a text, and what programs read in it: JSON within JSON, and text without invisible characters.
    pub fn find(&self, text: &str) -> Option<Leak> {
        let mut layer = text.to_owned();
        for _ in 0..LAYERS {
            for text in [&layer, &visible(&layer)] {
                for (automaton, needles) in &self.searches {
                    if let Some(found) = automaton.find(text.as_str()) {
                        let (secret, encoding) = &needles[found.pattern().as_usize()];
                        return Some(Leak { secret: secret.clone(), encoding });
                    }
                }
            }
            layer = json_unescaped(&layer);
        }
        None
    }
}

/// A secret, its first and its last letters.
fn parts(secret: &str) -> Vec<String> {
    let letters: Vec<char> = secret.chars().collect();
    let mut parts = vec![secret.to_owned()];
    if letters.len() >= 2 * PART {
        parts.push(letters[..PART].iter().collect());
        parts.push(letters[letters.len() - PART..].iter().collect());
    }
    parts
}

/// Letters of an encoded part that do not depend on its neighbours.
fn needle(encoding: &Encoding, part: &str) -> String {
    let encoded = visible(&encoding.apply(part));
    if encoding.has_case() {
        // The first and the last digits also hold bits of neighbours.
        let before = match encoding.name {
            "Base64" | "URL-safe Base64" => Some(0),
            "Base64 after one byte" => Some(1),
            "Base64 after two bytes" => Some(2),
            _ => None,
        };
        let digits = match before {
            Some(before) => (8_usize * before).div_ceil(6)..8 * (before + part.len()) / 6,
            None => 0..encoded.trim_end_matches(['=', '%', '3', 'D']).len().saturating_sub(4),
        };
        return encoded.get(digits).unwrap_or_default().to_owned();
    }
    encoded
}

/// Text without characters that a reader does not see, also where they have become visible escapes.
fn visible(text: &str) -> String {
    let mut visible = text.replace(['\n', '\t', ' ', '\u{ad}', '\u{200b}', '\u{1}'], "");
    for escape in ["\\u{ad}", "\\u{200b}", "\\u{1}", "\\n", "\\t"] {
        if visible.contains(escape) {
            visible = visible.replace(escape, "");
        }
    }
    visible
}

fn each(text: &str, encode: impl Fn(char) -> String) -> String {
    text.chars().map(encode).collect()
}

fn each_byte(bytes: &[u8], encode: impl FnMut(u8) -> String) -> String {
    bytes.iter().copied().map(encode).collect()
}

fn component(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    each_byte(text.as_bytes(), |byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
}

fn hex(bytes: &[u8]) -> String {
    each_byte(bytes, |byte| format!("{byte:02x}"))
}

/// Bytes in Latin-1, or in UTF-8 where it has no such letters.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(c).ok()).collect::<Option<_>>().unwrap_or_else(|| text.as_bytes().to_vec())
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn escaped(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
}

fn named(c: char) -> String {
    match c {
        '"' => "&quot;".to_owned(),
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '+' => "&plus;".to_owned(),
        '/' => "&sol;".to_owned(),
        'æ' => "&aelig;".to_owned(),
        'ø' => "&oslash;".to_owned(),
        'å' => "&aring;".to_owned(),
        other => other.to_string(),
    }
}

/// Label of a host name. Text that cannot be one stays as it is.
fn label(text: &str) -> String {
    let url = Url::parse(&format!("http://{text}.example/"));
    let host = url.ok().and_then(|url| Some(url.host_str()?.strip_suffix(".example")?.to_owned()));
    host.unwrap_or_else(|| text.to_owned())
}

/// Resolves the escapes of JSON.
fn json_unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut out = parts.next().unwrap_or_default().to_owned();
    while let Some(part) = parts.next() {
        let code = part.strip_prefix('u').and_then(|rest| rest.get(..4));
        let code = code.and_then(|code| char::from_u32(u32::from_str_radix(code, 16).ok()?));
        match code {
            Some(code) => {
                out.push(code);
                out.push_str(&part[5..]);
            }
            // An escaped backslash, whose second half ends the empty part.
            None if part.is_empty() => {
                out.push('\\');
                out.push_str(parts.next().unwrap_or_default());
            }
            None if part.starts_with(['"', '/']) => out.push_str(part),
            None => {
                out.push('\\');
                out.push_str(part);
            }
        }
    }
    out
}

/// Control of the search: it finds each encoding of these secrets in plain text, in JSON and in JSON within JSON, cut after
/// some letters too, and nothing else.
///
/// # Errors
/// Names the encoding that is not found.
pub fn control(secrets: &[&str]) -> Result<(), String> {
    for secret in secrets {
        let search = Search::new([*secret]);
        for encoding in &ENCODINGS {
            let encoded = encoding.apply(secret);
            let line = format!("you sent {encoded} to us");
            let in_json = serde_json::json!({ "evidence": line }).to_string();
            let in_message = serde_json::json!({ "Message": in_json }).to_string();
            for output in [line, in_json, in_message] {
                if search.find(&output).is_none() {
                    return Err(format!("{} of {secret}: {output}", encoding.name));
                }
            }
        }
        let masked = r#"{"evidence":"x-api-key: [redacted], 100 % \"c4\" dGhlIG1vbml0b3Igb2YgYSBwbGF0Zm9ybQ=="}"#;
        if let Some(leak) = search.find(masked) {
            return Err(format!("{leak:?} in {masked}"));
        }
    }
    Ok(())
}
