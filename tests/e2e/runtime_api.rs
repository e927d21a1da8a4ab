//! A server of Lambda's Runtime API and of the test clock, and the process of a function.
//!
//! The process is the deployed binary, built with the feature `test-clock`: it takes its time from the test.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as Captured, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::{SignedDuration, Timestamp};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::emulator::{REGION, target};

/// Timeout of the functions in the template.
pub const TIMEOUT: Duration = Duration::from_secs(55);
/// Maximum memory of a function, a quarter of what the template gives it. **Units:** bytes.
pub const MEMORY: u64 = 128_000_000;
/// Maximum real time of an invocation. A function that does not answer by then fails the test.
const ANSWERS_WITHIN: Duration = Duration::from_secs(90);

/// Wall clock of a test: the time that was set, plus the real time since then.
pub struct Clock {
    set: Mutex<(Timestamp, Instant)>,
    queries: AtomicUsize,
}

impl Clock {
    /// Creates a clock that starts at this time.
    pub fn at(time: Timestamp) -> Arc<Self> {
        Arc::new(Self { set: Mutex::new((time, Instant::now())), queries: AtomicUsize::new(0) })
    }

    /// Returns the current time.
    pub fn now(&self) -> Timestamp {
        let (time, since) = *self.set.lock().unwrap_or_else(PoisonError::into_inner);
        time + since.elapsed()
    }

    /// Sets the time.
    pub fn set(&self, time: Timestamp) {
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = (time, Instant::now());
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        set.0 += duration;
    }

    /// Number of times that functions asked for the time or asked to sleep.
    pub fn queries(&self) -> usize {
        self.queries.load(Relaxed)
    }
}

/// Result of one invocation.
pub struct Invoked {
    /// The returned report, or the error of the invocation.
    pub result: Result<Value, FunctionError>,
    /// Lines that the function wrote to stdout and stderr meanwhile.
    pub lines: Vec<String>,
}

/// Error of a failed invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// Error type, as the failure queue and Lambda's log show it.
    pub error_type: String,
    /// Error message.
    pub message: String,
}

impl Invoked {
    /// Returns the report of the run; panics when the invocation failed.
    pub fn report(&self) -> &Value {
        match &self.result {
            Ok(report) => report,
            Err(error) => panic!("expected a report, found {error:#?}\n{}", self.lines.join("\n")),
        }
    }

    /// Returns the outcome of the run.
    pub fn outcome(&self) -> &str {
        self.report()["outcome"]["result"].as_str().unwrap()
    }

    /// Returns the error of the invocation; panics when it succeeded.
    pub fn error(&self) -> &FunctionError {
        match &self.result {
            Ok(report) => panic!("expected an error, found {report:#}"),
            Err(error) => error,
        }
    }
}

struct Work {
    id: String,
    event: Value,
    deadline: Timestamp,
}

struct Api {
    clock: Arc<Clock>,
    give: mpsc::UnboundedSender<Work>,
    work: AsyncMutex<mpsc::UnboundedReceiver<Work>>,
    answers: Mutex<HashMap<String, oneshot::Sender<Result<Value, FunctionError>>>>,
}

impl Api {
    fn answer(&self, id: &str, answer: Result<Value, FunctionError>) -> StatusCode {
        let waiting = self.answers.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        match waiting.map(|waiting| waiting.send(answer)) {
            Some(Ok(())) => StatusCode::ACCEPTED,
            // The invocation is unknown, or the test no longer waits for it.
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// A function process with its own Runtime API. Dropping it kills the process immediately.
pub struct Function {
    api: Arc<Api>,
    server: JoinHandle<()>,
    process: Mutex<Child>,
    log: PathBuf,
    read: Mutex<usize>,
}

impl Function {
    /// Peak memory of the process, 0 if it has ended. **Units:** bytes. Linux only.
    pub fn peak_memory(&self) -> u64 {
        let id = self.process.lock().unwrap_or_else(PoisonError::into_inner).id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        line.map_or(0, |line| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024)
    }

    /// Starts the binary of a check, built with the test clock.
    pub async fn start(check: &str, environment: &[(String, String)], clock: &Arc<Clock>) -> Self {
        let binary = target().join(format!("e2e/{check}-test-clock"));
        Self::start_binary(&binary, "cargo xtask test build", check, environment, clock).await
    }

    /// Starts a binary. The panic message for a missing binary names `command`, which builds it.
    pub async fn start_binary(
        binary: &Path,
        command: &str,
        check: &str,
        environment: &[(String, String)],
        clock: &Arc<Clock>,
    ) -> Self {
        static STARTED: AtomicUsize = AtomicUsize::new(1);
        assert!(binary.is_file(), "{} is missing\n  build it: {command}", binary.display());
        let (give, work) = mpsc::unbounded_channel();
        let api =
            Arc::new(Api { clock: Arc::clone(clock), give, work: AsyncMutex::new(work), answers: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = router(&api);
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

        let log = own_file(&format!("function-{}.log", STARTED.fetch_add(1, Relaxed)));
        // A file instead of a pipe: everything written before an answer is readable when the answer arrives.
        let file = File::options().create(true).write(true).truncate(true).open(&log).unwrap();
        let process = Command::new(binary)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", format!("just-driving-synthetics-test-{check}"))
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/just-driving/test/synthetics/{check}"))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "test")
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { api, server, process: Mutex::new(process), log, read: Mutex::new(0) }
    }

    /// Kills the process immediately.
    pub fn kill(&self) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Asks the process to stop, as Lambda does before it ends an execution environment with an extension.
    pub fn terminate(&self) {
        let id = self.process.lock().unwrap_or_else(PoisonError::into_inner).id();
        kill(Pid::from_raw(id.try_into().unwrap()), Signal::SIGTERM).unwrap();
    }

    /// Waits until the process has ended, at most 2 s, the longest time that Lambda leaves it. Returns its exit code.
    pub async fn ended(&self) -> Option<i32> {
        for _ in 0..200 {
            if let Some(status) = self.process.lock().unwrap_or_else(PoisonError::into_inner).try_wait().unwrap() {
                return status.code();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the process goes on");
    }

    /// Invokes the function with the timeout of the template.
    pub async fn invoke(&self, event: &Value) -> Invoked {
        self.invoke_until(event, self.api.clock.now() + TIMEOUT).await
    }

    /// Invokes the function with this deadline.
    pub async fn invoke_until(&self, event: &Value, deadline: Timestamp) -> Invoked {
        static INVOKED: AtomicUsize = AtomicUsize::new(1);
        let id = format!("00000000-0000-4000-8000-{:012}", INVOKED.fetch_add(1, Relaxed));
        let (answer, mut answered) = oneshot::channel();
        self.api.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), answer);
        self.api.give.send(Work { id, event: event.clone(), deadline }).ok().unwrap();
        let start = Instant::now();
        let result = loop {
            if let Ok(result) = tokio::time::timeout(Duration::from_millis(100), &mut answered).await {
                break result.unwrap();
            }
            let ended = self.process.lock().unwrap_or_else(PoisonError::into_inner).try_wait().unwrap();
            if ended.is_some() || start.elapsed() > ANSWERS_WITHIN {
                panic!("the function did not answer ({ended:?}); its output:\n{}", self.new_lines().join("\n"));
            }
        };
        assert!(start.elapsed() <= TIMEOUT, "an invocation took {:?}", start.elapsed());
        let peak = self.peak_memory();
        assert!(peak <= MEMORY, "the function needed {} MB", peak / 1_000_000);
        Invoked { result, lines: self.new_lines() }
    }

    /// Lines written since the last call.
    fn new_lines(&self) -> Vec<String> {
        let all = fs::read_to_string(&self.log).unwrap();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let new = all[*read..].lines().map(str::to_owned).collect();
        *read = all.len();
        new
    }

    /// Complete output of the process.
    pub fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let process = self.process.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = process.kill();
        let _ = process.wait();
        self.server.abort();
        remove(&self.log);
    }
}

/// Path of a file that other test processes running at the same time do not use.
pub fn own_file(name: &str) -> PathBuf {
    let folder = target().join("tmp");
    fs::create_dir_all(&folder).unwrap();
    folder.join(format!("{}-{name}", std::process::id()))
}

/// Removes a file, unless the test failed and someone may want to read it.
pub fn remove(file: &Path) {
    if !std::thread::panicking() {
        let _ = fs::remove_file(file);
    }
}

fn router(api: &Arc<Api>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .route("/test-clock/now", get(now))
        .route("/test-clock/sleep/{ms}", post(sleep))
        .with_state(Arc::clone(api))
}

/// Blocks until there is an invocation, as Lambda does.
async fn next(State(api): State<Arc<Api>>) -> Response {
    let Some(work) = api.work.lock().await.recv().await else { return StatusCode::GONE.into_response() };
    let headers = [
        ("lambda-runtime-aws-request-id", work.id),
        ("lambda-runtime-deadline-ms", work.deadline.as_millisecond().to_string()),
        ("lambda-runtime-invoked-function-arn", format!("arn:aws:lambda:{REGION}:000000000000:function:test")),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0".to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, work.event.to_string()).into_response()
}

async fn response(State(api): State<Arc<Api>>, Captured(id): Captured<String>, body: Bytes) -> StatusCode {
    api.answer(&id, Ok(serde_json::from_slice(&body).unwrap()))
}

/// Takes the error type from the body, because the Rust runtime always sends `unhandled` in the header.
async fn error(State(api): State<Arc<Api>>, Captured(id): Captured<String>, body: Bytes) -> StatusCode {
    let received: Value = serde_json::from_slice(&body).unwrap();
    let text = |name: &str| received[name].as_str().unwrap_or_default().to_owned();
    api.answer(&id, Err(FunctionError { error_type: text("errorType"), message: text("errorMessage") }))
}

/// Accepts the error of a failed start. The function also logs it, and the test reads the log when no answer arrives.
async fn init_error() -> StatusCode {
    StatusCode::ACCEPTED
}

async fn now(State(api): State<Arc<Api>>) -> String {
    api.clock.queries.fetch_add(1, Relaxed);
    api.clock.now().to_string()
}

async fn sleep(State(api): State<Arc<Api>>, Captured(ms): Captured<i64>) -> String {
    api.clock.queries.fetch_add(1, Relaxed);
    api.clock.advance(SignedDuration::from_millis(ms).unsigned_abs());
    api.clock.now().to_string()
}
