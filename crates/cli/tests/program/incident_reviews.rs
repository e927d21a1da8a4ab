//! Reviews of incidents that faults of the platform cause, as a person reads them who knows nothing of the fault.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use demo_platform::{DemoPlatform, Fault, Options, Running};
use jiff::Timestamp;
use operations::incident_review;
use serde_json::Value;
use settings::replaced;

use crate::{DEMO, text};

/// Names of files, faults, and the checks to run. The last is one cause for two checks.
const INCIDENTS: [(&str, &[&str]); 10] = [
    ("500", &["availability"]),
    ("redirect-loop", &["availability"]),
    ("tenant-leak", &["login"]),
    ("double-booking-allowed", &["booking"]),
    ("webhook-500", &["payment-webhook"]),
    ("payment-amount-differs", &["reconciliation"]),
    ("horizon-paused", &["queues"]),
    ("partner-down", &["integrations"]),
    ("health-check-crashed", &["application"]),
    ("login-500", &["login", "booking"]),
];

/// A platform, the settings of all checks for it, and a store.
struct World {
    platform: Running,
    folder: PathBuf,
    secrets: BTreeMap<String, String>,
}

impl World {
    async fn start(name: &str) -> Self {
        let platform = DemoPlatform::start(Options::default()).await.unwrap();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("review-{name}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        let addressed =
            platform.addresses().into_iter().fold(DEMO.to_owned(), |text, (key, value)| replaced(&text, key, &value));
        let variable = |path: &str| path.to_uppercase().replace(['/', '-'], "_");
        let credentials = platform.credentials();
        let settings = credentials.keys().fold(addressed, |text, path| {
            text.replace(&format!("ssm:/just-driving/demo/{path}\""), &format!("env:{}\"", variable(path)))
        });
        fs::write(folder.join("settings.toml"), settings).unwrap();
        let secrets = credentials.into_iter().map(|(path, value)| (variable(&path), value)).collect();
        Self { platform, folder, secrets }
    }

    fn synthetics(&self, arguments: &[&str]) -> Output {
        let mut program = Command::new(env!("CARGO_BIN_EXE_synthetics"));
        let store = self.folder.join("own.db");
        program.args(arguments).arg("--store").arg(store).envs(&self.secrets);
        program.env("COLUMNS", "1000").env("CI", "true").env("USER", "anna");
        tokio::task::block_in_place(|| program.output()).unwrap()
    }

    fn run(&self, checks: &[&str]) -> Output {
        let settings = self.folder.join("settings.toml");
        self.synthetics(&[&["run"], checks, &["--settings", settings.to_str().unwrap()]].concat())
    }

    fn printed(&self, arguments: &[&str]) -> String {
        let output = self.synthetics(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        text(&output.stdout)
    }

    /// Ids of all incidents, in the order of their names.
    fn incidents(&self) -> Vec<String> {
        let listed: Value = serde_json::from_str(&self.printed(&["incidents", "--json"])).unwrap();
        let mut ids: Vec<String> =
            listed.as_array().unwrap().iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    }
}

/// Text without what differs from run to run: times, ids and ports.
fn stable(text: &str, world: &World) -> String {
    let host = world.platform.base_url().trim_start_matches("http://");
    let text = text.replace(host, "platform.example").replace(world.platform.admin_url(), "http://admin.example");
    let mut stable = String::new();
    let mut is_evidence = false;
    for line in text.lines() {
        is_evidence ^= line.starts_with("```");
        stable.push_str(&if is_evidence { numbers(line) } else { words(line) });
        stable.push('\n');
    }
    stable
}

/// Replaces long numbers in evidence.
fn numbers(line: &str) -> String {
    let mut stable = String::new();
    for part in line.split_inclusive(|c: char| !c.is_ascii_hexdigit() && !"-:.".contains(c)) {
        let is_long = part.chars().filter(char::is_ascii_digit).count() >= 4;
        let end = part.chars().last().filter(|c| !c.is_ascii_hexdigit());
        if is_long {
            stable.push('N');
            stable.extend(end);
        } else {
            stable.push_str(part);
        }
    }
    stable
}

/// Waits for the next second, since acknowledgements and marks have whole seconds.
async fn next_second() {
    let into = Timestamp::now().subsec_millisecond();
    tokio::time::sleep(Duration::from_millis(u64::try_from(1_010 - into).unwrap())).await;
}

/// Replaces times and numbers of seconds, milliseconds and ids in a line.
fn words(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in line.split(' ') {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let plain = word.trim_end_matches([',', '.', '`', ':', ')', '|', '?']).trim_start_matches(['`', '(']);
        let is_clock = digits >= 4 && plain.chars().all(|c| c.is_ascii_digit() || "-:".contains(c));
        let is_id = plain.ends_with('Z') && digits >= 14 || digits >= 9;
        let replaced = if is_clock {
            word.replace(plain, "TIME")
        } else if is_id {
            word.replace(plain, "ID")
        } else {
            word.to_owned()
        };
        let unit = ["s", "ms"].contains(&replaced.trim_end_matches([',', '.', ';', ':', '|']));
        if let Some(before) = words.last_mut().filter(|before| unit && before.parse::<f64>().is_ok()) {
            *before = "N".to_owned();
        }
        words.push(replaced);
    }
    words.join(" ")
}

/// Incidents are played by several threads, since they mostly wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn reviews_explain_the_incidents_of_ten_faults() {
    let plays: Vec<_> = INCIDENTS.into_iter().map(|(fault, checks)| tokio::spawn(play(fault, checks))).collect();
    for played in plays {
        played.await.unwrap();
    }
}

/// Breaks a platform, repairs it, and compares the review.
async fn play(fault: &'static str, checks: &'static [&'static str]) {
    let world = World::start(fault).await;
    let id: Fault = fault.parse().unwrap();
    assert_eq!(world.run(checks).status.code(), Some(0), "{fault}: before");
    next_second().await;
    world.printed(&["mark", "release 42", "--by", "ci"]);
    next_second().await;
    world.platform.faults().activate(id);
    for _ in 0..2 {
        let output = world.run(checks);
        assert_eq!(output.status.code(), Some(1), "{fault}: {output:?}");
    }
    next_second().await;
    let ids = world.incidents();
    let (check, _) = ids[0].split_once('.').unwrap();
    world.printed(&["ack", check, "--reason", "rolling back"]);
    next_second().await;
    world.platform.faults().clear(id);
    for _ in 0..2 {
        world.run(checks);
    }
    let review = world.printed(&["incident", &ids[0], "--format", "markdown"]);
    let as_json: Value = serde_json::from_str(&world.printed(&["incident", &ids[0], "--json"])).unwrap();
    assert!(jsonschema::is_valid(&incident_review::schema(), &as_json), "{fault}: {as_json:#}");
    let table = world.printed(&["incidents", "export", "--since", "1d"]);
    assert_eq!(table.lines().count(), ids.len() + 1, "{fault}: {table}");
    assert!(table.lines().skip(1).all(|row| row.contains(",anna,")) || checks.len() > 1, "{fault}: {table}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/reviews/{fault}.md"));
    let shown = stable(&review, &world);
    if std::env::var_os("UPDATE_REVIEWS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &shown).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(shown, expected, "{fault}: set UPDATE_REVIEWS=1 to write {}", file.display());
}

/// `UPDATE_SCHEMA=1 cargo test -p synthetics --test program incident` writes the file.
#[test]
fn incident_schema_is_that_of_the_types() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/incident.schema.json");
    let generated = format!("{:#}\n", incident_review::schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(file, &generated).unwrap();
    }
    assert_eq!(fs::read_to_string(file).unwrap_or_default(), generated, "UPDATE_SCHEMA=1 writes it");
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_of_a_window_are_reviewed_together() {
    let world = World::start("window").await;
    world.run(&["availability"]);
    let from = Timestamp::now();
    world.platform.faults().activate(Fault::ServerError);
    world.run(&["availability"]);
    let window =
        |from: Timestamp, until: Timestamp| world.synthetics(&["incident", "--window", &format!("{from}..{until}")]);
    let soon = Timestamp::now() + jiff::SignedDuration::from_mins(1);
    let shown = text(&window(from, soon).stdout);
    let incidents = world.incidents();
    assert!(incidents.len() > 2 && incidents.iter().all(|id| shown.contains(id.as_str())), "{shown}");
    assert!(shown.contains("availability/health  first failed attempt"), "{shown}");
    assert!(!shown.contains("  run "), "not asked for: {shown}");
    let with_logs = world.printed(&["incident", "--window", &format!("{from}..{soon}"), "--logs"]);
    let runs = with_logs.lines().filter(|line| line.contains("availability/health  run "));
    let is_whole = |line: &str| line.contains(" failed: step ") && line.contains("status 500");
    assert_eq!(runs.filter(|line| is_whole(line)).count(), 1, "{with_logs}");
    let refused = world.synthetics(&["incident", &incidents[0], "--platform-log", "laravel"]);
    assert_eq!(refused.status.code(), Some(2), "a store has no logs of the platform: {refused:?}");
    let before =
        text(&window(from - jiff::SignedDuration::from_hours(2), from - jiff::SignedDuration::from_hours(1)).stdout);
    assert!(before.starts_with("no incident from "), "{before}");
    let reversed = window(soon, from);
    assert_eq!(reversed.status.code(), Some(2));
    assert!(text(&reversed.stderr).contains("the earlier first"), "{reversed:?}");
}

/// What an incident cost is judged by the objective of the settings.
#[tokio::test(flavor = "multi_thread")]
async fn cost_of_an_incident_follows_the_settings() {
    let world = World::start("objective").await;
    let settings = world.folder.join("settings.toml");
    let file = settings.to_str().unwrap();
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}\n[objectives.availability]\ntarget = 0.9\n")).unwrap();
    world.platform.faults().activate(Fault::ServerError);
    world.run(&["availability"]);
    // The days before, without which too little is known.
    let days = "INSERT INTO daily_runs (check_id, day, passed, failed, inconclusive, maintenance)
                SELECT 'availability', day - 86400000 * ago, 100, 0, 0, 0 FROM daily_runs,
                       (SELECT 1 AS ago UNION SELECT 2 UNION SELECT 3) WHERE check_id = 'availability'";
    rusqlite::Connection::open(world.folder.join("own.db")).unwrap().execute_batch(days).unwrap();
    let id = world.incidents().remove(0);
    // One of 301 runs failed: of 1.5 allowed ones by default, and of 30.1 with the settings.
    assert!(world.printed(&["incident", &id]).contains("spent 66 % of the error budget"), "by default");
    let configured = world.printed(&["incident", &id, "--settings", file]);
    assert!(
        configured.contains("spent 3 % of the error budget of 30 days, by 1 failed run (objective 90 %)"),
        "{configured}"
    );
}
