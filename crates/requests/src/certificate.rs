//! Days for which a certificate must still be valid.

use check::{FailureKind, Mismatch, ours, phrase};
use jiff::Timestamp;

const SECONDS_PER_DAY: f64 = 86_400.0;

/// Checks that the certificate of a host, which ends at `ends`, is valid for this many more days.
///
/// # Errors
/// A mismatch of kind `tls`, with the remaining days.
pub fn certificate_lasts(host: &str, ends: Timestamp, now: Timestamp, days: u32) -> Result<(), Mismatch> {
    let left = ends.duration_since(now).as_secs_f64() / SECONDS_PER_DAY;
    if left >= f64::from(days) {
        return Ok(());
    }
    let expected = phrase!("a certificate valid for another {} days", ours(days));
    let left = ours(format_args!("{left:.1}"));
    let actual = phrase!("{} ends in {} days, at {}", ours(host), left, ours(format_args!("{ends:.0}")));
    Err(Mismatch::new(FailureKind::Tls, expected, actual))
}
