//! Leftovers: reported once, and again at the reminder interval when more were added.

use jiff::Timestamp;

use crate::incident::policy::{Policy, span};
use crate::incident::state::Leftovers;
use crate::model::Leftover;

/// Adds the leftovers of a run. Returns the leftovers to report now, if any are due.
pub(super) fn leftovers(
    known: &mut Option<Leftovers>,
    leftovers: &[Leftover],
    now: Timestamp,
    is_silent: bool,
    policy: &Policy,
) -> Option<Leftovers> {
    let since_notified = |known: &Leftovers| known.notified_at.map(|notified_at| now.duration_since(notified_at));
    if !leftovers.is_empty() {
        let known =
            known.get_or_insert(Leftovers { since: now, last: now, notified_at: None, pending: Vec::new(), more: 0 });
        known.last = known.last.max(now);
        let room = Leftovers::MAX.saturating_sub(known.pending.len()).min(leftovers.len());
        known.pending.extend_from_slice(&leftovers[..room]);
        known.more += u32::try_from(leftovers.len() - room).unwrap_or(u32::MAX);
    }
    let remind_every = span(policy.remind_every);
    let current = known.as_mut()?;
    if current.pending.is_empty() {
        if now.duration_since(current.last) >= remind_every {
            *known = None;
        }
        return None;
    }
    if is_silent || since_notified(current).is_some_and(|since| since < remind_every) {
        return None;
    }
    let reported = current.clone();
    current.notified_at = Some(now);
    current.pending.clear();
    current.more = 0;
    Some(reported)
}
