//! Settings, the [`Check`] trait, the pipeline of one run, and the ports it talks through.
//!
//! [`Prepared`] joins a [`Check`] with its settings; [`execute`] runs it once.

mod attempt;
pub mod canaries;
mod check_trait;
mod cleanup;
mod clock;
pub mod counting;
mod deliver;
mod heartbeat;
mod pipeline;
mod ports;
mod run;
mod run_id;
pub mod session;
pub mod settings;
mod trigger;

pub use attempt::reserve;
pub use check_trait::{AnyCheck, Check, Prepared, merged_as};
pub use cleanup::{CleanupReport, FoundLeftover};
pub use clock::{Clock, SkippingClock, SystemClock, signed};
pub use pipeline::{Invocation, RunError, execute};
pub use ports::{
    Commit, CommitError, Datum, Delivery, LastRun, MetricSink, Notifier, OperatorStore, PortError, Ports, Secrets,
    StateItem, StateStore,
};
pub use run::{Run, Step};
pub use run_id::began;
pub use trigger::{MalformedEvent, Trigger};
