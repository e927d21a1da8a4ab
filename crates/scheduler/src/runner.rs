//! One run of a check, whatever happens to the store.

use std::sync::Arc;

use check::Report;
use local::{Memory, Store};
use runtime::{AnyCheck, Invocation, PortError, Ports, RunError};

/// Runs checks and keeps their reports.
#[derive(Clone)]
pub struct Runner {
    /// Ports of the runs.
    pub ports: Ports,
    /// Store of the reports; `None` keeps none.
    pub reports: Option<Arc<Store>>,
}

/// A run that took place.
#[derive(Debug)]
pub struct Ran {
    /// Its report.
    pub report: Report,
    /// What the store did not take or give; usually nothing.
    pub losses: Vec<Loss>,
}

/// Failure of the store at a run that took place nevertheless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The failure.
    pub error: PortError,
    /// What follows from it, as a sentence without its full stop.
    pub consequence: &'static str,
}

impl Runner {
    /// Runs a check. Without its store it runs too, since its verdict is needed most when something is wrong.
    ///
    /// # Errors
    /// When the event is malformed.
    pub async fn run(&self, check: &dyn AnyCheck, invocation: &Invocation) -> Result<Ran, RunError> {
        let loss = |error, consequence| vec![Loss { error, consequence }];
        match check.run(&self.ports, invocation).await {
            Ok(report) => {
                let stored = self.reports.iter().try_for_each(|store| store.record(&report));
                let losses = stored.err().map(|error| loss(error, "the run is missing in the history"));
                Ok(Ran { report, losses: losses.unwrap_or_default() })
            }
            Err(RunError::NotStored { error, report }) => {
                Ok(Ran { report: *report, losses: loss(error, "the next run knows nothing of this one") })
            }
            Err(RunError::NotPublished { error, report }) => {
                Ok(Ran { report: *report, losses: loss(error, "the values of the run are missing in the history") })
            }
            Err(RunError::State(error)) => {
                let report = self.run_apart(check, invocation).await?;
                Ok(Ran { report, losses: loss(error, "this run knows nothing of those before it") })
            }
            Err(error @ RunError::MalformedEvent(_)) => Err(error),
        }
    }

    /// Runs a check that neither knows of earlier runs nor is known to later ones.
    ///
    /// # Errors
    /// When the event is malformed.
    pub async fn run_apart(&self, check: &dyn AnyCheck, invocation: &Invocation) -> Result<Report, RunError> {
        let memory = Arc::new(Memory::default());
        let ports = Ports { state: memory.clone(), metrics: memory.clone(), notifier: memory, ..self.ports.clone() };
        check.run(&ports, invocation).await
    }
}
