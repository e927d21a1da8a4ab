use std::collections::BTreeSet;

use settings::{Document, Problem};

use crate::{here, names, read};

/// Secrets in the files, which no error may reveal.
const SECRETS: [&str; 2] = ["hunter2", "271828"];

fn text(name: &str) -> String {
    std::fs::read_to_string(here("tests/settings/wrong").join(format!("{name}.toml"))).unwrap()
}

fn problems(name: &str) -> Vec<Problem> {
    read(&format!("{name}.toml"), &text(name)).err().unwrap_or_default()
}

fn errors(name: &str) -> String {
    problems(name).iter().map(|problem| format!("{problem}\n")).collect()
}

/// The `.txt` file next to each settings file holds its errors. With `UPDATE_EXPECTED` set, the test writes the actual
/// errors there; review them in the diff.
#[test]
fn errors_name_line_key_value_and_rule() {
    let folder = here("tests/settings/wrong");
    let mut different = Vec::new();
    for name in names(&folder, "toml") {
        let expected = folder.join(format!("{name}.txt"));
        let actual = errors(&name);
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&expected, &actual).unwrap();
        }
        let expected = std::fs::read_to_string(expected).unwrap_or_default();
        if actual != expected {
            different.push(format!("{name}.toml\n--- expected\n{expected}--- actual\n{actual}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn every_file_has_mistakes_and_expected_errors() {
    let folder = here("tests/settings/wrong");
    let files = names(&folder, "toml");
    assert!(files.len() > 50, "{} files", files.len());
    assert_eq!(files, names(&folder, "txt"));
    for name in files {
        assert!(!problems(&name).is_empty(), "{name}.toml has no mistake");
    }
}

#[test]
fn errors_reveal_no_secret() {
    let mut files = 0;
    for name in names(&here("tests/settings/wrong"), "toml") {
        if !SECRETS.iter().any(|secret| text(&name).contains(secret)) {
            continue;
        }
        files += 1;
        let errors = format!("{}{:?}", errors(&name), problems(&name));
        assert!(!SECRETS.iter().any(|secret| errors.contains(secret)), "{errors}");
    }
    assert!(files >= 8, "only {files} files hold a secret");
}

#[test]
fn errors_are_distinct_and_in_the_order_of_the_file() {
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
fn windows_line_endings_yield_the_same_problems() {
    for name in ["eight-mistakes", "several-syntax-errors"] {
        let windows = text(name).replace('\n', "\r\n");
        assert_eq!(read(&format!("{name}.toml"), &windows).err().unwrap(), problems(name));
    }
}

#[test]
fn section_of_an_unknown_check_suggests_a_known_one() {
    let text = "environment = \"staging\"\n\n[check.availability]\n\n[check.logins]\ndeadline = \"5s\"\n";
    let document = Document::parse("staging.toml", text).unwrap();
    assert_eq!(document.check_ids(), ["availability", "logins"]);
    let problem = document.unknown_check("logins", &["availability", "login"]);
    assert_eq!(
        problem.to_string(),
        "staging.toml:5: check.logins: unknown check \"logins\"; did you mean \"login\"?\n  | [check.logins]"
    );
    assert_eq!(Document::parse("staging.toml", "check = 5").unwrap().check_ids(), [""; 0]);
}
