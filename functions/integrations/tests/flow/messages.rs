//! A partner's outage is told as theirs.

use std::time::Duration;

use check::incident::Severity;
use check::message::{Event, email, sms};
use check_testkit::Harness;
use demo_platform::Fault;
use integrations::Integrations;

#[tokio::test]
async fn a_partners_outage_is_a_warning_that_says_whose_it_is_and_whom_to_call_there() {
    let mut harness = Harness::<Integrations>::start().await;
    harness.platform.faults().activate(Fault::PartnerDown);
    harness.runs(1, Duration::from_secs(300), &[]).await;
    let sent = harness.memory.take_sent();
    let opened = sent.iter().map(|delivery| &delivery.notification).find(|n| n.event == Event::Opened).unwrap();
    assert_eq!(opened.severity, Severity::Warning);
    let owner = opened.subjects[0].owner.as_ref().unwrap();
    assert_eq!(owner.name, "e-teori.dk");
    let mail = email(opened);
    assert!(
        mail.starts_with("integrations failing: e-teori.dk (a partner) in demo\nThis is e-teori.dk's trouble"),
        "{mail}"
    );
    assert!(mail.contains("Whom to call\n  Support desk (e-teori.dk), +45 11 11 11 11\n  Platform team"), "{mail}");
    assert!(mail.contains("synthetics mute integrations/e-teori"), "{mail}");
    assert!(
        sms(opened).starts_with("demo integrations failing: e-teori.dk (a partner): status since"),
        "{}",
        sms(opened)
    );
}
