//! `synthetics maintenance`: maintenance windows of the settings, and the alarm mute rules that follow them.

use std::collections::BTreeMap;

use alarm::MuteRule;
use aws::MuteRules;
use jiff::Timestamp;
use operations::mute_rules::{self, Verdict};
use operations::{checks, names, thresholds};
use runtime::PortError;
use serde_json::{Value, json};

use crate::arguments::MaintenanceOptions;
use crate::deployment::access;
use crate::exit::Exit;
use crate::{tables, terminal};

/// State of a window's rule, or of a rule whose window is gone.
struct Line {
    window: String,
    rule: Option<MuteRule>,
    state: String,
    /// True when CloudWatch agrees with the settings.
    is_synced: bool,
}

/// Lists the maintenance windows with the rule of each; changes nothing.
pub(crate) async fn list(options: &MaintenanceOptions) -> anyhow::Result<Exit> {
    run(options, false).await
}

/// Creates missing rules, and ends rules whose window is gone.
pub(crate) async fn sync(options: &MaintenanceOptions) -> anyhow::Result<Exit> {
    run(options, true).await
}

async fn run(options: &MaintenanceOptions, sync: bool) -> anyhow::Result<Exit> {
    let checks = checks::from_file(&options.settings, &[])?;
    let Some(common) = checks.first().map(|check| check.common()) else { return Ok(Exit::Passed) };
    let environment = &common.environment;
    let rules = access::mute_rules(options.region.given.clone(), environment).await?;
    let shipped = thresholds::shipped(environment)?;
    let deployed = rules.deployed_alarms(&names::resource(environment, "")).await?;
    let mut before = window_rules(&rules, environment).await?;

    let alarms_for_checks = |checks: &[&str]| mute_rules::alarms_for_checks(&shipped, &deployed, checks);
    let verdicts = mute_rules::for_windows(environment, &common.windows, alarms_for_checks, &before, Timestamp::now());
    let mut lines = Vec::new();
    for (window, verdict) in common.windows.iter().zip(verdicts) {
        let (rule, (state, is_synced)) = match verdict {
            Verdict::None(why) => (None, (why.to_owned(), true)),
            // Ending the rule would let alarms notify during the window.
            Verdict::Impossible { name, why } => match before.remove(&name) {
                Some(rule) => (Some(rule), (format!("kept: {why}"), false)),
                None => (None, (why, false)),
            },
            Verdict::Rule(rule) => {
                let is_there = before.remove(&rule.name).is_some_and(|before| is_same(&before, &rule));
                let state = match (is_there, sync) {
                    (true, _) => ("in place".to_owned(), true),
                    (false, true) => outcome("created", rules.put(&rule).await),
                    (false, false) => ("missing".to_owned(), false),
                };
                (Some(rule), state)
            }
        };
        lines.push(Line { window: window.name().to_owned(), rule, state, is_synced });
    }
    for (name, rule) in before {
        let (state, is_synced) =
            if sync { outcome("ended", rules.end(&name).await) } else { ("obsolete".to_owned(), false) };
        lines.push(Line { window: "(no longer in the settings)".to_owned(), rule: Some(rule), state, is_synced });
    }
    print(options, &lines)?;
    if !options.json && !sync && lines.iter().any(|line| !line.is_synced) {
        println!("to create missing rules and end obsolete ones: synthetics maintenance sync");
    }
    if !options.json && common.windows.iter().any(|window| window.scopes().is_empty()) {
        println!("alarms of infra/platform.yaml are not muted, even by a window over all checks");
    }
    if !options.json {
        for note in crate::settings::skipped_starts(&common.windows, Timestamp::now()) {
            println!("{note}; AWS does not document when its rule does");
        }
    }
    Ok(if lines.iter().all(|line| line.is_synced) { Exit::Passed } else { Exit::Failed })
}

/// Reads the existing rules of windows, by name.
async fn window_rules(rules: &MuteRules, environment: &str) -> anyhow::Result<BTreeMap<String, MuteRule>> {
    let mut found = BTreeMap::new();
    for name in rules.names(&mute_rules::window_name_prefix(environment)).await? {
        if let Some(rule) = rules.get(&name).await?
            && rule.description.starts_with(&mute_rules::window_description_prefix(environment))
        {
            found.insert(name, rule);
        }
    }
    Ok(found)
}

/// Compares rules; CloudWatch may list the alarms in another order.
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

fn print(options: &MaintenanceOptions, lines: &[Line]) -> anyhow::Result<()> {
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
                json!({ "window": line.window, "rule": rule, "state": line.state, "is_synced": line.is_synced })
            })
            .collect();
        terminal::json(&lines)?;
        return Ok(());
    }
    if lines.is_empty() {
        println!("no maintenance windows, and no rules for any");
        return Ok(());
    }
    let rows = lines.iter().map(|line| {
        let cell = |text: fn(&MuteRule) -> String| line.rule.as_ref().map(text).unwrap_or_default();
        [
            line.window.clone(),
            cell(|rule| rule.name.clone()),
            cell(|rule| rule.expression.clone()),
            cell(|rule| rule.duration.clone()),
            cell(|rule| rule.zone.clone()),
            cell(|rule| rule.alarms.len().to_string()),
            line.state.clone(),
        ]
    });
    terminal::print(&tables::columns(["WINDOW", "RULE", "BEGINS", "DURATION", "ZONE", "ALARMS", "STATE"], rows));
    Ok(())
}
