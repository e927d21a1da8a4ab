//! The bill: what is used, at what it costs; pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::prices::{Good, Price, Prices};

/// A line of the bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Metrics,
    Alarms,
    Composites,
    Dashboards,
    Calls,
    Functions,
    Rules,
    Logs,
    State,
    Keys,
    Secrets,
    Topics,
    Failures,
    Endpoints,
    Canaries,
}

impl Kind {
    /// As people read it.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Metrics => "custom metrics",
            Self::Alarms => "alarms",
            Self::Composites => "composite alarms",
            Self::Dashboards => "dashboards",
            Self::Calls => "calls to CloudWatch",
            Self::Functions => "functions",
            Self::Rules => "rules",
            Self::Logs => "logs",
            Self::State => "state table",
            Self::Keys => "keys",
            Self::Secrets => "secrets",
            Self::Topics => "topics",
            Self::Failures => "queue of failures",
            Self::Endpoints => "private network",
            Self::Canaries => "canaries",
        }
    }
}

/// Who sets a price.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tariff {
    /// AWS.
    Listed(Good),
    /// AWS, and what else is free of it is not for this one.
    Unfree(Good),
    /// Somebody else, by the settings. `None`: they do not say.
    Settings {
        /// As people read it behind a number.
        unit: &'static str,
        /// **Units:** USD for one.
        usd: Option<f64>,
    },
}

/// What is used in a month.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Used {
    pub(super) kind: Kind,
    /// The id of the check it is used by; `None` when all share it.
    pub(super) check: Option<&'static str>,
    pub(super) tariff: Tariff,
    /// In the unit of the tariff.
    pub(super) quantity: f64,
}

/// How much of one thing, and what one costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Amount {
    pub(super) quantity: f64,
    pub(super) unit: String,
    /// **Units:** USD for one unit. `None`: unknown.
    pub(super) usd_each: Option<f64>,
}

/// **Units:** USD a month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Sum {
    /// At list price.
    pub(super) list: f64,
    /// Less what is always free.
    pub(super) net: f64,
}

impl std::ops::AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.list += other.list;
        self.net += other.net;
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Line {
    pub(super) kind: Kind,
    pub(super) amounts: Vec<Amount>,
    #[serde(flatten)]
    pub(super) sum: Sum,
}

impl Line {
    /// Of nothing but what has no price, there is no sum.
    pub(super) fn is_unknown(&self) -> bool {
        self.amounts.iter().all(|amount| amount.usd_each.is_none())
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Bill {
    /// In the order of the kinds; a kind of which nothing is used has no line.
    pub(super) lines: Vec<Line>,
    pub(super) total: Sum,
    /// What each check costs at list price, by its id. **Units:** USD.
    pub(super) of_checks: BTreeMap<&'static str, f64>,
    /// What all share, at list price. **Units:** USD.
    pub(super) shared: f64,
    /// What is used and is in no sum, since nobody says what it costs.
    pub(super) unknown: Vec<Amount>,
    /// The goods in it whose prices are not verified for the region of the prices.
    pub(super) unverified: Vec<Good>,
}

impl Bill {
    /// What is used, at these prices.
    ///
    /// # Errors
    /// When there is no price for something.
    pub(super) fn new(used: &[Used], prices: &Prices) -> anyhow::Result<Self> {
        let mut lines: BTreeMap<Kind, Line> = BTreeMap::new();
        let mut left = prices.allowances.clone();
        let mut bill = Self {
            lines: Vec::new(),
            total: Sum::default(),
            of_checks: BTreeMap::new(),
            shared: 0.0,
            unknown: Vec::new(),
            unverified: Vec::new(),
        };
        for Used { kind, check, tariff, quantity } in used.iter().filter(|used| used.quantity > 0.0) {
            let (unit, usd_each, sum) = match tariff {
                Tariff::Listed(good) | Tariff::Unfree(good) => {
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
            match line.amounts.iter_mut().find(|own| own.unit == unit) {
                Some(own) => own.quantity += quantity,
                None => line.amounts.push(amount),
            }
            line.sum += sum;
            bill.total += sum;
            match check {
                Some(check) => *bill.of_checks.entry(*check).or_default() += sum.list,
                None => bill.shared += sum.list,
            }
        }
        bill.unverified.sort_unstable();
        bill.lines = lines.into_values().collect();
        Ok(bill)
    }

    /// What has no price, as a sentence goes on: `, without 2,880 e-mails of unknown price`; nothing when all has one.
    pub(super) fn without(&self, amount: impl Fn(&Amount) -> String) -> String {
        if self.unknown.is_empty() {
            return String::new();
        }
        format!(", without {} of unknown price", self.unknown.iter().map(amount).collect::<Vec<_>>().join(" and "))
    }

    /// A line, when anything of its kind is used.
    pub(super) fn line(&self, kind: Kind) -> Option<&Line> {
        self.lines.iter().find(|line| line.kind == kind)
    }

    /// The line that costs most at list price.
    pub(super) fn largest(&self) -> Option<&Line> {
        self.lines.iter().max_by(|one, other| one.sum.list.total_cmp(&other.sum.list))
    }
}

/// What a quantity costs; what is free of it is taken from what is left.
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
