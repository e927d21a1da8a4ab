//! The money goes back, and the invoices are closed.

use std::time::Duration;

use check::{FailureKind, Mismatch, StepEnded, Subject};
use futures::join;
use probe::expect::json_found;
use probe::{Method, Response};
use runtime::session::{UserSession, status};
use runtime::settings::written_id;
use runtime::{Run, Step};
use serde_json::Value;

use super::{Ended, FIRST_LOOK, LAST_LOOK, LOOK_LATER, Memory, PaymentWebhook, Till, note};
use crate::event::{Kind, reference, signature};
use crate::ledger::{Paid, delivery};

impl PaymentWebhook {
    /// Pays back, and leaves nothing to be paid.
    pub(super) async fn refund(&self, run: &Run, till: &Till<'_, '_>, memory: &mut Memory) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "refund");
        let reference = reference(run.id(), Kind::Paid);
        let body = self.described(run, &reference, &till.good, self.amount).refund(&self.site.platform.webhook);
        let signature = signature(till.secret, &body, run.clock().now());
        let (answer, void) =
            join!(step.ask(delivery(&self.site, body, &signature)), self.make_void(&step, till.user, &till.bad));
        let answer = answer?;
        note(run, memory, Ended::Came);
        step.check("accepted", status(&answer, self.site.platform.webhook.accepted.as_slice()))?;
        step.check("void", status(&void?, self.site.platform.invoice.updated.as_slice()))?;
        run.aside(self.paid_back(&step, till, &reference)).await?;
        let answer = self.make_void(&step, till.user, &till.good).await?;
        if !self.site.platform.invoice.updated.as_slice().contains(&answer.status.as_u16()) {
            // Refused where a refund has closed it already.
            let answer = till.user.get(&step, self.invoice_url(&till.good)).await?;
            let names = &self.site.platform.invoice;
            let actual = json_found(&answer, names.status.as_str(), self.site.platform.wrapper.as_str());
            let closed = actual.and_then(|actual| {
                let is_open =
                    [&names.open_status, &names.paid_status].iter().any(|word| word.as_str() == written_id(&actual));
                let expected = "an invoice that was paid back to be closed".to_owned();
                let actual = format!("status {actual}");
                let kind = FailureKind::Assertion;
                if is_open { Err(Mismatch { kind, expected, actual, evidence: None }) } else { Ok(()) }
            });
            step.check("closed", closed)?;
        }
        step.passed();
        Ok(())
    }

    async fn paid_back(&self, step: &Step<'_>, till: &Till<'_, '_>, reference: &str) -> Result<(), StepEnded> {
        let (began, mut pause) = (step.now(), FIRST_LOOK);
        loop {
            step.run().wait(pause).await;
            let all = self.payments(step, till.user).await?;
            let refunded = self.site.platform.payment.refunded_status.as_str();
            let kept: Vec<&Paid> =
                all.iter().filter(|paid| paid.reference == reference && paid.status != refunded).collect();
            let Some(paid) = kept.first() else { return Ok(()) };
            let took = Duration::try_from(step.now().duration_since(began)).unwrap_or_default();
            if took >= self.processing_deadline {
                step.check(
                    "refunded",
                    Err(Mismatch {
                        kind: FailureKind::Stale,
                        expected: format!("the payment {refunded} within {} s", self.processing_deadline.as_secs()),
                        actual: format!("still {} {} s after the refund was accepted", paid.status, took.as_secs()),
                        evidence: Some(reference.to_owned()),
                    }),
                )?;
                return Err(StepEnded);
            }
            pause = pause.mul_f64(LOOK_LATER).min(LAST_LOOK);
        }
    }

    pub(super) async fn make_void(
        &self,
        step: &Step<'_>,
        user: &UserSession<'_>,
        invoice: &Value,
    ) -> Result<Response, StepEnded> {
        let body = self.site.platform.invoice.void_body.with(&[("invoice", invoice)]);
        user.send(step, Method::PUT, self.invoice_url(invoice), Some(&body)).await
    }
}
