//! Body of a form, as a browser sends it (<https://html.spec.whatwg.org/multipage/form-control-infrastructure.html>).

use std::borrow::Cow;

use encoding_rs::Encoding;
use url::form_urlencoded::Serializer;

use super::fields::{Enctype, Entry, Form, Kind};

/// Name of a hidden field for the encoding of the form.
const CHARSET: &str = "_charset_";

/// Names and values of a form, before the user types.
#[derive(Clone)]
pub(super) struct Content {
    parts: Vec<Part>,
    is_multipart: bool,
    encoding: &'static Encoding,
}

#[derive(Clone)]
struct Part {
    name: String,
    value: String,
    kind: Kind,
}

impl Content {
    /// Reads a form of a page in this encoding.
    pub(super) fn read(form: &Form<'_>, page: &'static Encoding) -> Self {
        let accepted = form.accept_charset.as_deref().unwrap_or_default();
        let accepted = accepted
            .split([' ', '\t', '\n', '\u{c}', '\r', ','])
            .find_map(|label| Encoding::for_label(label.as_bytes()));
        let encoding = accepted.unwrap_or(page).output_encoding();
        let parts = form.entries().into_iter().map(|entry| Part::new(entry, encoding)).collect();
        Self { parts, is_multipart: form.enctype() == Enctype::Multipart, encoding }
    }

    /// Length of all names and values, in bytes.
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.name.len() + part.value.len()).sum()
    }

    /// Content type, and the body after the user has typed these values into the fields with these names.
    pub(super) fn body(&self, typed: &[(&str, &str)]) -> (String, Vec<u8>) {
        let value = |part: &Part| {
            let typed = typed.iter().find(|(name, _)| part.kind.is_typed() && *name == part.name);
            typed.map_or_else(|| part.value.clone(), |(_, value)| with_crlf(value))
        };
        if self.is_multipart {
            return self.multipart(value);
        }
        let pairs: Vec<(&str, String)> = self.parts.iter().map(|part| (part.name.as_str(), value(part))).collect();
        urlencoded(&pairs, self.encoding)
    }

    fn multipart(&self, value: impl Fn(&Part) -> String) -> (String, Vec<u8>) {
        let values: Vec<String> = self.parts.iter().map(value).collect();
        let mut boundary = "----JustDrivingSynthetics".to_owned();
        while values.iter().any(|value| value.contains(&boundary)) {
            boundary.push('x');
        }
        let mut body = String::new();
        for (part, value) in self.parts.iter().zip(values) {
            let name = part.name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22");
            let file = match part.kind {
                Kind::File => "; filename=\"\"\r\nContent-Type: application/octet-stream",
                _ => "",
            };
            body +=
                &format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n");
        }
        body += &format!("--{boundary}--\r\n");
        (format!("multipart/form-data; boundary={boundary}"), self.encoding.encode(&body).0.into_owned())
    }
}

/// Content type and body of names and values.
pub(super) fn urlencoded(pairs: &[(&str, impl AsRef<str>)], encoding: &'static Encoding) -> (String, Vec<u8>) {
    let body = Serializer::new(String::new())
        .encoding_override(Some(&|text| Cow::Owned(encoding.encode(text).0.into_owned())))
        .extend_pairs(pairs)
        .finish();
    ("application/x-www-form-urlencoded".to_owned(), body.into_bytes())
}

impl Part {
    fn new(entry: Entry<'_>, encoding: &'static Encoding) -> Self {
        let value = match entry.kind {
            Kind::Hidden if entry.name.eq_ignore_ascii_case(CHARSET) => encoding.name().to_owned(),
            Kind::File => String::new(),
            _ => with_crlf(&entry.value),
        };
        Self { name: with_crlf(&entry.name), value, kind: entry.kind }
    }
}

/// Text with line breaks in the form of browsers.
fn with_crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}
