//! Invoices and payments as the platform lists them, which of them are ours, and how they are undone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use check::Mismatch;
use jiff::Timestamp;
use probe::expect::{json_list, number};
use probe::{Method, Request, Response};
use runtime::session::{BackgroundSession, status};
use runtime::settings::{Platform, written_id};
use runtime::{Clock, FoundLeftover, began};
use secrecy::SecretString;
use serde_json::Value;

use crate::event::{MARKER, Payment, marker, references_of, signature};

/// How often and how long compensation looks whether a refund was worked off.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const LOOKS: usize = 7;

/// One invoice.
#[derive(Clone, Debug)]
pub(crate) struct Billed {
    /// As the platform writes it.
    pub(crate) id: Value,
    pub(crate) status: String,
    pub(crate) description: String,
}

impl Billed {
    /// What is left of a run that began so long ago that it is over.
    pub(crate) fn leftover(&self, platform: &Platform, older_than: Timestamp) -> Option<FoundLeftover> {
        let run_id = self.description.strip_prefix(MARKER)?;
        let began = began(run_id).filter(|began| *began < older_than)?;
        if self.status == platform.invoice.void_status.as_str() {
            return None;
        }
        let (what, run_id) = (format!("{} invoice", self.status), run_id.to_owned());
        Some(FoundLeftover { what, id: written_id(&self.id), run_id, began, removed: false })
    }
}

/// One payment.
#[derive(Clone, Debug)]
pub(crate) struct Paid {
    pub(crate) reference: String,
    pub(crate) amount: Option<f64>,
    pub(crate) currency: String,
    pub(crate) status: String,
}

/// The invoices of an answer.
///
/// # Errors
/// A mismatch when it is no list.
pub(crate) fn billed(platform: &Platform, response: &Response) -> Result<Vec<Billed>, Mismatch> {
    let names = &platform.invoice;
    let read = |item: &Value| {
        let text = |pointer: &str| item.pointer(pointer).map(written_id).unwrap_or_default();
        Some(Billed {
            id: item.pointer(names.id.as_str())?.clone(),
            status: text(names.status.as_str()),
            description: text(names.description.as_str()),
        })
    };
    Ok(json_list(response, platform.wrapper.as_str())?.iter().filter_map(read).collect())
}

/// The payments of an answer.
///
/// # Errors
/// A mismatch when it is no list.
pub(crate) fn paid(platform: &Platform, response: &Response) -> Result<Vec<Paid>, Mismatch> {
    let names = &platform.payment;
    let read = |item: &Value| {
        let text = |pointer: &str| item.pointer(pointer).map(written_id).unwrap_or_default();
        Paid {
            reference: text(names.reference.as_str()),
            amount: item.pointer(names.amount.as_str()).and_then(number),
            currency: text(names.currency.as_str()),
            status: text(names.status.as_str()),
        }
    };
    Ok(json_list(response, platform.wrapper.as_str())?.iter().map(read).collect())
}

/// A delivery of an event.
pub(crate) fn delivery(site: &runtime::session::Site, body: String, signature: &str) -> Request {
    let names = &site.platform.webhook;
    Request::new(Method::POST, names.path.below(&site.base_url))
        .header("accept", "application/json")
        .header("content-type", "application/json; charset=utf-8")
        // Whoever has it could deliver the same event again.
        .secret_header(names.header.as_str(), signature)
        .body(body)
        .deadline(site.deadline)
        .max_redirects(0)
}

/// Undoes what a run made: pays back, then makes its invoices void. Does no harm when nothing is there.
pub(crate) struct Undo {
    pub(crate) background_session: BackgroundSession,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) secret: SecretString,
    pub(crate) student: Value,
    pub(crate) currency: String,
    pub(crate) run_id: String,
}

impl Undo {
    /// # Errors
    /// What is left, or may be, and why.
    pub(crate) async fn run(&self) -> Result<(), String> {
        let paid = self.paid().await?;
        let references: BTreeSet<&str> = paid.iter().map(|payment| payment.reference.as_str()).collect();
        for reference in &references {
            let amount =
                paid.iter().find(|payment| payment.reference == **reference).and_then(|payment| payment.amount);
            self.pay_back(reference, amount).await?;
        }
        if !references.is_empty() {
            self.until_paid_back().await?;
        }
        for invoice in self.unpaid().await? {
            self.make_void(&invoice).await?;
        }
        Ok(())
    }

    /// What was paid and not paid back.
    async fn paid(&self) -> Result<Vec<Paid>, String> {
        let names = &self.platform().payment;
        let answer =
            self.get(names.list.at(&self.background_session.site().base_url, &self.student_ids().as_value())).await?;
        let all = paid(self.platform(), &answer).map_err(|mismatch| self.may_be_left(&mismatch.actual))?;
        let own = references_of(&self.run_id);
        let is_kept = |payment: &Paid| payment.status != names.refunded_status.as_str();
        Ok(all.into_iter().filter(|payment| payment.reference.starts_with(&own) && is_kept(payment)).collect())
    }

    async fn pay_back(&self, reference: &str, amount: Option<f64>) -> Result<(), String> {
        let now = self.clock.now();
        let payment = Payment {
            reference,
            invoice: &Value::Null,
            // The platform's own amounts are whole.
            amount: amount.map_or(0, |amount| amount.round().max(0.0) as u64),
            currency: &self.currency,
            student: &self.student,
            run_id: &self.run_id,
            created: now,
        };
        let body = payment.refund(&self.platform().webhook);
        let signature = signature(&self.secret, &body, now);
        let answer =
            self.background_session.send_apart(delivery(self.background_session.site(), body, &signature)).await;
        let answer = answer.map_err(|error| self.may_be_left(&error))?;
        status(&answer, self.platform().webhook.accepted.as_slice())
            .map_err(|mismatch| self.may_be_left(&format!("the refund of {reference}: {}", mismatch.actual)))
    }

    async fn until_paid_back(&self) -> Result<(), String> {
        for _ in 0..LOOKS {
            self.clock.sleep(LOOK_EVERY).await;
            if self.paid().await?.is_empty() {
                return Ok(());
            }
        }
        Err(self.may_be_left("the refund was accepted, and not worked off yet"))
    }

    /// The run's invoices that are to be paid.
    async fn unpaid(&self) -> Result<Vec<Billed>, String> {
        let names = &self.platform().invoice;
        let answer =
            self.get(names.list.at(&self.background_session.site().base_url, &self.student_ids().as_value())).await?;
        let all = billed(self.platform(), &answer).map_err(|mismatch| self.may_be_left(&mismatch.actual))?;
        let own = marker(&self.run_id);
        let is_open = |invoice: &Billed| invoice.status != names.void_status.as_str();
        Ok(all.into_iter().filter(|invoice| invoice.description == own && is_open(invoice)).collect())
    }

    async fn make_void(&self, invoice: &Billed) -> Result<(), String> {
        let names = &self.platform().invoice;
        let id = written_id(&invoice.id);
        let url = names.path.at(&self.background_session.site().base_url, &[("invoice", &id)]);
        let body = names.void_body.with(&[("invoice", &invoice.id)]);
        let answer = self
            .background_session
            .send(Method::PUT, url, Some(&body))
            .await
            .map_err(|error| self.may_be_left(&error))?;
        status(&answer, names.updated.as_slice()).map_err(|mismatch| {
            self.may_be_left(&format!("invoice {id} is {}, to be made void: {}", invoice.status, mismatch.actual))
        })
    }

    async fn get(&self, url: probe::Url) -> Result<Response, String> {
        let answer =
            self.background_session.send(Method::GET, url, None).await.map_err(|error| self.may_be_left(&error))?;
        status(&answer, &[200]).map_err(|mismatch| self.may_be_left(&mismatch.actual))?;
        Ok(answer)
    }

    fn student_ids(&self) -> OfStudent {
        OfStudent(written_id(&self.student))
    }

    fn platform(&self) -> &Platform {
        &self.background_session.site().platform
    }

    fn may_be_left(&self, why: &str) -> String {
        format!("{why}; invoices and payments with the text {} may be left", marker(&self.run_id))
    }
}

/// The student's id, for a path.
pub(crate) struct OfStudent(pub(crate) String);

impl OfStudent {
    pub(crate) fn as_value(&self) -> [(&'static str, &str); 1] {
        [("student", &self.0)]
    }
}
