//! Certificates of partners, over real TLS.

use std::sync::Arc;
use std::time::Duration;

use check::{FailureKind, Outcome, Report};
use hostile::{Authority, Server, ok};
use integrations::Integrations;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use local::Memory;
use runtime::settings::Document;
use runtime::{Invocation, Prepared, SkippingClock, execute};

/// A server whose certificate ends at the midnight (UTC) that many days from today: of a day less, and a little more when another
/// day begins meanwhile.
async fn server(authority: &Authority, days: i64) -> Server {
    let day = (Timestamp::now() + SignedDuration::from_hours(24 * days)).to_zoned(TimeZone::UTC);
    let day = (day.year().into(), day.month().cast_unsigned(), day.day().cast_unsigned());
    Server::tls(authority.server_until("localhost", day), Duration::ZERO, |_| ok()).await
}

/// A run against partners whose certificates end in so many days; each with more of its settings.
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
async fn a_certificate_that_has_ended_and_one_that_soon_will_are_failures_of_their_partners() {
    let report = run(&[(90, ""), (-2, ""), (5, "")]).await;
    let Outcome::Failed { failures } = &report.outcome else { panic!("{:?}", report.outcome) };
    let failed: Vec<_> = failures.iter().map(|f| (f.subject.as_str(), f.step.as_str(), f.kind)).collect();
    assert_eq!(failed, [("p1", "request", FailureKind::Tls), ("p2", "answer", FailureKind::Tls)]);
    assert_eq!(failures[1].expected, "a certificate that lasts 14 days more");
    let observed =
        failures[1].actual.strip_prefix("localhost ends in ").unwrap_or_else(|| panic!("{}", failures[1].actual));
    let (days, _) = observed.split_once(" days, at ").unwrap_or_else(|| panic!("{observed}"));
    assert!((3.9..=5.0).contains(&days.parse::<f64>().unwrap()), "{observed}");
    assert!((-3.1..=-2.0).contains(&days_left(&report)), "{}", days_left(&report));
}

#[tokio::test]
async fn how_long_it_must_last_is_a_setting() {
    let report = run(&[(90, ""), (5, "certificate_days = 3"), (2, "certificate_days = 0")]).await;
    assert_eq!(report.outcome, Outcome::Passed);
    assert!((0.9..=2.0).contains(&days_left(&report)), "{}", days_left(&report));
}
