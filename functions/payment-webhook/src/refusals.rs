//! Events that the webhook must refuse, and events without effect.

use check::{FailureKind, Mismatch, StepEnded, Subject, phrase};
use futures::join;
use jiff::SignedDuration;
use platform::status;
use probe::Response;
use runtime::{MemoryCell, Run, Step};
use secrecy::SecretString;

use super::{CounterEffect, Memory, PaymentWebhook, Setup, record_delivery};
use crate::event::{Kind, TOLERANCE, signature};
use crate::ledger::delivery;

/// Step whose event was answered with a server error. The answer to the valid event decides whether the webhook is down, or
/// fails for this event alone.
pub(super) struct Undecided<'r> {
    step: Step<'r>,
    code: u16,
    /// Name and result of the assertion if the webhook is up.
    judged: (&'static str, Result<(), Mismatch>),
}

impl Undecided<'_> {
    /// Ends the step: skipped if the webhook did not accept the valid event either.
    pub(super) fn decide(self, is_up: bool) -> Result<(), StepEnded> {
        if !is_up {
            self.step.skipped(phrase!("the webhook answered {}; see the step `payment`", self.code));
            return Ok(());
        }
        let (name, result) = self.judged;
        self.step.check(name, result)?;
        self.step.passed();
        Ok(())
    }
}

/// Result of the refusals, and the steps that the answer to the valid event decides.
pub(super) type Refusals<'r> = (Result<(), StepEnded>, Vec<Undecided<'r>>);

impl PaymentWebhook {
    /// Delivers all events except the valid one. They go first, so that any effect of them is visible once the platform has
    /// processed the valid event.
    pub(super) async fn refusals<'r>(
        &self,
        run: &'r Run,
        setup: &Setup<'_, '_>,
        memory: &MemoryCell<Memory>,
    ) -> Refusals<'r> {
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
        let mut undecided = Vec::new();
        let mut ended = Ok(());
        for answered in [forged, stale, tampered, mismatching] {
            match answered {
                Ok(step) => undecided.extend(step),
                Err(end) => ended = Err(end),
            }
        }
        (ended, undecided)
    }

    async fn refusal<'r>(
        &self,
        run: &'r Run,
        name: &str,
        what: &'static str,
        (signature, body): (String, String),
    ) -> Result<Option<Undecided<'r>>, StepEnded> {
        let step = run.step(&Subject::whole(), name);
        let answer = self.site.ask(&step, delivery(&self.site, body, &signature)).await?;
        let refused = status(&answer, self.site.platform.webhook.refused.as_slice()).map_err(|mismatch| {
            let kind = if answer.status.is_success() { FailureKind::Invariant } else { mismatch.kind };
            Mismatch { kind, expected: phrase!("{} to be refused ({})", what, mismatch.expected), ..mismatch }
        });
        if answer.status.is_server_error() {
            return Ok(Some(Undecided { step, code: answer.status.as_u16(), judged: ("refused", refused) }));
        }
        step.check("refused", refused)?;
        step.passed();
        Ok(None)
    }

    /// Delivers two correctly signed events. The platform may accept or refuse them; later steps check their effects.
    async fn mismatching<'r>(
        &self,
        run: &'r Run,
        setup: &Setup<'_, '_>,
        bodies: [String; 2],
    ) -> Result<Option<Undecided<'r>>, StepEnded> {
        let step = run.step(&Subject::whole(), "mismatching");
        let now = run.clock().now();
        let [amount, failed] = bodies.map(|body| {
            let signature = signature(setup.secret, &body, now);
            self.site.ask(&step, delivery(&self.site, body, &signature))
        });
        let (amount, failed) = join!(amount, failed);
        for (answer, what) in [(amount?, "a wrong amount"), (failed?, "a failed payment")] {
            if answer.status.is_server_error() {
                let judged = ("handled", Err(unhandled(&answer, what)));
                return Ok(Some(Undecided { step, code: answer.status.as_u16(), judged }));
            }
        }
        step.passed();
        Ok(None)
    }
}

/// The server error that answered a correctly signed event.
fn unhandled(answer: &Response, what: &'static str) -> Mismatch {
    let expected = phrase!("an event of {} to be accepted or refused, without a server error", what);
    match status(answer, &[]) {
        Err(mismatch) => Mismatch { expected, ..mismatch },
        Ok(()) => Mismatch::new(FailureKind::Status, expected, phrase!("status {}", answer.status_line())),
    }
}
