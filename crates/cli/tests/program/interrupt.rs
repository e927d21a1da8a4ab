//! Signals during a run: what it has created is undone, whenever they arrive.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use demo_platform::{DemoPlatform, Options, Running};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{DEMO, settings_file, text};

/// Checks that create something and undo it. The canaries of `queues` end by themselves.
const CREATING: [&str; 5] = ["login", "booking", "payment-webhook", "notifications", "reconciliation"];
/// Signals per check, at random moments.
const MOMENTS: u64 = 50;
/// Of these, signals that arrive between the first creation and its undoing.
const AMID: usize = 30;
/// Runs at the same time.
const PARALLEL: u64 = 4;
/// Signals that ask the program to stop, with its exit codes.
const SIGNALS: [(Signal, i32); 3] = [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)];

/// The program, which heeds SIGHUP even where the tests do not: below `nohup`, and in some pipelines.
fn program() -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_synthetics")]).env("CI", "true");
    command
}
const POLL: Duration = Duration::from_millis(1);

/// A platform, and settings of one check for it that take their secrets from the environment.
struct World {
    platform: Running,
    settings: String,
}

impl World {
    async fn start(name: &str, check: &str) -> Self {
        let platform = DemoPlatform::start(Options::default()).await.unwrap();
        let common = &DEMO[..DEMO.find("[check.").unwrap()];
        let section = DEMO.split("\n[").find(|section| section.starts_with(&format!("check.{check}]"))).unwrap();
        let lines = section.lines().map(|line| match line.split_once("\"ssm:/just-driving/demo/") {
            Some((key, path)) => format!("{key}\"env:{}\n", variable(path)),
            None => format!("{line}\n"),
        });
        let settings = format!("{common}[{}", lines.collect::<String>());
        let settings = settings.replace("http://127.0.0.1:8480", platform.base_url());
        Self { settings: settings_file(&format!("interrupt-{name}.toml"), &settings), platform }
    }

    fn run(&self) -> Child {
        program()
            .args(["run", "--wide", "--settings", &self.settings])
            .envs(self.platform.credentials().into_iter().map(|(path, value)| (variable(&path), value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Everything that a run has created and not undone yet.
    fn left(&self) -> Vec<String> {
        let mut left = self.platform.leftovers();
        left.extend((0..self.platform.logged_in()).map(|number| format!("session {number}")));
        left
    }

    /// Waits until something is created, or until the time is over.
    async fn until_created(&self, at_most: Duration) {
        let began = Instant::now();
        while self.left().is_empty() && began.elapsed() < at_most {
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Environment variable for a secret: `LOGIN_TOTP_SEED` for `login/totp-seed`.
fn variable(path: &str) -> String {
    path.replace(['/', '-'], "_").to_uppercase()
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

async fn exited(child: &mut Child) -> Option<i32> {
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        tokio::time::sleep(POLL).await;
    }
}

fn output(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// A run that is stopped between the first creation and its undoing. SIGCONT lets it go on.
async fn stopped_amid(check: &str) -> (World, Child) {
    for attempt in 0..10 {
        let world = World::start(&format!("{check}-stopped-{attempt}"), check).await;
        let mut child = world.run();
        world.until_created(Duration::from_secs(20)).await;
        send(&child, Signal::SIGSTOP);
        // Requests in flight end at the platform.
        tokio::time::sleep(Duration::from_millis(50)).await;
        if !world.left().is_empty() {
            return (world, child);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    panic!("expected a run of {check} that can be stopped amid");
}

/// Shortest time for which something is left during an undisturbed run.
async fn window(check: &str) -> Duration {
    let mut shortest = Duration::MAX;
    for number in 0..3 {
        shortest = shortest.min(one_window(check, number).await);
    }
    shortest
}

async fn one_window(check: &str, number: u32) -> Duration {
    let world = World::start(&format!("{check}-whole-{number}"), check).await;
    let mut child = world.run();
    world.until_created(Duration::from_secs(20)).await;
    let created = Instant::now();
    let mut window = Duration::ZERO;
    while child.try_wait().unwrap().is_none() {
        if !world.left().is_empty() {
            window = created.elapsed();
        }
        tokio::time::sleep(POLL).await;
    }
    let said = output(child);
    assert!(said.contains(&format!("{check}: passed")), "{said}");
    assert!(world.left().is_empty(), "{:?}", world.left());
    window
}

/// Interrupts one run. Returns true when the signal came between the first creation and its undoing.
async fn interrupted(check: &'static str, number: u64, window: Duration) -> bool {
    let mut dice = fastrand::Rng::with_seed(number);
    let world = World::start(&format!("{check}-{number}"), check).await;
    let (signal, code) = SIGNALS[number as usize % SIGNALS.len()];
    let mut child = world.run();
    // Every sixth signal comes at any time, also before the first creation or after the last undoing.
    if number.is_multiple_of(6) {
        world.until_created(window.mul_f64(dice.f64() * 3.0)).await;
    } else {
        world.until_created(Duration::from_secs(20)).await;
        tokio::time::sleep(window.mul_f64(dice.f64() * 0.9)).await;
    }
    let amid = !world.left().is_empty();
    send(&child, signal);
    let exit = exited(&mut child).await;
    let said = output(child);
    // A run that had already ended reports its own result, and a program without its handlers yet is killed.
    assert!(exit == Some(code) || !amid && [Some(0), None].contains(&exit), "{number}: {exit:?}: {said}");
    if amid {
        assert!(said.contains("stopping and undoing; a second signal ends at once"), "{number}: {said}");
        let is_over = said.contains(&format!("{check}: passed"));
        let is_undone = said.contains("INCONCLUSIVE (interrupted): stopped on request; undone: ");
        assert!(is_over || is_undone, "{number}: {said}");
    }
    assert!(world.left().is_empty(), "{number}: {:?} is left, {said}", world.left());
    amid
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_runs_leave_nothing_behind() {
    for check in CREATING {
        let window = window(check).await;
        let mut amid = 0;
        for first in (0..MOMENTS).step_by(PARALLEL.try_into().unwrap()) {
            let numbers = first..MOMENTS.min(first + PARALLEL);
            let running: Vec<_> = numbers.map(|number| tokio::spawn(interrupted(check, number, window))).collect();
            for run in running {
                amid += usize::from(run.await.unwrap());
            }
        }
        println!("{check}: {amid} of {MOMENTS} signals between creation and undoing, within {window:?}; no leftovers");
        assert!(amid >= AMID, "{check}: {amid}");
    }
}

/// A control: without the handlers, the same signals leave something behind.
#[tokio::test(flavor = "multi_thread")]
async fn killed_runs_leave_something_behind() {
    for check in CREATING {
        let (world, mut child) = stopped_amid(check).await;
        send(&child, Signal::SIGKILL);
        assert_eq!(exited(&mut child).await, None);
        assert!(!world.left().is_empty(), "{check}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn second_signal_ends_the_program_at_once() {
    // Undoing takes seconds at a platform that hangs.
    let (world, mut child) = stopped_amid("booking").await;
    world.platform.faults().activate(demo_platform::Fault::Hang);
    send(&child, Signal::SIGINT);
    send(&child, Signal::SIGCONT);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(child.try_wait().unwrap(), None, "it undoes");
    let sent = Instant::now();
    send(&child, Signal::SIGTERM);
    assert_eq!(exited(&mut child).await, Some(143));
    assert!(sent.elapsed() < Duration::from_secs(2), "{:?}", sent.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_undone_is_printed() {
    let (world, mut child) = stopped_amid("booking").await;
    world.platform.faults().activate(demo_platform::Fault::ServerError);
    send(&child, Signal::SIGTERM);
    send(&child, Signal::SIGCONT);
    assert_eq!(exited(&mut child).await, Some(143));
    let said = output(child);
    assert!(said.contains("leftover (log-out)"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_ends_on_request() {
    for (signal, code) in SIGNALS {
        let mut child = program()
            .args(["demo", "--every", "1s", "--port", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        send(&child, signal);
        assert_eq!(exited(&mut child).await, Some(code));
        let said = output(child);
        assert!(said.contains(" sent\n") && said.contains("stopping and undoing; "), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_terminal_does_not_stop_a_program_that_ignores_it() {
    let command = "trap '' HUP; exec \"$0\" run availability --demo --fault slow";
    let mut child = Command::new("sh")
        .args(["-c", command, env!("CARGO_BIN_EXE_synthetics")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(child.try_wait().unwrap(), None, "it runs");
    send(&child, Signal::SIGHUP);
    assert_eq!(exited(&mut child).await, Some(0));
    assert!(output(child).starts_with("availability: passed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_that_were_not_run_are_in_every_format() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = |format: &str| folder.join(format!("not-run.{format}")).to_str().unwrap().to_owned();
    let also = ["junit", "json", "ndjson", "html"].map(|format| format!("{format}={}", file(format)));
    let mut child = program()
        .args(["run", "availability", "login", "booking", "--demo", "--fault", "slow", "--wide"])
        .args(also.iter().flat_map(|also| ["--also", also]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    send(&child, Signal::SIGINT);
    assert_eq!(exited(&mut child).await, Some(130));
    let said = output(child);
    assert!(said.contains("not run, since the program was stopped: login, booking\n"), "{said}");
    assert!(!said.contains("login: ") && !said.contains("booking: "), "{said}");
    let read = |format| std::fs::read_to_string(file(format)).unwrap();
    let xml = read("junit");
    let skipped = "<skipped message=\"not run, since the program was stopped\" type=\"interrupted\"/>";
    assert_eq!((xml.matches("<testsuite ").count(), xml.matches(skipped).count()), (3, 2), "{xml}");
    let reports: serde_json::Value = serde_json::from_str(&read("json")).unwrap();
    for (place, check) in [(1, "login"), (2, "booking")] {
        assert_eq!(reports[place]["run"]["check"], check, "{reports}");
        assert_eq!(reports[place]["outcome"]["inconclusive"]["cause"], "interrupted", "{reports}");
    }
    assert_eq!(read("ndjson").lines().count(), 3);
    assert_eq!(read("html").matches("not run, since the program was stopped").count(), 4, "{}", read("html"));
}
