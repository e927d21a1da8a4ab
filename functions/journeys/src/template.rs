//! Values filled into texts, each with the escaping of its place.

use check::{FailureKind, Mismatch, foreign, ours, phrase};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::ExposeSecret;
use serde_json::{Number, Value};
use settings::check_id;
use url::Url;

use crate::named_values::Values;
use crate::parts::{Part, parts};

/// Characters to escape in a path or a query: all except the unreserved ones of RFC 3986. Some servers and proxies treat `\` as
/// `/`, or decode `%2e`.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Fills in the values as they are.
///
/// # Errors
/// A mismatch when a value is missing.
pub(crate) fn fill(text: &str, values: &Values) -> Result<String, Mismatch> {
    fill_encoded(text, values, |value| Ok(value.to_owned()))
}

fn fill_encoded(
    text: &str,
    values: &Values,
    encode: impl Fn(&str) -> Result<String, Mismatch>,
) -> Result<String, Mismatch> {
    let mut filled = String::with_capacity(text.len());
    for part in parts(text).map_err(|mistake| Mismatch::new(FailureKind::Assertion, "a template", ours(mistake)))? {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Value(name) | Part::Number(name) => {
                filled.push_str(&encode(values.get(name)?.expose_secret()).map_err(|mismatch| {
                    let expected = phrase!("{} in {}", mismatch.expected, ours(format_args!("{{{name}}}")));
                    Mismatch { expected, ..mismatch }
                })?);
            }
        }
    }
    Ok(filled)
}

/// Fills in the values of a header.
///
/// # Errors
/// A mismatch when a value is missing, or holds a character that no header can hold.
pub(crate) fn fill_header(text: &str, values: &Values) -> Result<String, Mismatch> {
    fill_encoded(text, values, |value| match value.chars().find(|letter| letter.is_control()) {
        None => Ok(value.to_owned()),
        Some(odd) => {
            let actual = phrase!("one with {}", ours(probe::name_character(odd)));
            Err(Mismatch::new(FailureKind::Assertion, "a value that a header can hold", actual))
        }
    })
}

/// Fills in the values within the texts of a JSON value. Names of members stay as they are.
///
/// # Errors
/// A mismatch when a value is missing, or is not the number that it has to be.
pub(crate) fn fill_json(template: &Value, values: &Values) -> Result<Value, Mismatch> {
    Ok(match template {
        Value::String(text) => match parts(text).as_deref() {
            Ok([Part::Number(name)]) => Value::Number(number(name, values)?),
            _ => Value::String(fill(text, values)?),
        },
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| fill_json(item, values)).collect::<Result<_, _>>()?)
        }
        Value::Object(members) => {
            let filled = members.iter().map(|(name, value)| Ok((name.clone(), fill_json(value, values)?)));
            Value::Object(filled.collect::<Result<_, Mismatch>>()?)
        }
        other => other.clone(),
    })
}

fn number(name: &str, values: &Values) -> Result<Number, Mismatch> {
    let value = values.get(name)?.expose_secret();
    serde_json::from_str(value).map_err(|_| {
        let expected = phrase!("a number in {}", ours(format_args!("{{{name}}}")));
        Mismatch::new(FailureKind::Assertion, expected, foreign(value))
    })
}

/// URL with values in its path and its query.
#[derive(Clone, Debug)]
pub(crate) struct UrlTemplate {
    base: Url,
    path: String,
    query: Option<String>,
}

impl UrlTemplate {
    /// Creates it from a URL, whose path and query are replaced, and a path with its query.
    pub(crate) fn new(base: Url, path: &str) -> Self {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        Self { base, path: path.to_owned(), query: query.map(str::to_owned) }
    }

    /// Fills in escaped values: each stays a part of one segment of the path, or of one value of the query.
    ///
    /// # Errors
    /// A mismatch when a value is missing, or would lead elsewhere.
    pub(crate) fn fill(&self, values: &Values) -> Result<Url, Mismatch> {
        let escape = |value: &str| utf8_percent_encode(value, &RESERVED).to_string();
        let segment = |found| Mismatch::new(FailureKind::Assertion, "a value that can be part of a path", found);
        let path = fill_encoded(&self.path, values, |value| match check_id(value) {
            Ok(()) => Ok(escape(value)),
            Err(found) => Err(segment(found)),
        })?;
        let is_dots = |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
        if path.split('/').any(is_dots) {
            return Err(segment("a segment `.` or `..`, which leads elsewhere"));
        }
        let mut url = self.base.clone();
        url.set_path(&path);
        let query = self.query.as_ref().map(|query| fill_encoded(query, values, |value| Ok(escape(value))));
        url.set_query(query.transpose()?.as_deref());
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "../a?b=c&d#e/f\\g%2e\"}{\r\nx: y";

    fn values(value: &str) -> Values {
        let mut values = Values::default();
        values.set("v", value.to_owned());
        values
    }

    #[test]
    fn hostile_values_stay_in_their_segment_of_a_url() {
        let base: Url = "https://a.example/".parse().unwrap();
        let template = UrlTemplate::new(base, "/x/{v}/y?q={v}&r=1");
        let url = template.fill(&values(HOSTILE)).unwrap();
        let segments: Vec<_> = url.path_segments().unwrap().collect();
        assert_eq!((segments.len(), segments[0], segments[2]), (3, "x", "y"), "{url}");
        let pairs: Vec<_> = url.query_pairs().collect();
        assert_eq!(pairs, [("q".into(), HOSTILE.into()), ("r".into(), "1".into())]);
        assert_eq!((url.host_str(), url.fragment()), (Some("a.example"), None));
        for wrong in ["", ".", "..", " "] {
            assert!(template.fill(&values(wrong)).is_err(), "{wrong:?}");
        }
        let dots = UrlTemplate::new("https://a.example/".parse().unwrap(), "/x/.{v}./y");
        assert_eq!(dots.fill(&values("a")).unwrap().path(), "/x/.a./y");
        assert!(UrlTemplate::new("https://a.example/".parse().unwrap(), "/x/%2e{v}").fill(&values("x")).is_ok());
    }

    #[test]
    fn hostile_values_stay_in_their_text_of_json() {
        let template = serde_json::json!({ "a": ["{v}", "x{v}"], "{v}": 1, "n": "{{" });
        let filled = fill_json(&template, &values(HOSTILE)).unwrap();
        assert_eq!(filled, serde_json::json!({ "a": [HOSTILE, format!("x{HOSTILE}")], "{v}": 1, "n": "{" }));
        let number = serde_json::json!("{v:number}");
        assert_eq!(fill_json(&number, &values("42")).unwrap(), 42);
        assert_eq!(fill_json(&serde_json::json!("{v}"), &values("42")).unwrap(), "42");
        for wrong in ["42,\"x\":1", "", "{}", "null", "\"1\"", "1e999"] {
            assert!(fill_json(&number, &values(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hostile_values_cannot_add_a_header() {
        assert_eq!(fill_header("Bearer {v}", &values("a b\u{e6}")).unwrap(), "Bearer a b\u{e6}");
        for wrong in ["a\r\nb: c", "a\nb", "\u{0}", "\u{7f}", "a\tb"] {
            assert!(fill_header("{v}", &values(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn value_is_never_a_template() {
        assert_eq!(fill("{v}", &values("{v}{{")).unwrap(), "{v}{{");
    }
}
