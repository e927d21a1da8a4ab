//! Figures of random histories.

use std::collections::BTreeSet;

/// Results of many histories, from the receivers' messages and the final state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) histories: u64,
    pub(crate) runs: u64,
    pub(crate) crashes: u64,
    pub(crate) duplicate_events: u64,
    pub(crate) reorders: u64,
    pub(crate) messages: u64,
    /// Messages queued by a committed state that never arrived.
    pub(crate) lost: u64,
    /// Incidents not over although everything is healthy, in the state or from the receivers' point of view.
    pub(crate) stuck: u64,
    /// Events of an incident under a second id, and ends of incidents whose start was never reported.
    pub(crate) contradictions: u64,
    /// Messages that arrived again.
    pub(crate) duplicates: u64,
    /// Duplicates not explained by a crash or a lost answer.
    pub(crate) unaccounted_duplicates: u64,
    /// Incidents opened by one failed attempt.
    pub(crate) openings_by_one_attempt: u64,
    pub(crate) bad_seeds: BTreeSet<u64>,
}

impl Figures {
    pub(crate) fn add(&mut self, other: Self) {
        self.histories += other.histories;
        self.runs += other.runs;
        self.crashes += other.crashes;
        self.duplicate_events += other.duplicate_events;
        self.reorders += other.reorders;
        self.messages += other.messages;
        self.lost += other.lost;
        self.stuck += other.stuck;
        self.contradictions += other.contradictions;
        self.duplicates += other.duplicates;
        self.unaccounted_duplicates += other.unaccounted_duplicates;
        self.openings_by_one_attempt += other.openings_by_one_attempt;
        self.bad_seeds.extend(other.bad_seeds);
    }

    pub(crate) fn violations(&self) -> u64 {
        self.lost + self.stuck + self.contradictions + self.unaccounted_duplicates + self.openings_by_one_attempt
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let per_history = |count: u64| count as f64 / self.histories as f64;
        writeln!(
            f,
            "{} histories, {} runs; per history {:.2} crashes, {:.2} duplicate events, {:.2} reorders",
            self.histories,
            self.runs,
            per_history(self.crashes),
            per_history(self.duplicate_events),
            per_history(self.reorders)
        )?;
        writeln!(
            f,
            "{} messages arrived: lost {}, stuck incidents {}, contradictions {}, openings from one failed attempt {}",
            self.messages, self.lost, self.stuck, self.contradictions, self.openings_by_one_attempt
        )?;
        write!(
            f,
            "duplicates {}, all with the same id; beyond one per crash or lost answer {}; bad seeds {:?}",
            self.duplicates,
            self.unaccounted_duplicates,
            self.bad_seeds.iter().take(5).collect::<Vec<_>>()
        )
    }
}
