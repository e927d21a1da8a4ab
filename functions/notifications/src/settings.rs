//! Settings of the check: the raw TOML section and its validation.

use std::time::Duration;

use platform::{Counting, Credentials, RawCounting, RawCredentials, Site};
use runtime::Check;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use settings::{Common, RawDuration, RawId, RawReference, SecretRef, Section, optional};

use crate::provider::{Kind, Provider};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Settings of one channel's canaries.
#[derive(Clone, Debug)]
pub struct Canary {
    /// Dedicated e-mail address or phone number.
    pub to: String,
    /// Interval between canaries.
    pub every: Duration,
    /// Maximum time until a canary arrives.
    pub delivered_within: Duration,
    /// Price of one message. **Units:** USD. `None` if unknown.
    pub price_usd: Option<f64>,
    /// Provider to ask if the platform's record has no final status.
    pub provider: Option<Provider>,
}

/// The check of e-mail and SMS.
pub struct Notifications {
    /// The platform, its API names and the deadline of a request.
    pub site: Site,
    /// The account that sends.
    pub credentials: Credentials,
    /// Id of the user whose record of notifications is read.
    pub user: Value,
    /// E-mail canaries; `None` skips the channel.
    pub email: Option<Canary>,
    /// SMS canaries; `None` skips the channel.
    pub sms: Option<Canary>,
    /// Settings of the real users' counters; `None` skips the step `counters`.
    pub counting: Option<Counting>,
}

/// Settings of the check `notifications`, which sends canaries by e-mail and SMS.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawNotifications {
    /// Deadline of one request, from name resolution to the last byte: 100ms to 20s. Default 10s.
    step_deadline: Option<RawDuration>,
    /// Id of the user whose record of notifications is read, a text or a number.
    user: Option<RawId>,
    /// Account that sends. No other check, location or person may use it.
    account: RawCredentials,
    /// E-mail canaries. Not sent without this table.
    email: Option<RawCanary>,
    /// SMS canaries. Not sent without this table.
    sms: Option<RawCanary>,
    /// Queues and failures of real users' messages, from the operations counters. Not measured without this table.
    counters: Option<RawCounting>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawCanary {
    /// Dedicated e-mail address or phone number that receives the canaries.
    to: Option<String>,
    /// Interval between canaries: 5s to 24h. Default 15m for e-mail, 60m for SMS.
    every: Option<RawDuration>,
    /// Maximum time until a canary arrives: 5s to 24h. Default 10m.
    delivered_within: Option<RawDuration>,
    /// Price of one message at the provider, in USD: 0 to 10. Only `synthetics cost` uses it.
    price_usd: Option<f64>,
    /// Provider to ask for the delivery if the platform's record has no final status. Not asked without this table.
    provider: Option<RawProvider>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawProvider {
    /// Name of the provider: `twilio`, `sparkpost` or `mailtrap`.
    kind: Option<Kind>,
    /// URL of the provider's API, absolute or a path below `base_url`. Default the provider's public API.
    url: Option<String>,
    /// Twilio account SID or Mailtrap account number. Not used for SparkPost.
    account: Option<String>,
    /// Mailtrap inbox id. Required for Mailtrap only.
    inbox: Option<String>,
    /// Reference to the provider's key or token.
    key: Option<RawReference>,
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
        let counting = optional(self.counters, |counters| counters.validate(&section.table("counters"), common, check));
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
        let provider = optional(self.provider, |raw| raw.validate(&section.table("provider"), common));
        let price = optional(self.price_usd, |price| section.number("price_usd", Some(price), 0.0, 0.0..=10.0));
        Some(Canary { to: to?, every: every?, delivered_within: within?, price_usd: price?, provider: provider? })
    }
}

impl RawProvider {
    fn validate(self, section: &Section<'_>, common: &Common) -> Option<Provider> {
        let kind = section.required("kind", self.kind);
        let url = kind.and_then(|kind| {
            let url = section.or_default("url", self.url, kind.url().to_owned());
            section.url_below("url", &url, &common.base_url)
        });
        let key = section.required("key", self.key);
        let key: Option<SecretRef> =
            key.and_then(|key| section.secret("key", Some(key), &common.environment, Notifications::ID));
        let kind = kind?;
        let needed = |name: &str, value: Option<String>, is_needed: bool| {
            if is_needed { section.text(name, value) } else { Some(value.unwrap_or_default()) }
        };
        let account = needed("account", self.account, kind != Kind::Sparkpost);
        let inbox = needed("inbox", self.inbox, kind == Kind::Mailtrap);
        Some(Provider { kind, url: url?, account: account?, inbox: inbox?, key: key? })
    }
}
