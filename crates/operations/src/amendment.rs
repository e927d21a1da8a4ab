//! What people add to the state of checks: mutes, acknowledgements and marks. What they write is checked by constructors, before a store
//! is opened.

use anyhow::{bail, ensure};
use check::Subject;
use check::incident::{Acknowledgement, CheckState, Mark, Silence, SilenceKind};
use check::text::cut;
use jiff::{SignedDuration, Timestamp};
use runtime::{CommitError, OperatorStore};

use crate::{checks, names};

/// Attempts to write the state while runs write too.
const TRIES: u32 = 8;
/// Longest mute. For longer silence, disable the check or use a maintenance window.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Who amends, and why.
#[derive(Clone, Copy, Debug)]
pub struct Author<'a> {
    by: &'a str,
    reason: &'a str,
}

impl<'a> Author<'a> {
    /// Takes the name of a person, shown to others, and a reason, shown to on-call.
    ///
    /// # Errors
    /// When the reason is blank.
    pub fn new(by: &'a str, reason: &'a str) -> anyhow::Result<Self> {
        ensure!(!reason.trim().is_empty(), "expected a --reason, found a blank one; on-call reads it");
        Ok(Self { by, reason })
    }
}

/// Length of a mute.
#[derive(Clone, Copy, Debug)]
pub struct MuteLength(SignedDuration);

impl MuteLength {
    /// Takes a length.
    ///
    /// # Errors
    /// When it is too long.
    pub fn new(duration: SignedDuration) -> anyhow::Result<Self> {
        if duration > LONGEST {
            bail!("expected a mute of at most 7d; for recurring silence, use a maintenance window in the settings");
        }
        Ok(Self(duration))
    }
}

/// A stored mute.
#[derive(Clone, Debug)]
pub struct Muted {
    /// The mute.
    pub silence: Silence,
    /// Unhealthy subjects of the check.
    pub unhealthy: Vec<Subject>,
}

/// Changes the stored state of a check, and retries when a run writes at the same time.
///
/// # Errors
/// When the change is refused, the store fails, or runs keep writing.
pub async fn amend(
    store: &dyn OperatorStore,
    check: &str,
    mut change: impl FnMut(&mut CheckState) -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
    for _ in 0..TRIES {
        let item = store.load(check).await?;
        let mut state = item.state;
        change(&mut state)?;
        match store.amend(check, item.version, &state).await {
            Ok(()) => return Ok(()),
            Err(CommitError::Moved) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
    bail!("runs of {check} kept writing the state ({TRIES} attempts); try again")
}

/// Silences notifications of a check or a subject. A second mute of the same scope replaces the first.
///
/// # Errors
/// When the mute is one too many; and as [`amend`].
pub async fn mute(
    store: &dyn OperatorStore,
    (check, subject): (&str, Option<Subject>),
    length: MuteLength,
    author: Author<'_>,
    now: Timestamp,
) -> anyhow::Result<Muted> {
    let silence = Silence {
        id: format!("mute-{}", now.strftime("%Y%m%dT%H%M%SZ")),
        kind: SilenceKind::Mute,
        subject,
        from: now,
        until: now + length.0,
        by: cut(author.by, Silence::MAX_TEXT),
        reason: cut(author.reason, Silence::MAX_TEXT),
    };
    let mut unhealthy = Vec::new();
    amend(store, check, |state| {
        unhealthy = state.subjects.keys().cloned().collect();
        state.mutes.retain(|mute| now < mute.until && mute.subject != silence.subject);
        if state.mutes.len() >= CheckState::MAX_MUTES {
            bail!("{check} already has {} mutes; mute the whole check, or end some", CheckState::MAX_MUTES);
        }
        state.mutes.push(silence.clone());
        Ok(())
    })
    .await?;
    Ok(Muted { silence, unhealthy })
}

/// Ends a mute. Returns `Err` with the muted scopes if this one was not muted.
///
/// # Errors
/// As [`amend`].
pub async fn unmute(
    store: &dyn OperatorStore,
    check: &str,
    subject: Option<&Subject>,
    now: Timestamp,
) -> anyhow::Result<Result<(), Vec<String>>> {
    let (mut had_silence, mut muted) = (false, Vec::new());
    amend(store, check, |state| {
        let before = state.mutes.len();
        state.mutes.retain(|mute| mute.subject.as_ref() != subject || now >= mute.until);
        had_silence = state.mutes.len() < before;
        let scopes = state.mutes.iter().map(|mute| names::format_scope(check, mute.subject.as_ref()));
        muted = scopes.collect();
        Ok(())
    })
    .await?;
    Ok(if had_silence { Ok(()) } else { Err(muted) })
}

/// Acknowledges the open incidents of a check, or of one subject. A second acknowledgement replaces the first. Returns the ids of
/// the incidents.
///
/// # Errors
/// When no such incident is open; and as [`amend`].
pub async fn acknowledge(
    store: &dyn OperatorStore,
    (check, subject): (&str, Option<&Subject>),
    author: Author<'_>,
    now: Timestamp,
) -> anyhow::Result<Vec<String>> {
    let scope = names::format_scope(check, subject);
    let is_meant = |own: &Subject| subject.is_none_or(|subject| subject == own);
    if !open(&store.load(check).await?.state).iter().any(|(own, _)| is_meant(own)) {
        bail!("no incident of {scope} is open{}", others(store).await?);
    }
    let given = Acknowledgement::new(now, author.by, author.reason);
    let mut acknowledged = Vec::new();
    amend(store, check, |state| {
        acknowledged.clear();
        for (_, state) in state.subjects.iter_mut().filter(|(own, _)| is_meant(own)) {
            if let Some(incident) = state.incident.as_mut().filter(|incident| incident.is_open()) {
                incident.acknowledged = Some(given.clone());
                acknowledged.push(incident.id.clone());
            }
        }
        ensure!(!acknowledged.is_empty(), "no incident of {scope} is open any more");
        Ok(())
    })
    .await?;
    Ok(acknowledged)
}

/// Creates the mark of an event on the platform.
///
/// # Errors
/// When the text is blank.
pub fn new_mark(text: &str, by: &str, now: Timestamp) -> anyhow::Result<Mark> {
    ensure!(!text.trim().is_empty(), "expected a text such as \"release 42\", found a blank one");
    Ok(Mark::new(now, text, by))
}

/// Subjects with an open incident, and its id.
fn open(state: &CheckState) -> Vec<(&Subject, &str)> {
    let incidents = state.subjects.iter().filter_map(|(subject, state)| Some((subject, state.incident.as_ref()?)));
    incidents
        .filter(|(_, incident)| incident.is_open())
        .map(|(subject, incident)| (subject, incident.id.as_str()))
        .collect()
}

/// Names the open incidents of all checks, for an error.
async fn others(store: &dyn OperatorStore) -> anyhow::Result<String> {
    let mut scopes = Vec::new();
    for check in checks::ids(&[])? {
        let state = store.load(check).await?.state;
        let scope = |subject: &Subject| names::format_scope(check, Some(subject).filter(|subject| !subject.is_whole()));
        scopes.extend(open(&state).into_iter().map(|(subject, _)| scope(subject)));
    }
    Ok(if scopes.is_empty() { ", nor of another check".to_owned() } else { format!("\n  open: {}", scopes.join(", ")) })
}
