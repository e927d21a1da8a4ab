//! Tests of the files in the repository: READMEs of crates, lengths of files, and the order of dependencies.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use crate::house_rules::{root, rust_files};

/// Maximum length of a file with code, in lines.
const MAX_LINES: usize = 600;

#[test]
fn every_crate_has_a_readme_as_its_front_page() {
    let mut wrong = Vec::new();
    for folder in crate_folders() {
        let readme = read_to_string(folder.join("README.md")).unwrap_or_default();
        let lines = readme.lines().count();
        if !(10..=40).contains(&lines) {
            wrong.push(format!("{}: expected a README.md of 10 to 40 lines, found {lines}", folder.display()));
        }
        if !readme.contains("must not") || !readme.contains("Where to start reading:") {
            wrong.push(format!(
                "{}: its README.md must say what the crate must not know and where to start",
                folder.display()
            ));
        }
        for file in named_files(&readme).filter(|file| !folder.join(file).exists()) {
            wrong.push(format!("{}: its README.md names {file}, which does not exist", folder.display()));
        }
        let front = ["src/lib.rs", "src/main.rs", "e2e/main.rs"].map(|file| read_to_string(folder.join(file)));
        let front = front.into_iter().flatten().next().unwrap_or_default();
        if !front.starts_with("#![doc = include_str!(\"../README.md\")]") {
            wrong.push(format!("{}: the README.md is not the front page of the crate", folder.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let folders = ["crates", "functions", "tests"].map(|folder| rust_files(&root().join(folder)));
    let files: Vec<PathBuf> = folders.into_iter().flatten().collect();
    assert!(files.len() > 100, "found only {} files", files.len());
    let lines = |file: &PathBuf| read_to_string(file).unwrap().lines().count();
    let long: Vec<_> = files.iter().map(|file| (file, lines(file))).filter(|(_, lines)| *lines > MAX_LINES).collect();
    assert!(long.is_empty(), "split these files, which have more than {MAX_LINES} lines: {long:?}");
}

#[test]
fn dependencies_are_sorted() {
    let unsorted: Vec<String> =
        crate_folders().iter().chain([&root()]).flat_map(|folder| unsorted_dependencies(folder)).collect();
    assert!(unsorted.is_empty(), "sort these dependencies: {unsorted:?}");
}

/// Folders of all crates.
fn crate_folders() -> Vec<PathBuf> {
    let folders = ["crates", "functions"].map(|folder| root().join(folder).read_dir().unwrap());
    let folders = folders.into_iter().flatten().map(|entry| entry.unwrap().path()).chain([root().join("tests")]);
    let folders: Vec<PathBuf> = folders.filter(|folder| folder.join("Cargo.toml").exists()).collect();
    assert!(folders.len() > 20, "found only {} crates", folders.len());
    folders
}

/// Files and folders of the crate that a README names between backticks.
fn named_files(readme: &str) -> impl Iterator<Item = &str> {
    let named = readme.split('`').skip(1).step_by(2);
    named.filter(|name| ["src/", "tests/", "e2e/"].iter().any(|start| name.starts_with(start)))
}

/// Dependencies of a crate that come after one with a later name.
fn unsorted_dependencies(folder: &Path) -> Vec<String> {
    let manifest = read_to_string(folder.join("Cargo.toml")).unwrap();
    let (mut last, mut unsorted) = (String::new(), Vec::new());
    let mut is_list = false;
    for line in manifest.lines() {
        if line.is_empty() {
            last.clear();
        } else if line.starts_with('[') {
            (is_list, last) = (line.ends_with("dependencies]"), String::new());
        } else if let (true, Some((name, _))) = (is_list, line.split_once(['.', ' ']))
            && line.starts_with(|first: char| first.is_ascii_lowercase())
        {
            if name < last.as_str() {
                unsorted.push(format!("{}: {name}", folder.display()));
            }
            name.clone_into(&mut last);
        }
    }
    unsorted
}
