//! The shipped templates have no findings, and the audit finds each mistake in changed ones.

mod checks;
mod numbers;
mod objectives;
mod unreplayed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use check::metric::{Channel, JOB_DELAY, NOTIFICATION_DELIVERY_DELAY};

use super::findings::{ALARMS, FUNCTIONS, Finding, PLATFORM, SAMCONFIG};
use super::{Texts, audit_files, audit_texts};
use crate::shipped_files::Files;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn shipped(file: &str) -> String {
    std::fs::read_to_string(root().join("infra").join(file)).unwrap()
}

fn runbooks() -> BTreeMap<String, String> {
    let pages = root().join("docs/runbooks").read_dir().unwrap().map(|entry| entry.unwrap().path());
    pages
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

fn findings(functions: &str, alarms: &str) -> Vec<Finding> {
    let (runbooks, objectives) = (&runbooks(), &BTreeMap::new());
    audit(&Texts { functions, alarms, platform: None, samconfig: None, runbooks, objectives })
}

/// Audits the shipped functions and alarms with these versions of `platform.yaml` and `samconfig.toml`.
fn platform_findings(platform: &str, samconfig: Option<&str>) -> Vec<Finding> {
    let (functions, alarms) = (&shipped(FUNCTIONS), &shipped(ALARMS));
    let (runbooks, objectives) = (&runbooks(), &BTreeMap::new());
    audit(&Texts { functions, alarms, platform: Some(platform), samconfig, runbooks, objectives })
}

fn audit(texts: &Texts<'_>) -> Vec<Finding> {
    audit_texts(texts).unwrap_or_else(|error| panic!("{error:#}"))
}

/// Returns the shipped alarms with one text replaced within a resource.
fn alarms_with(resource: &str, from: &str, to: &str) -> String {
    with(ALARMS, resource, from, to)
}

fn with(file: &str, resource: &str, from: &str, to: &str) -> String {
    let text = shipped(file);
    let begin = text.find(&format!("\n  {resource}:\n")).or_else(|| text.find(&format!(" {resource}:\n")));
    let begin = begin.unwrap_or_else(|| panic!("{resource}"));
    let at = begin + text[begin..].find(from).unwrap_or_else(|| panic!("{from} in {resource}"));
    format!("{}{to}{}", &text[..at], &text[at + from.len()..])
}

/// Returns a template with another value for a property of a resource.
fn with_property(text: &str, resource: &str, property: &str, value: &str) -> String {
    let begin = text.find(&format!("\n  {resource}:\n")).unwrap_or_else(|| panic!("{resource}"));
    let line = format!("\n      {property}: ");
    let from = begin + text[begin..].find(&line).unwrap_or_else(|| panic!("{property} of {resource}")) + line.len();
    let to = from + text[from..].find('\n').unwrap();
    format!("{}{value}{}", &text[..from], &text[to..])
}

fn replaced(text: &str, from: &str, to: &str) -> String {
    let changed = text.replacen(from, to, 1);
    assert_ne!(changed, text, "{from}");
    changed
}

#[test]
fn shipped_templates_have_no_findings() {
    let found = audit_files(Files::templates(None), Files::runbooks(None), &[]).unwrap();
    assert!(found.is_empty(), "{}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
}

#[test]
fn each_mistake_in_the_alarms_is_found() {
    let long = format!(".md#errorrate {}", "and so on ".repeat(100));
    let action =
        "      AlarmActions: [!ImportValue { Fn::Sub: \"just-driving-synthetics-${Environment}-OnCallTopic\" }]\n";
    for (resource, from, to, path, rule) in [
        ("ErrorRate", action, "", "ErrorRate.Properties.AlarmActions", "expected an action, or a reason"),
        (
            "ErrorRate",
            "      AlarmActions:",
            "      ActionsEnabled: false\n      AlarmActions:",
            "ErrorRate.Properties.ActionsEnabled",
            "expected true, or a reason in Metadata.NoAction, found false",
        ),
        (
            "ErrorRate",
            "OnCallTopic",
            "EventsTopic",
            "ErrorRate.Properties.AlarmActions",
            "topic policy for EventsTopic alone that lets alarms publish",
        ),
        (
            "ErrorRate",
            "OnCallTopic",
            "StateTable",
            "ErrorRate.Properties.AlarmActions",
            "expected an SNS topic of template.yaml",
        ),
        ("FailingLogin", "NoAction", "Note", "FailingLogin.Properties.AlarmActions", "expected an action, or a reason"),
        (
            "ErrorRate",
            "Severity: critical",
            "Severity: bad",
            "ErrorRate.Metadata.Severity",
            "expected critical or warning, found `bad`",
        ),
        (
            "ErrorRate",
            "Severity: critical",
            "Severity: warning",
            "ErrorRate.Properties.AlarmDescription",
            "expected the severity in the text as `warning.`",
        ),
        (
            "ErrorRate",
            ".md#errorrate",
            ".md#nowhere",
            "ErrorRate.Properties.AlarmDescription",
            "a heading `nowhere` in application.md",
        ),
        (
            "ErrorRate",
            "application.md#",
            "nothing.md#",
            "ErrorRate.Properties.AlarmDescription",
            "expected a runbook nothing.md",
        ),
        (
            "ErrorRate",
            ".md#errorrate",
            "",
            "ErrorRate.Properties.AlarmDescription",
            "expected a link to a runbook heading",
        ),
        ("ErrorRate", "Statistic: Average", "Statistic: Sum", "ErrorRate.Properties.Statistic", "would count twice"),
        (
            "ErrorRate",
            "Statistic: Average",
            "Statistic: SampleCount",
            "ErrorRate.Properties.Statistic",
            "would count twice",
        ),
        (
            "ErrorRate",
            "MetricName: ErrorRate",
            "MetricName: Errors",
            "ErrorRate.Properties.MetricName",
            "found Errors: the alarm would have no data",
        ),
        (
            "ErrorRate",
            "Value: application",
            "Value: login",
            "ErrorRate.Properties.Dimensions",
            "expected Check=application",
        ),
        (
            "EmailQueue",
            "        - { Name: Channel, Value: email }\n",
            "",
            "EmailQueue.Properties.Dimensions",
            "expected the dimensions Channel + Check + Environment",
        ),
        ("PlatformDown", "${FailingLogin}", "unknown", "PlatformDown.Properties.AlarmRule", "found `unknown`"),
        (
            "ErrorRate",
            "Metadata: { Severity: critical }",
            "Metadata: { Severity: critical, NoAction: The function notifies. }",
            "ErrorRate.Metadata.NoAction",
            "expected no reason in Metadata.NoAction",
        ),
        (
            "ErrorRate",
            ".md#errorrate",
            &long,
            "ErrorRate.Properties.AlarmDescription",
            "expected at most 1024 characters",
        ),
        (
            "FailingLogin",
            "Value: login",
            "Value: logon",
            "FailingLogin.Properties.Dimensions",
            "expected the id of a check, found `logon`",
        ),
        (
            "MonitoringLost${Check}",
            "TreatMissingData: breaching",
            "TreatMissingData: notBreaching",
            "MonitoringLostLogin.Properties.TreatMissingData",
            "a check that does not run publishes nothing",
        ),
        (
            "Lockouts",
            "${Environment}-lockouts",
            "${Environment}-login-failure-rate",
            "Lockouts.Properties.AlarmName",
            "expected a unique name, found the name of LoginFailureRate",
        ),
        (
            "ErrorRate",
            "{ Name: Environment, Value: !Ref Environment }",
            "{ Name: Environment, Value: production }",
            "ErrorRate.Properties.Dimensions",
            "expected the parameter Environment, found `production`",
        ),
        (
            "EmailQueue",
            "{ Name: Channel, Value: email }",
            "{ Name: Channel, Value: Email }",
            "EmailQueue.Properties.Dimensions",
            "expected the channel email or sms, found `Email`",
        ),
        (
            "FailedInvocations",
            "NumberOfMessagesSent",
            "NumberOfMessagesSnt",
            "FailedInvocations.Properties.MetricName",
            "not judged: AWS/SQS/NumberOfMessagesSnt is not known here",
        ),
        (
            "EmailQueue",
            "Value: email",
            "Value: \"\"",
            "EmailQueue.Properties.Dimensions",
            "expected a value of 1 to 1024 characters for Channel, found 0",
        ),
        (
            "FailedInvocations",
            "Name: QueueName",
            "Name: Queue",
            "FailedInvocations.Properties.Dimensions",
            "expected the dimensions QueueName, found Queue",
        ),
    ] {
        let text = alarms_with(resource, from, to);
        let found = findings(&shipped(FUNCTIONS), &text);
        let is_expected = |finding: &Finding| finding.path.ends_with(path) && finding.rule.contains(rule);
        assert!(found.iter().any(is_expected), "{resource}: {from} -> {to}: {found:#?}");
    }
}

#[test]
fn each_rejected_alarm_is_a_single_finding() {
    let text = with_property(&shipped(ALARMS), "ErrorRate", "DatapointsToAlarm", "60");
    let text = with_property(&text, "FailingLogin", "DatapointsToAlarm", "3");
    let text = with_property(&text, "SmsQueue", "ComparisonOperator", "MoreOrLess");
    let text = with_property(&text, "SlowQueries", "AlarmName", &"n".repeat(256));
    let found = findings(&shipped(FUNCTIONS), &text);
    let paths: Vec<&str> = found.iter().map(|finding| finding.path.as_str()).collect();
    let expected = [
        "Resources.FailingLogin.Properties.DatapointsToAlarm",
        "Resources.SmsQueue.Properties.ComparisonOperator",
        "Resources.ErrorRate.Properties.DatapointsToAlarm",
        "Resources.SlowQueries.Properties.AlarmName",
    ];
    assert_eq!(paths, expected, "{found:#?}");
}

#[test]
fn metric_without_an_alarm_is_found() {
    let text = replaced(&shipped(ALARMS), "MetricName: ErrorRate", "MetricName: Exceptions");
    let found = findings(&shipped(FUNCTIONS), &text);
    assert!(
        found.iter().any(|finding| finding.rule.contains("expected an alarm on ErrorRate, found none")),
        "{found:#?}"
    );
}

#[test]
fn each_mistake_in_the_functions_is_found() {
    let alarms = shipped(ALARMS);
    for (from, to, rule) in [
        ("Timeout: 55", "Timeout: 60", "runs could overlap"),
        (
            "Login: { Id: login, Schedule: \"cron(* * * * ? *)\" }",
            "Login: { Id: login, Schedule: \"cron(0/5 * * * ? *)\" }",
            "expected login every 300 s",
        ),
        (
            "Login: { Id: login, Schedule: \"cron(* * * * ? *)\" }",
            "Login: { Id: login, Schedule: \"rate(1 minute)\" }",
            "found `rate(1 minute)`",
        ),
        ("    - [OnCallTopic, WarningsTopic]\n", "    - [OnCallTopic]\n", "topic policy for WarningsTopic alone"),
        // SNS rejects a policy for several topics, and a policy with actions that do not apply to topics.
        (
            "                Resource: !Ref { Fn::Sub: \"${Topic}\" }\n",
            "                Resource: [!Ref OnCallTopic, !Ref WarningsTopic]\n",
            "expected a topic policy for OnCallTopic alone",
        ),
        (
            "                Action: sns:Publish\n                Resource: !Ref { Fn::Sub",
            "                Action: sns:*\n                Resource: !Ref { Fn::Sub",
            "expected a topic policy for OnCallTopic alone",
        ),
        (
            "Action: [kms:Decrypt, kms:GenerateDataKey*]\n            Resource: \"*\"\n            Condition",
            "Action: [kms:Decrypt]\n            Resource: \"*\"\n            Condition",
            "let alarms use kms:GenerateDataKey,",
        ),
        (
            "KmsMasterKeyId: !Ref EncryptionKey",
            "KmsMasterKeyId: alias/aws/sns",
            "found `alias/aws/sns`: alarms cannot use",
        ),
        (
            "StringEquals: { aws:SourceAccount: !Ref AWS::AccountId }",
            "StringEquals: { aws:SourceAccount: \"111122223333\" }",
            "expected a topic policy for OnCallTopic alone",
        ),
        (
            "aws:SourceArn: !Sub arn:${AWS::Partition}:cloudwatch:",
            "aws:SourceArn: !Sub arn:${AWS::Partition}:events:",
            "expected a topic policy for OnCallTopic alone",
        ),
        (
            "aws:SourceAccount: !Ref AWS::AccountId",
            "AWS:SourceAccount: \"111122223333\"",
            "expected a topic policy for OnCallTopic alone",
        ),
        ("      KeyPolicy:\n", "      PolicyOfKey:\n", "let alarms use kms:Decrypt, found no such statement"),
        ("          Topics:\n", "          Topic:\n", "expected a topic policy for OnCallTopic alone"),
        ("    Timeout: 55\n", "", "expected a Timeout, found none"),
        (
            "      CodeUri: ../functions/login/\n",
            "      CodeUri: ../functions/login/\n      Timeout: 120\n",
            "expected a Timeout below 60 s, the cadence of Login, found 120 s",
        ),
    ] {
        let found = findings(&replaced(&shipped(FUNCTIONS), from, to), &alarms);
        assert!(found.iter().any(|finding| finding.rule.contains(rule)), "{to}: {found:#?}");
    }
}

#[test]
fn wider_policies_and_longer_timeouts_are_accepted() {
    for (from, to) in [
        (
            "                Action: sns:Publish\n                Resource: !Ref { Fn::Sub: \"${Topic}\" }\n",
            "                Action: [SNS:Publish]\n                Resource: \"*\"\n",
        ),
        ("Action: [kms:Decrypt, kms:GenerateDataKey*]", "Action: kms:*"),
        ("Action: [kms:Decrypt, kms:GenerateDataKey*]", "Action: [kms:Decrypt, kms:GenerateDataKey]"),
        ("cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*", "cloudwatch:*:${AWS::AccountId}:alarm:*"),
        ("    Timeout: 55\n", "    Timeout: \"55\"\n"),
        (
            "      CodeUri: ../functions/reconciliation/\n",
            "      CodeUri: ../functions/reconciliation/\n      Timeout: 120\n",
        ),
    ] {
        let found = findings(&replaced(&shipped(FUNCTIONS), from, to), &shipped(ALARMS));
        assert_eq!(found, [], "{to}");
    }
}

#[test]
fn each_mistake_in_the_platform_alarms_is_found() {
    let action =
        "      AlarmActions: [!ImportValue { Fn::Sub: \"just-driving-synthetics-${Environment}-OnCallTopic\" }]\n";
    for (resource, from, to, path, rule) in [
        ("DatabaseStorage", action, "", "DatabaseStorage.Properties.AlarmActions", "expected an action, or a reason"),
        (
            "DatabaseStorage",
            "OnCallTopic",
            "EventsTopic",
            "DatabaseStorage.Properties.AlarmActions",
            "topic policy for EventsTopic alone that lets alarms publish",
        ),
        (
            "DatabaseStorage",
            "Severity: critical",
            "Severity: warning",
            "DatabaseStorage.Properties.AlarmDescription",
            "expected the severity in the text as `warning.`",
        ),
        (
            "DatabaseStorage",
            ".md#databasestorage",
            ".md#nowhere",
            "DatabaseStorage.Properties.AlarmDescription",
            "a heading `nowhere` in platform.md",
        ),
        (
            "DatabaseStorage",
            "EvaluationPeriods: ",
            "EvaluationPeriods: 30",
            "DatabaseStorage.Properties.EvaluationPeriods",
            "at most 86400 s in total",
        ),
        // A resource of a loop over servers.
        (
            "ServerDisk&{Server}",
            "platform.md#serverdisk",
            "nothing.md#serverdisk",
            "ServerDiskgiven.Properties.AlarmDescription",
            "expected a runbook nothing.md",
        ),
        (
            "PlatformExceptions",
            "MetricName: Exceptions",
            "MetricName: Exception",
            "PlatformExceptions.Properties.MetricName",
            "a metric filter that publishes Exception",
        ),
        (
            "ExceptionsOf&{Group}",
            "DefaultValue: 0",
            "Dimensions: [{ Key: app, Value: $.app }]",
            "PlatformExceptions.Properties.MetricName",
            "publishes Exceptions without dimensions, found none",
        ),
        (
            "DatabaseStorage",
            "Name: DBInstanceIdentifier",
            "Name: DBInstance",
            "DatabaseStorage.Properties.Dimensions",
            "DBClusterIdentifier + Role, found DBInstance",
        ),
        (
            "ServerErrors",
            "{ Name: LoadBalancer, Value",
            "{ Name: Balancer, Value",
            "ServerErrors.Properties.Dimensions",
            "expected the dimensions LoadBalancer or AvailabilityZone + LoadBalancer or",
        ),
        (
            "DatabaseCpu",
            "AWS/RDS",
            "AWS/EC2",
            "DatabaseCpu.Properties.Dimensions",
            "expected the dimensions InstanceId, found DBInstanceIdentifier",
        ),
        (
            "ServerCpu&{Server}",
            "-server-cpu-",
            "-server-down-",
            "ServerCpugiven.Properties.AlarmName",
            "found the name of ServerDowngiven",
        ),
    ] {
        let text = with(PLATFORM, resource, from, to);
        let found = platform_findings(&text, None);
        let is_expected =
            |finding: &Finding| finding.file == PLATFORM && finding.path.ends_with(path) && finding.rule.contains(rule);
        assert!(found.iter().any(is_expected), "{resource}: {from} -> {to}: {found:#?}");
        assert!(found.iter().all(|finding| finding.file == PLATFORM && finding.line > 1), "{found:#?}");
    }
}

#[test]
fn invalid_dashboard_is_found() {
    for (from, to, rule) in [
        ("${Runbooks}/alarms.md#slow)", "${Runbooks}/alarms.md#fast)", "a heading `fast` in alarms.md"),
        ("${Runbooks}/login.md)", "${Runbooks}/logon.md)", "expected a runbook logon.md"),
        ("\"start\": \"-PT6H\",", "\"start\": \"-PT6H\"", "expected valid JSON, found an error"),
    ] {
        let found = findings(&shipped(FUNCTIONS), &with(ALARMS, "Dashboard", from, to));
        let is_expected = |finding: &Finding| {
            finding.path == "Resources.Dashboard.Properties.DashboardBody" && finding.rule.contains(rule)
        };
        assert!(found.iter().any(is_expected), "{from} -> {to}: {found:#?}");
    }
}
