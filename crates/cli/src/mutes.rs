//! `synthetics mute`, `unmute` and `mutes`.

use std::cell::Cell;

use anyhow::{Context, bail, ensure};
use check::incident::{CheckState, Silence, SilenceKind};
use check::text::{cut, utc};
use jiff::{SignedDuration, Timestamp};
use lambda::{MuteRule, MuteRules};
use runtime::{CommitError, OperatorStore, StateStore};
use serde_json::json;

use crate::arguments::{Deployment, MuteOptions, MutesOptions, UnmuteOptions};
use crate::exit::Exit;
use crate::{checks, desk, mute_rules, tables, thresholds};

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
    if silence.subject.is_some() {
        println!("alarms know no subjects: those of {check} go on telling");
        return Ok(Exit::Passed);
    }
    match mute_alarms(&options.deployment, check, &silence, now).await {
        Ok(rule) => {
            let (begins, ends) = mute_rules::times(&rule).unwrap_or((silence.from, silence.until));
            let count = rule.alarms.len();
            println!("{count} alarms are muted with it from {} until {}: {}", utc(begins), utc(ends), rule.name);
            Ok(Exit::Passed)
        }
        Err(error) => {
            eprintln!("its alarms are not muted, and tell as ever: {error:#}");
            eprintln!("  mend it and mute again; docs/operations.md, \"Muting\", says what it takes");
            Ok(Exit::Failed)
        }
    }
}

/// Ends a mute.
pub(crate) async fn unmute(options: &UnmuteOptions) -> anyhow::Result<Exit> {
    let (check, subject) = desk::scope(&options.what)?;
    let table = desk::table(&options.deployment).await?;
    let now = Timestamp::now();
    // Alarms first: when only they can still be unmuted, it is worth trying again.
    let alarms = match subject {
        None => unmute_alarms(&options.deployment, check, now).await,
        Some(_) => Ok(false),
    };
    let had_silence = Cell::new(false);
    amend(&table, check, |state| {
        let before = state.mutes.len();
        state.mutes.retain(|mute| mute.subject != subject || now >= mute.until);
        had_silence.set(state.mutes.len() < before);
        Ok(())
    })
    .await?;
    if had_silence.get() {
        println!("{} is no longer muted; what is open is told by its next run", options.what);
    }
    match alarms {
        Ok(true) => println!("its alarms are no longer muted; what is in ALARM is told now"),
        Ok(false) if !had_silence.get() => {
            bail!("{} is not muted; `synthetics mutes` shows what is", options.what)
        }
        Ok(false) => {}
        Err(error) => {
            eprintln!("its alarms may still be muted: {error:#}");
            eprintln!("  mend it and unmute again; docs/operations.md, \"Muting\", says what it takes");
            return Ok(Exit::Failed);
        }
    }
    Ok(Exit::Passed)
}

/// What is muted now.
pub(crate) async fn list(options: &MutesOptions) -> anyhow::Result<Exit> {
    let table = desk::table(&options.deployment).await?;
    let now = Timestamp::now();
    let mut mutes = Vec::new();
    for check in checks::ids(&[])? {
        for mute in table.load(check).await?.state.mutes.into_iter().filter(|mute| mute.holds_at(now)) {
            let alarms = match mute.subject {
                None => muted_alarms(&options.deployment, check, now).await,
                Some(_) => Ok(Vec::new()),
            };
            mutes.push((check, mute, alarms));
        }
    }
    for (check, _, alarms) in &mutes {
        if let Err(error) = alarms {
            eprintln!("whether the alarms of {check} are muted is not known: {error:#}");
        }
    }
    if options.json {
        let mutes: Vec<_> = mutes
            .iter()
            .map(|(check, mute, alarms)| json!({ "check": check, "mute": mute, "alarms": alarms.as_ref().ok() }))
            .collect();
        println!("{}", serde_json::to_string_pretty(&mutes)?);
    } else if mutes.is_empty() {
        println!("nothing is muted");
    } else {
        let rows = mutes.iter().map(|(check, mute, alarms)| {
            let what = desk::written(check, mute.subject.as_ref());
            let alarms = match alarms {
                Ok(alarms) if alarms.is_empty() => "not muted".to_owned(),
                Ok(alarms) => format!("{} muted", alarms.len()),
                Err(_) => "not known".to_owned(),
            };
            [what, utc(mute.from), utc(mute.until), alarms, mute.by.clone(), mute.reason.clone()]
        });
        println!("{}", tables::columns(["MUTED", "SINCE", "UNTIL", "ALARMS", "BY", "WHY"], rows));
    }
    Ok(Exit::Passed)
}

/// Mutes the alarms of a check as long as the silence lasts.
async fn mute_alarms(
    deployment: &Deployment,
    check: &str,
    silence: &Silence,
    now: Timestamp,
) -> anyhow::Result<MuteRule> {
    let (rules, environment) = rules(deployment).await?;
    let deployed = rules.deployed_alarms(&desk::named(environment, "")).await?;
    let alarms = mute_rules::alarms_of(&thresholds::shipped(environment)?, &deployed, &[check]);
    ensure!(!alarms.is_empty(), "no alarm of {check} is deployed in {environment}: deploy infra/alarms.yaml");
    let name = mute_rules::name_of_mute(environment, check);
    let before = rules.get(&name).await?;
    let rule = mute_rules::of_mute(name, silence, alarms, before.as_ref(), now)?;
    rules.put(&rule).await?;
    Ok(rule)
}

/// Ends the rule of a check; whether it was still to hold.
async fn unmute_alarms(deployment: &Deployment, check: &str, now: Timestamp) -> anyhow::Result<bool> {
    let (rules, environment) = rules(deployment).await?;
    let name = mute_rules::name_of_mute(environment, check);
    let Some(rule) = rules.get(&name).await? else { return Ok(false) };
    rules.end(&name).await?;
    Ok(mute_rules::times(&rule).is_some_and(|(_, ends)| now < ends))
}

/// The alarms of a check that its mute silences.
async fn muted_alarms(deployment: &Deployment, check: &str, now: Timestamp) -> anyhow::Result<Vec<String>> {
    let (rules, environment) = rules(deployment).await?;
    let rule = rules.get(&mute_rules::name_of_mute(environment, check)).await?;
    let rule = rule.filter(|rule| mute_rules::times(rule).is_some_and(|(_, ends)| now < ends));
    Ok(rule.map(|rule| rule.alarms).unwrap_or_default())
}

async fn rules(deployment: &Deployment) -> anyhow::Result<(MuteRules, &str)> {
    let environment = deployment.environment.as_deref();
    let environment =
        environment.context("--table does not say whose alarms they are: name --environment beside it")?;
    Ok((desk::mute_rules(deployment.region.clone()).await?, environment))
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
