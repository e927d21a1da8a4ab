//! What AWS asks: read from `prices.toml`, where every price stands once.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

/// The prices, shipped in the program.
const SHIPPED: &str = include_str!("prices.toml");

/// What is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Good {
    FunctionRequest,
    #[serde(rename = "function-second-arm64")]
    FunctionSecondArm64,
    #[serde(rename = "function-second-x86")]
    FunctionSecondX86,
    Schedule,
    Metric,
    Alarm,
    Composite,
    Dashboard,
    MetricCall,
    LogWritten,
    LogKept,
    TableRead,
    TableWrite,
    TableStorage,
    TableBackup,
    Key,
    KeyRequest,
    Secret,
    SecretCall,
    ParameterCall,
    Publish,
    Email,
    QueueRequest,
    EndpointHour,
    EndpointData,
}

/// What one good costs.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Price {
    /// **Units:** USD a month, for `per` units.
    pub(super) usd: f64,
    /// How many units.
    pub(super) per: f64,
    /// The unit, as people read it behind a number.
    pub(super) unit: String,
    /// What is free of it; shared by all prices that name the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) allowance: Option<String>,
    /// Where the price holds, when that is not where the others do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<String>,
    /// Whether AWS itself was seen to say so of that region.
    pub(super) verified: bool,
    /// Who says so.
    pub(super) source: String,
}

/// All prices, of one region and date.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prices {
    /// Of which region.
    pub(super) region: String,
    /// Of which month.
    pub(super) as_of: String,
    /// What is free each month, by name.
    pub(super) allowances: BTreeMap<String, f64>,
    price: BTreeMap<Good, Price>,
}

impl Prices {
    /// As shipped.
    ///
    /// # Errors
    /// When the file cannot be read, which a test rules out.
    pub(super) fn shipped() -> anyhow::Result<Self> {
        Self::read(SHIPPED)
    }

    fn read(text: &str) -> anyhow::Result<Self> {
        let prices: Self = toml::from_str(text).context("failed to read the prices")?;
        for (good, price) in &prices.price {
            if !(price.usd >= 0.0 && price.per >= 1.0) {
                bail!("failed to read the prices: {good:?}: expected a price for at least one unit, found {price:?}");
            }
            if let Some(name) = price.allowance.as_ref().filter(|name| !prices.allowances.contains_key(*name)) {
                bail!("failed to read the prices: {good:?}: there is no allowance `{name}`");
            }
        }
        Ok(prices)
    }

    /// The price of a good.
    ///
    /// # Errors
    /// When the file lacks it.
    pub(super) fn price(&self, good: Good) -> anyhow::Result<&Price> {
        self.price.get(&good).with_context(|| format!("the prices lack {good:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_prices_can_be_read_and_say_where_they_are_from() {
        let prices = Prices::shipped().unwrap();
        assert!(prices.price.values().all(|price| !price.source.trim().is_empty() && !price.unit.is_empty()));
        // A price of another region is not verified for the one that the bill is of.
        assert!(prices.price.values().all(|price| price.region.is_none() || !price.verified));
        let named: Vec<_> = prices.price.values().filter_map(|price| price.allowance.as_ref()).collect();
        assert!(prices.allowances.keys().all(|name| named.contains(&name)), "an allowance of nothing");
    }

    #[test]
    fn prices_that_make_no_sense_are_refused() {
        for (from, to, said) in [
            ("usd = 0.30", "usd = -0.30", "expected a price for at least one unit"),
            ("per = 1_000\n", "per = 0\n", "expected a price for at least one unit"),
            ("allowance = \"alarms\"", "allowance = \"alarm\"", "there is no allowance `alarm`"),
            ("[price.key]", "[price.kee]", "unknown variant `kee`"),
            ("as_of = ", "on = ", "unknown field `on`"),
        ] {
            let text = SHIPPED.replacen(from, to, 1);
            assert_ne!(text, SHIPPED, "{from}");
            let error = format!("{:#}", Prices::read(&text).unwrap_err());
            assert!(error.contains(said), "{to}: {error}");
        }
    }
}
