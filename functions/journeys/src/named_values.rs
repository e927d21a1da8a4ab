//! Values of a running journey by name.

use std::collections::BTreeMap;

use check::{FailureKind, Mismatch, ours, phrase};
use secrecy::SecretString;

/// Values of a running journey by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values(BTreeMap<String, SecretString>);

impl Values {
    /// Value with this name.
    ///
    /// # Errors
    /// A mismatch when there is none.
    pub(crate) fn get(&self, name: &str) -> Result<&SecretString, Mismatch> {
        self.0.get(name).ok_or_else(|| {
            let expected = phrase!("a value for {}", ours(format_args!("{{{name}}}")));
            Mismatch::new(FailureKind::Assertion, expected, "none")
        })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<SecretString>) {
        self.0.insert(name.to_owned(), value.into());
    }
}
