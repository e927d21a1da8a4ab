//! Ways to break a deployment.

use super::*;

/// Breaks a sound deployment.
type Break = fn(&mut Recorded);

/// Broken deployments, each with the rule that names it.
pub(super) const BROKEN: &[(&str, &str, Break)] = &[
    ("unconfirmed topic", "subscription-unconfirmed", |a| {
        a.set(
            &id("sns", "ListSubscriptionsByTopic", &topic("oncall")),
            "/Subscriptions/0/SubscriptionArn",
            json!("PendingConfirmation"),
        );
    }),
    ("deleted subscription", "subscription-gone", |a| {
        a.set(
            &id("sns", "ListSubscriptionsByTopic", &topic("oncall")),
            "/Subscriptions",
            json!([subscription("sms", "+4512345678")]),
        );
    }),
    ("topic without subscriber", "topic-without-subscriber", |a| {
        a.set(&id("sns", "ListSubscriptionsByTopic", &topic("warnings")), "/Subscriptions", json!(""));
    }),
    ("topic closed to alarms", "topic-policy", |a| {
        a.set(
            &id("sns", "GetTopicAttributes", &topic("warnings")),
            "/Attributes/Policy",
            json!(policy("events.amazonaws.com", &["sns:Publish"])),
        );
    }),
    ("topic with another key", "topic-key", |a| {
        a.set(&id("sns", "GetTopicAttributes", &topic("oncall")), "/Attributes/KmsMasterKeyId", json!("alias/aws/sns"));
    }),
    ("key closed to alarms", "key-policy", |a| {
        a.set(&id("kms", "GetKeyPolicy", KEY), "/Policy", json!(policy("cloudwatch.amazonaws.com", &["kms:Decrypt"])));
    }),
    ("key pending deletion", "key-disabled", |a| {
        a.set(&id("kms", "DescribeKey", KEY), "/KeyMetadata/KeyState", json!("PendingDeletion"));
    }),
    ("missing secret", "secret-missing", |a| {
        a.set("ssm DescribeParameters", "/Parameters/2", json!({ "Name": "/other" }));
    }),
    ("secret denied to the role", "secret-unreadable", |a| {
        a.set("iam SimulatePrincipalPolicy", "/EvaluationResults/2/EvalDecision", json!("explicitDeny"));
    }),
    ("secret in the environment", "secret-in-environment", |a| {
        a.settings = settings(&settings_text().replace("ssm:/just-driving/staging/login/password", "env:PASSWORD"));
    }),
    ("invalid settings", "settings-invalid", |a| a.settings = settings("environment = 3")),
    ("settings of another environment", "settings-of-another-environment", |a| {
        a.settings = settings(&settings_text().replace("staging", "production"));
    }),
    ("check without settings", "settings-section-missing", |a| {
        let text = settings_text();
        a.settings = settings(&text[..text.find("# Needs its own school, two accounts").unwrap()]);
    }),
    ("disabled rule", "rule-disabled", |a| a.set("events DescribeRule login-rule", "/State", json!("DISABLED"))),
    ("deleted rule", "rule-missing", |a| a.refuse("events DescribeRule login-rule", "ResourceNotFoundException")),
    ("missing alarm", "alarm-missing", |a| a.alarm("AlarmName", json!("another"))),
    ("alarm without action", "alarm-without-action", |a| a.alarm("AlarmActions", json!([]))),
    ("alarm with a lost topic", "alarm-action-elsewhere", |a| a.alarm("AlarmActions", json!([topic("gone")]))),
    ("alarm with disabled actions", "alarm-actions-disabled", |a| a.alarm("ActionsEnabled", json!(false))),
    ("alarm muted while in ALARM", "muted-in-alarm", |a| {
        a.alarm("StateValue", json!("ALARM"));
        a.mute("2026-11-23T09:30", "PT1H");
    }),
    ("mute that ended in ALARM", "mute-ended-in-alarm", |a| {
        a.alarm("StateValue", json!("ALARM"));
        a.mute("2026-11-23T08:30", "PT1H");
    }),
    ("wrong region", "region-differs", |a| {
        a.region = "eu-west-1".to_owned();
        for name in [FUNCTIONS.to_owned(), format!("{FUNCTIONS}-alarms")] {
            let missing = Unanswered::new("ValidationError", "Stack with id x does not exist");
            a.answers.insert(id("cloudformation", "DescribeStacks", &name), Err(missing));
        }
    }),
    ("missing alarms", "stack-missing", |a| {
        let missing = Unanswered::new("ValidationError", "Stack with id x does not exist");
        a.answers.insert(id("cloudformation", "DescribeStacks", &format!("{FUNCTIONS}-alarms")), Err(missing));
    }),
    ("rolled back deployment", "stack-failed", |a| {
        a.set(
            &id("cloudformation", "DescribeStacks", FUNCTIONS),
            "/Stacks/0/StackStatus",
            json!("UPDATE_ROLLBACK_COMPLETE"),
        );
    }),
    ("alarms of other checks", "parameters-differ", |a| {
        let stack = id("cloudformation", "DescribeStacks", &format!("{FUNCTIONS}-alarms"));
        a.set(&stack, "/Stacks/0/Parameters/1/ParameterValue", json!("Availability"));
    }),
    ("older layer", "layer-differs", |a| {
        a.set(&id("lambda", "GetFunctionConfiguration", LOGIN), "/Layers/0/Arn", json!(LAYER.replace(":7", ":6")));
    }),
    ("variable changed by hand", "variable-differs", |a| {
        a.set(&id("lambda", "GetFunctionConfiguration", LOGIN), "/Environment/Variables/TOPIC_ONCALL", json!("x"));
    }),
    ("function that could not be updated", "function-update-failed", |a| {
        a.set(&id("lambda", "GetFunctionConfiguration", LOGIN), "/LastUpdateStatus", json!("Failed"));
    }),
    ("inactive function", "function-inactive", |a| {
        a.set(&id("lambda", "GetFunctionConfiguration", LOGIN), "/State", json!("Failed"));
    }),
    ("throttled function", "function-throttled", |a| {
        let reserved = json!({ "ReservedConcurrentExecutions": 0 });
        a.set(&id("lambda", "GetFunctionConcurrency", LOGIN), "", reserved);
    }),
    ("failed invocations in the queue", "failed-invocations", |a| {
        a.set("sqs GetQueueAttributes", "/Attributes/ApproximateNumberOfMessages", json!("3"));
    }),
    ("late runs", "run-late", |a| {
        a.states.insert("login".to_owned(), state("2026-11-23T09:54:00Z"));
    }),
    ("no run at all", "run-late", |a| {
        a.states.insert("login".to_owned(), Ok(StateItem::default()));
    }),
    ("account that cannot log in", "log-in-fails", |a| {
        a.states.insert("login".to_owned(), log_in_failed("failing"));
    }),
    ("code of two releases", "releases-differ", |a| {
        a.states.insert("login".to_owned(), state_with("2026-11-23T09:59:00Z", "0.1.0+1f2e3d4", &deployed_settings()));
    }),
    ("settings that were not deployed", "settings-differ", |a| {
        a.states.insert("login".to_owned(), state_with("2026-11-23T09:59:00Z", "0.1.0+3fed3e6", "0011223344556677"));
    }),
    ("too few executions", "concurrency-low", |a| {
        a.set("lambda GetAccountSettings", "/AccountLimit/UnreservedConcurrentExecutions", json!(1));
    }),
    ("SMS sandbox", "sms-sandbox", |a| a.set("sns GetSMSSandboxAccountStatus", "/IsInSandbox", json!("true"))),
    ("SMS as advertising", "sms-type", |a| {
        a.set("sns GetSMSAttributes", "/attributes/DefaultSMSType", json!("Promotional"))
    }),
    ("SMS limit below its alarm", "sms-limit", |a| {
        a.set("sns GetSMSAttributes", "/attributes/MonthlySpendLimit", json!("0.5"))
    }),
    ("unreachable platform", "platform-unreachable", |a| a.connection = Err(Unanswered::new("Unreachable", "refused"))),
    ("wrong clock", "clock-off", |a| a.skew = Some(SignedDuration::from_secs(-90))),
];
