//! Exact errors for wrong settings, and the documented defaults.

use login::Login;
use runtime::Prepared;
use settings::Document;

const RIGHT: &str = r#"environment = "demo"
base_url = "https://app.example"
contact = { name = "n", details = "r" }
links = { runbook = "https://docs.example/{check}" }

[check.login]
own_school = 3
other_school = 1
account.email = "a@b.example"
account.password = "ssm:/just-driving/demo/login/password"
wrong_password.email = "wrong@b.example"
counters.token = "ssm:/just-driving/demo/login/ops-token"
"#;

fn read(text: &str) -> Result<Prepared<Login>, Vec<String>> {
    let lines = |problems: Vec<settings::Problem>| problems.iter().map(|p| format!("{}: {}", p.key, p.rule)).collect();
    Document::parse("x.toml", text).and_then(|document| Prepared::read(&document)).map_err(lines)
}

#[test]
fn minimal_settings_have_the_documented_defaults() {
    let prepared = read(RIGHT).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(prepared.check.site.deadline.as_secs(), 10);
    assert_eq!(prepared.run.deadline.as_secs(), 41, "the function's timeout allows 41 s");
    let counting = prepared.check.counting.unwrap();
    assert_eq!((counting.minimum_count, counting.includes_synthetic), (20, true));
}

#[test]
fn each_mistake_is_reported_with_key_and_rule() {
    for (from, to, expected) in [
        ("own_school = 3\n", "", "check.login.own_school: expected a value, found none"),
        ("own_school = 3", "own_school = \" \"", "check.login.own_school: expected a text, found a blank one"),
        (
            "own_school = 3",
            "own_school = -3",
            "check.login.own_school: expected an id, a text or a whole number, found -3",
        ),
        (
            "own_school = 3",
            "own_school = [3]",
            "check.login.own_school: expected an id, a text or a whole number, found [3]",
        ),
        (
            "other_school = 1",
            "other_school = \"3\"",
            "check.login.other_school: expected a school other than `own_school`, found the same one",
        ),
        ("\"a@b.example\"", "\"\"", "check.login.account.email: expected a text, found a blank one"),
        (
            "\"wrong@b.example\"",
            "\"A@b.example\"",
            "check.login.wrong_password.email: expected a separate account, found the e-mail of `account`: wrong passwords would lock it out",
        ),
        (
            "\"ssm:/just-driving/demo/login/password\"",
            "\"hunter2\"",
            "check.login.account.password: expected a reference, `ssm:/just-driving/demo/login/…` or `env:NAME`, found something else (not shown)",
        ),
        (
            "own_school = 3",
            "own_school = 3\naccount.totp_seed = \"GEZDGNBVGY3TQOJQ\"",
            "check.login.account.totp_seed: expected a reference, `ssm:/just-driving/demo/login/…` or `env:NAME`, found something else (not shown)",
        ),
        (
            "own_school = 3",
            "own_school = 3\nstep_deadline = \"21s\"",
            "check.login.step_deadline: expected 100ms to 20s, found 21s",
        ),
        (
            "own_school = 3",
            "own_school = 3\ndeadline = \"15s\"",
            "check.login.deadline: expected at least 20s, for an attempt of 20s, found 15s",
        ),
        (
            "counters.token",
            "counters.minimum_count = 0\ncounters.token",
            "check.login.counters.minimum_count: expected 1 to 1000000, found 0",
        ),
        (
            "counters.token = \"ssm:/just-driving/demo/login/ops-token\"",
            "counters = {}",
            "check.login.counters.token: expected a value, found none",
        ),
        (
            "[check.login]",
            "[platform.me]\nid = \"id\"\n[check.login]",
            "platform.me.id: expected a JSON Pointer such as \"/data/status\", found `id`",
        ),
        (
            "[check.login]",
            "[platform.login]\nmode = \"basic\"\n[check.login]",
            "platform.login.mode: expected `session` or `token`, found `basic`",
        ),
        (
            "[check.login]",
            "[platform.login]\nstatus = []\n[check.login]",
            "platform.login.status: expected at least one status of 200 to 599, found []",
        ),
        (
            "[check.login]",
            "[platform.login]\nstatus = [302, 422]\n[check.login]",
            "platform.login.status: expected statuses other than those of `login.refused`, found 422 in both",
        ),
        (
            "[check.login]",
            "[platform.session]\ncsrf_header = \"Cookie\"\n[check.login]",
            "platform.session.csrf_header: expected a header that describes no content and is not for credentials, found `Cookie`",
        ),
        (
            "[check.login]",
            "[platform.session]\ncookie = \"a;b\"\n[check.login]",
            "platform.session.cookie: expected the name of a cookie, without `=`, `;`, spaces and control characters, found something else (not shown)",
        ),
    ] {
        assert!(RIGHT.contains(from), "{from}");
        let problems = read(&RIGHT.replacen(from, to, 1)).err().unwrap_or_default();
        assert_eq!(problems, [expected], "{to}");
    }
}

#[test]
fn unknown_key_is_reported_with_the_nearest_one() {
    let problems = read(&RIGHT.replace("own_school = 3", "own_school = 3\nown_scool = 3")).err().unwrap();
    assert!(
        problems[0].starts_with("check.login.own_scool: unknown key \"own_scool\"; did you mean \"own_school\"?"),
        "{problems:?}"
    );
    let problems = read(&RIGHT.replace("[check.login]", "[platform]\nlogn = 1\n[check.login]")).err().unwrap();
    assert!(problems[0].starts_with("platform.logn: unknown key \"logn\"; did you mean \"login\"?"), "{problems:?}");
}
