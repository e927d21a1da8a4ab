//! Verification of the demo platform's Stripe API with Stripe's official library, so that tests against it hold for Stripe.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use demo_platform::{DemoPlatform, Options};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn official_library_pages_through_the_demo_api() {
    let platform = DemoPlatform::start(Options { payments_every: Duration::from_secs(60), ..Options::default() });
    let platform = platform.await.unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let python = target.join("tools/peers/bin/python");
    assert!(python.is_file(), "{} is missing\n  install it: cargo xtask test unit", python.display());
    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flow/stripe_library.py"))
        .arg(format!("{}/_partners/stripe", platform.base_url()))
        .env("STRIPE_KEY", &platform.credentials()["reconciliation/provider-key"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    // Four hours with one payment a minute make three pages.
    let count = result["count"].as_u64().unwrap();
    assert!((239..=241).contains(&count), "{result}");
    assert_eq!(result["unique"], result["count"], "no page twice");
    assert_eq!(result["newest_first"], true);
    assert_eq!(
        (&result["by_id"], &result["unknown"], &result["bad_key"]),
        (&"succeeded".into(), &"resource_missing".into(), &"AuthenticationError".into())
    );
}
