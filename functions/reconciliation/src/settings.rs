//! The settings of the check: what is written, and what it must be.

use std::time::Duration;

use runtime::Check;
use runtime::session::Site;
use runtime::settings::{Common, RawCredentials, Section, written_duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Provider, Reconciliation};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const STRIPE: &str = "https://api.stripe.com";

/// As written.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawReconciliation {
    /// The longest one request may take, from the name to the last byte. Default 10s.
    #[serde(skip_serializing_if = "Option::is_none")]
    step_deadline: Option<String>,
    /// The ids of the schools whose payments are compared, texts or numbers: all that use the provider's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    schools: Option<Vec<Value>>,
    /// How far back payments are compared. Runs overlap by it. Default 4h.
    #[serde(skip_serializing_if = "Option::is_none")]
    lookback: Option<String>,
    /// How long a payment may be on its way from the provider to the platform before it is missing. Default 15m.
    #[serde(skip_serializing_if = "Option::is_none")]
    grace_period: Option<String>,
    /// How long after the provider the platform may record a payment; people take their time to pay. Default 1h.
    #[serde(skip_serializing_if = "Option::is_none")]
    late_after: Option<String>,
    /// How long before it is paid a payment may be begun at the provider, as when a page for paying stays open. Default 24h.
    #[serde(skip_serializing_if = "Option::is_none")]
    intent_lifetime: Option<String>,
    /// How many payments of one side are held at most: they must fit into the function. Default 20000.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_payments: Option<u32>,
    /// The account that lists payments. No other check, location or person may use it.
    account: RawCredentials,
    /// The provider of payments.
    provider: RawProvider,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawProvider {
    /// Where it is: a URL, or a path below `base_url`. Default Stripe's.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// A reference to a restricted key that may read payment intents and charges, no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl RawReconciliation {
    /// `None` when something is wrong; the section holds all problems then.
    pub(crate) fn validate(self, section: &Section<'_>, common: &Common) -> Option<Reconciliation> {
        let check = Reconciliation::ID;
        let deadline = section.duration("step_deadline", self.step_deadline, SECOND * 10, SECOND / 10..=SECOND * 20);
        let schools = section.required("schools", self.schools).and_then(|schools| {
            if schools.is_empty() {
                section.problem("schools", "expected at least one school, found none");
            }
            let ids: Vec<Value> = schools.iter().filter_map(|id| section.id("schools", Some(id.clone()))).collect();
            (!ids.is_empty() && ids.len() == schools.len()).then_some(ids)
        });
        let lookback = section.duration("lookback", self.lookback, HOUR * 4, MINUTE * 30..=HOUR * 72);
        let grace_period = section.duration("grace_period", self.grace_period, MINUTE * 15, MINUTE..=HOUR * 24);
        let late_after = section.duration("late_after", self.late_after, HOUR, MINUTE..=HOUR * 72);
        let lifetime =
            section.duration("intent_lifetime", self.intent_lifetime, HOUR * 24, Duration::ZERO..=HOUR * 720);
        if let (Some(lookback), Some(grace_period)) = (lookback, grace_period)
            && lookback < grace_period + MINUTE * 30
        {
            let least = written_duration(grace_period + MINUTE * 30);
            section.problem(
                "lookback",
                format!("expected at least `grace_period` and two runs, {least}: payments would fall between"),
            );
        }
        let most = section.number("max_payments", self.max_payments, 20_000, 100..=200_000);
        let credentials = self.account.validate(&section.table("account"), common, check);
        let provider = self.provider.validate(&section.table("provider"), common);
        let site = Site { base_url: common.base_url.clone(), platform: common.platform.clone(), deadline: deadline? };
        Some(Reconciliation {
            site,
            credentials: credentials?,
            schools: schools?,
            lookback: lookback?,
            grace_period: grace_period?,
            late_after: late_after?,
            intent_lifetime: lifetime?,
            max_payments: most?,
            provider: provider?,
        })
    }
}

impl RawProvider {
    fn validate(self, section: &Section<'_>, common: &Common) -> Option<Provider> {
        let written_url = self.url.unwrap_or_else(|| STRIPE.to_owned());
        let url = section.url_below("url", &written_url, &common.base_url);
        let key = section.required("key", self.key);
        let key = key.and_then(|key| section.secret("key", Some(key), &common.environment, Reconciliation::ID));
        Some(Provider { written_url, url: url?, key: key? })
    }
}

impl Reconciliation {
    /// As it would be written, every default in its place.
    pub(crate) fn to_raw(&self) -> RawReconciliation {
        RawReconciliation {
            step_deadline: Some(written_duration(self.site.deadline)),
            schools: Some(self.schools.clone()),
            lookback: Some(written_duration(self.lookback)),
            grace_period: Some(written_duration(self.grace_period)),
            late_after: Some(written_duration(self.late_after)),
            intent_lifetime: Some(written_duration(self.intent_lifetime)),
            max_payments: Some(self.max_payments),
            account: RawCredentials::from(&self.credentials),
            provider: RawProvider {
                url: Some(self.provider.written_url.clone()),
                key: Some(self.provider.key.to_string()),
            },
        }
    }
}
