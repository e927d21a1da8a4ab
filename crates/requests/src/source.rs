//! Facts about the settings around a request.

use std::time::Duration;

use settings::Common;

use crate::pool::Pool;
use crate::statuses::ExpectedStatuses;

/// Facts about the settings around a request.
pub struct Source<'a> {
    /// Settings shared by all checks.
    pub common: &'a Common,
    /// Id of the check, whose secrets the request may use.
    pub check: &'a str,
    /// Longest deadline.
    pub max_deadline: Duration,
    /// Expected statuses that another key holds: `expect.status` has no default then.
    pub statuses: Option<ExpectedStatuses>,
    /// Tokens and client certificates that the requests of the check share.
    pub pool: &'a Pool,
}
