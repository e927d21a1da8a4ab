//! Statuses of invoices and payments that the settings do not name: those in another word, or of another kind.

use check::{FailureKind, Mismatch, Phrase, foreign, ours, phrase};
use platform::{Invoice, is_status};
use settings::Name;

/// Maximum length of a quoted status, in characters.
const MAX_QUOTED: usize = 60;

/// Expects the status of a new invoice.
pub(crate) fn expect_open(names: &Invoice, actual: &str) -> Result<(), Mismatch> {
    if is_status(names.open_status.as_str(), actual) {
        return Ok(());
    }
    let expected = phrase!("a new invoice with the status {}", ours(names.open_status.as_str()));
    let other = || Mismatch::new(FailureKind::Assertion, expected, foreign(actual));
    Err(unknown_of_invoice(names, actual, "platform.invoice.open_status").unwrap_or_else(other))
}

/// Mismatch of an invoice's status that the settings do not name. `None` for one that they name.
pub(crate) fn unknown_of_invoice(names: &Invoice, actual: &str, key: &'static str) -> Option<Mismatch> {
    unknown([&names.open_status, &names.paid_status, &names.void_status], actual, key)
}

/// Mismatch of a status that is not one of these, which are all that the settings name. `None` for one of them. `key` is the setting
/// whose word was expected.
pub(crate) fn unknown<const N: usize>(known: [&Name; N], actual: &str, key: &'static str) -> Option<Mismatch> {
    let known = known.map(Name::as_str);
    if known.iter().any(|known| is_status(known, actual)) {
        return None;
    }
    let found = if actual.is_empty() { Phrase::from("no value") } else { foreign(actual).at_most(MAX_QUOTED).into() };
    let actual = phrase!("{}; if it is another word for the expected status, set `{}`", found, key);
    Some(Mismatch::new(FailureKind::Assertion, phrase!("one of the statuses {}", ours(known.join(", "))), actual))
}
