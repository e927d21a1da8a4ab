//! What was sent and is not judged yet.

use std::time::Duration;

use jiff::Timestamp;
use runtime::signed;
use serde::{Deserialize, Serialize};

/// No more canaries are waited for at once: an older one that never came says nothing more.
const MOST_PENDING: usize = 5;
/// After a failure, so many canaries in a row must arrive before they are sent at their own pace again: an incident is
/// confirmed, and ended, by canaries and not by time.
const UNTIL_SETTLED: u8 = 2;

/// From run to run. Lost, a canary is sent earlier, and those on their way are not judged: no failure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    #[serde(default)]
    pub(crate) email: Past,
    #[serde(default)]
    pub(crate) sms: Past,
}

/// One channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Past {
    /// When the last canary was sent, or was tried to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_sent: Option<Timestamp>,
    /// Sent and not judged, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pending: Vec<Sent>,
    /// How many canaries must still arrive until the last failure is over.
    #[serde(default)]
    unsettled: u8,
}

/// A canary on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    /// Its id at the platform.
    pub(crate) id: String,
    /// When it was sent.
    pub(crate) at: Timestamp,
    /// The run that sent it: the canary carries it.
    pub(crate) run_id: String,
}

impl Memory {
    /// What this run remembers and what another one wrote meanwhile; both began from `base`.
    pub(crate) fn merged(base: Self, ours: Self, theirs: Self) -> Self {
        Self {
            email: Past::merged(&base.email, ours.email, theirs.email),
            sms: Past::merged(&base.sms, ours.sms, theirs.sms),
        }
    }
}

impl Past {
    /// Canaries of both, without those that either has judged.
    fn merged(base: &Self, ours: Self, theirs: Self) -> Self {
        let is_judged = |sent: &Sent, by: &Self| base.pending.contains(sent) && !by.pending.contains(sent);
        let new = ours.pending.iter().filter(|sent| !base.pending.contains(sent)).cloned();
        let mut pending: Vec<Sent> =
            theirs.pending.iter().filter(|sent| !is_judged(sent, &ours)).cloned().chain(new).collect();
        pending.sort_by_key(|sent| sent.at);
        let surplus = pending.len().saturating_sub(MOST_PENDING);
        pending.drain(..surplus);
        // Who saw the later failure is right: the number only goes down by what has arrived.
        let unsettled = ours.unsettled.max(theirs.unsettled);
        Self { last_sent: ours.last_sent.max(theirs.last_sent), pending, unsettled }
    }

    /// Whether one is to be sent: when the time has come, or at once when a failure is to be confirmed or to be seen to be
    /// over, and nothing is on its way that could tell.
    pub(crate) fn is_due(&self, every: Duration, now: Timestamp) -> bool {
        let is_time = self.last_sent.is_none_or(|last| now.duration_since(last) >= signed(every));
        is_time || (self.unsettled > 0 && self.pending.is_empty())
    }

    /// When the next one is to be sent.
    pub(crate) fn next(&self, every: Duration) -> Option<Timestamp> {
        self.last_sent?.checked_add(signed(every)).ok()
    }

    pub(crate) fn pending(&self) -> &[Sent] {
        &self.pending
    }

    pub(crate) fn sent(&mut self, sent: Sent) {
        self.last_sent = Some(sent.at);
        self.pending.push(sent);
        let surplus = self.pending.len().saturating_sub(MOST_PENDING);
        self.pending.drain(..surplus);
    }

    /// It could not be sent.
    pub(crate) fn not_sent(&mut self, now: Timestamp) {
        self.last_sent = Some(now);
        self.unsettled = UNTIL_SETTLED;
    }

    /// It arrived: what was sent before it and has not is lost, and waited for no more.
    pub(crate) fn arrived(&mut self, id: &str) {
        if let Some(place) = self.pending.iter().position(|sent| sent.id == id) {
            self.pending.drain(..=place);
        }
        self.unsettled = self.unsettled.saturating_sub(1);
    }

    /// It will never arrive.
    pub(crate) fn failed(&mut self, id: &str) {
        self.pending.retain(|sent| sent.id != id);
        self.unsettled = UNTIL_SETTLED;
    }

    /// It is late, and may still arrive.
    pub(crate) fn late(&mut self) {
        self.unsettled = UNTIL_SETTLED;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(900);

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + minute * 60).unwrap()
    }

    fn sent(id: &str, minute: i64) -> Sent {
        Sent { id: id.to_owned(), at: at(minute), run_id: "run".to_owned() }
    }

    #[test]
    fn a_canary_is_due_when_its_time_has_come_or_a_failure_is_to_be_confirmed() {
        let mut past = Past::default();
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
        assert!(!past.is_due(EVERY, at(15)) && past.is_due(EVERY, at(25)), "settled");
    }

    #[test]
    fn what_was_sent_before_one_that_arrived_is_waited_for_no_more() {
        let mut past = Past::default();
        for (minute, id) in [(0, "a"), (15, "b"), (30, "c")] {
            past.sent(sent(id, minute));
        }
        past.arrived("b");
        assert_eq!(past.pending(), [sent("c", 30)]);
    }

    #[test]
    fn runs_beside_each_other_lose_no_canary_and_judge_none_again() {
        let past = |ids: &[(&str, i64)], unsettled| Past {
            last_sent: ids.last().map(|(_, minute)| at(*minute)),
            pending: ids.iter().map(|(id, minute)| sent(id, *minute)).collect(),
            unsettled,
        };
        let of_email = |email| Memory { email, ..Memory::default() };
        let base = of_email(past(&[("a", 0), ("b", 15)], 1));
        let ours = of_email(past(&[("b", 15), ("c", 30)], 0));
        let theirs = of_email(past(&[("a", 0), ("d", 31)], 2));
        assert_eq!(Memory::merged(base, ours, theirs).email, past(&[("c", 30), ("d", 31)], 2));
    }

    #[test]
    fn the_memory_is_bounded_and_reads_what_is_missing() {
        let mut memory = Memory::default();
        for minute in 0..100 {
            memory.email.sent(sent(&"x".repeat(40), minute));
            memory.sms.sent(sent(&"y".repeat(40), minute));
        }
        let written = serde_json::to_string(&memory).unwrap();
        assert!(written.len() < 2 * 1024, "{} bytes", written.len());
        assert_eq!(serde_json::from_str::<Memory>(&written).unwrap(), memory);
        assert_eq!(serde_json::from_str::<Memory>("{}").unwrap(), Memory::default());
    }
}
