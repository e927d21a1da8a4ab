//! Tests of the architecture: allowed dependencies between crates, and purity of crates without I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Library of ciphers, which has the prefix of the SDK but calls no service.
const CIPHERS: &str = "aws-lc-rs";
/// Crates from the innermost to the outermost layer. Each may depend on earlier layers. Functions are just below `operations`.
const LAYERS: [&[&str]; 10] = [
    &["check"],
    &["probe", "alarm"],
    &["settings"],
    &["runtime"],
    &["history"],
    &["aws", "datastores", "local", "requests", "review"],
    &["lambda", "platform"],
    &["import", "operations", "scheduler"],
    &["console"],
    &["synthetics"],
];
/// Crates that depend on no other member, so that they test the others independently. Only the demo platform uses `check`,
/// to describe the effects of faults.
const INDEPENDENT: [&str; 3] = ["demo-platform", "hostile", "xtask"];
/// Crates for tests. They may depend on everything, and no shipped crate depends on them.
const FOR_TESTS: [&str; 4] = ["fuzz", "fuzzing", "tests", "check-testkit"];
/// Dependencies that know AWS, each with the only crates that may use it: the adapters and the end-to-end tests use the
/// SDK, the handler, the program and one of the end-to-end tests use the adapters.
const USE_AWS: [(&str, &[&str]); 3] =
    [("aws-*", &["aws", "tests"]), ("aws", &["lambda", "synthetics", "tests"]), ("lambda_runtime", &["lambda"])];
/// Pure crates, which get time and data as arguments.
const PURE: [&str; 2] = ["check", "alarm"];
/// Dependencies that pure crates must not have, even indirectly: runtimes, sockets, TLS, files and SDKs.
const IMPURE: [&str; 15] = [
    "async-io",
    "aws-*",
    "getrandom",
    "hyper*",
    "lambda_runtime",
    "mio",
    "native-tls",
    "notify",
    "openssl",
    "rand",
    "reqwest",
    "rusqlite",
    "rustls",
    "socket2",
    "tokio",
];
/// Texts that the code of pure crates must not contain.
const IMPURE_WORDS: [&str; 10] = [
    "::now(",
    "SystemTime",
    "Instant",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "println!",
    "rand::",
];

/// Libraries behind the program. They return what they find, and the program prints it.
const SILENT: [&str; 5] = ["console", "import", "operations", "review", "scheduler"];
/// Texts that the code of silent crates must not contain.
const SPEAKING_WORDS: [&str; 8] =
    ["print!(", "println!(", "dbg!(", "io::stdout", "io::stderr", "process::exit", "ExitCode", "clap::"];

#[test]
fn dependencies_follow_the_layers() {
    let graph = Graph::load();
    let mut wrong = Vec::new();
    for (name, package) in &graph.members {
        for dependency in &package.dependencies {
            if graph.members.contains_key(dependency)
                && !may_depend(&package.folder, name, &graph.members[dependency].folder, dependency)
            {
                wrong.push(format!("{name} -> {dependency}"));
            }
        }
    }
    assert!(wrong.is_empty(), "these dependencies violate LAYERS in crates/xtask/src/house_rules.rs: {wrong:?}");
}

#[test]
fn only_allowed_crates_know_aws() {
    let graph = Graph::load();
    for (pattern, allowed) in USE_AWS {
        let users: Vec<_> = graph
            .members
            .iter()
            .filter(|(_, package)| package.dependencies.iter().any(|name| matches(pattern, name) && name != CIPHERS))
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(users, allowed, "the crates that depend on {pattern}");
    }
}

/// Functions must not contain operators' access to AWS, which can mute alarms.
#[test]
fn only_operators_crates_have_operator_access_to_aws() {
    let graph = Graph::load();
    let users: Vec<_> = graph
        .members
        .iter()
        .filter(|(_, package)| package.enabled_features.contains("aws/operator"))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(users, ["synthetics", "tests"], "the crates that enable aws/operator");
}

/// The demo builds without the SDKs, which it does not call: they take half of the time of a first build.
#[test]
fn demo_does_not_build_the_sdks() {
    let tree = |features: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["tree", "--package", "synthetics", "--edges", "normal", "--prefix", "none", "--format", "{lib}"]);
        let output = cargo.args(features).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let is_unwanted =
        |name: &&String| name.starts_with("aws_sdk_") || ["aws_config", "lambda_runtime"].contains(&name.as_str());
    let demo = tree(&["--no-default-features"]);
    assert_eq!(demo.iter().filter(is_unwanted).collect::<Vec<_>>(), Vec::<&String>::new(), "`cargo demo` builds them");
    assert!(tree(&[]).iter().any(|name| is_unwanted(&name)), "the rule matches nothing");
}

#[test]
fn pure_crates_have_no_impure_dependency() {
    let graph = Graph::load();
    let mut checked = 0;
    for name in PURE {
        let Some(package) = graph.members.get(name) else { continue };
        checked += 1;
        let wrong: Vec<_> = graph.reached_from(&package.id).into_iter().filter(|name| impure(name)).collect();
        assert!(wrong.is_empty(), "{name} is pure and must not depend on {wrong:?}");
    }
    assert!(checked > 0, "found none of the pure crates {PURE:?}; update the list after a rename");
    assert!(
        graph.reached_from(&graph.members["probe"].id).iter().any(|name| impure(name)),
        "expected the probe to have an impure dependency: the rule matches nothing"
    );
}

#[test]
fn pure_crates_use_no_time_file_or_socket() {
    for name in PURE {
        assert_without(name, &IMPURE_WORDS, "is pure");
    }
}

#[test]
fn libraries_behind_the_program_do_not_print() {
    for name in SILENT {
        assert_without(name, &SPEAKING_WORDS, "leaves output to the program");
    }
}

/// Expects that the code of a crate contains none of these words.
fn assert_without(name: &str, words: &[&str], why: &str) {
    let files = rust_files(&root().join("crates").join(name).join("src"));
    assert!(!files.is_empty(), "found no code of {name}; update the list after a rename");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        // Tests, at the end of a file, are exempt.
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in words {
                assert!(
                    !code.contains(word),
                    "{}:{}: {name} {why} and must not use {word}",
                    file.display(),
                    number + 1
                );
            }
        }
    }
}

fn may_depend(from_folder: &Path, from: &str, to_folder: &Path, to: &str) -> bool {
    if FOR_TESTS.contains(&from) {
        return true;
    }
    if INDEPENDENT.contains(&from) {
        return from == "demo-platform" && to == "check";
    }
    // Of the shipped crates, only the program depends on the demo platform.
    if INDEPENDENT.contains(&to) {
        return from == "synthetics" && to == "demo-platform";
    }
    match (layer(from_folder, from), layer(to_folder, to)) {
        (Some(from), Some(to)) => to < from,
        _ => false,
    }
}

/// Twice the index in `LAYERS`, which leaves room for the functions below `operations`.
fn layer(folder: &Path, name: &str) -> Option<usize> {
    let place = |name: &str| LAYERS.iter().position(|layer| layer.contains(&name)).map(|place| 2 * place);
    if folder.parent().is_some_and(|parent| parent.ends_with("functions")) {
        return place("operations").map(|above| above - 1);
    }
    place(name)
}

fn impure(name: &str) -> bool {
    IMPURE.iter().any(|pattern| matches(pattern, name))
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Dependencies resolved by cargo, without those of tests.
struct Graph {
    members: BTreeMap<String, Member>,
    names: BTreeMap<String, String>,
    edges: BTreeMap<String, Vec<String>>,
}

struct Member {
    id: String,
    folder: PathBuf,
    /// Names of direct dependencies, without those of tests and build scripts.
    dependencies: BTreeSet<String>,
    /// Features of dependencies that it enables, always or by a feature of its own, as `dependency/feature`.
    enabled_features: BTreeSet<String>,
}

impl Graph {
    fn load() -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let list = |value: &Value| value.as_array().unwrap().clone();
        let inside: BTreeSet<String> = list(&metadata["workspace_members"]).iter().map(text).collect();
        let mut members = BTreeMap::new();
        let mut names = BTreeMap::new();
        for package in list(&metadata["packages"]) {
            let (id, name) = (text(&package["id"]), text(&package["name"]));
            names.insert(id.clone(), name.clone());
            if inside.contains(&id) {
                let normal = |dependency: &&Value| dependency["kind"].is_null();
                let dependencies =
                    list(&package["dependencies"]).iter().filter(normal).map(|d| text(&d["name"])).collect();
                let always = list(&package["dependencies"]).into_iter().flat_map(|dependency| {
                    let name = text(&dependency["name"]);
                    list(&dependency["features"]).into_iter().map(move |feature| format!("{name}/{}", text(&feature)))
                });
                let own_features = package["features"].as_object().unwrap().values();
                let enabled_features = always.chain(own_features.flat_map(&list).map(|item| text(&item))).collect();
                let folder = Path::new(&text(&package["manifest_path"])).parent().unwrap().to_path_buf();
                members.insert(name, Member { id, folder, dependencies, enabled_features });
            }
        }
        let mut edges = BTreeMap::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            let normal = |dependency: &&Value| list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
            let to = list(&node["deps"]).iter().filter(normal).map(|dependency| text(&dependency["pkg"])).collect();
            edges.insert(text(&node["id"]), to);
        }
        Self { members, names, edges }
    }

    fn reached_from(&self, id: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut next = vec![id.to_owned()];
        while let Some(id) = next.pop() {
            for dependency in &self.edges[&id] {
                if reached.insert(dependency.clone()) {
                    next.push(dependency.clone());
                }
            }
        }
        reached.iter().map(|id| self.names[id].clone()).collect()
    }
}
