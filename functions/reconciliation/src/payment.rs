//! Reading of one payment in either side's format, without synthetic ones.

use check::{FailureKind, Mismatch};
use jiff::Timestamp;
use platform::Platform;
use probe::expect::number;
use serde_json::Value;
use settings::written_id;

use crate::ledger::{Entry, Status};

/// Prefix of the references of synthetic payments.
const SYNTHETIC: &str = "pi_synthetic_";

/// Reads a payment of the platform, with its reference. Returns `None` if it is synthetic or was not paid online.
///
/// # Errors
/// A mismatch if its amount or time is unreadable.
pub(crate) fn payment(platform: &Platform, payment: &Value) -> Result<Option<(Box<str>, Entry)>, Mismatch> {
    let names = &platform.school_payments;
    let text = |pointer: &str| payment.pointer(pointer).map(written_id).unwrap_or_default();
    let reference = text(names.reference.as_str());
    let is_synthetic =
        payment.pointer(names.synthetic.as_str()).is_some_and(|synthetic| *synthetic == true || *synthetic == 1);
    // Only online payments have a reference.
    if is_synthetic || reference.is_empty() || reference == "null" || reference.starts_with(SYNTHETIC) {
        return Ok(None);
    }
    let at = payment.pointer(names.created_at.as_str()).and_then(|at| platform.times.read(at));
    let amount = payment.pointer(names.amount.as_str()).and_then(number);
    let (Some(at), Some(amount)) = (at, amount) else {
        return Err(Mismatch {
            kind: FailureKind::Assertion,
            expected: format!("an amount at {} and a time at {}", names.amount.as_str(), names.created_at.as_str()),
            actual: "a payment without both".to_owned(),
            evidence: Some(reference),
        });
    };
    let platform_status = text(names.status.as_str());
    let has_succeeded = names.succeeded_statuses.iter().any(|status| status.as_str() == platform_status);
    let status = if has_succeeded { Status::Succeeded } else { Status::Other };
    let currency = text(names.currency.as_str()).to_lowercase().into();
    Ok(Some((reference.into(), Entry { amount, currency, status, at, count: 1 })))
}

/// Reads a payment intent of the provider, with its id. Returns `None` if it is synthetic or has no id or time.
pub(crate) fn intent(intent: &Value) -> Option<(Box<str>, Entry)> {
    let id = intent["id"].as_str().unwrap_or_default();
    if id.is_empty() || id.starts_with(SYNTHETIC) || !intent["metadata"]["synthetic"].is_null() {
        return None;
    }
    let has_succeeded = intent["status"] == "succeeded";
    let time = |at: &Value| at.as_i64().and_then(|at| Timestamp::from_second(at).ok());
    let charged = time(&intent["latest_charge"]["created"]).filter(|_| has_succeeded);
    let at = charged.or_else(|| time(&intent["created"]))?;
    let amount = if has_succeeded { &intent["amount_received"] } else { &intent["amount"] };
    let amount = number(amount).or_else(|| number(&intent["amount"])).unwrap_or_default();
    let currency = intent["currency"].as_str().unwrap_or_default().to_lowercase().into();
    let status = if has_succeeded { Status::Succeeded } else { Status::Other };
    Some((id.into(), Entry { amount, currency, status, at, count: 1 }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns a valid payment with some members changed.
    fn with(mut value: Value, changes: Value) -> Value {
        for (name, change) in changes.as_object().unwrap() {
            value[name] = change.clone();
        }
        value
    }

    fn paid(changes: Value) -> Option<(Box<str>, Entry)> {
        let right = json!({ "id": 1, "provider_reference": "pi_1", "amount": "100", "currency": "DKK", "status": "refunded",
            "created_at": "2026-11-24T10:00:00Z", "synthetic": false });
        payment(&Platform::default(), &with(right, changes)).unwrap()
    }

    fn begun(changes: Value) -> Option<(Box<str>, Entry)> {
        let right = json!({ "id": "pi_1", "amount": 100, "amount_received": 90, "currency": "DKK", "status": "succeeded",
            "created": 1_795_000_000, "metadata": {}, "latest_charge": "ch_1" });
        intent(&with(right, changes))
    }

    #[test]
    fn synthetic_payments_are_ignored_by_either_mark() {
        assert!(paid(json!({})).is_some());
        for synthetic in [
            json!({ "synthetic": true }),
            json!({ "synthetic": 1 }),
            json!({ "provider_reference": "pi_synthetic_1_paid" }),
        ] {
            assert_eq!(paid(synthetic.clone()), None, "{synthetic}");
        }
        assert!(begun(json!({})).is_some());
        for synthetic in [json!({ "id": "pi_synthetic_1_paid" }), json!({ "metadata": { "synthetic": "1" } })] {
            assert_eq!(begun(synthetic.clone()), None, "{synthetic}");
        }
    }

    #[test]
    fn cash_payments_are_ignored() {
        for cash in [json!({ "provider_reference": null }), json!({ "provider_reference": "" })] {
            assert_eq!(paid(cash.clone()), None, "{cash}");
        }
    }

    #[test]
    fn payment_time_is_the_charge_or_else_the_intent() {
        let at = |entry: Option<(Box<str>, Entry)>| entry.unwrap().1.at.as_second();
        assert_eq!(at(begun(json!({}))), 1_795_000_000, "the charge is not expanded");
        let charge = json!({ "created": 1_795_030_000 });
        assert_eq!(at(begun(json!({ "latest_charge": charge.clone() }))), 1_795_030_000);
        let failed = json!({ "latest_charge": charge, "status": "requires_payment_method" });
        assert_eq!(at(begun(failed)), 1_795_000_000, "the charge failed");
        assert_eq!(begun(json!({})).unwrap().1.amount, 90.0, "the received amount");
    }

    #[test]
    fn payment_without_amount_or_time_is_a_mismatch() {
        for changes in [json!({ "amount": "much" }), json!({ "created_at": null })] {
            let right = json!({ "provider_reference": "pi_1", "amount": 1, "created_at": "2026-11-24T10:00:00Z" });
            assert!(payment(&Platform::default(), &with(right, changes.clone())).is_err(), "{changes}");
        }
    }
}
