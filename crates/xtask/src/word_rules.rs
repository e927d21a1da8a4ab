//! Tests of names and words in all tracked files: function names, lengths of test names, and retired vocabulary.

use std::collections::BTreeSet;
use std::process::Command;

use crate::house_rules::root;

/// Maximum length of a test name. **Units:** characters.
const MAX_TEST_NAME: usize = 59;

/// Retired words and phrases in lower case, each with its replacement.
const RETIRED: [(&str, &str); 21] = [
    ("blind", "monitoring lost"),
    ("blindness", "monitoring lost"),
    ("told", "notified, reported or shown"),
    ("untold", "suppressed"),
    ("errored", "inconclusive"),
    ("left behind", "leftovers"),
    ("seeing again", "monitoring restored"),
    ("sweep", "cleanup"),
    ("sweeps", "cleanup"),
    ("sweeping", "cleanup"),
    ("swept", "cleaned up"),
    ("cannot judge", "inconclusive"),
    ("could not judge", "inconclusive"),
    ("next word", "next update"),
    ("whom to call", "who to contact"),
    ("last good run", "last successful run"),
    // Habits that make English hard to read.
    ("beside", "next to, or besides"),
    ("mend", "repair or fix"),
    ("mended", "repaired or fixed"),
    ("whoever", "the person who, or people who"),
    ("whomever", "the person whom"),
];

/// Files that may contain all retired words.
const EXEMPT_FILES: [(&str, &str); 3] = [
    ("CHANGELOG.md", "describes the renaming"),
    ("crates/settings/src/names.rs", "recognizes old settings keys and names the new ones"),
    ("crates/xtask/src/word_rules.rs", "lists the words"),
];

/// Single uses that may stay: file, retired word and reason. An entry without a use fails the test.
const EXCEPTIONS: [(&str, &str, &str); 2] = [
    ("functions/availability/tests/settings/wrong/renamed-keys.toml", "blind", "an old key, which gets an error"),
    ("functions/availability/tests/settings/wrong/renamed-keys.txt", "blind", "the error for an old key"),
];

/// A problem in a file: line from 1, and a message.
type Finding = (usize, String);

#[test]
fn no_function_or_closure_is_called_of() {
    let mut findings = Vec::new();
    for (file, text) in rust_files() {
        findings.extend(located(&file, bad_function_names(&text)));
    }
    assert_none(&findings, "give these functions a noun or a verb as their name");
}

#[test]
fn test_names_are_short() {
    let mut findings = Vec::new();
    for (file, text) in rust_files() {
        findings.extend(located(&file, long_test_names(&text)));
    }
    assert_none(&findings, "state the behaviour in fewer than 60 characters");
}

#[test]
fn no_retired_word_is_left() {
    let (mut findings, mut used) = (Vec::new(), BTreeSet::new());
    for (file, text) in
        tracked_files().into_iter().filter(|(file, _)| !EXEMPT_FILES.iter().any(|(name, _)| name == file))
    {
        for (line, word, replacement) in retired_words(&text) {
            match EXCEPTIONS.iter().find(|(name, exception, _)| *name == file && *exception == word) {
                Some((name, exception, _)) => drop(used.insert((*name, *exception))),
                None => findings.push(format!("{file}:{line}: {word}: use {replacement}")),
            }
        }
    }
    for (file, word, _) in EXCEPTIONS.iter().filter(|(file, word, _)| !used.contains(&(*file, *word))) {
        findings.push(format!("{file}: {word}: the exception is not used; remove it"));
    }
    assert_none(&findings, "replace these words, or add an exception with a reason to crates/xtask/src/word_rules.rs");
}

#[test]
fn function_names_called_of_are_found() {
    for (name, text, expected) in [
        ("method", "    pub(crate) fn of(check: &str) -> Self {", &["of"][..]),
        ("async function with a prefix", "async fn of_check<T>(check: T) {}", &["of_check"]),
        ("closure", "    let of_login = |id: &str| id.len();", &["of_login"]),
        ("async closure", "let of = async || ();", &["of"]),
        ("longer name", "fn offset() {}\nfn kind_of(check: &str) {}", &[]),
        ("variable", "let of = 1;", &[]),
        ("comment", "// fn of(check)", &[]),
    ] {
        let found: Vec<String> = bad_function_names(text).into_iter().map(|(_, message)| message).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn long_test_names_are_found() {
    let name = |length: usize| "n".repeat(length);
    let test = |attribute: &str, length: usize| format!("{attribute}\nasync fn {}() {{}}", name(length));
    for (case, text, expected) in [
        ("longest allowed name", test("#[test]", 59), 0),
        ("too long", test("#[test]", 60), 1),
        ("tokio test", test("#[tokio::test(flavor = \"multi_thread\")]", 60), 1),
        ("more attributes", test("#[test]\n#[ignore = \"needs an account\"]", 60), 1),
        ("not a test", test("#[must_use]", 60), 0),
        ("helper after a test", format!("#[test]\nfn a() {{}}\nfn {}() {{}}", name(60)), 0),
    ] {
        assert_eq!(long_test_names(&text).len(), expected, "{case}");
    }
}

#[test]
fn retired_words_are_found_in_every_spelling() {
    for (name, text, expected) in [
        ("prose", "People are told at once.", &["told"][..]),
        ("snake case", "let is_blind = left_behind.len();", &["blind", "left behind"]),
        ("camel case", "BlindLogin, LeftBehind", &["blind", "left behind"]),
        ("kebab case", "login-blind", &["blind"]),
        ("across lines", "/// It cannot\n/// judge the run.", &["cannot judge"]),
        ("longer phrase", "Last good run: none", &["last good run"]),
        ("parts of words", "a stolen bold soldier, blindly and untoldable", &[]),
        ("words apart", "what was left. Behind it", &["left behind"]),
    ] {
        let found: Vec<&str> = retired_words(text).into_iter().map(|(_, word, _)| word).collect();
        assert_eq!(found, expected, "{name}");
    }
    assert_eq!(retired_words("one\ntwo\nthey were told").first().map(|(line, _, _)| *line), Some(3));
}

fn assert_none(findings: &[String], help: &str) {
    assert!(findings.is_empty(), "{} findings; {help}:\n  {}", findings.len(), findings.join("\n  "));
}

fn located(file: &str, findings: Vec<Finding>) -> Vec<String> {
    findings.into_iter().map(|(line, message)| format!("{file}:{line}: {message}")).collect()
}

/// Names of functions, methods and closures that are `of` or begin with `of_`.
fn bad_function_names(text: &str) -> Vec<Finding> {
    let is_bad = |name: &&str| *name == "of" || name.starts_with("of_");
    let names = |line| function_name(line).or_else(|| closure_name(line)).filter(is_bad);
    text.lines().enumerate().filter_map(|(index, line)| Some((index + 1, names(line)?.to_owned()))).collect()
}

/// Names of tests that are too long.
fn long_test_names(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut is_test = false;
    for (index, line) in text.lines().enumerate() {
        let attribute = line.trim();
        is_test |= ["#[test]", "#[tokio::test]", "#[tokio::test("].iter().any(|start| attribute.starts_with(start));
        let Some(name) = function_name(line) else { continue };
        let length = name.chars().count();
        if is_test && length > MAX_TEST_NAME {
            findings.push((index + 1, format!("{name} has {length} characters")));
        }
        is_test = false;
    }
    findings
}

/// Name of the function that a line declares.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let qualifiers = ["pub", "pub(crate)", "pub(super)", "const", "async", "unsafe", "extern", "\"C\""];
    let is_declaration = before.split_whitespace().all(|word| qualifiers.contains(&word));
    is_declaration.then(|| identifier(after)).filter(|name| !name.is_empty())
}

/// Name of the variable to which a line assigns a closure.
fn closure_name(line: &str) -> Option<&str> {
    let (name, value) = line.trim().strip_prefix("let ")?.split_once(" = ")?;
    let value = value.trim_start_matches("async ").trim_start_matches("move ");
    value.starts_with('|').then(|| identifier(name))
}

fn identifier(text: &str) -> &str {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default()
}

/// Retired words in a text, with their lines and replacements.
fn retired_words(text: &str) -> Vec<(usize, &'static str, &'static str)> {
    let words = words(text);
    let mut findings = Vec::new();
    for (index, (line, _)) in words.iter().enumerate() {
        let is_here = |phrase: &str| {
            let mut rest = words[index..].iter().map(|(_, word)| word.as_str());
            phrase.split(' ').all(|word| rest.next() == Some(word))
        };
        let found = RETIRED.iter().filter(|(phrase, _)| is_here(phrase));
        findings.extend(found.map(|(phrase, replacement)| (*line, *phrase, *replacement)));
    }
    findings
}

/// Lower-case words of a text with their lines from 1. Identifiers in any spelling are split into words.
fn words(text: &str) -> Vec<(usize, String)> {
    let mut words = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut word = String::new();
        let mut previous = ' ';
        for character in line.chars().chain([' ']) {
            let is_new = !character.is_alphanumeric() || (character.is_uppercase() && previous.is_lowercase());
            if is_new && !word.is_empty() {
                words.push((index + 1, std::mem::take(&mut word)));
            }
            if character.is_alphanumeric() {
                word.extend(character.to_lowercase());
            }
            previous = character;
        }
    }
    words
}

fn rust_files() -> Vec<(String, String)> {
    tracked_files().into_iter().filter(|(file, _)| file.ends_with(".rs")).collect()
}

/// Paths and contents of all tracked text files.
fn tracked_files() -> Vec<(String, String)> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).unwrap();
    let names = names.split('\0').filter(|name| !name.is_empty());
    // Deleted files may still be in the index; binary files have no words.
    let read = |name: &str| Some((name.to_owned(), std::fs::read_to_string(root().join(name)).ok()?));
    let files: Vec<(String, String)> = names.filter_map(read).collect();
    assert!(files.len() > 100, "found only {} tracked files", files.len());
    files
}
