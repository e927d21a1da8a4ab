//! Invoices, payments, and the queue of Stripe's events with the job that processes them.
//!
//! Assumed: a refund reopens the invoice. The payment intent identifies a redelivered event.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

use super::MARKER;
use super::counters::{Counters, Event};
use crate::faults::{Fault, Faults};

/// Status of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Open,
    Paid,
    Void,
}

impl Status {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Void => "void",
        }
    }
}

/// An invoice.
#[derive(Clone, Debug)]
pub(crate) struct Invoice {
    pub(crate) id: u32,
    pub(crate) student: u32,
    pub(crate) total: u64,
    pub(crate) currency: String,
    pub(crate) description: String,
    pub(crate) status: Status,
    /// The student's balance includes it. A worker updates it together with the status.
    pub(crate) is_owed: bool,
    pub(crate) created_at: Timestamp,
}

/// A payment by a webhook event.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) id: u32,
    pub(crate) student: u32,
    pub(crate) invoice: u32,
    pub(crate) reference: String,
    pub(crate) amount: u64,
    pub(crate) currency: String,
    /// The provider has not confirmed the money yet.
    pub(crate) is_pending: bool,
    pub(crate) is_refunded: bool,
    pub(crate) created_at: Timestamp,
}

/// An event in the queue, as Stripe sends it.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) due: Timestamp,
    pub(crate) event: Value,
    /// The webhook rejected it, so only a fault can have queued it.
    pub(crate) is_refused: bool,
}

/// Invoices, payments and queued events.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) invoices: Vec<Invoice>,
    pub(crate) payments: Vec<Payment>,
    pub(crate) queue: Vec<Job>,
    /// Payments that no worker has recorded yet.
    unrecorded: Vec<Payment>,
}

impl Ledger {
    /// Invoices and payments of synthetic traffic that were not undone, one line each.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let is_synthetic = |invoice: &&Invoice| invoice.description.starts_with(MARKER);
        let open = self.invoices.iter().filter(is_synthetic).filter(|invoice| invoice.status != Status::Void);
        let open =
            open.map(|invoice| format!("invoice {} {} ({})", invoice.id, invoice.status.name(), invoice.description));
        let is_for_synthetic =
            |payment: &&Payment| self.invoices.iter().filter(is_synthetic).any(|invoice| invoice.id == payment.invoice);
        let kept = self.payments.iter().filter(is_for_synthetic).filter(|payment| !payment.is_refunded);
        let kept = kept.map(|payment| format!("payment {} ({})", payment.id, payment.reference));
        open.chain(kept).collect()
    }

    /// Index of the invoice that an event's object names.
    pub(crate) fn find_invoice(&self, object: &Value) -> Option<usize> {
        let id = &object["metadata"]["invoice_id"];
        let id = id.as_str().map(str::to_owned).or_else(|| Some(id.as_u64()?.to_string()))?;
        self.invoices.iter().position(|invoice| invoice.id.to_string() == id)
    }

    /// Processes all due events, as a worker would have done by now.
    fn process_due_events(&mut self, faults: &Faults, counters: &Counters, now: Timestamp) {
        // Queued events are processed once the fault is cleared.
        if !faults.is_active(Fault::WebhookNeverProcessed) {
            let (due, later): (Vec<Job>, Vec<Job>) =
                std::mem::take(&mut self.queue).into_iter().partition(|job| job.due <= now);
            self.queue = later;
            for job in due {
                self.process(faults, counters, &job);
            }
        }
        if !faults.is_active(Fault::PaymentNeverRecorded) {
            let recorded = std::mem::take(&mut self.unrecorded);
            self.payments.extend(recorded);
        }
    }

    fn process(&mut self, faults: &Faults, counters: &Counters, Job { due, event, is_refused }: &Job) {
        let object = &event["data"]["object"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match event["type"].as_str() {
            Some("payment_intent.succeeded") => {
                let Some(index) = self.find_invoice(object) else { return };
                let reference = text(&object["id"]);
                let known = self.payments.iter().chain(&self.unrecorded);
                let is_known = known.clone().any(|payment| payment.reference == reference);
                let id = u32::try_from(known.count()).unwrap_or_default() + 7001;
                if is_known && !faults.is_active(Fault::WebhookDuplicates) {
                    return;
                }
                let amount = object["amount_received"].as_u64().or(object["amount"].as_u64()).unwrap_or_default();
                let invoice = self.invoices[index].clone();
                let is_right = amount == invoice.total && object["currency"] == invoice.currency.as_str();
                let is_paying =
                    (is_right && invoice.status != Status::Void) || faults.is_active(Fault::WebhookIgnoresAmount);
                if !is_paying && !is_refused {
                    return;
                }
                let amount = amount + u64::from(faults.is_active(Fault::PaymentWrongAmountRecorded));
                let wrong = faults.is_active(Fault::PaymentWrongCurrencyRecorded);
                let currency = if wrong { "eur".to_owned() } else { text(&object["currency"]) };
                let payment = Payment {
                    id,
                    student: invoice.student,
                    invoice: invoice.id,
                    reference,
                    amount,
                    currency,
                    is_pending: faults.is_active(Fault::PaymentStaysPending),
                    is_refunded: false,
                    created_at: *due,
                };
                let is_postponed = faults.is_active(Fault::PaymentNeverRecorded);
                if is_postponed { &mut self.unrecorded } else { &mut self.payments }.push(payment);
                if *is_refused {
                    return;
                }
                self.invoices[index].status = Status::Paid;
                self.invoices[index].is_owed = faults.is_active(Fault::BalanceNotUpdated);
                counters.note(Event::PaymentAttempted, *due);
            }
            Some("payment_intent.payment_failed") => {
                counters.note(Event::PaymentAttempted, *due);
                counters.note(Event::PaymentFailed, *due);
                if let Some(index) = self.find_invoice(object)
                    && faults.is_active(Fault::FailedPaymentClosesInvoice)
                {
                    self.invoices[index].status = Status::Void;
                    self.invoices[index].is_owed = false;
                }
            }
            Some("charge.refunded") if !faults.is_active(Fault::RefundNeverProcessed) => {
                let reference = text(&object["payment_intent"]);
                let mut reopened = Vec::new();
                for payment in self.payments.iter_mut().filter(|payment| payment.reference == reference) {
                    payment.is_refunded = true;
                    reopened.push(payment.invoice);
                }
                for invoice in self.invoices.iter_mut().filter(|invoice| reopened.contains(&invoice.id)) {
                    invoice.status = Status::Open;
                    invoice.is_owed = true;
                }
            }
            _ => {}
        }
    }
}

/// All invoices and payments, and the queue of events.
#[derive(Default)]
pub(crate) struct Finance {
    ledger: Mutex<Ledger>,
}

impl Finance {
    /// The ledger as it is, with due events still in the queue.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Ledger> {
        // Every change is complete before the lock is released.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger after all due events, as a worker would have processed them by now.
    pub(crate) fn up_to_date(&self, faults: &Faults, counters: &Counters, now: Timestamp) -> MutexGuard<'_, Ledger> {
        let mut ledger = self.lock();
        ledger.process_due_events(faults, counters, now);
        ledger
    }
}
