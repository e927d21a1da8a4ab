//! Memory of a check: the little that it keeps between runs, typed per check, and stored as JSON next to its state.

use std::sync::{Mutex, MutexGuard, PoisonError};

use check::message::Machine;
use check::{Phrase, foreign, ours, phrase};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::Ports;

/// Maximum size of a stored memory, in bytes of JSON.
const MAX_MEMORY: usize = 8 * 1024;

/// Data that a check keeps between runs; `()` for a check that keeps none.
///
/// The default is the memory of the first run. It is stored as no memory at all.
pub trait CheckMemory: Clone + Default + PartialEq + DeserializeOwned + Serialize + Send + Sync + 'static {
    /// Version of the stored form. Increase it with every change that makes a stored memory unreadable: runs are then
    /// inconclusive until a person has cleared the old one, instead of forgetting it.
    const VERSION: u32;

    /// Merges this run's memory with one that another run has stored in the meantime. Both started from `base`.
    #[must_use]
    fn merge(base: Self, ours: Self, theirs: Self) -> Self;
}

impl CheckMemory for () {
    const VERSION: u32 = 1;

    fn merge((): Self, (): Self, (): Self) {}
}

/// Memory of a check during a run. Every change is kept at once, so an attempt that is cut off keeps what it recorded
/// until then. Parallel steps share it.
#[derive(Debug)]
pub struct MemoryCell<M>(Mutex<M>);

impl<M: CheckMemory> MemoryCell<M> {
    pub(crate) const fn new(memory: M) -> Self {
        Self(Mutex::new(memory))
    }

    /// Returns a copy of the memory.
    #[must_use]
    pub fn get(&self) -> M {
        self.lock().clone()
    }

    /// Replaces the memory.
    pub fn set(&self, memory: M) {
        *self.lock() = memory;
    }

    /// Changes the memory and returns the result of the change.
    pub fn update<T>(&self, change: impl FnOnce(&mut M) -> T) -> T {
        change(&mut self.lock())
    }

    /// A panic in a check is reported, and what it recorded before is kept.
    fn lock(&self) -> MutexGuard<'_, M> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stored form of a memory.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored<M> {
    version: u32,
    data: M,
}

/// Reason why a memory cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnreadableMemory {
    #[error("expected version {expected}, found {actual}")]
    OtherVersion { expected: u32, actual: u32 },
    #[error("expected {{\"version\", \"data\"}}: {0}")]
    Malformed(serde_json::Error),
    #[error("expected the data of version {version}: {error}")]
    OtherShape { version: u32, error: serde_json::Error },
    #[error(transparent)]
    Unwritable(serde_json::Error),
}

impl UnreadableMemory {
    /// Explains why a run has no memory, and adds the command that clears it. Nothing else clears it: it may name synthetic
    /// data that only later runs would remove.
    pub(crate) fn explain(&self, check: &'static str, environment: &str, ports: &Ports) -> Phrase {
        let store = ports.machine.as_ref().and_then(Machine::store_option);
        let place = match ports.region {
            Some(_) => format!("--environment {environment}"),
            None => store.unwrap_or_else(|| "--store FILE".to_owned()),
        };
        phrase!(
            "the memory of {}, attribute `memory` of its state, cannot be read: {}\n\
             deploy the release that stored it, or clear it: synthetics memory clear {} {}",
            check,
            foreign(self.to_string()),
            check,
            ours(place)
        )
    }
}

/// Reads a stored memory. No stored memory means the default.
pub(crate) fn read<M: CheckMemory>(stored: Option<&str>) -> Result<M, UnreadableMemory> {
    let Some(text) = stored else { return Ok(M::default()) };
    let Stored { version, data: IgnoredAny } = serde_json::from_str(text).map_err(UnreadableMemory::Malformed)?;
    if version != M::VERSION {
        return Err(UnreadableMemory::OtherVersion { expected: M::VERSION, actual: version });
    }
    let stored: Stored<M> =
        serde_json::from_str(text).map_err(|error| UnreadableMemory::OtherShape { version, error })?;
    Ok(stored.data)
}

/// Memory of a check in one run.
pub(crate) enum RunMemory<M> {
    /// The stored one cannot be read, so it stays as it is.
    Unread,
    /// The stored one was read, and the flow has changed it.
    Read {
        /// As stored before the run.
        stored: Option<String>,
        /// As read before the run.
        base: M,
        /// As the flow left it.
        ours: M,
    },
}

/// Stored form of a memory after a run.
#[derive(Debug, PartialEq)]
pub(crate) struct MemoryToStore {
    pub(crate) text: Option<String>,
    /// Reason why it lacks what the run has recorded.
    pub(crate) warning: Option<Phrase>,
}

/// Checks that a memory can be kept. A run whose memory cannot be kept has no verdict.
///
/// # Errors
/// A description of the problem.
pub(crate) fn check_size<M: CheckMemory>(check: &'static str, memory: &M) -> Result<(), Phrase> {
    stored_form(memory).map(drop).map_err(|problem| phrase!("the memory of {} cannot be kept: {}", check, problem))
}

/// Stored form of a memory, at most [`MAX_MEMORY`] bytes long; `None` for the default.
fn stored_form<M: CheckMemory>(memory: &M) -> Result<Option<String>, Phrase> {
    if *memory == M::default() {
        return Ok(None);
    }
    let text = serde_json::to_string(&Stored { version: M::VERSION, data: memory })
        .map_err(UnreadableMemory::Unwritable)
        .and_then(|text| read::<M>(Some(&text)).map(|_| text))
        .map_err(|error| phrase!("it could not be read again: {}", foreign(error.to_string())))?;
    if text.len() > MAX_MEMORY {
        return Err(phrase!("expected at most {} bytes, found {}", MAX_MEMORY, text.len()));
    }
    Ok(Some(text))
}

impl<M: CheckMemory> RunMemory<M> {
    /// Decides what to store in place of `stored_now`. Another run may have stored that one in the meantime; it is merged,
    /// and never replaced if it cannot be read.
    pub(crate) fn to_store(&self, stored_now: Option<&str>) -> MemoryToStore {
        let unchanged = || stored_now.map(str::to_owned);
        let Self::Read { stored, base, ours } = self else { return MemoryToStore { text: unchanged(), warning: None } };
        let store_ours = || match stored_form(ours) {
            Ok(text) => MemoryToStore { text, warning: None },
            Err(problem) => {
                MemoryToStore { text: unchanged(), warning: Some(phrase!("memory was not stored: {}", problem)) }
            }
        };
        if stored_now == stored.as_deref() {
            return store_ours();
        }
        match read::<M>(stored_now) {
            Ok(theirs) => match stored_form(&M::merge(base.clone(), ours.clone(), theirs)) {
                Ok(text) => MemoryToStore { text, warning: None },
                Err(_) => store_ours(),
            },
            Err(error) => {
                let warning = phrase!(
                    "memory was not stored: another run has stored one that cannot be read: {}",
                    foreign(error.to_string())
                );
                MemoryToStore { text: unchanged(), warning: Some(warning) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use check::NoSecrets;

    use super::*;

    /// Numbers that were added, and a value that JSON cannot hold when it is not finite.
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Numbers {
        added: BTreeSet<u32>,
        last: f64,
    }

    impl CheckMemory for Numbers {
        const VERSION: u32 = 3;

        fn merge(base: Self, ours: Self, theirs: Self) -> Self {
            let new = ours.added.difference(&base.added);
            Self { added: theirs.added.iter().chain(new).copied().collect(), last: ours.last }
        }
    }

    fn numbers(added: impl IntoIterator<Item = u32>) -> Numbers {
        Numbers { added: added.into_iter().collect(), last: 0.5 }
    }

    fn text(memory: &Numbers) -> String {
        stored_form(memory).unwrap().unwrap()
    }

    fn run(base: &Numbers, ours: Numbers) -> RunMemory<Numbers> {
        RunMemory::Read { stored: stored_form(base).unwrap(), base: base.clone(), ours }
    }

    #[test]
    fn stored_memory_has_its_version_next_to_its_data() {
        let stored = text(&numbers([1, 2]));
        assert_eq!(stored, r#"{"version":3,"data":{"added":[1,2],"last":0.5}}"#);
        assert_eq!(read::<Numbers>(Some(&stored)).unwrap(), numbers([1, 2]));
        assert_eq!(read::<Numbers>(None).unwrap(), Numbers::default());
        let empty = run(&numbers([1]), Numbers::default()).to_store(Some(&text(&numbers([1]))));
        assert_eq!(empty, MemoryToStore { text: None, warning: None }, "the default is not stored");
    }

    #[test]
    fn other_forms_are_unreadable() {
        for (case, stored, expected) in [
            ("not JSON", "{ broken", "expected {\"version\", \"data\"}: key must be"),
            ("empty", "", "expected {\"version\", \"data\"}: EOF"),
            (
                "without a version",
                r#"{"added":[1],"last":0.5}"#,
                "expected {\"version\", \"data\"}: unknown field `added`",
            ),
            ("without data", r#"{"version":3}"#, "expected {\"version\", \"data\"}: missing field `data`"),
            ("older", r#"{"version":2,"data":{"added":[1],"last":0.5}}"#, "expected version 3, found 2"),
            ("newer", r#"{"version":4,"data":[]}"#, "expected version 3, found 4"),
            (
                "other shape",
                r#"{"version":3,"data":{"added":"1","last":0.5}}"#,
                "expected the data of version 3: invalid",
            ),
            (
                "more data",
                r#"{"version":3,"data":{"added":[],"last":0.5,"x":1}}"#,
                "expected the data of version 3: unknown",
            ),
        ] {
            let error = read::<Numbers>(Some(stored)).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{case}: {error}");
        }
        assert!(read::<()>(Some(r#"{"version":1,"data":{}}"#)).is_err(), "the check keeps no memory");
    }

    #[test]
    fn memory_of_a_concurrent_run_is_merged() {
        let run = run(&numbers([1]), numbers([1, 2]));
        for (case, stored_now, expected) in [
            ("no other run", Some(text(&numbers([1]))), numbers([1, 2])),
            ("another run added 3", Some(text(&numbers([1, 3]))), numbers([1, 2, 3])),
            ("an operator cleared it", None, numbers([2])),
        ] {
            let expected = MemoryToStore { text: Some(text(&expected)), warning: None };
            assert_eq!(run.to_store(stored_now.as_deref()), expected, "{case}");
        }
    }

    #[test]
    fn unreadable_memory_is_never_replaced() {
        let kept = |memory: RunMemory<Numbers>, stored: &str| {
            let MemoryToStore { text, warning } = memory.to_store(Some(stored));
            assert_eq!(text.as_deref(), Some(stored));
            warning.map(|warning| warning.admit(&NoSecrets, 200))
        };
        assert_eq!(kept(RunMemory::Unread, "{ broken"), None);
        let warning = kept(run(&numbers([1]), numbers([1, 2])), r#"{"version":4,"data":[]}"#).unwrap();
        assert!(
            warning.ends_with("another run has stored one that cannot be read: expected version 3, found 4"),
            "{warning}"
        );
        let warning =
            kept(run(&numbers([1]), Numbers { last: f64::NAN, ..numbers([1]) }), &text(&numbers([1]))).unwrap();
        assert!(warning.starts_with("memory was not stored: it could not be read again"), "{warning}");
    }

    #[test]
    fn merged_memory_over_the_limit_is_replaced_by_ours() {
        let ours = numbers(0..1_500);
        let merged = run(&Numbers::default(), ours.clone()).to_store(Some(&text(&numbers(1_500..3_000))));
        assert_eq!(merged, MemoryToStore { text: Some(text(&ours)), warning: None });
        let problem = check_size("login", &numbers(0..3_000)).unwrap_err().admit(&NoSecrets, 200);
        assert!(problem.starts_with("the memory of login cannot be kept: expected at most 8192 bytes"), "{problem}");
    }
}
