//! URL of a request, as one of two keys.

use settings::Section;

/// URL as it is written: a path below the base URL, or a complete URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrittenUrl {
    /// `path`.
    Path(String),
    /// `url`.
    Url(String),
}

impl WrittenUrl {
    /// Returns the key that is there. Returns `None` after reporting to `section` that both or none are.
    pub fn read(section: &Section<'_>, path: Option<String>, url: Option<String>) -> Option<Self> {
        match (path, url) {
            (Some(path), None) => Some(Self::Path(path)),
            (None, Some(url)) => Some(Self::Url(url)),
            (Some(_), Some(_)) => {
                section.problem("url", "expected `path` or `url`, found both");
                None
            }
            (None, None) => {
                if !section.is_unreadable("url") {
                    section.problem("path", "expected `path` or `url`, found neither");
                }
                None
            }
        }
    }
}
