//! Where the pages get what they show.

use std::sync::Arc;

use local::Store;
use runtime::Clock;
use scheduler::Board;

/// What the pages show.
#[derive(Clone)]
pub struct Source {
    /// Release of the program.
    pub release: String,
    /// Progress of the checks.
    pub board: Arc<Board>,
    /// What runs recorded.
    pub store: Arc<Store>,
    /// Clock of the runs.
    pub clock: Arc<dyn Clock>,
}
