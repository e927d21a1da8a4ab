//! A MariaDB with tables as Laravel creates them, and a user with the grants that docs/deploy/accounts.md lists.

use std::process::Command;
use std::time::{Duration, Instant};

use super::{Folder, Server, free_port, program};

/// Password of the check's user.
const PASSWORD: &str = "read-only-and-no-more";
/// Statements for `failed_jobs` as `php artisan queue:failed-table` creates it, and for the documented grants.
const PLATFORM: &str = "
CREATE DATABASE just_driving CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE TABLE just_driving.bookings (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, starts_at timestamp NULL);
INSERT INTO just_driving.bookings (starts_at) VALUES (NOW() + INTERVAL 1 DAY), (NOW() - INTERVAL 1 DAY);
CREATE TABLE just_driving.failed_jobs (id bigint unsigned NOT NULL AUTO_INCREMENT, \
    uuid varchar(255) COLLATE utf8mb4_unicode_ci NOT NULL, connection text COLLATE utf8mb4_unicode_ci NOT NULL, \
    queue text COLLATE utf8mb4_unicode_ci NOT NULL, payload longtext COLLATE utf8mb4_unicode_ci NOT NULL, \
    exception longtext COLLATE utf8mb4_unicode_ci NOT NULL, failed_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, \
    PRIMARY KEY (id), UNIQUE KEY failed_jobs_uuid_unique (uuid));
INSERT INTO just_driving.failed_jobs (uuid, connection, queue, payload, exception, failed_at) VALUES \
    ('1', 'redis', 'default', '{}', 'e', NOW()), \
    ('2', 'redis', 'default', '{}', 'e', NOW() - INTERVAL 5 MINUTE), \
    ('3', 'redis', 'default', '{}', 'e', NOW() - INTERVAL 2 HOUR);
CREATE USER 'synthetics'@'%' IDENTIFIED BY 'read-only-and-no-more';
GRANT SELECT ON just_driving.bookings TO 'synthetics'@'%';
GRANT SELECT (failed_at) ON just_driving.failed_jobs TO 'synthetics'@'%';
GRANT SLAVE MONITOR ON *.* TO 'synthetics'@'%';
";

/// Server process with its data and start time.
pub struct MariaDb {
    server: Option<Server>,
    folder: Folder,
    options: Vec<String>,
    /// Port, the same after a restart.
    pub port: u16,
    started: Instant,
}

impl MariaDb {
    /// Password of the user `synthetics`.
    pub const PASSWORD: &str = PASSWORD;

    /// Starts a server with its data in this folder and with further options, and runs further statements once.
    ///
    /// # Panics
    /// When the server cannot be set up or started.
    #[must_use]
    pub fn start(folder: Folder, options: &[&str], statements: &str) -> Self {
        let data = folder.path().join("data");
        let mut install = Command::new(program("mariadb-install-db", "mariadb-server"));
        install
            .args(["--no-defaults", "--user=root", "--auth-root-authentication-method=normal", "--skip-test-db"])
            .arg(format!("--datadir={}", data.display()))
            // Servers remove each other's temporary tables, so each needs its own folder.
            .arg(format!("--tmpdir={}", folder.path().display()))
            .arg("--innodb-log-file-size=4M");
        let installed = install.output().unwrap();
        assert!(installed.status.success(), "{install:?}: {installed:?}");
        // Each line of an init file is one statement.
        let file = folder.file("init.sql", &format!("{}\n{statements}", PLATFORM.trim()));
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut server = Self { server: None, folder, options, port: free_port(), started: Instant::now() };
        server.run(&[format!("--init-file={file}")]);
        server
    }

    fn run(&mut self, more: &[String]) {
        let folder = self.folder.path();
        let mut command = Command::new(program("mariadbd", "mariadb-server"));
        command
            .args(["--no-defaults", "--user=root", "--bind-address=127.0.0.1", "--skip-name-resolve"])
            .args(["--innodb-log-file-size=4M", "--innodb-buffer-pool-size=16M", "--performance-schema=off"])
            .arg(format!("--datadir={}", folder.join("data").display()))
            .arg(format!("--tmpdir={}", folder.display()))
            // Paths of sockets have a small maximum length.
            .arg(format!("--socket=/tmp/synthetics-{}.sock", self.port))
            .arg(format!("--port={}", self.port))
            .arg(format!("--log-error={}", folder.join("error.log").display()))
            .args(&self.options)
            .args(more);
        self.server = Some(Server::start(command, self.port));
        self.started = Instant::now();
    }

    /// Kills the server.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Restarts the server with its data.
    pub fn restart(&mut self) {
        self.stop();
        self.run(&[]);
    }

    /// Waits until the server has run for at least this time.
    pub async fn has_run_for(&self, time: Duration) {
        tokio::time::sleep(time.saturating_sub(self.started.elapsed())).await;
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.stop();
        // A killed server leaves its socket behind.
        let _ = std::fs::remove_file(format!("/tmp/synthetics-{}.sock", self.port));
    }
}
