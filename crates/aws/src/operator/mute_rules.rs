//! Alarm mute rules on CloudWatch: muted alarms are evaluated, but do not notify.

use std::collections::BTreeSet;

use alarm::MuteRule;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::operation::get_alarm_mute_rule::{GetAlarmMuteRuleError, GetAlarmMuteRuleOutput};
use aws_sdk_cloudwatch::types::{AlarmType, MuteTargets, Rule, Schedule};
use runtime::PortError;

use crate::operator::config::{NoAccess, config};

/// Mute rules of an account and region, and the alarms that they mute.
pub struct MuteRules(Client);

impl MuteRules {
    /// Connects as an operator, with the credentials of the AWS CLI.
    ///
    /// # Errors
    /// When no region is given, nor set in variables or profile, or there are no credentials.
    pub async fn for_operator(region: Option<String>) -> Result<Self, NoAccess> {
        let config = config(region).await?;
        Ok(Self(Client::new(&config)))
    }

    /// Names of the deployed metric alarms with this prefix.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn deployed_alarms(&self, prefix: &str) -> Result<BTreeSet<String>, PortError> {
        let mut names = BTreeSet::new();
        let call = self.0.describe_alarms().alarm_name_prefix(prefix).alarm_types(AlarmType::MetricAlarm);
        let mut pages = call.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| crate::clients::port_error("list the deployed alarms", error))?;
            names.extend(page.metric_alarms().iter().filter_map(|alarm| alarm.alarm_name().map(str::to_owned)));
        }
        Ok(names)
    }

    /// Creates a rule, or replaces the one of that name.
    ///
    /// **Side effects:** mutes the rule's alarms while it is in effect.
    ///
    /// # Errors
    /// When AWS refuses it; and when it names no alarm, because AWS would then mute every alarm of the account.
    pub async fn put(&self, rule: &MuteRule) -> Result<(), PortError> {
        let operation = format!("put the alarm mute rule {}", rule.name);
        if rule.alarms.is_empty() {
            return Err(PortError::new(
                operation,
                "expected at least one alarm, found none: AWS would mute every alarm",
            ));
        }
        let schedule =
            Schedule::builder().expression(&rule.expression).duration(&rule.duration).timezone(&rule.zone).build();
        let alarms = MuteTargets::builder().set_alarm_names(Some(rule.alarms.clone())).build();
        self.0
            .put_alarm_mute_rule()
            .name(&rule.name)
            .description(&rule.description)
            .rule(Rule::builder().schedule(schedule).build())
            .mute_targets(alarms)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| crate::clients::port_error(operation, error))
    }

    /// Deletes a rule. A missing rule counts as deleted.
    ///
    /// **Side effects:** alarms in `ALARM` notify at once.
    ///
    /// # Errors
    /// When AWS refuses it.
    pub async fn end(&self, name: &str) -> Result<(), PortError> {
        let call = self.0.delete_alarm_mute_rule().alarm_mute_rule_name(name).send();
        call.await
            .map(|_| ())
            .map_err(|error| crate::clients::port_error(format!("end the alarm mute rule {name}"), error))
    }

    /// Reads a rule. Returns `None` when no rule has that name.
    ///
    /// # Errors
    /// When it cannot be read, or has no schedule or alarm names, so that another program must have written it.
    pub async fn get(&self, name: &str) -> Result<Option<MuteRule>, PortError> {
        let operation = format!("read the alarm mute rule {name}");
        match self.0.get_alarm_mute_rule().alarm_mute_rule_name(name).send().await {
            Ok(answer) => match read(name, answer) {
                Some(rule) => Ok(Some(rule)),
                None => Err(PortError::new(
                    operation,
                    "expected a rule with a schedule and alarm names, found one without them",
                )),
            },
            Err(error) => match error.as_service_error() {
                Some(GetAlarmMuteRuleError::ResourceNotFoundException(_)) => Ok(None),
                _ => Err(crate::clients::port_error(operation, error)),
            },
        }
    }

    /// Names of the rules with this prefix.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn names(&self, prefix: &str) -> Result<Vec<String>, PortError> {
        let mut names = Vec::new();
        let mut pages = self.0.list_alarm_mute_rules().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| crate::clients::port_error("list the alarm mute rules", error))?;
            // arn:aws:cloudwatch:<region>:<account>:alarm-mute-rule:<name>
            let arns = page.alarm_mute_rule_summaries().iter().filter_map(|rule| rule.alarm_mute_rule_arn());
            let own = arns.filter_map(|arn| arn.splitn(7, ':').nth(6)).filter(|name| name.starts_with(prefix));
            names.extend(own.map(str::to_owned));
        }
        Ok(names)
    }
}

fn read(name: &str, answer: GetAlarmMuteRuleOutput) -> Option<MuteRule> {
    let schedule = answer.rule?.schedule?;
    Some(MuteRule {
        name: name.to_owned(),
        description: answer.description.unwrap_or_default(),
        expression: schedule.expression?,
        duration: schedule.duration?,
        zone: schedule.timezone.unwrap_or_else(|| "UTC".to_owned()),
        alarms: answer.mute_targets?.alarm_names?,
    })
}
