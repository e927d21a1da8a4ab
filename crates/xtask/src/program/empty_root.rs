//! Runs the program in a root that has nothing else, as in its container image.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::image::Image;
use crate::command::Run;
use crate::tools;
use crate::workspace::Workspace;

/// Longest time from the start of the unpacked program to its first passed check.
const FIRST_GREEN: Duration = Duration::from_secs(5);
/// Settings for a page with a certificate that no public authority has signed.
const SETTINGS: &str = include_str!("empty-root.toml");
/// Place of the settings in the empty root.
const SETTINGS_FILE: &str = "settings.toml";

/// Runs the demo from an unpacked archive, and a check over TLS.
///
/// # Errors
/// When a run does not end as expected; the message has the output of the program.
pub fn prove(workspace: &Workspace, root: &Path, image: &Image) -> Result<()> {
    demo(root, image)?;
    tls(workspace, root, image)
}

/// The program as the image starts it, with the unpacked archive as its root.
fn start(root: &Path, image: &Image) -> Command {
    let (user, group) = &image.user;
    let mut command = Command::new("unshare");
    command
        .args([format!("--map-user={user}"), format!("--map-group={group}"), "--root".to_owned()])
        .arg(root)
        .arg(&image.entrypoint)
        .env_clear()
        // Only for `unshare`: nothing in the empty root is at these places.
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

fn demo(root: &Path, image: &Image) -> Result<()> {
    let began = Instant::now();
    let mut demo = start(root, image)
        .args(["demo", "--for", "10s", "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to start unshare\n  install it: sudo apt-get install --yes util-linux")?;
    let printed = demo.stdout.take().context("expected the output of the demo")?;
    let (mut green, mut said) = (None, String::new());
    for line in BufReader::new(printed).lines() {
        let line = line.context("failed to read the output of the demo")?;
        if line.contains(": passed") {
            green.get_or_insert_with(|| began.elapsed());
        }
        // Writing to a string cannot fail.
        let _ = writeln!(said, "{line}");
    }
    let status = demo.wait().context("failed to wait for the demo")?;
    ensure!(status.success(), "the demo in an empty root ended with {status}:\n{said}");
    let green = green.with_context(|| format!("expected a passed check, found:\n{said}"))?;
    println!("   in an empty root, the first check passed after {:.1} s", green.as_secs_f64());
    ensure!(green <= FIRST_GREEN, "expected a passed check within {} s", FIRST_GREEN.as_secs());
    Ok(())
}

/// Checks a page over TLS, in a time zone, with and without its certificate in the settings.
fn tls(workspace: &Workspace, root: &Path, image: &Image) -> Result<()> {
    tools::debian(workspace, &[tools::OPENSSL])?;
    let folder = workspace.target.join("program/tls");
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    Run::program(workspace, "openssl")
        .directory(&folder)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem", "-config"])
        .args([workspace.root.join("crates/xtask/src/program/certificate.cnf")])
        .output()?;
    let certificate = folder.join("certificate.pem");
    let certificate =
        fs::read_to_string(&certificate).with_context(|| format!("failed to read {}", certificate.display()))?;
    let server = Server::start(&folder)?;
    let trusting = format!("ca_certificates = [\"\"\"\n{certificate}\"\"\"]");
    let settings = root.join(SETTINGS_FILE);
    for (line, success, expected) in [
        (trusting.as_str(), true, "availability: passed"),
        // The program has Mozilla's authorities, and none of them has signed the certificate.
        ("", false, "actual: a self-signed certificate"),
    ] {
        let text = SETTINGS.replace("{port}", &server.port).replace("# {ca_certificates}", line);
        fs::write(&settings, text).with_context(|| format!("failed to write {}", settings.display()))?;
        let output = start(root, image)
            .args(["run", "availability", "--wide", "--settings", &format!("/{SETTINGS_FILE}")])
            .output()
            .context("failed to start unshare")?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        ensure!(
            output.status.success() == success && said.contains(expected),
            "in an empty root, expected {expected:?}, found {}:\n{said}",
            output.status
        );
    }
    println!("   in an empty root, certificates are verified and time zones known");
    fs::remove_file(&settings).with_context(|| format!("failed to remove {}", settings.display()))
}

/// A web server with TLS. It ends with this value.
struct Server {
    process: Child,
    port: String,
}

impl Server {
    fn start(folder: &Path) -> Result<Self> {
        let mut process = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-cert", "certificate.pem", "-key", "key.pem", "-www"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("failed to start openssl")?;
        let printed = process.stdout.take().context("expected the output of openssl")?;
        let mut server = Self { process, port: String::new() };
        for line in BufReader::new(printed).lines() {
            let line = line.context("failed to read the output of openssl")?;
            if let Some((_, port)) = line.strip_prefix("ACCEPT ").and_then(|address| address.rsplit_once(':')) {
                server.port = port.to_owned();
                return Ok(server);
            }
        }
        anyhow::bail!("expected openssl to print the address of its server")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails when it has already ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
