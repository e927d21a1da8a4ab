//! Body of a request: the raw form, its validation, and the content type.

use std::collections::BTreeMap;

use probe::{Bytes, Request};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use settings::Section;
use url::form_urlencoded;

/// Largest file. **Units:** bytes.
const MAX_FILE: u64 = 256_000;

/// Body of a request, as a settings file writes it: one of its keys.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawBody {
    /// JSON of any shape, sent as `application/json`.
    pub(crate) json: Option<Value>,
    /// Fields of a form by name, sent as `application/x-www-form-urlencoded`.
    pub(crate) form: Option<BTreeMap<String, String>>,
    /// Text, sent as `text/plain` in UTF-8.
    pub(crate) text: Option<String>,
    /// Path of a file below the folder of the settings file, of at most 256 kB. It is read once, with the settings, and sent
    /// as `application/json`, `application/xml` or `text/plain` after its extension, or else as
    /// `application/octet-stream`.
    file: Option<String>,
}

/// Body of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// JSON.
    Json(Value),
    /// Fields of a form.
    Form(Vec<(String, String)>),
    /// Text.
    Text(String),
    /// Content of a file.
    File {
        /// Path below the folder of the settings file.
        path: String,
        /// Content.
        content: Bytes,
    },
}

impl RawBody {
    /// Validates the table. Returns `None` after reporting all problems to `section`.
    pub(crate) fn validate(self, section: &Section<'_>) -> Option<Body> {
        const KEYS: [&str; 4] = ["json", "form", "text", "file"];
        let is_written = [self.json.is_some(), self.form.is_some(), self.text.is_some(), self.file.is_some()];
        let written: Vec<&str> = KEYS.into_iter().zip(is_written).filter_map(|(key, is)| is.then_some(key)).collect();
        if written.len() != 1 {
            if !KEYS.iter().any(|key| section.is_unreadable(key)) {
                let found = if written.is_empty() { "none".to_owned() } else { written.join(" and ") };
                section.problem("", format!("expected one of `json`, `form`, `text` and `file`, found {found}"));
            }
            return None;
        }
        if let Some(path) = self.file {
            let content = section.file("file", &path, MAX_FILE)?.into();
            return Some(Body::File { path, content });
        }
        let text = self.text.map(Body::Text);
        let form = self.form.map(|fields| Body::Form(fields.into_iter().collect()));
        self.json.map(Body::Json).or(form).or(text)
    }
}

impl Body {
    /// Adds the body to a request, and its content type unless the request has one.
    pub(crate) fn add_to(&self, request: Request, has_type: bool) -> Request {
        let (media_type, content): (_, Bytes) = match self {
            Self::Json(value) => ("application/json", value.to_string().into()),
            Self::Form(fields) => {
                let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
                ("application/x-www-form-urlencoded", form.into())
            }
            Self::Text(text) => ("text/plain; charset=utf-8", text.clone().into()),
            Self::File { path, content } => (file_type(path), content.clone()),
        };
        let request = if has_type { request } else { request.header("content-type", media_type) };
        request.body(content)
    }
}

fn file_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("json") => "application/json",
        Some("xml") => "application/xml",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
