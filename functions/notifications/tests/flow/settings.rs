//! Exact errors for wrong settings, and the documented defaults.

use notifications::Notifications;
use runtime::Prepared;
use settings::Document;

const RIGHT: &str = r#"environment = "demo"
base_url = "https://app.example"
contact = { name = "n", details = "r" }
links = { runbook = "https://docs.example/{check}" }

[check.notifications]
user = 7
account.email = "a@b.example"
account.password = "ssm:/just-driving/demo/notifications/password"
email.to = "canary@b.example"
sms.to = "+4500000000"
"#;

fn read(text: &str) -> Result<Prepared<Notifications>, Vec<String>> {
    let lines = |problems: Vec<settings::Problem>| problems.iter().map(|p| format!("{}: {}", p.key, p.rule)).collect();
    Document::parse("x.toml", text).and_then(|document| Prepared::read(&document)).map_err(lines)
}

#[test]
fn minimal_settings_have_the_documented_defaults() {
    let check = read(RIGHT).unwrap_or_else(|problems| panic!("{problems:#?}")).check;
    let defaults = |canary: Option<notifications::Canary>| {
        let canary = canary.unwrap();
        (canary.every.as_secs() / 60, canary.delivered_within.as_secs() / 60, canary.provider.is_none())
    };
    assert_eq!((defaults(check.email), defaults(check.sms)), ((15, 10, true), (60, 10, true)));
    assert!(check.counting.is_none());
}

#[test]
fn price_of_a_canary_is_kept() {
    let text = RIGHT.replace("sms.to = ", "sms.price_usd = 0.06\nemail.price_usd = 0\nsms.to = ");
    let read = read(&text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(read.check.sms.as_ref().and_then(|canary| canary.price_usd), Some(0.06));
    assert_eq!(read.check.email.as_ref().and_then(|canary| canary.price_usd), Some(0.0));
    let written = &read.written;
    assert_eq!(written["check"]["notifications"]["sms"]["price_usd"].as_float(), Some(0.06));
}

#[test]
fn each_mistake_is_reported_with_key_and_rule() {
    let channels = "email.to = \"canary@b.example\"\nsms.to = \"+4500000000\"\n";
    for (from, to, expected) in [
        ("user = 7\n", "", "check.notifications.user: expected a value, found none"),
        (channels, "", "check.notifications: expected a table `email` or `sms`, found neither"),
        ("sms.to = ", "sms.price_usd = 60\nsms.to = ", "check.notifications.sms.price_usd: expected 0 to 10, found 60"),
        ("\"canary@b.example\"", "\" \"", "check.notifications.email.to: expected a text, found a blank one"),
        (
            "\"ssm:/just-driving/demo/notifications/password\"",
            "\"hunter2\"",
            "check.notifications.account.password: expected a reference, `ssm:/just-driving/demo/notifications/…` or `env:NAME`, found something else (not shown)",
        ),
    ] {
        let text = RIGHT.replacen(from, to, 1);
        assert_ne!(text, RIGHT, "{from}");
        let problems = read(&text).err().unwrap_or_default();
        assert_eq!(problems, [expected], "{to}");
    }
}
