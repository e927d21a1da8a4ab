//! Canaries: messages or jobs sent in one run and looked for in later runs.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use runtime::signed;

/// Arrivals in a row needed after a failure before canaries are sent at their usual interval again: an incident is
/// confirmed and ended by canaries, not by time.
const ARRIVALS_UNTIL_RECOVERED: u8 = 2;

/// Canaries of one channel or queue, kept from run to run. If this memory is lost, the next canary is sent early and
/// the pending ones are never judged; neither is a failure.
///
/// At most `MOST` canaries are pending at once: an older one that never arrived adds no information.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canaries<const MOST: usize> {
    /// Time of the last canary, sent or attempted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_sent: Option<Timestamp>,
    /// Sent canaries without a verdict, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pending: Vec<Canary>,
    /// Arrivals still needed until the last failure is over.
    #[serde(default)]
    arrivals_until_recovered: u8,
}

/// A canary on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Id at the platform.
    pub id: String,
    /// Time of sending.
    pub at: Timestamp,
    /// Run that sent it, if needed to recognize it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run_id: String,
}

impl<const MOST: usize> Canaries<MOST> {
    /// Returns true when a canary is due: after the interval, or at once to confirm a failure or its end while no
    /// canary is pending.
    #[must_use]
    pub fn is_due(&self, every: Duration, now: Timestamp) -> bool {
        let is_time = self.last_sent.is_none_or(|last| now.duration_since(last) >= signed(every));
        is_time || (self.arrivals_until_recovered > 0 && self.pending.is_empty())
    }

    /// Returns the time at which the next canary is due.
    #[must_use]
    pub fn next(&self, every: Duration) -> Option<Timestamp> {
        self.last_sent?.checked_add(signed(every)).ok()
    }

    /// Canaries without a verdict, oldest first.
    #[must_use]
    pub fn pending(&self) -> &[Canary] {
        &self.pending
    }

    /// Records a sent canary.
    pub fn sent(&mut self, canary: Canary) {
        self.last_sent = Some(canary.at);
        self.pending.push(canary);
        self.keep_the_newest();
    }

    /// Records a failed attempt to send.
    pub fn not_sent(&mut self, now: Timestamp) {
        self.last_sent = Some(now);
        self.arrivals_until_recovered = ARRIVALS_UNTIL_RECOVERED;
    }

    /// Records an arrival. Canaries sent earlier and still pending are lost and no longer awaited.
    pub fn arrived(&mut self, id: &str) {
        if let Some(place) = self.pending.iter().position(|canary| canary.id == id) {
            self.pending.drain(..=place);
        }
        self.arrivals_until_recovered = self.arrivals_until_recovered.saturating_sub(1);
    }

    /// Records the final failure of a canary.
    pub fn failed(&mut self, id: &str) {
        self.pending.retain(|canary| canary.id != id);
        self.arrivals_until_recovered = ARRIVALS_UNTIL_RECOVERED;
    }

    /// Records a late canary. It may still arrive.
    pub fn late(&mut self) {
        self.arrivals_until_recovered = ARRIVALS_UNTIL_RECOVERED;
    }

    /// Merges the memory of this run with another run's, both based on `base`: the pending canaries of both, without
    /// those judged by either.
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
            // The later failure counts: the number falls only with arrivals.
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
    fn canary_is_due_at_its_interval_or_to_confirm_a_failure() {
        let mut past = Canaries::<5>::default();
        assert!(past.is_due(EVERY, at(0)), "the first");
        past.sent(sent("a", 0));
        assert!(!past.is_due(EVERY, at(14)) && past.is_due(EVERY, at(15)));
        past.failed("a");
        assert!(past.is_due(EVERY, at(5)), "to confirm it");
        past.sent(sent("b", 5));
        assert!(!past.is_due(EVERY, at(10)), "one is on its way");
        past.arrived("b");
        assert!(past.is_due(EVERY, at(10)), "to confirm the recovery");
        past.sent(sent("c", 10));
        past.arrived("c");
        assert!(!past.is_due(EVERY, at(15)) && past.is_due(EVERY, at(25)), "stabilized");
    }

    #[test]
    fn arrival_gives_up_earlier_canaries() {
        let mut past = Canaries::<3>::default();
        for (minute, id) in [(0, "a"), (15, "b"), (30, "c"), (45, "d")] {
            past.sent(sent(id, minute));
        }
        assert_eq!(past.pending(), [sent("b", 15), sent("c", 30), sent("d", 45)], "the oldest was dropped");
        past.arrived("c");
        assert_eq!(past.pending(), [sent("d", 45)]);
    }

    #[test]
    fn parallel_runs_lose_and_repeat_no_canary() {
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
