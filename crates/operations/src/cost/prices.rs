//! AWS prices, read from `prices.toml`, which contains every price once.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

/// The price list, embedded at build time.
const SHIPPED: &str = include_str!("prices.toml");

/// A billable good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Good {
    /// Invocation of a function.
    FunctionRequest,
    /// GB-second of a function on Arm.
    #[serde(rename = "function-second-arm64")]
    FunctionSecondArm64,
    /// GB-second of a function on x86.
    #[serde(rename = "function-second-x86")]
    FunctionSecondX86,
    /// Invocation by a schedule.
    Schedule,
    /// Custom metric.
    Metric,
    /// Metric that an alarm watches.
    Alarm,
    /// Composite alarm.
    Composite,
    /// Dashboard.
    Dashboard,
    /// Call that publishes metrics.
    MetricCall,
    /// GB of written log lines.
    LogWritten,
    /// GB of log lines stored for a month.
    LogKept,
    /// Read of at most 4 KB from a table.
    TableRead,
    /// Write of at most 1 KB to a table.
    TableWrite,
    /// GB stored in a table for a month.
    TableStorage,
    /// GB of continuous backups of a table for a month.
    TableBackup,
    /// KMS key.
    Key,
    /// Request to a KMS key.
    KeyRequest,
    /// Secret of Secrets Manager.
    Secret,
    /// Call to Secrets Manager.
    SecretCall,
    /// Call that reads a parameter.
    ParameterCall,
    /// Message to an SNS topic.
    Publish,
    /// E-mail to a subscriber of an SNS topic.
    Email,
    /// Request to an SQS queue.
    QueueRequest,
    /// Hour of an interface endpoint in one zone.
    EndpointHour,
    /// GB through an interface endpoint.
    EndpointData,
}

/// The price of one good.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Price {
    /// **Units:** USD a month, for `per` units.
    pub(super) usd: f64,
    /// Number of units that `usd` pays for.
    pub(super) per: f64,
    /// The unit shown after a number.
    pub(super) unit: String,
    /// Name of the free allowance. Goods that name the same allowance share it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) allowance: Option<String>,
    /// Region of the price, when it differs from that of the price list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<String>,
    /// True when an AWS source confirms the price for the region of the price list.
    pub(super) verified: bool,
    /// Source of the price.
    pub(super) source: String,
}

/// The price list of one region and date.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// AWS region of the prices.
    pub region: String,
    /// Month of the prices, as `YYYY-MM`.
    pub as_of: String,
    /// Free monthly allowances by name, in the unit of the prices that name them.
    pub allowances: BTreeMap<String, f64>,
    price: BTreeMap<Good, Price>,
}

impl Prices {
    /// Returns the embedded price list.
    ///
    /// # Errors
    /// When the file is invalid; a test rules that out.
    pub(super) fn shipped() -> anyhow::Result<Self> {
        Self::read(SHIPPED)
    }

    fn read(text: &str) -> anyhow::Result<Self> {
        let prices: Self = toml::from_str(text).context("failed to read prices.toml")?;
        for (good, price) in &prices.price {
            if !(price.usd >= 0.0 && price.per >= 1.0) {
                bail!("failed to read prices.toml: {good:?}: expected a price for at least one unit, found {price:?}");
            }
            if let Some(name) = price.allowance.as_ref().filter(|name| !prices.allowances.contains_key(*name)) {
                bail!("failed to read prices.toml: {good:?}: expected the name of an allowance, found `{name}`");
            }
        }
        Ok(prices)
    }

    /// Returns the price of a good.
    ///
    /// # Errors
    /// When the price list lacks it.
    pub(super) fn price(&self, good: Good) -> anyhow::Result<&Price> {
        self.price.get(&good).with_context(|| format!("expected a price for {good:?} in prices.toml, found none"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_prices_parse_and_name_their_sources() {
        let prices = Prices::shipped().unwrap();
        assert!(prices.price.values().all(|price| !price.source.trim().is_empty() && !price.unit.is_empty()));
        // A price of another region is not verified for the region of the list.
        assert!(prices.price.values().all(|price| price.region.is_none() || !price.verified));
        let named: Vec<_> = prices.price.values().filter_map(|price| price.allowance.as_ref()).collect();
        assert!(prices.allowances.keys().all(|name| named.contains(&name)), "an allowance that no price uses");
    }

    #[test]
    fn invalid_prices_are_rejected() {
        for (from, to, expected) in [
            ("usd = 0.30", "usd = -0.30", "expected a price for at least one unit"),
            ("per = 1_000\n", "per = 0\n", "expected a price for at least one unit"),
            ("allowance = \"alarms\"", "allowance = \"alarm\"", "expected the name of an allowance, found `alarm`"),
            ("[price.key]", "[price.kee]", "unknown variant `kee`"),
            ("as_of = ", "on = ", "unknown field `on`"),
        ] {
            let text = SHIPPED.replacen(from, to, 1);
            assert_ne!(text, SHIPPED, "{from}");
            let error = format!("{:#}", Prices::read(&text).unwrap_err());
            assert!(error.contains(expected), "{to}: {error}");
        }
    }
}
