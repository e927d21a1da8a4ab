//! Media type of an answer, as browsers read it (<https://fetch.spec.whatwg.org/#concept-header-extract-mime-type>).

use encoding_rs::Encoding;
use http::{HeaderMap, header::CONTENT_TYPE};

/// Media type and its encoding.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ContentType {
    /// Type and subtype in lower case; empty without a valid header, so that a browser guesses them.
    essence: String,
    /// Encoding by its parameter `charset`; `None` without one, and for an unknown one.
    pub(crate) encoding: Option<&'static Encoding>,
}

impl ContentType {
    /// Reads the last of several types. One without `charset` keeps that of an equal type before it.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(CONTENT_TYPE).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
        let mut read = Self::default();
        let mut label = None;
        for value in lines.flat_map(|line| split(&line, ',')) {
            let mut parts = split(&value, ';').into_iter();
            let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let is_type =
                essence.split_once('/').is_some_and(|(kind, subtype)| !kind.is_empty() && !subtype.is_empty());
            if !is_type || essence == "*/*" {
                continue;
            }
            let charset = parts.find_map(|parameter| {
                let (name, value) = parameter.split_once('=')?;
                name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_owned())
            });
            if charset.is_some() || essence != read.essence {
                label = charset;
            }
            read.essence = essence;
        }
        read.encoding = label.and_then(|label| Encoding::for_label(label.as_bytes()));
        read
    }

    /// Type and subtype in lower case; empty without a valid header.
    pub(crate) fn essence(&self) -> &str {
        &self.essence
    }

    /// True for HTML, and without a type, as browsers guess it.
    pub(crate) fn is_page(&self) -> bool {
        self.is_html() || self.essence == "application/xhtml+xml"
    }

    /// True for XML, also of another vocabulary such as RSS.
    pub(crate) fn is_xml(&self) -> bool {
        ["/xml", "+xml"].iter().any(|end| self.essence.ends_with(end))
    }

    /// True without a type, so that browsers guess it unless a header forbids that.
    pub(crate) fn is_missing(&self) -> bool {
        self.essence.is_empty()
    }

    /// True for what browsers read as HTML, with its `meta` elements.
    pub(crate) fn is_html(&self) -> bool {
        matches!(self.essence.as_str(), "" | "text/html")
    }

    /// True for a text whose encoding browsers guess when nothing names it. JSON and XML are in UTF-8.
    pub(crate) fn is_guessed(&self) -> bool {
        self.is_html()
            || self.essence.starts_with("text/") && !self.essence.ends_with("json") && !self.essence.ends_with("xml")
    }
}

/// Splits a header at each separator outside of quotes.
fn split(text: &str, separator: char) -> Vec<String> {
    let mut is_quoted = false;
    let is_end = |c: char| {
        is_quoted ^= c == '"';
        c == separator && !is_quoted
    };
    text.split(is_end).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn last_type_counts() {
        for (lines, essence, encoding) in [
            (&[][..], "", None),
            (&["Text/HTML; a=b; Charset=\"UTF-8\""], "text/html", Some("UTF-8")),
            (&["text/plain; charset=utf-8", "text/html; charset=latin1"], "text/html", Some("windows-1252")),
            (&["text/plain; charset=utf-8, text/html; charset=latin1"], "text/html", Some("windows-1252")),
            (&["text/html; charset=latin1", "text/html"], "text/html", Some("windows-1252")),
            (&["text/plain; charset=latin1", "text/html"], "text/html", None),
            (&["text/html; charset=latin1", "html", "*/*", ""], "text/html", Some("windows-1252")),
            (&["text/html; charset=utf8mb4"], "text/html", None),
            (&["text/html; a=\",;\"; charset=utf-8"], "text/html", Some("UTF-8")),
            (&["html"], "", None),
        ] {
            let headers = lines.iter().map(|line| (CONTENT_TYPE, HeaderValue::from_static(line))).collect();
            let read = ContentType::read(&headers);
            assert_eq!((read.essence.as_str(), read.encoding.map(Encoding::name)), (essence, encoding), "{lines:?}");
        }
    }
}
