//! `synthetics run` in a pipeline: files, waiting, creating nothing, and the step for GitHub Actions.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use demo_platform::{DemoPlatform, Fault, Options, Running};
use serde_json::Value;

use crate::{DEMO, settings_file, synthetics, text};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.github/action/run.sh");

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir(&folder).unwrap();
    folder
}

/// Settings with the checks that need no secrets.
fn settings(name: &str, platform: &Running) -> String {
    let end = DEMO.find("[check.login]").unwrap();
    settings_file(name, &DEMO[..end].replace("http://127.0.0.1:8480", platform.base_url()))
}

#[test]
fn results_are_also_written_to_files() {
    let folder = folder("also");
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let [junit, html, json] = [("junit", "j.xml"), ("html", "r.html"), ("json", "r.json")]
        .map(|(format, name)| format!("{format}={}", file(name)));
    let also = ["--also", &junit, "--also", &html, "--also", &json];
    let output = synthetics(&[&["run", "availability", "--demo", "--fault", "500"][..], &also].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stdout).starts_with("availability: FAILED"), "{output:?}");
    let read = |name: &str| fs::read_to_string(file(name)).unwrap();
    assert!(read("j.xml").contains("<testsuite name=\"availability\""), "{}", read("j.xml"));
    assert!(read("r.html").starts_with("<!DOCTYPE html>"), "{}", read("r.html"));
    let reports: Value = serde_json::from_str(&read("r.json")).unwrap();
    assert_eq!(reports[0]["outcome"]["result"], "failed");
    for (wrong, expected) in [
        ("junit", "expected FORMAT=FILE"),
        ("pdf=x", "the formats are table, json, ndjson, junit, html"),
        ("html=-", "expected a file, found -; `--format html` prints to standard output"),
        ("json=/no/such/folder/x", "failed to create /no/such/folder/x"),
    ] {
        let output = synthetics(&["run", "availability", "--demo", "--also", wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong}: {output:?}");
        assert!(text(&output.stderr).contains(expected), "{wrong}: {output:?}");
        assert!(output.stdout.is_empty(), "{wrong}: {output:?}");
    }
    let again = synthetics(&["run", "availability", "--demo", "--also", &junit, "--also", &junit]);
    assert!(text(&again.stderr).contains("expected another file"), "{again:?}");
    // A run that does not begin leaves earlier results and makes no files.
    let unknown = format!("json={}", file("new.json"));
    let output = synthetics(&["run", "logn", "--demo", "--also", &junit, "--also", &unknown]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(read("j.xml").contains("<testsuite name=\"availability\""), "{}", read("j.xml"));
    assert!(!folder.join("new.json").exists());
}

/// What cannot be written is said, and a failure stays one.
#[cfg(target_os = "linux")]
#[test]
fn full_disk_is_an_error() {
    let full = || fs::File::create("/dev/full").unwrap();
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_synthetics")).args(arguments).stdout(full()).output().unwrap()
    };
    for (arguments, code) in [
        (&["run", "availability", "--demo"][..], 2),
        (&["run", "availability", "--demo", "--fault", "500"], 1),
        (&["faults"], 2),
        (&["man"], 2),
        (&["completions", "bash"], 2),
        (&["--help"], 2),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        assert!(text(&output.stderr).contains("failed to print: "), "{arguments:?}: {output:?}");
    }
    let output = synthetics(&["run", "availability", "--demo", "--fault", "500", "--also", "json=/dev/full"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stderr).contains("failed to write /dev/full"), "{output:?}");
}

#[test]
fn read_only_skips_and_names_what_creates() {
    let output = synthetics(&["run", "--demo", "--read-only"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let (shown, said) = (text(&output.stdout), text(&output.stderr));
    for (check, creates) in [("availability", false), ("backend", false), ("login", true), ("booking", true)] {
        assert_eq!(shown.contains(&format!("{check}: passed")), !creates, "{shown}");
        assert_eq!(said.contains(&format!("{check}: skipped, because it creates something")), creates, "{said}");
    }
    let text_with_post = DEMO.replacen("path = \"/login\"", "path = \"/login\"\nmethod = \"DELETE\"", 1);
    let file = settings_file("read-only.toml", &text_with_post.replace("http://127.0.0.1:8480", "http://127.0.0.1:9"));
    let output = synthetics(&["run", "availability", "--settings", &file, "--read-only", "--format", "json"]);
    let skipped = "availability/login-page: skipped, because its method may change something (--read-only)";
    assert!(text(&output.stderr).contains(skipped), "{output:?}");
    let shown = text(&output.stdout);
    assert!(!shown.contains("login-page") && shown.contains("front-page"), "{shown}");
    let output = synthetics(&["run", "booking", "--demo", "--read-only"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("nothing to run"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tag_selects_targets_and_unknown_ones_are_refused() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let text_with_tags =
        DEMO.replacen("path = \"/login\"", "path = \"/login\"\ntags = [\"public\"]\ngroup = \"Web\"", 1);
    let file = settings_file("tags.toml", &text_with_tags.replace("http://127.0.0.1:8480", platform.base_url()));
    let run = |tag: &'static str| {
        let file = file.clone();
        tokio::task::spawn_blocking(move || synthetics(&["run", "--settings", &file, "--tag", tag, "--format", "json"]))
    };
    let output = run("public").await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let reports: Value = serde_json::from_slice(&output.stdout).unwrap();
    let reports = reports.as_array().unwrap();
    let steps = reports[0]["attempts"][0]["steps"].as_array().unwrap();
    let subjects: Vec<&str> = steps.iter().map(|step| step["subject"].as_str().unwrap()).collect();
    assert_eq!((reports.len(), subjects), (1, vec!["login-page", "login-page"]));

    let output = run("publc").await.unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains("unknown tag \"publc\"; did you mean \"public\"?\ntags in the settings: public"), "{said}");
    let output = synthetics(&["run", "--demo", "--tag", "public"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("nothing in the settings has a tag"), "{output:?}");
    let shown = synthetics(&["settings", "show", &file]);
    assert!(text(&shown.stdout).contains("tags = [\"public\"]\ngroup = \"Web\""), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wait_ends_when_all_checks_are_healthy_or_the_time_is_up() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let file = settings("wait.toml", &platform);
    let wait = |time: &'static str| {
        let file = file.clone();
        tokio::task::spawn_blocking(move || synthetics(&["run", "--settings", &file, "--wait-until-healthy", time]))
    };
    platform.faults().activate(Fault::Maintenance);
    let waiting = wait("60s");
    tokio::time::sleep(Duration::from_secs(3)).await;
    platform.faults().clear(Fault::Maintenance);
    let output = waiting.await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stderr).contains("availability: maintenance"), "{output:?}");
    assert!(text(&output.stderr).contains("again in 5 s"), "{output:?}");
    assert_eq!(text(&output.stdout).matches("availability: ").count(), 1, "{output:?}");
    for (fault, code) in [(Fault::Maintenance, 3), (Fault::ServerError, 1)] {
        platform.faults().activate(fault);
        let output = wait("2s").await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{fault}: {output:?}");
        assert_eq!(text(&output.stdout).matches("availability: ").count(), 1, "{output:?}");
        platform.faults().clear(fault);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wait_tries_again_when_the_time_is_up() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let file = settings("wait-rest.toml", &platform);
    platform.faults().activate(Fault::Maintenance);
    let waiting =
        tokio::task::spawn_blocking(move || synthetics(&["run", "--settings", &file, "--wait-until-healthy", "7s"]));
    // After the run at 5 s, and before that at 7 s.
    tokio::time::sleep(Duration::from_millis(6_200)).await;
    platform.faults().clear(Fault::Maintenance);
    let output = waiting.await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

/// Runs the script of the step with these inputs. `curl` finds releases in a folder.
fn action(folder: &PathBuf, inputs: &[(&str, &str)]) -> Output {
    Command::new(SCRIPT)
        .current_dir(folder)
        .env("GITHUB_OUTPUT", folder.join("output"))
        .env("GITHUB_STEP_SUMMARY", folder.join("summary.md"))
        .env("CI", "true")
        .envs(inputs.iter().copied())
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn action_writes_reports_and_ends_with_the_exit_code() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let settings = settings("action.toml", &platform);
    let program = env!("CARGO_BIN_EXE_synthetics");
    for (fault, code) in [(None, 0), (Some(Fault::ServerError), 1)] {
        fault.into_iter().for_each(|fault| platform.faults().activate(fault));
        let folder = folder("action");
        let inputs =
            [("PROGRAM", program), ("SETTINGS", &settings), ("CHECKS", "availability"), ("WAIT_UNTIL_HEALTHY", "2s")];
        let ran = folder.clone();
        let output = tokio::task::block_in_place(|| action(&ran, &inputs));
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(read("output"), format!("exit-code={code}\nreports=synthetics-reports\n"));
        let summary = read("summary.md");
        assert!(
            summary.starts_with(&format!("### Synthetic checks: exit code {code}\n\n    availability: ")),
            "{summary}"
        );
        assert!(read("synthetics-reports/junit.xml").starts_with("<?xml"));
        assert!(read("synthetics-reports/report.html").starts_with("<!DOCTYPE html>"));
        let reports: Value = serde_json::from_str(&read("synthetics-reports/reports.json")).unwrap();
        assert_eq!(reports[0]["run"]["check"], "availability");
    }
}

#[test]
fn action_runs_the_demo_and_never_an_input() {
    let folder = folder("action-demo");
    let inputs = [("PROGRAM", env!("CARGO_BIN_EXE_synthetics")), ("READ_ONLY", "true"), ("REPORTS", "a b")];
    let output = action(&folder, &inputs);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stderr).contains("booking: skipped"), "{output:?}");
    assert!(folder.join("a b/junit.xml").is_file());
    // An input is never a command or an option.
    for checks in ["$(touch owned) availability", "availability;touch owned", "--help", "*", "availability\nnope"] {
        let inputs = [("PROGRAM", env!("CARGO_BIN_EXE_synthetics")), ("CHECKS", checks)];
        assert_eq!(action(&folder, &inputs).status.code(), Some(2), "{checks}");
        assert!(!folder.join("owned").exists(), "{checks}");
    }
}

#[test]
fn action_refuses_unclear_inputs_in_one_line() {
    let folder = folder("action-inputs");
    let program = ("PROGRAM", env!("CARGO_BIN_EXE_synthetics"));
    for (inputs, expected) in [
        ([program, ("READ_ONLY", "True")], "expected true or false for the input read-only, found True"),
        ([program, ("READ_ONLY", "1")], "expected true or false for the input read-only, found 1"),
        ([program, ("WAIT_UNTIL_HEALTHY", "5m")], "the input wait-until-healthy needs the input settings"),
        ([program, ("REPORTS", "/dev/null/x")], "failed to create the folder of the input reports"),
        ([("PROGRAM", "/nonexistent"), ("CHECKS", "login")], "expected the path of a program as the input program"),
    ] {
        let output = action(&folder, &inputs);
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{output:?}");
        assert!(said.starts_with(&format!("error: {expected}")), "{said}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

/// A release in a folder, which `curl` reads by a file URL.
#[test]
fn action_downloads_a_release_and_compares_its_checksum() {
    let machine = std::env::consts::ARCH;
    let folder = folder("action-release");
    let name = format!("synthetics-9.9.9-{machine}-unknown-linux-musl");
    let release = folder.join("v9.9.9");
    fs::create_dir_all(release.join(&name)).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_synthetics"), release.join(&name).join("synthetics")).unwrap();
    let shell = |command: &str| {
        assert!(Command::new("sh").args(["-c", command]).current_dir(&release).status().unwrap().success());
    };
    shell(&format!("tar --create --gzip --file {name}.tar.gz {name} && sha256sum {name}.tar.gz > SHA256SUMS"));
    let releases = format!("file://{}", folder.display());
    let inputs = [("VERSION", "9.9.9"), ("RELEASES", &releases), ("PROTOCOL", "=file"), ("CHECKS", "availability")];
    let output = action(&folder, &inputs);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    shell("sed -i 's/^.\\{16\\}/0000000000000000/' SHA256SUMS");
    let output = action(&folder, &inputs);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("differs from the published one"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn action_says_in_one_line_that_a_release_is_missing() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let folder = folder("action-missing");
    let machine = std::env::consts::ARCH;
    let run = |releases: &str, protocol: &str| {
        let inputs = [("VERSION", "9.9.8"), ("RELEASES", releases), ("PROTOCOL", protocol)];
        let output = tokio::task::block_in_place(|| action(&folder, &inputs));
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        text(&output.stderr)
    };
    let missing = run(platform.base_url(), "=http");
    assert_eq!(
        missing,
        format!(
            "error: no release v9.9.8 for {machine}; set the input version to another, or build the program with cargo install \
             --locked --git https://github.com/just-driving/synthetics synthetics, and set the input program to its path\n"
        )
    );
    for (releases, protocol, expected) in
        [("file:///no/such/folder", "=file", "curl: (37)"), (platform.base_url(), "=https", "curl: (1)")]
    {
        let said = run(releases, protocol);
        let start = format!(
            "error: failed to download synthetics-9.9.8-{machine}-unknown-linux-musl.tar.gz of release v9.9.8: "
        );
        assert!(said.starts_with(&start) && said.contains(expected), "{said}");
    }
}
