//! Values taken from answers: the raw form, its validation and the taking.

use check::{FailureKind, Mismatch, Phrase, foreign, ours, phrase};
use http::HeaderName;
use probe::expect::{field_value, json_exists, unmet_value};
use probe::{Cookies, Response};
use requests::Pattern;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use settings::{Section, check_pointer, optional};

/// Longest value. **Units:** characters.
const MAX_VALUE: usize = 1_000;

/// Value to take from an answer, as a settings file writes it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawCapture {
    /// JSON Pointer (RFC 6901) to a text, a number or a boolean of the body.
    json: Option<String>,
    /// Name of a header of the answer.
    header: Option<String>,
    /// Name of a cookie of the journey, as it is sent back to the URL of the answer.
    cookie: Option<String>,
    /// Name of an `input` element of the page, such as a hidden field.
    form: Option<String>,
    /// Regular expression to search the value with, or the body if there is no other key. Its first group is the value, or
    /// the whole match without a group. Default: the whole value.
    regex: Option<String>,
    /// True if the value is masked in all output from then on. Default: true for `cookie` and `form`.
    secret: Option<bool>,
}

/// Value to take from an answer.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) is_secret: bool,
    source: Source,
    pattern: Option<Pattern>,
}

#[derive(Clone, Debug)]
enum Source {
    Json(String),
    Header(HeaderName),
    Cookie(String),
    Form(String),
    Body,
}

impl RawCapture {
    /// Text of the JSON Pointer and of the expression, with their keys.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let texts = [("json", &self.json), ("regex", &self.regex)];
        texts.into_iter().filter_map(|(key, text)| Some((key, text.as_deref()?)))
    }

    pub(crate) fn validate(self, section: &Section<'_>, name: &str) -> Option<Capture> {
        const KEYS: [&str; 4] = ["json", "header", "cookie", "form"];
        let is_written = [&self.json, &self.header, &self.cookie, &self.form].map(Option::is_some);
        let written: Vec<&str> = KEYS.into_iter().zip(is_written).filter_map(|(key, is)| is.then_some(key)).collect();
        let is_readable = !KEYS.iter().any(|key| section.is_unreadable(key)) && !section.is_unreadable("regex");
        if (written.len() > 1 || written.is_empty() && self.regex.is_none()) && is_readable {
            let found = if written.is_empty() { "none".to_owned() } else { written.join(" and ") };
            section.problem(
                "",
                format!("expected one of `json`, `header`, `cookie` and `form`, or `regex`, found {found}"),
            );
            return None;
        }
        let is_secret = section.or_default("secret", self.secret, self.cookie.is_some() || self.form.is_some());
        let source = if let Some(pointer) = self.json {
            section.parsed("json", check_pointer(&pointer)).map(|()| Source::Json(pointer))
        } else if let Some(header) = self.header {
            let read =
                HeaderName::try_from(&header).map_err(|_| format!("expected the name of a header, found `{header}`"));
            section.parsed("header", read).map(Source::Header)
        } else if let Some(cookie) = self.cookie {
            section.text("cookie", Some(cookie)).map(Source::Cookie)
        } else if let Some(field) = self.form {
            section.text("form", Some(field)).map(Source::Form)
        } else {
            Some(Source::Body)
        };
        let pattern = optional(self.regex, |written| Pattern::read(section, "regex", &written));
        Some(Capture { name: name.to_owned(), is_secret, source: source?, pattern: pattern? })
    }
}

impl Capture {
    /// Takes the value from an answer.
    ///
    /// # Errors
    /// A mismatch when there is none, or it is too long. It does not quote the answer of a secret value.
    pub(crate) fn take(&self, response: &Response, cookies: &Cookies) -> Result<String, Mismatch> {
        self.find(response, cookies).map_err(|mismatch| match self.is_secret {
            true => Mismatch { evidence: None, ..mismatch },
            false => mismatch,
        })
    }

    /// Description of the place of the value.
    pub(crate) fn describe(&self) -> Phrase {
        let place = match &self.source {
            Source::Json(pointer) => phrase!("the JSON at {}", ours(pointer)),
            Source::Header(name) => phrase!("the header {}", ours(name)),
            Source::Cookie(name) => phrase!("the cookie {}", ours(name)),
            Source::Form(name) => phrase!("the field {} of the page", ours(name)),
            Source::Body => "the body".into(),
        };
        match &self.pattern {
            None => place,
            Some(pattern) => phrase!("{} by /{}/", place, ours(pattern.as_str())),
        }
    }

    fn find(&self, response: &Response, cookies: &Cookies) -> Result<String, Mismatch> {
        let missing = |kind, actual: Phrase| Mismatch::new(kind, phrase!("a value of {}", self.describe()), actual);
        let found = match &self.source {
            Source::Json(pointer) => match json_exists(response, pointer)? {
                Value::String(text) => text,
                Value::Number(number) => settings::written_id(&Value::Number(number)),
                Value::Bool(flag) => flag.to_string(),
                other => return Err(unmet_value(response, pointer, &other, "a text, a number or a boolean")),
            },
            Source::Header(name) => match response.header(name.as_str()) {
                Some(value) => value.to_owned(),
                None => return Err(missing(FailureKind::Header, phrase!("no header {}", ours(name)))),
            },
            Source::Cookie(name) => match cookies.value(&response.url, name) {
                Some(value) => value,
                None => return Err(missing(FailureKind::Header, phrase!("no cookie {}", ours(name)))),
            },
            Source::Form(name) => match field_value(response, name) {
                Some(value) => value,
                None => return Err(missing(FailureKind::Body, phrase!("no field {}", ours(name)))),
            },
            Source::Body => response.text().into_owned(),
        };
        let value = match &self.pattern {
            None => found.as_str(),
            Some(pattern) => {
                pattern.first_group(&found).ok_or_else(|| missing(FailureKind::Assertion, "no match".into()))?
            }
        };
        if value.is_empty() {
            return Err(missing(FailureKind::Assertion, "an empty text".into()));
        }
        match value.chars().nth(MAX_VALUE) {
            None => Ok(value.to_owned()),
            Some(_) => {
                let expected = phrase!("a value of at most {} characters in {}", MAX_VALUE, self.describe());
                let actual = phrase!("one of {} bytes, which begins {}", value.len(), foreign(value).at_most(40));
                let actual = if self.is_secret { phrase!("one of {} bytes", value.len()) } else { actual };
                Err(Mismatch::new(FailureKind::Assertion, expected, actual))
            }
        }
    }
}
