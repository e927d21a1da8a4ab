//! How Redis may fail, and how we may fail to read it.

use std::path::PathBuf;
use std::time::Duration;

use check::{Cause, Outcome};
use check_testkit::servers::{Proxy, free_port};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use crate::redis_server::{RedisServer, stock};
use crate::world::{Settings, failures, snapshot};

#[tokio::test]
async fn a_server_that_is_down_fails_its_own_subject_and_queues_are_not_judged() {
    let server = RedisServer::start(&[]);
    let world = Settings::at_port(server.port).world().await;
    assert_eq!(world.run().await.report.outcome, Outcome::Passed);
    drop(server);
    let observed = world.run().await;
    assert_eq!(failures(&observed), ["redis connect connect"]);
    assert_eq!(observed.step("progress"), Some("skipped"));
}

#[tokio::test]
async fn a_password_of_ours_that_is_wrong_is_no_failure() {
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
        assert!(!format!("{observed:?}").contains(password), "a password is said");
    }
    let Outcome::Inconclusive { inconclusive } =
        Settings::at_port(server.port).world().await.run().await.report.outcome
    else {
        panic!("no password at all")
    };
    assert_eq!(inconclusive.cause, Cause::Credentials);
}

#[tokio::test]
async fn a_user_who_may_read_the_queues_and_no_more_is_enough() {
    let server = RedisServer::start(&[]);
    let user = ["ACL", "SETUSER", "monitor", "on", ">long-and-secret", "resetkeys", "~just_driving_database_queues:*"];
    let may = ["-@all", "+llen", "+lindex", "+zcard", "+zcount", "+select"];
    server.run::<()>(&[&user[..], &may[..]].concat());
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
        panic!("it may not count")
    };
    assert_eq!(inconclusive.cause, Cause::Credentials);
    assert!(inconclusive.detail.contains("zcount"), "{}", inconclusive.detail);
}

/// An authority, and a certificate of it for loopback, in PEM: certificate and key.
fn certificates(end: (i32, u8, u8)) -> (String, String, String) {
    let authority = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "Authority of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = params.self_signed(&authority).unwrap().pem();
    let issuer = Issuer::new(params, authority);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(end.0, end.1, end.2));
    let certificate = params.signed_by(&key, &issuer).unwrap().pem();
    (own, certificate, key.serialize_pem())
}

/// A server that speaks TLS too, and the port where it does. The test's own client speaks none.
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
async fn an_encrypted_connection_is_judged_by_its_certificate() {
    for (case, end, trusts, expected) in [
        ("trusted", (2100, 1, 1), true, Vec::<&str>::new()),
        ("expired", (2021, 1, 1), true, vec!["redis connect tls"]),
        ("of an unknown authority", (2100, 1, 1), false, vec!["redis connect tls"]),
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
async fn a_server_that_answers_late_is_told_as_late() {
    let server = RedisServer::start(&[]);
    let proxy = Proxy::start(server.port, Duration::from_millis(900)).await;
    let mut settings = Settings::at_port(proxy.port);
    settings.own = settings.own.replace("step_deadline = \"5s\"", "step_deadline = \"300ms\"");
    let observed = settings.world().await.run().await;
    assert_eq!(failures(&observed), ["redis read timeout"], "{:#?}", observed.report);
    let patient = Settings::at_port(proxy.port).world().await.run().await;
    assert_eq!(patient.report.outcome, Outcome::Passed, "slow is not wrong");
}

#[tokio::test]
async fn a_server_that_has_as_many_clients_as_it_takes_says_so() {
    let server = RedisServer::start(&[]);
    let world = Settings::at_port(server.port).world().await;
    let mut held = server.connection();
    redis::cmd("CONFIG").arg("SET").arg("maxclients").arg(1).query::<()>(&mut held).unwrap();
    let observed = world.run().await;
    assert_eq!(failures(&observed), ["redis read connect"], "{:#?}", observed.report);
    assert!(snapshot(&observed).contains("as many clients as it takes"), "{}", snapshot(&observed));
    redis::cmd("CONFIG").arg("SET").arg("maxclients").arg(100).query::<()>(&mut held).unwrap();
    assert_eq!(world.run().await.report.outcome, Outcome::Passed);
}

#[tokio::test]
async fn what_speaks_another_protocol_is_no_redis() {
    let platform = demo_platform::DemoPlatform::start(demo_platform::Options::default()).await.unwrap();
    let port = platform.base_url().rsplit(':').next().unwrap().parse().unwrap();
    let observed = Settings::at_port(port).world().await.run().await;
    assert!(
        matches!(failures(&observed)[..], [ref one] if one == "redis read protocol" || one == "redis read connect"),
        "{:#?}",
        observed.report
    );
}
