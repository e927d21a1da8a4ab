//! Reasons to import nothing.

/// Largest text that is read. **Units:** bytes.
pub const MAX_SIZE: usize = 10_000_000;

/// Reason to import nothing.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The text is too long.
    #[error("expected at most {} MB, found more", MAX_SIZE / 1_000_000)]
    TooLarge,
    /// The format is none of those that are supported.
    #[error(
        "expected curl commands, an OpenAPI 3 document or a HAR file, found another format; name the format with --format"
    )]
    UnknownFormat,
    /// The file is a hurl file.
    #[error(
        "expected curl commands, an OpenAPI 3 document or a HAR file, found a hurl file\n\
         this build has no support for hurl files; write their requests with `hurl --curl FILE` and import that file"
    )]
    Hurl,
    /// The text is not of its format.
    #[error("expected {expected}, found {found}")]
    Malformed {
        /// Expected form.
        expected: &'static str,
        /// Found form, without texts of the file.
        found: String,
    },
    /// The base URL cannot be that of a settings file.
    #[error(
        "--base-url: expected a URL of http or https without user, password, path and query, as `base_url` in the settings"
    )]
    BaseUrl,
}
