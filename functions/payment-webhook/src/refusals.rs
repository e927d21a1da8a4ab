//! What must be refused, and what must have no effect.

use check::{FailureKind, Mismatch, StepEnded, Subject};
use futures::join;
use jiff::SignedDuration;
use runtime::Run;
use runtime::session::status;
use secrecy::SecretString;

use super::{Ended, Memory, PaymentWebhook, Till, note};
use crate::event::{Kind, TOLERANCE, signature};
use crate::ledger::delivery;

impl PaymentWebhook {
    /// What must be refused, and what must have no effect. All of it before the good event: what comes of it is to be seen
    /// by the time that one is worked off.
    pub(super) async fn refusals(&self, run: &Run, till: &Till<'_, '_>, memory: &mut Memory) -> Result<(), StepEnded> {
        let now = run.clock().now();
        let body = |kind, amount, has_failed| self.event(run, kind, &till.bad, amount, has_failed);
        let forged = body(Kind::Forged, self.amount, false);
        let forger = SecretString::from(format!("whsec_of_somebody_else_{}", run.id()));
        let forged = (signature(&forger, &forged, now), forged);
        let stale = body(Kind::Stale, self.amount, false);
        let long_ago = now - SignedDuration::from_secs(TOLERANCE + 60);
        let stale = (signature(till.secret, &stale, long_ago), stale);
        let signed = signature(till.secret, &body(Kind::Tampered, self.amount, false), now);
        let tampered = (signed, body(Kind::Tampered, self.amount * 100, false));
        let mismatching = [body(Kind::WrongAmount, self.amount + 1, false), body(Kind::Failed, self.amount, true)];
        let (forged, stale, tampered, mismatching) = join!(
            self.refusal(run, "forged", "an event that somebody else signed", forged),
            self.refusal(run, "stale", "an event of six minutes ago", stale),
            self.refusal(run, "tampered", "an event that was changed after it was signed", tampered),
            self.mismatching(run, till, mismatching),
        );
        for _ in 0..5 {
            note(run, memory, Ended::Came);
        }
        for _ in [&forged, &stale, &tampered].into_iter().filter(|refused| refused.is_ok()) {
            note(run, memory, Ended::Refused);
        }
        if mismatching.is_ok() {
            note(run, memory, Ended::Attempted);
            note(run, memory, Ended::Failed);
        }
        forged.and(stale).and(tampered).and(mismatching)
    }

    async fn refusal(
        &self,
        run: &Run,
        name: &str,
        what: &str,
        (signature, body): (String, String),
    ) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), name);
        let answer = step.ask(delivery(&self.site, body, &signature)).await?;
        if answer.status.is_server_error() {
            step.skipped(format!("the webhook answered {}: `payment` judges that", answer.status.as_u16()));
            return Ok(());
        }
        let refused = status(&answer, self.site.platform.webhook.refused.as_slice()).map_err(|mismatch| {
            let kind = if answer.status.is_success() { FailureKind::Invariant } else { mismatch.kind };
            Mismatch { kind, expected: format!("{what} to be refused ({})", mismatch.expected), ..mismatch }
        });
        step.check("refused", refused)?;
        step.passed();
        Ok(())
    }

    /// These are signed rightly. Whether they are accepted is the platform's choice; what comes of them is judged later.
    async fn mismatching(&self, run: &Run, till: &Till<'_, '_>, bodies: [String; 2]) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "mismatching");
        let now = run.clock().now();
        let [amount, failed] = bodies.map(|body| {
            let signature = signature(till.secret, &body, now);
            step.ask(delivery(&self.site, body, &signature))
        });
        let (amount, failed) = join!(amount, failed);
        for answer in [amount?, failed?] {
            if answer.status.is_server_error() {
                step.skipped(format!("the webhook answered {}: `payment` judges that", answer.status.as_u16()));
                return Ok(());
            }
        }
        step.passed();
        Ok(())
    }
}
