//! Objects of earlier runs that are still at the platform.

use jiff::Timestamp;
use serde::Serialize;

/// An object created by a run and not removed since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FoundLeftover {
    /// Kind of object: `booking`, `invoice`.
    pub what: String,
    /// Id at the platform.
    pub id: String,
    /// Id of the run that created it.
    pub run_id: String,
    /// Start of that run.
    pub began: Timestamp,
    /// True if the cleanup removed it.
    pub removed: bool,
}
