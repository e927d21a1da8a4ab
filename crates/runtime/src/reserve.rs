//! Time that a run keeps for what follows its attempts.

use std::time::Duration;

/// Part of the Lambda's time reserved for writing state, publishing and notifying. A killed run reports nothing.
const REPORTING_RESERVE: Duration = Duration::from_secs(9);

/// Longest time for all compensations of an attempt together.
pub(crate) const COMPENSATIONS_DEADLINE: Duration = Duration::from_secs(5);

/// Part of the Lambda's time reserved after an attempt: for compensation, if the check creates something, and for
/// publishing and notifying.
#[must_use]
pub const fn reserve(is_read_only: bool) -> Duration {
    if is_read_only { REPORTING_RESERVE } else { REPORTING_RESERVE.saturating_add(COMPENSATIONS_DEADLINE) }
}
