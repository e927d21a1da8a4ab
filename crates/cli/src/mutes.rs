//! `synthetics mute`, `unmute` and `mutes`.

use anyhow::bail;
use check::incident::{CheckState, Silence, SilenceKind};
use check::text::{cut, utc};
use jiff::{SignedDuration, Timestamp};
use runtime::{CommitError, OperatorStore, StateStore};
use serde_json::json;

use crate::arguments::{MuteOptions, MutesOptions, UnmuteOptions};
use crate::exit::Exit;
use crate::{checks, desk, tables};

/// The longest mute: what is silenced for longer should not run, or have a window in the settings.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How often a write is tried when runs write in between.
const TRIES: u32 = 8;

/// Tells nobody of a check or a subject for a while.
pub(crate) async fn mute(options: &MuteOptions) -> anyhow::Result<Exit> {
    let (check, subject) = desk::scope(&options.what)?;
    if options.lasts > LONGEST {
        bail!("a mute lasts 7d at most; a maintenance window in the settings may come again and again");
    }
    if options.reason.trim().is_empty() {
        bail!("--reason is blank: whoever is surprised by the silence reads it");
    }
    let now = Timestamp::now();
    let silence = Silence {
        id: format!("mute-{}", now.strftime("%Y%m%dT%H%M%SZ")),
        kind: SilenceKind::Mute,
        subject,
        from: now,
        until: now + options.lasts,
        by: cut(&options.by, Silence::MAX_TEXT),
        reason: cut(&options.reason, Silence::MAX_TEXT),
    };
    let table = desk::table(&options.deployment).await?;
    amend(&table, check, |state| {
        // A second mute of the same takes the place of the first.
        state.mutes.retain(|mute| now < mute.until && mute.subject != silence.subject);
        if state.mutes.len() >= CheckState::MAX_MUTES {
            bail!("{check} has {} mutes already: mute the whole check, or end some", CheckState::MAX_MUTES);
        }
        state.mutes.push(silence.clone());
        Ok(())
    })
    .await?;
    println!("{} is muted until {}", options.what, utc(silence.until));
    println!("it runs and publishes all the same; what is still open then is told then");
    Ok(Exit::Passed)
}

/// Ends a mute.
pub(crate) async fn unmute(options: &UnmuteOptions) -> anyhow::Result<Exit> {
    let (check, subject) = desk::scope(&options.what)?;
    let table = desk::table(&options.deployment).await?;
    let now = Timestamp::now();
    amend(&table, check, |state| {
        let before = state.mutes.len();
        state.mutes.retain(|mute| mute.subject != subject || now >= mute.until);
        if state.mutes.len() == before {
            bail!("{} is not muted; `synthetics mutes` shows what is", options.what);
        }
        Ok(())
    })
    .await?;
    println!("{} is no longer muted; what is open is told by its next run", options.what);
    Ok(Exit::Passed)
}

/// What is muted now.
pub(crate) async fn list(options: &MutesOptions) -> anyhow::Result<Exit> {
    let table = desk::table(&options.deployment).await?;
    let now = Timestamp::now();
    let mut mutes = Vec::new();
    for check in checks::ids(&[])? {
        let item = table.load(check).await?;
        mutes.extend(item.state.mutes.into_iter().filter(|mute| mute.holds_at(now)).map(|mute| (check, mute)));
    }
    if options.json {
        let mutes: Vec<_> = mutes.iter().map(|(check, mute)| json!({ "check": check, "mute": mute })).collect();
        println!("{}", serde_json::to_string_pretty(&mutes)?);
    } else if mutes.is_empty() {
        println!("nothing is muted");
    } else {
        let rows = mutes.iter().map(|(check, mute)| {
            let what = desk::written(check, mute.subject.as_ref());
            [what, utc(mute.from), utc(mute.until), mute.by.clone(), mute.reason.clone()]
        });
        println!("{}", tables::columns(["MUTED", "SINCE", "UNTIL", "BY", "WHY"], rows));
    }
    Ok(Exit::Passed)
}

/// Changes the state of a check as it is now; again when a run wrote in between.
async fn amend(
    store: &impl OperatorStore,
    check: &str,
    change: impl Fn(&mut CheckState) -> anyhow::Result<()>,
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
    bail!("runs of {check} wrote in between {TRIES} times; try again")
}
