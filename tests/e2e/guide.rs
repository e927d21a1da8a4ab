//! The commands of the guides and runbooks, run or read as a person who types them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use operations::samconfig::Samconfig;
use serde_json::Value;

use crate::emulator::{Emulator, REGION, target, tool};

/// Commands that need a service or a resource that the emulator lacks: it may refuse them, but AWS CLI must understand them.
const REFUSED_BY_THE_EMULATOR: [&str; 6] = [
    "aws sns confirm-subscription",
    "aws sns create-sms-sandbox-phone-number",
    "aws sns get-sms-sandbox-account-status",
    "aws sns set-sms-attributes",
    "aws sns verify-sms-sandbox-phone-number",
    "aws cloudwatch set-alarm-state",
];

#[tokio::test(flavor = "multi_thread")]
async fn documented_aws_commands_work() {
    let emulator = Emulator::shared();
    let stack = emulator.deploy("guide", &[]);
    let output = |name: &str| stack.outputs[name].as_str();
    let places = BTreeMap::from([
        ("synthetics-staging", "synthetics-guide"),
        ("-<env>-", "-guide-"),
        ("<env>", "guide"),
        ("<id>", "availability"),
        // The emulator deploys one check at a time.
        ("LoginRule", "AvailabilityRule"),
        ("<topic>", output("OnCallTopic")),
        ("<token>", "2336412f37fb687f5d51e6e241d09c805a5a57b30d712f794cc5f6a988666d92"),
        ("s3://status.just-driving.example", "s3://guide-status"),
        ("cp status/feed.atom", "cp README.md"),
        ("file://summary.txt", "file://README.md"),
        ("<address>", "oncall@example.com"),
        ("<number>", "+4520123456"),
        ("<code>", "123456"),
        ("<output FunctionFailuresUrl>", output("FunctionFailuresUrl")),
        ("<output EncryptionKey>", output("EncryptionKey")),
    ]);
    let bucket = shell("aws s3 mb s3://guide-status").env("AWS_ENDPOINT_URL", emulator.url()).output().unwrap();
    assert!(bucket.status.success(), "{}", said(&bucket));
    let mut failed = Vec::new();
    let mut worked = 0;
    for (page, command) in commands("aws") {
        let mut typed = places.iter().fold(command.clone(), |text, (place, value)| text.replace(place, value));
        // An option of version 2, which has no Python package.
        typed = typed.replace("--cli-binary-format raw-in-base64-out ", "");
        // Version 1 looks for queues elsewhere.
        typed = typed.replace("aws sqs ", &format!("aws --endpoint-url {} sqs ", emulator.url()));
        let done = shell(&typed).env("AWS_ENDPOINT_URL", emulator.url()).output().unwrap();
        let may_be_refused = REFUSED_BY_THE_EMULATOR.iter().any(|start| command.starts_with(start));
        match done.status.success() {
            true => worked += 1,
            // The service answered; AWS CLI says something else of a command that it does not understand.
            false if may_be_refused && said(&done).contains("An error occurred (") => {}
            false => failed.push(format!("{page}: {command}\n  {}", said(&done))),
        }
    }
    assert!(failed.is_empty(), "{} commands do not work as typed:\n{}", failed.len(), failed.join("\n"));
    assert!(worked >= 10, "{worked} commands were found and worked");
}

#[test]
fn documented_sam_commands_are_read_as_meant() {
    let found = commands("sam");
    let read = as_sam_reads(found.iter().map(|(_, command)| command.as_str()));
    assert!(read.len() >= 6, "{found:?}");
    for ((page, command), options) in found.iter().zip(read) {
        let text = |key: &str| options[key].as_str().unwrap_or_default().to_owned();
        if text("command") != "build" {
            assert!(text("stack_name").starts_with("just-driving-synthetics-"), "{page}: {command}: {options}");
            assert_eq!(text("region"), REGION, "{page}: {command}");
        }
        if text("command") == "build" || command.contains("OnCallEmail") {
            let environment = options["parameter_overrides"]["Environment"].as_str();
            assert!(
                environment.is_some_and(|name| ["staging", "production"].contains(&name)),
                "{page}: {command}: {options}"
            );
        }
        if command.contains("ExceptionPattern") {
            let pattern = &options["parameter_overrides"]["ExceptionPattern"];
            let expected = r#"{ $.level_name = "ERROR" || $.level_name = "CRITICAL" }"#;
            assert_eq!(pattern, expected, "{page}: {command}");
        }
        if command.contains("OtherDashboards") {
            let links = &options["parameter_overrides"]["OtherDashboards"];
            assert_eq!(links, "[sales figures](https://example.com/sales)", "{page}: {command}");
        }
    }
}

/// SAM CLI cuts a value at its first space unless it is quoted, and `doctor` and `cost` must see what SAM deploys.
#[test]
fn parameters_are_read_as_sam_reads_them() {
    let json = r#"{ $.level_name = \"ERROR\" || $.level_name = \"CRITICAL\" }"#;
    let values = [
        r#"["Environment=x", "Checks=Availability,Login"]"#.to_owned(),
        r#""Environment=x Checks=Availability,Login""#.to_owned(),
        r#"["Environment=x", "OtherDashboards='[sales figures](https://example.com/sales)'"]"#.to_owned(),
        r#"["OtherDashboards=[sales figures](https://example.com/sales)", "Environment=x"]"#.to_owned(),
        r#"["Environment=x", "ExceptionPattern=?\".ERROR:\" ?\".CRITICAL:\""]"#.to_owned(),
        format!(r#"["Environment=x", "ExceptionPattern='{json}'"]"#),
        format!(r#"{{ Environment = "x", ExceptionPattern = "{json}" }}"#),
        r#""ParameterKey=Environment,ParameterValue=x ParameterKey=Checks,ParameterValue='Availability,Login'""#
            .to_owned(),
    ];
    for value in values {
        let folder = target().join("tmp/guide-samconfig");
        fs::create_dir_all(&folder).unwrap();
        let text = format!(
            "version = 0.1\n[x.global.parameters]\nstack_name = \"just-driving-synthetics-x\"\nregion = \"{REGION}\"\n\
             parameter_overrides = {value}\n"
        );
        fs::write(folder.join("samconfig.toml"), text).unwrap();
        let file = folder.join("samconfig.toml");
        let command =
            format!("sam deploy --config-env x --config-file {} --template-file infra/alarms.yaml", file.display());
        let theirs = &as_sam_reads([command.as_str()].into_iter())[0]["parameter_overrides"];
        match Samconfig::find(&folder).unwrap().unwrap().parameters("x") {
            Ok(ours) => assert_eq!(serde_json::to_value(ours).unwrap(), *theirs, "{value}"),
            // What SAM cuts or leaves out is an error here.
            Err(error) => {
                assert!(error.to_string().contains("expected NAME=VALUE"), "{value}: {error}");
                let kept: String = theirs.as_object().unwrap().values().filter_map(Value::as_str).collect();
                assert!(!kept.contains("example.com") && !kept.contains("CRITICAL"), "{value}: {theirs}");
            }
        }
    }
}

/// Commands of a program in the blocks of the guides, each in one line after the variables that its block sets, with the page.
fn commands(program: &str) -> Vec<(String, String)> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut found = Vec::new();
    let folders = ["deploy", "operations", "runbooks"].map(|folder| docs.join(folder));
    let mut pages: Vec<PathBuf> =
        folders.iter().flat_map(|folder| folder.read_dir().unwrap()).map(|entry| entry.unwrap().path()).collect();
    // Removal comes last, because it removes what the others use.
    pages.sort_by_key(|page| (page.ends_with("removal.md"), page.clone()));
    pages.push(docs.join("../README.md"));
    for page in pages.iter().filter(|page| page.extension().is_some_and(|kind| kind == "md")) {
        let text = fs::read_to_string(page).unwrap().replace("\\\n", " ");
        let name = page.file_name().unwrap().to_string_lossy();
        // Every other part is a block.
        for block in text.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("console\n")) {
            let mut variables = String::new();
            for command in block.lines().filter_map(|line| line.trim().strip_prefix("$ ")) {
                let words: Vec<&str> = command.split_whitespace().collect();
                if words.first() == Some(&program) {
                    found.push((name.clone().into_owned(), format!("{variables}{}", words.join(" "))));
                } else if words.first().is_some_and(|word| word.contains("=$(")) {
                    variables.push_str(&format!("{command}\n"));
                }
            }
        }
    }
    found
}

/// Options as SAM CLI reads them from commands, typed in the folder of the repository.
fn as_sam_reads<'a>(commands: impl Iterator<Item = &'a str>) -> Vec<Value> {
    let mut input = String::new();
    for command in commands {
        // What the step `build` made, instead of the package for AWS.
        let command = command.replace("target/package/", "target/sam/");
        // A shell splits the command into words.
        let split = shell(&format!("sam() {{ printf '%s\\0' \"$@\"; }}; {command}")).output().unwrap();
        assert!(split.status.success(), "{command}: {}", said(&split));
        let words: Vec<String> =
            String::from_utf8(split.stdout).unwrap().split_terminator('\0').map(str::to_owned).collect();
        input.push_str(&serde_json::to_string(&words).unwrap());
        input.push('\n');
    }
    let mut reader = Command::new(tool("sam", "python"))
        .args(["-W", "ignore", "-c", AS_SAM_READS])
        .current_dir(root())
        .env("SAM_CLI_TELEMETRY", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    reader.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = reader.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", said(&done));
    String::from_utf8(done.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Runs SAM CLI up to the point where it would act, and prints the options it would act with.
const AS_SAM_READS: &str = r#"
import inspect, json, os, sys
from samcli.cli.main import cli
from samcli.commands.build import command as build
from samcli.commands.deploy import command as deploy
from samcli.commands.delete import command as delete
ROOT = os.getcwd()
for name, module in (("build", build), ("deploy", deploy), ("delete", delete)):
    names = list(inspect.signature(module.do_cli).parameters)
    def act(*given, name=name, names=names, **named):
        options = {**dict(zip(names, given)), **named}
        keys = ("stack_name", "region", "template_file", "parameter_overrides")
        print(json.dumps({"command": name} | {key: options.get(key) for key in keys}))
    module.do_cli = act
for line in sys.stdin:
    words = json.loads(line)
    # The guide says where: in infra/, or with paths from the folder above.
    os.chdir(ROOT if any("infra/" in word for word in words) else os.path.join(ROOT, "infra"))
    cli.main(words, standalone_mode=False)
"#;

fn shell(command: &str) -> Command {
    let aws = tool("aws", "aws");
    let path = format!("{}:{}", aws.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell
        .args(["-o", "pipefail", "-e", "-c", command])
        .current_dir(root())
        .env("PATH", path)
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_PAGER", "")
        .stdin(Stdio::null());
    shell
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    format!("{}: {}", output.status, lines[lines.len().saturating_sub(4)..].join(" | "))
}
