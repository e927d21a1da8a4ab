//! The [`Check`] trait: one check with its settings and its flow.

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use check::Subject;
use check::incident::Severity;
use check::message::Owner;
use settings::{Common, Contract, Section};

use crate::leftover::FoundLeftover;
use crate::run::Run;

/// One check. Its value holds the settings; [`Check::attempt`] is the flow.
pub trait Check: Send + Sync + Sized + 'static {
    /// Id used for folder, binary, metric dimension, settings section, sample event and runbook.
    const ID: &'static str;
    /// True if the flow creates nothing. Such a check confirms a failure by a second attempt within the run.
    const READ_ONLY: bool;
    /// Timeout of the function in the template, the same for all functions. A test compares the two.
    const FUNCTION_TIMEOUT: Duration = Duration::from_secs(55);

    /// Severity of its incidents when the settings give none.
    const SEVERITY: Severity = Severity::Critical;

    /// True if the check creates objects that stay at the platform when compensation fails: see [`Check::cleanup`].
    const HAS_CLEANUP: bool = false;

    /// Additions of the monitored platform to the settings file.
    const CONTRACT: Contract;

    /// Keys of the check's own settings section, as written in the file.
    type Raw: DeserializeOwned + Serialize + JsonSchema + Default;

    /// Validates the settings. Returns `None` when one is wrong; `section` then holds all problems.
    fn read(raw: Self::Raw, section: &Section<'_>, common: &Common) -> Option<Self>;

    /// Converts the settings back to keys, with every default filled in.
    fn to_raw(&self) -> Self::Raw;

    /// Longest time needed by an attempt with these settings. An attempt given less time was cut off by us, not by the
    /// platform.
    fn max_attempt_duration(&self) -> Duration;

    /// All subjects of the check, if the settings determine them. Incidents of other subjects are dropped.
    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        None
    }

    /// Owner of a subject that does not belong to the platform. Messages name the owner and its contact.
    fn owner(&self, _subject: &Subject) -> Option<Owner> {
        None
    }

    /// Runs the flow: steps in order, each recorded in `run`. The record holds all findings, so nothing is returned.
    fn attempt(&self, run: &Run) -> impl Future<Output = ()> + Send;

    /// Merges this run's memory with one written by another run in the meantime. Both are based on `base`. By default,
    /// this run's memory replaces the other.
    fn merged(_base: Option<&str>, ours: &str, _theirs: Option<&str>) -> String {
        ours.to_owned()
    }

    /// Finds leftovers of earlier runs, older than any run can last, and removes them on request. The record holds
    /// everything that prevented a complete search.
    fn cleanup(&self, _run: &Run, _remove: bool) -> impl Future<Output = Vec<FoundLeftover>> + Send {
        std::future::ready(Vec::new())
    }
}

/// Merges memories of one type, for [`Check::merged`]. `merge` receives the common base, this run's memory and the
/// other run's. An unreadable memory counts as empty.
pub fn merged_as<M: Default + DeserializeOwned + Serialize>(
    base: Option<&str>,
    ours: &str,
    theirs: Option<&str>,
    merge: impl FnOnce(M, M, M) -> M,
) -> String {
    let read = |text: Option<&str>| text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let merged = merge(read(base), read(Some(ours)), read(theirs));
    serde_json::to_string(&merged).unwrap_or_else(|_| ours.to_owned())
}
