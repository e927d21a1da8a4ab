//! Reading of one payment in either side's format, without synthetic ones.

use check::{FailureKind, Mismatch, foreign, ours, phrase};
use jiff::Timestamp;
use platform::{Platform, flag_at, is_status, number_at, reference_at, text_at, time_at};
use probe::expect::number;
use serde_json::Value;
use settings::Pointer;

use crate::ledger::{Entry, Status};

/// Prefix of the references of synthetic payments.
const SYNTHETIC: &str = "pi_synthetic_";
/// Maximum length of the provider's id of a payment intent: that of Stripe's ids. **Units:** bytes.
const MAX_REFERENCE: usize = 255;

/// Reads a payment of the platform, with its reference. Returns `None` if it is synthetic was not paid online or is a
/// refund.
///
/// # Errors
/// A mismatch if one of its values is unreadable, or its reference too long.
pub(crate) fn payment(platform: &Platform, payment: &Value) -> Result<Option<(Box<str>, Entry)>, Mismatch> {
    let names = &platform.school_payments;
    // Only online payments have a reference.
    let Some(reference) = reference_at(payment, names.reference.as_str())? else { return Ok(None) };
    if reference.starts_with(SYNTHETIC) {
        return Ok(None);
    }
    short_reference(&reference, names.reference.as_str())?;
    let with_reference = |mismatch: Mismatch| mismatch.with_evidence(foreign(&reference));
    if flag_at(payment, names.synthetic.as_str()).map_err(with_reference)? == Some(true) {
        return Ok(None);
    }
    let missing = |what: &'static str, pointer: &Pointer| {
        let expected = phrase!("{} at {}", what, ours(pointer.as_str()));
        with_reference(Mismatch::new(FailureKind::Assertion, expected, "a payment without it"))
    };
    let amount = number_at(payment, names.amount.as_str()).map_err(with_reference)?;
    let amount = amount.ok_or_else(|| missing("an amount", &names.amount))?;
    if amount < 0.0 {
        // The refund of another row: the provider's refunds are no payments either.
        return Ok(None);
    }
    let at = time_at(&platform.times, payment, names.created_at.as_str()).map_err(with_reference)?;
    let at = at.ok_or_else(|| missing("a time", &names.created_at))?;
    let text =
        |pointer: &Pointer| text_at(payment, pointer.as_str()).map_err(with_reference).map(Option::unwrap_or_default);
    let platform_status = text(&names.status)?;
    let has_succeeded = names.succeeded_statuses.iter().any(|status| is_status(status.as_str(), &platform_status));
    let status = Status::read(has_succeeded, &platform_status);
    let currency = text(&names.currency)?.to_lowercase().into();
    let is_refunded = is_status(platform.payment.refunded_status.as_str(), &platform_status);
    Ok(Some((reference.into(), Entry { amount, currency, status, at, is_refunded, count: 1 })))
}

/// Refuses a reference that is too long, without quoting it: cut, it could be taken for another one.
fn short_reference(reference: &str, pointer: &str) -> Result<(), Mismatch> {
    if reference.len() <= MAX_REFERENCE {
        return Ok(());
    }
    let expected = phrase!("an id of at most {} bytes at {}", MAX_REFERENCE, ours(pointer));
    Err(Mismatch::new(FailureKind::Assertion, expected, phrase!("one of {}", reference.len())))
}

/// Reads a payment intent of the provider, with its id. Returns `None` if it is synthetic or has no id.
///
/// # Errors
/// A mismatch if its id is too long, or if it has no time or amount.
pub(crate) fn intent(intent: &Value) -> Result<Option<(Box<str>, Entry)>, Mismatch> {
    let id = intent["id"].as_str().unwrap_or_default();
    short_reference(id, "/id")?;
    // Metadata is always text at Stripe, also `false`.
    let is_marked = flag_at(intent, "/metadata/synthetic").is_ok_and(|marked| marked == Some(true));
    if id.is_empty() || id.starts_with(SYNTHETIC) || is_marked {
        return Ok(None);
    }
    let unreadable = || {
        let expected = "a payment intent with an amount and the time of its creation";
        Mismatch::new(FailureKind::Protocol, expected, "one without").with_evidence(foreign(id))
    };
    entry(intent).map(|entry| Some((id.into(), entry))).ok_or_else(unreadable)
}

fn entry(intent: &Value) -> Option<Entry> {
    let has_succeeded = intent["status"] == "succeeded";
    let time = |at: &Value| at.as_i64().and_then(|at| Timestamp::from_second(at).ok());
    let charged = time(&intent["latest_charge"]["created"]).filter(|_| has_succeeded);
    let at = charged.or_else(|| time(&intent["created"]))?;
    let amount = if has_succeeded { &intent["amount_received"] } else { &intent["amount"] };
    let amount = number(amount).or_else(|| number(&intent["amount"]))?;
    let currency = intent["currency"].as_str().unwrap_or_default().to_lowercase().into();
    let status = Status::read(has_succeeded, intent["status"].as_str().unwrap_or_default());
    Some(Entry { amount, currency, status, at, is_refunded: false, count: 1 })
}

#[cfg(test)]
mod tests {
    use check::NoSecrets;
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
        intent(&with(right, changes)).unwrap()
    }

    #[test]
    fn synthetic_payments_are_ignored_by_either_mark() {
        assert!(paid(json!({})).is_some());
        for synthetic in [
            json!({ "synthetic": true }),
            json!({ "synthetic": 1 }),
            json!({ "synthetic": "1" }),
            json!({ "synthetic": "true" }),
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
        for cash in [json!(null), json!(""), json!(" "), json!(false)] {
            assert_eq!(paid(json!({ "provider_reference": cash })), None, "{cash}");
        }
        for (online, reference) in [(json!(" pi_1 "), "pi_1"), (json!(0), "0"), (json!("-"), "-"), (json!(17.0), "17")]
        {
            let read = paid(json!({ "provider_reference": online })).map(|(reference, _)| reference);
            assert_eq!(read.as_deref(), Some(reference), "{online}");
        }
    }

    #[test]
    fn refunds_are_no_payments() {
        assert_eq!(paid(json!({ "amount": -100 })), None);
        for (status, expected) in [("refunded", true), ("Refunded", true), ("succeeded", false)] {
            assert_eq!(paid(json!({ "status": status })).unwrap().1.is_refunded, expected, "{status}");
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
    fn long_references_are_refused_and_not_quoted() {
        let right = json!({ "provider_reference": "pi_1", "amount": 1, "created_at": "2026-11-24T10:00:00Z" });
        let at_platform =
            |id: &str| payment(&Platform::default(), &with(right.clone(), json!({ "provider_reference": id })));
        let at_provider =
            |id: &str| intent(&json!({ "id": id, "created": 1_795_000_000, "amount": 1, "metadata": {} }));
        let (longest, long) = ("x".repeat(255), "x".repeat(256));
        assert!(at_platform(&longest).unwrap().is_some() && at_provider(&longest).unwrap().is_some());
        for (refused, pointer) in [(at_platform(&long), "/provider_reference"), (at_provider(&long), "/id")] {
            let Mismatch { expected, actual, evidence, .. } = refused.unwrap_err();
            let expected = expected.admit(&NoSecrets, 200);
            assert_eq!(expected, format!("an id of at most 255 bytes at {pointer}"));
            assert_eq!((actual.admit(&NoSecrets, 200).as_str(), evidence), ("one of 256", None));
        }
    }

    #[test]
    fn intent_without_amount_or_time_is_a_mismatch() {
        let right = json!({ "id": "pi_1", "amount": 1, "created": 1_795_000_000, "metadata": {} });
        assert!(intent(&right).unwrap().is_some());
        for changes in [json!({ "amount": null }), json!({ "created": "soon" })] {
            assert!(intent(&with(right.clone(), changes.clone())).is_err(), "{changes}");
        }
    }

    #[test]
    fn unreadable_payment_is_a_mismatch() {
        for changes in [
            json!({ "amount": "much" }),
            json!({ "created_at": null }),
            json!({ "synthetic": "maybe" }),
            json!({ "provider_reference": { "id": "pi_1" } }),
            json!({ "provider_reference": ["pi_1"] }),
            json!({ "provider_reference": true }),
            json!({ "status": { "value": "succeeded" } }),
            json!({ "currency": ["dkk"] }),
        ] {
            let right = json!({ "provider_reference": "pi_1", "amount": 1, "created_at": "2026-11-24T10:00:00Z" });
            assert!(payment(&Platform::default(), &with(right, changes.clone())).is_err(), "{changes}");
        }
    }
}
