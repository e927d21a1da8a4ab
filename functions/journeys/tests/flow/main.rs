//! Journeys in process, against the demo platform and hostile servers.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod booking;
mod captures;
mod endings;
mod hostile_values;
mod log_in;
mod repeats;
mod settings;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::settings::Document;
use check::{Report, Subject};
use check_testkit::{Harness, Observed};
use demo_platform::{Fault, Options};
use hostile::Server;
use journeys::Journeys;
use local::Memory;
use runtime::{Explanation, Invocation, Ports, Prepared, SkippingClock, execute};

/// Secret of journeys in settings for scripted servers.
const SECRET: &str = "k3y-of-the-journey";

/// Starts a demo platform, and adds these journeys to the demo's settings.
async fn with(journeys: &str) -> Harness<Journeys> {
    Harness::with(Options::default(), |settings| settings.push_str(journeys)).await
}

/// Ports with the password of an account without a second factor.
fn ports(harness: &Harness<Journeys>) -> Ports {
    let password = harness.platform.credentials()["booking/password"].clone();
    let parameters = [("/just-driving/demo/journeys/password".to_owned(), password)];
    check_testkit::ports(&harness.memory, &harness.clock, parameters)
}

async fn run(harness: &Harness<Journeys>) -> Observed {
    harness.run_after(Duration::from_secs(300), &ports(harness)).await
}

/// Last run of journeys while the platform has a fault.
async fn run_with(journeys: &str, fault: Fault) -> (Harness<Journeys>, Observed) {
    let harness = with(journeys).await;
    harness.platform.faults().activate(fault);
    let observed = run(&harness).await;
    (harness, observed)
}

/// Failures of a run, each `subject/step kind`.
fn failures(observed: &Observed) -> Vec<String> {
    observed
        .failures()
        .into_iter()
        .map(|failure| format!("{}/{} {}", failure.subject, failure.step, failure.kind))
        .collect()
}

/// Steps of the last attempt with their results.
fn steps(report: &Report) -> Vec<(&str, &'static str)> {
    let attempt = report.last_attempt().unwrap();
    attempt.steps.iter().map(|step| (step.name.as_str(), step.result.word())).collect()
}

/// Settings of one journey `j` on a scripted server.
fn file(server: &Server, flow: &str) -> String {
    format!(
        "environment = \"test\"\nbase_url = \"http://{}\"\ntime_zone = \"Europe/Oslo\"\n[contact]\nname = \"n\"\n\
         details = \"r\"\n[links]\nrunbook = \"https://docs.example/\"\n[network]\nallow_addresses = [\"127.0.0.1\"]\n\
         [check.journeys]\n[[check.journeys.flows]]\nid = \"j\"\ndeadline = \"5s\"\n{flow}",
        server.address
    )
}

/// Report of a run of one journey on a scripted server.
async fn report(server: &Server, flow: &str) -> Report {
    invoked(server, flow, Invocation::manual()).await
}

/// Explanation of a run of one journey on a scripted server.
async fn explanation(server: &Server, flow: &str) -> String {
    let lines = Arc::new(Mutex::new(String::new()));
    let printed = Arc::clone(&lines);
    let print = Arc::new(move |line: &str| printed.lock().unwrap().push_str(&format!("{line}\n")));
    let explanation = Some(Explanation { subject: Subject::new("j").unwrap(), print });
    invoked(server, flow, Invocation { explanation, ..Invocation::manual() }).await;
    lines.lock().unwrap().clone()
}

async fn invoked(server: &Server, flow: &str, invocation: Invocation) -> Report {
    let text = file(server, flow);
    let document = Document::parse("test.toml", &text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let prepared: Prepared<Journeys> = Prepared::read(&document).unwrap_or_else(|found| panic!("{found:#?}"));
    let secrets = [("/just-driving/test/journeys/key".to_owned(), SECRET.to_owned())];
    let ports = check_testkit::ports(&Arc::new(Memory::default()), &Arc::new(SkippingClock::default()), secrets);
    execute(&prepared, &ports, &invocation).await.unwrap()
}
