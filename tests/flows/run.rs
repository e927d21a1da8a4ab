//! One run of a flow, as a separate process, so that its peak memory can be measured.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use check_testkit::Harness;

use demo_platform::Options;
use runtime::Check;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::front::{self, Arrived, Attack, Record};
use crate::memory::peak_memory;

/// A flow, and the deadlines of its runs.
pub struct Flow {
    pub check: &'static str,
    /// Deadline of a run.
    pub deadline: Duration,
}

const SECOND: Duration = Duration::from_secs(1);

/// All flows. The payment webhook waits three times for the platform's processing, at least 1 s each.
pub const FLOWS: [Flow; 8] = [
    Flow { check: "login", deadline: SECOND.saturating_mul(2) },
    Flow { check: "booking", deadline: SECOND.saturating_mul(2) },
    Flow { check: "payment-webhook", deadline: SECOND.saturating_mul(4) },
    Flow { check: "reconciliation", deadline: SECOND.saturating_mul(2) },
    Flow { check: "notifications", deadline: SECOND.saturating_mul(2) },
    Flow { check: "queues", deadline: SECOND.saturating_mul(2) },
    Flow { check: "application", deadline: SECOND.saturating_mul(2) },
    Flow { check: "integrations", deadline: SECOND.saturating_mul(2) },
];

/// Everything observed in a run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Observation {
    pub report: Value,
    /// Messages about incidents.
    pub messages: Value,
    pub took: Duration,
    /// Peak memory of the process, which includes the platform. **Units:** kilobytes.
    pub peak_kb: u64,
    /// Requests of the run.
    pub arrived: Vec<Arrived>,
    /// Synthetic data left on the platform.
    pub left: Vec<String>,
    /// Sessions left on the platform in which an account is logged in.
    pub logged_in: usize,
}

/// Runs a flow once in this process.
///
/// # Errors
/// When there is no such flow, or the run was refused.
pub async fn observe(check: &str, attack: Option<Attack>, is_bounded: bool) -> Result<Observation> {
    let flow = FLOWS.iter().find(|flow| flow.check == check).context("no such flow")?;
    match check {
        "login" => observed::<login::Login>(flow, attack, is_bounded).await,
        "booking" => observed::<booking::Booking>(flow, attack, is_bounded).await,
        "payment-webhook" => observed::<payment_webhook::PaymentWebhook>(flow, attack, is_bounded).await,
        "reconciliation" => observed::<reconciliation::Reconciliation>(flow, attack, is_bounded).await,
        "notifications" => observed::<notifications::Notifications>(flow, attack, is_bounded).await,
        "queues" => observed::<queues::Queues>(flow, attack, is_bounded).await,
        "application" => observed::<application::Application>(flow, attack, is_bounded).await,
        "integrations" => observed::<integrations::Integrations>(flow, attack, is_bounded).await,
        _ => bail!("no such flow"),
    }
}

async fn observed<C: Check>(flow: &Flow, attack: Option<Attack>, is_bounded: bool) -> Result<Observation> {
    let record: Arc<Mutex<Record>> = Arc::default();
    let mut server = None;
    let change = |settings: &mut String| *settings = with_deadlines(settings, flow, is_bounded);
    let harness = Harness::<C>::behind(Options::default(), change, async |platform| {
        let front = server.insert(front::start(platform, attack, Arc::clone(&record)).await);
        format!("http://{}", front.address)
    })
    .await;
    let started = Instant::now();
    let report = harness.run().await.report;
    let took = started.elapsed();
    let record = record.lock().unwrap();
    Ok(Observation {
        report: serde_json::to_value(report)?,
        messages: serde_json::to_value(harness.memory.take_sent())?,
        took,
        peak_kb: peak_memory().context("expected the peak memory of this process")?,
        arrived: record.arrived.clone(),
        left: harness.platform.leftovers(),
        logged_in: harness.platform.logged_in(),
    })
}

/// Settings with short deadlines; without bounds, a run has longer ones than any proof allows.
fn with_deadlines(settings: &str, flow: &Flow, is_bounded: bool) -> String {
    let (step, run) = if is_bounded { ("500ms", flow.deadline) } else { ("15s", SECOND * 40) };
    let own = format!("[check.{}]\n", flow.check);
    let lines = settings.lines().filter(|line| !["deadline = \"20s\"", "confirm_after = \"1s\""].contains(line));
    let settings: String = lines.flat_map(|line| [line, "\n"]).collect();
    let settings = settings.replace("deadline = \"5s\"", &format!("deadline = \"{step}\""));
    let settings = settings.replace("\ndeadline = \"1s\"", &format!("\ndeadline = \"{step}\""));
    let settings = settings.replace("processing_deadline = \"6s\"", "processing_deadline = \"1s\"");
    settings.replace(&own, &format!("{own}confirm_after = \"0s\"\ndeadline = \"{}ms\"\n", run.as_millis()))
}
