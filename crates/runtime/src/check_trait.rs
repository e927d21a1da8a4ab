//! What a function is.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use check::incident::Severity;
use check::message::Owner;
use check::{Report, Subject};
use probe::EgressPolicy;

use crate::cleanup::cleanup;
use crate::settings::{Common, Document, Problem, RunSettings, Section};
use crate::{CleanupReport, FoundLeftover, Invocation, Ports, Run, RunError, execute};

/// One check: its settings are the value itself, its flow is [`Check::attempt`].
pub trait Check: Send + Sync + Sized + 'static {
    /// The id that ties folder, binary, metric dimension, settings section, sample event and runbook.
    const ID: &'static str;
    /// Whether the flow creates nothing. Such a check confirms a failure by a second attempt within the run.
    const READ_ONLY: bool;
    /// The function's timeout in the template, one for all functions. A test holds the two together.
    const FUNCTION_TIMEOUT: Duration = Duration::from_secs(55);

    /// How severe its incidents are when the settings do not say.
    const SEVERITY: Severity = Severity::Critical;

    /// Whether it creates something at the platform that outlives its run when it cannot be undone: see [`Check::cleanup`].
    const HAS_CLEANUP: bool = false;

    /// The check's own keys of its settings section, as written.
    type Raw: DeserializeOwned + Serialize + JsonSchema + Default;

    /// Makes sure that the settings cannot be wrong. `None` when they are; the section holds all problems then.
    fn read(raw: Self::Raw, section: &Section<'_>, common: &Common) -> Option<Self>;

    /// The check's own keys as they would be written, every default in its place.
    fn to_raw(&self) -> Self::Raw;

    /// The time that an attempt must have by these settings, so that one which is cut off earlier was cut off by us.
    fn max_attempt_duration(&self) -> Duration;

    /// All subjects that the check can have, when they are known from the settings: incidents of others are dropped.
    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        None
    }

    /// Whose a subject is, when it is not the platform's: messages say so, and whom to call there.
    fn owner(&self, _subject: &Subject) -> Option<Owner> {
        None
    }

    /// The flow: steps in order, each recorded. What it finds stands in the record; it returns nothing.
    fn attempt(&self, run: &Run) -> impl Future<Output = ()> + Send;

    /// What is remembered when another run wrote while this one was under way: what both remember, where that matters. Both
    /// began from `base`. By default what this run remembers, as a whole.
    fn merged(_base: Option<&str>, ours: &str, _theirs: Option<&str>) -> String {
        ours.to_owned()
    }

    /// Finds what earlier runs left behind, older than any run can last, and removes it when it should. What kept it from
    /// looking stands in the record.
    fn cleanup(&self, _run: &Run, _remove: bool) -> impl Future<Output = Vec<FoundLeftover>> + Send {
        std::future::ready(Vec::new())
    }
}

/// Merges memories of this shape, for [`Check::merged`]: `merge` takes what both runs began from, what this one remembers, and
/// what the other one wrote. What cannot be read is as nothing.
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

/// A check with all it needs to run: settings read and found right.
pub struct Prepared<C> {
    /// The settings that all checks share.
    pub common: Common,
    /// How it is run.
    pub run: RunSettings,
    /// The check.
    pub check: C,
    /// Where its requests may go.
    pub egress: EgressPolicy,
}

impl<C: Check> Prepared<C> {
    /// Reads the settings of one check.
    ///
    /// # Errors
    /// All problems at once.
    pub fn read(document: &Document<'_>) -> Result<Self, Vec<Problem>> {
        document.check::<C>()
    }
}

/// A check whose type is not known: for programs that run several.
#[async_trait]
pub trait AnyCheck: Send + Sync {
    /// The check's id.
    fn id(&self) -> &'static str;

    /// The settings that all checks share.
    fn common(&self) -> &Common;

    /// The settings as they are in effect; see [`Prepared::written`].
    ///
    /// # Errors
    /// When a value has no form in TOML.
    fn written(&self) -> Result<toml::Table, toml::ser::Error>;

    /// One run.
    ///
    /// # Errors
    /// As [`execute`].
    async fn run(&self, ports: &Ports, invocation: &Invocation) -> Result<Report, RunError>;

    /// Finds what earlier runs left behind, and removes it when it should. `None` when the check leaves nothing.
    ///
    /// **Side effects:** requests to the platform; nothing is stored, published or told.
    async fn cleanup(&self, ports: &Ports, remove: bool) -> Option<CleanupReport>;
}

#[async_trait]
impl<C: Check> AnyCheck for Prepared<C> {
    fn id(&self) -> &'static str {
        C::ID
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn written(&self) -> Result<toml::Table, toml::ser::Error> {
        Self::written(self)
    }

    async fn run(&self, ports: &Ports, invocation: &Invocation) -> Result<Report, RunError> {
        execute(self, ports, invocation).await
    }

    async fn cleanup(&self, ports: &Ports, remove: bool) -> Option<CleanupReport> {
        if C::HAS_CLEANUP { Some(cleanup(self, ports, remove).await) } else { None }
    }
}
