//! What the platform's invoices, payments and webhook are called.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::checked::{
    HeaderName, IntentEvent, InvoiceBody, InvoicePath, Name, Path, PaymentsPath, Pointer, RefundEvent, Statuses,
    StudentPath, VoidBody, members,
};

/// Invoices. Amounts are in the currency's smallest unit, as numbers or texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Invoice {
    /// Where a student's invoices are listed, with `{student}`.
    pub list: StudentPath,
    /// Where one is made, with `{student}`.
    pub create: StudentPath,
    /// Where one invoice is read and changed (PUT), with `{invoice}`.
    pub path: InvoicePath,
    /// What is sent to make one.
    pub body: InvoiceBody,
    /// What is sent to make one void.
    pub void_body: VoidBody,
    /// The statuses of one that was made.
    pub created: Statuses,
    /// The statuses of one that was changed.
    pub updated: Statuses,
    /// The statuses of an answer that says that the school takes no payments online. None by default: a route that is gone
    /// must not look like that.
    pub unsupported_statuses: Vec<u16>,
    /// Its id.
    pub id: Pointer,
    /// What is to be paid.
    pub total: Pointer,
    /// Its currency.
    pub currency: Pointer,
    /// Its text, which carries the marker.
    pub description: Pointer,
    /// Its status.
    pub status: Pointer,
    /// The status of one that is to be paid.
    pub open_status: Name,
    /// The status of one that was paid.
    pub paid_status: Name,
    /// The status of one that need not be paid any more.
    pub void_status: Name,
}

/// Payments of a student, and what the student owes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Payment {
    /// Where a student's payments are listed, with `{student}`.
    pub list: StudentPath,
    /// The id at the provider: of the payment intent.
    pub reference: Pointer,
    /// What was paid.
    pub amount: Pointer,
    /// Its currency.
    pub currency: Pointer,
    /// Its status.
    pub status: Pointer,
    /// The status of one that was made.
    pub succeeded_status: Name,
    /// The status of one that was paid back.
    pub refunded_status: Name,
    /// Where a student's balance stands, with `{student}`.
    pub balance_path: StudentPath,
    /// The balance, whatever its sign says.
    pub balance: Pointer,
}

/// All payments of a school, page by page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SchoolPayments {
    /// Where they are listed, with `{school}`; of use `{from}` and `{to}` (days) and `{page}`.
    pub path: PaymentsPath,
    /// What follows a page: a number, a URL, or nothing.
    pub next: Pointer,
    /// The statuses of an answer that says that the school takes no payments online. None by default: a route that is gone
    /// must not look like that.
    pub unsupported_statuses: Vec<u16>,
    /// Its own id: a payment that stands on two pages, since another one came meanwhile, is one.
    pub id: Pointer,
    /// The id at the provider: of the payment intent.
    pub reference: Pointer,
    /// What was paid.
    pub amount: Pointer,
    /// Its currency.
    pub currency: Pointer,
    /// Its status.
    pub status: Pointer,
    /// When it was recorded.
    pub created_at: Pointer,
    /// Whether synthetic traffic made it.
    pub synthetic: Pointer,
    /// The statuses of one for which money came in, whether it was paid back or not.
    pub succeeded_statuses: Vec<Name>,
}

impl Default for SchoolPayments {
    fn default() -> Self {
        let pointer = |text: &str| Pointer(text.to_owned());
        let path = "/api/schools/{school}/payments?from={from}&to={to}&page={page}";
        Self {
            path: PaymentsPath(path.to_owned()),
            next: pointer("/next"),
            unsupported_statuses: Vec::new(),
            id: pointer("/id"),
            reference: pointer("/provider_reference"),
            amount: pointer("/amount"),
            currency: pointer("/currency"),
            status: pointer("/status"),
            created_at: pointer("/created_at"),
            synthetic: pointer("/synthetic"),
            succeeded_statuses: vec![Name("succeeded".to_owned()), Name("refunded".to_owned())],
        }
    }
}

/// The payment provider's webhook, by Stripe's scheme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// Where events are delivered.
    pub path: Path,
    /// The header of the signature.
    pub header: HeaderName,
    /// The statuses of an event that was taken.
    pub accepted: Statuses,
    /// The statuses of one whose signature is wrong, or too old.
    pub refused: Statuses,
    /// What events say of themselves: some handlers leave out what is not live.
    pub livemode: bool,
    /// A `payment_intent.…` event.
    pub intent_event: IntentEvent,
    /// A `charge.refunded` event.
    pub refund_event: RefundEvent,
}

impl Default for Invoice {
    fn default() -> Self {
        let pointer = |text: &str| Pointer(text.to_owned());
        let list = StudentPath("/api/students/{student}/invoices".to_owned());
        let body = json!({ "total": "{amount}", "currency": "{currency}", "description": "{marker}" });
        Self {
            create: list.clone(),
            list,
            path: InvoicePath("/api/invoices/{invoice}".to_owned()),
            body: InvoiceBody(members(&body)),
            void_body: VoidBody(members(&json!({ "status": "void" }))),
            created: Statuses(vec![201, 200]),
            updated: Statuses(vec![200, 204]),
            unsupported_statuses: Vec::new(),
            id: pointer("/id"),
            total: pointer("/total"),
            currency: pointer("/currency"),
            description: pointer("/description"),
            status: pointer("/status"),
            open_status: Name("open".to_owned()),
            paid_status: Name("paid".to_owned()),
            void_status: Name("void".to_owned()),
        }
    }
}

impl Default for Payment {
    fn default() -> Self {
        let pointer = |text: &str| Pointer(text.to_owned());
        Self {
            list: StudentPath("/api/students/{student}/payments".to_owned()),
            reference: pointer("/provider_reference"),
            amount: pointer("/amount"),
            currency: pointer("/currency"),
            status: pointer("/status"),
            succeeded_status: Name("succeeded".to_owned()),
            refunded_status: Name("refunded".to_owned()),
            balance_path: StudentPath("/api/students/{student}/balance".to_owned()),
            balance: pointer("/balance"),
        }
    }
}

impl Default for Webhook {
    fn default() -> Self {
        let event = |kind: &str, object: Value| {
            members(&json!({
                "id": "{event}",
                "object": "event",
                "type": kind,
                "created": "{created}",
                "livemode": "{livemode}",
                "data": { "object": object },
            }))
        };
        let metadata = json!({ "invoice_id": "{invoice}", "synthetic": "{marker}" });
        let intent = json!({
            "id": "{intent}",
            "object": "payment_intent",
            "amount": "{amount}",
            "amount_received": "{amount}",
            "currency": "{currency}",
            "created": "{created}",
            "livemode": "{livemode}",
            "status": "{status}",
            "latest_charge": "{charge}",
            "metadata": metadata,
        });
        let charge = json!({
            "id": "{charge}",
            "object": "charge",
            "amount": "{amount}",
            "amount_refunded": "{amount}",
            "currency": "{currency}",
            "created": "{created}",
            "livemode": "{livemode}",
            "payment_intent": "{intent}",
            "refunded": true,
            "metadata": metadata,
        });
        Self {
            path: Path("/api/payments/stripe/webhook".to_owned()),
            header: HeaderName("Stripe-Signature".to_owned()),
            accepted: Statuses(vec![200, 201, 202, 204]),
            refused: Statuses(vec![400, 401, 403]),
            livemode: false,
            intent_event: IntentEvent(event("{type}", intent)),
            refund_event: RefundEvent(event("charge.refunded", charge)),
        }
    }
}
