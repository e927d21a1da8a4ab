//! What runs could not remove: told once, more of it after a while.

use jiff::Timestamp;

use super::span;
use crate::LeftBehind;
use crate::incident::{Leftovers, Policy};

/// Adds what a run left behind. What people are to be told now, when they are.
pub(super) fn leftovers(
    known: &mut Option<Leftovers>,
    left_behind: &[LeftBehind],
    now: Timestamp,
    is_silent: bool,
    policy: &Policy,
) -> Option<Leftovers> {
    let since_told = |known: &Leftovers| known.told_at.map(|told_at| now.duration_since(told_at));
    if !left_behind.is_empty() {
        let known =
            known.get_or_insert(Leftovers { since: now, last: now, told_at: None, untold: Vec::new(), more: 0 });
        known.last = known.last.max(now);
        let room = Leftovers::MAX.saturating_sub(known.untold.len()).min(left_behind.len());
        known.untold.extend_from_slice(&left_behind[..room]);
        known.more += u32::try_from(left_behind.len() - room).unwrap_or(u32::MAX);
    }
    let remind_every = span(policy.remind_every);
    let current = known.as_mut()?;
    if current.untold.is_empty() {
        if now.duration_since(current.last) >= remind_every {
            *known = None;
        }
        return None;
    }
    if is_silent || since_told(current).is_some_and(|since| since < remind_every) {
        return None;
    }
    let told = current.clone();
    current.told_at = Some(now);
    current.untold.clear();
    current.more = 0;
    Some(told)
}
