//! `synthetics doctor deployment`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use alarm::MuteRule;
use anyhow::{Context, anyhow};
use async_trait::async_trait;
use aws::{Api, MuteRules, Refused, Table};
use jiff::{SignedDuration, Timestamp};
use operations::doctor::Level;
use operations::doctor::deployment::{
    Account, Finding, Known, Question, Report, SettingsFacts, Unanswered, examine as examined,
};
use operations::names;
use operations::samconfig::Samconfig;
use runtime::{PortError, StateItem, StateStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::arguments::examination::ExamineOptions;
use crate::deployment::access;
use crate::exit::Exit;
use crate::styled::{Styled, Tone};
use crate::terminal;

/// Longest time to connect to the platform.
const CONNECT: Duration = Duration::from_secs(5);
/// Folders of settings files, below the folder of the project or of its templates.
const SETTINGS: [&str; 2] = ["infra/layer/settings", "layer/settings"];

/// Examines a deployment and prints the report.
pub(crate) async fn examine(options: &ExamineOptions) -> anyhow::Result<Exit> {
    let environment = &options.environment;
    let settings = settings(options)?;
    let samconfig = Samconfig::find(&std::env::current_dir()?)?;
    let region = access::region(options.region.given.clone(), Some(environment));
    let account = Aws::for_operator(environment, region).await?;
    let question = Question { environment, settings, samconfig: samconfig.as_ref(), now: Timestamp::now() };
    let report = examined(&account, question).await;
    let report = report.map_err(|unanswered| anyhow!("no access to AWS: {unanswered}"))?;
    if options.json {
        terminal::json(&report)?;
    } else {
        terminal::print(&text(&report));
    }
    Ok(if report.errors() == 0 { Exit::Passed } else { Exit::Failed })
}

/// Reads the settings file that is given, or that of the environment if there is one.
fn settings(options: &ExamineOptions) -> anyhow::Result<Option<SettingsFacts>> {
    let own = |folder: &&str| Path::new(folder).join(format!("{}.toml", options.environment));
    let found = || SETTINGS.iter().map(own).find(|file| file.is_file());
    let Some(file): Option<PathBuf> = options.settings.clone().or_else(found) else { return Ok(None) };
    let text = std::fs::read_to_string(&file).with_context(|| format!("failed to read {}", file.display()))?;
    Ok(Some(SettingsFacts::read(&file.display().to_string(), &text)))
}

/// An account with an operator's credentials.
pub(crate) struct Aws {
    api: Api,
    mute_rules: MuteRules,
    table: Table,
}

impl Aws {
    /// Connects to an environment.
    pub(crate) async fn for_operator(environment: &str, region: Option<String>) -> anyhow::Result<Self> {
        Ok(Self {
            api: Api::for_operator(region.clone()).await?,
            mute_rules: MuteRules::for_operator(region.clone()).await?,
            table: Table::for_operator(names::resource(environment, "state"), region).await?,
        })
    }
}

#[async_trait]
impl Account for Aws {
    fn region(&self) -> &str {
        self.api.region()
    }

    async fn read(&self, service: &str, operation: &str, input: Value) -> Known<Value> {
        let refused = |Refused { code, message }| Unanswered { code, message };
        self.api.read(service, operation, &input).await.map_err(refused)
    }

    async fn mute_rules(&self, prefix: &str) -> Known<Vec<MuteRule>> {
        let mut rules = Vec::new();
        for name in self.mute_rules.names(prefix).await.map_err(unanswered)? {
            // A rule may be deleted meanwhile.
            rules.extend(self.mute_rules.get(&name).await.map_err(unanswered)?);
        }
        Ok(rules)
    }

    async fn state(&self, check: &str) -> Known<StateItem> {
        self.table.load(check).await.map_err(unanswered)
    }

    async fn connect(&self, host: &str, port: u16) -> Known<()> {
        let unreachable = |why: String| Unanswered::new("Unreachable", why);
        match timeout(CONNECT, TcpStream::connect((host, port))).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(unreachable(error.to_string())),
            Err(_) => Err(unreachable(format!("no connection within {} s", CONNECT.as_secs()))),
        }
    }

    fn skew(&self) -> Option<SignedDuration> {
        self.api.skew()
    }
}

fn unanswered(error: PortError) -> Unanswered {
    // The detail begins with the code of the service, if there is one.
    let denied = ["AccessDeniedException", "AccessDenied"].into_iter().find(|code| error.detail.contains(code));
    Unanswered::new(denied.unwrap_or("Refused"), format!("failed to {}: {}", error.operation, error.detail))
}

/// Renders a report for people: findings, what was looked at, what could not be, and the sum.
fn text(report: &Report) -> Styled {
    let head = format!("environment {}, region {}, account {}", report.environment, report.region, report.account);
    let mut lines = vec![Styled::from(head)];
    for finding in &report.findings {
        lines.push(Styled::default());
        lines.extend(finding_lines(finding));
    }
    lines.push(Styled::default());
    lines.push(Styled::new(Tone::Strong, "Looked at"));
    for looked in &report.looked_at {
        lines.push(format!("- {}: {}", looked.what, counted(&looked.of)).into());
    }
    if !report.not_looked_at.is_empty() {
        lines.push(Styled::default());
        lines.push(Styled::new(Tone::Strong, "Could not look at"));
    }
    for not in &report.not_looked_at {
        lines.push(format!("- {}: {}: {}", not.what, counted(&not.of), not.why).into());
    }
    lines.push(Styled::default());
    let (errors, notes) = (report.errors(), report.findings.len() - report.errors());
    let count = |count: usize, noun: &str| match count {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    };
    let tone = if errors == 0 { Tone::Passed } else { Tone::Failed };
    let notes = if notes == 0 { String::new() } else { format!(", {}", count(notes, "note")) };
    lines.push(Styled::new(tone, count(errors, "finding")).with(Tone::Plain, notes));
    Styled::from_lines(lines)
}

fn finding_lines(finding: &Finding) -> Vec<Styled> {
    let tone = if finding.level == Level::Error { Tone::Failed } else { Tone::Maintenance };
    let head = Styled::new(tone, finding.level.as_str()).with(Tone::Plain, ": ").with(Tone::Strong, &finding.place);
    let parts = [
        ("expected", &finding.expected),
        ("found", &finding.found),
        ("do", &finding.action),
        ("check again", &finding.verify),
    ];
    let part = |(label, value): (&str, &String)| Styled::from(format!("  {label:<11}  {}", value.replace('\n', " ")));
    std::iter::once(head).chain(parts.map(part)).collect()
}

/// The items of a short list, the number of items of a long one.
fn counted(of: &[String]) -> String {
    const SHOWN: usize = 10;
    if of.len() > SHOWN { of.len().to_string() } else { of.join(", ") }
}

#[cfg(test)]
mod tests {
    use aws::READS;
    use operations::doctor::deployment::LookedAt;

    use super::*;

    #[test]
    fn policy_for_operators_allows_every_read() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/deploy/operator-policy.json");
        let policy: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let actions = policy["Statement"].as_array().unwrap().iter().flat_map(|statement| {
            assert_eq!(statement["Effect"], "Allow");
            statement["Action"].as_array().unwrap().iter().map(|action| action.as_str().unwrap().to_owned())
        });
        let mut actions: Vec<String> = actions.collect();
        actions.sort();
        let own = [
            "cloudwatch:DescribeAlarmHistory",
            "cloudwatch:GetAlarmMuteRule",
            "cloudwatch:ListAlarmMuteRules",
            "dynamodb:GetItem",
            "dynamodb:Query",
            "kms:Decrypt",
        ];
        let reads = READS
            .iter()
            .flat_map(|reads| reads.operations.iter().map(|operation| format!("{}:{operation}", reads.policy_prefix)));
        let mut expected: Vec<String> = reads.chain(own.map(str::to_owned)).collect();
        // Everyone may ask who they are.
        expected.retain(|action| action != "sts:GetCallerIdentity");
        expected.sort();
        assert_eq!(actions, expected);
    }

    #[test]
    fn findings_fit_the_terminal_and_keep_commands_whole() {
        let command = "aws cloudformation describe-stacks --stack-name just-driving-synthetics-staging-alarms";
        let finding = Finding {
            level: Level::Error,
            rule: "stack-missing",
            place: "stack just-driving-synthetics-staging-alarms".to_owned(),
            expected: "a stack in eu-north-1".to_owned(),
            found: "no stack of this name: a check that does not run goes unnoticed".to_owned(),
            action: "check --environment and --region".to_owned(),
            verify: command.to_owned(),
        };
        let report = Report {
            environment: "staging".to_owned(),
            region: "eu-north-1".to_owned(),
            account: "123456789012".to_owned(),
            identity: "arn".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            findings: vec![finding],
            looked_at: vec![LookedAt { what: "alarms".to_owned(), of: vec!["x".to_owned(); 40] }],
            not_looked_at: Vec::new(),
        };
        let shown = text(&report).wrapped(80).to_string();
        let expected = format!(
            "environment staging, region eu-north-1, account 123456789012\n\n\
             error: stack just-driving-synthetics-staging-alarms\n\
             \x20 expected     a stack in eu-north-1\n\
             \x20 found        no stack of this name: a check that does not run goes unnoticed\n\
             \x20 do           check --environment and --region\n\
             \x20 check again\n\
             {command}\n\n\
             Looked at\n\
             - alarms: 40\n\n\
             1 finding"
        );
        assert_eq!(shown, expected);
    }
}
