//! `synthetics status-page`: its files, its sources and its mistakes.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use demo_platform::{DemoPlatform, Fault, Options, Running};
use serde_json::Value;

use crate::{DEMO, synthetics, text};

const PAGE: &str = "\
[status_page]
title = \"Just & Driving\"

[[status_page.groups]]
name = \"Website\"
services = [
  { name = \"Front page\", checks = [\"availability/front-page\"] },
  { name = \"Sign-in\", checks = [\"availability/login-page\"] },
]
";
const FILES: [&str; 5] = ["badge.svg", "feed.atom", "index.html", "status.css", "status.json"];

/// Folder with settings of `availability` for this platform.
fn folder(name: &str, platform: &Running, page: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("status-page-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    let end = DEMO.find("[check.login]").unwrap();
    let settings = format!("{}{page}", &DEMO[..end]);
    fs::write(folder.join("settings.toml"), settings.replace("http://127.0.0.1:8480", platform.base_url())).unwrap();
    folder
}

fn written(folder: &Path, more: &[&str]) -> Output {
    let [settings, store, out] = ["settings.toml", "own.db", "out"].map(|name| folder.join(name).display().to_string());
    synthetics(&[&["status-page", "--settings", &settings, "--store", &store, "--out", &out], more].concat())
}

fn run(folder: &Path) -> Option<i32> {
    let [settings, store] = ["settings.toml", "own.db"].map(|name| folder.join(name).display().to_string());
    synthetics(&["run", "--settings", &settings, "--store", &store]).status.code()
}

fn json(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("out/status.json")).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_shows_as_its_service_and_nothing_else() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let folder = folder("outage", &platform, PAGE);
    assert_eq!(run(&folder), Some(0));
    let output = written(&folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let mut files: Vec<String> =
        folder.join("out").read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, FILES);
    assert_eq!(json(&folder)["state"], "operational");

    platform.faults().activate(Fault::ServerError);
    assert_eq!(run(&folder), Some(1));
    let output = written(&folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let status = json(&folder);
    assert_eq!(status["state"], "down", "{status:#}");
    assert_eq!(status["incidents"].as_array().unwrap().len(), 2, "{status:#}");
    let page = fs::read_to_string(folder.join("out/index.html")).unwrap();
    assert!(page.contains("All services are down") && page.contains("Just &#38; Driving"), "{page}");
    assert!(page.len() < 30_000 && !page.contains("<script"), "{page}");
    for name in FILES.into_iter().filter(|name| *name != "status.css") {
        let content = fs::read_to_string(folder.join("out").join(name)).unwrap();
        for foreign in ["availability", "front-page", "login-page", "500", "127.0.0.1", "demo", "on-call"] {
            assert!(!content.contains(foreign), "{foreign} in {name}:\n{content}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn store_of_a_demo_has_a_status_page() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let folder = folder("demo", &platform, PAGE);
    let store = folder.join("own.db");
    let times = ["--port", "0", "--listen", "none", "--every", "1s", "--for", "2s"];
    let demo = synthetics(&[&["demo", "availability", "--store", store.to_str().unwrap()], &times[..]].concat());
    assert_eq!(demo.status.code(), Some(0), "{demo:?}");
    let output = written(&folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(json(&folder)["state"], "operational");
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_write_nothing_and_exit_2() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let without = folder("without", &platform, "");
    let output = written(&without, &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("expected a section [status_page], found none"), "{output:?}");

    let folder = folder("mistakes", &platform, PAGE);
    let output = written(&folder, &[]);
    assert_eq!(output.status.code(), Some(2), "no store: {output:?}");
    assert_eq!(run(&folder), Some(0));
    let settings = folder.join("settings.toml");
    let other = fs::read_to_string(&settings).unwrap().replace("environment = \"demo\"", "environment = \"other\"");
    fs::write(&settings, other).unwrap();
    let output = written(&folder, &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("expected environment other of 127.0.0.1"), "{output:?}");
    let output = synthetics(&[
        "status-page",
        "--settings",
        settings.to_str().unwrap(),
        "--out",
        "unused",
        "--environment",
        "production",
    ]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("--environment: expected other"), "{output:?}");
    assert!(!folder.join("out").exists());
}

/// A running `console` of this folder's store, its output and its address. It ends with its reader.
fn console(folder: &Path, more: &[&str]) -> (Child, BufReader<ChildStdout>, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_synthetics"))
        .args(["console", "--listen", "127.0.0.1:0", "--store"])
        .arg(folder.join("own.db"))
        .args(more)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(program.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let address = line.split_once("/ shows").unwrap().0.to_owned();
    (program, output, address)
}

async fn get(address: &str, path: &str) -> (u16, String, String) {
    let answer = reqwest::get(format!("{address}{path}")).await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (answer.status().as_u16(), kind, answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn console_serves_the_page_and_its_files() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let folder = folder("console", &platform, PAGE);
    assert_eq!(run(&folder), Some(0));
    let (mut program, _output, address) =
        console(&folder, &["--settings", folder.join("settings.toml").to_str().unwrap()]);
    for (path, kind, expected) in [
        ("/status", "text/html; charset=utf-8", "All services are operational"),
        ("/status/status.css", "text/css; charset=utf-8", ":root"),
        ("/status/status.json", "application/json", "\"state\":\"operational\""),
        ("/status/badge.svg", "image/svg+xml", "Operational</text>"),
        ("/status/feed.atom", "application/atom+xml", "<subtitle>All services are operational</subtitle>"),
    ] {
        let (status, found, body) = get(&address, path).await;
        assert_eq!((status, found.as_str()), (200, kind), "{path}");
        assert!(body.contains(expected), "{path}: {body}");
    }
    program.kill().unwrap();

    let (mut program, _output, address) = console(&folder, &[]);
    let (status, _, body) = get(&address, "/status").await;
    assert!(status == 404 && body.contains("[[status_page.groups]]"), "{status}: {body}");
    assert_eq!(get(&address, "/status/status.json").await.0, 404);
    program.kill().unwrap();
}
