//! Checks of any type, for programs that run several.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use check::budget::Objective;
use check::{Report, Subject};
use settings::Common;
use toml::Table;

use crate::check_trait::Check;
use crate::cleanup::{CleanupReport, cleanup};
use crate::pipeline::{Invocation, RunError, execute};
use crate::ports::Ports;
use crate::prepared::Prepared;

/// A check of any type.
#[async_trait]
pub trait AnyCheck: Send + Sync {
    /// The check's id.
    fn id(&self) -> &'static str;

    /// Settings shared by all checks.
    fn common(&self) -> &Common;

    /// Longest time that a run may take, without undoing what it created and without its messages.
    fn deadline(&self) -> Duration;

    /// Part of the runs that has to pass; `None` without an objective.
    fn objective(&self) -> Option<Objective>;

    /// Leaves out the subjects whose requests may change something from now on, and returns them.
    fn skip_changes(&mut self) -> BTreeSet<Subject>;

    /// Tags by which a manual run can be restricted.
    fn tags(&self) -> BTreeSet<String>;

    /// Subjects whose steps explain what they do in a manual run.
    fn explainable(&self) -> BTreeSet<Subject>;

    /// Effective settings; see [`Prepared::written`].
    fn written(&self) -> &Table;

    /// Runs the check once.
    ///
    /// # Errors
    /// See [`execute`].
    async fn run(&self, ports: &Ports, invocation: &Invocation) -> Result<Report, RunError>;

    /// Finds leftovers of earlier runs, and removes them if `remove` is set. Returns `None` when the check leaves
    /// nothing.
    ///
    /// **Side effects:** sends requests to the platform. Nothing is stored, published or notified.
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

    fn deadline(&self) -> Duration {
        self.run.deadline
    }

    fn objective(&self) -> Option<Objective> {
        self.run.objective
    }

    fn skip_changes(&mut self) -> BTreeSet<Subject> {
        self.check.skip_changes()
    }

    fn tags(&self) -> BTreeSet<String> {
        self.check.tags()
    }

    fn explainable(&self) -> BTreeSet<Subject> {
        self.check.explainable()
    }

    fn written(&self) -> &Table {
        &self.written
    }

    async fn run(&self, ports: &Ports, invocation: &Invocation) -> Result<Report, RunError> {
        execute(self, ports, invocation).await
    }

    async fn cleanup(&self, ports: &Ports, remove: bool) -> Option<CleanupReport> {
        if C::HAS_CLEANUP { Some(cleanup(self, ports, remove).await) } else { None }
    }
}
