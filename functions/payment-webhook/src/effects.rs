//! Wanted and unwanted effects of the delivered events.

use check::{FailureKind, Mismatch, Phrase, StepEnded, foreign, ours, phrase};
use platform::{UserSession, is_status, status};
use runtime::Step;

use super::{MAX_BALANCE_READS, MIN_WAIT, PaymentWebhook, Setup};
use crate::event::{Kind, reference};
use crate::ledger::{RecordedPayment, is_past, payment_pointers, payments};

impl PaymentWebhook {
    /// Checks that the valid event has exactly one payment and the other events have none.
    pub(super) async fn recorded(
        &self,
        step: Step<'_>,
        wrong_amount: Step<'_>,
        setup: &Setup<'_, '_>,
    ) -> Result<(), StepEnded> {
        let run = step.run();
        let all = match self.read_payments(&step, setup.user).await {
            Ok(all) => all,
            Err(ended) => {
                wrong_amount.skipped("the list of payments is missing");
                return Err(ended);
            }
        };
        let with_kind = |kind| {
            let reference = reference(run.id(), kind);
            all.iter().filter(|payment| payment.reference == reference).collect::<Vec<_>>()
        };
        let wrong = wrong_amount
            .check("not_paid", none(&with_kind(Kind::WrongAmount), "no payment by an event with the wrong amount"));
        if wrong.is_ok() {
            wrong_amount.passed();
        }
        let refused = [Kind::Forged, Kind::Stale, Kind::Tampered].into_iter().flat_map(with_kind).collect::<Vec<_>>();
        step.check("refused_left_nothing", none(&refused, "no payment by a refused event"))?;
        let valid = with_kind(Kind::Paid);
        let miscounted = |kind| miscounted(&valid, &reference(run.id(), Kind::Paid), kind);
        let first = valid.first().ok_or_else(|| miscounted(FailureKind::Assertion));
        let payment = step.check_value("recorded", first)?;
        let is_only = valid.len() == 1;
        step.check("once", if is_only { Ok(()) } else { Err(miscounted(FailureKind::Invariant)) })?;
        let amount = payment.amount.map(|amount| amount.to_string()).unwrap_or_default();
        step.check("amount", same("an amount", &self.amount.to_string(), &amount))?;
        step.check("currency", same("a currency", &self.currency.to_lowercase(), &payment.currency.to_lowercase()))?;
        let succeeded = self.site.platform.payment.succeeded_status.as_str();
        step.check("succeeded", same_status("a status", succeeded, &payment.status))?;
        step.passed();
        wrong
    }

    pub(super) async fn read_payments(
        &self,
        step: &Step<'_>,
        user: &UserSession<'_>,
    ) -> Result<Vec<RecordedPayment>, StepEnded> {
        let names = &self.site.platform.payment;
        let url = names.list.at(&self.site.base_url, &self.student_id().placeholders());
        let answer = user.get(step, url.map_err(|mismatch| step.fail("id", mismatch))?).await?;
        step.check("status", status(&answer, &[200]))?;
        let platform = &self.site.platform;
        let from = runtime::began(step.run().id()).unwrap_or_default();
        let items = user.items(step, &answer, &payment_pointers(platform), is_past(platform, from)).await?;
        // Recorded only when it fails.
        payments(platform, &items).map_err(|mismatch| step.fail("readable", mismatch))
    }

    /// Checks that the invoice is still open after the event of a failed payment.
    pub(super) async fn failed_payment(&self, step: Step<'_>, setup: &Setup<'_, '_>) -> Result<(), StepEnded> {
        let names = &self.site.platform.invoice;
        let answer = setup.user.get(&step, self.invoice_url(&step, &setup.unpaid_invoice)?).await?;
        step.check("status", status(&answer, &[200]))?;
        let open = self.invoice(&answer).status(&names.status).and_then(|actual| {
            same_status("an invoice that no event paid", names.open_status.as_str(), &actual)
                .map_err(|mismatch| Mismatch { kind: FailureKind::Invariant, ..mismatch })
        });
        step.check("still_open", open)?;
        step.passed();
        Ok(())
    }

    /// Checks the change of the balance: two invoices more, one of them paid. `before` is `None` if the removal of leftovers
    /// changes the balance too.
    pub(super) async fn balance(
        &self,
        step: Step<'_>,
        setup: &Setup<'_, '_>,
        before: Option<f64>,
    ) -> Result<(), StepEnded> {
        let Some(before) = before else {
            step.skipped("this run removed leftovers of earlier runs, which changes the balance too");
            return Ok(());
        };
        let owed = self.amount as f64;
        for attempt in 1..=MAX_BALANCE_READS {
            let Some(after) = self.read_balance(&step, setup.user).await? else { break };
            let changed = (after - before).abs();
            if (changed - owed).abs() < 0.5 {
                break;
            }
            if attempt == MAX_BALANCE_READS {
                let amount = ours(self.amount);
                let expected =
                    phrase!("a balance changed by {}: two invoices of {}, one of them paid", amount.clone(), amount);
                let actual = phrase!("{} before and {} after", foreign(before.to_string()), foreign(after.to_string()));
                step.check("recomputed", Err(Mismatch::new(FailureKind::Assertion, expected, actual)))?;
            }
            step.run().wait(MIN_WAIT / 2).await;
        }
        step.passed();
        Ok(())
    }
}

/// Returns a mismatch if there is any payment.
fn none(payments: &[&RecordedPayment], expected: &'static str) -> Result<(), Mismatch> {
    let Some(payment) = payments.first() else { return Ok(()) };
    let amount = payment.amount.map(|amount| amount.to_string()).unwrap_or_default();
    let actual = phrase!("a payment of {} {}", foreign(amount), foreign(&payment.currency));
    let evidence = phrase!("reference {}", foreign(&payment.reference));
    Err(Mismatch::new(FailureKind::Invariant, expected, actual).with_evidence(evidence))
}

/// Returns the mismatch of none or several payments.
fn miscounted(payments: &[&RecordedPayment], reference: &str, kind: FailureKind) -> Mismatch {
    let actual = phrase!("{} payments", payments.len());
    Mismatch::new(kind, "one payment for an event delivered twice", actual)
        .with_evidence(phrase!("reference {}", ours(reference)))
}

fn same_status(what: &'static str, expected: &str, actual: &str) -> Result<(), Mismatch> {
    if is_status(expected, actual) { Ok(()) } else { same(what, expected, actual) }
}

fn same(what: &'static str, expected: &str, actual: &str) -> Result<(), Mismatch> {
    if expected == actual {
        return Ok(());
    }
    let expected = phrase!("{}: {}", what, ours(expected));
    let actual = if actual.is_empty() { Phrase::from("no value") } else { foreign(actual).into() };
    Err(Mismatch::new(FailureKind::Assertion, expected, actual))
}

#[cfg(test)]
mod tests {
    use check::NoSecrets;

    use super::*;

    #[test]
    fn missing_value_is_said_to_be_missing() {
        for (actual, expected) in [("", "no value"), ("eur", "eur")] {
            let mismatch = same("a currency", "dkk", actual).unwrap_err();
            assert_eq!(mismatch.actual.admit(&NoSecrets, 100), expected);
        }
        let reference = String::from("pi_1");
        let payment = RecordedPayment { reference, amount: None, currency: String::new(), status: String::new() };
        let unwanted = none(&[&payment], "no payment").unwrap_err().actual.admit(&NoSecrets, 100);
        assert_eq!(unwanted, "a payment of (empty) (empty)");
    }
}
