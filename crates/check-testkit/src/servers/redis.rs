//! A Redis whose user has the permissions that docs/deploy/accounts.md lists.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Folder, Server, address, free_port, program};

/// Password of the user that fills the server.
const OWNER_PASSWORD: &str = "all-there-is";

/// Server process with its data and start time.
pub struct Redis {
    server: Option<Server>,
    /// Folder of the data.
    pub folder: Folder,
    options: Vec<String>,
    /// Port, the same after a restart.
    pub port: u16,
    started: Instant,
}

impl Redis {
    /// Password of the user `synthetics`.
    pub const PASSWORD: &str = "info-and-no-more";

    /// Starts a server with its data in this folder and with further options.
    ///
    /// # Panics
    /// When the server cannot be started.
    #[must_use]
    pub fn start(folder: Folder, options: &[&str]) -> Self {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut server = Self { server: None, folder, options, port: free_port(), started: Instant::now() };
        server.restart();
        server
    }

    /// Starts the server, after stopping it if necessary.
    ///
    /// # Panics
    /// When the server cannot be started.
    pub fn restart(&mut self) {
        self.stop();
        let mut command = Command::new(program("redis-server", "redis-server"));
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--requirepass", OWNER_PASSWORD])
            .args(["--user", "synthetics", "on", &format!(">{}", Self::PASSWORD), "+ping", "+info", "+select"])
            .args(["--dir", self.folder.path().to_str().unwrap(), "--port", &self.port.to_string()])
            .args(&self.options)
            .stdout(Stdio::null());
        self.server = Some(Server::start(command, self.port));
        self.started = Instant::now();
    }

    /// Kills the server.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Waits until the server has run for at least this time.
    pub async fn has_run_for(&self, time: Duration) {
        tokio::time::sleep(time.saturating_sub(self.started.elapsed())).await;
    }

    /// Sends commands as the owner and returns the first line of each reply.
    ///
    /// # Panics
    /// When the server does not reply.
    pub fn send(&self, commands: &[String]) -> Vec<String> {
        let stream = TcpStream::connect(address(self.port)).unwrap();
        let mut answers = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut stream = stream;
        let mut replies = Vec::new();
        for command in [format!("AUTH {OWNER_PASSWORD}")].iter().chain(commands) {
            stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
            replies.push(answers.next().unwrap().unwrap());
        }
        replies.split_off(1)
    }

    /// Stores `count` values of 10 kB and returns the last reply.
    ///
    /// # Panics
    /// When the server does not reply.
    pub fn fill(&self, count: usize) -> String {
        let value = "x".repeat(10_000);
        let commands: Vec<String> = (0..count).map(|number| format!("SET key:{number} {value}")).collect();
        self.send(&commands).pop().unwrap()
    }
}
