//! A Redis server from Debian's package `redis-server`, and jobs as Laravel 8 writes them.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use check_testkit::servers::{Folder, free_port, program};
use redis::{Connection, FromRedisValue};
use serde_json::{Value, json};

/// Prefix of the platform's keys.
pub(crate) const PREFIX: &str = "just_driving_database_";
/// Longest time until a server is up.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// Server process that ends when it is dropped.
pub(crate) struct RedisServer {
    process: Child,
    pub(crate) port: u16,
    /// Data folder, removed with the server.
    _folder: Arc<Folder>,
    password: Option<&'static str>,
}

impl RedisServer {
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::with(options, None)
    }

    /// Starts a server that requires this password.
    pub(crate) fn with_password(password: &'static str) -> Self {
        Self::with(&["--requirepass", password], Some(password))
    }

    fn with(options: &[&str], password: Option<&'static str>) -> Self {
        let folder = Arc::new(Folder::new(env!("CARGO_TARGET_TMPDIR"), "redis"));
        // Another process may take the free port before the server does.
        let started = (0..5).find_map(|_| {
            let port = free_port();
            let process = spawn(port, folder.path(), options);
            let mut server = Self { process, port, _folder: folder.clone(), password };
            server.is_up().then_some(server)
        });
        started.unwrap_or_else(|| panic!("redis-server does not start with {options:?}"))
    }

    fn is_up(&mut self) -> bool {
        let began = Instant::now();
        while began.elapsed() < START_TIMEOUT {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            if let Ok(mut connection) = self.client().get_connection()
                && redis::cmd("PING").query::<String>(&mut connection).is_ok()
            {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    fn client(&self) -> redis::Client {
        let password = self.password.map(|password| format!(":{password}@")).unwrap_or_default();
        redis::Client::open(format!("redis://{password}127.0.0.1:{}/", self.port)).unwrap()
    }

    pub(crate) fn connection(&self) -> Connection {
        self.client().get_connection().unwrap()
    }

    /// Runs a command and returns its reply.
    pub(crate) fn run<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let mut built = redis::cmd(command[0]);
        for argument in &command[1..] {
            built.arg(argument);
        }
        built.query(&mut self.connection()).unwrap()
    }

    /// Appends a job to a queue, as Laravel does.
    pub(crate) fn push(&self, queue: &str, payload: &[u8]) {
        let key = format!("{PREFIX}queues:{queue}");
        redis::cmd("RPUSH").arg(key).arg(payload).query::<()>(&mut self.connection()).unwrap();
    }

    /// Takes the next job and finishes it, as a worker does.
    pub(crate) fn take(&self, queue: &str) {
        self.run::<Option<Vec<u8>>>(&["LPOP", &format!("{PREFIX}queues:{queue}")]);
    }

    /// Puts a job that is due at this time into the set `delayed` or `reserved`.
    pub(crate) fn delay(&self, queue: &str, set: &str, due: i64, payload: &[u8]) {
        let key = format!("{PREFIX}queues:{queue}:{set}");
        redis::cmd("ZADD").arg(key).arg(due).arg(payload).query::<()>(&mut self.connection()).unwrap();
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(port: u16, folder: &Path, options: &[&str]) -> Child {
    let mut command = Command::new(program("redis-server", "redis-server"));
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"]);
    command.arg(folder).args(options);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Job as Laravel 8 writes it.
pub(crate) fn stock(uuid: &str, class: &str) -> Vec<u8> {
    payload(uuid, class).to_string().into_bytes()
}

/// The same job with the fields that Horizon adds.
pub(crate) fn with_horizon(uuid: &str, class: &str, pushed_at: i64) -> Vec<u8> {
    let mut job = payload(uuid, class);
    job["type"] = json!("job");
    job["tags"] = json!(["App\\Models\\Student:7"]);
    job["pushedAt"] = json!(format!("{pushed_at}.4217"));
    job.to_string().into_bytes()
}

fn payload(uuid: &str, class: &str) -> Value {
    json!({
        "uuid": uuid,
        "displayName": format!("App\\Jobs\\{class}"),
        "job": "Illuminate\\Queue\\CallQueuedHandler@call",
        "maxTries": null,
        "maxExceptions": null,
        "failOnTimeout": false,
        "backoff": null,
        "timeout": null,
        "retryUntil": null,
        "data": {
            "commandName": format!("App\\Jobs\\{class}"),
            "command": format!("O:{}:\"App\\Jobs\\{class}\":1:{{s:10:\"\u{0}*\u{0}student\";i:7;}}", class.len() + 9),
        },
        "id": "Zr2mVhbIo1p9Jw5cK0nQ8sTfXy4LdEuA",
        "attempts": 0,
    })
}
