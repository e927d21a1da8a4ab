//! `synthetics maintenance`: the alarms are muted in the maintenance windows of the settings, too.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lambda::{MuteRule, MuteRules};
use runtime::PortError;
use serde_json::{Value, json};

use crate::arguments::WindowsOptions;
use crate::exit::Exit;
use crate::mute_rules::{self, Verdict};
use crate::{checks, deployment, tables, thresholds};

/// How a window, or a rule whose window is gone, stands.
struct Line {
    window: String,
    rule: Option<MuteRule>,
    state: String,
    /// Whether alarms are as the settings have it.
    is_well: bool,
}

/// Lists the rule of each window, and brings CloudWatch's rules to the settings with `--yes`.
pub(crate) async fn windows(options: &WindowsOptions) -> anyhow::Result<Exit> {
    let checks = checks::from_file(&options.settings, &[])?;
    let Some(common) = checks.first().map(|check| check.common()) else { return Ok(Exit::Passed) };
    let environment = &common.environment;
    let rules = deployment::mute_rules(options.region.clone()).await?;
    let shipped = thresholds::shipped(environment)?;
    let deployed = rules.deployed_alarms(&deployment::named(environment, "")).await?;
    let mut before = rules_of_windows(&rules, environment).await?;

    let alarms_of = |checks: &[&str]| mute_rules::alarms_of(&shipped, &deployed, checks);
    let verdicts = mute_rules::for_windows(environment, &common.windows, alarms_of, &before, Timestamp::now());
    let mut lines = Vec::new();
    for (window, verdict) in common.windows.iter().zip(verdicts) {
        let (rule, (state, is_well)) = match verdict {
            Verdict::None(why) => (None, (why.to_owned(), true)),
            // Ended, it would let alarms tell in the midst of the window.
            Verdict::Impossible { name, why } => match before.remove(&name) {
                Some(rule) => (Some(rule), (format!("kept, {why}"), false)),
                None => (None, (why, false)),
            },
            Verdict::Rule(rule) => {
                let is_there = before.remove(&rule.name).is_some_and(|before| is_same(&before, &rule));
                let state = match (is_there, options.yes) {
                    (true, _) => ("in place".to_owned(), true),
                    (false, true) => outcome("put", rules.put(&rule).await),
                    (false, false) => ("to put".to_owned(), false),
                };
                (Some(rule), state)
            }
        };
        lines.push(Line { window: window.name().to_owned(), rule, state, is_well });
    }
    for (name, rule) in before {
        let (state, is_well) =
            if options.yes { outcome("ended", rules.end(&name).await) } else { ("to end".to_owned(), false) };
        lines.push(Line { window: "gone, or over".to_owned(), rule: Some(rule), state, is_well });
    }
    print(options, &lines)?;
    if !options.json && common.windows.iter().any(|window| window.scopes().is_empty()) {
        println!(
            "the alarms of infra/platform.yaml are in no rule: they go on telling, in a window over everything too"
        );
    }
    Ok(if lines.iter().all(|line| line.is_well) { Exit::Passed } else { Exit::Failed })
}

/// The windows' rules that are there, by name.
async fn rules_of_windows(rules: &MuteRules, environment: &str) -> anyhow::Result<BTreeMap<String, MuteRule>> {
    let mut found = BTreeMap::new();
    for name in rules.names(&mute_rules::prefix_of_windows(environment)).await? {
        if let Some(rule) = rules.get(&name).await?
            && rule.description.starts_with(&mute_rules::mark_of_windows(environment))
        {
            found.insert(name, rule);
        }
    }
    Ok(found)
}

/// CloudWatch may give the alarms in an order of its own.
fn is_same(one: &MuteRule, other: &MuteRule) -> bool {
    let sorted = |rule: &MuteRule| {
        let mut rule = rule.clone();
        rule.alarms.sort();
        rule
    };
    sorted(one) == sorted(other)
}

fn outcome(done: &str, result: Result<(), PortError>) -> (String, bool) {
    match result {
        Ok(()) => (done.to_owned(), true),
        Err(error) => (error.to_string(), false),
    }
}

fn print(options: &WindowsOptions, lines: &[Line]) -> anyhow::Result<()> {
    if options.json {
        let lines: Vec<Value> = lines
            .iter()
            .map(|line| {
                let rule = line.rule.as_ref().map(|rule| {
                    json!({
                        "name": rule.name,
                        "expression": rule.expression,
                        "duration": rule.duration,
                        "time_zone": rule.zone,
                        "alarms": rule.alarms,
                    })
                });
                json!({ "window": line.window, "rule": rule, "state": line.state, "is_well": line.is_well })
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&lines)?);
        return Ok(());
    }
    if lines.is_empty() {
        println!("no maintenance windows, and no alarm mute rule of one");
        return Ok(());
    }
    let rows = lines.iter().map(|line| {
        let of = |text: fn(&MuteRule) -> String| line.rule.as_ref().map(text).unwrap_or_default();
        [
            line.window.clone(),
            of(|rule| rule.name.clone()),
            of(|rule| rule.expression.clone()),
            of(|rule| rule.duration.clone()),
            of(|rule| rule.zone.clone()),
            of(|rule| rule.alarms.len().to_string()),
            line.state.clone(),
        ]
    });
    println!("{}", tables::columns(["WINDOW", "RULE", "BEGINS", "LASTS", "ZONE", "ALARMS", ""], rows));
    if !options.yes && lines.iter().any(|line| !line.is_well) {
        println!("--yes puts what is to put, and ends what is to end");
    }
    Ok(())
}
