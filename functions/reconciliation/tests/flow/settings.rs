//! Exact errors for wrong settings, and the documented defaults.

use reconciliation::Reconciliation;
use runtime::Prepared;
use settings::Document;

const RIGHT: &str = r#"environment = "demo"
base_url = "https://app.example"
contact = { name = "n", details = "r" }
links = { runbook = "https://docs.example/{check}" }

[check.reconciliation]
schools = [1, "3"]
account.email = "a@b.example"
account.password = "ssm:/just-driving/demo/reconciliation/password"
provider.key = "ssm:/just-driving/demo/reconciliation/provider-key"
"#;

fn read(text: &str) -> Result<Prepared<Reconciliation>, Vec<String>> {
    let lines = |problems: Vec<settings::Problem>| problems.iter().map(|p| format!("{}: {}", p.key, p.rule)).collect();
    Document::parse("x.toml", text).and_then(|document| Prepared::read(&document)).map_err(lines)
}

#[test]
fn minimal_settings_have_the_documented_defaults() {
    let check = read(RIGHT).unwrap_or_else(|problems| panic!("{problems:#?}")).check;
    let minutes = |duration: std::time::Duration| duration.as_secs() / 60;
    assert_eq!((minutes(check.lookback), minutes(check.grace_period), minutes(check.late_after)), (240, 15, 60));
    assert_eq!((minutes(check.intent_lifetime), check.max_payments), (24 * 60, 20_000));
}

#[test]
fn each_mistake_is_reported_with_key_and_rule() {
    let line = "schools = [1, \"3\"]\n";
    for (from, to, expected) in [
        (line, "", "check.reconciliation.schools: expected a value, found none"),
        (line, "schools = []\n", "check.reconciliation.schools: expected at least one school, found none"),
        (
            line,
            "schools = [1, -3]\n",
            "check.reconciliation.schools: expected an id, a text or a whole number, found -3",
        ),
        (
            line,
            "schools = [1]\nlookback = \"40m\"\n",
            "check.reconciliation.lookback: expected at least `grace_period` plus two runs, 45m, found 40m: runs would miss payments",
        ),
        (
            line,
            "schools = [1]\nintent_lifetime = \"721h\"\n",
            "check.reconciliation.intent_lifetime: expected 0s to 30d, found 721h",
        ),
        (
            "provider.key = \"ssm:/just-driving/demo/reconciliation/provider-key\"\n",
            "",
            "check.reconciliation.provider.key: expected a value, found none",
        ),
        (
            "\"ssm:/just-driving/demo/reconciliation/provider-key\"",
            "\"hunter2\"",
            "check.reconciliation.provider.key: expected a reference, `ssm:/just-driving/demo/reconciliation/…` or `env:NAME`, found something else (not shown)",
        ),
        (
            "\"ssm:/just-driving/demo/reconciliation/provider-key\"",
            "\"rk_live_hunter2\"",
            "check.reconciliation.provider.key: expected no secret in the file, found what looks like a Stripe key (not shown); store it elsewhere and refer to it with `ssm:/…` or `env:NAME`",
        ),
    ] {
        let text = RIGHT.replacen(from, to, 1);
        assert_ne!(text, RIGHT, "{from}");
        let problems = read(&text).err().unwrap_or_default();
        assert_eq!(problems, [expected], "{to}");
    }
}
