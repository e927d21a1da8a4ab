//! Port for the redaction of secrets.

/// Masks secrets in a text.
///
/// The probe implements it; this crate knows no secrets.
pub trait Redact: Send + Sync {
    /// Returns the text with each secret replaced by a mask.
    ///
    /// Where the text was cut, the remains of a secret are masked as well: a beginning at its end, an end at its beginning.
    fn redact(&self, text: &str, cut: Cut) -> String;
}

/// Ends of a text at which it was cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// True if something preceded the text.
    pub start: bool,
    /// True if something followed the text.
    pub end: bool,
}

impl Cut {
    /// A whole text.
    pub const NONE: Self = Self { start: false, end: false };
    /// The start of a longer text.
    pub const END: Self = Self { start: false, end: true };
}

/// A redactor without secrets, for tests.
#[derive(Clone, Copy, Debug)]
pub struct NoSecrets;

impl Redact for NoSecrets {
    fn redact(&self, text: &str, _: Cut) -> String {
        text.to_owned()
    }
}
