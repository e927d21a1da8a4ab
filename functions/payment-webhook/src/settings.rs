//! Settings of the check: the raw TOML section and its validation.

use std::time::Duration;

use platform::{RawCounting, RawCredentials, Site};
use runtime::Check;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use settings::{Common, Section, written_duration};

use crate::PaymentWebhook;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Settings of the check `payment-webhook`, which pays and refunds an invoice with synthetic Stripe events.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPaymentWebhook {
    /// Deadline of one request, from name resolution to the last byte: 100ms to 20s. Default 10s.
    #[serde(skip_serializing_if = "Option::is_none")]
    step_deadline: Option<String>,
    /// Id of the synthetic student, a text or a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    student: Option<Value>,
    /// Amount of an invoice, in the currency's smallest unit: 1 to 100000. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<u64>,
    /// Currency of the invoices. Default dkk.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// Reference to the webhook secret for synthetic events, a separate secret valid only for the synthetic school.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_secret: Option<String>,
    /// Maximum time from an accepted event to its paid invoice: 1s to 4m. Default 10s.
    #[serde(skip_serializing_if = "Option::is_none")]
    processing_deadline: Option<String>,
    /// Age from which a synthetic invoice counts as a leftover, longer than any run takes: 2m to 24h. Default 15m.
    #[serde(skip_serializing_if = "Option::is_none")]
    leftover_after: Option<String>,
    /// Account that creates invoices. No other check, location or person may use it.
    account: RawCredentials,
    /// Rates of real users, from the operations counters. Not measured without this table.
    #[serde(skip_serializing_if = "Option::is_none")]
    counters: Option<RawCounting>,
}

impl RawPaymentWebhook {
    /// Returns the validated check, or `None` after reporting all problems to the section.
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

impl PaymentWebhook {
    /// Returns the settings as TOML would hold them, with all defaults filled in.
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
