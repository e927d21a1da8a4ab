//! Journeys, as docs/adding-a-check.md shows them.

use std::path::Path;
use std::process::{Command, Output};

use demo_platform::{DemoPlatform, Fault, Options, Running};

use crate::text;

const PAGE: &str = include_str!("../../../../docs/adding-a-check.md");
/// Address in the page.
const ADDRESS: &str = "http://127.0.0.1:8480";

/// Runs the program in a folder, with the password of an account of the demo platform.
async fn synthetics(folder: &Path, platform: &Running, arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_synthetics"));
    program.args(arguments).current_dir(folder).env("COLUMNS", "1000").env("CI", "true");
    program.env("BOOKING_PASSWORD", &platform.credentials()["booking/password"]);
    tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap()
}

/// Folder of a test, with this settings file.
fn folder(name: &str, platform: &Running, settings: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("journey.toml"), settings.replace(ADDRESS, platform.base_url())).unwrap();
    folder
}

/// Blocks of the page with this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("```{language}\n");
    PAGE.split(opening.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// Lines without their times.
fn timeless(lines: &str, platform: &Running) -> String {
    let timeless = |line: &str| line.split(" after ").next().unwrap_or_default().to_owned() + "\n";
    lines.replace(platform.base_url(), ADDRESS).lines().map(timeless).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn page_shows_what_its_commands_print() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let (files, commands) = (blocks("toml"), blocks("console"));
    assert_eq!((files.len(), commands.len()), (3, 3));
    for (file, block) in files.into_iter().zip(commands) {
        let folder = folder("adding-a-check", &platform, file);
        let (command, expected) = block.split_once('\n').unwrap();
        let arguments: Vec<&str> = command.strip_prefix("$ synthetics ").unwrap().split(' ').collect();
        let output = synthetics(&folder, &platform, &arguments).await;
        assert_eq!(output.status.code(), Some(0), "{command}: {output:?}");
        let printed = if command.contains("--explain") { &output.stderr } else { &output.stdout };
        assert_eq!(timeless(&text(printed), &platform), timeless(expected, &platform), "{command}");
        // The last file is only checked on the page.
        let output = synthetics(&folder, &platform, &["run", "--settings", "journey.toml", "--store", "memory"]).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(text(&output.stdout).starts_with("journeys: passed"), "{output:?}");
    }
    assert_eq!((platform.leftovers(), platform.logged_in()), (Vec::new(), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn explained_failure_exits_with_one() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let folder = folder("explained-failure", &platform, blocks("toml")[1]);
    platform.faults().activate(Fault::TenantLeak);
    let arguments = ["run", "--settings", "journey.toml", "--store", "memory", "--explain", "journeys/log-in"];
    let output = synthetics(&folder, &platform, &arguments).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let explained = text(&output.stderr);
    assert!(explained.contains("    failed: status: expected status 403 or 404, found status 200"), "{explained}");
    assert!(!explained.contains(&platform.credentials()["booking/password"]), "{explained}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_journey_is_refused_with_the_known_ones() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let folder = folder("unknown-journey", &platform, blocks("toml")[1]);
    for (scope, said) in [
        ("journeys/logon", "journeys in the settings: journeys/log-in"),
        ("journeys", "journeys in the settings: journeys/log-in"),
        ("login/x", "journeys in the settings: journeys/log-in"),
        ("journey/log-in", "unknown check \"journey\""),
    ] {
        let output = synthetics(&folder, &platform, &["run", "--settings", "journey.toml", "--explain", scope]).await;
        assert_eq!(output.status.code(), Some(2), "{scope}: {output:?}");
        assert!(text(&output.stderr).contains(said), "{scope}: {output:?}");
    }
}

/// A deployment would leave the check out without a word.
#[tokio::test(flavor = "multi_thread")]
async fn journeys_in_settings_are_noted_as_not_deployed() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let folder = folder("noted-journey", &platform, blocks("toml")[1]);
    let output = synthetics(&folder, &platform, &["settings", "check", "journey.toml"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = text(&output.stdout);
    assert!(said.contains("journey.toml: note: journeys runs on one machine only"), "{said}");
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/layer/settings/demo.toml");
    let others = text(&synthetics(&folder, &platform, &["settings", "check", demo]).await.stdout);
    assert!(!others.contains("one machine"), "{others}");
}
