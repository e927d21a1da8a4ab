//! Messages about a partner's outage.

use std::time::Duration;

use check::incident::Severity;
use check::message::{Event, email, sms};
use check_testkit::Harness;
use demo_platform::Fault;
use integrations::Integrations;

#[tokio::test]
async fn outage_of_a_partner_is_a_warning_with_its_contact() {
    let mut harness = Harness::<Integrations>::start().await;
    harness.platform.faults().activate(Fault::PartnerDown);
    harness.runs(1, Duration::from_secs(300), &[]).await;
    let sent = harness.memory.take_sent();
    let opened = sent.iter().map(|delivery| &delivery.notification).find(|n| n.event == Event::Opened).unwrap();
    assert_eq!(opened.severity, Severity::Warning);
    let owner = opened.subjects[0].owner.as_ref().unwrap();
    assert_eq!(owner.name, "e-teori.dk");
    let mail = email(opened);
    // The exact texts are tested where they are rendered.
    assert!(mail.starts_with("demo: integrations failing: e-teori.dk (partner)\n"), "{mail}");
    assert!(mail.contains("Support desk (e-teori.dk), +45 11 11 11 11\n  Platform team"), "{mail}");
    assert!(mail.contains("synthetics mute integrations/e-teori"), "{mail}");
    assert!(sms(opened).starts_with("demo: integrations failing: e-teori.dk (partner), since "), "{}", sms(opened));
}
