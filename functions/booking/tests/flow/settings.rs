//! Exact errors for wrong settings, and the documented defaults.

use booking::Booking;
use runtime::Prepared;
use settings::Document;

const RIGHT: &str = r#"environment = "demo"
base_url = "https://app.example"
contact = { name = "n", details = "r" }
links = { runbook = "https://docs.example/{check}" }

[check.booking]
school = 3
teacher = 30
student = 350
account.email = "a@b.example"
account.password = "ssm:/just-driving/demo/booking/password"
"#;

fn read(text: &str) -> Result<Prepared<Booking>, Vec<String>> {
    let lines = |problems: Vec<settings::Problem>| problems.iter().map(|p| format!("{}: {}", p.key, p.rule)).collect();
    Document::parse("x.toml", text).and_then(|document| Prepared::read(&document)).map_err(lines)
}

#[test]
fn minimal_settings_have_the_documented_defaults() {
    let booking = read(RIGHT).unwrap_or_else(|problems| panic!("{problems:#?}")).check;
    let minutes = |duration: std::time::Duration| duration.as_secs() / 60;
    assert_eq!((booking.kind.as_str(), minutes(booking.lesson), minutes(booking.leftover_after)), ("lesson", 45, 15));
    assert_eq!((minutes(booking.min_lead_time), minutes(booking.max_lead_time)), (48 * 60, 14 * 24 * 60));
    assert!(booking.counting.is_none());
}

#[test]
fn each_mistake_is_reported_with_key_and_rule() {
    for (from, to, expected) in [
        ("school = 3\n", "", "check.booking.school: expected a value, found none"),
        (
            "teacher = 30",
            "teacher = [30]",
            "check.booking.teacher: expected an id, a text or a whole number, found [30]",
        ),
        ("student = 350", "student = \" \"", "check.booking.student: expected a text, found a blank one"),
        ("school = 3", "school = 3\nkind = \"\"", "check.booking.kind: expected a text, found a blank one"),
        ("school = 3", "school = 3\nlesson = \"4m\"", "check.booking.lesson: expected 5m to 8h, found 4m"),
        (
            "school = 3",
            "school = 3\nmin_lead_time = \"100h\"\nmax_lead_time = \"100h\"",
            "check.booking.max_lead_time: expected at least `min_lead_time` plus `lesson`, 6045m, found 100h",
        ),
        (
            "school = 3",
            "school = 3\nleftover_after = \"1m\"",
            "check.booking.leftover_after: expected 2m to 24h, found 1m",
        ),
        (
            "\"ssm:/just-driving/demo/booking/password\"",
            "\"hunter2\"",
            "check.booking.account.password: expected a reference, `ssm:/just-driving/demo/booking/…` or `env:NAME`, found something else (not shown)",
        ),
    ] {
        let text = RIGHT.replacen(from, to, 1);
        assert_ne!(text, RIGHT, "{from}");
        let problems = read(&text).err().unwrap_or_default();
        assert_eq!(problems, [expected], "{to}");
    }
}
