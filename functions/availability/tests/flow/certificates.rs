//! `CertificateDaysRemaining` is that of the certificate that ends first, whether it is still taken or not.

use std::sync::Arc;

use availability::Availability;
use check::{FailureKind, Outcome};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use local::Memory;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use runtime::settings::Document;
use runtime::{Invocation, Prepared, SkippingClock, execute};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// In PEM.
    certificate: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A server whose certificate ends at the midnight (UTC) that many days from today. Gives its URL.
    async fn server(&self, days: i64) -> String {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let day = (Timestamp::now() + SignedDuration::from_hours(24 * days)).to_zoned(TimeZone::UTC);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(day.year().into(), day.month().cast_unsigned(), day.day().cast_unsigned());
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let config =
            ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key.into()).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that refuses the certificate ends the handshake.
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                let _ = stream.shutdown().await;
            }
        });
        format!("https://localhost:{port}/")
    }
}

/// The outcome of a run against servers whose certificates end in so many days, and the metric.
async fn run(days: &[i64]) -> (Outcome, Option<f64>) {
    let authority = Authority::new();
    let mut settings = "environment = \"test\"\nbase_url = \"https://localhost\"\n\
        [contact]\nname = \"n\"\nreach = \"r\"\n[links]\nrunbook = \"https://localhost/\"\n\
        [network]\naddresses = [\"127.0.0.1\"]\n"
        .to_owned();
    settings.push_str(&format!("authorities = ['''\n{}''']\n[check.availability]\n", authority.certificate));
    for (index, days) in days.iter().enumerate() {
        let url = authority.server(*days).await;
        settings.push_str(&format!("[[check.availability.targets]]\nid = \"t{index}\"\nurl = \"{url}\"\n"));
    }
    let document = Document::parse("test.toml", &settings).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let prepared: Prepared<Availability> = Prepared::read(&document).unwrap_or_else(|found| panic!("{found:#?}"));
    let memory = Arc::new(Memory::default());
    let ports = trial::ports(&memory, &Arc::new(SkippingClock::default()), []);
    let report = execute(&prepared, &ports, &Invocation::manual()).await.unwrap();
    let published = memory.data().into_iter().find(|datum| datum.metric == "CertificateDaysRemaining");
    (report.outcome, published.map(|datum| datum.value))
}

#[tokio::test]
async fn the_certificate_that_ends_first_counts() {
    let (outcome, days) = run(&[90, 12, 40]).await;
    assert_eq!(outcome, Outcome::Passed);
    let days = days.unwrap();
    assert!((11.0..=12.0).contains(&days), "{days}");
}

#[tokio::test]
async fn one_that_has_ended_counts_below_zero_and_fails_its_target() {
    let (outcome, days) = run(&[90, -2]).await;
    let Outcome::Failed { failures } = outcome else { panic!("{outcome:?}") };
    let failed: Vec<_> = failures.iter().map(|f| (f.subject.as_str(), f.step.as_str(), f.kind)).collect();
    assert_eq!(failed, [("t1", "request", FailureKind::Tls)]);
    let days = days.unwrap();
    assert!((-3.0..=-2.0).contains(&days), "{days}");
}
