//! Settings of the check: the raw TOML section and its validation.

use std::time::Duration;

use platform::{Credentials, RawCredentials, Site};
use probe::Url;
use runtime::Check;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use settings::{Common, RawDuration, RawId, RawReference, SecretRef, Section, written_duration};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const STRIPE: &str = "https://api.stripe.com";

/// The payment provider and its key.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Absolute URL.
    pub url: Url,
    /// Reference to a restricted key.
    pub key: SecretRef,
}

/// The reconciliation check.
pub struct Reconciliation {
    /// The platform, its API names and the deadline of a request.
    pub site: Site,
    /// The account that lists payments.
    pub credentials: Credentials,
    /// Ids of the schools whose payments are compared.
    pub schools: Vec<Value>,
    /// Age of the oldest compared payment.
    pub lookback: Duration,
    /// Age of the newest compared payment: a newer one may still be on its way.
    pub grace_period: Duration,
    /// Maximum delay of the platform's record after the provider's.
    pub late_after: Duration,
    /// Maximum time from the creation of a payment intent to its payment.
    pub intent_lifetime: Duration,
    /// Maximum number of payments in memory per side.
    pub max_payments: u32,
    /// The payment provider.
    pub provider: Provider,
}

/// Settings of the check `reconciliation`, which compares the platform's payments with the provider's.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawReconciliation {
    /// Longest time that one request may take, from name resolution to the last byte: 100ms to 20s. The whole flow has
    /// the run's `deadline`. Default 10s.
    step_deadline: Option<RawDuration>,
    /// Ids of the schools to compare: all that take payments with the provider's account. Payments of a school that is
    /// not listed are reported as missing. Required.
    schools: Option<Vec<RawId>>,
    /// Age up to which payments are compared: 30m to 72h, and at least `grace_period` plus two runs. Several runs
    /// compare each payment. Default 4h.
    lookback: Option<RawDuration>,
    /// Time that a payment may be in transit before it counts as missing: 1m to 24h. Default 15m.
    grace_period: Option<RawDuration>,
    /// Longest time after the provider that the platform may take to record a payment: 1m to 72h. Counted from when the
    /// money came in, as its charge states; without a charge, from when the payment was started. Default 1h.
    late_after: Option<RawDuration>,
    /// Longest time from the start of a payment at the provider until it is paid, for example while a payment page
    /// stays open: up to 30d. Stripe's Checkout allows 24 hours. The provider's list is read that much further back.
    /// Payments of older intents are looked up one by one, ten per run; a payment that was not looked up gets no
    /// verdict. Default 24h.
    intent_lifetime: Option<RawDuration>,
    /// Maximum number of payments held for one side, some 150 bytes each: 100 to 200000. With more, the run is
    /// inconclusive. Default 20000.
    max_payments: Option<u32>,
    /// Account that lists the payments of all `schools`, without a second factor. No other check, location or person
    /// may use it. Required.
    account: RawCredentials,
    /// Payment provider. Required.
    provider: RawProvider,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawProvider {
    /// URL of the provider's API, or a path below `base_url`. Default `https://api.stripe.com`.
    #[schemars(extend("x-type" = "URL or path"))]
    url: Option<String>,
    /// Reference to a restricted key with permission to read payment intents and charges only. Required.
    key: Option<RawReference>,
}

impl RawReconciliation {
    /// Returns the validated check, or `None` after reporting all problems to the section.
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
                format!(
                    "expected at least `grace_period` plus two runs, {least}, found {}: runs would miss payments",
                    written_duration(lookback)
                ),
            );
        }
        let most = section.number("max_payments", self.max_payments, 20_000, 100..=200_000);
        let credentials = self.account.validate(&section.table("account"), common, check);
        let provider = self.provider.validate(&section.table("provider"), common);
        let site = Site::read(section, common, deadline?)?;
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
        let url = section.or_default("url", self.url, STRIPE.to_owned());
        let url = section.url_below("url", &url, &common.base_url);
        let key = section.required("key", self.key);
        let key = key.and_then(|key| section.secret("key", Some(key), &common.environment, Reconciliation::ID));
        Some(Provider { url: url?, key: key? })
    }
}
