//! Memory between runs: the consecutive failed runs of each partner.

use std::collections::BTreeMap;

use check::Subject;
use runtime::CheckMemory;
use serde::{Deserialize, Serialize};

/// Consecutive failed runs by partner. The two attempts of a run count as one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Id of the last run that counted.
    run: String,
    /// Counts before that run. Each of its attempts counts from here.
    before: BTreeMap<Subject, u32>,
    /// Counts after that run.
    after: BTreeMap<Subject, u32>,
}

impl CheckMemory for Memory {
    const VERSION: u32 = 1;

    fn merge(_base: Self, ours: Self, _theirs: Self) -> Self {
        ours
    }
}

impl Memory {
    /// Starts an attempt of a run, the first or a further one.
    pub(crate) fn begin(self, run: &str) -> Self {
        let before = if self.run == run { self.before } else { self.after };
        Self { run: run.to_owned(), after: before.clone(), before }
    }

    /// Records the result of a partner and returns its consecutive failed runs. Without a result, the count stays as it is.
    pub(crate) fn record(&mut self, subject: &Subject, has_failed: bool) -> u32 {
        if has_failed {
            let count = self.before.get(subject).copied().unwrap_or_default().saturating_add(1);
            self.after.insert(subject.clone(), count);
            count
        } else {
            self.after.remove(subject);
            0
        }
    }

    /// Forgets partners that the settings no longer name.
    pub(crate) fn keep(&mut self, is_known: impl Fn(&Subject) -> bool) {
        self.before.retain(|subject, _| is_known(subject));
        self.after.retain(|subject, _| is_known(subject));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(name: &str) -> Subject {
        Subject::new(name).unwrap()
    }

    #[test]
    fn two_attempts_of_a_run_count_once() {
        let (down, shaky) = (subject("down"), subject("shaky"));
        let mut memory = Memory::default().begin("first");
        assert_eq!((memory.record(&down, true), memory.record(&shaky, true)), (1, 1));
        let mut memory = memory.begin("first");
        assert_eq!((memory.record(&down, true), memory.record(&shaky, false)), (1, 0));
        let mut memory = memory.begin("second");
        assert_eq!((memory.record(&down, true), memory.record(&shaky, true)), (2, 1));
        let mut memory = memory.begin("third");
        assert_eq!(memory.record(&shaky, false), 0);
        assert_eq!(memory.begin("fourth").record(&down, true), 3, "inconclusive in the third run, yet not forgotten");
    }

    #[test]
    fn memory_of_all_partners_is_bounded() {
        let mut memory = Memory::default().begin("01a206f3-0000-7000-8000-000000000001");
        for number in 0..50 {
            memory.record(&subject(&format!("{number:064}")), true);
        }
        let memory = memory.begin("01a206f3-0000-7000-8000-000000000002");
        let written = serde_json::to_string(&memory).unwrap();
        assert!(written.len() < 8 * 1024, "{} bytes", written.len());
        assert_eq!(serde_json::from_str::<Memory>(&written).unwrap(), memory);
        let mut memory = memory;
        memory.keep(|_| false);
        assert_eq!(memory.after.len() + memory.before.len(), 0);
    }
}
