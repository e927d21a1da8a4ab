//! Exact errors for wrong settings, and the documented defaults.

use payment_webhook::PaymentWebhook;
use runtime::Prepared;
use settings::Document;

const RIGHT: &str = r#"environment = "demo"
base_url = "https://app.example"
contact = { name = "n", details = "r" }
links = { runbook = "https://docs.example/{check}" }

[check.payment-webhook]
student = 350
webhook_secret = "ssm:/just-driving/demo/payment-webhook/webhook-secret"
account.email = "a@b.example"
account.password = "ssm:/just-driving/demo/payment-webhook/password"
"#;

fn read(text: &str) -> Result<Prepared<PaymentWebhook>, Vec<String>> {
    let lines = |problems: Vec<settings::Problem>| problems.iter().map(|p| format!("{}: {}", p.key, p.rule)).collect();
    Document::parse("x.toml", text).and_then(|document| Prepared::read(&document)).map_err(lines)
}

#[test]
fn minimal_settings_have_the_documented_defaults() {
    let check = read(RIGHT).unwrap_or_else(|problems| panic!("{problems:#?}")).check;
    assert_eq!((check.amount, check.currency.as_str()), (1, "dkk"));
    assert_eq!((check.processing_deadline.as_secs(), check.leftover_after.as_secs()), (10, 900));
    assert!(check.counting.is_none());
}

#[test]
fn each_mistake_is_reported_with_key_and_rule() {
    let line = "student = 350\n";
    for (from, to, expected) in [
        (line, "", "check.payment-webhook.student: expected a value, found none"),
        (line, "student = 3.5\n", "check.payment-webhook.student: expected an id, a text or a whole number, found 3.5"),
        (line, "student = 350\namount = 0\n", "check.payment-webhook.amount: expected 1 to 100000, found 0"),
        (
            line,
            "student = 350\ncurrency = \"\"\n",
            "check.payment-webhook.currency: expected a currency of three letters, such as \"dkk\", found ``",
        ),
        (
            line,
            "student = 350\nprocessing_deadline = \"5m\"\n",
            "check.payment-webhook.processing_deadline: expected 1s to 4m, found 5m",
        ),
        (
            "\"ssm:/just-driving/demo/payment-webhook/webhook-secret\"",
            "\"hunter2\"",
            "check.payment-webhook.webhook_secret: expected a reference, `ssm:/just-driving/demo/payment-webhook/…` or `env:NAME`, found something else (not shown)",
        ),
        (
            "\"ssm:/just-driving/demo/payment-webhook/webhook-secret\"",
            "\"whsec_hunter2\"",
            "check.payment-webhook.webhook_secret: expected no secret in the file, found what looks like a Stripe webhook secret (not shown); store it elsewhere and refer to it with `ssm:/…` or `env:NAME`",
        ),
    ] {
        let text = RIGHT.replacen(from, to, 1);
        assert_ne!(text, RIGHT, "{from}");
        let problems = read(&text).err().unwrap_or_default();
        assert_eq!(problems, [expected], "{to}");
    }
}
