//! `synthetics mute`, `unmute` and `mutes`.

use std::cell::Cell;

use anyhow::{Context, anyhow, bail, ensure};
use check::incident::{CheckState, Silence, SilenceKind};
use check::text::{cut, utc};
use jiff::{SignedDuration, Timestamp};
use lambda::{MuteRule, MuteRules};
use runtime::{CommitError, OperatorStore, StateStore};
use serde_json::{Value, json};

use crate::arguments::{Deployment, MuteOptions, MutesOptions, UnmuteOptions};
use crate::exit::Exit;
use crate::{checks, deployment, mute_rules, tables, thresholds};

/// The longest mute: what is silenced for longer should not run, or have a window in the settings.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How often a write is tried when runs write in between.
const TRIES: u32 = 8;

/// Tells nobody of a check or a subject for a while.
pub(crate) async fn mute(options: &MuteOptions) -> anyhow::Result<Exit> {
    let (check, subject) = deployment::scope(&options.what)?;
    if options.duration > LONGEST {
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
        until: now + options.duration,
        by: cut(&options.by, Silence::MAX_TEXT),
        reason: cut(&options.reason, Silence::MAX_TEXT),
    };
    let table = deployment::table(&options.deployment).await?;
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
    match mute_alarms(&options.deployment, check, &silence).await {
        Ok(rule) => {
            let (begins, ends) = mute_rules::times(&rule).unwrap_or((silence.from, silence.until));
            let count = rule.alarms.len();
            println!("{count} alarms are muted with it from {} until {}: {}", utc(begins), utc(ends), rule.name);
            Ok(Exit::Passed)
        }
        Err(error) => {
            match rule_that_holds(&rules(&options.deployment).await, check).await {
                Ok(Some((_, ends))) => {
                    eprintln!("its alarms are still muted until {} by the earlier rule: {error:#}", utc(ends));
                }
                Ok(None) => eprintln!("its alarms are not muted, and tell as ever: {error:#}"),
                Err(_) => eprintln!("its alarms may not be muted, or still by an earlier rule: {error:#}"),
            }
            eprintln!("  mend it and mute again; docs/operations.md, \"Muting\", says what it takes");
            Ok(Exit::Failed)
        }
    }
}

/// Ends a mute.
pub(crate) async fn unmute(options: &UnmuteOptions) -> anyhow::Result<Exit> {
    let (check, subject) = deployment::scope(&options.what)?;
    let table = deployment::table(&options.deployment).await?;
    let now = Timestamp::now();
    // Alarms first: when only they can still be unmuted, it is worth trying again.
    let alarms = match subject {
        None => unmute_alarms(&options.deployment, check).await,
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

/// A row of what is muted.
struct Row {
    check: &'static str,
    /// `None`: only its alarms are muted.
    mute: Option<Silence>,
    /// Its rule, and when that ends.
    alarms: anyhow::Result<Option<(MuteRule, Timestamp)>>,
}

/// What is muted now.
pub(crate) async fn list(options: &MutesOptions) -> anyhow::Result<Exit> {
    let table = deployment::table(&options.deployment).await?;
    let rules = rules(&options.deployment).await;
    let now = Timestamp::now();
    let mut rows = Vec::new();
    let mut unknown = None;
    for check in checks::ids(&[])? {
        let mutes = table.load(check).await?.state.mutes.into_iter().filter(|mute| mute.holds_at(now));
        let (of_subjects, of_all): (Vec<_>, Vec<_>) = mutes.partition(|mute| mute.subject.is_some());
        // A rule may outlive its silence: when it could not be ended, or not be changed.
        let alarms = rule_that_holds(&rules, check).await;
        match (&alarms, of_all.is_empty()) {
            (Err(error), false) => eprintln!("whether the alarms of {check} are muted is not known: {error:#}"),
            (Err(error), true) => unknown = Some(format!("{error:#}")),
            (Ok(_), _) => {}
        }
        if !of_all.is_empty() || matches!(alarms, Ok(Some(_))) {
            rows.push(Row { check, mute: of_all.into_iter().next(), alarms });
        }
        rows.extend(of_subjects.into_iter().map(|mute| Row { check, mute: Some(mute), alarms: Ok(None) }));
    }
    if let Some(error) = unknown {
        eprintln!("whether alarms of other checks are still muted is not known: {error}");
    }
    if options.json {
        let rows: Vec<_> = rows.iter().map(Row::as_value).collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else if rows.is_empty() {
        println!("nothing is muted");
    } else {
        let rows = rows.iter().map(Row::columns);
        println!("{}", tables::columns(["MUTED", "SINCE", "UNTIL", "ALARMS", "BY", "WHY"], rows));
    }
    Ok(Exit::Passed)
}

impl Row {
    fn as_value(&self) -> Value {
        let alarms = match &self.alarms {
            Ok(Some((rule, _))) => json!(rule.alarms),
            Ok(None) => json!([]),
            Err(_) => Value::Null,
        };
        let until = self.alarms.as_ref().ok().and_then(Option::as_ref).map(|(_, ends)| ends.to_string());
        json!({ "check": self.check, "mute": self.mute, "alarms": alarms, "alarms_until": until })
    }

    fn columns(&self) -> [String; 6] {
        let Some(mute) = &self.mute else {
            let (count, until, why) = match &self.alarms {
                Ok(Some((rule, ends))) => (rule.alarms.len(), utc(*ends), rule.description.clone()),
                _ => (0, String::new(), String::new()),
            };
            let what = format!("{}: alarms only", self.check);
            return [what, String::new(), until, format!("{count} muted"), String::new(), why];
        };
        let alarms = match &self.alarms {
            // Rules end at full minutes, up to one later.
            Ok(Some((rule, ends))) if ends.duration_since(mute.until).abs() > SignedDuration::from_mins(2) => {
                format!("{} muted until {}", rule.alarms.len(), utc(*ends))
            }
            Ok(Some((rule, _))) => format!("{} muted", rule.alarms.len()),
            Ok(None) => "not muted".to_owned(),
            Err(_) => "not known".to_owned(),
        };
        let what = deployment::written(self.check, mute.subject.as_ref());
        [what, utc(mute.from), utc(mute.until), alarms, mute.by.clone(), mute.reason.clone()]
    }
}

/// Mutes the alarms of a check as long as the silence lasts.
async fn mute_alarms(deployment: &Deployment, check: &str, silence: &Silence) -> anyhow::Result<MuteRule> {
    let (rules, environment) = rules(deployment).await?;
    let deployed = rules.deployed_alarms(&deployment::named(environment, "")).await?;
    let alarms = mute_rules::alarms_of(&thresholds::shipped(environment)?, &deployed, &[check]);
    ensure!(!alarms.is_empty(), "no alarm of {check} is deployed in {environment}: deploy infra/alarms.yaml");
    let name = mute_rules::name_of_mute(environment, check);
    let before = rules.get(&name).await?;
    // All calls before this one took their time: the rule begins by the clock of now.
    let now = Timestamp::now();
    let rule = mute_rules::for_mute(name.clone(), silence, alarms.clone(), before.as_ref(), now)?;
    rules.put(&rule).await?;
    let begins = |rule: &MuteRule| mute_rules::times(rule).map(|(begins, _)| begins);
    let arrived = Timestamp::now();
    // Its minute may have gone by on the way, and then it might never begin.
    if begins(&rule).is_some_and(|begins| now < begins && begins <= arrived) {
        let rule = mute_rules::for_mute(name, silence, alarms, None, arrived)?;
        rules.put(&rule).await?;
        return Ok(rule);
    }
    Ok(rule)
}

/// Ends the rule of a check; whether it was still to hold.
async fn unmute_alarms(deployment: &Deployment, check: &str) -> anyhow::Result<bool> {
    let (rules, environment) = rules(deployment).await?;
    let name = mute_rules::name_of_mute(environment, check);
    let Some(rule) = rules.get(&name).await? else { return Ok(false) };
    rules.end(&name).await?;
    Ok(mute_rules::times(&rule).is_some_and(|(_, ends)| Timestamp::now() < ends))
}

/// The rule that mutes the alarms of a check, and when it ends; `None` when there is none, or it is over.
async fn rule_that_holds(
    rules: &anyhow::Result<(MuteRules, &str)>,
    check: &str,
) -> anyhow::Result<Option<(MuteRule, Timestamp)>> {
    let (rules, environment) = rules.as_ref().map_err(|error| anyhow!("{error:#}"))?;
    let Some(rule) = rules.get(&mute_rules::name_of_mute(environment, check)).await? else { return Ok(None) };
    let ends = mute_rules::times(&rule).map(|(_, ends)| ends).filter(|ends| Timestamp::now() < *ends);
    Ok(ends.map(|ends| (rule, ends)))
}

async fn rules(deployment: &Deployment) -> anyhow::Result<(MuteRules, &str)> {
    let environment = deployment.environment.as_deref();
    let environment =
        environment.context("--table does not say whose alarms they are: name --environment beside it")?;
    Ok((deployment::mute_rules(deployment.region.clone()).await?, environment))
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
