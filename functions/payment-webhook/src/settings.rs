//! Settings of the check: the raw TOML section and its validation.

use std::time::Duration;

use platform::{Counting, Credentials, RawCounting, RawCredentials, Site};
use runtime::Check;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use settings::{Common, RawDuration, RawId, RawReference, SecretRef, Section, optional};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// The payment webhook check.
pub struct PaymentWebhook {
    /// The platform, its API names and the deadline of a request.
    pub site: Site,
    /// The account that creates invoices.
    pub credentials: Credentials,
    /// Id of the synthetic student.
    pub student: Value,
    /// Amount of an invoice, in the currency's smallest unit.
    pub amount: u64,
    /// Currency of the invoices.
    pub currency: String,
    /// Reference to the webhook secret for synthetic events.
    pub secret: SecretRef,
    /// Maximum time from an accepted event to its paid invoice.
    pub processing_deadline: Duration,
    /// Age from which a synthetic invoice counts as a leftover.
    pub leftover_after: Duration,
    /// Settings of the real users' counters; `None` skips the step `counters`.
    pub counting: Option<Counting>,
}

/// Settings of the check `payment-webhook`, which pays and refunds an invoice with synthetic Stripe events.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPaymentWebhook {
    /// Longest time that one request may take, from name resolution to the last byte: 100ms to 20s. The whole flow has
    /// the run's `deadline`. Default 10s.
    step_deadline: Option<RawDuration>,
    /// Id of the synthetic student whose invoices are paid. Use it for this check and location only, since the check
    /// verifies its balance. Required.
    student: Option<RawId>,
    /// Amount of an invoice, in the currency's smallest unit: 1 to 100000. Default 1.
    amount: Option<u64>,
    /// Currency of the invoices: three letters. The events have it in lower case, as Stripe writes it. Default dkk.
    currency: Option<String>,
    /// Reference to the secret that signs synthetic events: a separate secret, valid for the synthetic school only.
    /// With the production secret, anyone who controls the monitor could forge payments. Required.
    webhook_secret: Option<RawReference>,
    /// Longest time that an accepted event may take to pay its invoice: 1s to 4m, within the budget. Longer is a
    /// failure of kind `stale`. Default 10s.
    processing_deadline: Option<RawDuration>,
    /// Age from which a synthetic invoice counts as a leftover, longer than any run takes: 2m to 24h. Default 15m.
    leftover_after: Option<RawDuration>,
    /// Account that creates invoices, without a second factor. No other check, location or person may use it. Required.
    account: RawCredentials,
    /// Rates of real users, from the operations counters. Default: not measured.
    counters: Option<RawCounting>,
}

impl RawPaymentWebhook {
    /// Returns the validated check, or `None` after reporting all problems to the section.
    pub(crate) fn validate(self, section: &Section<'_>, common: &Common) -> Option<PaymentWebhook> {
        let check = PaymentWebhook::ID;
        let deadline = section.duration("step_deadline", self.step_deadline, SECOND * 10, SECOND / 10..=SECOND * 20);
        let student = section.id("student", self.student);
        let amount = section.number("amount", self.amount, 1, 1..=100_000);
        let currency = section.or_default("currency", self.currency, "dkk".to_owned());
        let currency = section.parsed("currency", check_currency(&currency)).map(|()| currency);
        let secret = section.required("webhook_secret", self.webhook_secret);
        let secret =
            secret.and_then(|written| section.secret("webhook_secret", Some(written), &common.environment, check));
        let processing =
            section.duration("processing_deadline", self.processing_deadline, SECOND * 10, SECOND..=MINUTE * 4);
        let leftover_after =
            section.duration("leftover_after", self.leftover_after, MINUTE * 15, MINUTE * 2..=MINUTE * 1440);
        let credentials = self.account.validate(&section.table("account"), common, check);
        let counting = optional(self.counters, |counters| counters.validate(&section.table("counters"), common, check));
        let site = Site::read(section, common, deadline?)?;
        Some(PaymentWebhook {
            site,
            credentials: credentials?,
            student: student?,
            amount: amount?,
            currency: currency?,
            secret: secret?,
            processing_deadline: processing?,
            leftover_after: leftover_after?,
            counting: counting?,
        })
    }
}

fn check_currency(text: &str) -> Result<(), String> {
    if text.len() == 3 && text.bytes().all(|letter| letter.is_ascii_alphabetic()) {
        return Ok(());
    }
    Err(format!("expected a currency of three letters, such as \"dkk\", found `{text}`"))
}
