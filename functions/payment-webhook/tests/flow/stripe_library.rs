//! Stripe's own library judges what we deliver: it takes what is right, and refuses what must be refused.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use check::Outcome;
use check_testkit::Harness;
use payment_webhook::PaymentWebhook;
use serde_json::Value;

/// A process that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Python with the packages of `crates/xtask/tools/peers.txt`.
fn python() -> std::path::PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let python = target.join("tools/peers/bin/python");
    assert!(python.is_file(), "{} is missing\n  install it: cargo xtask test unit", python.display());
    python
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_library_takes_the_good_events_and_refuses_the_bad_ones() {
    let mut harness = Harness::<PaymentWebhook>::start().await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flow/stripe_library.py");
    let secret = &harness.platform.credentials()["payment-webhook/webhook-secret"];
    let mut process = Command::new(python())
        .args([script, harness.platform.base_url(), "/api/payments/stripe/webhook"])
        .env("WEBHOOK_SECRET", secret)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
    let process = Ended(process);
    let port: u16 = said.next().unwrap().unwrap().parse().unwrap();
    harness.prepared.check.site.base_url = format!("http://127.0.0.1:{port}/").parse().unwrap();

    // At this very time: the library has the machine's clock.
    let observed = harness.run_after(Duration::ZERO, &harness.ports()).await;
    drop(process);
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    let mut verdicts: Vec<(String, String)> = said
        .map(|line| {
            let verdict: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let id = verdict["id"].as_str().unwrap().rsplit('_').next().unwrap().to_owned();
            let said = verdict["type"].as_str().or(verdict["refused"].as_str()).unwrap();
            (id, said.split(" (").next().unwrap().to_owned())
        })
        .collect();
    // What must have no effect goes first, side by side; then the good event, again, and the refund, in this order.
    let order: Vec<&str> = verdicts[5..].iter().map(|(_, said)| said.as_str()).collect();
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
    assert_eq!(verdicts, expected.map(|(id, said)| (id.to_owned(), said.to_owned())));
}
