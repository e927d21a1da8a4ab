//! Limits of what a client reads.

/// Limits of what a client reads. No setting changes them; tests raise them to show what they prevent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum size of a decoded body, in place of the one of each request. `None` by default. **Units:** bytes.
    pub body: Option<u64>,
    /// Maximum length of a form's token. Laravel's has 40 characters, and an encrypted one some hundreds. **Units:** bytes.
    pub token: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: None, token: 8 * 1024 }
    }
}

/// Maximum number of header lines in an answer over HTTP/1.1. Chromium and curl read thousands; hyper's default is 100.
pub(crate) const MAX_HEADER_LINES: usize = 300;
/// Maximum size of the headers of an answer over HTTP/2, as in Chromium; hyper's default is 16 KB. **Units:** bytes.
pub(crate) const MAX_HEADER_LIST: u32 = 256 * 1024;
/// Size of a head over HTTP/1.1 that hyper reads, rounded down. **Units:** KB.
pub(crate) const MAX_HEAD: u32 = 400;
