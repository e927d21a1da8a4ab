//! Verification with Stripe's official library: it accepts the check's valid events and refuses the others.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use check::Outcome;
use check_testkit::Harness;
use demo_platform::Options;
use payment_webhook::PaymentWebhook;
use serde_json::{Value, json};

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

/// Lines that the proxy printed for the deliveries of one run, in order, and the id of the run.
async fn deliveries(change: impl FnOnce(&mut String)) -> (Vec<Value>, String) {
    let mut harness = Harness::<PaymentWebhook>::with(Options::default(), change).await;
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
    let lines: Vec<String> = output.map(Result::unwrap).collect();
    assert!(lines.iter().all(|line| !line.contains(secret)), "{lines:#?}");
    (lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect(), observed.report.run_id.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn official_library_accepts_only_valid_events() {
    let version = "\n[platform.webhook]\napi_version = \"2023-10-16\"\n";
    let (deliveries, _) = deliveries(|settings| settings.push_str(version)).await;
    let mut parsed = deliveries.iter().filter(|delivery| delivery["refused"].is_null());
    assert!(parsed.all(|event| event["api_version"] == "2023-10-16"), "{deliveries:#?}");
    let mut verdicts: Vec<(&str, &str)> = deliveries
        .iter()
        .map(|delivery| {
            let id = delivery["id"].as_str().unwrap().rsplit('_').next().unwrap();
            let result = delivery["type"].as_str().or(delivery["refused"].as_str()).unwrap();
            (id, result.split(" (").next().unwrap())
        })
        .collect();
    // Five concurrent events without effect come first; then the valid event, its replay and the refund, in this order.
    let order: Vec<&str> = verdicts[5..].iter().map(|(_, result)| *result).collect();
    assert_eq!(order, ["payment_intent.succeeded", "payment_intent.succeeded", "charge.refunded"]);
    verdicts.sort_unstable();
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
    assert_eq!(verdicts, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn official_library_finds_every_attribute_in_its_place() {
    let section = "[check.payment-webhook]\n";
    let own = format!("{section}amount = 70\ncurrency = \"eur\"\n");
    let (deliveries, run_id) = deliveries(|settings| *settings = settings.replace(section, &own)).await;
    let run = run_id.replace('-', "");
    let mut parsed: Vec<&Value> = deliveries.iter().filter(|delivery| delivery["refused"].is_null()).collect();
    for event in &parsed {
        assert_eq!(event["deviations"], json!([]), "{event:#}");
        assert_eq!((&event["pending_webhooks"], &event["currency"]), (&json!(1), &json!("eur")));
        assert_eq!(event["synthetic"], format!("synthetic:{run_id}"));
        // Stripe makes incompatible changes only with a new name.
        let name = |key: &str| event[key].as_str().unwrap().split_once('.').unwrap().1.to_owned();
        assert_eq!(name("api_version"), name("library_version"), "update the default of `webhook.api_version`");
    }
    parsed.sort_by_key(|event| (event["id"].to_string(), event["type"].to_string()));
    parsed.dedup();
    let actual: Vec<Value> = parsed
        .iter()
        .map(|event| {
            let without_run = |key: &str| event[key].as_str().unwrap().replace(&run, "RUN");
            let (object, error) = (&event["object"], &event["error"]);
            json!([
                without_run("id"),
                without_run("request"),
                without_run("intent"),
                object,
                event["amount"],
                event["moved"],
                error
            ])
        })
        .collect();
    let expected = json!([
        [
            "evt_refund_synthetic_RUN_paid",
            "req_refund_synthetic_RUN_paid",
            "pi_synthetic_RUN_paid",
            "Charge",
            70,
            70,
            null
        ],
        [
            "evt_synthetic_RUN_amount",
            "req_synthetic_RUN_amount",
            "pi_synthetic_RUN_amount",
            "PaymentIntent",
            71,
            71,
            null
        ],
        [
            "evt_synthetic_RUN_failed",
            "req_synthetic_RUN_failed",
            "pi_synthetic_RUN_failed",
            "PaymentIntent",
            70,
            0,
            "card_declined"
        ],
        ["evt_synthetic_RUN_paid", "req_synthetic_RUN_paid", "pi_synthetic_RUN_paid", "PaymentIntent", 70, 70, null],
    ]);
    assert_eq!(Value::from(actual), expected);
}
