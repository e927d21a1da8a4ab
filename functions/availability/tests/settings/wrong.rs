use std::collections::BTreeSet;

use runtime::settings::{Document, Problem};

use crate::{here, names, read};

/// What must never be said, wherever in the files it stands.
const SECRETS: [&str; 2] = ["hunter2", "271828"];

fn text(name: &str) -> String {
    std::fs::read_to_string(here("tests/settings/wrong").join(format!("{name}.toml"))).unwrap()
}

fn problems(name: &str) -> Vec<Problem> {
    read(&format!("{name}.toml"), &text(name)).err().unwrap_or_default()
}

fn said(name: &str) -> String {
    problems(name).iter().map(|problem| format!("{problem}\n")).collect()
}

/// Beside each file stands what is said about it. With `UPDATE_EXPECTED` set, what is said now is written there, to be read in the
/// diff.
#[test]
fn every_mistake_is_said_with_line_key_value_and_rule() {
    let folder = here("tests/settings/wrong");
    let mut different = Vec::new();
    for name in names(&folder, "toml") {
        let expected = folder.join(format!("{name}.txt"));
        let said = said(&name);
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&expected, &said).unwrap();
        }
        let expected = std::fs::read_to_string(expected).unwrap_or_default();
        if said != expected {
            different.push(format!("{name}.toml\n--- expected\n{expected}--- said\n{said}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn every_file_is_wrong_and_has_its_expected_text() {
    let folder = here("tests/settings/wrong");
    let files = names(&folder, "toml");
    assert!(files.len() > 50, "{} files", files.len());
    assert_eq!(files, names(&folder, "txt"));
    for name in files {
        assert!(!problems(&name).is_empty(), "{name}.toml has no mistake");
    }
}

#[test]
fn a_secret_is_never_said() {
    let mut observed = 0;
    for name in names(&here("tests/settings/wrong"), "toml") {
        if !SECRETS.iter().any(|secret| text(&name).contains(secret)) {
            continue;
        }
        observed += 1;
        let said = format!("{}{:?}", said(&name), problems(&name));
        assert!(!SECRETS.iter().any(|secret| said.contains(secret)), "{said}");
    }
    assert!(observed >= 8, "only {observed} files hold a secret");
}

#[test]
fn nothing_is_said_twice_and_all_in_the_order_of_the_file() {
    for name in names(&here("tests/settings/wrong"), "toml") {
        let problems = problems(&name);
        let texts: BTreeSet<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), problems.len(), "{name}.toml");
        assert!(problems.is_sorted_by_key(|problem| problem.line), "{name}.toml");
    }
}

#[test]
fn eight_mistakes_are_eight_problems() {
    let keys: Vec<_> = problems("eight-mistakes").into_iter().map(|problem| problem.key).collect();
    let expected = [
        "base_url",
        "contact.name",
        "contact.phone",
        "links.runbook",
        "check.availability.deadline",
        "check.availability.heartbeat_url",
        "check.availability.targets[0].url",
        "check.availability.targets[0].expect.json[0].pointer",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn a_file_with_the_line_ends_of_windows_has_the_same_problems() {
    for name in ["eight-mistakes", "several-syntax-errors"] {
        let windows = text(name).replace('\n', "\r\n");
        assert_eq!(read(&format!("{name}.toml"), &windows).err().unwrap(), problems(name));
    }
}

#[test]
fn a_section_of_no_known_check_is_said_with_those_that_there_are() {
    let text = "environment = \"staging\"\n\n[check.availability]\n\n[check.logins]\ndeadline = \"5s\"\n";
    let document = Document::parse("staging.toml", text).unwrap();
    assert_eq!(document.check_ids(), ["availability", "logins"]);
    let problem = document.unknown_check("logins", &["availability", "login"]);
    assert_eq!(
        problem.to_string(),
        "staging.toml:5: check.logins: there is no such check; there are availability, login\n  | [check.logins]"
    );
    assert_eq!(Document::parse("staging.toml", "check = 5").unwrap().check_ids(), [""; 0]);
}
