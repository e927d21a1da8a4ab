//! What the events have done, and what they must not have done.

use check::{FailureKind, Mismatch, StepEnded};
use probe::expect::json_found;
use runtime::Step;
use runtime::session::{UserSession, status};
use runtime::settings::written_id;

use super::{BALANCES, LEAST_WAIT, PaymentWebhook, Till};
use crate::event::{Kind, reference};
use crate::ledger::{Paid, paid};

impl PaymentWebhook {
    /// One payment of the good event, none of the others.
    pub(super) async fn recorded(
        &self,
        step: Step<'_>,
        wrong_amount: Step<'_>,
        till: &Till<'_, '_>,
    ) -> Result<(), StepEnded> {
        let run = step.run();
        let all = match self.payments(&step, till.user).await {
            Ok(all) => all,
            Err(stop) => {
                wrong_amount.skipped("the payments were not listed");
                return Err(stop);
            }
        };
        let of = |kind| {
            let reference = reference(run.id(), kind);
            all.iter().filter(|payment| payment.reference == reference).collect::<Vec<_>>()
        };
        let wrong = wrong_amount
            .check("not_paid", none(&of(Kind::WrongAmount), "a payment of another amount to pay no invoice"));
        if wrong.is_ok() {
            wrong_amount.passed();
        }
        let refused = [Kind::Forged, Kind::Stale, Kind::Tampered].into_iter().flat_map(of).collect::<Vec<_>>();
        step.check("refused_left_nothing", none(&refused, "a refused event to have no effect"))?;
        let good = of(Kind::Paid);
        step.check("recorded", exactly_one(&good, &reference(run.id(), Kind::Paid), FailureKind::Assertion, 1..))?;
        step.check("once", exactly_one(&good, &reference(run.id(), Kind::Paid), FailureKind::Invariant, ..2))?;
        if let Some(payment) = good.first() {
            let names = &self.site.platform.payment;
            let amount = payment.amount.map(|amount| amount.to_string()).unwrap_or_default();
            step.check("amount", same("an amount", &self.amount.to_string(), &amount))?;
            step.check(
                "currency",
                same("a currency", &self.currency.to_lowercase(), &payment.currency.to_lowercase()),
            )?;
            step.check("succeeded", same("a status", names.succeeded_status.as_str(), &payment.status))?;
        }
        step.passed();
        wrong
    }

    pub(super) async fn payments(&self, step: &Step<'_>, user: &UserSession<'_>) -> Result<Vec<Paid>, StepEnded> {
        let names = &self.site.platform.payment;
        let answer = user.get(step, names.list.at(&self.site.base_url, &self.student_ids().as_value())).await?;
        step.check("status", status(&answer, &[200]))?;
        let all = paid(&self.site.platform, &answer);
        step.check("list", all.as_ref().map(|_| ()).map_err(Clone::clone))?;
        Ok(all.unwrap_or_default())
    }

    /// A payment that failed leaves its invoice to be paid.
    pub(super) async fn failed_payment(&self, step: Step<'_>, till: &Till<'_, '_>) -> Result<(), StepEnded> {
        let names = &self.site.platform.invoice;
        let answer = till.user.get(&step, self.invoice_url(&till.bad)).await?;
        step.check("status", status(&answer, &[200]))?;
        let actual = json_found(&answer, names.status.as_str(), self.site.platform.wrapper.as_str());
        let open = actual.and_then(|actual| {
            let actual = written_id(&actual);
            same("an invoice that no event paid", names.open_status.as_str(), &actual)
                .map_err(|mismatch| Mismatch { kind: FailureKind::Invariant, ..mismatch })
        });
        step.check("still_open", open)?;
        step.passed();
        Ok(())
    }

    /// What is owed has gone up by both invoices and down by the one that was paid. `before` is nothing when that cannot be
    /// told.
    pub(super) async fn balance(
        &self,
        step: Step<'_>,
        till: &Till<'_, '_>,
        before: Option<f64>,
    ) -> Result<(), StepEnded> {
        let Some(before) = before else {
            step.skipped("what earlier runs left was undone in this run, and moves the balance too");
            return Ok(());
        };
        let owed = self.amount as f64;
        for look in 1..=BALANCES {
            let Some(after) = self.read_balance(&step, till.user).await? else { break };
            let changed = (after - before).abs();
            if (changed - owed).abs() < 0.5 {
                break;
            }
            if look == BALANCES {
                let expected = format!("a balance that changed by {owed}: two invoices of {owed}, one of them paid");
                let actual = format!("{before} before and {after} after");
                let kind = FailureKind::Assertion;
                step.check("recomputed", Err(Mismatch { kind, expected, actual, evidence: None }))?;
            }
            step.run().wait(LEAST_WAIT / 2).await;
        }
        step.passed();
        Ok(())
    }
}

/// None of these payments should be there.
fn none(payments: &[&Paid], expected: &str) -> Result<(), Mismatch> {
    let Some(payment) = payments.first() else { return Ok(()) };
    Err(Mismatch {
        kind: FailureKind::Invariant,
        expected: expected.to_owned(),
        actual: format!("a payment of {} {}", payment.amount.unwrap_or_default(), payment.currency),
        evidence: Some(format!("reference {}", payment.reference)),
    })
}

/// The number of payments is one of these.
fn exactly_one(
    payments: &[&Paid],
    reference: &str,
    kind: FailureKind,
    allowed: impl std::ops::RangeBounds<usize>,
) -> Result<(), Mismatch> {
    if allowed.contains(&payments.len()) {
        return Ok(());
    }
    let expected = "one payment of an event that was delivered twice".to_owned();
    let actual = format!("{} payments", payments.len());
    Err(Mismatch { kind, expected, actual, evidence: Some(format!("reference {reference}")) })
}

fn same(what: &str, expected: &str, actual: &str) -> Result<(), Mismatch> {
    if expected == actual {
        return Ok(());
    }
    let kind = FailureKind::Assertion;
    Err(Mismatch { kind, expected: format!("{what}: {expected}"), actual: actual.to_owned(), evidence: None })
}
