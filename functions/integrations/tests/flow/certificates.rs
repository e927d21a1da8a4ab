//! Certificates of partners, over real TLS.

use std::sync::Arc;
use std::time::Duration;

use check::{FailureKind, Outcome, Report};
use hostile::{Authority, Server, ok};
use integrations::Integrations;
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

/// Runs the check against partners, given as the days left of their certificates and further lines of settings.
async fn run(partners: &[(i64, &str)]) -> Report {
    let authority = Authority::generate();
    let mut settings = "environment = \"test\"\nbase_url = \"https://localhost\"\n\
        [contact]\nname = \"n\"\ndetails = \"r\"\n[links]\nrunbook = \"https://localhost/\"\n\
        [network]\nallow_addresses = [\"127.0.0.1\"]\n"
        .to_owned();
    settings.push_str(&format!("ca_certificates = ['''\n{}''']\n[check.integrations]\n", authority.pem));
    let mut servers = Vec::new();
    for (index, (days, more)) in partners.iter().enumerate() {
        let server = server(&authority, *days).await;
        let url = format!("https://localhost:{}/", server.address.port());
        servers.push(server);
        settings.push_str(&format!("[[check.integrations.partners]]\nid = \"p{index}\"\nurl = \"{url}\"\n{more}\n"));
    }
    let document = Document::parse("test.toml", &settings).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let prepared: Prepared<Integrations> = Prepared::read(&document).unwrap_or_else(|found| panic!("{found:#?}"));
    let ports = check_testkit::ports(&Arc::new(Memory::default()), &Arc::new(SkippingClock::default()), []);
    execute(&prepared, &ports, &Invocation::manual()).await.unwrap()
}

fn days_left(report: &Report) -> f64 {
    let attempt = report.last_attempt().unwrap();
    attempt.measurements.iter().find(|m| m.metric == "PartnerCertificateDays").unwrap().value
}

#[tokio::test]
async fn expired_or_expiring_certificate_fails_its_partner() {
    let report = run(&[(90, ""), (-2, ""), (5, "")]).await;
    let Outcome::Failed { failures } = &report.outcome else { panic!("{:?}", report.outcome) };
    let failed: Vec<_> = failures.iter().map(|f| (f.subject.as_str(), f.step.as_str(), f.kind)).collect();
    assert_eq!(failed, [("p1", "request", FailureKind::Tls), ("p2", "answer", FailureKind::Tls)]);
    assert_eq!(failures[1].expected, "a certificate valid for another 14 days");
    let rest =
        failures[1].actual.strip_prefix("localhost ends in ").unwrap_or_else(|| panic!("{}", failures[1].actual));
    let (days, _) = rest.split_once(" days, at ").unwrap_or_else(|| panic!("{rest}"));
    assert!((3.9..=5.0).contains(&days.parse::<f64>().unwrap()), "{rest}");
    assert!((-3.1..=-2.0).contains(&days_left(&report)), "{}", days_left(&report));
}

#[tokio::test]
async fn required_validity_is_a_setting() {
    let report = run(&[(90, ""), (5, "certificate_days = 3"), (2, "certificate_days = 0")]).await;
    assert_eq!(report.outcome, Outcome::Passed);
    assert!((0.9..=2.0).contains(&days_left(&report)), "{}", days_left(&report));
}
