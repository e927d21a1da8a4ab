//! Limits of the account, the private network, the platform's address, and the clock.

use jiff::SignedDuration;

use super::super::facts::{Deployment, Endpoint, SmsFacts};
use super::super::report::{Notes, named, words};

/// Largest difference of the clocks. AWS refuses signatures at five minutes.
const MAX_SKEW: SignedDuration = SignedDuration::from_secs(60);
/// Monthly limit on SMS of an account that never set one. **Units:** USD.
const DEFAULT_SMS_LIMIT: f64 = 1.0;
/// Services that a run calls.
const NEEDED: [&str; 4] = ["dynamodb", "monitoring", "sns", "ssm"];

pub(super) fn judge(deployment: &Deployment, notes: &mut Notes) {
    let account = "account";
    let running = deployment.functions.iter().filter(|function| function.is_running).count() as u64;
    if let Some(limits) = notes.look("quota of concurrent executions", account, &deployment.limits) {
        let found = limits.unreserved_concurrent_executions;
        if found < running {
            let expected = format!("at least {running} unreserved executions, one for each check");
            let action = "request more in Service Quotas (Lambda, concurrent executions), or reserve fewer";
            let verify = "aws lambda get-account-settings";
            notes.error("concurrency-low", account, words(expected, found.to_string(), action, verify));
        }
    }
    if has_sms(deployment)
        && let Some(sms) = notes.look("SMS of the account", account, &deployment.sms)
    {
        judge_sms(deployment, sms, notes);
    }
    private_network(deployment, notes);
    base_url(deployment, notes);
    clock(deployment, notes);
}

fn has_sms(deployment: &Deployment) -> bool {
    let subscriptions = deployment.topics.iter().filter_map(|topic| topic.subscriptions.as_ref().ok()).flatten();
    let wanted = deployment.topics.iter().flat_map(|topic| &topic.wanted);
    subscriptions
        .map(|subscription| subscription.protocol.as_str())
        .chain(wanted.map(|(protocol, _)| *protocol))
        .any(|p| p == "sms")
}

fn judge_sms(deployment: &Deployment, sms: &SmsFacts, notes: &mut Notes) {
    let place = "SMS of the account";
    if sms.is_in_sandbox {
        let found = "the sandbox: only verified numbers get SMS";
        let action = "verify the number, or leave the sandbox: docs/deploy/delivery.md#sms";
        let verify = "aws sns get-sms-sandbox-account-status";
        notes.error("sms-sandbox", place, words("an account outside the SMS sandbox", found, action, verify));
    }
    if sms.default_type.as_deref() != Some("Transactional") {
        let found = sms.default_type.as_deref().unwrap_or("no default, which is Promotional");
        let action = "aws sns set-sms-attributes --attributes DefaultSMSType=Transactional";
        let expected = "DefaultSMSType Transactional: SMS of alarms use it";
        notes.error("sms-type", place, words(expected, found, action, "aws sns get-sms-attributes"));
    }
    let limit = sms.monthly_limit.unwrap_or(DEFAULT_SMS_LIMIT);
    let name = crate::names::resource(&deployment.environment, "sms-spending");
    let alarms = deployment.alarms.as_ref().ok().into_iter().flatten();
    let threshold = alarms.filter(|alarm| alarm.name == name).find_map(|alarm| alarm.threshold);
    if let Some(threshold) = threshold.filter(|threshold| *threshold >= limit) {
        let expected = format!("a threshold of sms-spending below the monthly limit of {limit} USD");
        let action = "raise MonthlySpendLimit or lower SmsSpending in infra/alarms.yaml: docs/deploy/delivery.md#sms";
        let found = format!("{threshold} USD: SMS stop before the alarm");
        notes.error("sms-limit", place, words(expected, found, action, "aws sns get-sms-attributes"));
    }
}

/// Endpoints are one way out of a private network, a NAT gateway another: only runs show which one works.
fn private_network(deployment: &Deployment, notes: &mut Notes) {
    for (vpc, endpoints) in &deployment.endpoints {
        let Some(endpoints) = notes.look("endpoints of the private network", vpc, endpoints) else { continue };
        let is_available = |service: &&&str| {
            let serves = |endpoint: &&Endpoint| endpoint.service_name.ends_with(&format!(".{service}"));
            endpoints.iter().filter(serves).any(|endpoint| endpoint.state.eq_ignore_ascii_case("available"))
        };
        let missing: Vec<&&str> = NEEDED.iter().filter(|service| !is_available(service)).collect();
        if missing.is_empty() {
            continue;
        }
        let attached = deployment.functions.iter().filter(|function| {
            function.configuration.as_ref().is_ok_and(|configuration| configuration.vpc() == Some(vpc))
        });
        let runs = attached.filter(|function| function.is_running).any(|function| {
            let item = function.state.as_ref().and_then(|state| state.as_ref().ok());
            item.and_then(|item| item.last_run.values().map(|run| run.at).max())
                .is_some_and(|at| deployment.at.duration_since(at) < SignedDuration::from_mins(5))
        });
        if runs {
            continue;
        }
        let action = "set PrivateEndpoints to create, or list the existing ids: docs/deploy/private-network.md";
        let verify = format!("aws ec2 describe-vpc-endpoints --filters Name=vpc-id,Values={vpc}");
        let found = format!("none available for {}, and no recent run", named(missing.iter().map(|name| **name)));
        notes.error(
            "endpoint-missing",
            format!("network {vpc}"),
            words("endpoints of the services of a run", found, action, verify),
        );
    }
}

fn base_url(deployment: &Deployment, notes: &mut Notes) {
    let Some((place, connected)) = &deployment.base_url else { return };
    let Err(unanswered) = connected else {
        notes.saw("platform, from this machine", place);
        return;
    };
    // A platform in a private network answers the functions only.
    let stack = deployment.functions_stack();
    let is_private =
        stack.and_then(|stack| stack.parameter("PrivateSubnets")).is_some_and(|subnets| !subnets.is_empty());
    if is_private {
        notes.could_not("platform, from this machine", place, unanswered.to_string());
        return;
    }
    let action = "correct base_url in the settings, or open the platform to the functions";
    let verify = "synthetics run availability --settings <file>";
    notes.error(
        "platform-unreachable",
        format!("platform {place}"),
        words("a connection", unanswered.message.clone(), action, verify),
    );
}

fn clock(deployment: &Deployment, notes: &mut Notes) {
    let Some(skew) = deployment.skew else {
        notes.could_not("clock of this machine", "this machine", "the answers of AWS had no time");
        return;
    };
    notes.saw("clock of this machine", "this machine");
    if skew.abs() > MAX_SKEW {
        let found = format!("{} s", skew.as_secs());
        let action = "synchronize the clock, for example with NTP: AWS refuses signatures five minutes off";
        let expected = format!("at most {} s from the time of AWS", MAX_SKEW.as_secs());
        notes.error("clock-off", "clock of this machine", words(expected, found, action, "date -u"));
    }
}
