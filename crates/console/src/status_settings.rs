//! What the settings say about the status page.

use std::collections::BTreeMap;
use std::time::Duration;

use settings::{Common, StatusPage, Window as Maintenance};

/// What a status page shows, and what it needs to judge.
#[derive(Clone, Debug)]
pub struct StatusSettings {
    pub(crate) page: StatusPage,
    pub(crate) windows: Vec<Maintenance>,
    /// Intervals between the runs of each check.
    pub(crate) intervals: BTreeMap<String, Duration>,
}

impl StatusSettings {
    /// Takes the status page out of the settings; `None` if they have none. `intervals` are those between the runs of each check.
    #[must_use]
    pub fn new(common: &Common, intervals: BTreeMap<String, Duration>) -> Option<Self> {
        let page = common.status_page.clone()?;
        Some(Self { page, windows: common.windows.clone(), intervals })
    }
}
