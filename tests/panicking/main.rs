//! A function whose check panics in every attempt, on text of a server.

use std::time::Duration;

use runtime::{Check, MemoryCell, Run};
use schemars::JsonSchema;
use serde::Deserialize;
use settings::{Common, Contract, Section};

struct Panicking;

/// The check has no settings.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoSettings {}

impl Check for Panicking {
    const ID: &'static str = "panicking";
    const READ_ONLY: bool = true;
    const CONTRACT: Contract = platform::CONTRACT;

    type Raw = NoSettings;
    type Memory = ();

    fn read(_: NoSettings, _: &Section<'_>, _: &Common) -> Option<Self> {
        Some(Self)
    }

    fn max_attempt_duration(&self) -> Duration {
        Duration::from_secs(1)
    }

    #[expect(clippy::panic, reason = "the fault that this check is for")]
    async fn attempt(&self, _: &Run, _: &MemoryCell<()>) {
        panic!("index out of bounds\u{1b}[2J");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::run::<Panicking>().await
}
