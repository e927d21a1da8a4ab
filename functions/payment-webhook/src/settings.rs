//! The settings of the check: what is written, and what it must be.

use std::time::Duration;

use runtime::Check;
use runtime::session::Site;
use runtime::settings::{Common, RawCounting, RawCredentials, Section, written_duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::PaymentWebhook;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// As written.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPaymentWebhook {
    /// The longest one request may take, from the name to the last byte. Default 10s.
    #[serde(skip_serializing_if = "Option::is_none")]
    step_deadline: Option<String>,
    /// The id of the synthetic student, a text or a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    student: Option<Value>,
    /// What the invoices are about, in the currency's smallest unit. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<u64>,
    /// The currency of the invoices. Default dkk.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// A reference to the webhook secret that synthetic events are signed with: one of its own, good for the synthetic
    /// school only.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_secret: Option<String>,
    /// How long an accepted event may wait until its invoice is paid. Default 10s.
    #[serde(skip_serializing_if = "Option::is_none")]
    processing_deadline: Option<String>,
    /// How old an invoice of ours must be to be taken for left behind: more than any run lasts. Default 15m.
    #[serde(skip_serializing_if = "Option::is_none")]
    leftover_after: Option<String>,
    /// The account that makes invoices. No other check, location or person may use it.
    account: RawCredentials,
    /// Rates of real users, from the operations counters; none without this table.
    #[serde(skip_serializing_if = "Option::is_none")]
    counters: Option<RawCounting>,
}

impl RawPaymentWebhook {
    /// `None` when something is wrong; the section holds all problems then.
    pub(crate) fn validate(self, section: &Section<'_>, common: &Common) -> Option<PaymentWebhook> {
        let check = PaymentWebhook::ID;
        let deadline = section.duration("step_deadline", self.step_deadline, SECOND * 10, SECOND / 10..=SECOND * 20);
        let student = section.id("student", self.student);
        let amount = section.number("amount", self.amount, 1, 1..=100_000);
        let currency = section.text("currency", Some(self.currency.unwrap_or_else(|| "dkk".to_owned())));
        let secret = section.required("webhook_secret", self.webhook_secret);
        let secret =
            secret.and_then(|written| section.secret("webhook_secret", Some(written), &common.environment, check));
        let processing =
            section.duration("processing_deadline", self.processing_deadline, SECOND * 10, SECOND..=MINUTE * 4);
        let leftover_after =
            section.duration("leftover_after", self.leftover_after, MINUTE * 15, MINUTE * 2..=MINUTE * 1440);
        let credentials = self.account.validate(&section.table("account"), common, check);
        let counting = match self.counters {
            None => Some(None),
            Some(counters) => counters.validate(&section.table("counters"), common, check).map(Some),
        };
        let site = Site { base_url: common.base_url.clone(), platform: common.platform.clone(), deadline: deadline? };
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

impl PaymentWebhook {
    /// As it would be written, every default in its place.
    pub(crate) fn to_raw(&self) -> RawPaymentWebhook {
        RawPaymentWebhook {
            step_deadline: Some(written_duration(self.site.deadline)),
            student: Some(self.student.clone()),
            amount: Some(self.amount),
            currency: Some(self.currency.clone()),
            webhook_secret: Some(self.secret.to_string()),
            processing_deadline: Some(written_duration(self.processing_deadline)),
            leftover_after: Some(written_duration(self.leftover_after)),
            account: RawCredentials::from(&self.credentials),
            counters: self.counting.as_ref().map(RawCounting::from),
        }
    }
}
