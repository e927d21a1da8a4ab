//! `CertificateDaysRemaining` measures the certificate that ends first, whether it is still valid or not.

use std::sync::Arc;
use std::time::Duration;

use availability::Availability;
use check::{FailureKind, Outcome};
use hostile::{Authority, Server, ok};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use local::Memory;
use runtime::{Invocation, Prepared, SkippingClock, execute};
use settings::Document;

/// Starts a server whose certificate ends at midnight UTC, `days` days from today. The remaining time is up to a day
/// shorter, or a little more than that if midnight passes during the test.
async fn server(authority: &Authority, days: i64) -> Server {
    let day = (Timestamp::now() + SignedDuration::from_hours(24 * days)).to_zoned(TimeZone::UTC);
    let day = (day.year().into(), day.month().cast_unsigned(), day.day().cast_unsigned());
    Server::tls(authority.server_until("localhost", day), Duration::ZERO, |_| ok()).await
}

/// Runs the check against servers, given as the days left of their certificates. Returns the outcome and the metric.
async fn run(days: &[i64]) -> (Outcome, Option<f64>) {
    let authority = Authority::generate();
    let mut settings = "environment = \"test\"\nbase_url = \"https://localhost\"\n\
        [contact]\nname = \"n\"\ndetails = \"r\"\n[links]\nrunbook = \"https://localhost/\"\n\
        [network]\nallow_addresses = [\"127.0.0.1\"]\n"
        .to_owned();
    settings.push_str(&format!("ca_certificates = ['''\n{}''']\n[check.availability]\n", authority.pem));
    let mut servers = Vec::new();
    for (index, days) in days.iter().enumerate() {
        let server = server(&authority, *days).await;
        let url = format!("https://localhost:{}/", server.address.port());
        servers.push(server);
        settings.push_str(&format!("[[check.availability.targets]]\nid = \"t{index}\"\nurl = \"{url}\"\n"));
    }
    let document = Document::parse("test.toml", &settings).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let prepared: Prepared<Availability> = Prepared::read(&document).unwrap_or_else(|found| panic!("{found:#?}"));
    let memory = Arc::new(Memory::default());
    let ports = check_testkit::ports(&memory, &Arc::new(SkippingClock::default()), []);
    let report = execute(&prepared, &ports, &Invocation::manual()).await.unwrap();
    let published = memory.data().into_iter().find(|datum| datum.metric == "CertificateDaysRemaining");
    (report.outcome, published.map(|datum| datum.value))
}

#[tokio::test]
async fn certificate_that_ends_first_is_measured() {
    let (outcome, days) = run(&[90, 12, 40]).await;
    assert_eq!(outcome, Outcome::Passed);
    let days = days.unwrap();
    assert!((10.9..=12.0).contains(&days), "{days}");
}

#[tokio::test]
async fn expired_certificate_is_negative_and_fails_its_target() {
    let (outcome, days) = run(&[90, -2]).await;
    let Outcome::Failed { failures } = outcome else { panic!("{outcome:?}") };
    let failed: Vec<_> = failures.iter().map(|f| (f.subject.as_str(), f.step.as_str(), f.kind)).collect();
    assert_eq!(failed, [("t1", "request", FailureKind::Tls)]);
    let days = days.unwrap();
    assert!((-3.1..=-2.0).contains(&days), "{days}");
}
