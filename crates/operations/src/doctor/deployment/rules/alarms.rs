//! Alarms: all exist, all notify, and none is silenced while it is in `ALARM`.

use std::collections::{BTreeMap, BTreeSet};

use alarm::MuteRule;
use jiff::{SignedDuration, Timestamp};

use super::super::facts::{AlarmState, Deployment, StackKind};
use super::super::report::{Notes, named, words};
use crate::{mute_rules, thresholds};

/// Time after the end of a mute for which its alarms are followed up.
const FOLLOW_UP: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn judge(deployment: &Deployment, notes: &mut Notes) {
    let Ok(alarms) = &deployment.alarms else {
        notes.look("alarms", &deployment.environment, &deployment.alarms);
        return;
    };
    let silent = without_action(&deployment.environment);
    let by_name: BTreeMap<&str, &AlarmState> = alarms.iter().map(|alarm| (alarm.name.as_str(), alarm)).collect();
    for kind in [StackKind::Alarms, StackKind::Platform] {
        let Some(facts) = deployment.stack(kind).filter(|facts| facts.existing().is_some()) else { continue };
        let types = ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"];
        for name in types.iter().flat_map(|kind| facts.resources_of_type(kind)) {
            if let Some(alarm) = by_name.get(name) {
                notes.saw("alarms", name);
                actions(deployment, kind, alarm, &silent, notes);
            } else {
                let action =
                    format!("deploy again under another name, or create it by hand: {}", deployment.deploy(kind));
                let verify = format!("aws cloudwatch describe-alarms --alarm-names {name}");
                let found = "none: someone deleted it";
                notes.error(
                    "alarm-missing",
                    format!("alarm {name}"),
                    words("the alarm of the stack", found, action, verify),
                );
            }
        }
    }
    let in_alarm: Vec<&AlarmState> = alarms.iter().filter(|alarm| alarm.state == "ALARM").collect();
    for alarm in &in_alarm {
        let since = alarm.since.map(check::text::utc).unwrap_or_else(|| "an unknown time".to_owned());
        let found = format!("ALARM since {since}");
        let action = "read its description, which links the runbook";
        let verify = format!("aws cloudwatch describe-alarms --alarm-names {}", alarm.name);
        notes.note("in-alarm", format!("alarm {}", alarm.name), words("state OK", found, action, verify));
    }
    if let Some(rules) = notes.look("alarm mute rules", &deployment.environment, &deployment.mute_rules) {
        for rule in rules {
            muted(deployment, rule, &in_alarm, notes);
        }
    }
}

/// Alarms that are to have no action, by the shipped template.
fn without_action(environment: &str) -> BTreeSet<String> {
    let template = thresholds::template(environment, None).ok();
    let alarms = template.and_then(|template| alarm::alarms(&template).ok()).unwrap_or_default();
    let silent = alarms.iter().filter(|alarm| alarm.actions().alarm.is_empty());
    silent.map(|alarm| alarm.name().to_owned()).collect()
}

fn actions(deployment: &Deployment, kind: StackKind, alarm: &AlarmState, silent: &BTreeSet<String>, notes: &mut Notes) {
    let place = format!("alarm {}", alarm.name);
    let verify = format!("aws cloudwatch describe-alarms --alarm-names {}", alarm.name);
    if !alarm.actions_enabled {
        let action = format!("aws cloudwatch enable-alarm-actions --alarm-names {}", alarm.name);
        let found = "disabled: it does not notify anyone";
        notes.error("alarm-actions-disabled", &place, words("enabled actions", found, action, &verify));
    }
    let stack = deployment.functions_stack();
    let topics: Vec<&str> = ["OnCallTopic", "WarningsTopic"].iter().filter_map(|name| stack?.output(name)).collect();
    let is_reported = alarm.alarm_actions.iter().any(|action| topics.contains(&action.as_str()));
    if topics.is_empty() || is_reported || silent.contains(&alarm.name) {
        return;
    }
    let action = format!("deploy again: {}", deployment.deploy(kind));
    let (rule, found) = match alarm.alarm_actions.is_empty() {
        true => ("alarm-without-action", "none: it does not notify anyone".to_owned()),
        false => ("alarm-action-elsewhere", named(&alarm.alarm_actions)),
    };
    notes.error(rule, place, words("an action on a topic of the functions' stack", found, action, verify));
}

/// A muted alarm in `ALARM` has not notified anyone, and after the mute it may be forgotten.
fn muted(deployment: &Deployment, rule: &MuteRule, in_alarm: &[&AlarmState], notes: &mut Notes) {
    let Some((starts, ends)) = mute_rules::times(rule) else { return };
    let now = deployment.at;
    if now < starts || now > ends + FOLLOW_UP {
        return;
    }
    let was_silent = |since: Timestamp| since < ends;
    for alarm in in_alarm.iter().filter(|alarm| rule.alarms.contains(&alarm.name)) {
        if !alarm.since.is_none_or(was_silent) {
            continue;
        }
        let until = check::text::utc(ends);
        let (rule_id, found) = match now < ends {
            true => (
                "muted-in-alarm",
                format!("ALARM while {} mutes it until {until}: it does not notify anyone", rule.name),
            ),
            false => ("mute-ended-in-alarm", format!("ALARM since before {} ended at {until}", rule.name)),
        };
        let action = "look at the alarm now, and tell the people who wait for its end (`synthetics mutes` names them)";
        let verify = format!("aws cloudwatch describe-alarms --alarm-names {}", alarm.name);
        let expected = "state OK at the end of the mute";
        notes.error(rule_id, format!("alarm {}", alarm.name), words(expected, found, action, verify));
    }
}
