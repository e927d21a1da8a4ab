//! Memory between runs: the number of runs, and the journeys that failed.

use std::collections::BTreeSet;

use check::Subject;
use runtime::CheckMemory;
use serde::{Deserialize, Serialize};

/// Number of runs, and the journeys that failed when they last ran. The two attempts of a run count as one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Id of the last run that counted.
    run: String,
    /// Number of runs before it.
    runs: u64,
    /// Journeys that had failed before it.
    before: BTreeSet<Subject>,
    /// Journeys that had failed after it.
    after: BTreeSet<Subject>,
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
        if self.run == run || self.run.is_empty() {
            return Self { run: run.to_owned(), ..self };
        }
        let runs = self.runs.wrapping_add(1);
        Self { run: run.to_owned(), runs, before: self.after.clone(), after: self.after }
    }

    /// Returns true if a journey that runs in each `every`-th run is due. A journey that failed runs again in the next run.
    pub(crate) fn is_due(&self, subject: &Subject, every: u64) -> bool {
        self.runs.is_multiple_of(every) || self.before.contains(subject)
    }

    /// Records the result of a journey.
    pub(crate) fn record(&mut self, subject: &Subject, has_failed: bool) {
        if has_failed {
            self.after.insert(subject.clone());
        } else {
            self.after.remove(subject);
        }
    }

    /// Forgets journeys that the settings no longer name.
    pub(crate) fn keep(&mut self, is_known: impl Fn(&Subject) -> bool) {
        self.before.retain(|subject| is_known(subject));
        self.after.retain(|subject| is_known(subject));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(name: &str) -> Subject {
        Subject::new(name).unwrap()
    }

    #[test]
    fn failed_journey_is_due_in_the_next_run() {
        let rare = subject("rare");
        let mut memory = Memory::default().begin("0");
        assert!(memory.is_due(&rare, 3), "everything runs first");
        memory.record(&rare, true);
        assert!(memory.clone().begin("0").is_due(&rare, 3), "the second attempt of the run");
        let mut due = Vec::new();
        for run in 1..=7 {
            memory = memory.begin(&run.to_string());
            due.push(memory.is_due(&rare, 3));
            if memory.is_due(&rare, 3) {
                memory.record(&rare, false);
            }
        }
        assert_eq!(due, [true, false, true, false, false, true, false]);
    }

    #[test]
    fn memory_of_all_journeys_is_bounded() {
        let mut memory = Memory::default().begin("01a206f3-0000-7000-8000-000000000001");
        for number in 0..50 {
            memory.record(&subject(&format!("{number:064}")), true);
        }
        let memory = memory.begin("01a206f3-0000-7000-8000-000000000002");
        let written = serde_json::to_string(&memory).unwrap();
        assert!(written.len() < 8 * 1024, "{} bytes", written.len());
        assert_eq!(serde_json::from_str::<Memory>(&written).unwrap(), memory);
    }
}
