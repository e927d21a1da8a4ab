//! An emulator of AWS on a free port of this machine, and the template deployed into it.
//!
//! What it does and does not prove: docs/operations.md, "What the emulator does not prove".

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::Credentials;
use serde_json::{Value, json};

/// Where everything is said to be.
pub const REGION: &str = "eu-north-1";
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Starts the emulator and outlives the tests by nothing: its input ends when they end, however they end, and then it
/// kills its whole process group, functions included.
const GUARDED: &str = r#""$@" & cat > /dev/null; rm -rf "$TMPDIR"; kill -KILL 0"#;

/// A running emulator. Ended when it is dropped.
pub struct Emulator {
    guard: Child,
    input: Option<ChildStdin>,
    url: String,
    folder: PathBuf,
    deploying: Mutex<()>,
}

/// A deployed stack.
pub struct Stack {
    /// The environment it was deployed for.
    pub environment: String,
    /// What the template's section Outputs says, by name.
    pub outputs: BTreeMap<String, String>,
}

impl Emulator {
    /// The one of this test program, started by the first test that asks.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Emulator> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// That of the fault matrix: whatever is published makes an emulator look at all alarms that are deployed into it.
    pub fn without_alarms() -> &'static Self {
        static WITHOUT_ALARMS: OnceLock<Emulator> = OnceLock::new();
        WITHOUT_ALARMS.get_or_init(|| Self::start(&[]))
    }

    /// Starts one of its own. Functions inherit `environment`, where their template says nothing else.
    pub fn start(environment: &[(&str, &str)]) -> Self {
        // The last run's logs stay, to be read after a failure.
        static STARTED: AtomicUsize = AtomicUsize::new(1);
        let program = tool("emulator", "ministack");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let folder = target().join(format!("tmp/emulator-{port}"));
        fs::create_dir_all(&folder).unwrap();
        let log_path = target().join(format!("tmp/emulator-{}.log", STARTED.fetch_add(1, Relaxed)));
        let log = File::create(&log_path).unwrap();
        let mut guard = Command::new("sh")
            .args(["-c", GUARDED, "emulator"])
            .arg(program)
            .current_dir(&folder)
            // Functions inherit the environment too: they shall see nothing of this machine.
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", &folder)
            .env("TMPDIR", &folder)
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("MINISTACK_REGION", REGION)
            // Listeners of services that nobody here uses, on ports of their own.
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            .env("AWS_ENDPOINT_URL", &url)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        let input = guard.stdin.take();
        let emulator = Self { guard, input, url, folder, deploying: Mutex::new(()) };
        emulator.wait_until_ready(&log_path);
        emulator
    }

    /// How clients of the SDK reach it.
    pub async fn sdk(&self) -> SdkConfig {
        aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(&self.url)
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new("test", "test", None, None, "emulator"))
            .load()
            .await
    }

    /// Deploys what `cargo xtask test build` has built, as staging is deployed, for an environment of its own.
    pub fn deploy(&self, environment: &str, parameters: &[(&str, &str)]) -> Stack {
        // SAM CLI makes a bucket at the first deployment; two at once would both.
        let _alone = self.deploying.lock().unwrap_or_else(PoisonError::into_inner);
        let built = target().join("sam/template.yaml");
        assert!(built.is_file(), "{} is missing\n  build it: cargo xtask test build", built.display());
        let name = format!("just-driving-synthetics-{environment}");
        let own = [("Environment", environment), ("Architecture", host_architecture())];
        let parameters = own.iter().chain(parameters).map(|(name, value)| format!("{name}={value}"));
        self.sam()
            .args(["deploy", "--no-progressbar", "--config-env", "staging", "--config-file"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/samconfig.toml"))
            .args(["--stack-name", &name, "--template-file"])
            .arg(&built)
            .arg("--parameter-overrides")
            .args(parameters)
            .succeed();
        let listed = self
            .sam()
            .args(["list", "stack-outputs", "--output", "json", "--region", REGION, "--stack-name", &name])
            .succeed();
        let listed: Vec<BTreeMap<String, String>> = serde_json::from_str(&listed).unwrap();
        let outputs = listed.into_iter().map(|mut output| {
            let mut take = |key: &str| output.remove(key).unwrap_or_default();
            (take("OutputKey"), take("OutputValue"))
        });
        Stack { environment: environment.to_owned(), outputs: outputs.collect() }
    }

    /// Deploys a template of alarms beside the functions' stack, as staging's is.
    pub fn deploy_beside(
        &self,
        environment: &str,
        stack: &str,
        template: &Path,
        parameters: &BTreeMap<String, String>,
    ) {
        let _alone = self.deploying.lock().unwrap_or_else(PoisonError::into_inner);
        self.sam()
            .args(["deploy", "--no-progressbar", "--config-env", &format!("staging-{stack}"), "--config-file"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/samconfig.toml"))
            .args(["--stack-name", &format!("just-driving-synthetics-{environment}-{stack}"), "--template-file"])
            .arg(template)
            .arg("--parameter-overrides")
            .args(parameters.iter().map(|(name, value)| format!("{name}={value}")))
            .succeed();
    }

    /// Runs a function and waits for what it returns: `Err` holds the error's type and message.
    pub async fn invoke(&self, stack: &Stack, check: &str, event: &Value) -> Result<Value, Value> {
        let answer = self.invocation(stack, check, event).send().await.unwrap();
        assert_eq!(answer.status(), 200, "the emulator could not invoke {check}");
        let failed = answer.headers().contains_key("x-amz-function-error");
        let body = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        if failed { Err(body) } else { Ok(body) }
    }

    /// Queues an event for a function, as a rule does.
    pub async fn invoke_later(&self, stack: &Stack, check: &str, event: &Value) {
        let answer =
            self.invocation(stack, check, event).header("x-amz-invocation-type", "Event").send().await.unwrap();
        assert_eq!(answer.status(), 202, "the emulator could not queue an event for {check}");
    }

    /// The lines a function has logged, the emulator's own among them.
    pub async fn log_lines(&self, stack: &Stack, check: &str) -> Vec<String> {
        let group = format!("/just-driving/{}/synthetics/{check}", stack.environment);
        let answer = self.ask("Logs_20140328.FilterLogEvents", &json!({ "logGroupName": group })).await;
        let events = answer["events"].as_array().cloned().unwrap_or_default();
        events.iter().filter_map(|event| event["message"].as_str()).map(|line| line.trim_end().to_owned()).collect()
    }

    /// Whether EventBridge would let an event pass by this pattern.
    pub async fn lets_pass(&self, pattern: &str, event: &Value) -> bool {
        let question = json!({ "EventPattern": pattern, "Event": event.to_string() });
        self.ask("AWSEvents.TestEventPattern", &question).await["Result"].as_bool().unwrap()
    }

    /// Asks what no SDK of these tests is for.
    async fn ask(&self, operation: &str, question: &Value) -> Value {
        let answer = reqwest::Client::new()
            .post(&self.url)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", operation)
            .header("authorization", AUTHORIZATION)
            .body(question.to_string())
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 200, "the emulator could not do {operation}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    fn invocation(&self, stack: &Stack, check: &str, event: &Value) -> reqwest::RequestBuilder {
        let function = format!("just-driving-synthetics-{}-{check}", stack.environment);
        reqwest::Client::new()
            .post(format!("{}/2015-03-31/functions/{function}/invocations", self.url))
            .header("authorization", AUTHORIZATION)
            .body(event.to_string())
    }

    fn sam(&self) -> Command {
        let mut sam = Command::new(tool("sam", "sam"));
        // Credentials and profiles of this machine stay out: what is deployed here is deployed nowhere else.
        sam.env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", &self.folder)
            .env("SAM_CLI_TELEMETRY", "0")
            .env("AWS_ENDPOINT_URL", &self.url)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .current_dir(&self.folder);
        sam
    }

    fn wait_until_ready(&self, log: &Path) {
        let start = Instant::now();
        while start.elapsed() < READY_WITHIN {
            if ready(&self.url) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the emulator did not answer within {READY_WITHIN:?}; it said:\n{}", fs::read_to_string(log).unwrap());
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.guard.wait();
    }
}

/// Unverified, but the emulator takes service and region from it.
const AUTHORIZATION: &str =
    "AWS4-HMAC-SHA256 Credential=test/20300101/eu-north-1/lambda/aws4_request, SignedHeaders=host, Signature=0";

trait Succeed {
    /// Runs it to its end and gives its output; what it said instead of succeeding ends the test.
    fn succeed(&mut self) -> String;
}

impl Succeed for Command {
    fn succeed(&mut self) -> String {
        let output = self.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{self:?}:\n{}\n{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }
}

/// Whether its health page answers. By hand, since this waits before any runtime runs.
fn ready(url: &str) -> bool {
    use std::io::{Read, Write};
    let ask = || -> std::io::Result<String> {
        let address = url.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(stream, "GET /_ministack/health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    ask().is_ok_and(|answer| answer == "HTTP/1.1 200")
}

/// What `cargo xtask test` installs.
fn tool(environment: &str, program: &str) -> PathBuf {
    let path = target().join("tools").join(environment).join("bin").join(program);
    assert!(
        path.is_file(),
        "{} is missing\n  install it and run these tests: cargo xtask test build e2e",
        path.display()
    );
    path
}

/// Cargo's target folder.
pub fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

fn host_architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}
