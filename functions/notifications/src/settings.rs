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
    /// Longest time that one request may take, from name resolution to the last byte: 100ms to 20s. The whole flow has
    /// the run's `deadline`. Default 10s.
    step_deadline: Option<RawDuration>,
    /// Id of the user whose notification record is read. Required.
    user: Option<RawId>,
    /// Account that sends, without a second factor. No other check, location or person may use it. Required.
    account: RawCredentials,
    /// E-mail canaries. Default: none are sent.
    email: Option<RawCanary>,
    /// SMS canaries. Default: none are sent.
    sms: Option<RawCanary>,
    /// Queues and failures of real users' messages, from the operations counters. Default: not measured.
    counters: Option<RawCounting>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawCanary {
    /// E-mail address or phone number that you own and that receives only the canaries. Required.
    to: Option<String>,
    /// Interval between canaries: 5s to 24h. After a failure the next one is sent at once, and with every run until two
    /// have arrived. Default: `"15m"` for e-mail, `"1h"` for SMS.
    every: Option<RawDuration>,
    /// Longest time that a canary may take to arrive: 5s to 24h. Later is a failure of kind `stale`. Default 10m.
    delivered_within: Option<RawDuration>,
    /// Price of one message at the provider, in USD: 0 to 10. Only `synthetics cost` uses it, and reports the price as
    /// unknown without it. Default none.
    price_usd: Option<f64>,
    /// Provider to ask when the platform's record shows neither a delivery nor a failure. Default: not asked.
    provider: Option<RawProvider>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawProvider {
    /// Name of the provider. Required.
    kind: Option<Kind>,
    /// URL of the provider's API, or a path below `base_url`. Default: the provider's public API.
    #[schemars(extend("x-type" = "URL or path"))]
    url: Option<String>,
    /// Account SID of Twilio, or account number of Mailtrap. Required for `twilio` and `mailtrap`.
    account: Option<String>,
    /// Inbox id of Mailtrap. Required for `mailtrap`.
    inbox: Option<String>,
    /// Reference to the provider's key or token, with permission to read messages only. Required.
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
            if is_needed { section.text_id(name, value) } else { Some(value.unwrap_or_default()) }
        };
        let account = needed("account", self.account, kind != Kind::Sparkpost);
        let inbox = needed("inbox", self.inbox, kind == Kind::Mailtrap);
        Some(Provider { kind, url: url?, account: account?, inbox: inbox?, key: key? })
    }
}
