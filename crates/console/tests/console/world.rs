//! A console on a store in memory.

use std::net::SocketAddr;
use std::sync::Arc;

use check::incident::{CheckState, Incident, IncidentChange, Mark, NotificationEntry, Severity};
use check::message::Event;
use check::{Failure, FailureKind, Mismatch, NoSecrets, Outcome, Phases, Subject};
use check_testkit::{sample_report, sample_step};
use console::{Actions, Guard, Monitored, OncePerMinute, Shown, Source, serve};
use jiff::{SignedDuration, Timestamp};
use local::Store;
use operations::{checks, thresholds};
use runtime::{CancellationToken, Clock as _, Commit, LastRun, OperatorStore as _, StateStore as _, SystemClock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Id of the failed run.
pub const FAILED: &str = "01a2279e-7f02-7719-a091-050a52675999";

/// A console that runs until it is dropped.
pub struct World {
    address: SocketAddr,
    stop: CancellationToken,
    /// Id of the incident.
    pub incident: String,
    /// Counts the questions, if they have a price.
    pub asked: Option<Arc<OncePerMinute>>,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl World {
    /// Starts a console on a passed run, and a failed one with an incident.
    pub async fn start(guard: Guard, allow_actions: bool) -> Self {
        Self::start_on(guard, allow_actions, false).await
    }

    /// Starts a console whose history has a price, as that of a deployment.
    pub async fn with_price() -> Self {
        Self::start_on(Guard::ThisMachine, false, true).await
    }

    async fn start_on(guard: Guard, allow_actions: bool, has_price: bool) -> Self {
        let store = Arc::new(Store::in_memory().unwrap());
        let now = SystemClock.now();
        let since = Timestamp::from_second(now.as_second() - 120).unwrap();
        let incident = fill(&store, since).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shipped = thresholds::shipped("demo").unwrap();
        let alarms = thresholds::on_checks(shipped, &["login", "booking"], None, &checks::default_objectives());
        let actions =
            allow_actions.then(|| Actions { store: store.clone(), alarm_mutes: None, runs: None, by: String::new() });
        let of_changes = store.clone();
        let asked = has_price.then(|| Arc::new(OncePerMinute::new(store.clone(), Arc::new(SystemClock))));
        let source = Source {
            release: "0.1.0".to_owned(),
            environment: "demo".to_owned(),
            host: "127.0.0.1".to_owned(),
            place: "store test.db".to_owned(),
            options: "--store test.db".to_owned(),
            kept: "runs for 30 days".to_owned(),
            history: match &asked {
                Some(memo) => memo.clone(),
                None => store.clone(),
            },
            once_per_minute: asked.clone(),
            live: None,
            actions,
            faults: None,
            changes: Arc::new(move || of_changes.revision().ok()),
            monitored: Monitored::new(Shown {
                checks: vec!["login", "booking"],
                objectives: checks::default_objectives(),
                alarms,
                windows: windows(now),
                settings: Some("environment = \"demo\"".to_owned()),
                ..Shown::default()
            }),
            clock: Arc::new(SystemClock),
        };
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, source, guard, stop.clone()));
        Self { address, stop, incident, asked }
    }

    /// Asks as a browser does.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\n\r\n", self.address)).await
    }

    /// Sends a form of the console.
    pub async fn post(&self, path: &str, form: &str) -> Answer {
        let origin = format!("http://{}", self.address);
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nOrigin: {origin}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            self.address,
            form.len()
        ))
        .await
    }

    /// Sends a request as it is.
    pub async fn ask(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A window in effect, and one that begins in two hours.
fn windows(now: Timestamp) -> Vec<settings::Window> {
    let demo = include_str!("../../../../infra/layer/settings/demo.toml");
    let at = |hours: i64| now + SignedDuration::from_hours(hours);
    let text = format!(
        "{demo}\n[[maintenance.windows]]\nname = \"night\"\nfrom = \"{}\"\nuntil = \"{}\"\n\
         [[maintenance.windows]]\nname = \"release\"\nreason = \"new servers\"\nchecks = [\"login/web\"]\nfrom = \"{}\"\nuntil = \"{}\"\n",
        at(-1),
        at(1),
        at(2),
        at(3)
    );
    let checks = checks::from_text("demo.toml", &text, &["login".to_owned()]).unwrap();
    checks[0].common().windows.clone()
}

async fn fill(store: &Store, since: Timestamp) -> String {
    let mismatch = Mismatch::new(FailureKind::Status, "status 200", "status 500 <script>alert(1)</script>");
    let failure = Failure::new(Subject::whole(), "open-form", mismatch, &NoSecrets);
    let passed = sample_report(&[120.0]);
    let mut failed = sample_report(&[340.0]);
    failed.run_id = FAILED.to_owned();
    failed.outcome = Outcome::Failed { failures: vec![failure.clone()] };
    let phases = Phases { tls_ms: Some(30.0), first_byte_ms: Some(60.0), ..Phases::default() };
    for (mut report, minutes) in [(passed, 2), (failed, 0)] {
        report.key.scheduled_time = since - SignedDuration::from_mins(minutes);
        report.started = report.key.scheduled_time;
        report.ended = report.started;
        report.attempts[0].steps = vec![sample_step("open-form", report.started, phases.clone())];
        store.record(&report).unwrap();
    }
    let id = format!("login.{}", since.strftime("%Y%m%dT%H%M%SZ"));
    let change = IncidentChange {
        incident: Incident {
            id: id.clone(),
            opened_at: since,
            severity: Severity::Critical,
            escalated_at: None,
            closed_at: None,
            recorded: 1,
            silenced_by: None,
            dependency: None,
            acknowledged: None,
        },
        check: "login".to_owned(),
        subject: Subject::whole(),
        since,
        failure,
        notification: Some(NotificationEntry { event: Event::Opened, at: since, notification_id: "n1".to_owned() }),
        silence: None,
        at: since,
    };
    let commit = Commit {
        check: "login".to_owned(),
        expected_version: 0,
        slot: "home/0of1".to_owned(),
        last_run: LastRun { at: since, run_id: FAILED.to_owned(), provenance: None },
        forget: Vec::new(),
        state: CheckState::default(),
        memory: None,
        enqueue: Vec::new(),
        discard: Vec::new(),
        changes: vec![change],
    };
    store.commit(&commit).await.unwrap();
    let text = "release <script>alert(1)</script>".to_owned();
    store.add_mark(&Mark { at: since, text, by: "pipeline".to_owned() }).await.unwrap();
    id
}
