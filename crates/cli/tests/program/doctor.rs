//! `doctor templates` with templates as people write them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::{synthetics, text};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// A copy of the templates with these texts replaced, in a folder of the test.
fn templates(name: &str, changes: &[(&str, &str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("doctor-{name}"));
    fs::create_dir_all(&folder).unwrap();
    for file in ["template.yaml", "alarms.yaml", "platform.yaml", "samconfig.toml"] {
        let mut content = fs::read_to_string(repository().join("infra").join(file)).unwrap();
        for (_, from, to) in changes.iter().filter(|(own, ..)| *own == file) {
            assert!(content.contains(from), "{from} in {file}");
            content = content.replacen(from, to, 1);
        }
        fs::write(folder.join(file), content).unwrap();
    }
    folder
}

fn doctor(name: &str, changes: &[(&str, &str, &str)], more: &[&str]) -> Output {
    let (folder, runbooks) = (templates(name, changes), repository().join("docs/runbooks"));
    let arguments =
        ["doctor", "templates", "--templates", folder.to_str().unwrap(), "--runbooks", runbooks.to_str().unwrap()];
    synthetics(&[&arguments[..], more].concat())
}

const PERCENTILE: &str = "\nResources:\n  Extra:\n    Type: AWS::CloudWatch::Alarm\n    Metadata: { Severity: warning }\n    \
    Properties:\n      AlarmName: !Sub just-driving-platform-${Environment}-extra\n      \
    AlarmDescription: !Sub \"Too slow. Warning. ${Runbooks}/platform.md#responsetime\"\n      \
    AlarmActions: [!ImportValue { Fn::Sub: \"just-driving-synthetics-${Environment}-WarningsTopic\" }]\n      \
    ComparisonOperator: GreaterThanThreshold\n      TreatMissingData: notBreaching\n      Namespace: AWS/ApplicationELB\n      \
    MetricName: TargetResponseTime\n      Dimensions: [{ Name: LoadBalancer, Value: app/web/50dc6c495c0c9188 }]\n      \
    ExtendedStatistic: p99.9\n      EvaluateLowSampleCountPercentile: ignore\n      Period: 60\n      EvaluationPeriods: 5\n      \
    Threshold: 2\n";

#[test]
fn unreplayed_alarm_is_named_and_the_rest_judged() {
    let extra = ("platform.yaml", "\nResources:\n", PERCENTILE);
    let output = doctor("note", &[extra], &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = text(&output.stdout);
    assert!(shown.contains("Resources.Extra.Properties.ExtendedStatistic: note: not replayed: p99.9: "), "{shown}");
    assert!(shown.ends_with("\nno findings, 1 note\n"), "{shown}");

    let wrong = ("platform.yaml", "TreatMissingData: ignore", "TreatMissingData: often");
    let output = doctor("note-and-finding", &[extra, wrong], &["--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    let shown: Vec<(&str, &str)> = findings
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["level"].as_str().unwrap(), finding["path"].as_str().unwrap()))
        .collect();
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert_eq!(shown[0].0, "error");
    assert!(shown[0].1.ends_with(".Properties.TreatMissingData"), "{shown:?}");
    assert_eq!(shown[1], ("note", "Resources.Extra.Properties.ExtendedStatistic"));
}

#[test]
fn embedded_templates_are_audited_from_any_folder() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_synthetics"))
        .args(["doctor", "templates", "--wide"])
        .current_dir("/")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let place = format!("embedded in this program, version {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(text(&output.stdout), format!("templates {place}; runbooks {place}\nno findings\n"));
    let output = synthetics(&["doctor", "templates", "--runbooks", "nowhere"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("failed to read nowhere"), "{output:?}");
}

#[test]
fn parameters_of_any_type_are_accepted() {
    let parameters = "\nParameters:\n  \
        Limit: { Type: \"AWS::SSM::Parameter::Value<String>\", Default: /limit }\n  \
        Zones: { Type: \"AWS::SSM::Parameter::Value<List<String>>\", Default: /zones }\n  \
        Numbers: { Type: List<Number>, Default: \"1, 2\" }\n  Names: { Type: CommaDelimitedList, Default: \"a, b\" }\n  \
        Subnet: { Type: AWS::EC2::Subnet::Id }\n  Groups: { Type: List<AWS::EC2::SecurityGroup::Id> }\n";
    let output = doctor("types", &[("platform.yaml", "\nParameters:\n", parameters)], &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let wrong = "\nParameters:\n  Limit: { Type: Nummer, Default: 1 }\n";
    let output = doctor("wrong-type", &[("platform.yaml", "\nParameters:\n", wrong)], &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = text(&output.stderr);
    assert!(
        said.contains("Parameters.Limit.Type: expected String, Number") && said.contains("found `Nummer`"),
        "{said}"
    );
}

#[test]
fn samconfig_takes_every_form_of_sam_cli() {
    let list = "parameter_overrides = [\"Environment=staging\", \"Checks=Availability\"]";
    for (name, form) in [
        ("long", "\"ParameterKey=Environment,ParameterValue=staging ParameterKey=Checks,ParameterValue=Availability\""),
        ("text", "\"Environment=staging Checks=Availability\""),
        ("quoted", "'Environment=\"staging\" Checks=\"Availability\"'"),
        ("table", "{ Environment = \"staging\", Checks = \"Availability\" }"),
    ] {
        let form = format!("parameter_overrides = {form}");
        let output = doctor(&format!("samconfig-{name}"), &[("samconfig.toml", list, &form)], &[]);
        assert_eq!(output.status.code(), Some(0), "{name}: {output:?}");
    }
    for (name, form, expected) in [
        (
            "quoted-spaces",
            "'Environment=staging Checks=Availability Runbooks=\"https://docs.example/our runbooks\"'",
            "expected the same Runbooks as in staging-alarms (https://docs.example/our runbooks)",
        ),
        ("spaces", "\"Environment=staging Checks=Availability Runbooks=our runbooks\"", "found `runbooks`"),
        (
            "other",
            "\"ParameterKey=Environment,ParameterValue=staging ParameterKey=Checks,ParameterValue=Login\"",
            "expected the same Checks",
        ),
    ] {
        let form = format!("parameter_overrides = {form}");
        let output = doctor(&format!("samconfig-{name}"), &[("samconfig.toml", list, &form)], &[]);
        assert_eq!(output.status.code(), Some(1), "{name}: {output:?}");
        let shown = text(&output.stdout);
        assert!(shown.contains(".deploy.parameters.parameter_overrides: expected"), "{shown}");
        assert!(shown.contains(expected), "{shown}");
    }
}
