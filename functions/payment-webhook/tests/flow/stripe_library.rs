//! Verification with Stripe's official library: it accepts the check's valid events and refuses the others.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use check::Outcome;
use check_testkit::Harness;
use payment_webhook::PaymentWebhook;
use serde_json::Value;

/// A child process, killed at the end of the test.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // Fails if the process has already exited.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Path of the Python with the packages of `crates/xtask/tools/peers.txt`.
fn python() -> std::path::PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let python = target.join("tools/peers/bin/python");
    assert!(python.is_file(), "{} is missing\n  install it: cargo xtask test unit", python.display());
    python
}

#[tokio::test(flavor = "multi_thread")]
async fn official_library_accepts_only_valid_events() {
    let mut harness = Harness::<PaymentWebhook>::start().await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flow/stripe_library.py");
    let secret = &harness.platform.credentials()["payment-webhook/webhook-secret"];
    let mut process = Command::new(python())
        .args([script, harness.platform.base_url(), "/api/payments/stripe/webhook"])
        .env("WEBHOOK_SECRET", secret)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
    let process = KillOnDrop(process);
    let port: u16 = output.next().unwrap().unwrap().parse().unwrap();
    harness.prepared.check.site.base_url = format!("http://127.0.0.1:{port}/").parse().unwrap();

    // Runs at the current time, since the library uses the machine's clock.
    let observed = harness.run_after(Duration::ZERO, &harness.ports()).await;
    drop(process);
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    let mut verdicts: Vec<(String, String)> = output
        .map(|line| {
            let verdict: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let id = verdict["id"].as_str().unwrap().rsplit('_').next().unwrap().to_owned();
            let result = verdict["type"].as_str().or(verdict["refused"].as_str()).unwrap();
            (id, result.split(" (").next().unwrap().to_owned())
        })
        .collect();
    // Five concurrent events without effect come first; then the valid event, its replay and the refund, in this order.
    let order: Vec<&str> = verdicts[5..].iter().map(|(_, result)| result.as_str()).collect();
    assert_eq!(order, ["payment_intent.succeeded", "payment_intent.succeeded", "charge.refunded"]);
    verdicts.sort();
    let no_match = "No signatures found matching the expected signature for payload";
    let expected = [
        ("amount", "payment_intent.succeeded"),
        ("failed", "payment_intent.payment_failed"),
        ("forged", no_match),
        ("paid", "charge.refunded"),
        ("paid", "payment_intent.succeeded"),
        ("paid", "payment_intent.succeeded"),
        ("stale", "Timestamp outside the tolerance zone"),
        ("tampered", no_match),
    ];
    assert_eq!(verdicts, expected.map(|(id, result)| (id.to_owned(), result.to_owned())));
}
