//! The payment provider's webhook: its names, and the events that Stripe would send to it.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use settings::{Path, PlainHeaderName, Statuses, checked_text};

use crate::templates::{IntentEvent, RefundEvent};

/// Webhook of the payment provider, in Stripe's scheme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// Path of the webhook. Default `/api/payments/stripe/webhook`.
    pub path: Path,
    /// Header of the signature. Default `Stripe-Signature`.
    pub header: PlainHeaderName,
    /// Statuses of an accepted event. Default 200, 201, 202, 204.
    pub accepted: Statuses,
    /// Statuses of an event whose signature is wrong or too old. Default 400, 401, 403.
    pub refused: Statuses,
    /// Value of `livemode` in events. Use `true` if the handler ignores events that are not live. Default false.
    pub livemode: bool,
    /// Value of `api_version` in events. Use the version of the platform's webhook endpoint at Stripe if the handler
    /// compares it with its own. Default `2026-10-28.endive`.
    pub api_version: ApiVersion,
    /// Body of a `payment_intent.…` event, as Stripe writes it. Placeholders: `{intent}`, `{event}`, `{type}`,
    /// `{amount}` and `{invoice}`, which are required, and `{amount_received}`, `{api_version}`, `{charge}`,
    /// `{created}`, `{currency}`, `{last_payment_error}`, `{livemode}`, `{marker}`, `{null}`, `{payment_method}`,
    /// `{request}`, `{status}` and `{student}`. `{null}` is the `null` of JSON, which TOML lacks. Default: as
    /// `settings show` prints it.
    pub intent_event: IntentEvent,
    /// Body of a `charge.refunded` event, as Stripe writes it. Placeholders: `{intent}`, `{event}` and `{amount}`,
    /// which are required, and `{api_version}`, `{charge}`, `{created}`, `{currency}`, `{invoice}`, `{livemode}`,
    /// `{marker}`, `{null}`, `{payment_method}`, `{request}` and `{student}`. Default: as `settings show` prints it.
    pub refund_event: RefundEvent,
}

checked_text! {
    /// Version of Stripe's API: a day, and a name since 2024.
    #[schemars(extend("x-type" = "API version"))]
    ApiVersion(check_api_version) = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[a-z_]+)?$"
}

fn check_api_version(text: &str) -> Result<(), String> {
    let (day, name) = text.split_once('.').unwrap_or((text, "unnamed"));
    let is_name = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
    // A day may be written without hyphens too.
    if day.len() == 10 && day.parse::<Date>().is_ok() && is_name {
        return Ok(());
    }
    Err(format!("expected a version of Stripe's API such as `2025-09-30.clover` or `2023-10-16`, found `{text}`"))
}

impl Default for Webhook {
    fn default() -> Self {
        Self {
            path: Path::from_static("/api/payments/stripe/webhook"),
            header: PlainHeaderName::from_static("Stripe-Signature"),
            accepted: Statuses::from_static(&[200, 201, 202, 204]),
            refused: Statuses::from_static(&[400, 401, 403]),
            livemode: false,
            api_version: ApiVersion::from_static("2026-10-28.endive"),
            intent_event: IntentEvent::from_static(&event("{type}", &payment_intent())),
            refund_event: RefundEvent::from_static(&event("charge.refunded", &charge())),
        }
    }
}

/// Adds attributes that are `null`. The placeholder stands for it, since TOML has no `null`.
fn with_nulls(mut object: Value, names: &[&str]) -> Value {
    for name in names {
        object[*name] = Value::from("{null}");
    }
    object
}

/// Event about `object`, with the attributes that Stripe's API reference calls present in every event.
fn event(kind: &str, object: &Value) -> Value {
    json!({
        "id": "{event}",
        "object": "event",
        "api_version": "{api_version}",
        "created": "{created}",
        "data": { "object": object },
        "livemode": "{livemode}",
        "pending_webhooks": 1,
        "request": { "id": "{request}", "idempotency_key": "{null}" },
        "type": kind,
    })
}

fn metadata() -> Value {
    json!({ "invoice_id": "{invoice}", "synthetic": "{marker}" })
}

/// Payment by card, with the attributes that the API reference calls present, nullable ones included.
fn payment_intent() -> Value {
    let card =
        with_nulls(json!({ "request_three_d_secure": "automatic" }), &["installments", "mandate_options", "network"]);
    let intent = json!({
        "id": "{intent}",
        "object": "payment_intent",
        "amount": "{amount}",
        "amount_capturable": 0,
        "amount_details": { "tip": {} },
        "amount_received": "{amount_received}",
        "automatic_payment_methods": { "allow_redirects": "always", "enabled": true },
        "capture_method": "automatic_async",
        // Not a secret: there is no such payment at Stripe.
        "client_secret": "{intent}_secret_synthetic",
        "confirmation_method": "automatic",
        "created": "{created}",
        "currency": "{currency}",
        "last_payment_error": "{last_payment_error}",
        "latest_charge": "{charge}",
        "livemode": "{livemode}",
        "metadata": metadata(),
        "payment_method": "{payment_method}",
        "payment_method_options": { "card": card },
        "payment_method_types": ["card"],
        "status": "{status}",
    });
    with_nulls(
        intent,
        &[
            "allowed_payment_method_types",
            "application",
            "application_fee_amount",
            "canceled_at",
            "cancellation_reason",
            "customer",
            "customer_account",
            "description",
            "excluded_payment_method_types",
            "managed_payments",
            "next_action",
            "on_behalf_of",
            "payment_method_configuration_details",
            "payment_record",
            "processing",
            "receipt_email",
            "review",
            "setup_future_usage",
            "shipping",
            "source",
            "statement_descriptor",
            "statement_descriptor_suffix",
            "transfer_data",
            "transfer_group",
        ],
    )
}

/// Charge that was refunded in full, with the attributes that the API reference calls present, nullable ones included.
fn charge() -> Value {
    let address = with_nulls(json!({}), &["city", "country", "line1", "line2", "postal_code", "state"]);
    let outcome = json!({
        "network_status": "approved_by_network",
        "risk_level": "normal",
        "seller_message": "Payment complete.",
        "type": "authorized",
    });
    let charge = json!({
        "id": "{charge}",
        "object": "charge",
        "amount": "{amount}",
        "amount_captured": "{amount}",
        "amount_refunded": "{amount}",
        "billing_details": with_nulls(json!({ "address": address }), &["email", "name", "phone", "tax_id"]),
        "captured": true,
        "created": "{created}",
        "currency": "{currency}",
        "disputed": false,
        "fraud_details": {},
        "livemode": "{livemode}",
        "metadata": metadata(),
        "outcome": with_nulls(outcome, &["advice_code", "network_advice_code", "network_decline_code", "reason"]),
        "paid": true,
        "payment_intent": "{intent}",
        "payment_method": "{payment_method}",
        "payment_method_details": { "card": card(), "type": "card" },
        "refunded": true,
        "status": "succeeded",
    });
    with_nulls(
        charge,
        &[
            "application",
            "application_fee",
            "application_fee_amount",
            "balance_transaction",
            "calculated_statement_descriptor",
            "customer",
            "description",
            "failure_balance_transaction",
            "failure_code",
            "failure_message",
            "on_behalf_of",
            "receipt_email",
            "receipt_number",
            "receipt_url",
            "review",
            "shipping",
            "source",
            "source_transfer",
            "statement_descriptor",
            "statement_descriptor_suffix",
            "transfer_data",
            "transfer_group",
        ],
    )
}

/// Stripe's test card.
fn card() -> Value {
    let checks = with_nulls(json!({ "cvc_check": "pass" }), &["address_line1_check", "address_postal_code_check"]);
    let card = json!({
        "amount_authorized": "{amount}",
        "brand": "visa",
        "checks": checks,
        "country": "US",
        "exp_month": 12,
        "exp_year": 2049,
        "funding": "credit",
        "last4": "4242",
        "network": "visa",
    });
    with_nulls(
        card,
        &[
            "authorization_code",
            "electronic_commerce_indicator",
            "installments",
            "mandate",
            "network_transaction_id",
            "regulated_status",
            "three_d_secure",
            "transaction_link_id",
            "wallet",
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_versions_are_checked() {
        for (text, is_valid) in [
            ("2026-10-28.endive", true),
            ("2025-06-30.basil", true),
            ("2023-10-16", true),
            ("2025-10-29.private_preview", true),
            ("", false),
            ("endive", false),
            ("20231016", false),
            ("2023-13-16", false),
            ("2025-06-30.", false),
            ("2025-06-30.Basil", false),
            ("2025-06-30 basil", false),
            ("2025-06-30.basil\n", false),
        ] {
            let read = ApiVersion::try_from(text.to_owned());
            assert_eq!(read.is_ok(), is_valid, "{text:?}");
            assert!(read.err().is_none_or(|error| error.ends_with(&format!("found `{text}`"))), "{text:?}");
        }
    }
}
