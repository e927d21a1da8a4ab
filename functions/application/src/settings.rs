//! Settings of the check: the raw form and its validation.

use std::collections::BTreeSet;
use std::time::Duration;

use platform::{Counting, Site};
use runtime::Check;
use schemars::JsonSchema;
use serde::Deserialize;
use settings::{Common, RawDuration, RawReference, SecretRef, Section, optional};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DEFAULT_MINIMUM_COUNT: u32 = 20;

/// Check of the health that the platform reports about itself.
pub struct Application {
    /// Base URL, names and deadline of requests to the platform.
    pub site: Site,
    /// Operations counters. `None`: not read.
    pub counting: Option<Counting>,
    /// Health endpoint. `None`: not read.
    pub health: Option<Health>,
}

/// Settings of the health endpoint.
#[derive(Clone, Debug)]
pub struct Health {
    /// Secret that the endpoint requires. `None`: the endpoint is public.
    pub secret: Option<SecretRef>,
    /// Age beyond which results are stale. Default 5 min.
    pub stale_after: Duration,
    /// Names of results to ignore. Default none.
    pub ignore: BTreeSet<String>,
}

/// Settings of the check `application`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawApplication {
    /// Longest time that one request may take, from name resolution to the last byte: 100ms to 20s. Both requests run
    /// in parallel. Default 10s.
    step_deadline: Option<RawDuration>,
    /// Operations counters. Default: not read.
    counters: Option<RawCounters>,
    /// Health endpoint. Default: not read.
    health: Option<RawHealth>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawCounters {
    /// Reference to the bearer token of the operations counters. Required.
    token: Option<RawReference>,
    /// Number of requests, or calls to a partner, that a window must contain for a rate to be published: 1 to 1000000.
    /// Default 20.
    minimum_count: Option<u32>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawHealth {
    /// Reference to the secret that protects the health endpoint, sent in `platform.health.secret_header`. Default
    /// none.
    secret: Option<RawReference>,
    /// Age beyond which results fail as `stale`, and their content is ignored: 30s to 24h. Default 5m.
    stale_after: Option<RawDuration>,
    /// Names of results to ignore: neither judged nor measured. Default none.
    ignore: BTreeSet<String>,
}

impl RawApplication {
    /// Validates the section. Returns `None` after reporting all problems to `section`.
    pub(crate) fn validate(self, section: &Section<'_>, common: &Common) -> Option<Application> {
        let deadline = section.duration("step_deadline", self.step_deadline, SECOND * 10, SECOND / 10..=SECOND * 20);
        if self.counters.is_none() && self.health.is_none() {
            section.problem("", "expected a table `counters` or `health`, found neither: nothing would be read");
            return None;
        }
        let counting = optional(self.counters, |counters| counters.validate(&section.table("counters"), common));
        let health = optional(self.health, |health| health.validate(&section.table("health"), common));
        let site = Site::read(section, common, deadline?)?;
        Some(Application { site, counting: counting?, health: health? })
    }
}

impl RawCounters {
    fn validate(self, section: &Section<'_>, common: &Common) -> Option<Counting> {
        let token = section.required("token", self.token);
        let token =
            token.and_then(|written| section.secret("token", Some(written), &common.environment, Application::ID));
        let minimum_count = section.number("minimum_count", self.minimum_count, DEFAULT_MINIMUM_COUNT, 1..=1_000_000);
        Some(Counting { token: token?, minimum_count: minimum_count?, includes_synthetic: true })
    }
}

impl RawHealth {
    fn validate(self, section: &Section<'_>, common: &Common) -> Option<Health> {
        let is_guarded = self.secret.is_some();
        let secret = section.secret("secret", self.secret, &common.environment, Application::ID);
        let stale_after = section.duration("stale_after", self.stale_after, MINUTE * 5, SECOND * 30..=MINUTE * 60 * 24);
        if is_guarded && secret.is_none() {
            return None;
        }
        Some(Health { secret, stale_after: stale_after?, ignore: self.ignore })
    }
}
