//! Partners in messages: their failures never read as the platform's. Headline, explanation and contacts name the owner.

use super::notification::{Notification, Owner};
use crate::incident::event::Event;
use crate::model::Subject;

/// Name of a subject as people call it; a partner is marked as one.
pub(super) fn display_name(subject: &Subject, owner: Option<&Owner>) -> String {
    owner.map_or_else(|| subject.to_string(), |owner| format!("{} (partner)", owner.name))
}

/// Lists the subjects of a message, each with its owner.
pub(super) fn subjects(n: &Notification) -> impl Iterator<Item = (&Subject, Option<&Owner>)> {
    let failing = n.subjects.iter().map(|report| (&report.failure.subject, report.owner.as_ref()));
    failing.chain(n.inconclusive.iter().map(|report| (&report.subject, report.owner.as_ref())))
}

/// Lists the partners of a message, each once.
pub(super) fn owners(n: &Notification) -> Vec<&Owner> {
    let mut owners: Vec<&Owner> = Vec::new();
    for owner in subjects(n).filter_map(|(_, owner)| owner) {
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    owners
}

/// Says in a sentence that partners are at fault; none when the platform is, or when the event is about monitoring itself.
pub(super) fn ownership(n: &Notification) -> Option<String> {
    if matches!(n.event, Event::MonitoringLost | Event::MonitoringRestored | Event::Leftovers) {
        return None;
    }
    let owners = owners(n);
    let names = owners.iter().map(|owner| owner.name.as_str()).collect::<Vec<_>>().join(", ");
    let is_mixed = n.subjects.iter().any(|report| report.owner.is_none());
    Some(match (&owners[..], is_mixed) {
        ([], _) => return None,
        (_, true) => format!("Some failures appear to be with partners, not with the platform: {names}."),
        ([_], _) if n.is_ongoing() => format!(
            "The fault appears to be with {names}, not with the platform. Contact {names} first. Features that depend on \
             {names} may fail or respond slowly."
        ),
        ([_], _) => format!("The fault appears to have been with {names}, not with the platform."),
        (_, _) if n.is_ongoing() => format!(
            "The fault appears to be with several partners, not with the platform: {names}. Check \
             our own connection to the internet first; otherwise only they can fix it."
        ),
        (_, _) => format!("The fault appears to have been with several partners, not with the platform: {names}."),
    })
}

/// Lists who to contact and how: first the failing partners with a known contact, then the platform's own contact.
pub(super) fn contacts(n: &Notification) -> Vec<(String, &str)> {
    let failing = if n.inconclusive.is_empty() { owners(n) } else { Vec::new() };
    let theirs = failing.into_iter().filter_map(|owner| {
        let contact = owner.contact.as_ref()?;
        Some((format!("{} ({})", contact.name, owner.name), contact.details.as_str()))
    });
    theirs.chain([(n.contact.name.clone(), n.contact.details.as_str())]).collect()
}

/// Contact when there is room for one: the partner when every subject is theirs.
pub(super) fn first_contact(n: &Notification) -> &str {
    let is_theirs = n.inconclusive.is_empty() && n.subjects.iter().all(|report| report.owner.is_some());
    match &owners(n)[..] {
        [Owner { contact: Some(theirs), .. }] if is_theirs => &theirs.details,
        _ => &n.contact.details,
    }
}
