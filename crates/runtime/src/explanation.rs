//! Explanation of a manual run of one subject, line by line.

use std::fmt;
use std::sync::Arc;

use check::Subject;

/// Explanation of a subject's steps, while they run.
#[derive(Clone)]
pub struct Explanation {
    /// Subject to which the run is restricted.
    pub subject: Subject,
    /// Called with each line. It holds no secrets, and neither control characters nor line breaks.
    pub print: Arc<dyn Fn(&str) + Send + Sync>,
}

impl fmt::Debug for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explanation").field("subject", &self.subject).finish_non_exhaustive()
    }
}
