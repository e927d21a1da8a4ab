#![doc = include_str!("../README.md")]

mod capture;
mod engine;
mod explaining;
mod flow;
mod memory;
mod named_values;
mod parts;
mod progress;
mod scope;
mod settings;
mod template;
mod values;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ::settings::{Common, Contract, Section};
use check::Subject;
use futures::future::{BoxFuture, join_all};
use runtime::{Check, MemoryCell, Run};

pub use self::flow::Flow;
pub use self::settings::{Journeys, RawJourneys};
use engine::Journey;
use memory::Memory;

impl Check for Journeys {
    const ID: &'static str = "journeys";
    const CONTRACT: Contract = platform::CONTRACT;
    /// Journeys that create something are not repeated within a run: see [`Check::repeats`].
    const READ_ONLY: bool = true;
    const COMPENSATES: bool = true;
    const CADENCE: Duration = Duration::from_secs(300);
    const IS_DEPLOYED: bool = false;

    type Raw = RawJourneys;
    type Memory = Memory;

    fn read(raw: RawJourneys, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    /// Without the steps that clean up: what the run's deadline cuts off there is undone as a compensation.
    fn max_attempt_duration(&self) -> Duration {
        self.flows.iter().map(|flow| flow.deadline).max().unwrap_or_default()
    }

    fn max_confirmation_duration(&self) -> Duration {
        self.flows.iter().filter(|flow| !flow.creates).map(|flow| flow.deadline).max().unwrap_or_default()
    }

    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        Some(self.flows.iter().map(|flow| flow.subject.clone()).collect())
    }

    fn repeats(&self, subject: &Subject) -> bool {
        self.flows.iter().find(|flow| flow.subject == *subject).is_none_or(|flow| !flow.creates)
    }

    fn tags(&self) -> BTreeSet<String> {
        self.flows.iter().flat_map(|flow| flow.labels.tags.iter().cloned()).collect()
    }

    fn explainable(&self) -> BTreeSet<Subject> {
        self.flows.iter().map(|flow| flow.subject.clone()).collect()
    }

    async fn attempt(&self, run: &Run, memory: &MemoryCell<Memory>) {
        let mut counts = memory.get().begin(run.id());
        counts.keep(|subject| self.flows.iter().any(|flow| flow.subject == *subject));
        let is_due = |flow: &&Arc<Flow>| {
            let is_selected = run.tag().is_none_or(|tag| flow.labels.tags.iter().any(|own| own == tag));
            let is_repeated = run.is_confirming() && flow.creates;
            match run.explained() {
                Some(explained) => *explained == flow.subject,
                None => is_selected && !is_repeated && counts.is_due(&flow.subject, flow.every),
            }
        };
        let due: Vec<&Arc<Flow>> = self.flows.iter().filter(is_due).collect();
        // Boxed, since the compiler fails to prove that unboxed futures are `Send` for every lifetime.
        let journeys: Vec<BoxFuture<'_, Option<bool>>> = due
            .iter()
            .map(|flow| -> BoxFuture<'_, Option<bool>> { Box::pin(Journey::new(run, &self.site, flow).finish()) })
            .collect();
        for (flow, has_failed) in due.iter().zip(join_all(journeys).await) {
            if let Some(has_failed) = has_failed {
                counts.record(&flow.subject, has_failed);
            }
        }
        memory.set(counts);
    }
}
