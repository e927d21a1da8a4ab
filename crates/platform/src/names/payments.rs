//! The platform's names for invoices and payments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use settings::{Name, Pointer, Statuses};

use crate::templates::{InvoiceBody, InvoicePath, PaymentsPath, StudentPath, VoidBody};

/// Invoices. Amounts are in the currency's smallest unit, as numbers or strings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Invoice {
    /// Path of a student's invoices, with `{student}`. Default `/api/students/{student}/invoices`.
    pub list: StudentPath,
    /// Path to create an invoice, with `{student}`. Default `/api/students/{student}/invoices`.
    pub create: StudentPath,
    /// Path to read and void (PUT) an invoice, with `{invoice}`. Default `/api/invoices/{invoice}`.
    pub path: InvoicePath,
    /// Body to create an invoice. Placeholders: `{amount}`, `{currency}` and `{marker}`, which are required, and
    /// `{student}`. Default: as `settings show` prints it.
    pub body: InvoiceBody,
    /// Body to void an invoice; `{invoice}` is optional. Default: as `settings show` prints it.
    pub void_body: VoidBody,
    /// Statuses of a created invoice. Default 201, 200.
    pub created: Statuses,
    /// Statuses of a changed invoice. Default 200, 204.
    pub updated: Statuses,
    /// Statuses of an answer that means that the school takes no online payments. The check then skips the remaining
    /// steps and passes. Every 4xx has other causes that must be noticed (403 a lost permission, 404 a removed route,
    /// 409 and 422 a changed rule), so a school without online payments fails at `invoices` by default, and the failure
    /// names the status to add. Default none.
    pub unsupported_statuses: Vec<u16>,
    /// Id of the invoice. Default `/id`.
    pub id: Pointer,
    /// Amount to pay. Default `/total`.
    pub total: Pointer,
    /// Currency. Default `/currency`.
    pub currency: Pointer,
    /// Description, which carries the marker. Default `/description`.
    pub description: Pointer,
    /// Status of the invoice. Default `/status`.
    pub status: Pointer,
    /// Status of an open invoice. Default `open`.
    pub open_status: Name,
    /// Status of a paid invoice. Default `paid`.
    pub paid_status: Name,
    /// Status of a void invoice. Default `void`.
    pub void_status: Name,
}

/// Payments of a student, and the student's balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Payment {
    /// Path of a student's payments, with `{student}`. Default `/api/students/{student}/payments`.
    pub list: StudentPath,
    /// Id at the provider: that of the payment intent. Default `/provider_reference`.
    pub reference: Pointer,
    /// Amount paid. Default `/amount`.
    pub amount: Pointer,
    /// Currency. Default `/currency`.
    pub currency: Pointer,
    /// Status of the payment. Default `/status`.
    pub status: Pointer,
    /// Status of a successful payment. Default `succeeded`.
    pub succeeded_status: Name,
    /// Status of a refunded payment. Default `refunded`.
    pub refunded_status: Name,
    /// Path of a student's balance, with `{student}`. Default `/api/students/{student}/balance`.
    pub balance_path: StudentPath,
    /// Balance, in either sign convention. Default `/balance`.
    pub balance: Pointer,
}

/// All payments of a school, page by page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SchoolPayments {
    /// Path of the payments, page by page, with `{school}`; optional `{from}` and `{to}` (days such as `2026-11-23`)
    /// and `{page}`. Default `/api/schools/{school}/payments?from={from}&to={to}&page={page}`.
    pub path: PaymentsPath,
    /// Next page, from the top of the answer: a page number, or a URL at the platform. Without a value there, the usual
    /// places count, such as `/links/next`. Default `/next`.
    pub next: Pointer,
    /// Statuses of an answer that means that the school takes no online payments. A missing route must not look the
    /// same. Default none.
    pub unsupported_statuses: Vec<u16>,
    /// Id of the payment. A payment listed on two pages, because another one was added in between, counts once. Default
    /// `/id`.
    pub id: Pointer,
    /// Id at the provider: that of the payment intent. Default `/provider_reference`.
    pub reference: Pointer,
    /// Amount paid. Default `/amount`.
    pub amount: Pointer,
    /// Currency. Default `/currency`.
    pub currency: Pointer,
    /// Status of the payment. Default `/status`.
    pub status: Pointer,
    /// Time of recording. Default `/created_at`.
    pub created_at: Pointer,
    /// Flag of payments made by synthetic traffic; those without it are not. Default `/synthetic`.
    pub synthetic: Pointer,
    /// Statuses of a payment for which money was received, refunded or not. Default `succeeded`, `refunded`.
    pub succeeded_statuses: Vec<Name>,
}

impl Default for SchoolPayments {
    fn default() -> Self {
        let pointer = |text: &'static str| Pointer::from_static(text);
        Self {
            path: PaymentsPath::from_static("/api/schools/{school}/payments?from={from}&to={to}&page={page}"),
            next: pointer("/next"),
            unsupported_statuses: Vec::new(),
            id: pointer("/id"),
            reference: pointer("/provider_reference"),
            amount: pointer("/amount"),
            currency: pointer("/currency"),
            status: pointer("/status"),
            created_at: pointer("/created_at"),
            synthetic: pointer("/synthetic"),
            succeeded_statuses: vec![Name::from_static("succeeded"), Name::from_static("refunded")],
        }
    }
}

impl Default for Invoice {
    fn default() -> Self {
        let pointer = |text: &'static str| Pointer::from_static(text);
        let list = StudentPath::from_static("/api/students/{student}/invoices");
        let body = json!({ "total": "{amount}", "currency": "{currency}", "description": "{marker}" });
        Self {
            create: list.clone(),
            list,
            path: InvoicePath::from_static("/api/invoices/{invoice}"),
            body: InvoiceBody::from_static(&body),
            void_body: VoidBody::from_static(&json!({ "status": "void" })),
            created: Statuses::from_static(&[201, 200]),
            updated: Statuses::from_static(&[200, 204]),
            unsupported_statuses: Vec::new(),
            id: pointer("/id"),
            total: pointer("/total"),
            currency: pointer("/currency"),
            description: pointer("/description"),
            status: pointer("/status"),
            open_status: Name::from_static("open"),
            paid_status: Name::from_static("paid"),
            void_status: Name::from_static("void"),
        }
    }
}

impl Default for Payment {
    fn default() -> Self {
        let pointer = |text: &'static str| Pointer::from_static(text);
        Self {
            list: StudentPath::from_static("/api/students/{student}/payments"),
            reference: pointer("/provider_reference"),
            amount: pointer("/amount"),
            currency: pointer("/currency"),
            status: pointer("/status"),
            succeeded_status: Name::from_static("succeeded"),
            refunded_status: Name::from_static("refunded"),
            balance_path: StudentPath::from_static("/api/students/{student}/balance"),
            balance: pointer("/balance"),
        }
    }
}
