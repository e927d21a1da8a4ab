//! Time that a run keeps for what follows its attempts.

use std::time::Duration;

/// Part of the Lambda's time reserved for writing state, publishing and notifying. A killed run reports nothing.
const REPORTING_RESERVE: Duration = Duration::from_secs(9);

/// Longest time for all compensations of an attempt together.
pub(crate) const COMPENSATIONS_DEADLINE: Duration = Duration::from_secs(5);

/// Part of the Lambda's time reserved after an attempt: for compensation, if the check registers any, and for
/// publishing and notifying.
#[must_use]
pub const fn reserve(compensates: bool) -> Duration {
    if compensates { REPORTING_RESERVE.saturating_add(COMPENSATIONS_DEADLINE) } else { REPORTING_RESERVE }
}
