#![doc = include_str!("../README.md")]

mod curl;
mod draft;
mod error;
mod format;
mod har;
mod openapi;
mod secrets;
mod targets;
mod written;

use url::Url;

pub use error::{ImportError, MAX_SIZE};
pub use format::Format;
pub use targets::Imported;

/// Imports a text. Requests to `base_url` are written as paths below it.
///
/// # Errors
/// When the text is too long or not of its format.
pub fn import(text: &str, format: Option<Format>, base_url: Option<&Url>) -> Result<Imported, ImportError> {
    if text.len() > MAX_SIZE {
        return Err(ImportError::TooLarge);
    }
    if base_url.is_some_and(|url| !is_base(url)) {
        return Err(ImportError::BaseUrl);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let drafts = match format.map_or_else(|| Format::detect(text), Ok)? {
        Format::Curl => curl::drafts(text)?,
        Format::Har => har::drafts(text)?,
        Format::OpenApi => openapi::drafts(text)?,
    };
    Ok(targets::write(drafts, base_url))
}

fn is_base(url: &Url) -> bool {
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    is_bare && is_anonymous && settings::check_requestable(url).is_ok()
}
