//! A Redis with a user who may do what docs/operations.md names.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use check_testkit::servers::{Folder, Server, address, free_port, program};

/// What the monitor's user logs in with.
pub const PASSWORD: &str = "info-and-no-more";
/// What whoever fills it logs in with.
const OWNER: &str = "all-there-is";

/// A server, its data, and when it was started.
pub struct Redis {
    server: Option<Server>,
    /// Where its data are.
    pub folder: Folder,
    options: Vec<String>,
    /// Where it listens, also when it was started again.
    pub port: u16,
    started: Instant,
}

impl Redis {
    /// With these options besides.
    pub fn start(options: &[&str]) -> Self {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let folder = Folder::new(env!("CARGO_TARGET_TMPDIR"), "redis");
        let mut own = Self { server: None, folder, options, port: free_port(), started: Instant::now() };
        own.restart();
        own
    }

    /// Starts it, again.
    pub fn restart(&mut self) {
        self.stop();
        let mut command = Command::new(program("redis-server", "redis-server"));
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--requirepass", OWNER])
            .args(["--user", "synthetics", "on", &format!(">{PASSWORD}"), "+ping", "+info", "+select"])
            .args(["--dir", self.folder.path().to_str().unwrap(), "--port", &self.port.to_string()])
            .args(&self.options)
            .stdout(Stdio::null());
        self.server = Some(Server::start(command, self.port));
        self.started = Instant::now();
    }

    /// Kills it.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Waits until it has run for so long.
    pub async fn has_run_for(&self, time: Duration) {
        tokio::time::sleep(time.saturating_sub(self.started.elapsed())).await;
    }

    /// What it answers to its owner.
    pub fn tell(&self, commands: &[String]) -> Vec<String> {
        let stream = TcpStream::connect(address(self.port)).unwrap();
        let mut answers = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut stream = stream;
        let mut replies = Vec::new();
        for command in [format!("AUTH {OWNER}")].iter().chain(commands) {
            stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
            replies.push(answers.next().unwrap().unwrap());
        }
        replies.split_off(1)
    }

    /// Stores so many values of 10 kB; the last answer.
    pub fn fill(&self, count: usize) -> String {
        let value = "x".repeat(10_000);
        let commands: Vec<String> = (0..count).map(|number| format!("SET key:{number} {value}")).collect();
        self.tell(&commands).pop().unwrap()
    }
}
