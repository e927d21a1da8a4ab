//! Settings of the check: each mistake is reported, and valid settings survive being written and read again.

use queues::Queues;
use runtime::Prepared;
use settings::Document;

const COMMON: &str = r##"
environment = "demo"
base_url = "https://app.example"
[contact]
name = "Platform team"
details = "#platform"
[links]
runbook = "https://docs.example/{check}"
"##;

fn read(section: &str) -> Result<Prepared<Queues>, String> {
    let text = format!("{COMMON}\n[check.queues]\n{section}\n");
    let document = Document::parse("demo.toml", &text).map_err(|problems| format!("{problems:?}"))?;
    Prepared::read(&document).map_err(|problems| problems.iter().map(|problem| format!("{problem}\n")).collect())
}

#[test]
fn each_mistake_has_its_text() {
    let many: String = (0..51).map(|number| format!("\"q{number}\",")).collect();
    for (section, expected) in [
        ("", "nothing would be checked"),
        (r#"redis = { host = "cache.example" }"#, "expected the names of the queues"),
        (
            r#"queues = ["a:b", "a-b"]
horizon = {}"#,
            "expected each queue once",
        ),
        (
            r#"queues = [""]
horizon = {}"#,
            "expected names of 1 to 100 bytes",
        ),
        (&format!("queues = [{many}]\nhorizon = {{}}"), "expected at most 50, found 51"),
        (
            r#"horizon = {}
canary = { queues = ["default"] }"#,
            "expected a table `counters` as well",
        ),
        (
            r#"horizon = { token = "ssm:/just-driving/demo/queues/t", account = { email = "a@b.example", password = "ssm:/just-driving/demo/queues/p" } }"#,
            "found both",
        ),
        (
            r#"counters = { token = "ssm:/just-driving/demo/queues/t" }
tasks = { within = { "backup:run" = "soon" } }"#,
            "soon",
        ),
        (
            r#"counters = { token = "ssm:/just-driving/demo/queues/t" }
canary = { queues = [] }"#,
            "expected at least one",
        ),
        (
            r#"queues = ["default"]
redis = { host = "cache.example", nodes = ["not a host"] }"#,
            "expected a host such as",
        ),
        (
            r#"queues = ["default"]
redis = { host = "cache.example", password = "hunter2" }"#,
            "reference",
        ),
    ] {
        let problems = read(section).err().unwrap_or_default();
        assert!(problems.contains(expected), "{section}: {problems}");
        assert!(!problems.contains("hunter2"), "{problems}");
    }
}

#[test]
fn settings_survive_being_written_and_read_again() {
    for section in [
        "horizon = {}",
        r#"
queues = ["{default}", "emails"]
redis = { host = "cache.example", port = 6380, user = "monitor", password = "ssm:/just-driving/demo/queues/redis", database = 2, prefix = "", nodes = ["other.example"] }
horizon = { account = { email = "a@b.example", password = "ssm:/just-driving/demo/queues/p" } }
counters = { token = "ssm:/just-driving/demo/queues/t" }
tasks = { within = { "backup:run" = "26h" } }
canary = { queues = ["{default}"], every = "10m", done_within = "3m" }
"#,
    ] {
        let written = read(section).unwrap_or_else(|problems| panic!("{problems}")).written;
        let text = written.to_string();
        let again = Document::parse("written.toml", &text).unwrap();
        let again = Prepared::<Queues>::read(&again).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
        assert_eq!(again.written, written);
    }
}

#[test]
fn shipped_sections_are_valid() {
    for (name, text) in [
        ("demo.toml", include_str!("../../../../infra/layer/settings/demo.toml")),
        ("production.example.toml", include_str!("../../../../infra/layer/settings/production.example.toml")),
    ] {
        let document = Document::parse(name, text).unwrap();
        if let Err(problems) = Prepared::<Queues>::read(&document) {
            panic!("{problems:#?}");
        }
    }
}
