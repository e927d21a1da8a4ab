//! Settings of the check: the raw TOML section and its validation.

use std::time::Duration;

use platform::{RawCounting, RawCredentials, Site};
use runtime::Check;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use settings::{Common, SecretRef, Section, written_duration};

use crate::provider::{Kind, Provider};
use crate::{Canary, Notifications};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Settings of the check `notifications`, which sends canaries by e-mail and SMS.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawNotifications {
    /// Deadline of one request, from name resolution to the last byte: 100ms to 20s. Default 10s.
    #[serde(skip_serializing_if = "Option::is_none")]
    step_deadline: Option<String>,
    /// Id of the user whose record of notifications is read, a text or a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Value>,
    /// Account that sends. No other check, location or person may use it.
    account: RawCredentials,
    /// E-mail canaries. Not sent without this table.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<RawCanary>,
    /// SMS canaries. Not sent without this table.
    #[serde(skip_serializing_if = "Option::is_none")]
    sms: Option<RawCanary>,
    /// Queues and failures of real users' messages, from the operations counters. Not measured without this table.
    #[serde(skip_serializing_if = "Option::is_none")]
    counters: Option<RawCounting>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawCanary {
    /// Dedicated e-mail address or phone number that receives the canaries.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// Interval between canaries: 5s to 24h. Default 15m for e-mail, 60m for SMS.
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<String>,
    /// Maximum time until a canary arrives: 5s to 24h. Default 10m.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_within: Option<String>,
    /// Price of one message at the provider, in USD: 0 to 10. Only `synthetics cost` uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    price_usd: Option<f64>,
    /// Provider to ask for the delivery if the platform's record has no final status. Not asked without this table.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<RawProvider>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawProvider {
    /// Name of the provider: `twilio`, `sparkpost` or `mailtrap`.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    /// URL of the provider's API, absolute or a path below `base_url`. Default the provider's public API.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Twilio account SID or Mailtrap account number. Not used for SparkPost.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// Mailtrap inbox id. Required for Mailtrap only.
    #[serde(skip_serializing_if = "Option::is_none")]
    inbox: Option<String>,
    /// Reference to the provider's key or token.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl RawNotifications {
    /// Returns the validated check, or `None` after reporting all problems to the section.
    pub(crate) fn validate(self, section: &Section<'_>, common: &Common) -> Option<Notifications> {
        let check = Notifications::ID;
        let deadline = section.duration("step_deadline", self.step_deadline, SECOND * 10, SECOND / 10..=SECOND * 20);
        let user = section.id("user", self.user);
        let credentials = self.account.validate(&section.table("account"), common, check);
        if self.email.is_none() && self.sms.is_none() {
            section.problem("", "expected a table `email` or `sms`, found neither");
        }
        let canary = |key, raw: Option<RawCanary>, every| match raw {
            None => Some(None),
            Some(raw) => raw.validate(&section.table(key), common, every).map(Some),
        };
        let email = canary("email", self.email, MINUTE * 15);
        let sms = canary("sms", self.sms, MINUTE * 60);
        let counting = match self.counters {
            None => Some(None),
            Some(counters) => counters.validate(&section.table("counters"), common, check).map(Some),
        };
        let site = Site::read(section, common, deadline?)?;
        let (email, sms) = (email?, sms?);
        if email.is_none() && sms.is_none() {
            return None;
        }
        Some(Notifications { site, credentials: credentials?, user: user?, email, sms, counting: counting? })
    }
}

impl RawCanary {
    fn validate(self, section: &Section<'_>, common: &Common, default: Duration) -> Option<Canary> {
        let to = section.text("to", self.to);
        let every = section.duration("every", self.every, default, SECOND * 5..=HOUR * 24);
        let within = section.duration("delivered_within", self.delivered_within, MINUTE * 10, SECOND * 5..=HOUR * 24);
        let provider = match self.provider {
            None => Some(None),
            Some(raw) => raw.validate(&section.table("provider"), common).map(Some),
        };
        let price = match self.price_usd {
            None => Some(None),
            Some(price) => section.number("price_usd", Some(price), 0.0, 0.0..=10.0).map(Some),
        };
        Some(Canary { to: to?, every: every?, delivered_within: within?, price_usd: price?, provider: provider? })
    }

    fn from_settings(canary: &Canary) -> Self {
        Self {
            to: Some(canary.to.clone()),
            every: Some(written_duration(canary.every)),
            delivered_within: Some(written_duration(canary.delivered_within)),
            price_usd: canary.price_usd,
            provider: canary.provider.as_ref().map(RawProvider::from_settings),
        }
    }
}

impl RawProvider {
    fn validate(self, section: &Section<'_>, common: &Common) -> Option<Provider> {
        let kind = section.required("kind", self.kind);
        let written_url = self.url.or_else(|| kind.map(|kind| kind.url().to_owned()));
        let url = written_url.as_ref().and_then(|url| section.url_below("url", url, &common.base_url));
        let key = section.required("key", self.key);
        let key: Option<SecretRef> =
            key.and_then(|key| section.secret("key", Some(key), &common.environment, Notifications::ID));
        let kind = kind?;
        let needed = |name: &str, value: Option<String>, is_needed: bool| {
            if is_needed { section.text(name, value) } else { Some(value.unwrap_or_default()) }
        };
        let account = needed("account", self.account, kind != Kind::Sparkpost);
        let inbox = needed("inbox", self.inbox, kind == Kind::Mailtrap);
        Some(Provider { kind, written_url: written_url?, url: url?, account: account?, inbox: inbox?, key: key? })
    }

    fn from_settings(provider: &Provider) -> Self {
        let unless_empty = |text: &String| (!text.is_empty()).then(|| text.clone());
        Self {
            kind: Some(provider.kind),
            url: Some(provider.written_url.clone()),
            account: unless_empty(&provider.account),
            inbox: unless_empty(&provider.inbox),
            key: Some(provider.key.to_string()),
        }
    }
}

impl Notifications {
    /// Returns the settings as TOML would hold them, with all defaults filled in.
    pub(crate) fn to_raw(&self) -> RawNotifications {
        RawNotifications {
            step_deadline: Some(written_duration(self.site.deadline)),
            user: Some(self.user.clone()),
            account: RawCredentials::from(&self.credentials),
            email: self.email.as_ref().map(RawCanary::from_settings),
            sms: self.sms.as_ref().map(RawCanary::from_settings),
            counters: self.counting.as_ref().map(RawCounting::from),
        }
    }
}
