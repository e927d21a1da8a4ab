//! Formats, and how they are recognised.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::ImportError;

/// Format of an imported text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One or more curl commands.
    Curl,
    /// HTTP Archive, as browsers save it.
    Har,
    /// OpenAPI 3.0 or 3.1, in JSON or YAML.
    OpenApi,
}

/// Methods that begin a request of a hurl file.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

impl Format {
    /// Recognises the format of a text.
    pub(crate) fn detect(text: &str) -> Result<Self, ImportError> {
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let first = lines().next().unwrap_or_default();
        let begins_request = METHODS.iter().any(|method| {
            let rest = first.strip_prefix(method).unwrap_or_default();
            rest.starts_with(' ') && rest.trim_start().starts_with(['h', '{'])
        });
        if begins_request {
            return Err(ImportError::Hurl);
        }
        let is_curl = |line: &str| {
            let command = line.trim_start_matches("$ ");
            command == "curl" || command.starts_with("curl ") || command.starts_with("curl.exe ")
        };
        if first.starts_with('{') {
            return top_members(text);
        }
        // Only keys at the top begin their line.
        let is_version = |line: &str| ["openapi:", "swagger:", "\"openapi\":"].iter().any(|key| line.starts_with(key));
        if text.lines().any(is_version) {
            return Ok(Self::OpenApi);
        }
        if lines().any(is_curl) { Ok(Self::Curl) } else { Err(ImportError::UnknownFormat) }
    }
}

/// Members at the top of a document in JSON, without their values.
#[derive(Deserialize)]
struct Top {
    log: Option<IgnoredAny>,
    openapi: Option<IgnoredAny>,
    swagger: Option<IgnoredAny>,
}

fn top_members(text: &str) -> Result<Format, ImportError> {
    let top: Top = serde_json::from_str(text).map_err(|error| ImportError::Malformed {
        expected: "an OpenAPI document or a HAR file",
        found: format!("JSON with a mistake on line {}, column {}", error.line(), error.column()),
    })?;
    match (top.log, top.openapi, top.swagger) {
        (Some(_), ..) => Ok(Format::Har),
        (None, None, None) => Err(ImportError::UnknownFormat),
        _ => Ok(Format::OpenApi),
    }
}
