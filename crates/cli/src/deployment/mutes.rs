//! `synthetics mute`, `unmute` and `mutes`.

use std::sync::Arc;

use alarm::MuteRule;
use anyhow::{Context, anyhow, bail, ensure};
use async_trait::async_trait;
use aws::MuteRules;
use check::Subject;
use check::incident::Silence;
use check::text::utc;
use console::{Actions, AlarmMutes};
use jiff::{SignedDuration, Timestamp};
use operations::amendment::{self, Author, MuteLength, Muted};
use operations::{checks, mute_rules, names, thresholds};
use runtime::OperatorStore;
use serde_json::{Value, json};
use settings::suggestion;

use crate::arguments::deployment::Deployment;
use crate::arguments::{MuteOptions, MutesOptions, UnmuteOptions};
use crate::deployment::access;
use crate::exit::Exit;
use crate::{serving, tables, terminal};

/// Silences notifications of a check or a subject, and the alarms of a check.
pub(crate) async fn mute(options: &MuteOptions) -> anyhow::Result<Exit> {
    let (check, subject) = names::parse_scope(&options.scope)?;
    let (length, author) = (MuteLength::new(options.duration)?, Author::new(&options.by.name, &options.reason)?);
    let store = access::state(&options.deployment).await?;
    let Muted { silence, unhealthy } =
        amendment::mute(&*store, (check, subject), length, author, Timestamp::now()).await?;
    println!("{} is muted until {}", options.scope, utc(silence.until));
    println!("the check keeps running and publishing; incidents that are still open then are reported then");
    if let Some(subject) = &silence.subject
        && let Some(note) = not_unhealthy(subject, &unhealthy)
    {
        eprintln!("note: {note}");
    }
    if options.deployment.store.is_some() {
        return Ok(Exit::Passed);
    }
    if silence.subject.is_some() {
        println!("alarms are per check: those of {check} are not muted");
        return Ok(Exit::Passed);
    }
    let muted = async {
        let (rules, environment) = rules(&options.deployment).await?;
        mute_alarms(&rules, environment, check, &silence).await
    };
    match muted.await {
        Ok(rule) => {
            let (begins, ends) = mute_rules::times(&rule).unwrap_or((silence.from, silence.until));
            let count = rule.alarms.len();
            println!("{count} alarms are muted from {} until {}, by the rule {}", utc(begins), utc(ends), rule.name);
            Ok(Exit::Passed)
        }
        Err(error) => {
            match active_rule(&rules(&options.deployment).await, check).await {
                Ok(Some((_, ends))) => {
                    eprintln!("warning: alarms stay muted until {}, by an earlier rule: {error:#}", utc(ends));
                }
                Ok(None) => eprintln!("warning: alarms are not muted and keep notifying: {error:#}"),
                Err(_) => {
                    eprintln!("warning: alarms may not be muted, or still be muted by an earlier rule: {error:#}")
                }
            }
            eprintln!("  fix the cause and mute again; docs/operations/muting.md lists what is needed");
            Ok(Exit::Failed)
        }
    }
}

/// Names the subjects that may be meant, if some are unhealthy but not this one. A healthy one may be muted too.
fn not_unhealthy(subject: &Subject, unhealthy: &[Subject]) -> Option<String> {
    if unhealthy.is_empty() || unhealthy.contains(subject) {
        return None;
    }
    let known: Vec<&str> = unhealthy.iter().map(Subject::as_str).collect();
    Some(format!("{subject} is not unhealthy now{}", suggestion(subject.as_str(), &known)))
}

/// Ends a mute.
pub(crate) async fn unmute(options: &UnmuteOptions) -> anyhow::Result<Exit> {
    let (check, subject) = names::parse_scope(&options.scope)?;
    let store = access::state(&options.deployment).await?;
    let now = Timestamp::now();
    // Alarms first: if that fails, the command can be repeated.
    let alarms = match subject {
        None if options.deployment.store.is_none() => match rules(&options.deployment).await {
            Ok((rules, environment)) => unmute_alarms(&rules, environment, check).await,
            Err(error) => Err(error),
        },
        _ => Ok(false),
    };
    let ended = amendment::unmute(&*store, check, subject.as_ref(), now).await?;
    if ended.is_ok() {
        println!("{} is no longer muted; its next run sends a notification of each open incident", options.scope);
    }
    match alarms {
        Ok(true) => println!("its alarms are no longer muted; those in ALARM notify now"),
        Ok(false) if let Err(muted) = &ended => {
            let muted: Vec<&str> = muted.iter().map(String::as_str).collect();
            bail!(
                "{} is not muted{}\n`synthetics mutes` lists active mutes",
                options.scope,
                suggestion(&options.scope, &muted)
            )
        }
        Ok(false) => {}
        Err(error) => {
            eprintln!("warning: alarms may still be muted: {error:#}");
            eprintln!("  fix the cause and unmute again; docs/operations/muting.md lists what is needed");
            return Ok(Exit::Failed);
        }
    }
    Ok(Exit::Passed)
}

/// Row of the list of mutes.
struct Row {
    check: &'static str,
    /// `None` when only the alarms are muted.
    mute: Option<Silence>,
    /// The alarm mute rule, and its end.
    alarms: anyhow::Result<Option<(MuteRule, Timestamp)>>,
    /// False for a store on this machine, where no rule mutes alarms.
    has_rules: bool,
}

/// Lists active mutes.
pub(crate) async fn list(options: &MutesOptions) -> anyhow::Result<Exit> {
    let store = access::state_to_read(&options.deployment).await?;
    let rules = match &options.deployment.store {
        None => Some(rules(&options.deployment).await),
        Some(_) => None,
    };
    let has_rules = rules.is_some();
    let now = Timestamp::now();
    let mut rows = Vec::new();
    let mut unknown = None;
    for check in checks::ids(&[])? {
        let mutes = store.load(check).await?.state.mutes.into_iter().filter(|mute| mute.holds_at(now));
        let (subject_mutes, check_mutes): (Vec<_>, Vec<_>) = mutes.partition(|mute| mute.subject.is_some());
        // A rule may outlive its mute, if it could not be ended or changed.
        let alarms = match &rules {
            Some(rules) => active_rule(rules, check).await,
            None => Ok(None),
        };
        match (&alarms, check_mutes.is_empty()) {
            (Err(error), false) => eprintln!("warning: cannot tell if the alarms of {check} are muted: {error:#}"),
            (Err(error), true) => unknown = Some(format!("{error:#}")),
            (Ok(_), _) => {}
        }
        if !check_mutes.is_empty() || matches!(alarms, Ok(Some(_))) {
            rows.push(Row { check, mute: check_mutes.into_iter().next(), alarms, has_rules });
        }
        rows.extend(subject_mutes.into_iter().map(|mute| Row { check, mute: Some(mute), alarms: Ok(None), has_rules }));
    }
    if let Some(error) = unknown {
        eprintln!("warning: cannot tell if alarms of other checks are still muted: {error}");
    }
    if options.json {
        let rows: Vec<_> = rows.iter().map(Row::as_value).collect();
        terminal::json(&rows)?;
    } else if rows.is_empty() {
        println!("nothing is muted");
    } else {
        let rows = rows.iter().map(Row::columns);
        terminal::print(&tables::columns(["SCOPE", "SINCE", "UNTIL", "ALARMS", "BY", "REASON"], rows));
    }
    Ok(Exit::Passed)
}

impl Row {
    fn as_value(&self) -> Value {
        if !self.has_rules {
            return json!({ "check": self.check, "mute": self.mute });
        }
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
            _ if !self.has_rules => String::new(),
            // Rules end at full minutes, so up to one minute later.
            Ok(Some((rule, ends))) if ends.duration_since(mute.until).abs() > SignedDuration::from_mins(2) => {
                format!("{} muted until {}", rule.alarms.len(), utc(*ends))
            }
            Ok(Some((rule, _))) => format!("{} muted", rule.alarms.len()),
            Ok(None) => "not muted".to_owned(),
            Err(_) => "unknown".to_owned(),
        };
        let what = names::format_scope(self.check, mute.subject.as_ref());
        [what, utc(mute.from), utc(mute.until), alarms, mute.by.clone(), mute.reason.clone()]
    }
}

/// What a person may do on a deployment from the console.
pub(crate) async fn actions(deployment: &Deployment, environment: &str) -> anyhow::Result<Actions> {
    let store: Arc<dyn OperatorStore> = access::state(deployment).await?.into();
    let rules = access::mute_rules(deployment.region.given.clone(), environment).await?;
    let alarm_mutes = Arc::new(OfDeployment { rules, environment: environment.to_owned() });
    Ok(Actions { store, alarm_mutes: Some(alarm_mutes), runs: None, by: serving::person() })
}

/// Alarms of a deployment, muted from the console.
struct OfDeployment {
    rules: MuteRules,
    environment: String,
}

#[async_trait]
impl AlarmMutes for OfDeployment {
    async fn mute(&self, check: &str, silence: &Silence) -> anyhow::Result<String> {
        let rule = mute_alarms(&self.rules, &self.environment, check, silence).await?;
        Ok(format!("{} alarms are muted too, by the rule {}.", rule.alarms.len(), rule.name))
    }

    async fn unmute(&self, check: &str) -> anyhow::Result<String> {
        let was_muted = unmute_alarms(&self.rules, &self.environment, check).await?;
        Ok(if was_muted { "Its alarms are no longer muted." } else { "Its alarms were not muted." }.to_owned())
    }
}

/// Mutes the alarms of a check for as long as the silence.
async fn mute_alarms(rules: &MuteRules, environment: &str, check: &str, silence: &Silence) -> anyhow::Result<MuteRule> {
    let deployed = rules.deployed_alarms(&names::resource(environment, "")).await?;
    let alarms = mute_rules::alarms_for_checks(&thresholds::shipped(environment)?, &deployed, &[check]);
    ensure!(!alarms.is_empty(), "no alarm of {check} is deployed in {environment}; deploy infra/alarms.yaml");
    let name = mute_rules::mute_rule_name(environment, check);
    let before = rules.get(&name).await?;
    // The calls above took time, so the rule begins at the current time.
    let now = Timestamp::now();
    let rule = mute_rules::for_mute(name.clone(), silence, alarms.clone(), before.as_ref(), now)?;
    rules.put(&rule).await?;
    let begins = |rule: &MuteRule| mute_rules::times(rule).map(|(begins, _)| begins);
    let arrived = Timestamp::now();
    // If its first minute passed during the call, the rule might never begin.
    if begins(&rule).is_some_and(|begins| now < begins && begins <= arrived) {
        let rule = mute_rules::for_mute(name, silence, alarms, None, arrived)?;
        rules.put(&rule).await?;
        return Ok(rule);
    }
    Ok(rule)
}

/// Ends the rule of a check. Returns true if it was still in force.
async fn unmute_alarms(rules: &MuteRules, environment: &str, check: &str) -> anyhow::Result<bool> {
    let name = mute_rules::mute_rule_name(environment, check);
    let Some(rule) = rules.get(&name).await? else { return Ok(false) };
    rules.end(&name).await?;
    Ok(mute_rules::times(&rule).is_some_and(|(_, ends)| Timestamp::now() < ends))
}

/// Finds the rule that mutes the alarms of a check, and its end; `None` when none is in force.
async fn active_rule(
    rules: &anyhow::Result<(MuteRules, &str)>,
    check: &str,
) -> anyhow::Result<Option<(MuteRule, Timestamp)>> {
    let (rules, environment) = rules.as_ref().map_err(|error| anyhow!("{error:#}"))?;
    let Some(rule) = rules.get(&mute_rules::mute_rule_name(environment, check)).await? else { return Ok(None) };
    let ends = mute_rules::times(&rule).map(|(_, ends)| ends).filter(|ends| Timestamp::now() < *ends);
    Ok(ends.map(|ends| (rule, ends)))
}

async fn rules(deployment: &Deployment) -> anyhow::Result<(MuteRules, &str)> {
    let environment = deployment.environment.as_deref();
    let environment =
        environment.context("alarms are named after the environment; give --environment together with --table")?;
    Ok((access::mute_rules(deployment.region.given.clone(), environment).await?, environment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_subject_suggests_an_unhealthy_one() {
        let subjects = |names: &[&str]| names.iter().map(|name| Subject::new(*name).unwrap()).collect::<Vec<_>>();
        let note = |name: &str, unhealthy: &[&str]| not_unhealthy(&subjects(&[name])[0], &subjects(unhealthy));
        let expected = "emials is not unhealthy now; did you mean \"emails\"?";
        assert_eq!(note("emials", &["default", "emails"]).as_deref(), Some(expected));
        assert_eq!(note("emails", &["default", "emails"]), None);
        assert_eq!(note("emails", &[]), None);
    }
}
