//! The platform's lists of invoices and payments, and the compensation of synthetic ones.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use check::{Mismatch, Phrase, foreign, phrase};
use jiff::Timestamp;
use platform::{BackgroundSession, Platform, is_status, number_at, reference_at, short_id, text_at};
use probe::{Method, Request};
use runtime::{Clock, FoundLeftover, began};
use secrecy::SecretString;
use serde_json::Value;
use settings::{Pointer, written_id};

use crate::event::{MARKER, PREFIX, Payment, marker, reference_prefix, signature};

/// Interval and number of compensation's polls for a processed refund.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
const MAX_POLLS: usize = 7;
/// Times to refund and void, when payments are processed in between.
const MAX_ROUNDS: u32 = 3;

/// An invoice in the platform's list.
#[derive(Clone, Debug)]
pub(crate) struct Invoice {
    /// Id, in the platform's own JSON type.
    pub(crate) id: Value,
    pub(crate) status: String,
    pub(crate) description: String,
}

impl Invoice {
    /// Returns the invoice as a leftover if its run began before `older_than` and the invoice is not void.
    pub(crate) fn leftover(&self, platform: &Platform, older_than: Timestamp) -> Option<FoundLeftover> {
        let run_id = self.description.strip_prefix(MARKER)?;
        let began = began(run_id).filter(|began| *began < older_than)?;
        if is_status(platform.invoice.void_status.as_str(), &self.status) {
            return None;
        }
        let (what, run_id) = (format!("{} invoice", self.status), run_id.to_owned());
        Some(FoundLeftover { what, id: written_id(&self.id), run_id, began, removed: false })
    }
}

/// A payment in the platform's list.
#[derive(Clone, Debug)]
pub(crate) struct RecordedPayment {
    pub(crate) reference: String,
    pub(crate) amount: Option<f64>,
    pub(crate) currency: String,
    pub(crate) status: String,
}

/// Pointers that must have a value in some invoice.
pub(crate) fn invoice_pointers(platform: &Platform) -> [&str; 3] {
    let names = &platform.invoice;
    [&names.id, &names.status, &names.description].map(Pointer::as_str)
}

/// Pointers that must have a value in some payment.
pub(crate) fn payment_pointers(platform: &Platform) -> [&str; 4] {
    let names = &platform.payment;
    [&names.reference, &names.amount, &names.currency, &names.status].map(Pointer::as_str)
}

/// Tells if the rows so far are all those of runs since `from`. The test student's lists grow with every run, and with the newest row
/// first, further pages hold only older ones.
pub(crate) fn is_past(platform: &Platform, from: Timestamp) -> impl Fn(&[Value]) -> bool + use<> {
    let (reference, description) = (platform.payment.reference.clone(), platform.invoice.description.clone());
    move |rows| {
        let text = |row: &Value, pointer: &Pointer| row.pointer(pointer.as_str())?.as_str().map(str::to_owned);
        let run = |row: &Value| {
            let in_payment =
                text(row, &reference).and_then(|text| began(text.strip_prefix(PREFIX)?.split('_').next()?));
            in_payment.or_else(|| began(text(row, &description)?.trim().strip_prefix(MARKER)?))
        };
        let runs: Vec<Timestamp> = rows.iter().filter_map(run).collect();
        runs.is_sorted_by(|one, next| one >= next)
            && runs.first() > runs.last()
            && runs.last().is_some_and(|last| *last < from)
    }
}

/// Returns the synthetic ones of these invoices.
///
/// # Errors
/// A mismatch if the id of a synthetic invoice is unreadable or too long, or its status unreadable.
pub(crate) fn invoices(platform: &Platform, items: &[Value]) -> Result<Vec<Invoice>, Mismatch> {
    let names = &platform.invoice;
    let read = |item: &Value| {
        let description = item.pointer(names.description.as_str()).and_then(Value::as_str).unwrap_or_default().trim();
        let id = item.pointer(names.id.as_str()).filter(|_| description.starts_with(MARKER))?;
        let read = || {
            short_id(id, names.id.as_str())?;
            let status = text_at(item, names.status.as_str())?.unwrap_or_default();
            Ok(Invoice { id: id.clone(), status, description: description.to_owned() })
        };
        Some(read())
    };
    items.iter().filter_map(read).collect()
}

/// Returns the synthetic ones of these payments. Of several attempts with one reference, only those with money count.
///
/// # Errors
/// A mismatch if a reference is unreadable, or another value of a synthetic payment.
pub(crate) fn payments(platform: &Platform, items: &[Value]) -> Result<Vec<RecordedPayment>, Mismatch> {
    let names = &platform.payment;
    let read = |item: &Value| {
        let text = |pointer: &Pointer| text_at(item, pointer.as_str()).map(Option::unwrap_or_default);
        let Some(reference) = reference_at(item, names.reference.as_str())? else { return Ok(None) };
        if !reference.starts_with(PREFIX) {
            return Ok(None);
        }
        let reference = short_id(&Value::from(reference), names.reference.as_str())?;
        let amount = number_at(item, names.amount.as_str())?;
        let (currency, status) = (text(&names.currency)?, text(&names.status)?);
        Ok(Some(RecordedPayment { reference, amount, currency, status }))
    };
    let mut payments: Vec<_> = items.iter().filter_map(|item| read(item).transpose()).collect::<Result<_, _>>()?;
    let has_money = |payment: &RecordedPayment| {
        [&names.succeeded_status, &names.refunded_status].iter().any(|one| is_status(one.as_str(), &payment.status))
    };
    let with_money = payments.iter().filter(|payment| has_money(payment)).map(|payment| payment.reference.clone());
    let with_money: BTreeSet<String> = with_money.collect();
    payments.retain(|payment| has_money(payment) || !with_money.contains(&payment.reference));
    Ok(payments)
}

/// Returns the request that delivers an event.
pub(crate) fn delivery(site: &platform::Site, body: String, signature: &str) -> Request {
    let names = &site.platform.webhook;
    Request::new(Method::POST, names.path.below(&site.base_url))
        .header("accept", "application/json")
        .header("content-type", "application/json; charset=utf-8")
        // Masked: with the signature, a reader of the log could deliver the event again.
        .secret_header(names.header.as_str(), signature)
        .body(body)
        .deadline(site.deadline)
        .max_redirects(0)
}

/// Compensation of a run: refunds its payments, then voids its invoices. Idempotent.
pub(crate) struct Undo {
    pub(crate) background_session: BackgroundSession,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) secret: SecretString,
    pub(crate) student: Value,
    pub(crate) currency: String,
    pub(crate) run_id: String,
}

impl Undo {
    /// Refunds and voids everything that the run created.
    ///
    /// # Errors
    /// A text with the data that remains or may remain, and the reason.
    pub(crate) async fn run(&self) -> Result<(), Phrase> {
        let mut rounds = 0;
        loop {
            // A list of payments that cannot be read keeps no unpaid invoice.
            let (refunded, voided) = (self.refund_payments().await, self.void_invoices().await);
            refunded?;
            let Err(why) = voided else { return Ok(()) };
            rounds += 1;
            // A payment in the queue may have been processed since the list was read, and an invoice with one cannot be voided.
            if rounds == MAX_ROUNDS || self.unrefunded().await?.is_empty() {
                return Err(why);
            }
        }
    }

    async fn refund_payments(&self) -> Result<(), Phrase> {
        let paid = self.unrefunded().await?;
        let references: BTreeSet<&str> = paid.iter().map(|payment| payment.reference.as_str()).collect();
        for reference in &references {
            let amount =
                paid.iter().find(|payment| payment.reference == **reference).and_then(|payment| payment.amount);
            self.send_refund(reference, amount).await?;
        }
        if !references.is_empty() {
            self.wait_for_refund().await?;
        }
        Ok(())
    }

    async fn void_invoices(&self) -> Result<(), Phrase> {
        let mut voided = Ok(());
        // One that cannot be voided, since it is paid, keeps no other.
        for invoice in self.open_invoices().await? {
            voided = voided.and(self.void_invoice(&invoice).await);
        }
        voided
    }

    /// Returns the run's payments without a refund.
    async fn unrefunded(&self) -> Result<Vec<RecordedPayment>, Phrase> {
        let names = &self.platform().payment;
        let url = names.list.at(&self.background_session.site().base_url, &self.student_id().placeholders());
        let url = url.map_err(|mismatch| self.may_remain(unexpected(mismatch)))?;
        let items = self.items(url, &payment_pointers(self.platform())).await?;
        let all = payments(self.platform(), &items).map_err(|mismatch| self.may_remain(unexpected(mismatch)))?;
        let prefix = reference_prefix(&self.run_id);
        let is_kept = |payment: &RecordedPayment| !is_status(names.refunded_status.as_str(), &payment.status);
        Ok(all.into_iter().filter(|payment| payment.reference.starts_with(&prefix) && is_kept(payment)).collect())
    }

    async fn send_refund(&self, reference: &str, amount: Option<f64>) -> Result<(), Phrase> {
        let now = self.clock.now();
        let payment = Payment {
            reference,
            invoice: &Value::Null,
            // The platform records whole amounts.
            amount: amount.map_or(0, |amount| amount.round().max(0.0) as u64),
            currency: &self.currency,
            student: &self.student,
            run_id: &self.run_id,
            created: now,
        };
        let body = payment.refund(&self.platform().webhook);
        let signature = signature(&self.secret, &body, now);
        let request = delivery(self.background_session.site(), body, &signature);
        let answer = self.background_session.send_apart(request, self.platform().webhook.accepted.as_slice()).await;
        answer.map(drop).map_err(|why| self.may_remain(phrase!("the refund of {}: {}", foreign(reference), why)))
    }

    async fn wait_for_refund(&self) -> Result<(), Phrase> {
        for _ in 0..MAX_POLLS {
            self.clock.sleep(POLL_INTERVAL).await;
            if self.unrefunded().await?.is_empty() {
                return Ok(());
            }
        }
        Err(self.may_remain("the refund was accepted but not processed yet"))
    }

    /// Returns the run's invoices without the void ones.
    async fn open_invoices(&self) -> Result<Vec<Invoice>, Phrase> {
        let names = &self.platform().invoice;
        let url = names.list.at(&self.background_session.site().base_url, &self.student_id().placeholders());
        let url = url.map_err(|mismatch| self.may_remain(unexpected(mismatch)))?;
        let items = self.items(url, &invoice_pointers(self.platform())).await?;
        let all = invoices(self.platform(), &items).map_err(|mismatch| self.may_remain(unexpected(mismatch)))?;
        let own = marker(&self.run_id);
        let is_open = |invoice: &Invoice| !is_status(names.void_status.as_str(), &invoice.status);
        Ok(all.into_iter().filter(|invoice| invoice.description == own && is_open(invoice)).collect())
    }

    async fn void_invoice(&self, invoice: &Invoice) -> Result<(), Phrase> {
        let names = &self.platform().invoice;
        let id = written_id(&invoice.id);
        let url = names.path.at(&self.background_session.site().base_url, &[("invoice", &id)]);
        let url = url.map_err(|mismatch| self.may_remain(phrase!("invoice {}: {}", foreign(&id), mismatch.actual)))?;
        let body = names.void_body.with(&[("invoice", &invoice.id)]);
        let answer = self.background_session.send(Method::PUT, url, Some(&body), names.updated.as_slice()).await;
        answer.map(drop).map_err(|why| {
            let (id, status) = (foreign(&id), foreign(&invoice.status));
            self.may_remain(phrase!("voiding invoice {} ({}): {}", id, status, why))
        })
    }

    async fn items(&self, url: probe::Url, pointers: &[&str]) -> Result<Vec<Value>, Phrase> {
        let from = began(&self.run_id).unwrap_or_default();
        let items = self.background_session.items(url, pointers, is_past(self.platform(), from)).await;
        items.map_err(|why| self.may_remain(why))
    }

    fn student_id(&self) -> StudentId {
        StudentId(written_id(&self.student))
    }

    fn platform(&self) -> &Platform {
        &self.background_session.site().platform
    }

    fn may_remain(&self, why: impl Into<Phrase>) -> Phrase {
        phrase!(
            "undoing the test payment failed: {}; invoices and payments with the text `{}` may still exist",
            why.into(),
            foreign(marker(&self.run_id))
        )
    }
}

/// Describes a list that could not be read.
fn unexpected(mismatch: Mismatch) -> Phrase {
    phrase!("expected {}, found {}", mismatch.expected, mismatch.actual)
}

/// Id of the student as a path placeholder.
pub(crate) struct StudentId(pub(crate) String);

impl StudentId {
    pub(crate) fn placeholders(&self) -> [(&'static str, &str); 1] {
        [("student", &self.0)]
    }
}

#[cfg(test)]
mod tests {
    use check::NoSecrets;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_ids_of_synthetic_objects_are_kept_and_bounded() {
        let platform = Platform::default();
        let long = "x".repeat(200);
        let item = |id: &str, reference: &str, description: &str| {
            let (amount, currency, status) = (1, "dkk", "open");
            [json!({ "id": id, "provider_reference": reference, "description": description, "amount": amount,
                "currency": currency, "status": status })]
        };
        let others = item(&long, &long, "lessons");
        assert!(invoices(&platform, &others).unwrap().is_empty());
        assert!(payments(&platform, &others).unwrap().is_empty());
        let own = item(&long, &format!("{PREFIX}{long}"), MARKER);
        let refused = [invoices(&platform, &own).unwrap_err(), payments(&platform, &own).unwrap_err()];
        let refused = refused.map(|mismatch| mismatch.actual.admit(&NoSecrets, 200).to_string());
        assert_eq!(refused, ["one of 200", "one of 213"]);
    }

    #[test]
    fn only_rows_with_the_newest_first_are_past_a_run() {
        let at = |minute: i64| Timestamp::from_second(1_796_000_000 + minute * 60).unwrap();
        let id = |minute| {
            let time = format!("{:012x}", at(minute).as_millisecond());
            format!("{}-{}-7000-8000-000000000000", &time[..8], &time[8..])
        };
        let invoice = |minute| json!({ "description": marker(&id(minute)) });
        let payment = |minute| json!({ "provider_reference": format!("{}paid", reference_prefix(&id(minute))) });
        let is_past = is_past(&Platform::default(), at(10));
        for (case, minutes, expected) in [
            ("newest first, back to an older run", &[12, 10, 9][..], true),
            ("newest first, not back to an older run", &[12, 11, 10], false),
            ("oldest first", &[7, 8, 9], false),
            ("in no order", &[12, 7, 9], false),
            ("older runs only", &[9, 8], true),
            ("one run", &[9, 9], false),
            ("nothing", &[], false),
        ] {
            let invoices: Vec<Value> = minutes.iter().map(|at| invoice(*at)).collect();
            let payments: Vec<Value> = minutes.iter().map(|at| payment(*at)).collect();
            assert_eq!([is_past(&invoices), is_past(&payments)], [expected; 2], "{case}");
        }
        assert!(!is_past(&[json!({ "description": "lessons" }), json!({})]), "of others");
    }

    #[test]
    fn attempts_without_money_are_no_further_payments() {
        let reference = format!("{PREFIX}1");
        for (statuses, expected) in [
            (&["pending", "succeeded"][..], &["succeeded"][..]),
            (&["succeeded", "failed"], &["succeeded"]),
            (&["pending", "refunded"], &["refunded"]),
            (&["succeeded", "succeeded"], &["succeeded", "succeeded"]),
            (&["pending"], &["pending"]),
            (&["pending", "pending"], &["pending", "pending"]),
        ] {
            let row = |status: &&str| json!({ "provider_reference": &reference, "amount": 1, "currency": "dkk", "status": status });
            let rows: Vec<Value> = statuses.iter().map(row).collect();
            let read = payments(&Platform::default(), &rows).unwrap();
            let actual: Vec<&str> = read.iter().map(|payment| payment.status.as_str()).collect();
            assert_eq!(actual, expected);
        }
    }
}
