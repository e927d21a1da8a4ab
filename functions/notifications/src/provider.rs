//! What the provider knows of a message: Twilio of an SMS, SparkPost and Mailtrap of an e-mail.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use probe::expect::json;
use probe::{Method, Request, Response, Url};
use runtime::settings::SecretRef;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use runtime::canaries::Canary as Sent;

/// Who is asked.
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
    pub(crate) const fn url(self) -> &'static str {
        match self {
            Self::Twilio => "https://api.twilio.com",
            Self::Sparkpost => "https://api.sparkpost.com",
            Self::Mailtrap => "https://mailtrap.io",
        }
    }
}

/// A provider, and how it is asked.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Which one.
    pub kind: Kind,
    /// Where, as it was written.
    pub written_url: String,
    /// Where.
    pub url: Url,
    /// Twilio's SID, Mailtrap's number.
    pub account: String,
    /// Mailtrap's inbox.
    pub inbox: String,
    /// The key or token.
    pub key: SecretRef,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrived; when, if that is told.
    Delivered(Option<Timestamp>),
    /// It will never arrive, for this reason.
    Failed(String),
    /// It is on its way, as far as this is known.
    OnItsWay(String),
}

impl Provider {
    /// The question for a message. `None`: it cannot be asked without the provider's own id.
    pub(crate) fn question(
        &self,
        sent: &Sent,
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

    /// What an answer says of a message.
    pub(crate) fn fate(&self, response: &Response, sent: &Sent, provider_id: Option<&str>) -> Result<Fate, String> {
        let name = format!("{:?}", self.kind);
        if response.status.as_u16() == 404 {
            return Ok(Fate::OnItsWay(format!("{name} does not know it")));
        }
        if !response.status.is_success() {
            return Err(format!("{name} answered {}", response.status.as_u16()));
        }
        let body = json(response).map_err(|mismatch| format!("{name}: {}", mismatch.actual))?;
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

/// Twilio, "Message resource", status and error code.
fn twilio(message: &Value) -> Fate {
    let status = text(message, "status");
    match status {
        "delivered" | "received" | "read" => {
            Fate::Delivered(rfc2822::parse(text(message, "date_updated")).ok().map(|at| at.timestamp()))
        }
        "failed" | "undelivered" | "canceled" => {
            let code = message["error_code"].as_i64().map(|code| format!(", error {code}")).unwrap_or_default();
            let words = Some(text(message, "error_message")).filter(|words| !words.is_empty());
            Fate::Failed(format!(
                "Twilio: {status}{code}{}",
                words.map(|words| format!(": {words}")).unwrap_or_default()
            ))
        }
        other => Fate::OnItsWay(format!("Twilio: {other}")),
    }
}

/// SparkPost, "Events search": the newest event of our message decides.
fn sparkpost(body: &Value, sent: &Sent, provider_id: Option<&str>) -> Fate {
    let is_ours = |event: &&Value| {
        text(event, "subject").contains(&sent.run_id)
            || provider_id.is_some_and(|id| [text(event, "transmission_id"), text(event, "message_id")].contains(&id))
    };
    let events: Vec<&Value> = body["results"].as_array().into_iter().flatten().filter(is_ours).collect();
    let of = |kinds: &[&str]| events.iter().find(|event| kinds.contains(&text(event, "type"))).copied();
    if let Some(event) =
        of(&["bounce", "out_of_band", "policy_rejection", "generation_failure", "generation_rejection"])
    {
        let reason =
            Some(text(event, "raw_reason")).filter(|reason| !reason.is_empty()).unwrap_or(text(event, "reason"));
        return Fate::Failed(format!("SparkPost: {} {reason}", text(event, "type")));
    }
    match of(&["delivery"]) {
        Some(event) => Fate::Delivered(text(event, "timestamp").parse().ok()),
        None => Fate::OnItsWay("SparkPost has no event of its delivery".to_owned()),
    }
}

/// Mailtrap, "Get messages": a message that is in the inbox has arrived.
fn mailtrap(body: &Value, sent: &Sent) -> Fate {
    let is_ours = |message: &&Value| {
        text(message, "subject").contains(&sent.run_id) || text(message, "html_body").contains(&sent.run_id)
    };
    let messages: Vec<&Value> = body.as_array().into_iter().flatten().collect();
    match messages.iter().copied().find(is_ours) {
        Some(message) => Fate::Delivered(text(message, "created_at").parse().ok()),
        None => Fate::OnItsWay("it is not in the Mailtrap inbox".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent() -> Sent {
        Sent { id: "1".to_owned(), at: Timestamp::UNIX_EPOCH, run_id: "run-7".to_owned() }
    }

    #[test]
    fn twilios_words_are_understood() {
        let at = "Tue, 24 Nov 2026 10:00:05 +0000";
        let fate = |message: Value| twilio(&message);
        let delivered = fate(json!({ "status": "delivered", "date_updated": at }));
        assert_eq!(delivered, Fate::Delivered(Some("2026-11-24T10:00:05Z".parse().unwrap())));
        let failed = fate(json!({ "status": "undelivered", "error_code": 30003, "error_message": null }));
        assert_eq!(failed, Fate::Failed("Twilio: undelivered, error 30003".to_owned()));
        assert_eq!(fate(json!({ "status": "queued" })), Fate::OnItsWay("Twilio: queued".to_owned()));
        assert_eq!(fate(json!([])), Fate::OnItsWay("Twilio: ".to_owned()), "an answer of another shape is no failure");
    }

    #[test]
    fn sparkposts_events_are_those_of_our_message() {
        let event = |kind: &str, subject: &str| json!({ "type": kind, "subject": subject, "timestamp": "2026-11-24T10:00:05.000Z", "raw_reason": "550 no such user", "transmission_id": "t-1" });
        let fate = |events: Value| sparkpost(&json!({ "results": events }), &sent(), Some("t-9"));
        let delivered = Fate::Delivered(Some("2026-11-24T10:00:05Z".parse().unwrap()));
        assert_eq!(fate(json!([event("delivery", "canary run-7")])), delivered);
        assert_eq!(
            fate(json!([event("delivery", "run-7"), event("bounce", "run-7")])),
            Fate::Failed("SparkPost: bounce 550 no such user".to_owned())
        );
        assert!(matches!(fate(json!([event("delivery", "of others")])), Fate::OnItsWay(_)));
        let by_id = sparkpost(&json!({ "results": [event("delivery", "")] }), &sent(), Some("t-1"));
        assert_eq!(by_id, delivered);
    }

    #[test]
    fn a_message_in_the_inbox_has_arrived() {
        let message = |subject: &str| json!({ "subject": subject, "created_at": "2026-11-24T10:00:05.000Z" });
        assert!(matches!(mailtrap(&json!([message("x"), message("canary run-7")]), &sent()), Fate::Delivered(Some(_))));
        assert!(matches!(mailtrap(&json!([]), &sent()), Fate::OnItsWay(_)));
    }
}
