//! `import`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::{settings_file, synthetics, text};

const HEAD: &str = "environment = \"staging\"\nbase_url = \"https://app.example\"\n\
    contact = { name = \"Team\", details = \"#team\" }\nlinks.runbook = \"https://runbooks.example/{check}\"\n";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import").join(name)
}

fn import(file: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["import", file.to_str().unwrap(), "--base-url", "https://app.example"];
    arguments.extend(more);
    synthetics(&arguments)
}

/// Compares with the file, or writes it with `UPDATE_IMPORT=1`.
fn assert_like(expected: &Path, actual: &str) {
    if std::env::var_os("UPDATE_IMPORT").is_some() {
        fs::write(expected, actual).unwrap();
    }
    assert_eq!(fs::read_to_string(expected).unwrap(), actual, "{}", expected.display());
}

#[test]
fn imported_targets_are_valid_settings() {
    let files = fixture("").read_dir().unwrap().map(|file| file.unwrap().path());
    let inputs: Vec<PathBuf> = files.filter(|path| path.extension().is_none_or(|found| found != "toml")).collect();
    assert!(!inputs.is_empty());
    for input in inputs {
        let output = import(&input, &[]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let toml = text(&output.stdout);
        // The second is a part of a password in Base64.
        for secret in ["s3cr3t", "zM2NyM3Qt"] {
            assert!(!toml.contains(secret) && !text(&output.stderr).contains(secret), "{toml}");
        }
        let name = input.file_name().unwrap().to_str().unwrap();
        assert_like(&fixture(&format!("{name}.toml")), &toml);
        let file = settings_file(&format!("import-{name}.toml"), &format!("{HEAD}{toml}"));
        let checked = synthetics(&["settings", "check", &file]);
        assert_eq!(checked.status.code(), Some(0), "{name}: {}\n{toml}", text(&checked.stderr));
    }
}

#[test]
fn import_says_whether_anything_was_left_out() {
    for (curl, code, said) in [
        ("curl https://app.example/", 0, "1 target; everything was carried over"),
        ("curl https://app.example/ -k", 1, "1 target; 1 comment names what was not carried over"),
        ("curl -F a=b https://app.example/", 1, "0 targets; 1 comment names"),
        ("curl 'https://app.example/", 2, "found a quote without an end on line 1"),
        ("curl \"https://app.example/\" ^\n -H \"a: b\"", 2, "copy the request for Bash"),
        ("GET https://app.example/\nHTTP 200", 2, "this build has no support for hurl files"),
        ("{\"openapi\": \"3.1.0\", \"paths\": {\"/a\": {\"get\": {}}}}", 0, "1 target; everything was carried over"),
        ("openapi: 3.0.0\npaths: {}\n", 0, "0 targets"),
        ("openapi: 3.0.0\npaths: [\n", 2, "found YAML with a mistake on line"),
        ("openapi: 3.0.0\na: &a []\nb: *a\n", 2, "found an alias, which is not read here, on line 3"),
        ("{\"openapi\": \"3.1.0\",\n}", 2, "found JSON with a mistake on line 2, column 1"),
        ("swagger: '2.0'\n", 2, "found Swagger 2; convert it to OpenAPI 3 first"),
        ("{\"log\": {\"entries\": []}}", 0, "0 targets"),
        ("{\"log\": {\"entries\": [\"s3cr3t\"]}}", 2, "found JSON of another form on line 1"),
        ("{\"log\": {\"entries\": [", 2, "found JSON with a mistake on line 1"),
        ("{\"a\": 1}", 2, "found another format"),
        ("<html></html>", 2, "found another format"),
        ("", 2, "found another format"),
    ] {
        let output = import(Path::new(&settings_file("import-codes.sh", curl)), &[]);
        assert_eq!(output.status.code(), Some(code), "{curl}: {output:?}");
        assert!(text(&output.stderr).contains(said), "{curl}: {output:?}");
    }
    let output = synthetics(&["import", "/nowhere/requests.sh"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("failed to read /nowhere/requests.sh"), "{output:?}");
    let file = settings_file("import-base.sh", "curl https://app.example/");
    let output = synthetics(&["import", &file, "--base-url", "https://app.example/api"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn import_reads_standard_input_and_writes_a_file() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("import-out.toml");
    fs::write(&out, "old").unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_synthetics"))
        .args(["import", "-", "--format", "curl", "--out", out.to_str().unwrap()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    program.stdin.take().unwrap().write_all(b"curl https://app.example/a").unwrap();
    let output = program.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), ""), "{output:?}");
    let table: toml::Table = fs::read_to_string(out).unwrap().parse().unwrap();
    assert_eq!(table["check"]["availability"]["targets"][0]["url"].as_str(), Some("https://app.example/a"));
}

#[test]
fn import_reads_at_most_ten_megabytes() {
    let large = settings_file("import-large.sh", &"curl https://app.example/\n".repeat(400_000));
    let output = import(Path::new(&large), &[]);
    assert_eq!(output.status.code(), Some(2), "{:?}", output.stderr);
    assert!(text(&output.stderr).contains("expected at most 10 MB"), "{:?}", text(&output.stderr));
}

#[test]
fn as_many_targets_as_the_check_takes_are_valid() {
    let many: String = (0..250).map(|number| format!("curl https://app.example/{number}\n")).collect();
    let output = import(Path::new(&settings_file("import-many.sh", &many)), &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let toml = text(&output.stdout);
    assert!(toml.contains("# Not carried over: 50 more requests"), "{toml}");
    let file = settings_file("import-many.toml", &format!("{HEAD}{toml}"));
    let checked = synthetics(&["settings", "check", &file]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
}

#[test]
fn hostile_curl_stays_in_its_place() {
    let hostile = "curl 'https://app.example/a\"]]\n[check.login]' -H 'x-a: \"\"\"\n[check.login]'\n\
        curl https://app.example/ -H $'x-b: \\u202e\\x1b[2J' -H 'a\nb: c'\n\
        curl https://app.example/ -X $'GET\\n[check.login]'\n\
        curl https://app.example/ -d $'\\'\\'\\'\\n\"\"\"\\n[check.login]\\n\\u202e' -H 'content-type: text/plain'\n";
    let output = import(Path::new(&settings_file("import-hostile.sh", hostile)), &[]);
    let toml = text(&output.stdout);
    assert!(!toml.chars().any(|c| c != '\n' && check::is_interpreted(c)), "{toml:?}");
    let table: toml::Table = toml.parse().unwrap();
    assert_eq!(table.keys().collect::<Vec<_>>(), ["check"], "{toml}");
    let checks = table["check"].as_table().unwrap();
    assert_eq!(checks.keys().collect::<Vec<_>>(), ["availability"], "{toml}");
    let file = settings_file("import-hostile.toml", &format!("{HEAD}{toml}"));
    let checked = synthetics(&["settings", "check", &file]);
    assert_eq!(checked.status.code(), Some(0), "{}\n{toml}", text(&checked.stderr));
}

/// Answers one request, and returns it as it was sent.
fn serve(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let mut received = Vec::new();
    let mut part = [0; 4_096];
    loop {
        let count = stream.read(&mut part).unwrap();
        received.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&received).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0_usize) {
            break;
        }
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").unwrap();
    String::from_utf8(received).unwrap()
}

#[test]
fn imported_request_is_sent_as_curl_sends_it() {
    for (curl, first_line, headers, body) in [
        (
            "curl 'BASE/a/b?x=1&y=%20z' -H 'X-One: 1' -H 'Accept: text/html'",
            "GET /a/b?x=1&y=%20z HTTP/1.1",
            vec!["x-one: 1", "accept: text/html"],
            "",
        ),
        (
            "curl BASE/json -H 'Authorization: Bearer s3cr3t-one' --json '{\"a\":[1,\"x\"]}'",
            "POST /json HTTP/1.1",
            vec!["authorization: Bearer s3cr3t-one", "content-type: application/json", "accept: application/json"],
            "{\"a\":[1,\"x\"]}",
        ),
        (
            "curl -X PUT BASE/form -u monitor:s3cr3t-two -d 'a=1&b=%C3%A6'",
            "PUT /form HTTP/1.1",
            vec!["authorization: Basic bW9uaXRvcjpzM2NyM3QtdHdv", "content-type: application/x-www-form-urlencoded"],
            "a=1&b=%C3%A6",
        ),
        (
            "curl BASE/form -d b=1 -d a=2",
            "POST /form HTTP/1.1",
            vec!["content-type: application/x-www-form-urlencoded"],
            "b=1&a=2",
        ),
        (
            "curl BASE/ --data-raw $'a\\n\"\"\"\\'\\'\\'' -H 'content-type: text/csv'",
            "POST / HTTP/1.1",
            vec!["content-type: text/csv"],
            "a\n\"\"\"'''",
        ),
        ("curl -G BASE/find --data-urlencode 'q=a b&c'", "GET /find?q=a+b%26c HTTP/1.1", vec![], ""),
        ("curl -H 'Cookie: a=1; b=s3cr3t' BASE/c", "GET /c HTTP/1.1", vec!["cookie: a=1; b=s3cr3t"], ""),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let script = settings_file("import-sent.sh", &curl.replace("BASE", &base));
        let output = synthetics(&["import", &script, "--base-url", &base]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let toml = text(&output.stdout);
        assert!(!toml.contains("s3cr3t"), "{toml}");
        let head = HEAD.replace("https://app.example", &base) + "network.allow_addresses = [\"127.0.0.0/8\"]\n";
        let file = settings_file("import-sent.toml", &format!("{head}{toml}"));
        let run = Command::new(env!("CARGO_BIN_EXE_synthetics"))
            .args(["run", "availability", "--settings", &file])
            .env("SYNTHETICS_BEARER_TOKEN", "s3cr3t-one")
            .env("SYNTHETICS_BASIC_PASSWORD", "s3cr3t-two")
            .env("SYNTHETICS_COOKIE", "a=1; b=s3cr3t")
            .env("CI", "true")
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let sent = serve(&listener);
        let run = run.wait_with_output().unwrap();
        assert_eq!(run.status.code(), Some(0), "{run:?}");
        let (top, sent_body) = sent.split_once("\r\n\r\n").unwrap();
        let mut lines = top.lines();
        assert_eq!(lines.next(), Some(first_line), "{curl}");
        let sent_headers: Vec<String> = lines.map(ToOwned::to_owned).collect();
        for header in headers {
            assert!(sent_headers.iter().any(|sent| sent == header), "{curl}: {header} in {sent_headers:?}");
        }
        assert_eq!(sent_body, body, "{curl}");
    }
}

#[test]
fn example_of_the_documentation_is_true() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations/import.md");
    let page = fs::read_to_string(page).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("import-example");
    fs::create_dir_all(folder.join("import.in")).unwrap();
    let script = page.split_once("```sh\n").and_then(|(_, rest)| rest.split_once("```")).unwrap().0;
    fs::write(folder.join("import.in/booking.sh"), script).unwrap();
    fs::write(folder.join("import.md"), &page).unwrap();
    trycmd::TestCases::new().case(folder.join("import.md"));
}
