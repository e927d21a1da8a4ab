//! The [`Check`] trait: one check with its settings and its flow.

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use check::Subject;
use check::incident::{Need, Severity};
use check::message::Owner;
use settings::{Common, Contract, Section};

use crate::leftover::FoundLeftover;
use crate::memory::{CheckMemory, MemoryCell};
use crate::run::Run;

/// One check. Its value holds the settings; [`Check::attempt`] is the flow.
pub trait Check: Send + Sync + Sized + 'static {
    /// Id used for folder, binary, metric dimension, settings section, sample event and runbook.
    const ID: &'static str;
    /// True if the flow creates nothing. Such a check confirms a failure by a second attempt within the run.
    const READ_ONLY: bool;
    /// True if the flow registers compensations, for which a run keeps time.
    const COMPENSATES: bool = !Self::READ_ONLY;
    /// Timeout of the function in the template, the same for all functions. A test compares the two.
    const FUNCTION_TIMEOUT: Duration = Duration::from_secs(55);

    /// Time between two runs in the template. A test compares the two.
    const CADENCE: Duration = Duration::from_secs(60);

    /// Part of its runs that has to pass within thirty days when the settings give none; `None`: it has no objective then.
    const OBJECTIVE: Option<f64> = None;

    /// Checks that it needs for some of its steps. While such a check fails, failures in these steps are not reported.
    const NEEDS: &'static [Need] = &[];

    /// Checks that need this one, by id, with their need. Messages name those that fail too. A test compares with [`Check::NEEDS`].
    const NEEDED_BY: &'static [(&'static str, Need)] = &[];

    /// Severity of its incidents when the settings give none.
    const SEVERITY: Severity = Severity::Critical;

    /// True if the check creates objects that stay at the platform when compensation fails: see [`Check::cleanup`].
    const HAS_CLEANUP: bool = false;

    /// False for a check without a function in the templates: it runs on one machine only.
    const IS_DEPLOYED: bool = true;

    /// Additions of the monitored platform to the settings file.
    const CONTRACT: Contract;

    /// Keys of the check's own settings section, as written in the file.
    type Raw: DeserializeOwned + JsonSchema + Default;

    /// Data that it keeps between runs; `()` if it keeps none.
    type Memory: CheckMemory;

    /// Validates the settings. Returns `None` when one is wrong; `section` then holds all problems.
    fn read(raw: Self::Raw, section: &Section<'_>, common: &Common) -> Option<Self>;

    /// Longest time needed by an attempt with these settings. An attempt given less time was cut off by us, not by the
    /// platform.
    fn max_attempt_duration(&self) -> Duration;

    /// Longest time needed by the second attempt of a run, which leaves out subjects for which [`Check::repeats`] is false. Zero:
    /// there is no second attempt.
    fn max_confirmation_duration(&self) -> Duration {
        if Self::READ_ONLY { self.max_attempt_duration() } else { Duration::ZERO }
    }

    /// All subjects of the check, if the settings determine them. Incidents of other subjects are dropped.
    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        None
    }

    /// Returns false for a subject whose requests may change something: the second attempt of a run leaves it out, and its
    /// failures are confirmed by the next run.
    fn repeats(&self, _subject: &Subject) -> bool {
        true
    }

    /// Leaves out the subjects whose requests may change something from now on, and returns them. A check with
    /// [`Self::READ_ONLY`] runs without them where nothing may be created.
    fn skip_changes(&mut self) -> BTreeSet<Subject> {
        BTreeSet::new()
    }

    /// Tags by which a manual run can be restricted to some of the subjects; see [`Run::tag`].
    fn tags(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }

    /// Subjects whose steps explain what they do; see [`Run::explain`].
    fn explainable(&self) -> BTreeSet<Subject> {
        BTreeSet::new()
    }

    /// Owner of a subject that does not belong to the platform. Messages name the owner and its contact.
    fn owner(&self, _subject: &Subject) -> Option<Owner> {
        None
    }

    /// Runs the flow: steps in order, each recorded in `run`. The record holds all findings, so nothing is returned.
    fn attempt(&self, run: &Run, memory: &MemoryCell<Self::Memory>) -> impl Future<Output = ()> + Send;

    /// Finds leftovers of earlier runs, older than any run can last, and removes them on request. The record holds
    /// everything that prevented a complete search.
    fn cleanup(&self, _run: &Run, _remove: bool) -> impl Future<Output = Vec<FoundLeftover>> + Send {
        std::future::ready(Vec::new())
    }
}
