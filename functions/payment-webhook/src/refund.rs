//! Refund of the payment, and closing of the invoices.

use std::time::Duration;

use check::{FailureKind, Mismatch, StepEnded, Subject, foreign, ours, phrase};
use futures::join;
use platform::{UserSession, is_status, status};
use probe::{Method, Response};
use runtime::{MemoryCell, Run, Step};
use serde_json::Value;

use super::{CounterEffect, FIRST_PAUSE, MAX_PAUSE, Memory, PAUSE_FACTOR, PaymentWebhook, Setup, record_delivery};
use crate::event::{Kind, reference, signature};
use crate::ledger::{RecordedPayment, delivery};
use crate::statuses;

impl PaymentWebhook {
    /// Refunds the payment and voids both invoices, so that no open invoice remains.
    pub(super) async fn refund(
        &self,
        run: &Run,
        setup: &Setup<'_, '_>,
        memory: &MemoryCell<Memory>,
    ) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "refund");
        let reference = reference(run.id(), Kind::Paid);
        let body = self.payment(run, &reference, &setup.paid_invoice, self.amount).refund(&self.site.platform.webhook);
        let signature = signature(setup.secret, &body, run.clock().now());
        let (answer, void) = join!(
            self.site.ask(&step, delivery(&self.site, body, &signature)),
            self.void_invoice(&step, setup.user, &setup.unpaid_invoice)
        );
        let answer = answer?;
        record_delivery(run, memory, CounterEffect::Received);
        step.check("accepted", status(&answer, self.site.platform.webhook.accepted.as_slice()))?;
        step.check("void", status(&void?, self.site.platform.invoice.updated.as_slice()))?;
        run.aside(self.wait_for_refund(&step, setup, &reference)).await?;
        let answer = self.void_invoice(&step, setup.user, &setup.paid_invoice).await?;
        if !self.site.platform.invoice.updated.as_slice().contains(&answer.status.as_u16()) {
            // The platform may refuse to void an invoice that the refund has closed.
            let answer = setup.user.get(&step, self.invoice_url(&step, &setup.paid_invoice)?).await?;
            let names = &self.site.platform.invoice;
            let closed = self.invoice(&answer).status(&names.status).and_then(|actual| {
                let is_open =
                    [&names.open_status, &names.paid_status].iter().any(|open| is_status(open.as_str(), &actual));
                let actual = phrase!("status {}", foreign(actual));
                let open = Mismatch::new(FailureKind::Assertion, "the refunded invoice to be closed", actual);
                if is_open { Err(open) } else { Ok(()) }
            });
            step.check("closed", closed)?;
        }
        step.passed();
        Ok(())
    }

    async fn wait_for_refund(&self, step: &Step<'_>, setup: &Setup<'_, '_>, reference: &str) -> Result<(), StepEnded> {
        let (began, mut pause) = (step.now(), FIRST_PAUSE);
        loop {
            step.run().wait(pause).await;
            let all = self.read_payments(step, setup.user).await?;
            let refunded = self.site.platform.payment.refunded_status.as_str();
            let is_kept =
                |payment: &&RecordedPayment| payment.reference == reference && !is_status(refunded, &payment.status);
            let Some(payment) = all.iter().find(is_kept) else { return Ok(()) };
            let took = Duration::try_from(step.now().duration_since(began)).unwrap_or_default();
            if took >= self.processing_deadline {
                let within = self.processing_deadline.as_secs();
                let expected = phrase!("the payment {} within {} s", ours(refunded), within);
                let status = foreign(&payment.status);
                let actual = phrase!("still {} {} s after the refund was accepted", status, took.as_secs());
                let late = Mismatch::new(FailureKind::Stale, expected, actual);
                let names = &self.site.platform.payment;
                let known = [&names.succeeded_status, &names.refunded_status];
                let unknown = statuses::unknown(known, &payment.status, "platform.payment.refunded_status");
                return Err(step.fail("refunded", unknown.unwrap_or(late).with_evidence(ours(reference))));
            }
            pause = pause.mul_f64(PAUSE_FACTOR).min(MAX_PAUSE);
        }
    }

    pub(super) async fn void_invoice(
        &self,
        step: &Step<'_>,
        user: &UserSession<'_>,
        invoice: &Value,
    ) -> Result<Response, StepEnded> {
        let body = self.site.platform.invoice.void_body.with(&[("invoice", invoice)]);
        user.send(step, Method::PUT, self.invoice_url(step, invoice)?, Some(&body)).await
    }
}
