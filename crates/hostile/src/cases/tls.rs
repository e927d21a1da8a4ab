//! TLS: faults 11 to 19.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use hostile::{Action, Authority, ConnectionBehavior, ok, self_signed, send};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rustls::ServerConfig;
use tokio::process::{Child, Command};

use super::case::{Case, Expect, Expect::*};
use super::stage::{Stage, url};
use crate::host::PUBLIC;

const YEARS: (i32, i32) = (2020, 2999);
const HOST: &str = "tls.hostile.example";

const NO_VERSION: &str = "no version of TLS in common";
/// Keywords for an outdated version.
const OLD: &[&str] = &["version", "unsupported protocol"];

/// Number, fault, server, its configuration, required result, and keywords of the cause.
type Defect = (u8, &'static str, &'static str, ServerConfig, Expect, &'static [&'static str]);

pub(super) async fn cases(stage: &mut Stage, folder: &Path) -> Result<Vec<Case>> {
    let soon = Timestamp::now() + SignedDuration::from_hours(24 * 5);
    let soon = soon.to_zoned(TimeZone::UTC);
    let soon = (soon.year().into(), soon.month().cast_unsigned(), soon.day().cast_unsigned());
    let authority = &stage.authority;
    let intermediate = authority.intermediate("Hostile Intermediate", YEARS);
    let ending = authority.intermediate_until("Ending Intermediate", soon);
    let configs: Vec<Defect> = vec![
        (
            11,
            "expired certificate",
            "a certificate that expired on 2020-01-01",
            authority.server(HOST, (2019, 2020), &[]),
            Failed("tls", "expired 2020-01-01"),
            &["expired"],
        ),
        (
            12,
            "certificate not yet valid",
            "a certificate valid from 2998-01-01",
            authority.server(HOST, (2998, 2999), &[]),
            Failed("tls", "not valid before 2998-01-01"),
            &["not yet valid", "not valid before"],
        ),
        (
            13,
            "certificate of another host",
            "a certificate for other.example",
            authority.server("other.example", YEARS, &[]),
            Failed("tls", "another host: other.example"),
            &["another host", "does not match", "no alternative", "not hostile", "valid for other.example"],
        ),
        (
            14,
            "self-signed certificate",
            "a certificate signed by itself",
            self_signed(HOST),
            Failed("tls", "self-signed"),
            &["self-signed"],
        ),
        (
            14,
            "certificate of an unknown authority",
            "a certificate signed by an unknown authority",
            Authority::generate().server(HOST, YEARS, &[]),
            Failed("tls", "no trusted authority"),
            &["unknown authority", "local issuer", "no trusted authority"],
        ),
        (
            15,
            "missing intermediate",
            "sends its certificate without the intermediate one",
            intermediate.server(HOST, YEARS, &[]),
            Failed("tls", "its intermediate certificate is missing"),
            &["intermediate", "local issuer", "unknown authority"],
        ),
        (
            16,
            "certificate that expires in 5 days",
            "a certificate that is still valid",
            authority.server_until(HOST, soon),
            Expiring(5.0),
            &[],
        ),
        (
            16,
            "intermediate that expires in 5 days",
            "a long-lived certificate with an expiring intermediate",
            ending.server_with_chain(HOST, YEARS, std::slice::from_ref(&ending.certificate)),
            Expiring(5.0),
            &[],
        ),
        (
            19,
            "ALPN mismatch",
            "offers only SMTP over TLS",
            authority.server(HOST, YEARS, &["smtp"]),
            Failed("tls", "no application protocol"),
            &["application protocol", "applicationprotocol"],
        ),
    ];
    let mut cases = Vec::new();
    for (number, fault, server, config, expect, cause) in configs {
        let started = stage.start(over(config), |_| ok()).await;
        let case = Case::at(number, fault, server, url("https", "tls", &started), expect).named_by(cause);
        cases.push(Case { resources: vec![started], ..case });
    }

    for (fault, server, options, port, text, cause) in [
        ("TLS 1.0 only", "openssl s_server -tls1", ["-tls1", "DEFAULT:@SECLEVEL=0"], 19_990, NO_VERSION, OLD),
        ("TLS 1.1 only", "openssl s_server -tls1_1", ["-tls1_1", "DEFAULT:@SECLEVEL=0"], 19_991, NO_VERSION, OLD),
        (
            "legacy ciphers only",
            "openssl s_server -tls1_2 -cipher AES128-SHA",
            ["-tls1_2", "AES128-SHA"],
            19_992,
            "no cipher in common",
            &["cipher", "handshake failure"],
        ),
    ] {
        let process = openssl(&stage.authority, options, port, folder).await?;
        let url = format!("https://{HOST}:{port}/");
        let case = Case::at(17, fault, server, url, Failed("tls", text)).named_by(cause);
        cases.push(Case { resources: vec![Arc::new(process)], ..case });
    }

    let how = ConnectionBehavior {
        first: vec![send("HTTP/1.1 400 Bad Request\r\n\r\n"), Action::Hang],
        ..ConnectionBehavior::default()
    };
    let plain = stage.start(how, |_| ok()).await;
    let expect = Failed("tls", "a response without TLS");
    let case =
        Case::at(18, "plain text on the TLS port", "speaks HTTP without TLS", url("https", "tls", &plain), expect);
    cases.push(Case { resources: vec![plain], ..case }.named_by(&[
        "without tls",
        "wrong version number",
        "http response to https",
    ]));

    // SETTINGS, then GOAWAY of no stream with ENHANCE_YOUR_CALM (RFC 9113, sections 6.5 and 6.8).
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let go_away = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xb];
    let frames = send([&settings[..], &go_away].concat());
    // Waits for the request. Otherwise the client may get GOAWAY before it has sent the request.
    let first = vec![Action::Wait(Duration::from_millis(200)), frames, Action::Hang];
    let config = stage.authority.server(HOST, YEARS, &["h2"]);
    let closing = stage.start(ConnectionBehavior { first, ..over(config) }, |_| ok()).await;
    let expect = Failed("protocol", "GOAWAY, ENHANCE_YOUR_CALM");
    let case = Case::at(
        19,
        "HTTP/2 GOAWAY",
        "ends the connection instead of answering",
        url("https", "tls", &closing),
        expect,
    );
    cases.push(Case { resources: vec![closing], ..case }.named_by(&["goaway", "enhance_your_calm"]));
    Ok(cases)
}

fn over(config: ServerConfig) -> ConnectionBehavior {
    ConnectionBehavior { tls: Some((Arc::new(config), Duration::ZERO)), ..ConnectionBehavior::default() }
}

/// Starts openssl as a server, for versions and ciphers that rustls does not support.
async fn openssl(authority: &Authority, [version, ciphers]: [&str; 2], port: u16, folder: &Path) -> Result<Child> {
    let (certificate, key) = authority.sign_pem(HOST);
    let (certificate_file, key_file) = (folder.join(format!("{port}.crt")), folder.join(format!("{port}.key")));
    std::fs::write(&certificate_file, certificate).context("failed to write a certificate")?;
    std::fs::write(&key_file, key).context("failed to write a key")?;
    let server = Command::new("openssl")
        .args(["s_server", "-quiet", "-www", version, "-cipher", ciphers])
        .args(["-accept", &format!("{PUBLIC}:{port}")])
        .args(["-cert".as_ref(), certificate_file.as_os_str(), "-key".as_ref(), key_file.as_os_str()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("failed to start openssl\n  install it: sudo apt-get install --yes openssl")?;
    for _ in 0..100 {
        if tokio::net::TcpStream::connect((PUBLIC, port)).await.is_ok() {
            return Ok(server);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("openssl did not listen at {port}")
}
