//! Events that the webhook must refuse, and events without effect.

use check::{FailureKind, Mismatch, StepEnded, Subject, phrase};
use futures::join;
use jiff::SignedDuration;
use platform::status;
use runtime::{MemoryCell, Run};
use secrecy::SecretString;

use super::{CounterEffect, Memory, PaymentWebhook, Setup, record_delivery};
use crate::event::{Kind, TOLERANCE, signature};
use crate::ledger::delivery;

impl PaymentWebhook {
    /// Delivers all events except the valid one. They go first, so that any effect of them is visible once the platform has
    /// processed the valid event.
    pub(super) async fn refusals(
        &self,
        run: &Run,
        setup: &Setup<'_, '_>,
        memory: &MemoryCell<Memory>,
    ) -> Result<(), StepEnded> {
        let now = run.clock().now();
        let body = |kind, amount, has_failed| self.event(run, kind, &setup.unpaid_invoice, amount, has_failed);
        let forged = body(Kind::Forged, self.amount, false);
        let forger = SecretString::from(format!("whsec_forged_{}", run.id()));
        let forged = (signature(&forger, &forged, now), forged);
        let stale = body(Kind::Stale, self.amount, false);
        let long_ago = now - SignedDuration::from_secs(TOLERANCE + 60);
        let stale = (signature(setup.secret, &stale, long_ago), stale);
        let signed = signature(setup.secret, &body(Kind::Tampered, self.amount, false), now);
        let tampered = (signed, body(Kind::Tampered, self.amount * 100, false));
        let mismatching = [body(Kind::WrongAmount, self.amount + 1, false), body(Kind::Failed, self.amount, true)];
        let (forged, stale, tampered, mismatching) = join!(
            self.refusal(run, "forged", "an event signed with a wrong secret", forged),
            self.refusal(run, "stale", "an event signed six minutes ago", stale),
            self.refusal(run, "tampered", "an event changed after signing", tampered),
            self.mismatching(run, setup, mismatching),
        );
        for _ in 0..5 {
            record_delivery(run, memory, CounterEffect::Received);
        }
        for _ in [&forged, &stale, &tampered].into_iter().filter(|refused| refused.is_ok()) {
            record_delivery(run, memory, CounterEffect::Refused);
        }
        if mismatching.is_ok() {
            record_delivery(run, memory, CounterEffect::Attempted);
            record_delivery(run, memory, CounterEffect::Failed);
        }
        forged.and(stale).and(tampered).and(mismatching)
    }

    async fn refusal(
        &self,
        run: &Run,
        name: &str,
        what: &'static str,
        (signature, body): (String, String),
    ) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), name);
        let answer = self.site.ask(&step, delivery(&self.site, body, &signature)).await?;
        if answer.status.is_server_error() {
            step.skipped(phrase!("the webhook answered {}; see the step `payment`", answer.status.as_u16()));
            return Ok(());
        }
        let refused = status(&answer, self.site.platform.webhook.refused.as_slice()).map_err(|mismatch| {
            let kind = if answer.status.is_success() { FailureKind::Invariant } else { mismatch.kind };
            Mismatch { kind, expected: phrase!("{} to be refused ({})", what, mismatch.expected), ..mismatch }
        });
        step.check("refused", refused)?;
        step.passed();
        Ok(())
    }

    /// Delivers two correctly signed events. The platform may accept or refuse them; later steps check their effects.
    async fn mismatching(&self, run: &Run, setup: &Setup<'_, '_>, bodies: [String; 2]) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "mismatching");
        let now = run.clock().now();
        let [amount, failed] = bodies.map(|body| {
            let signature = signature(setup.secret, &body, now);
            self.site.ask(&step, delivery(&self.site, body, &signature))
        });
        let (amount, failed) = join!(amount, failed);
        for answer in [amount?, failed?] {
            if answer.status.is_server_error() {
                step.skipped(phrase!("the webhook answered {}; see the step `payment`", answer.status.as_u16()));
                return Ok(());
            }
        }
        step.passed();
        Ok(())
    }
}
