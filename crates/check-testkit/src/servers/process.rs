//! A program that ends with the test, and a folder for its data.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Longest time for a server to start listening.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server process, killed when this value is dropped.
pub struct Server {
    process: Child,
}

impl Server {
    /// Starts the server, and waits until it listens.
    ///
    /// # Panics
    /// When it ends, or does not listen in time.
    #[must_use]
    pub fn start(mut command: Command, port: u16) -> Self {
        let mut process = command.stdin(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while TcpStream::connect(address(port)).is_err() {
            let ended = process.try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < PATIENCE, "{command:?} does not listen: {ended:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { process }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Loopback address of this machine.
#[must_use]
pub fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// Finds a free port, for a server that cannot choose and report one.
///
/// # Panics
/// When no port is free.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Below the range from which systems take the ports of outgoing connections. Otherwise one of those could take the port
    // before the server does. Processes begin at different ports.
    let (first, count) = (10_000, 20_000);
    let candidate =
        || first + std::process::id().wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % count;
    std::iter::repeat_with(candidate)
        .take(1_000)
        .filter_map(|port| u16::try_from(port).ok())
        .find(|port| TcpListener::bind(address(*port)).is_ok())
        .unwrap()
}

/// A folder of one test, removed when this value is dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// Creates it below cargo's folder for tests: `env!("CARGO_TARGET_TMPDIR")`.
    ///
    /// # Panics
    /// When it cannot be created.
    #[must_use]
    pub fn new(below: &str, name: &str) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(below).join(format!("{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file and returns its path.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Leftover files can be found under `target`.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Finds a program of a Debian package.
///
/// # Panics
/// When it is missing; the message contains the command to install it.
#[must_use]
pub fn program(name: &str, package: &str) -> PathBuf {
    let found = ["/usr/sbin", "/usr/bin", "/usr/local/bin"].map(|folder| Path::new(folder).join(name));
    let found = found.into_iter().find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing\n  install it: sudo apt-get install --yes {package}"))
}
