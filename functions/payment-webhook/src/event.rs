//! Stripe events, with Stripe's signature scheme.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;

use platform::Webhook;
use settings::written_id;

/// Prefix of the run's id in the text of a synthetic invoice.
pub(crate) const MARKER: &str = "synthetic:";
/// Prefix of the references of synthetic payments.
pub(crate) const PREFIX: &str = "pi_synthetic_";

/// Maximum age of a signature in Stripe's libraries. **Units:** seconds.
pub(crate) const TOLERANCE: i64 = 300;

/// Kind of synthetic payment event. A run sends one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Valid event of a successful payment.
    Paid,
    /// Signed with a wrong secret.
    Forged,
    /// Signed too long ago.
    Stale,
    /// Changed after signing.
    Tampered,
    /// Amount differs from the invoice.
    WrongAmount,
    /// Valid event of a failed payment.
    Failed,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Forged => "forged",
            Self::Stale => "stale",
            Self::Tampered => "tampered",
            Self::WrongAmount => "amount",
            Self::Failed => "failed",
        }
    }
}

/// Text of a run's invoices, and marker in the metadata of its events.
pub(crate) fn marker(run_id: &str) -> String {
    format!("{MARKER}{run_id}")
}

/// Id of a payment intent, with the run's id in it.
pub(crate) fn reference(run_id: &str, kind: Kind) -> String {
    format!("{}{}", reference_prefix(run_id), kind.name())
}

/// Prefix of the references of a run's payments.
pub(crate) fn reference_prefix(run_id: &str) -> String {
    format!("{PREFIX}{}_", run_id.replace('-', ""))
}

/// Payment data of an event.
pub(crate) struct Payment<'a> {
    /// Id of the payment intent.
    pub(crate) reference: &'a str,
    /// Id of the invoice, in the platform's own JSON type.
    pub(crate) invoice: &'a Value,
    /// Amount in the currency's smallest unit.
    pub(crate) amount: u64,
    pub(crate) currency: &'a str,
    pub(crate) student: &'a Value,
    pub(crate) run_id: &'a str,
    pub(crate) created: Timestamp,
}

impl Payment<'_> {
    /// Returns the event `payment_intent.succeeded` or `payment_intent.payment_failed`.
    pub(crate) fn intent(&self, names: &Webhook, has_failed: bool) -> String {
        let charge = self.derived_id("ch_");
        let declined = json!({
            "charge": charge,
            "code": "card_declined",
            "decline_code": "generic_decline",
            "doc_url": "https://docs.stripe.com/error-codes/card-declined",
            "message": "Your card was declined.",
            "type": "card_error",
        });
        // A failed attempt leaves the intent without a payment method, so that another one can be tried.
        let (kind, status, received, error, method) = if has_failed {
            ("payment_intent.payment_failed", "requires_payment_method", 0, declined, Value::Null)
        } else {
            ("payment_intent.succeeded", "succeeded", self.amount, Value::Null, self.derived_id("pm_"))
        };
        let ids = (self.derived_id("evt_"), self.derived_id("req_"));
        let own = [
            ("type", &Value::from(kind)),
            ("status", &Value::from(status)),
            ("amount_received", &Value::from(received)),
            ("last_payment_error", &error),
            ("payment_method", &method),
        ];
        self.filled(names, ids, |values| names.intent_event.with(&[values, &own].concat()))
    }

    /// Returns the event `charge.refunded`.
    pub(crate) fn refund(&self, names: &Webhook) -> String {
        let ids = (self.derived_id("evt_refund_"), self.derived_id("req_refund_"));
        let own = [("payment_method", &self.derived_id("pm_"))];
        self.filled(names, ids, |values| names.refund_event.with(&[values, &own].concat()))
    }

    /// Id of an object that belongs to the payment. A replayed event keeps its ids.
    fn derived_id(&self, prefix: &str) -> Value {
        Value::from(self.reference.replacen("pi_", prefix, 1))
    }

    fn filled(
        &self,
        names: &Webhook,
        (event, request): (Value, Value),
        fill: impl FnOnce(&[(&str, &Value)]) -> Value,
    ) -> String {
        // Stripe's metadata values are texts.
        let invoice = Value::from(written_id(self.invoice));
        fill(&[
            ("intent", &Value::from(self.reference)),
            ("event", &event),
            ("request", &request),
            ("api_version", &Value::from(names.api_version.as_str())),
            ("amount", &Value::from(self.amount)),
            // Stripe writes lower case.
            ("currency", &Value::from(self.currency.to_ascii_lowercase())),
            ("created", &Value::from(self.created.as_second())),
            ("livemode", &Value::from(names.livemode)),
            ("charge", &self.derived_id("ch_")),
            ("invoice", &invoice),
            ("student", self.student),
            ("marker", &Value::from(marker(self.run_id))),
            ("null", &Value::Null),
        ])
        .to_string()
    }
}

/// Value of the header `Stripe-Signature`: `t=<unix>,v1=<hex HMAC-SHA256 of "t.body">`. See Stripe's documentation, "Verify
/// webhook signatures manually".
pub(crate) fn signature(secret: &SecretString, body: &str, at: Timestamp) -> String {
    let seconds = at.as_second();
    // HMAC takes keys of any length (RFC 2104, section 2).
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else { return String::new() };
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body.as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_matches_stripes_scheme() {
        // Computed by `openssl dgst -sha256 -hmac whsec_test` over `1492774577.{"id":"evt_1"}`.
        let actual = signature(
            &SecretString::from("whsec_test"),
            r#"{"id":"evt_1"}"#,
            Timestamp::from_second(1_492_774_577).unwrap(),
        );
        assert_eq!(actual, "t=1492774577,v1=7656fc2882a7ca0a651666b36bf2f2f22ee204f54f608f227498a2419f2890b2");
    }

    #[test]
    fn references_contain_the_run_id() {
        let run = "01a20d13-00e8-71a6-b747-3e539f380357";
        let reference = reference(run, Kind::Paid);
        assert_eq!(reference, "pi_synthetic_01a20d1300e871a6b7473e539f380357_paid");
        assert!(reference.starts_with(&reference_prefix(run)));
    }

    fn paid<'a>(amount: u64, invoice: &'a Value, student: &'a Value) -> Payment<'a> {
        let created = Timestamp::from_second(1_795_000_000).unwrap();
        let reference = "pi_synthetic_1_paid";
        Payment { reference, invoice, amount, currency: "dkk", student, run_id: "1", created }
    }

    #[test]
    fn events_have_stripes_format() {
        let names = Webhook::default();
        let (invoice, student) = (Value::from(5001), Value::from(350));
        let payment = paid(1, &invoice, &student);
        let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
        let event = read(payment.intent(&names, false));
        assert_eq!(event["type"], "payment_intent.succeeded");
        assert_eq!((&event["id"], &event["object"]), (&Value::from("evt_synthetic_1_paid"), &Value::from("event")));
        let object = &event["data"]["object"];
        assert_eq!((object["amount"].as_u64(), object["amount_received"].as_u64()), (Some(1), Some(1)));
        assert_eq!(object["metadata"]["invoice_id"], "5001", "metadata values are texts");
        assert_eq!((&object["status"], event["livemode"].as_bool()), (&Value::from("succeeded"), Some(false)));
        assert_eq!(event["api_version"], names.api_version.as_str());
        assert_eq!(event["request"], json!({ "id": "req_synthetic_1_paid", "idempotency_key": null }));
        let method = ("pm_synthetic_1_paid".into(), Value::Null);
        assert_eq!((object["payment_method"].clone(), object["last_payment_error"].clone()), method);

        let failed = read(payment.intent(&names, true));
        assert_eq!(failed["type"], "payment_intent.payment_failed");
        let object = &failed["data"]["object"];
        assert_eq!((object["amount"].as_u64(), object["amount_received"].as_u64()), (Some(1), Some(0)));
        assert_eq!(object["last_payment_error"]["charge"], object["latest_charge"]);
        assert_eq!((&object["payment_method"], &object["customer"]), (&Value::Null, &Value::Null));

        let refund = read(payment.refund(&names));
        let charge = &refund["data"]["object"];
        assert_eq!(
            (&refund["type"], &charge["payment_intent"]),
            (&"charge.refunded".into(), &payment.reference.into())
        );
        assert_eq!((charge["amount_captured"].as_u64(), charge["amount_refunded"].as_u64()), (Some(1), Some(1)));
        assert_ne!((&refund["id"], &refund["request"]["id"]), (&event["id"], &event["request"]["id"]));
        for event in [&event, &failed, &refund] {
            let text = event.to_string();
            assert!(!["{null}", "{amount", "{c", "{m", "_id}"].iter().any(|left| text.contains(left)), "{text}");
        }
    }

    #[test]
    fn api_version_and_own_templates_come_from_the_settings() {
        let names: Webhook = serde_json::from_value(json!({
            "api_version": "2023-10-16",
            "refund_event": { "id": "{event}", "v": "{api_version}", "to": "{intent}", "sum": "{amount}", "by": "{null}" },
        }))
        .unwrap();
        let (invoice, student) = (Value::from(5001), Value::from(350));
        let payment = paid(7, &invoice, &student);
        let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
        assert_eq!(read(payment.intent(&names, false))["api_version"], "2023-10-16");
        let expected = json!({
            "id": "evt_refund_synthetic_1_paid", "v": "2023-10-16", "to": "pi_synthetic_1_paid", "sum": 7, "by": null
        });
        assert_eq!(read(payment.refund(&names)), expected);
    }
}
