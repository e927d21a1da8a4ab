//! Canaries: what is sent in one run and looked for in later ones.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::signed;

/// After a failure, so many canaries in a row must arrive before they are sent at their own pace again: an incident is
/// confirmed, and ended, by canaries and not by time.
const ARRIVALS_UNTIL_RECOVERED: u8 = 2;

/// The canaries of one channel or queue, from run to run. Lost, one is sent earlier, and those on their way are not judged: no
/// failure.
///
/// No more than `MOST` are waited for at once: an older one that never came says nothing more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canaries<const MOST: usize> {
    /// When the last one was sent, or was tried to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_sent: Option<Timestamp>,
    /// Sent and not judged, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pending: Vec<Canary>,
    /// How many must still arrive until the last failure is over.
    #[serde(default)]
    arrivals_until_recovered: u8,
}

/// A canary on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Its id at the platform.
    pub id: String,
    /// When it was sent.
    pub at: Timestamp,
    /// The run that sent it, where that is needed to know it again.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run_id: String,
}

impl<const MOST: usize> Canaries<MOST> {
    /// Whether one is to be sent: when the time has come, or at once when a failure is to be confirmed or to be seen to be
    /// over, and nothing is on its way that could tell.
    #[must_use]
    pub fn is_due(&self, every: Duration, now: Timestamp) -> bool {
        let is_time = self.last_sent.is_none_or(|last| now.duration_since(last) >= signed(every));
        is_time || (self.arrivals_until_recovered > 0 && self.pending.is_empty())
    }

    /// When the next one is to be sent.
    #[must_use]
    pub fn next(&self, every: Duration) -> Option<Timestamp> {
        self.last_sent?.checked_add(signed(every)).ok()
    }

    /// Those that are not judged, oldest first.
    #[must_use]
    pub fn pending(&self) -> &[Canary] {
        &self.pending
    }

    /// One was sent.
    pub fn sent(&mut self, canary: Canary) {
        self.last_sent = Some(canary.at);
        self.pending.push(canary);
        self.keep_the_newest();
    }

    /// One could not be sent.
    pub fn not_sent(&mut self, now: Timestamp) {
        self.last_sent = Some(now);
        self.arrivals_until_recovered = ARRIVALS_UNTIL_RECOVERED;
    }

    /// It arrived: what was sent before it and has not is lost, and waited for no more.
    pub fn arrived(&mut self, id: &str) {
        if let Some(place) = self.pending.iter().position(|canary| canary.id == id) {
            self.pending.drain(..=place);
        }
        self.arrivals_until_recovered = self.arrivals_until_recovered.saturating_sub(1);
    }

    /// It will never arrive.
    pub fn failed(&mut self, id: &str) {
        self.pending.retain(|canary| canary.id != id);
        self.arrivals_until_recovered = ARRIVALS_UNTIL_RECOVERED;
    }

    /// It is late, and may still arrive.
    pub fn late(&mut self) {
        self.arrivals_until_recovered = ARRIVALS_UNTIL_RECOVERED;
    }

    /// What this run remembers and what another one wrote meanwhile, both from `base`: the canaries of both, without those that
    /// either has judged.
    #[must_use]
    pub fn merged(base: &Self, ours: Self, theirs: Self) -> Self {
        let is_judged = |canary: &Canary, by: &Self| base.pending.contains(canary) && !by.pending.contains(canary);
        let new = ours.pending.iter().filter(|canary| !base.pending.contains(canary)).cloned();
        let mut pending: Vec<Canary> =
            theirs.pending.iter().filter(|canary| !is_judged(canary, &ours)).cloned().chain(new).collect();
        pending.sort_by_key(|canary| canary.at);
        let mut merged = Self {
            last_sent: ours.last_sent.max(theirs.last_sent),
            pending,
            // Who saw the later failure is right: the number only goes down by what has arrived.
            arrivals_until_recovered: ours.arrivals_until_recovered.max(theirs.arrivals_until_recovered),
        };
        merged.keep_the_newest();
        merged
    }

    fn keep_the_newest(&mut self) {
        let surplus = self.pending.len().saturating_sub(MOST);
        self.pending.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(900);

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + minute * 60).unwrap()
    }

    fn sent(id: &str, minute: i64) -> Canary {
        Canary { id: id.to_owned(), at: at(minute), run_id: "run".to_owned() }
    }

    #[test]
    fn one_is_due_when_its_time_has_come_or_a_failure_is_to_be_confirmed() {
        let mut past = Canaries::<5>::default();
        assert!(past.is_due(EVERY, at(0)), "the first");
        past.sent(sent("a", 0));
        assert!(!past.is_due(EVERY, at(14)) && past.is_due(EVERY, at(15)));
        past.failed("a");
        assert!(past.is_due(EVERY, at(5)), "to confirm it");
        past.sent(sent("b", 5));
        assert!(!past.is_due(EVERY, at(10)), "one is on its way");
        past.arrived("b");
        assert!(past.is_due(EVERY, at(10)), "to see that it is over");
        past.sent(sent("c", 10));
        past.arrived("c");
        assert!(!past.is_due(EVERY, at(15)) && past.is_due(EVERY, at(25)), "stabilized");
    }

    #[test]
    fn what_was_sent_before_one_that_arrived_is_waited_for_no_more() {
        let mut past = Canaries::<3>::default();
        for (minute, id) in [(0, "a"), (15, "b"), (30, "c"), (45, "d")] {
            past.sent(sent(id, minute));
        }
        assert_eq!(past.pending(), [sent("b", 15), sent("c", 30), sent("d", 45)], "the oldest has no room");
        past.arrived("c");
        assert_eq!(past.pending(), [sent("d", 45)]);
    }

    #[test]
    fn runs_beside_each_other_lose_none_and_judge_none_again() {
        let past = |ids: &[(&str, i64)], arrivals_until_recovered| Canaries::<5> {
            last_sent: ids.last().map(|(_, minute)| at(*minute)),
            pending: ids.iter().map(|(id, minute)| sent(id, *minute)).collect(),
            arrivals_until_recovered,
        };
        let base = past(&[("a", 0), ("b", 15)], 1);
        let ours = past(&[("b", 15), ("c", 30)], 0);
        let theirs = past(&[("a", 0), ("d", 31)], 2);
        assert_eq!(Canaries::merged(&base, ours, theirs), past(&[("c", 30), ("d", 31)], 2));
    }
}
