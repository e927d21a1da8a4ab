//! The bill: monthly usage multiplied by prices. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::prices::{Good, Price, Prices};

/// Kind of usage that one line of the bill sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Custom metrics.
    Metrics,
    /// Alarms on metrics.
    Alarms,
    /// Composite alarms.
    Composites,
    /// Dashboards.
    Dashboards,
    /// Calls to the CloudWatch API.
    Calls,
    /// Requests and run time of Lambda functions.
    Functions,
    /// Schedules of EventBridge.
    Rules,
    /// Written and stored log lines.
    Logs,
    /// The state table.
    State,
    /// KMS keys and their requests.
    Keys,
    /// Secrets and their reads.
    Secrets,
    /// SNS topics, with e-mails and SMS to people.
    Topics,
    /// The queue of failed invocations.
    Failures,
    /// Interface endpoints of the private network.
    Endpoints,
    /// Canary e-mails and SMS.
    Canaries,
}

impl Kind {
    /// The name shown to people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Metrics => "custom metrics",
            Self::Alarms => "alarms",
            Self::Composites => "composite alarms",
            Self::Dashboards => "dashboards",
            Self::Calls => "CloudWatch API calls",
            Self::Functions => "Lambda functions",
            Self::Rules => "EventBridge rules",
            Self::Logs => "logs",
            Self::State => "state table",
            Self::Keys => "KMS keys",
            Self::Secrets => "secrets",
            Self::Topics => "SNS topics",
            Self::Failures => "failure queue",
            Self::Endpoints => "private network",
            Self::Canaries => "canaries",
        }
    }
}

/// Source of a price.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tariff {
    /// The AWS price list, with its free allowance.
    Listed(Good),
    /// The AWS price list, without the free allowance.
    WithoutAllowance(Good),
    /// The price of another provider, from the settings.
    Settings {
        /// The unit shown after a number.
        unit: &'static str,
        /// **Units:** USD for one. `None`: the settings contain no price.
        usd: Option<f64>,
    },
}

/// Monthly usage of one good.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct UsageItem {
    pub(super) kind: Kind,
    /// Id of the check that uses it. `None`: all checks share it.
    pub(super) check: Option<&'static str>,
    pub(super) tariff: Tariff,
    /// **Units:** the unit of the tariff.
    pub(super) quantity: f64,
}

/// A quantity and its price per unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Amount {
    /// **Units:** see `unit`.
    pub quantity: f64,
    /// The unit shown after the quantity.
    pub unit: String,
    /// **Units:** USD for one unit. `None`: unknown.
    pub usd_each: Option<f64>,
}

/// A cost. **Units:** USD a month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sum {
    /// Without free allowances.
    pub list: f64,
    /// After free allowances.
    pub net: f64,
}

impl std::ops::AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.list += other.list;
        self.net += other.net;
    }
}

/// A line of the bill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Kind of usage.
    pub kind: Kind,
    /// Quantities by unit.
    pub amounts: Vec<Amount>,
    /// Cost of all amounts with a price.
    #[serde(flatten)]
    pub sum: Sum,
}

impl Line {
    /// Returns true when no amount of the line has a price, so that its sum is unknown.
    pub fn is_unknown(&self) -> bool {
        self.amounts.iter().all(|amount| amount.usd_each.is_none())
    }
}

/// The bill of a month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bill {
    /// In the order of the kinds. A kind without usage has no line.
    pub lines: Vec<Line>,
    /// Cost of all lines.
    pub total: Sum,
    /// Cost of each check at list price, by id. **Units:** USD.
    #[serde(rename = "of_checks")]
    pub by_check: BTreeMap<&'static str, f64>,
    /// Cost that all checks share, at list price. **Units:** USD.
    pub shared: f64,
    /// Usage that no sum includes, because its price is unknown.
    pub unknown: Vec<Amount>,
    /// Goods in the bill whose prices are not verified for the region of the price list.
    pub unverified: Vec<Good>,
}

impl Bill {
    /// Computes the bill for a month's usage.
    ///
    /// # Errors
    /// When the price list lacks a good.
    pub(super) fn new(usage: &[UsageItem], prices: &Prices) -> anyhow::Result<Self> {
        let mut lines: BTreeMap<Kind, Line> = BTreeMap::new();
        let mut left = prices.allowances.clone();
        let mut bill = Self {
            lines: Vec::new(),
            total: Sum::default(),
            by_check: BTreeMap::new(),
            shared: 0.0,
            unknown: Vec::new(),
            unverified: Vec::new(),
        };
        for UsageItem { kind, check, tariff, quantity } in usage.iter().filter(|item| item.quantity > 0.0) {
            let (unit, usd_each, sum) = match tariff {
                Tariff::Listed(good) | Tariff::WithoutAllowance(good) => {
                    let price = prices.price(*good)?;
                    if !price.verified && !bill.unverified.contains(good) {
                        bill.unverified.push(*good);
                    }
                    let mut none = BTreeMap::new();
                    let left = if matches!(tariff, Tariff::Listed(_)) { &mut left } else { &mut none };
                    (price.unit.as_str(), Some(price.usd / price.per), sum(price, *quantity, left))
                }
                Tariff::Settings { unit, usd } => {
                    let usd_all = usd.unwrap_or_default() * quantity;
                    (*unit, *usd, Sum { list: usd_all, net: usd_all })
                }
            };
            let amount = Amount { quantity: *quantity, unit: unit.to_owned(), usd_each };
            if usd_each.is_none() {
                bill.unknown.push(amount.clone());
            }
            let line =
                lines.entry(*kind).or_insert_with(|| Line { kind: *kind, amounts: Vec::new(), sum: Sum::default() });
            match line.amounts.iter_mut().find(|amount| amount.unit == unit) {
                Some(amount) => amount.quantity += quantity,
                None => line.amounts.push(amount),
            }
            line.sum += sum;
            bill.total += sum;
            match check {
                Some(check) => *bill.by_check.entry(*check).or_default() += sum.list,
                None => bill.shared += sum.list,
            }
        }
        bill.unverified.sort_unstable();
        bill.lines = lines.into_values().collect();
        Ok(bill)
    }

    /// Returns the continuation of a sentence on the total, such as `, excluding 2,880 e-mails (price unknown)`. It is
    /// empty when every price is known.
    pub fn excluded(&self, amount: impl Fn(&Amount) -> String) -> String {
        if self.unknown.is_empty() {
            return String::new();
        }
        format!(", excluding {} (price unknown)", self.unknown.iter().map(amount).collect::<Vec<_>>().join(" and "))
    }

    /// Returns the line of a kind, if there is usage of that kind.
    pub fn line(&self, kind: Kind) -> Option<&Line> {
        self.lines.iter().find(|line| line.kind == kind)
    }

    /// Returns the most expensive line at list price.
    pub fn largest(&self) -> Option<&Line> {
        self.lines.iter().max_by(|one, other| one.sum.list.total_cmp(&other.sum.list))
    }
}

/// Prices a quantity. Its free part is subtracted from the remaining allowances.
fn sum(price: &Price, quantity: f64, left: &mut BTreeMap<String, f64>) -> Sum {
    let mut paid = quantity;
    if let Some(left) = price.allowance.as_ref().and_then(|name| left.get_mut(name)) {
        let free = left.min(quantity);
        *left -= free;
        paid -= free;
    }
    let usd = |quantity: f64| quantity / price.per * price.usd;
    Sum { list: usd(quantity), net: usd(paid) }
}
