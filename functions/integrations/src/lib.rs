#![doc = include_str!("../README.md")]

mod memory;
mod partner;
mod settings;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ::settings::{Common, Contract, Section};
use check::incident::Severity;
use check::message::Owner;
use check::metric::{INTEGRATION_FAILURES, PARTNER_CERTIFICATE_DAYS, RATE_LIMIT_HEADROOM};
use check::{Cause, Mismatch, Phrase, StepEnded, Subject, ours, phrase};
use futures::future::{BoxFuture, join_all};
use jiff::Timestamp;
use probe::{Response, expect, is_throttled, remaining_wait};
use requests::{Transmission, certificate_lasts};
use runtime::{Check, MemoryCell, Run, Step};

pub use self::settings::{Integrations, RawIntegrations};
use memory::Memory;
use partner::headroom;
pub use partner::{Kind, Partner};

const SECONDS_PER_DAY: f64 = 86_400.0;

/// Result for one partner.
struct PartnerResult {
    /// `None`: inconclusive.
    has_failed: Option<bool>,
    /// Remaining part of the rate limit. **Units:** percent.
    headroom: Option<f64>,
}

impl Check for Integrations {
    const ID: &'static str = "integrations";
    const CONTRACT: Contract = platform::CONTRACT;
    const READ_ONLY: bool = true;
    const CADENCE: Duration = Duration::from_secs(300);
    const SEVERITY: Severity = Severity::Warning;

    type Raw = RawIntegrations;
    type Memory = Memory;

    fn read(raw: RawIntegrations, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    fn max_attempt_duration(&self) -> Duration {
        self.partners.iter().map(|partner| partner.request.deadline).max().unwrap_or_default()
    }

    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        Some(self.partners.iter().map(|partner| partner.subject.clone()).collect())
    }

    fn owner(&self, subject: &Subject) -> Option<Owner> {
        self.partners.iter().find(|partner| partner.subject == *subject).map(Partner::owner)
    }

    async fn attempt(&self, run: &Run, memory: &MemoryCell<Memory>) {
        // Boxed, since the compiler fails to prove that unboxed futures are `Send` for every lifetime.
        let calls: Vec<BoxFuture<'_, PartnerResult>> = self
            .partners
            .iter()
            .map(|partner| -> BoxFuture<'_, PartnerResult> { Box::pin(check_partner(run, partner)) })
            .collect();
        let results = join_all(calls).await;

        let mut counts = memory.get().begin(run.id());
        counts.keep(|subject| self.partners.iter().any(|partner| partner.subject == *subject));
        let mut failures: Option<(u32, &Partner)> = None;
        let mut lowest: Option<(f64, &Partner)> = None;
        for (partner, result) in self.partners.iter().zip(&results) {
            if let Some(has_failed) = result.has_failed {
                let count = counts.record(&partner.subject, has_failed);
                if failures.is_none_or(|(most, _)| count > most) {
                    failures = Some((count, partner));
                }
            }
            if let Some(percent) = result.headroom
                && lowest.is_none_or(|(least, _)| percent < least)
            {
                lowest = Some((percent, partner));
            }
        }
        memory.set(counts);
        if let Some((count, partner)) = failures {
            run.measure(&INTEGRATION_FAILURES, f64::from(count), (count > 0).then(|| Phrase::from(&partner.subject)));
        }
        if let Some((percent, partner)) = lowest {
            run.measure(&RATE_LIMIT_HEADROOM, percent, Some(Phrase::from(&partner.subject)));
        }
        if let Some((host, ends)) = run.certificates().into_iter().min_by_key(|(_, ends)| *ends) {
            run.measure(&PARTNER_CERTIFICATE_DAYS, days_left(ends, run.clock().now()), Some(ours(host).into()));
        }
    }
}

/// Runs the steps for one partner.
async fn check_partner(run: &Run, partner: &Partner) -> PartnerResult {
    let began = Instant::now();
    let step = run.step(&partner.subject, "request");
    let (response, took) = match request(&step, partner).await {
        Ok(answered) => answered,
        Err(StepEnded) => return PartnerResult { has_failed: step.has_failed().then_some(true), headroom: None },
    };
    step.passed();
    let headroom = headroom(&response);
    let step = run.step(&partner.subject, "answer");
    let has_failed = match judge(&step, partner, &response, took) {
        Ok(()) => Some(false),
        Err(StepEnded) => step.has_failed().then_some(true),
    };
    step.passed();
    if !partner.expect.assets || has_failed != Some(false) {
        return PartnerResult { has_failed, headroom };
    }
    let step = run.step(&partner.subject, "assets");
    let left = partner.request.deadline.saturating_sub(began.elapsed());
    let has_failed = match partner.request.check_assets(&step, &response, left).await {
        Ok(()) => Some(false),
        Err(StepEnded) => step.has_failed().then_some(true),
    };
    step.passed();
    PartnerResult { has_failed, headroom }
}

async fn request(step: &Step<'_>, partner: &Partner) -> Result<(Response, Duration), StepEnded> {
    let Transmission { sent, took } = partner.request.transmit(step).await?;
    Ok((step.answered(sent.result)?, took))
}

fn judge(step: &Step<'_>, partner: &Partner, response: &Response, took: Duration) -> Result<(), StepEnded> {
    let status = response.status.as_u16();
    if !partner.expect.statuses.contains(status) {
        if matches!(status, 401 | 403) {
            return Err(step.inconclusive(Cause::Credentials, refused(partner, status)));
        }
        if is_throttled(response, &[]) {
            let detail = phrase!(
                "{} throttles the calls of this check ({}{})\nif the platform uses the same account, its calls are throttled \
                 too",
                ours(&partner.name),
                status,
                remaining_wait(response)
            );
            return Err(step.inconclusive(Cause::Throttled, detail));
        }
    }
    // A successful answer to an authenticated call may hold personal data, so it is not quoted.
    let is_private = partner.key.is_some() && response.status.is_success();
    let quoted = |mismatch: Mismatch| Mismatch { evidence: mismatch.evidence.filter(|_| !is_private), ..mismatch };
    for (name, held) in partner.expect.judge(response, took, step.now()) {
        step.check(&name, held.map_err(quoted))?;
    }
    if let Some(text) = &partner.text {
        step.check("text", expect::body_contains(response, text).map_err(quoted))?;
    }
    if let Some(ends) = response.certificate_expires {
        let host = partner.request.url.host_str().unwrap_or("the one found");
        step.check("certificate", certificate_lasts(host, ends, step.now(), partner.certificate_days))?;
    }
    Ok(())
}

fn refused(partner: &Partner, status: u16) -> Phrase {
    match &partner.key {
        Some(reference) => phrase!(
            "{} answered {} to the key\nput a valid one at {}, and check whether the platform's own key is refused too",
            ours(&partner.name),
            status,
            ours(reference)
        ),
        None if partner.request.auth.is_some() || !partner.request.secret_headers.is_empty() => phrase!(
            "{} answered {} to the credentials of the request\nput valid ones at their references",
            ours(&partner.name),
            status
        ),
        None => phrase!(
            "{} answered {} to a call without a key\nset `key`, or add the status to `status` if it is expected",
            ours(&partner.name),
            status
        ),
    }
}

fn days_left(ends: Timestamp, now: Timestamp) -> f64 {
    ends.duration_since(now).as_secs_f64() / SECONDS_PER_DAY
}
