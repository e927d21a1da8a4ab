//! Formats, and how they are recognised.

use crate::error::ImportError;

/// Format of an imported text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One or more curl commands.
    Curl,
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
        if lines().any(is_curl) { Ok(Self::Curl) } else { Err(ImportError::UnknownFormat) }
    }
}
