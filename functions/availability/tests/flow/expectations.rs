//! What an answer is expected to be: each key passes, and fails with its message.

use std::time::Duration;

use hostile::{Action, Authority, Server, answer};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::{found, problems, report, report_at};

const BODY: &str =
    r#"{"data": {"name": "Ann", "age": 41, "price": 1.5, "tags": ["a", "b"], "none": null, "ok": true}}"#;

/// Finding of a run whose server answers with JSON.
async fn on_json(keys: &str) -> String {
    let server = Server::plain(|_| answer("200 OK\r\nContent-Type: application/json", BODY)).await;
    found(&report(&server, keys).await)
}

#[tokio::test]
async fn statuses_have_classes_and_ranges() {
    for (status, expected, finding) in [
        (204, "[\"2xx\"]", "passed"),
        (299, "[404, \"200-299\"]", "passed"),
        (404, "[404, \"2xx\"]", "passed"),
        (301, "[404, \"2xx\"]", "response status: expected status 404 or 200-299, found status 301 Moved Permanently"),
        (
            203,
            "[\"200-202\"]",
            "response status: expected status 200-202, found status 203 Non Authoritative Information",
        ),
    ] {
        let server = Server::plain(move |_| answer(&format!("{status} Reason"), "")).await;
        let keys = format!("max_redirects = 0\nexpect.status = {expected}");
        assert_eq!(found(&report(&server, &keys).await), finding, "{status} {expected}");
    }
}

#[tokio::test]
async fn texts_and_expressions_are_searched_in_the_body() {
    for (keys, finding) in [
        (
            "expect.text = [\"Ann\"]\nexpect.not_text = [\"Bob\"]\nexpect.regex = ['\"age\": \\d{2}\\b', \"(?i)ANN\"]",
            "passed",
        ),
        (
            "expect.not_text = [\"Bob\", \"Ann\"]",
            "response assertion: expected a body without \"Ann\", found the text at byte 19",
        ),
        (
            "expect.regex = ['\"age\": \\d{3}']",
            "response assertion: expected a match of /\"age\": \\d{3}/ in the body, found 96 bytes, application/json without it",
        ),
    ] {
        assert_eq!(on_json(keys).await, finding, "{keys}");
    }
}

#[tokio::test]
async fn json_values_meet_every_condition() {
    for (conditions, finding) in [
        ("pointer = \"/data/name\", matches = '^A..$', length = 3, type = \"string\", not = \"Bob\"", "passed"),
        ("pointer = \"/data/age\", type = \"integer\", greater = 40, less = 41.5, equals = 41.0", "passed"),
        ("pointer = \"/data/price\", type = \"number\", not = 1", "passed"),
        ("pointer = \"/data/tags\", type = \"array\", length = 2, not = [\"a\"]", "passed"),
        ("pointer = \"/data/none\", type = \"null\"", "passed"),
        ("pointer = \"/data/ok\", type = \"boolean\"", "passed"),
        ("pointer = \"/data\", type = \"object\", length = 6", "passed"),
        (
            "pointer = \"/data/age\", less = 41",
            "expected a number less than 41 at /data/age, found \"age\": 41 at /data/age",
        ),
        (
            "pointer = \"/data/age\", greater = 41",
            "expected a number greater than 41 at /data/age, found \"age\": 41 at /data/age",
        ),
        (
            "pointer = \"/data/name\", less = 41",
            "expected a number less than 41 at /data/name, found \"name\": \"Ann\" at /data/name",
        ),
        (
            "pointer = \"/data/name\", matches = 'B'",
            "expected a text that matches /B/ at /data/name, found \"name\": \"Ann\" at /data/name",
        ),
        (
            "pointer = \"/data/age\", matches = '41'",
            "expected a text that matches /41/ at /data/age, found \"age\": 41 at /data/age",
        ),
        (
            "pointer = \"/data/name\", not = \"Ann\"",
            "expected another value than \"Ann\" at /data/name, found \"name\": \"Ann\" at /data/name",
        ),
        (
            "pointer = \"/data/tags\", length = 3",
            "expected a length of 3 instead of 2 at /data/tags, found \"tags\": [\"a\",\"b\"] at /data/tags",
        ),
        ("pointer = \"/data/ok\", length = 3", "expected a length of 3 at /data/ok, found \"ok\": true at /data/ok"),
        (
            "pointer = \"/data/price\", type = \"integer\"",
            "expected an integer at /data/price, found \"price\": 1.5 at /data/price",
        ),
        ("pointer = \"/data/nothing\", type = \"null\"", "expected a value at /data/nothing, found no value"),
    ] {
        let finding = if finding == "passed" { finding.to_owned() } else { format!("response assertion: {finding}") };
        assert_eq!(on_json(&format!("expect.json = [{{ {conditions} }}]")).await, finding, "{conditions}");
    }
}

#[tokio::test]
async fn slow_answer_fails_within() {
    let slow = Server::plain(|_| {
        let mut script = vec![Action::Wait(Duration::from_millis(300))];
        script.extend(answer("200 OK", ""));
        script
    })
    .await;
    let finding = found(&report(&slow, "expect.within = \"100ms\"").await);
    let (start, took) = finding.split_once("it took ").unwrap();
    assert_eq!(start, "response timeout: expected the whole answer within 100ms, found ");
    assert!(took.strip_suffix(" ms").unwrap().parse::<u64>().unwrap() >= 300, "{finding}");
    assert_eq!(on_json("expect.within = \"2s\"").await, "passed");
}

#[tokio::test]
async fn certificate_and_protocol_are_those_expected() {
    let authority = Authority::generate();
    let network = format!("ca_certificates = ['''\n{}''']\n", authority.pem);
    let years = (2020, 2999);
    let old =
        Server::tls(authority.server("localhost", years, &["http/1.1"]), Duration::ZERO, |_| answer("200 OK", ""))
            .await;
    let new =
        Server::tls(authority.server("localhost", years, &["h2"]), Duration::ZERO, |_| answer("200 OK", "")).await;
    for (server, keys, finding) in [
        (&old, "expect.certificate_days = 365\nexpect.protocol = \"http/1.1\"", "passed"),
        (&new, "expect.certificate_days = 1\nexpect.protocol = \"h2\"", "passed"),
        (&old, "expect.protocol = \"h2\"", "response protocol: expected protocol h2, found protocol http/1.1"),
        (&new, "expect.protocol = \"http/1.1\"", "response protocol: expected protocol http/1.1, found protocol h2"),
    ] {
        let base_url = format!("https://localhost:{}", server.address.port());
        assert_eq!(found(&report_at(&base_url, &network, keys).await), finding, "{keys}");
    }
    let day = (Timestamp::now() + SignedDuration::from_hours(24 * 10)).to_zoned(TimeZone::UTC);
    let day = (day.year().into(), day.month().cast_unsigned(), day.day().cast_unsigned());
    let ending = Server::tls(authority.server_until("localhost", day), Duration::ZERO, |_| answer("200 OK", "")).await;
    let base_url = format!("https://localhost:{}", ending.address.port());
    let finding = found(&report_at(&base_url, &network, "expect.certificate_days = 30").await);
    let start = "response tls: expected a certificate valid for another 30 days, found localhost ends in ";
    assert!(finding.starts_with(start), "{finding}");
}

#[test]
fn every_mistake_of_an_expectation_is_named() {
    insta::assert_snapshot!(problems(
        "expect.status = [\"2yy\"]\nexpect.text = [\"a\", \"\"]\nexpect.not_text = [\"a\"]\nexpect.regex = [\"(\", \"a{1000}{1000}\"]\n\
         expect.within = \"3s\"\nexpect.certificate_days = 0\nexpect.protocol = \"h3\"\nexpect.json = [\n\
         { pointer = \"a\", matches = \"[\" },\n{ pointer = \"/a\", less = 1, greater = 1 },\n\
         { pointer = \"/a\", less = 1, type = \"string\" },\n{ pointer = \"/a\", less = \"1\" },\n\
         { pointer = \"/a\", equals = 1, length = 1 },\n{ pointer = \"/a\", type = \"text\" },\n\
         { pointer = \"/a\", equals = 1.5, type = \"integer\" },\n]\n\
         [[check.availability.targets]]\nid = \"u\"\npath = \"/\"\nmethod = \"HEAD\"\nexpect.regex = [\"a\"]\n\
         [[check.availability.targets]]\nid = \"v\"\npath = \"/\"\nexpect.protocol = \"h2\"\nexpect.status = [\"1xx\", \"301-303\"]\n\
         [[check.availability.targets]]\nid = \"w\"\npath = \"/\"\nexpect.status = [\"302-303\", 301]\n"
    ));
}
