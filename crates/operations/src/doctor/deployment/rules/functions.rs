//! Functions: their configuration, schedule, runs and failures.

use jiff::SignedDuration;
use runtime::StateItem;

use super::super::facts::{
    Configuration, Deployment, FunctionFacts, LastHour, ScheduleRule, Stack, StackFacts, StackKind,
};
use super::super::report::{Notes, named, words};
use crate::cadence::from_schedule;

/// Intervals without a run after which runs are missing, and the time that a run may take.
const MISSED_INTERVALS: i32 = 3;
const RUN_TIME: SignedDuration = SignedDuration::from_mins(2);

pub(super) fn judge(deployment: &Deployment, notes: &mut Notes) {
    let Some(facts) = deployment.stack(StackKind::Functions) else { return };
    let Some(stack) = facts.existing() else { return };
    for function in &deployment.functions {
        let (what, of) = ("configuration of functions", &function.check);
        if let Some(configuration) = notes.look(what, of, &function.configuration) {
            state(deployment, function, configuration, notes);
            layer(deployment, function, facts, configuration, notes);
            variables(deployment, function, stack, configuration, notes);
        }
        if let Some(concurrency) = notes.look("concurrency of functions", of, &function.concurrency) {
            concurrency_of(function, concurrency.reserved, notes);
        }
        if let Some(rule) = &function.rule {
            let rule = notes.look("schedules", of, rule);
            if let Some(rule) = rule {
                schedule(deployment, function, rule.as_ref(), notes);
            }
        }
        if let Some(metrics) =
            function.metrics.as_ref().and_then(|facts| notes.look("errors of the last hour", of, facts))
        {
            errors(function, metrics, notes);
        }
        if let Some(item) = function.state.as_ref().and_then(|facts| notes.look("last runs", of, facts)) {
            last_run(deployment, function, stack, item, notes);
        }
    }
    let queue = "FunctionFailures";
    if let Some(count) =
        notes.look("queue of failed invocations", queue, &deployment.failures).filter(|count| **count > 0)
    {
        let found = format!("{count}: these runs reported nothing");
        let action = "read the messages and their cause: docs/operations/invocations.md";
        let verify = format!(
            "aws sqs get-queue-attributes --attribute-names ApproximateNumberOfMessages --queue-url {}",
            stack.output("FunctionFailuresUrl").unwrap_or_default()
        );
        notes.error("failed-invocations", "queue of failed invocations", words("no message", found, action, verify));
    }
}

fn place(function: &FunctionFacts) -> String {
    format!("function {}", function.name)
}

fn shown(function: &FunctionFacts) -> String {
    format!("aws lambda get-function-configuration --function-name {}", function.name)
}

fn state(deployment: &Deployment, function: &FunctionFacts, configuration: &Configuration, notes: &mut Notes) {
    let reason = |reason: &Option<String>| reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let action = format!("deploy again: {}", deployment.deploy(StackKind::Functions));
    if let Some(state) = configuration.state.as_ref().filter(|state| *state != "Active") {
        let found = format!("{state}{}", reason(&configuration.state_reason));
        notes.error("function-inactive", place(function), words("state Active", found, &action, shown(function)));
    }
    if let Some(status) = configuration.last_update_status.as_ref().filter(|status| *status != "Successful") {
        let found = format!("{status}{}: older code may run", reason(&configuration.last_update_status_reason));
        let expected = "last update Successful";
        notes.error("function-update-failed", place(function), words(expected, found, action, shown(function)));
    }
}

/// Settings come from the layer, so a function with an older version runs with older settings.
fn layer(
    deployment: &Deployment,
    function: &FunctionFacts,
    facts: &StackFacts,
    configuration: &Configuration,
    notes: &mut Notes,
) {
    let Some(newest) = facts.resources_of_type("AWS::Lambda::LayerVersion").next() else { return };
    if configuration.layers.iter().any(|layer| layer.arn == newest) {
        return;
    }
    let action = format!("deploy again: {}", deployment.deploy(StackKind::Functions));
    let found = named(configuration.layers.iter().map(|layer| &layer.arn));
    let found = format!("{found}: it runs with older settings");
    let expected = format!("the stack's settings layer, {newest}");
    notes.error("layer-differs", place(function), words(expected, found, action, shown(function)));
}

fn variables(
    deployment: &Deployment,
    function: &FunctionFacts,
    stack: &Stack,
    configuration: &Configuration,
    notes: &mut Notes,
) {
    let settings = stack.parameter("SettingsFile").filter(|file| !file.is_empty()).map(str::to_owned);
    let settings = settings.unwrap_or_else(|| format!("/opt/settings/{}.toml", deployment.environment));
    let chat = stack.parameter("ChatTopic").unwrap_or_default();
    for (name, expected) in [
        ("SETTINGS", Some(settings.as_str())),
        ("STATE_TABLE", stack.output("StateTable")),
        ("TOPIC_ONCALL", stack.output("OnCallTopic")),
        ("TOPIC_WARNINGS", stack.output("WarningsTopic")),
        ("TOPIC_EVENTS", stack.output("EventsTopic")),
        ("TOPIC_CHAT", Some(chat)),
    ] {
        let Some(expected) = expected else { continue };
        let found = configuration.environment.variables.get(name).map(String::as_str).unwrap_or_default();
        if found != expected {
            let action = format!("deploy again: {}", deployment.deploy(StackKind::Functions));
            let place = format!("variable {name} of {}", function.name);
            let quoted = |value: &str| if value.is_empty() { "no value".to_owned() } else { value.to_owned() };
            notes.error("variable-differs", place, words(quoted(expected), quoted(found), action, shown(function)));
        }
    }
}

fn concurrency_of(function: &FunctionFacts, reserved: Option<u64>, notes: &mut Notes) {
    if !function.is_running || reserved != Some(0) {
        return;
    }
    let action = format!("aws lambda delete-function-concurrency --function-name {}", function.name);
    let verify = format!("aws lambda get-function-concurrency --function-name {}", function.name);
    let found = "0: Lambda refuses every run";
    notes.error(
        "function-throttled",
        place(function),
        words("reserved concurrency of none, or 2 or more", found, action, verify),
    );
}

fn schedule(deployment: &Deployment, function: &FunctionFacts, rule: Option<&ScheduleRule>, notes: &mut Notes) {
    let Some(rule) = rule else {
        let place = format!("schedule of {}", function.check);
        let action = format!("deploy again: {}", deployment.deploy(StackKind::Functions));
        let verify = "aws events list-rules".to_owned();
        notes.error("rule-missing", place, words("a rule, since the check is in Checks", "none", action, verify));
        return;
    };
    if rule.state == "ENABLED" {
        return;
    }
    let action = format!("aws events enable-rule --name {}", rule.name);
    let verify = format!("aws events describe-rule --name {}", rule.name);
    let found = format!("{}: the check does not run", rule.state);
    notes.error("rule-disabled", format!("rule {}", rule.name), words("state ENABLED", found, action, verify));
}

fn errors(function: &FunctionFacts, metrics: &LastHour, notes: &mut Notes) {
    let logs = format!("aws logs tail --since 1h --follow <log group of {}>", function.check);
    let query = "Lambda's metrics Errors and Throttles of the function";
    if metrics.errors > 0.0 {
        let found = format!("{}: these runs were not reported, or not completely", metrics.errors);
        let action = format!("read the error: {logs}; docs/operations/invocations.md");
        notes.error(
            "function-errors",
            place(function),
            words("no failed invocation in the last hour", found, action, query),
        );
    }
    if metrics.throttles > 0.0 {
        let action = "raise the account's quota of concurrent executions, or the function's reserved concurrency";
        let found = format!("{}: these runs did not start", metrics.throttles);
        let expected = "no throttled invocation in the last hour";
        notes.error("function-throttles", place(function), words(expected, found, action, query));
    }
}

fn last_run(deployment: &Deployment, function: &FunctionFacts, stack: &Stack, item: &StateItem, notes: &mut Notes) {
    let rule = function.rule.as_ref().and_then(|rule| rule.as_ref().ok()?.as_ref());
    // A missing or disabled rule is reported as such.
    let enabled = rule.filter(|rule| rule.state == "ENABLED");
    let every = enabled.and_then(|rule| from_schedule(&rule.schedule_expression));
    if let Some(every) = every.and_then(|every| SignedDuration::try_from(every).ok()) {
        let patience = every * MISSED_INTERVALS + RUN_TIME;
        let last = item.last_run.values().map(|run| run.at).max();
        let since = last.unwrap_or_else(|| stack.deployed_at()).max(stack.deployed_at());
        if deployment.at.duration_since(since) > patience {
            let found = match last {
                Some(at) => format!("the last one at {}", check::text::utc(at)),
                None => "none".to_owned(),
            };
            let action = "start one by hand, and read its error: docs/operations/invocations.md#manual-run";
            let verify = format!("the alarm monitoring-lost of {}, or its log lines", function.check);
            let expected = format!("a run every {} min", every.as_secs() / 60);
            notes.error("run-late", format!("check {}", function.check), words(expected, found, action, verify));
        }
    }
    for (subject, state) in &item.state.subjects {
        if state.monitoring_gap.is_some() {
            let place = if subject.is_whole() {
                format!("check {}", function.check)
            } else {
                format!("check {}, subject {subject}", function.check)
            };
            let found =
                format!("inconclusive runs since {}: an outage would go undetected", check::text::utc(state.since));
            let action = format!("read the cause, such as a missing secret: docs/runbooks/{}.md", function.check);
            let verify = format!("synthetics run {} --settings <file>", function.check);
            notes.error("runs-inconclusive", place, words("runs with a verdict", found, action, verify));
        }
    }
}
