#![doc = include_str!("../README.md")]

mod any_check;
mod attempt;
mod check_trait;
mod cleanup;
mod clock;
mod confirmation;
mod deliver;
mod dependencies;
mod execution;
mod explanation;
mod heartbeat;
mod leftover;
mod memory;
mod outbox;
mod pipeline;
mod ports;
mod prepared;
mod reserve;
mod run;
mod run_id;
mod secret_url;
pub mod secret_value;
mod trigger;

pub use any_check::AnyCheck;
pub use check_trait::Check;
pub use cleanup::CleanupReport;
pub use clock::{Clock, SkippingClock, SystemClock, signed};
pub use explanation::Explanation;
pub use leftover::FoundLeftover;
pub use memory::{CheckMemory, MemoryCell};
pub use pipeline::{Invocation, RunError, execute};
pub use ports::{
    Commit, CommitError, Datum, Delivery, LastRun, MetricSink, Notifier, OperatorStore, PortError, Ports, Provenance,
    Secrets, StateItem, StateStore,
};
pub use prepared::Prepared;
pub use reserve::reserve;
pub use run::{Run, Step};
pub use run_id::{began, identity};
pub use secret_url::send_to_secret_url;
pub use tokio::time::Instant;
pub use tokio_util::sync::CancellationToken;
pub use trigger::{MalformedEvent, Trigger};
