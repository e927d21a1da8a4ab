//! A partner's trouble never reads as the platform's: whose it is stands in the headline, in a sentence, and in whom to call.

use super::notification::{Event, Notification, Owner};
use crate::Subject;

/// What a message is about, as people call it: a partner by its name, and that it is one.
pub(super) fn named(subject: &Subject, owner: Option<&Owner>) -> String {
    owner.map_or_else(|| subject.to_string(), |owner| format!("{} (a partner)", owner.name))
}

/// The subjects of a message, each with its owner.
pub(super) fn subjects(n: &Notification) -> impl Iterator<Item = (&Subject, Option<&Owner>)> {
    let failing = n.subjects.iter().map(|report| (&report.failure.subject, report.owner.as_ref()));
    failing.chain(n.inconclusive.iter().map(|report| (&report.subject, report.owner.as_ref())))
}

/// The partners of a message, each once.
pub(super) fn owners(n: &Notification) -> Vec<&Owner> {
    let mut owners: Vec<&Owner> = Vec::new();
    for owner in subjects(n).filter_map(|(_, owner)| owner) {
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    owners
}

/// Whose trouble it is, in a sentence; none when it is the platform's, and where only we cannot see.
pub(super) fn whose(n: &Notification) -> Option<String> {
    if matches!(n.event, Event::MonitoringLost | Event::MonitoringRestored | Event::Leftovers) {
        return None;
    }
    let owners = owners(n);
    let names = owners.iter().map(|owner| owner.name.as_str()).collect::<Vec<_>>().join(", ");
    let is_mixed = n.subjects.iter().any(|report| report.owner.is_none());
    Some(match (&owners[..], is_mixed) {
        ([], _) => return None,
        (_, true) => format!("Not the platform's, but a partner's: {names}."),
        ([_], _) if n.is_ongoing() => format!(
            "This is {names}'s trouble, not the platform's: only they can end it. What the platform does with them may fail \
             or wait meanwhile."
        ),
        ([_], _) => format!("This was {names}'s trouble, not the platform's."),
        (_, _) if n.is_ongoing() => format!(
            "This is the trouble of partners, not of the platform: {names}. Only they can end it, unless our own way out to \
             the internet is what they have in common."
        ),
        (_, _) => format!("This was the trouble of partners, not of the platform: {names}."),
    })
}

/// Whom to call and how, in this order: the partners that fail, as far as somebody is known there, then ours.
pub(super) fn whom_to_call(n: &Notification) -> Vec<(String, &str)> {
    let failing = if n.inconclusive.is_empty() { owners(n) } else { Vec::new() };
    let theirs = failing.into_iter().filter_map(|owner| {
        let contact = owner.contact.as_ref()?;
        Some((format!("{} ({})", contact.name, owner.name), contact.details.as_str()))
    });
    theirs.chain([(n.contact.name.clone(), n.contact.details.as_str())]).collect()
}

/// Whom to call when there is room for one: the partner when all of it is theirs.
pub(super) fn first_to_call(n: &Notification) -> &str {
    let is_theirs = n.inconclusive.is_empty() && n.subjects.iter().all(|report| report.owner.is_some());
    match &owners(n)[..] {
        [Owner { contact: Some(theirs), .. }] if is_theirs => &theirs.details,
        _ => &n.contact.details,
    }
}
