//! Tests of the links in Markdown files: files and headings of this repository exist. Links to other hosts are not followed.

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::house_rules::root;

/// Address of this repository's files in links that must work outside of it.
const REPOSITORY: &str = "https://github.com/just-driving/synthetics/blob/main/";

/// AWS CLI takes the region of the reader's profile otherwise, in which there may be nothing of that name.
#[test]
fn pages_with_commands_of_aws_name_the_region() {
    let mut pages = 0;
    let guides = ["docs/deploy", "docs/operations", "docs/runbooks", "README.md"];
    for file in markdown_files().iter().filter(|file| guides.iter().any(|guide| file.starts_with(guide))) {
        let text = read_to_string(root().join(file)).unwrap();
        let has_command = text.contains("$ aws ") || text.contains("$(aws ") || text.contains("`aws ");
        pages += usize::from(has_command);
        assert!(!has_command || text.contains("AWS_REGION"), "{}: say in which region", file.display());
    }
    assert!(pages >= 8, "{pages} pages have commands of AWS CLI");
}

#[test]
fn links_lead_to_files_and_headings() {
    let files = markdown_files();
    assert!(files.len() > 40, "found only {} files", files.len());
    let mut broken = Vec::new();
    let mut checked = 0;
    for file in &files {
        for target in links(&read_to_string(root().join(file)).unwrap()) {
            checked += 1;
            if let Some(problem) = problem(file, &target) {
                broken.push(format!("{}: {target}: {problem}", file.display()));
            }
        }
    }
    assert!(checked > 200, "found only {checked} links");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn broken_links_are_found() {
    let readme = Path::new("README.md");
    assert_eq!(problem(readme, "docs/settings.md#the-network"), None);
    assert_eq!(problem(readme, "https://elsewhere.example/x"), None);
    assert!(problem(readme, "docs/setings.md").is_some());
    assert!(problem(readme, "docs/settings.md#the-netwrok").is_some());
    assert!(problem(readme, &format!("{REPOSITORY}docs/setings.md")).is_some());
    assert!(problem(Path::new("docs/settings.md"), "docs/settings.md").is_some(), "relative to its own folder");
}

#[test]
fn links_outside_code_are_read() {
    let text = "See [a](b.md) and [`c`](d/e.md#f \"title\"), not `[g](h.md)`.\n```text\n[i](j.md)\n```\n[k]: l.md\n";
    assert_eq!(links(text), ["b.md", "d/e.md#f", "l.md"]);
}

#[test]
fn headings_become_anchors_as_on_github() {
    let anchors =
        anchors("# The check `login`\n## Alarms on AWS's metrics\n## Twice\n## Twice\n```\n# no heading\n```\n");
    let expected = ["alarms-on-awss-metrics", "the-check-login", "twice", "twice-1"];
    assert_eq!(anchors.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

/// Markdown files that git knows.
fn markdown_files() -> Vec<PathBuf> {
    let listed = Command::new("git").args(["ls-files", "*.md"]).current_dir(root()).output().unwrap();
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    String::from_utf8(listed.stdout).unwrap().lines().map(PathBuf::from).collect()
}

/// Describes what is wrong with a link in a file.
fn problem(file: &Path, target: &str) -> Option<String> {
    let (target, from) = match target.strip_prefix(REPOSITORY) {
        Some(inside) => (inside, Path::new("")),
        None if target.contains(':') => return None,
        None => (target, file.parent().unwrap_or(Path::new(""))),
    };
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() { file.to_owned() } else { from.join(path) };
    let path = root().join(path);
    if !path.exists() {
        return Some("no such file".to_owned());
    }
    let is_page = path.extension().is_some_and(|extension| extension == "md");
    if anchor.is_empty() || !is_page || anchors(&read_to_string(&path).unwrap()).contains(anchor) {
        return None;
    }
    Some("no such heading".to_owned())
}

/// Lines outside fenced code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// Targets of the links in a text.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        // Every second part is between backticks. A link's text may hold code, so what is left reads `[](target)`.
        let line: String = line.split('`').step_by(2).collect();
        if let Some((name, target)) = line.split_once("]: ")
            && name.starts_with('[')
        {
            found.push(target.trim().to_owned());
        }
        for rest in line.split("](").skip(1) {
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            found.push(target.to_owned());
        }
    }
    found
}

/// Anchors of the headings of a page, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for heading in prose(text).filter(|line| line.starts_with('#')) {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
        let anchor: String = kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect();
        let again = (1..).map(|number| format!("{anchor}-{number}"));
        if let Some(free) = std::iter::once(anchor.clone()).chain(again).find(|anchor| !anchors.contains(anchor)) {
            anchors.insert(free);
        }
    }
    anchors
}
