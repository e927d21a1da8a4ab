//! Mistakes in the settings are reported, all at once.

use check_testkit::settings_problems;
use integrations::Integrations;

#[test]
fn every_mistake_is_named() {
    insta::assert_snapshot!(settings_problems::<Integrations>(
        r#"
[[check.integrations.partners]]
id = "stripe"
kind = "stripe"
header = "X-Key"

[[check.integrations.partners]]
id = "stripe"
kind = "twilio"
key = "sk_live_not_a_reference"
certificate_days = 366

[[check.integrations.partners]]
id = "-"
status = [99]
text = " "
deadline = "1m"
contact = { name = "somebody" }

[[check.integrations.partners]]
id = "accounting"
url = "ftp://accounting.example"
header = "X-Api-Key"
"#
    ));
}

#[test]
fn there_is_at_least_one_partner_and_one_needs_little() {
    insta::assert_snapshot!(settings_problems::<Integrations>(""));
    assert_eq!(
        settings_problems::<Integrations>(
            "[[check.integrations.partners]]\nid = \"a\"\nurl = \"https://a.example/\"\n"
        ),
        "none"
    );
    let many: String =
        (0..51).map(|n| format!("[[check.integrations.partners]]\nid = \"p{n}\"\nurl = \"/p{n}\"\n")).collect();
    assert!(settings_problems::<Integrations>(&many).contains("expected 1 to 50 partners, found 51"));
}

#[test]
fn keys_of_a_request_are_those_of_a_target() {
    assert_eq!(
        settings_problems::<Integrations>(
            "[[check.integrations.partners]]\nid = \"a\"\nurl = \"https://a.example/\"\nquery = { a = \"b\" }\n\
             auth.basic = { user = \"u\", password = \"env:PASSWORD\" }\nexpect.status = [\"2xx\"]\nexpect.assets = true\n\
             [[check.integrations.partners]]\nid = \"s\"\nkind = \"stripe\"\nkey = \"env:KEY\"\nexpect.within = \"2s\"\n"
        ),
        "none"
    );
    insta::assert_snapshot!(settings_problems::<Integrations>(
        r#"
[[check.integrations.partners]]
id = "a"
url = "https://a.example/"
method = "POST"
key = "env:KEY"
auth.bearer = "env:TOKEN"
status = [200]
expect.status = ["2xx"]
expect.certificate_days = 3

[[check.integrations.partners]]
id = "s"
kind = "stripe"
key = "env:KEY"
method = "GET"
query = { a = "b" }
headers = { a = "b" }
body.text = "a"
"#
    ));
}
