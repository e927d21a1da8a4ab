//! Failures of Redis, and failures to read it.

use std::path::PathBuf;
use std::time::Duration;

use check::{Cause, Outcome};
use check_testkit::servers::{Proxy, free_port};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use crate::redis_server::{RedisServer, stock};
use crate::world::{Settings, failure_text, failures};

#[tokio::test]
async fn unavailable_server_fails_alone_and_queues_are_skipped() {
    let server = RedisServer::start(&[]);
    let world = Settings::at_port(server.port).world().await;
    assert_eq!(world.run().await.report.outcome, Outcome::Passed);
    drop(server);
    let observed = world.run().await;
    assert_eq!(failures(&observed), ["redis connect connect"]);
    assert_eq!(observed.step("progress"), Some("skipped"));
}

#[tokio::test]
async fn wrong_password_is_inconclusive() {
    let server = RedisServer::with_password("right-and-long");
    for (password, cause) in [("right-and-long", None), ("wrong-and-long", Some(Cause::Credentials))] {
        let mut settings = Settings::at_port(server.port);
        settings.redis.push_str("\npassword = \"ssm:/just-driving/demo/queues/redis-password\"");
        settings.password = password;
        let observed = settings.world().await.run().await;
        match (&observed.report.outcome, cause) {
            (Outcome::Passed, None) => {}
            (Outcome::Inconclusive { inconclusive }, Some(cause)) => {
                assert_eq!(inconclusive.cause, cause);
                assert!(inconclusive.detail.contains("put a valid one at ssm:"), "{}", inconclusive.detail);
            }
            (outcome, _) => panic!("{password}: {outcome:#?}"),
        }
        assert!(!format!("{observed:?}").contains(password), "the report reveals a password");
    }
    let Outcome::Inconclusive { inconclusive } =
        Settings::at_port(server.port).world().await.run().await.report.outcome
    else {
        panic!("a missing password must be inconclusive")
    };
    assert_eq!(inconclusive.cause, Cause::Credentials);
}

#[tokio::test]
async fn read_only_user_is_sufficient() {
    let server = RedisServer::start(&[]);
    let user = ["ACL", "SETUSER", "monitor", "on", ">long-and-secret", "resetkeys", "~just_driving_database_queues:*"];
    let permissions = ["-@all", "+llen", "+lindex", "+zcard", "+zcount", "+select"];
    server.run::<()>(&[&user[..], &permissions[..]].concat());
    let world = || {
        let mut settings = Settings::at_port(server.port);
        settings.redis.push_str("\nuser = \"monitor\"\npassword = \"ssm:/just-driving/demo/queues/redis-password\"");
        settings.password = "long-and-secret";
        settings.world()
    };
    let observed = world().await.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    server.run::<()>(&["ACL", "SETUSER", "monitor", "-zcount"]);
    let Outcome::Inconclusive { inconclusive } = world().await.run().await.report.outcome else {
        panic!("a missing permission must be inconclusive")
    };
    assert_eq!(inconclusive.cause, Cause::Credentials);
    assert!(inconclusive.detail.contains("zcount"), "{}", inconclusive.detail);
}

/// PEM texts of an authority, and of a certificate for loopback that it signed, with its key.
fn certificates(end: (i32, u8, u8)) -> (String, String, String) {
    let authority = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "Authority of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&authority).unwrap().pem();
    let issuer = Issuer::new(params, authority);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(end.0, end.1, end.2));
    let certificate = params.signed_by(&key, &issuer).unwrap().pem();
    (root, certificate, key.serialize_pem())
}

/// Server with a TLS port, and that port. The client of the test uses the plain port.
fn encrypted(certificate: &str, key: &str) -> (RedisServer, u16) {
    let port = free_port();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{}-{port}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let written = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.into_os_string().into_string().unwrap()
    };
    let (certificate, key) = (written("server.crt", certificate), written("server.key", key));
    let tls = ["--tls-port", &port.to_string(), "--tls-auth-clients", "no"];
    let server = RedisServer::start(&[&tls[..], &["--tls-cert-file", &certificate, "--tls-key-file", &key]].concat());
    let _ = std::fs::remove_dir_all(folder);
    (server, port)
}

#[tokio::test]
async fn certificate_of_the_server_is_verified() {
    for (case, end, trusts, expected) in [
        ("trusted", (2100, 1, 1), true, Vec::<&str>::new()),
        ("expired", (2021, 1, 1), true, vec!["redis connect tls"]),
        ("unknown authority", (2100, 1, 1), false, vec!["redis connect tls"]),
    ] {
        let (authority, certificate, key) = certificates(end);
        let (server, port) = encrypted(&certificate, &key);
        server.push("default", &stock("d-1", "SendReminder"));
        let mut settings = Settings::at_port(port);
        settings.redis = settings.redis.replace("tls = false", "tls = true");
        if trusts {
            settings.network = format!("ca_certificates = ['''\n{authority}''']");
        }
        let observed = settings.world().await.run().await;
        assert_eq!(failures(&observed), expected, "{case}: {:#?}", observed.report);
        if expected.is_empty() {
            assert_eq!(observed.metrics["QueueBacklog"], 1.0);
        }
    }
}

#[tokio::test]
async fn late_server_times_out() {
    let server = RedisServer::start(&[]);
    let proxy = Proxy::start(server.port, Duration::from_millis(900)).await;
    let mut settings = Settings::at_port(proxy.port);
    settings.section = settings.section.replace("step_deadline = \"5s\"", "step_deadline = \"300ms\"");
    let observed = settings.world().await.run().await;
    assert_eq!(failures(&observed), ["redis read timeout"], "{:#?}", observed.report);
    let patient = Settings::at_port(proxy.port).world().await.run().await;
    assert_eq!(patient.report.outcome, Outcome::Passed, "slow answers pass");
}

#[tokio::test]
async fn server_without_free_connections_fails() {
    let server = RedisServer::start(&[]);
    let world = Settings::at_port(server.port).world().await;
    let mut held = server.connection();
    redis::cmd("CONFIG").arg("SET").arg("maxclients").arg(1).query::<()>(&mut held).unwrap();
    let observed = world.run().await;
    assert_eq!(failures(&observed), ["redis read connect"], "{:#?}", observed.report);
    assert!(failure_text(&observed).contains("at its client limit"), "{}", failure_text(&observed));
    redis::cmd("CONFIG").arg("SET").arg("maxclients").arg(100).query::<()>(&mut held).unwrap();
    assert_eq!(world.run().await.report.outcome, Outcome::Passed);
}

#[tokio::test]
async fn server_with_another_protocol_fails() {
    let platform = demo_platform::DemoPlatform::start(demo_platform::Options::default()).await.unwrap();
    let port = platform.base_url().rsplit(':').next().unwrap().parse().unwrap();
    let observed = Settings::at_port(port).world().await.run().await;
    assert!(
        matches!(failures(&observed)[..], [ref one] if one == "redis read protocol" || one == "redis read connect"),
        "{:#?}",
        observed.report
    );
}
