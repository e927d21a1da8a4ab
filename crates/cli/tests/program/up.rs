//! `synthetics up`: checks at their cadence, its settings, signals and HTTP routes.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use demo_platform::{DemoPlatform, Fault, Options, Running, Throttle};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::{DEMO, settings_file, synthetics, text};

/// Longest wait for something that takes a few seconds.
const WITHIN: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(50);

/// An own, empty folder.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("up-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    folder
}

/// Settings of `availability` for this platform.
fn settings(platform: &Running) -> String {
    let start = DEMO.find("[check.availability]").unwrap();
    let end = start + DEMO[start..].find("\n[check.").unwrap();
    DEMO[..end].replace("http://127.0.0.1:8480", platform.base_url())
}

/// A running `up`, with what it has printed.
struct Up {
    program: Child,
    output: BufReader<std::process::ChildStdout>,
    address: String,
}

impl Up {
    /// Starts it, and waits until it serves.
    fn start(settings: &Path, store: &Path, more: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut program = Command::new("env");
        program
            .args(["--default-signal=HUP", env!("CARGO_BIN_EXE_synthetics"), "up", "--every", "1s", "--wide"])
            .args(["--listen", "127.0.0.1:0", "--settings"])
            .arg(settings)
            .arg("--store")
            .arg(store)
            .args(more)
            .envs(variables.iter().copied());
        let errors = fs::File::create(store.with_extension("stderr")).unwrap();
        let mut program = program.stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let mut output = BufReader::new(program.stdout.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "{}", errors_of(store));
            if let Some(address) = line
                .strip_prefix("console http://")
                .and_then(|rest| rest.strip_suffix("/, with /metrics and /healthz\n"))
            {
                break address.to_owned();
            }
        };
        Self { program, output, address }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.program.id().try_into().unwrap()), signal).unwrap();
    }

    /// Body of a route, with its status.
    async fn get(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("http://{}{path}", self.address)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Waits until the metrics contain a text.
    async fn wait_for(&self, expected: &str) {
        let start = Instant::now();
        loop {
            let (_, metrics) = self.get("/metrics").await;
            if metrics.contains(expected) {
                return;
            }
            assert!(start.elapsed() < WITHIN, "expected {expected} in\n{metrics}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits for the end. Returns the exit code and the rest of the output.
    fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        (self.program.wait().unwrap().code(), rest)
    }
}

fn errors_of(store: &Path) -> String {
    fs::read_to_string(store.with_extension("stderr")).unwrap()
}

fn wait_for_errors(store: &Path, expected: &str) {
    let start = Instant::now();
    while !errors_of(store).contains(expected) {
        assert!(start.elapsed() < WITHIN, "expected {expected} in\n{}", errors_of(store));
        std::thread::sleep(POLL);
    }
}

fn second(settings: &Path, store: &Path) -> Output {
    let (settings, store) = (settings.to_str().unwrap(), store.to_str().unwrap());
    synthetics(&["up", "--settings", settings, "--store", store, "--listen", "none"])
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_and_recovery_are_notified() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let folder = folder("outage");
    let store = folder.join("synthetics.db");
    // A program gets each message as one line of JSON.
    let (pager, pages) = (folder.join("pager"), folder.join("pages"));
    fs::write(&pager, "#!/bin/sh\ncat >> \"$1\"\n").unwrap();
    fs::set_permissions(&pager, fs::Permissions::from_mode(0o755)).unwrap();
    let destination =
        format!("[[up.destinations]]\nname = \"pager\"\ncommand = [{pager:?}, {pages:?}]\n\n[check.availability]");
    let with_pager = settings(&platform).replace("[check.availability]", &destination);
    let file = PathBuf::from(settings_file("up-outage.toml", &with_pager));
    let up = Up::start(&file, &store, &["-v"], &[]);
    up.wait_for("synthetics_success{check=\"availability\",environment=\"demo\"} 1").await;
    assert_eq!(up.get("/healthz").await, (200, "ok: availability\n".to_owned()));
    assert_eq!(up.get("/other").await.0, 404);

    // Two of them would judge the platform twice, and notify twice.
    let refused = tokio::task::block_in_place(|| second(&file, &store));
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("is in use by `synthetics up` or `demo` (process ") && said.contains("--store"), "{said}");

    // Clients that send nothing take no place for long, and no file that a run needs.
    let mut idle: Vec<_> = (0..100).map(|_| TcpStream::connect(&up.address).unwrap()).collect();
    assert_eq!(up.get("/healthz").await.0, 200);
    idle[0].set_read_timeout(Some(WITHIN)).unwrap();
    let read = tokio::task::block_in_place(|| idle[0].read(&mut [0]));
    assert!(matches!(read, Ok(0)), "expected the end of the connection, found {read:?}");
    drop(idle);

    platform.faults().activate(Fault::ServerError);
    // A run by hand sends nothing that `up` would then not send.
    let by_hand = tokio::task::block_in_place(|| {
        let (file, store) = (file.to_str().unwrap(), store.to_str().unwrap());
        synthetics(&["run", "availability", "--settings", file, "--store", store])
    });
    assert_eq!(by_hand.status.code(), Some(1), "{by_hand:?}");
    up.wait_for("outcome=\"failed\"} 2").await;
    let start = Instant::now();
    while !pages.exists() {
        assert!(start.elapsed() < WITHIN, "{}", errors_of(&store));
        tokio::time::sleep(POLL).await;
    }
    platform.faults().clear(Fault::ServerError);
    up.wait_for("synthetics_success{check=\"availability\",environment=\"demo\"} 1").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    up.signal(Signal::SIGTERM);
    let (code, output) = up.end();
    assert_eq!(code, Some(143), "{output}");
    assert_eq!(output.matches("Subject: [critical]").count(), 1, "{output}");
    assert!(output.contains("Subject: [resolved]"), "{output}");
    // The commands of messages work as they are.
    let acknowledge = format!("synthetics ack availability --store {} --reason", store.display());
    assert!(output.contains(&acknowledge), "expected {acknowledge} in {output}");
    let details = output.lines().find_map(|line| line.split_once("  Details    synthetics ")).unwrap().1;
    let details = synthetics(&details.split(' ').collect::<Vec<_>>());
    assert!(details.status.success(), "{details:?}");
    let pages = fs::read_to_string(pages).unwrap();
    let events = pages.lines().map(|page| serde_json::from_str::<Value>(page).unwrap()["event"].clone());
    assert_eq!(events.collect::<Vec<_>>(), ["opened", "recovered"], "{pages}");
    // The file is free again, and remembers.
    let incidents = synthetics(&["incidents", "--store", store.to_str().unwrap()]);
    assert!(text(&incidents.stdout).contains("availability."), "{incidents:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_read_again_and_wrong_ones_are_not() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let store = folder("reload").join("synthetics.db");
    let right = settings(&platform);
    let file = PathBuf::from(settings_file("up-reload.toml", &right));
    let up = Up::start(&file, &store, &[], &[]);
    up.wait_for("outcome=\"passed\"} 1").await;
    fs::write(&file, right.replace("confirm_after = \"1s\"", "confirm_after = \"1x\"")).unwrap();
    tokio::task::block_in_place(|| wait_for_errors(&store, "the checks go on with the earlier ones"));
    assert!(errors_of(&store).contains("check.availability.confirm_after"), "{}", errors_of(&store));
    fs::remove_file(&file).unwrap();
    tokio::task::block_in_place(|| wait_for_errors(&store, "No such file or directory"));
    // Another platform would close the incidents of this one.
    fs::write(&file, right.replace("environment = \"demo\"", "environment = \"other\"")).unwrap();
    up.signal(Signal::SIGHUP);
    tokio::task::block_in_place(|| wait_for_errors(&store, "of another environment or host"));
    let one_target = &right[..right.find("\n[[check.availability.targets]]\nid = \"login-page\"").unwrap()];
    fs::write(&file, one_target.replace("expect.text = [\"Just Driving\"]", "expect.text = [\"not there\"]")).unwrap();
    up.wait_for("outcome=\"failed\"} 1").await;
    up.signal(Signal::SIGINT);
    let (code, output) = up.end();
    assert_eq!(code, Some(130), "{output}");
    assert!(output.contains("settings read again: 1 check\n"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn moved_store_is_reported_until_it_is_back() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let store = folder("moved").join("synthetics.db");
    let file = PathBuf::from(settings_file("up-moved.toml", &settings(&platform)));
    let up = Up::start(&file, &store, &[], &[]);
    up.wait_for("outcome=\"passed\"} 1").await;
    let elsewhere = store.with_extension("elsewhere");
    fs::rename(&store, &elsewhere).unwrap();
    tokio::task::block_in_place(|| wait_for_errors(&store, "expected the file that this program opened, found none"));
    let (status, said) = up.get("/healthz").await;
    assert_eq!(status, 503, "{said}");
    assert!(said.contains("the store was moved, removed or replaced: put its file back"), "{said}");
    fs::rename(&elsewhere, &store).unwrap();
    tokio::task::block_in_place(|| wait_for_errors(&store, "the store is back in its place"));
    assert_eq!(up.get("/healthz").await, (200, "ok: availability\n".to_owned()));
    up.signal(Signal::SIGTERM);
    up.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_canaries_are_seen() {
    // Runs follow each other faster than on a deployment.
    let login_throttle = Throttle { per: Duration::from_secs(1), ..Throttle::default() };
    let platform = DemoPlatform::start(Options { login_throttle, ..Options::default() }).await.unwrap();
    let file = crate::send::settings("up-canaries.toml", &platform);
    let mut short = fs::read_to_string(&file).unwrap();
    for time in ["10s", "20s"] {
        short = short.replace(&format!("\"{time}\""), "\"5s\"");
    }
    fs::write(&file, short).unwrap();
    let password = platform.credentials()["notifications/password"].clone();
    for (name, faults) in
        [("stuck", [Fault::EmailStuck, Fault::SmsStuck]), ("refused", [Fault::EmailBounced, Fault::SmsFailed])]
    {
        let store = folder(name).join("synthetics.db");
        faults.iter().for_each(|fault| platform.faults().activate(*fault));
        let up = Up::start(file.as_ref(), &store, &["-v"], &[("CANARY_PASSWORD", &password)]);
        up.wait_for("outcome=\"failed\"} 2").await;
        up.signal(Signal::SIGTERM);
        let (_, output) = up.end();
        for channel in ["email", "sms"] {
            assert!(output.contains(&format!("  {channel} at delivery, ")), "{name}, {channel}: {output}");
        }
        faults.iter().for_each(|fault| platform.faults().clear(*fault));
    }
}

/// A port that was free just now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_the_metrics() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let folder = folder("prometheus");
    let store = folder.join("synthetics.db");
    let token = "0123456789abcdef0123";
    let file = PathBuf::from(settings_file("up-prometheus.toml", &settings(&platform)));
    let up = Up::start(&file, &store, &[], &[("SYNTHETICS_TOKEN", token)]);
    assert_eq!(up.get("/metrics").await.0, 401);
    assert_eq!(up.get("/healthz").await.0, 200);
    let config = format!(
        "global: {{ scrape_interval: 1s }}\n\
         scrape_configs:\n  - job_name: synthetics\n    authorization: {{ credentials: {token} }}\n    \
         static_configs: [{{ targets: ['{}'] }}]\n",
        up.address
    );
    fs::write(folder.join("prometheus.yml"), config).unwrap();
    let port = free_port();
    let mut prometheus = Command::new("prometheus")
        .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stderr(fs::File::create(folder.join("prometheus.log")).unwrap())
        .spawn()
        .expect("prometheus is missing; install it: sudo apt-get install --yes prometheus");
    let (start, query) = (Instant::now(), "synthetics_success{check=\"availability\"}");
    let value = loop {
        let url = reqwest::Url::parse_with_params(&format!("http://127.0.0.1:{port}/api/v1/query"), [("query", query)]);
        let answer = match reqwest::get(url.unwrap()).await {
            Ok(answer) => serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null),
            Err(_) => Value::Null,
        };
        let value = answer["data"]["result"][0]["value"][1].clone();
        if !value.is_null() || start.elapsed() > WITHIN {
            break value;
        }
        tokio::time::sleep(POLL).await;
    };
    prometheus.kill().unwrap();
    prometheus.wait().unwrap();
    let metrics = reqwest::Client::new().get(format!("http://{}/metrics", up.address)).bearer_auth(token);
    let (metrics, file) = (metrics.send().await.unwrap().text().await.unwrap(), folder.join("metrics"));
    fs::write(&file, &metrics).unwrap();
    // Every metric has a help text, a type, and a name as Prometheus wants it.
    let checked = Command::new("promtool").args(["check", "metrics"]).stdin(fs::File::open(file).unwrap()).output();
    let checked = checked.expect("promtool is missing; install it: sudo apt-get install --yes prometheus");
    assert!(checked.status.success(), "{}{metrics}", text(&checked.stderr));
    up.signal(Signal::SIGTERM);
    up.end();
    assert_eq!(value, "1", "{}", fs::read_to_string(folder.join("prometheus.log")).unwrap());
}
