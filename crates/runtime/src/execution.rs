//! Execution to which an attempt belongs.

use check::RunKey;

use crate::explanation::Explanation;

/// Execution to which an attempt belongs.
pub(crate) struct Execution<'a> {
    pub(crate) key: &'a RunKey,
    pub(crate) run_id: &'a str,
    pub(crate) trace_id: &'a str,
    pub(crate) may_send: bool,
    /// True for the attempt that confirms a failure.
    pub(crate) is_confirming: bool,
    /// Tag of the subjects to run.
    pub(crate) tag: Option<&'a str>,
    /// Explanation of the only subject to run.
    pub(crate) explanation: Option<&'a Explanation>,
}
