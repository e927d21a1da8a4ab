//! Stripe's own library takes the stand-in for Stripe: what is proven against the one holds for the other.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use demo_platform::{DemoPlatform, Options};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn the_official_library_pages_through_the_stand_in() {
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
    let observed: Value = serde_json::from_slice(&output.stdout).unwrap();
    // Four hours, one a minute, three pages.
    let count = observed["count"].as_u64().unwrap();
    assert!((239..=241).contains(&count), "{observed}");
    assert_eq!(observed["unique"], observed["count"], "no page twice");
    assert_eq!(observed["newest_first"], true);
    assert_eq!(
        (&observed["by_id"], &observed["unknown"], &observed["bad_key"]),
        (&"succeeded".into(), &"resource_missing".into(), &"AuthenticationError".into())
    );
}
