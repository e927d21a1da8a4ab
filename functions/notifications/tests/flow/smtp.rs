//! E-mail canaries over SMTP to a real mail server.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use check::Outcome;
use check_testkit::Harness;
use demo_platform::Options;
use notifications::Notifications;
use serde_json::Value;

use crate::{reason, step};

/// A mail server process, killed at the end of the test.
struct MailServer {
    process: Child,
    output: std::io::Lines<BufReader<std::process::ChildStdout>>,
    port: u16,
}

impl MailServer {
    fn start() -> Self {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let python = target.join("tools/peers/bin/python");
        assert!(python.is_file(), "{} is missing\n  install it: cargo xtask test unit", python.display());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flow/mail_server.py");
        let mut process = Command::new(python).arg(script).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = output.next().unwrap().unwrap().parse().unwrap();
        Self { process, output, port }
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        // Fails if the process has already exited.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn with(server: &MailServer, to: &str) -> Harness<Notifications> {
    let options = Options { smtp: Some(([127, 0, 0, 1], server.port).into()), ..Options::default() };
    Harness::with(options, |settings| *settings = settings.replace("canary@syntetisk.example", to)).await
}

/// Sends a canary and runs again once the platform has sent it, which happens after its response.
async fn send_and_check(harness: &Harness<Notifications>) -> check_testkit::Observed {
    harness.run().await;
    // Real time, since the mail server uses the machine's clock.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    harness.run_after(Duration::from_secs(1), &harness.ports()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn canary_arrives_in_a_real_mailbox() {
    let mut server = MailServer::start();
    let harness = with(&server, "canary@syntetisk.example").await;
    let observed = send_and_check(&harness).await;
    assert_eq!(step(&observed, "email", "delivery"), Some("passed"), "{:#?}", observed.report);
    assert!(observed.metrics.contains_key("NotificationDeliveryDelay.email"), "{:?}", observed.metrics);
    let mail: Value = serde_json::from_str(&server.output.next().unwrap().unwrap()).unwrap();
    assert_eq!(mail["to"], "canary@syntetisk.example");
    assert!(mail["subject"].as_str().unwrap().starts_with("Canary synthetic:"), "{mail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_mailbox_is_reported_with_the_servers_message() {
    let server = MailServer::start();
    let harness = with(&server, "nobody@syntetisk.example").await;
    let observed = send_and_check(&harness).await;
    assert!(matches!(observed.report.outcome, Outcome::Failed { .. }), "{:#?}", observed.report);
    let reason = reason(&observed, "email", "delivery");
    assert!(reason.contains("bounced") && reason.contains("no such mailbox"), "{reason}");
}
