//! Runs an AWS emulator on a free port of this machine and deploys the template into it.
//!
//! Its limits are listed in docs/operations/emulator.md.

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

/// Region of all resources.
pub const REGION: &str = "eu-north-1";
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Shell script that starts the emulator and kills its process group, functions included, when its input ends. The input
/// ends with the test process, even after a crash.
const GUARDED: &str = r#""$@" & cat > /dev/null; rm -rf "$TMPDIR"; kill -KILL 0"#;

/// A running emulator. Dropping it stops the process.
pub struct Emulator {
    guard: Child,
    input: Option<ChildStdin>,
    url: String,
    folder: PathBuf,
    deploying: Mutex<()>,
}

/// A deployed stack.
pub struct Stack {
    /// Environment of the stack.
    pub environment: String,
    /// Outputs of the template, by name.
    pub outputs: BTreeMap<String, String>,
}

impl Emulator {
    /// Emulator shared by all tests, started on first use.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Emulator> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// Emulator of the fault matrix. It has no alarms, because the emulator evaluates all of them for every datapoint.
    pub fn without_alarms() -> &'static Self {
        static WITHOUT_ALARMS: OnceLock<Emulator> = OnceLock::new();
        WITHOUT_ALARMS.get_or_init(|| Self::start(&[]))
    }

    /// Starts a separate emulator. Functions inherit `environment`, unless the template sets the same variable.
    pub fn start(environment: &[(&str, &str)]) -> Self {
        // Logs of the last run stay for reading after a failure.
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
            // Functions inherit the environment and must not see variables of this machine.
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", &folder)
            .env("TMPDIR", &folder)
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("MINISTACK_REGION", REGION)
            // Unused services with listeners on additional ports.
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

    /// SDK configuration for this emulator.
    pub async fn sdk(&self) -> SdkConfig {
        aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(&self.url)
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new("test", "test", None, None, "emulator"))
            .load()
            .await
    }

    /// Deploys the output of `cargo xtask test build` with the configuration of staging, under another environment name.
    pub fn deploy(&self, environment: &str, parameters: &[(&str, &str)]) -> Stack {
        // SAM CLI creates a bucket at the first deployment; two deployments at once would both try.
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

    /// Deploys a template of alarms next to the function stack, with the configuration of staging.
    pub fn deploy_alarms(
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

    /// URL of the emulator.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Invokes a function and waits for its result. `Err` holds the type and message of the error.
    pub async fn invoke(&self, stack: &Stack, check: &str, event: &Value) -> Result<Value, Value> {
        let answer = self.invocation(stack, check, event).send().await.unwrap();
        assert_eq!(answer.status(), 200, "the emulator could not invoke {check}");
        let failed = answer.headers().contains_key("x-amz-function-error");
        let body = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        if failed { Err(body) } else { Ok(body) }
    }

    /// Queues an event for a function, as an EventBridge rule does.
    pub async fn invoke_later(&self, stack: &Stack, check: &str, event: &Value) {
        let answer =
            self.invocation(stack, check, event).header("x-amz-invocation-type", "Event").send().await.unwrap();
        assert_eq!(answer.status(), 202, "the emulator could not queue an event for {check}");
    }

    /// Log lines of a function, including those of the emulator.
    pub async fn log_lines(&self, stack: &Stack, check: &str) -> Vec<String> {
        let group = format!("/just-driving/{}/synthetics/{check}", stack.environment);
        let answer = self.call("Logs_20140328.FilterLogEvents", &json!({ "logGroupName": group })).await;
        let events = answer["events"].as_array().cloned().unwrap_or_default();
        events.iter().filter_map(|event| event["message"].as_str()).map(|line| line.trim_end().to_owned()).collect()
    }

    /// Asks EventBridge if an event matches a pattern.
    pub async fn pattern_matches(&self, pattern: &str, event: &Value) -> bool {
        let input = json!({ "EventPattern": pattern, "Event": event.to_string() });
        self.call("AWSEvents.TestEventPattern", &input).await["Result"].as_bool().unwrap()
    }

    /// Calls an operation for which the tests have no SDK.
    pub async fn call(&self, operation: &str, input: &Value) -> Value {
        let answer = reqwest::Client::new()
            .post(&self.url)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", operation)
            .header("authorization", AUTHORIZATION)
            .body(input.to_string())
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 200, "the emulator could not do {operation}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Changes a function through Lambda's API; the path is relative to the function.
    pub async fn change_function(&self, stack: &Stack, check: &str, version: &str, path: &str, input: Option<&Value>) {
        let function = format!("just-driving-synthetics-{}-{check}", stack.environment);
        let url = format!("{}/{version}/functions/{function}/{path}", self.url);
        let client = reqwest::Client::new();
        let call = match input {
            Some(input) => client.put(url).body(input.to_string()),
            None => client.delete(url),
        };
        let answer = call.header("authorization", AUTHORIZATION).send().await.unwrap();
        let status = answer.status();
        assert!(status.is_success(), "the emulator could not change {path}: {status} {}", answer.text().await.unwrap());
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
        // Credentials and profiles of this machine are hidden, so that nothing is deployed to a real account.
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
        panic!("the emulator did not answer within {READY_WITHIN:?}; its log:\n{}", fs::read_to_string(log).unwrap());
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.guard.wait();
    }
}

/// Placeholder signature. The emulator does not verify it, but reads the service and region.
const AUTHORIZATION: &str =
    "AWS4-HMAC-SHA256 Credential=test/20300101/eu-north-1/lambda/aws4_request, SignedHeaders=host, Signature=0";

trait Succeed {
    /// Runs the command and returns its output; panics with the output when it fails.
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

/// Checks the health page over a plain socket, because no async runtime runs yet.
fn ready(url: &str) -> bool {
    use std::io::{Read, Write};
    let status_line = || -> std::io::Result<String> {
        let address = url.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(stream, "GET /_ministack/health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    status_line().is_ok_and(|answer| answer == "HTTP/1.1 200")
}

/// Path of a tool installed by `cargo xtask test`.
pub fn tool(environment: &str, program: &str) -> PathBuf {
    let path = target().join("tools").join(environment).join("bin").join(program);
    assert!(
        path.is_file(),
        "{} is missing\n  install it and run these tests: cargo xtask test build e2e",
        path.display()
    );
    path
}

/// Target folder of cargo.
pub fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

fn host_architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}
