//! Where runs on this machine keep what they know: a file, or the memory of the process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use check::message::Topic;
use etcetera::BaseStrategy as _;
use local::{Hold, Memory, Store};
use runtime::{CancellationToken, Clock as _, Delivery, Notifier, PortError, Ports, SystemClock};
use settings::Common;

use crate::arguments::RunOptions;
use crate::ports;

/// Value of `--store` that keeps nothing.
const MEMORY: &str = "memory";

/// Where runs keep what they know.
pub(crate) enum Kept {
    /// Until the process ends.
    InMemory,
    /// In a file.
    InFile(Arc<Store>),
    /// Nowhere, since the disk is full or fails.
    Nowhere,
}

impl Kept {
    /// Opens the store of an environment, and says on standard error which it is: the given one, or else a file in the user's
    /// folder for data. Without an option, a CI system keeps nothing, nor does a wait for a deployment, which is no
    /// monitoring, nor a machine without such a folder. A store of another platform is refused.
    pub(crate) fn open(options: &RunOptions, common: &Common) -> anyhow::Result<Self> {
        let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        let (file, why) = match &options.store {
            Some(name) if name == Path::new(MEMORY) => (None, ""),
            Some(file) => (Some(file.clone()), ""),
            None if is_ci => (None, " (CI is set)"),
            None if options.wait_until_healthy.is_some() => (None, " (--wait-until-healthy)"),
            // A container may have no home, or one that is not writable.
            None => (default_file(&common.environment), " (no folder for data can be written)"),
        };
        let Some(file) = file else {
            eprintln!("store: memory; later runs know nothing of this one{why}");
            return Ok(Self::InMemory);
        };
        eprintln!("store: {}", file.display());
        let host = common.base_url.host_str().unwrap_or_default();
        let opened = Store::open(&file).and_then(|store| store.claim(&common.environment, host).map(|()| store));
        match opened {
            Ok(store) => Ok(Self::InFile(Arc::new(store.with_retention(common.retention)))),
            // The verdict is needed most when something is wrong.
            Err(error) if error.is_of_the_disk() => {
                eprintln!(
                    "warning: {error}\n  this run knows nothing of those before it, and the next knows nothing of this one"
                );
                Ok(Self::Nowhere)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Ports of runs with a settings file, whose time is that of this machine. `interrupt` ends them.
    pub(crate) fn ports(&self, settings: &Path, interrupt: CancellationToken) -> anyhow::Result<Ports> {
        let clock = Arc::new(SystemClock);
        match self {
            Self::InMemory | Self::Nowhere => ports::ports(&Arc::new(Memory::default()), clock, interrupt, []),
            Self::InFile(store) => {
                let ports = ports::ports(store, clock, interrupt, [])?;
                // What it has not sent, the runs of `up` take over.
                let notifier: Arc<dyn Notifier> = if store.is_held() { Arc::new(LeftToUp) } else { ports.notifier };
                Ok(Ports { notifier, machine: Some(ports::machine(Some(settings), store.file())), ..ports })
            }
        }
    }

    /// The store of the reports, if there is a file.
    pub(crate) fn store(&self) -> Option<Arc<Store>> {
        match self {
            Self::InMemory | Self::Nowhere => None,
            Self::InFile(store) => Some(store.clone()),
        }
    }
}

/// Notifier of a run on the store of an `up`: messages stay in the outbox, since only `up` reaches people.
struct LeftToUp;

#[async_trait]
impl Notifier for LeftToUp {
    fn has(&self, topic: Topic) -> bool {
        // There is no chat on one machine.
        topic != Topic::Chat
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), PortError> {
        let operation = format!("send {}", delivery.key());
        Err(PortError {
            retryable: true,
            ..PortError::new(operation, "it is left to `synthetics up`, which uses this store")
        })
    }
}

/// Opens the store of `up`, says on standard error which it is, and takes the right to be the only `up` on it.
/// Returns its file too, if it has one.
pub(crate) fn for_up(
    file: Option<&Path>,
    common: &Common,
) -> anyhow::Result<(Arc<Store>, Option<PathBuf>, Option<Hold>)> {
    let file = match file {
        Some(name) if name == Path::new(MEMORY) => {
            eprintln!("store: memory; nothing is kept when this program ends");
            return Ok((Arc::new(Store::in_memory()?.with_retention(common.retention)), None, None));
        }
        Some(file) => file.to_owned(),
        None => {
            default_file(&common.environment).context("no folder for data can be written; give a store with --store")?
        }
    };
    eprintln!("store: {}", file.display());
    let store = Store::open(&file)?.with_retention(common.retention);
    store.claim(&common.environment, common.base_url.host_str().unwrap_or_default())?;
    let hold = store.hold(SystemClock.now())?;
    Ok((Arc::new(store), Some(file), hold))
}

/// Environment of the demo, and the host in its store: the port may be another each time.
pub(crate) const DEMO: &str = "demo";

/// Opens the store of the demo, a file or memory, and takes the right to be the only one on it.
pub(crate) fn for_demo(file: Option<&Path>) -> anyhow::Result<(Arc<Store>, Option<Hold>)> {
    let store = match file {
        None => Store::in_memory()?,
        Some(file) => {
            let store = Store::open(file)?;
            store.claim(DEMO, DEMO)?;
            eprintln!("store: {}", file.display());
            store
        }
    };
    let hold = store.hold(SystemClock.now())?;
    Ok((Arc::new(store), hold))
}

/// The file of an environment in the user's folder for data. `None`: there is no such folder, and none can be created.
pub(crate) fn default_file(environment: &str) -> Option<PathBuf> {
    let folder = etcetera::base_strategy::choose_native_strategy().ok()?.data_dir().join("just-driving-synthetics");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join(format!("{environment}.db")))
}
