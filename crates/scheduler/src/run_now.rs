//! Runs that a person asks for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Handle that makes a check run at once.
#[derive(Clone, Debug, Default)]
pub struct RunNow(Arc<Mutex<BTreeMap<&'static str, Arc<Notify>>>>);

impl RunNow {
    /// Asks for a run of a check. Returns false if the check does not run here. A run in progress comes first; several requests before
    /// the next run are one.
    pub fn ask(&self, check: &str) -> bool {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(check).inspect(|notify| notify.notify_one()).is_some()
    }

    /// Requests for a check.
    pub(crate) fn requests(&self, check: &'static str) -> Arc<Notify> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(check).or_default().clone()
    }

    /// Keeps the requests for these checks.
    pub(crate) fn retain(&self, checks: &[&'static str]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|check, _| checks.contains(check));
    }
}
