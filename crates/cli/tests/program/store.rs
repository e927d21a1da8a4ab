//! `synthetics run` remembers: its store, and the commands that read it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use alarm::State;
use demo_platform::{DemoPlatform, Fault, Options};
use jiff::Timestamp;
use local::{AlarmState, Store};
use rusqlite::Connection;
use serde_json::Value;

use crate::{DEMO, settings_file, synthetics, text};

/// An own, empty folder.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("store-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    folder
}

/// Settings of one check for this platform.
fn settings(name: &str, base_url: &str) -> String {
    let start = DEMO.find("[check.availability]").unwrap();
    let end = start + DEMO[start..].find("\n[check.").unwrap();
    settings_file(name, &DEMO[..end].replace("http://127.0.0.1:8480", base_url))
}

fn succeeded(arguments: &[&str]) -> String {
    let output = tokio::task::block_in_place(|| synthetics(arguments));
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    text(&output.stdout)
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_open_and_close_from_run_to_run() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let settings = settings("store.toml", platform.base_url());
    let store = folder("incidents").join("new/synthetics.db").to_str().unwrap().to_owned();
    let run = |code: i32| {
        let arguments = ["run", "availability", "--settings", &settings, "--store", &store];
        let output = tokio::task::block_in_place(|| synthetics(&arguments));
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(text(&output.stderr).contains(&format!("store: {store}\n")), "{output:?}");
    };
    let incidents = |more: &[&str]| succeeded(&[&["incidents", "--store", &store], more].concat());
    run(0);
    assert!(incidents(&[]).starts_with("no incidents since "));
    platform.faults().activate(Fault::ServerError);
    run(1);
    let open = incidents(&["--open"]);
    assert!(open.contains("OPEN") && open.contains("availability."), "{open}");
    let id = open.lines().nth(1).unwrap().split_whitespace().next().unwrap();
    assert!(succeeded(&["incident", id, "--store", &store]).contains("still open"));

    let acknowledged = ["ack", "availability", "--reason", "rolling back", "--by", "anna", "--store", &store];
    assert!(succeeded(&acknowledged).starts_with(&format!("{id} is acknowledged\n")));
    let shown = |id: &str| succeeded(&["incident", id, "--store", &store]);
    assert!(incidents(&[]).contains("OPEN, ack anna") && shown(id).contains("acknowledged by anna: rolling back"));
    let mistaken = ["ack", "availability/nothing", "--reason", "x", "--store", &store];
    let mistaken = tokio::task::block_in_place(|| synthetics(&mistaken));
    assert_eq!(mistaken.status.code(), Some(2));
    let named = "no incident of availability/nothing is open\n  open: availability/";
    assert!(text(&mistaken.stderr).contains(named), "{mistaken:?}");
    assert!(succeeded(&["mark", "release 42", "--by", "ci", "--store", &store]).starts_with("marked at "));
    let listed = incidents(&[]);
    assert!(
        listed.lines().nth(1).is_some_and(|line| line.starts_with("mark ") && line.contains("release 42 (ci)")),
        "{listed}"
    );
    assert!(!incidents(&["--open"]).contains("release 42"));
    let alarm = |state, reason: &str| {
        let (alarm, reason) = ("just-driving-synthetics-demo-availability-slow".to_owned(), reason.to_owned());
        let now = AlarmState { alarm, state, since: Timestamp::now(), reason, decided_by: Value::Null };
        Store::open_existing(Path::new(&store)).unwrap().set_alarm_state(&now).unwrap();
    };
    alarm(State::Alarm, "5 of 5 data points above 1500\nmore");
    alarm(State::Ok, "0 of 5 data points above 1500");
    let around = shown(id);
    let places = [
        "mark: release 42 (ci)",
        "alarm availability-slow: ALARM (5 of 5",
        "alarm availability-slow: ALARM to OK (0 of 5",
    ];
    let places = places.map(|part| around.find(part));
    assert!(places.is_sorted() && !places.contains(&None), "{around}");

    let muted = succeeded(&["mute", "availability", "--for", "1h", "--reason", "a test", "--store", &store]);
    assert!(muted.starts_with("availability is muted until") && !muted.contains("alarms are muted"), "{muted}");
    let mutes = succeeded(&["mutes", "--store", &store]);
    assert!(mutes.contains("a test") && !mutes.contains("ALARMS") && !mutes.contains("not muted"), "{mutes}");
    succeeded(&["unmute", "availability", "--store", &store]);
    assert_eq!(succeeded(&["mutes", "--store", &store]), "nothing is muted\n");

    platform.faults().clear(Fault::ServerError);
    run(0);
    run(0);
    assert!(incidents(&["--open"]).starts_with("no incidents are open since "));
    let closed = shown(id);
    assert!(closed.contains("closed after") && closed.contains("acknowledged by anna: rolling back"), "{closed}");
    let nothing = ["ack", "availability", "--reason", "x", "--store", &store];
    let nothing = tokio::task::block_in_place(|| synthetics(&nothing));
    assert!(text(&nothing.stderr).contains("no incident of availability is open, nor of another check"), "{nothing:?}");
}

/// A colleague's store, or one of a backup.
#[test]
fn store_that_cannot_be_written_is_read() {
    let folder = folder("read-only æ?#%41");
    let file = folder.join("synthetics.db");
    let name = file.to_str().unwrap();
    drop(Store::open(&file).unwrap());
    assert!(synthetics(&["mark", "release 42", "--store", name]).status.success());
    let set = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    set(&file, 0o444);
    set(&folder, 0o555);
    // Permissions do not bind root, so that another user reads then.
    let is_root = fs::metadata(&file).unwrap().uid() == 0;
    let read = |arguments: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_synthetics"));
        if is_root {
            program.uid(65_534).gid(65_534);
        }
        program.args(arguments).args(["--store", name]).output().unwrap()
    };
    let listed = read(&["incidents"]);
    assert!(listed.status.success() && text(&listed.stdout).contains("release 42"), "{listed:?}");
    let muted = read(&["mute", "login", "--for", "1h", "--reason", "x"]);
    assert_eq!(muted.status.code(), Some(2));
    assert!(text(&muted.stderr).contains("give a file in a folder that you may write"), "{muted:?}");
    // While another process writes, its log is read too.
    set(&folder, 0o755);
    set(&file, 0o644);
    let writer = Connection::open(&file).unwrap();
    let mark = "INSERT INTO marks (at, text, by) SELECT at, 'release 43', by FROM marks";
    writer.execute(mark, []).unwrap();
    let log = folder.join("synthetics.db-wal");
    for file in [&file, &log, &folder.join("synthetics.db-shm")] {
        set(file, 0o444);
    }
    set(&folder, 0o555);
    let listed = read(&["incidents"]);
    assert!(text(&listed.stdout).contains("release 43"), "{listed:?}");
    drop(writer);
    // A process was killed: its last writes are in the log only.
    set(&folder, 0o755);
    let _ = fs::remove_file(folder.join("synthetics.db-shm"));
    let _ = fs::remove_file(&log);
    fs::write(&log, "some writes").unwrap();
    set(&log, 0o444);
    set(&folder, 0o555);
    let refused = read(&["incidents"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused.stderr).contains("the latest writes are in the file whose name ends in `-wal`"),
        "{refused:?}"
    );
    set(&folder, 0o755);
}

#[tokio::test(flavor = "multi_thread")]
async fn canaries_are_judged_by_the_next_run() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let settings = crate::send::settings("store-canaries.toml", &platform);
    let mut short = fs::read_to_string(&settings).unwrap();
    for time in ["10s", "20s"] {
        short = short.replace(&format!("\"{time}\""), "\"5s\"");
    }
    fs::write(&settings, short).unwrap();
    for faults in [[Fault::EmailStuck, Fault::SmsStuck], [Fault::EmailBounced, Fault::SmsFailed]] {
        let store = folder("canaries").join("synthetics.db");
        let store = store.to_str().unwrap();
        let run = || {
            let more = ["--send-canaries", "--store", store];
            tokio::task::block_in_place(|| crate::send::run(&platform, &settings, &more))
        };
        faults.iter().for_each(|fault| platform.faults().activate(*fault));
        let first = run();
        assert_eq!(first.status.code(), Some(0), "{faults:?} are seen later: {first:?}");
        tokio::time::sleep(Duration::from_millis(5_500)).await;
        let second = run();
        assert_eq!(second.status.code(), Some(1), "{faults:?}: {second:?}");
        let said = text(&second.stdout);
        for subject in ["email", "sms"] {
            let fails = |line: &str| line.trim_start().starts_with(subject) && line.contains("delivery  failed");
            assert!(said.lines().any(fails), "{faults:?}: {said}");
        }
        faults.iter().for_each(|fault| platform.faults().clear(*fault));
    }
}

#[test]
fn default_file_is_in_the_folder_for_data_except_in_pipelines() {
    let folder = folder("default");
    let file = settings_file("store-default.toml", DEMO);
    let run = |store: &[&str], variables: &[(&str, &str)]| -> Output {
        let mut program = Command::new(env!("CARGO_BIN_EXE_synthetics"));
        program.args(["run", "availability", "--settings", &file]).args(store).env_remove("CI");
        program.env("XDG_DATA_HOME", &folder).envs(variables.iter().copied()).output().unwrap()
    };
    let kept = folder.join("just-driving-synthetics/demo.db");
    for (store, variables, said) in [
        (&["--store", "memory"][..], &[][..], "store: memory; later runs know nothing of this one\n".to_owned()),
        (&[], &[("CI", "true")], "store: memory; later runs know nothing of this one (CI is set)\n".to_owned()),
        (
            &["--wait-until-healthy", "1s"],
            &[],
            "store: memory; later runs know nothing of this one (--wait-until-healthy)\n".to_owned(),
        ),
        (
            &[],
            &[("XDG_DATA_HOME", "/dev/null/none")],
            "store: memory; later runs know nothing of this one (no folder for data can be written)\n".to_owned(),
        ),
        (&[], &[], format!("store: {}\n", kept.display())),
    ] {
        assert!(!kept.exists());
        let output = run(store, variables);
        assert!(text(&output.stderr).contains(&said), "{output:?}");
    }
    assert!(kept.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn verdict_does_not_depend_on_the_store() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let settings = settings("store-damaged.toml", platform.base_url());
    let file = folder("damaged").join("synthetics.db");
    let run = || {
        let arguments = ["run", "availability", "--settings", &settings, "--store", file.to_str().unwrap()];
        tokio::task::block_in_place(|| synthetics(&arguments))
    };
    assert_eq!(run().status.code(), Some(0));
    Connection::open(&file).unwrap().execute("UPDATE checks SET state = '{'", []).unwrap();
    let healthy = run();
    assert_eq!(healthy.status.code(), Some(3), "what earlier runs began is not judged: {healthy:?}");
    let warning = text(&healthy.stderr);
    assert!(warning.contains("warning: failed to ") && warning.contains("start anew"), "{warning}");
    platform.faults().activate(Fault::ServerError);
    let failing = run();
    assert_eq!(failing.status.code(), Some(1), "{failing:?}");
    assert!(text(&failing.stdout).contains("FAILED"), "{failing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_at_the_same_time_are_all_judged() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    platform.faults().activate(Fault::ServerError);
    let settings = settings("store-together.toml", platform.base_url());
    let file = folder("together").join("synthetics.db").to_str().unwrap().to_owned();
    let runs = (0..5).map(|_| {
        let arguments = ["run", "availability", "--settings", &settings, "--store", &file].map(str::to_owned);
        tokio::task::spawn_blocking(move || synthetics(&arguments.each_ref().map(String::as_str)))
    });
    for run in runs.collect::<Vec<_>>() {
        let output = run.await.unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn store_of_another_platform_is_refused() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let file = folder("another").join("synthetics.db").to_str().unwrap().to_owned();
    let other = platform.base_url().replace("127.0.0.1", "localhost");
    for (base_url, code) in [(platform.base_url(), 0), (&other, 2)] {
        let settings = settings("store-another.toml", base_url);
        let arguments = ["run", "availability", "--settings", &settings, "--store", &file];
        let output = tokio::task::block_in_place(|| synthetics(&arguments));
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        if code == 2 {
            let expected =
                "expected the store of environment demo of localhost, found that of environment demo of 127.0.0.1";
            assert!(text(&output.stderr).contains(expected), "{output:?}");
        }
    }
}

#[test]
fn file_that_is_no_store_is_refused() {
    let folder = folder("refused");
    let file = folder.join("no.db");
    let name = file.to_str().unwrap();
    let settings = settings_file("store-refused.toml", DEMO);
    let missing = synthetics(&["incidents", "--store", name]);
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
    assert!(text(&missing.stderr).contains("No such file"), "{missing:?}");
    assert!(!file.exists(), "a mistyped name makes no new store");
    fs::write(&file, "text".repeat(999)).unwrap();
    for arguments in [&["incidents", "--store", name][..], &["run", "--settings", &settings, "--store", name]] {
        let output = synthetics(arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(text(&output.stderr).contains("start anew"), "{output:?}");
    }
}

/// Runs the program three times on a disk of two megabytes: with room, full, and with room again. `$1` is a folder for the disk, `$2` the
/// settings, `$3` the program, `$4` a folder for what is left.
const ON_A_SMALL_DISK: &str = r#"
mount -t tmpfs -o size=2m tmpfs "$1" || exit 99
run() { "$3" run availability --settings "$2" --store "$1/synthetics.db" > "$4/$5.out" 2> "$4/$5.err"; echo "$5 $?"; }
run "$1" "$2" "$3" "$4" empty
dd if=/dev/zero of="$1/filler" bs=4k 2> /dev/null
run "$1" "$2" "$3" "$4" full
rm "$1/filler"
run "$1" "$2" "$3" "$4" again
cp "$1"/synthetics.db* "$4"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn full_disk_hides_no_verdict_and_loses_nothing() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let settings = settings("store-full.toml", platform.base_url());
    let (disk, left) = (folder("small-disk"), folder("small-disk-left"));
    let script = || {
        Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", ON_A_SMALL_DISK, "sh"])
            .args([disk.to_str().unwrap(), &settings, env!("CARGO_BIN_EXE_synthetics"), left.to_str().unwrap()])
            .env("COLUMNS", "1000")
            .output()
            .expect("unshare is missing; install it: sudo apt-get install --yes util-linux")
    };
    // It fails while the disk is full, so that the run has much to store.
    platform.faults().activate(Fault::ServerError);
    let output = tokio::task::block_in_place(script);
    let read = |name: &str| fs::read_to_string(left.join(name)).unwrap();
    assert_eq!(text(&output.stdout), "empty 1\nfull 1\nagain 1\n", "{output:?}\n{}", read("full.err"));
    let said = read("full.err");
    assert!(said.contains("synthetics.db cannot be used: ") && said.contains("the disk may be full"), "{said}");
    assert!(read("full.out").contains("availability: FAILED"), "the verdict is needed most now");
    // The first run opened the incident, and the third knows it.
    let store = Connection::open(left.join("synthetics.db")).unwrap();
    let value = |sql: &str| store.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(value("PRAGMA integrity_check"), "ok");
    assert_eq!(value("SELECT CAST(count(*) AS TEXT) FROM incidents"), "5");
    assert_eq!(value("SELECT CAST(count(*) AS TEXT) FROM runs"), "2");
}
