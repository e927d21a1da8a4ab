//! What is remembered from run to run: how often each partner has failed in a row.

use std::collections::BTreeMap;

use check::Subject;
use serde::{Deserialize, Serialize};

/// Failed runs in a row, by partner. Two attempts of a run are one.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// The run that has counted last.
    run: String,
    /// Before that run; what it finds is counted from there, however often it looks.
    before: BTreeMap<Subject, u32>,
    /// After it.
    after: BTreeMap<Subject, u32>,
}

impl Memory {
    /// This run looks, for the first time or again.
    pub(crate) fn begin(self, run: &str) -> Self {
        let before = if self.run == run { self.before } else { self.after };
        Self { run: run.to_owned(), after: before.clone(), before }
    }

    /// How a partner was found; answers how often it has failed in a row. One that could not be judged keeps its count.
    pub(crate) fn note(&mut self, subject: &Subject, has_failed: bool) -> u32 {
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
    fn two_attempts_of_a_run_count_once_and_what_recovers_within_it_counts_as_well() {
        let (down, shaky) = (subject("down"), subject("shaky"));
        let mut memory = Memory::default().begin("first");
        assert_eq!((memory.note(&down, true), memory.note(&shaky, true)), (1, 1));
        let mut memory = memory.begin("first");
        assert_eq!((memory.note(&down, true), memory.note(&shaky, false)), (1, 0));
        let mut memory = memory.begin("second");
        assert_eq!((memory.note(&down, true), memory.note(&shaky, true)), (2, 1));
        let mut memory = memory.begin("third");
        assert_eq!(memory.note(&shaky, false), 0);
        assert_eq!(memory.begin("fourth").note(&down, true), 3, "not judged in the third, and none forgotten");
    }

    #[test]
    fn it_fits_with_as_many_partners_as_there_may_be() {
        let mut memory = Memory::default().begin("01a206f3-0000-7000-8000-000000000001");
        for number in 0..50 {
            memory.note(&subject(&format!("{number:064}")), true);
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
