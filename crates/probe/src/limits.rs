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
