//! checkov's rules about security, for the templates as CloudFormation makes them.
//!
//! checkov reads neither loops nor SAM's `Globals`, and ends well when a template makes it stumble. So it is given each template
//! with its loops unrolled and its types translated (`tools/expand.py`), and beside what is there a resource that it must find.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::command::Run;
use crate::tools;
use crate::workspace::Workspace;

/// What stays as it is, wherever it is found: the rule, the type of resource, and why. What concerns one resource stands in that
/// resource's `Metadata`, as checkov documents.
const SKIPPED: [(&str, &str, &str); 3] = [
    (
        "CKV_AWS_116",
        "AWS::Lambda::Function",
        "the on-failure destination keeps failed events, with the reason; a dead-letter queue would keep them twice",
    ),
    (
        "CKV_AWS_117",
        "AWS::Lambda::Function",
        "what is probed is public; a VPC would cost a NAT gateway, and is an option for the checks that look at private stores",
    ),
    (
        "CKV_AWS_173",
        "AWS::Lambda::Function",
        "the variables are names and ARNs, encrypted by Lambda's own key; a function that cannot use a key says nothing at all",
    ),
];

/// An unencrypted topic, added to each template: when this is not found, nothing else was looked for.
const PLANTED: &str = "PlantedByTheScan";
const PLANTED_RULE: &str = "CKV_AWS_26";

/// Looks at the templates. Needs no network.
///
/// # Errors
/// With every finding that has no written reason to stay, and every reason that nothing needs.
pub fn scan(workspace: &Workspace, templates: &[&str]) -> Result<()> {
    let python = tools::python(workspace, "sam")?.join("python");
    let checkov = tools::python(workspace, "checkov")?.join("checkov");
    let folder = workspace.target.join("checkov");
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let mut expanded = Vec::new();
    for template in templates {
        let text = Run::program(workspace, &python)
            .args(["crates/xtask/tools/expand.py", template])
            .env("SAM_CLI_TELEMETRY", "0")
            .printed()?;
        let mut contents: Value = serde_json::from_str(&text).with_context(|| format!("failed to read {template}"))?;
        contents["Resources"][PLANTED] = json!({ "Type": "AWS::SNS::Topic" });
        let path = folder.join(stem(template)).with_extension("json");
        fs::write(&path, contents.to_string()).with_context(|| format!("failed to write {}", path.display()))?;
        // Relative: checkov reads a template's path as if it stood in it, and takes one of 40 characters for a key of AWS.
        expanded.push(path.strip_prefix(&workspace.root).map_or_else(|_| path.clone(), Path::to_path_buf));
    }
    let report = Run::program(workspace, checkov)
        .args(["--framework", "cloudformation", "--skip-download", "--compact", "--soft-fail"])
        .args(["--output", "json", "--file"])
        .args(&expanded)
        .printed()?;
    let report: Value = serde_json::from_str(&report).context("failed to read checkov's report")?;
    let problems = problems(&report, templates, &SKIPPED);
    if !problems.is_empty() {
        bail!("expected no finding without a written reason, found:\n  {}", problems.join("\n  "));
    }
    let number = |kind: &str| results(&report, kind).len();
    let skipped = number("failed_checks") - templates.len() + number("skipped_checks");
    println!("   checkov: {} passed, {skipped} skipped for written reasons", number("passed_checks"));
    Ok(())
}

/// What is wrong, by checkov's report on what was made of these templates.
fn problems(report: &Value, templates: &[&str], skipped: &[(&str, &str, &str)]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    let mut actual = BTreeSet::new();
    for file in results(report, "parsing_errors") {
        problems.push(format!("{file}: checkov cannot read it"));
    }
    for finding in results(report, "failed_checks") {
        let (rule, kind, id, file) = place(finding);
        if id == PLANTED && rule == PLANTED_RULE {
            actual.insert(file);
        } else if let Some((rule, kind, _)) = skipped.iter().find(|skip| (skip.0, skip.1) == (rule, kind)) {
            used.insert((rule, kind));
        } else {
            problems.push(format!(
                "{file}: {id}: {rule}: {}\n    mend it, or say why it stays: for this one in its Metadata (checkov, skip, id and \
                 comment), for all {kind} in crates/xtask/src/checkov.rs",
                finding["check_name"].as_str().unwrap_or_default()
            ));
        }
    }
    for finding in results(report, "skipped_checks") {
        let (rule, _, id, file) = place(finding);
        let reason = finding["check_result"]["suppress_comment"].as_str().unwrap_or_default();
        if reason.is_empty() || reason == NO_COMMENT {
            problems.push(format!("{file}: {id}: {rule} is skipped without a reason\n    write it as the comment"));
        }
    }
    for template in templates.iter().filter(|template| !actual.contains(stem(template))) {
        problems.push(format!(
            "{template}: expected {PLANTED_RULE} for the topic {PLANTED}, which is not encrypted: checkov did not look at it"
        ));
    }
    for (rule, kind, _) in skipped.iter().filter(|skip| !used.contains(&(&skip.0, &skip.1))) {
        problems.push(format!("{rule} finds no {kind} any more\n    remove it from crates/xtask/src/checkov.rs"));
    }
    problems
}

/// What checkov writes where there is none.
const NO_COMMENT: &str = "No comment provided";

fn results<'r>(report: &'r Value, kind: &str) -> &'r [Value] {
    report["results"][kind].as_array().map_or(&[], Vec::as_slice)
}

/// The rule, the type and the name of the resource, and the template's name.
fn place(finding: &Value) -> (&str, &str, &str, &str) {
    let text = |name: &str| finding[name].as_str().unwrap_or_default();
    let (kind, id) = text("resource").rsplit_once('.').unwrap_or_default();
    (text("check_id"), kind, id, stem(text("file_path")))
}

/// `infra/alarms.yaml` and what is made of it are both `alarms`.
fn stem(path: &str) -> &str {
    Path::new(path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKIPPED: [(&str, &str, &str); 1] = [("CKV_AWS_117", "AWS::Lambda::Function", "public")];

    fn finding(rule: &str, resource: &str) -> Value {
        json!({ "check_id": rule, "check_name": "Ensure", "resource": resource, "file_path": "/target/checkov/a.json" })
    }

    /// What is said of a template with nothing but what must be found and what is skipped, and these.
    fn said(more: &[Value], comments: &[&str]) -> Vec<String> {
        let mut failed = vec![
            finding("CKV_AWS_26", "AWS::SNS::Topic.PlantedByTheScan"),
            finding("CKV_AWS_117", "AWS::Lambda::Function.LoginFunction"),
        ];
        failed.extend_from_slice(more);
        let skipped = comments.iter().map(|comment| {
            let mut skipped = finding("CKV_AWS_111", "AWS::IAM::Policy.NetworkPolicy");
            skipped["check_result"] = json!({ "result": "SKIPPED", "suppress_comment": comment });
            skipped
        });
        let report = json!({ "results": { "failed_checks": failed, "skipped_checks": skipped.collect::<Vec<_>>() } });
        problems(&report, &["infra/a.yaml"], &SKIPPED)
    }

    #[test]
    fn a_finding_stays_only_for_a_written_reason() {
        assert_eq!(said(&[], &["Lambda asks for it"]), [""; 0]);
        for (what, said, expected) in [
            (
                "an unencrypted topic",
                said(&[finding("CKV_AWS_26", "AWS::SNS::Topic.Other")], &[]),
                "a: Other: CKV_AWS_26",
            ),
            ("a skip of another type", said(&[finding("CKV_AWS_117", "AWS::Other.X")], &[]), "a: X: CKV_AWS_117"),
            ("no comment", said(&[], &[NO_COMMENT]), "a: NetworkPolicy: CKV_AWS_111 is skipped without a reason"),
        ] {
            assert!(said.len() == 1 && said[0].starts_with(expected), "{what}: {said:?}");
        }
    }

    #[test]
    fn what_was_not_looked_at_is_not_clean() {
        let nothing = problems(&json!({ "passed": 0, "failed": 0 }), &["infra/a.yaml"], &[]);
        assert!(nothing.len() == 1 && nothing[0].starts_with("infra/a.yaml: expected CKV_AWS_26"), "{nothing:?}");
        let unread = json!({ "results": { "parsing_errors": ["/target/checkov/a.json"] } });
        assert_eq!(problems(&unread, &[], &[]), ["\"/target/checkov/a.json\": checkov cannot read it"]);
    }

    #[test]
    fn a_reason_that_nothing_needs_is_a_problem() {
        let unused = problems(&json!({}), &[], &SKIPPED);
        assert!(unused.len() == 1 && unused[0].starts_with("CKV_AWS_117 finds no AWS::Lambda::Function"), "{unused:?}");
    }
}
