//! Applies the security rules of checkov to the expanded templates.
//!
//! checkov supports neither loops nor SAM's `Globals`, and succeeds when it cannot read a template. Therefore it gets each
//! template with unrolled loops and translated types (`tools/expand.py`), and with one extra resource that it must report.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::command::Run;
use crate::tools;
use crate::workspace::Workspace;

/// Rules skipped for a type of resource: rule, type and reason. A skip for one resource is in its `Metadata`, as checkov
/// documents.
const SKIPPED: [(&str, &str, &str); 3] = [
    (
        "CKV_AWS_116",
        "AWS::Lambda::Function",
        "the on-failure destination keeps failed events with the reason; a dead-letter queue would duplicate them",
    ),
    (
        "CKV_AWS_117",
        "AWS::Lambda::Function",
        "the probed endpoints are public; a VPC needs a NAT gateway and is optional, for checks of private data stores",
    ),
    (
        "CKV_AWS_173",
        "AWS::Lambda::Function",
        "the variables are names and ARNs, encrypted by Lambda; a function that cannot use its own key fails silently",
    ),
];

/// An unencrypted topic, added to each template. checkov has not scanned a template if it does not report this topic.
const PLANTED: &str = "PlantedByTheScan";
const PLANTED_RULE: &str = "CKV_AWS_26";

/// Scans the templates. Needs no network.
///
/// # Errors
/// Lists all findings without a reason to skip them, and all skips that match nothing.
pub fn scan(workspace: &Workspace, templates: &[&str]) -> Result<()> {
    let python = tools::python(workspace, "sam")?.join("python");
    let checkov = tools::python(workspace, "checkov")?.join("checkov");
    let folder = workspace.target.join("checkov");
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let mut expanded = Vec::new();
    for template in templates {
        let text = Run::program(workspace, &python)
            .args(["crates/xtask/tools/expand.py", template])
            .env("SAM_CLI_TELEMETRY", "0")
            .output()?;
        let mut contents: Value = serde_json::from_str(&text).with_context(|| format!("failed to read {template}"))?;
        contents["Resources"][PLANTED] = json!({ "Type": "AWS::SNS::Topic" });
        let path = folder.join(stem(template)).with_extension("json");
        fs::write(&path, contents.to_string()).with_context(|| format!("failed to write {}", path.display()))?;
        // The path is relative, because checkov also scans the path and takes 40 characters in it for an AWS key.
        expanded.push(path.strip_prefix(&workspace.root).map_or_else(|_| path.clone(), Path::to_path_buf));
    }
    let report = Run::program(workspace, checkov)
        .args(["--framework", "cloudformation", "--skip-download", "--compact", "--soft-fail"])
        .args(["--output", "json", "--file"])
        .args(&expanded)
        .output()?;
    let report: Value = serde_json::from_str(&report).context("failed to read checkov's report")?;
    let problems = problems(&report, templates, &SKIPPED);
    if !problems.is_empty() {
        bail!("expected a reason to skip each of these findings:\n  {}", problems.join("\n  "));
    }
    let number = |kind: &str| results(&report, kind).len();
    let skipped = number("failed_checks") - templates.len() + number("skipped_checks");
    println!("   checkov: {} passed, {skipped} skipped with a reason", number("passed_checks"));
    Ok(())
}

/// Lists the problems in checkov's report on these templates.
fn problems(report: &Value, templates: &[&str], skipped: &[(&str, &str, &str)]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    let mut scanned = BTreeSet::new();
    for file in results(report, "parsing_errors") {
        problems.push(format!("{file}: checkov cannot read it"));
    }
    for finding in results(report, "failed_checks") {
        let (rule, kind, id, file) = place(finding);
        if id == PLANTED && rule == PLANTED_RULE {
            scanned.insert(file);
        } else if let Some((rule, kind, _)) = skipped.iter().find(|skip| (skip.0, skip.1) == (rule, kind)) {
            used.insert((rule, kind));
        } else {
            problems.push(format!(
                "{file}: {id}: {rule}: {}\n    fix it, or skip it with a reason: for this resource in its Metadata (checkov, skip, \
                 id and comment), for all {kind} in crates/xtask/src/checkov.rs",
                finding["check_name"].as_str().unwrap_or_default()
            ));
        }
    }
    for finding in results(report, "skipped_checks") {
        let (rule, _, id, file) = place(finding);
        let reason = finding["check_result"]["suppress_comment"].as_str().unwrap_or_default();
        if reason.is_empty() || reason == NO_COMMENT {
            problems
                .push(format!("{file}: {id}: {rule} is skipped without a reason\n    add a comment with the reason"));
        }
    }
    for template in templates.iter().filter(|template| !scanned.contains(stem(template))) {
        problems.push(format!(
            "{template}: expected {PLANTED_RULE} for the topic {PLANTED}, found nothing: checkov did not scan the template"
        ));
    }
    for (rule, kind, _) in skipped.iter().filter(|skip| !used.contains(&(&skip.0, &skip.1))) {
        problems.push(format!("{rule} no longer matches any {kind}\n    remove it from crates/xtask/src/checkov.rs"));
    }
    problems
}

/// Text that checkov writes for a missing comment.
const NO_COMMENT: &str = "No comment provided";

fn results<'r>(report: &'r Value, kind: &str) -> &'r [Value] {
    report["results"][kind].as_array().map_or(&[], Vec::as_slice)
}

/// Rule, type and name of the resource, and name of the template.
fn place(finding: &Value) -> (&str, &str, &str, &str) {
    let text = |name: &str| finding[name].as_str().unwrap_or_default();
    let (kind, id) = text("resource").rsplit_once('.').unwrap_or_default();
    (text("check_id"), kind, id, stem(text("file_path")))
}

/// File name without extension, which is the same for a template and its expanded form.
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

    /// Problems of a template with the planted topic, a skipped finding, these findings and these comments.
    fn problems_with(more: &[Value], comments: &[&str]) -> Vec<String> {
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
    fn findings_need_a_reason_to_be_skipped() {
        assert_eq!(problems_with(&[], &["Lambda asks for it"]), [""; 0]);
        for (name, problems, expected) in [
            (
                "an unencrypted topic",
                problems_with(&[finding("CKV_AWS_26", "AWS::SNS::Topic.Other")], &[]),
                "a: Other: CKV_AWS_26",
            ),
            (
                "a skip of another type",
                problems_with(&[finding("CKV_AWS_117", "AWS::Other.X")], &[]),
                "a: X: CKV_AWS_117",
            ),
            (
                "no comment",
                problems_with(&[], &[NO_COMMENT]),
                "a: NetworkPolicy: CKV_AWS_111 is skipped without a reason",
            ),
        ] {
            assert!(problems.len() == 1 && problems[0].starts_with(expected), "{name}: {problems:?}");
        }
    }

    #[test]
    fn unscanned_template_is_a_problem() {
        let nothing = problems(&json!({ "passed": 0, "failed": 0 }), &["infra/a.yaml"], &[]);
        assert!(nothing.len() == 1 && nothing[0].starts_with("infra/a.yaml: expected CKV_AWS_26"), "{nothing:?}");
        let unread = json!({ "results": { "parsing_errors": ["/target/checkov/a.json"] } });
        assert_eq!(problems(&unread, &[], &[]), ["\"/target/checkov/a.json\": checkov cannot read it"]);
    }

    #[test]
    fn unused_skip_is_a_problem() {
        let unused = problems(&json!({}), &[], &SKIPPED);
        assert!(
            unused.len() == 1 && unused[0].starts_with("CKV_AWS_117 no longer matches any AWS::Lambda::Function"),
            "{unused:?}"
        );
    }
}
