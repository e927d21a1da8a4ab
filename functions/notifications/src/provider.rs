//! Delivery status from the provider: Twilio for SMS, SparkPost and Mailtrap for e-mail.

use std::time::Duration;

use check::{Phrase, foreign, phrase};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use probe::expect::json;
use probe::{Method, Request, Response, Url};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use settings::SecretRef;

use platform::canaries::Canary as SentCanary;

/// Supported provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Twilio's message resource.
    Twilio,
    /// SparkPost's message events.
    Sparkpost,
    /// A Mailtrap inbox.
    Mailtrap,
}

impl Kind {
    /// Name of the service, as it writes it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Twilio => "Twilio",
            Self::Sparkpost => "SparkPost",
            Self::Mailtrap => "Mailtrap",
        }
    }

    pub(crate) const fn url(self) -> &'static str {
        match self {
            Self::Twilio => "https://api.twilio.com",
            Self::Sparkpost => "https://api.sparkpost.com",
            Self::Mailtrap => "https://mailtrap.io",
        }
    }
}

/// A provider and its credentials.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Service and API.
    pub kind: Kind,
    /// Absolute URL.
    pub url: Url,
    /// Twilio account SID or Mailtrap account number; otherwise empty.
    pub account: String,
    /// Mailtrap inbox id; otherwise empty.
    pub inbox: String,
    /// Reference to the key or token.
    pub key: SecretRef,
}

/// Delivery state of a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DeliveryState {
    /// Arrived, at this time if known.
    Delivered(Option<Timestamp>),
    /// Lost, with the reason.
    Failed(Phrase),
    /// Not final, with the last known status.
    OnItsWay(Phrase),
}

impl Provider {
    /// Returns the request for a message's status, or `None` if the provider's required message id is unknown.
    pub(crate) fn request(
        &self,
        sent: &SentCanary,
        provider_id: Option<&str>,
        to: &str,
        key: &SecretString,
        deadline: Duration,
    ) -> Option<Request> {
        let mut url = self.url.clone();
        let below = |path: &[&str]| {
            let mut all: Vec<String> =
                self.url.path().split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
            all.extend(path.iter().map(|part| (*part).to_owned()));
            all
        };
        let (path, query): (Vec<String>, Vec<(&str, String)>) = match self.kind {
            Kind::Twilio => {
                let id = provider_id?;
                (below(&["2010-04-01", "Accounts", &self.account, "Messages", &format!("{id}.json")]), Vec::new())
            }
            Kind::Sparkpost => {
                let from = sent.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                (below(&["api", "v1", "events", "message"]), vec![("recipients", to.to_owned()), ("from", from)])
            }
            Kind::Mailtrap => {
                let path = below(&["api", "accounts", &self.account, "inboxes", &self.inbox, "messages"]);
                (path, vec![("search", sent.run_id.clone())])
            }
        };
        url.path_segments_mut().ok()?.clear().extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request =
            Request::new(Method::GET, url).header("accept", "application/json").deadline(deadline).max_redirects(0);
        Some(match self.kind {
            Kind::Twilio => request.basic_authorization(&self.account, key.expose_secret()),
            Kind::Sparkpost => request.secret_header("authorization", key.expose_secret()),
            Kind::Mailtrap => request.secret_header("api-token", key.expose_secret()),
        })
    }

    /// Reads a message's delivery state from a response.
    pub(crate) fn delivery_state(
        &self,
        response: &Response,
        sent: &SentCanary,
        provider_id: Option<&str>,
    ) -> Result<DeliveryState, Phrase> {
        let name = self.kind.name();
        if response.status.as_u16() == 404 {
            return Ok(DeliveryState::OnItsWay(phrase!("unknown to {}", name)));
        }
        if !response.status.is_success() {
            return Err(phrase!("{} answered {}", name, response.status_line()));
        }
        let body = json(response).map_err(|mismatch| phrase!("{}: {}", name, mismatch.actual))?;
        Ok(match self.kind {
            Kind::Twilio => twilio(&body),
            Kind::Sparkpost => sparkpost(&body, sent, provider_id),
            Kind::Mailtrap => mailtrap(&body, sent),
        })
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// Reads a Twilio message resource: its status and error code.
fn twilio(message: &Value) -> DeliveryState {
    let status = text(message, "status");
    match status {
        "delivered" | "received" | "read" => {
            DeliveryState::Delivered(rfc2822::parse(text(message, "date_updated")).ok().map(|at| at.timestamp()))
        }
        "failed" | "undelivered" | "canceled" => {
            let code = message["error_code"].as_i64().map(|code| phrase!(", error {}", code)).unwrap_or_default();
            let error = Some(text(message, "error_message")).filter(|error| !error.is_empty());
            let error = error.map(|error| phrase!(": {}", foreign(error))).unwrap_or_default();
            DeliveryState::Failed(phrase!("Twilio: {}{}{}", foreign(status), code, error))
        }
        other => DeliveryState::OnItsWay(phrase!("Twilio: {}", foreign(other))),
    }
}

/// Reads SparkPost's message events. A failure of the canary counts even after a delivery event.
fn sparkpost(body: &Value, sent: &SentCanary, provider_id: Option<&str>) -> DeliveryState {
    let is_canary = |event: &&Value| {
        text(event, "subject").contains(&sent.run_id)
            || provider_id.is_some_and(|id| [text(event, "transmission_id"), text(event, "message_id")].contains(&id))
    };
    let events: Vec<&Value> = body["results"].as_array().into_iter().flatten().filter(is_canary).collect();
    let find = |kinds: &[&str]| events.iter().find(|event| kinds.contains(&text(event, "type"))).copied();
    if let Some(event) =
        find(&["bounce", "out_of_band", "policy_rejection", "generation_failure", "generation_rejection"])
    {
        let reason =
            Some(text(event, "raw_reason")).filter(|reason| !reason.is_empty()).unwrap_or(text(event, "reason"));
        return DeliveryState::Failed(phrase!("SparkPost: {} {}", foreign(text(event, "type")), foreign(reason)));
    }
    match find(&["delivery"]) {
        Some(event) => DeliveryState::Delivered(text(event, "timestamp").parse().ok()),
        None => DeliveryState::OnItsWay("no delivery event at SparkPost".into()),
    }
}

/// Reads Mailtrap's list of messages: a message in the inbox has arrived.
fn mailtrap(body: &Value, sent: &SentCanary) -> DeliveryState {
    let is_canary = |message: &&Value| {
        text(message, "subject").contains(&sent.run_id) || text(message, "html_body").contains(&sent.run_id)
    };
    let messages: Vec<&Value> = body.as_array().into_iter().flatten().collect();
    match messages.iter().copied().find(is_canary) {
        Some(message) => DeliveryState::Delivered(text(message, "created_at").parse().ok()),
        None => DeliveryState::OnItsWay("not in the Mailtrap inbox".into()),
    }
}

#[cfg(test)]
mod tests {
    use check::NoSecrets;
    use probe::{Bytes, Limits, Redactor, StatusCode};
    use serde_json::json;

    use super::*;

    /// Text of a failed or waiting message.
    fn shown(state: DeliveryState) -> String {
        match state {
            DeliveryState::Delivered(at) => format!("delivered {at:?}"),
            DeliveryState::Failed(text) => format!("failed, {}", text.admit(&NoSecrets, 200)),
            DeliveryState::OnItsWay(text) => format!("on its way, {}", text.admit(&NoSecrets, 200)),
        }
    }

    fn sent() -> SentCanary {
        SentCanary { id: "1".to_owned(), at: Timestamp::UNIX_EPOCH, run_id: "run-7".to_owned() }
    }

    #[test]
    fn twilio_statuses_are_mapped() {
        let at = "Tue, 24 Nov 2026 10:00:05 +0000";
        let state = |message: Value| twilio(&message);
        let delivered = state(json!({ "status": "delivered", "date_updated": at }));
        assert_eq!(delivered, DeliveryState::Delivered(Some("2026-11-24T10:00:05Z".parse().unwrap())));
        let failed = state(json!({ "status": "undelivered", "error_code": 30003, "error_message": null }));
        assert_eq!(shown(failed), "failed, Twilio: undelivered, error 30003");
        assert_eq!(shown(state(json!({ "status": "queued" }))), "on its way, Twilio: queued");
        assert_eq!(shown(state(json!([]))), "on its way, Twilio: (empty)", "an unexpected shape is not a failure");
    }

    #[test]
    fn sparkpost_events_of_other_messages_are_ignored() {
        let event = |kind: &str, subject: &str| json!({ "type": kind, "subject": subject, "timestamp": "2026-11-24T10:00:05.000Z", "raw_reason": "550 no such user", "transmission_id": "t-1" });
        let state = |events: Value| sparkpost(&json!({ "results": events }), &sent(), Some("t-9"));
        let delivered = DeliveryState::Delivered(Some("2026-11-24T10:00:05Z".parse().unwrap()));
        assert_eq!(state(json!([event("delivery", "canary run-7")])), delivered);
        let bounced = state(json!([event("delivery", "run-7"), event("bounce", "run-7")]));
        assert_eq!(shown(bounced), "failed, SparkPost: bounce 550 no such user");
        assert!(matches!(state(json!([event("delivery", "another message")])), DeliveryState::OnItsWay(_)));
        let by_id = sparkpost(&json!({ "results": [event("delivery", "")] }), &sent(), Some("t-1"));
        assert_eq!(by_id, delivered);
    }

    #[test]
    fn refusal_of_a_provider_is_quoted_with_its_wait() {
        let provider = Provider {
            kind: Kind::Sparkpost,
            url: "https://api.sparkpost.com".parse().unwrap(),
            account: String::new(),
            inbox: String::new(),
            key: SecretRef::Variable("KEY".to_owned()),
        };
        let response = |status: u16, headers: &[(&'static str, &'static str)]| Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect(),
            body: Bytes::new(),
            url: provider.url.clone(),
            version: probe::Version::HTTP_11,
            certificate_expires: None,
            received: Timestamp::UNIX_EPOCH,
            redactor: Redactor::default(),
            limits: Limits::default(),
        };
        for (status, headers, expected) in [
            (429, &[("retry-after", "30")][..], "SparkPost answered 429 Too Many Requests, for 30 s more"),
            (429, &[], "SparkPost answered 429 Too Many Requests"),
            (500, &[], "SparkPost answered 500 Internal Server Error"),
        ] {
            let refused = provider.delivery_state(&response(status, headers), &sent(), None).unwrap_err();
            assert_eq!(refused.admit(&NoSecrets, 200), expected);
        }
    }

    #[test]
    fn message_in_the_inbox_has_arrived() {
        let message = |subject: &str| json!({ "subject": subject, "created_at": "2026-11-24T10:00:05.000Z" });
        assert!(matches!(
            mailtrap(&json!([message("x"), message("canary run-7")]), &sent()),
            DeliveryState::Delivered(Some(_))
        ));
        assert!(matches!(mailtrap(&json!([]), &sent()), DeliveryState::OnItsWay(_)));
    }
}
