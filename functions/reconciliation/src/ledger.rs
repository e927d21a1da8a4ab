//! Comparison of both sides' payments. Pure: the caller passes the time.

use std::collections::hash_map::{self, HashMap};
use std::collections::{BTreeMap, HashSet};

use check::{Phrase, foreign, ours, phrase};
use jiff::{SignedDuration, Timestamp};

/// Maximum number of references in the evidence of one kind; the others are counted.
const MAX_LISTED: usize = 10;

/// A payment on one side, reduced to the compared fields, since thousands are in memory at once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Amount in the currency's smallest unit.
    pub(crate) amount: f64,
    /// Currency in lower case.
    pub(crate) currency: Box<str>,
    pub(crate) status: Status,
    /// At the provider, time of the payment, or of the intent's creation if unknown. On the platform, time of the record.
    pub(crate) at: Timestamp,
    /// True for the platform's status of a refund: the row may be the refund of another one.
    pub(crate) is_refunded: bool,
    /// Number of successful payments with this reference, or 1.
    pub(crate) count: u32,
}

impl Entry {
    /// Length of the texts. **Units:** bytes.
    fn texts(&self) -> usize {
        self.currency.len() + self.status.text().len()
    }
}

/// Maximum length of a status that is kept for messages, in characters.
const MAX_STATUS: usize = 40;

/// Status of a payment, reduced to the difference that both sides know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Paid, even if refunded later.
    Succeeded,
    /// Not paid, or not yet, with the start of the side's own status.
    Other(Box<str>),
}

impl Status {
    pub(crate) fn read(has_succeeded: bool, reported: &str) -> Self {
        if has_succeeded { Self::Succeeded } else { Self::Other(reported.chars().take(MAX_STATUS).collect()) }
    }

    fn has_succeeded(&self) -> bool {
        *self == Self::Succeeded
    }

    fn text(&self) -> &str {
        match self {
            Self::Succeeded => "",
            Self::Other(reported) => reported,
        }
    }

    fn shown(&self) -> Phrase {
        match self {
            Self::Succeeded => "succeeded".into(),
            Self::Other(reported) if reported.is_empty() => "no status".into(),
            Self::Other(reported) => phrase!("`{}`", foreign(reported)),
        }
    }
}

/// Memory of an id besides its text: payments that are not compared have nothing else. **Units:** bytes.
const ID_PLACE: usize = 32;

/// Payments of one side, by the id of the payment intent.
#[derive(Debug, Default)]
pub(crate) struct Side {
    payments: HashMap<Box<str>, Entry>,
    /// Ids of the payments already read, by school: a platform may number the payments of each school.
    ids: HashMap<Box<str>, HashSet<Box<str>>>,
    /// Length of all references, currencies, statuses and ids, and the ids' place in memory. **Units:** bytes.
    bytes: usize,
}

impl Side {
    /// Remembers the id of a school's payment. Returns false if it was known.
    pub(crate) fn is_new(&mut self, school: &str, id: String) -> bool {
        let length = id.len();
        let is_new = self.ids.entry(school.into()).or_default().insert(id.into());
        self.bytes += if is_new { length + ID_PLACE } else { 0 };
        is_new
    }

    /// Adds a payment. One with a known reference replaces the other if `replaces` is true. Otherwise it is another attempt to pay:
    /// the one that succeeded counts, or else the newest, and each further one that succeeded is counted.
    pub(crate) fn add(&mut self, reference: Box<str>, entry: Entry, replaces: bool) {
        let length = entry.texts();
        match self.payments.entry(reference) {
            hash_map::Entry::Vacant(place) => {
                self.bytes += place.key().len() + length;
                place.insert(entry);
            }
            hash_map::Entry::Occupied(mut known) => {
                let (new, old) = (&entry, known.get_mut());
                let replaces = replaces
                    || match (new.status.has_succeeded(), old.status.has_succeeded()) {
                        (true, true) if new.is_refunded || old.is_refunded => old.is_refunded && !new.is_refunded,
                        (true, true) => {
                            old.count += 1;
                            false
                        }
                        (false, false) => new.at > old.at,
                        (has_succeeded, _) => has_succeeded,
                    };
                if replaces {
                    self.bytes = self.bytes + length - old.texts();
                    known.insert(entry);
                }
            }
        }
    }

    /// True if a payment has succeeded.
    pub(crate) fn has_succeeded(&self) -> bool {
        self.payments.values().any(|entry| entry.status.has_succeeded())
    }

    /// Number of payments.
    pub(crate) fn len(&self) -> usize {
        self.payments.len()
    }

    /// Length of all references, currencies, statuses and ids, and the ids' place in memory. **Units:** bytes.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Kind of difference between the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The platform does not have the payment.
    MissingOnPlatform,
    /// The provider does not have the payment.
    MissingAtProvider,
    /// The platform has the payment more than once.
    Twice,
    /// The amounts differ.
    Amount,
    /// The currencies differ.
    Currency,
    /// The payment succeeded on only one side.
    Status,
    /// The platform recorded it long after the provider.
    Late,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::MissingOnPlatform,
        Self::MissingAtProvider,
        Self::Twice,
        Self::Amount,
        Self::Currency,
        Self::Status,
        Self::Late,
    ];

    /// Subject and assertion name of the kind.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::MissingOnPlatform => "missing-on-platform",
            Self::MissingAtProvider => "missing-at-provider",
            Self::Twice => "twice",
            Self::Amount => "amount",
            Self::Currency => "currency",
            Self::Status => "status",
            Self::Late => "late",
        }
    }

    /// Expectation in a failure of the kind.
    pub(crate) const fn expected(self) -> &'static str {
        match self {
            Self::MissingOnPlatform => "every payment at the provider to be recorded on the platform",
            Self::MissingAtProvider => "every payment on the platform to exist at the provider",
            Self::Twice => "one record per payment on the platform",
            Self::Amount => "the same amounts on both sides",
            Self::Currency => "the same currencies on both sides",
            Self::Status => "the same status on both sides",
            Self::Late => "a record on the platform soon after each payment",
        }
    }
}

/// Time range of the comparison.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Time of the oldest compared payment.
    pub(crate) from: Timestamp,
    /// Time of the newest compared payment. A newer one may still be on its way.
    pub(crate) to: Timestamp,
    /// Maximum delay of the platform's record after the provider's.
    pub(crate) late_after: SignedDuration,
}

impl Window {
    fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at <= self.to
    }
}

/// Differences by kind: sorted references, each with a description.
pub(crate) type Differences = BTreeMap<Kind, Vec<(String, Phrase)>>;

/// Compares both sides. Each side must cover more than the window, since a payment has different times on the two sides, and
/// its intent may be much older.
pub(crate) fn compare(platform: &Side, provider: &Side, window: &Window) -> Differences {
    let mut differences = Differences::new();
    let (platform, provider) = (&platform.payments, &provider.payments);
    let mut add = |kind, reference: &str, description: Phrase| {
        differences.entry(kind).or_default().push((reference.to_owned(), description));
    };
    let both_sides =
        |on_platform: Phrase, at_provider: Phrase| phrase!("platform {}, provider {}", on_platform, at_provider);
    let amount = |entry: &Entry| foreign(entry.amount.to_string());
    let price = |entry: &Entry| phrase!("{} {}", amount(entry), foreign(&entry.currency));
    let currency = |entry: &Entry| match &*entry.currency {
        "" => "no currency".into(),
        known => Phrase::from(foreign(known)),
    };
    for (reference, at_provider) in provider {
        let is_in_window = window.contains(at_provider.at);
        let Some(on_platform) = platform.get(reference) else {
            if is_in_window && at_provider.status.has_succeeded() {
                add(Kind::MissingOnPlatform, reference, price(at_provider));
            }
            continue;
        };
        if !is_in_window && !window.contains(on_platform.at) {
            continue;
        }
        let have_succeeded = on_platform.status.has_succeeded() && at_provider.status.has_succeeded();
        if have_succeeded && (on_platform.amount - at_provider.amount).abs() >= 0.5 {
            add(Kind::Amount, reference, both_sides(amount(on_platform).into(), amount(at_provider).into()));
        }
        if have_succeeded && on_platform.currency != at_provider.currency {
            add(Kind::Currency, reference, both_sides(currency(on_platform), currency(at_provider)));
        }
        if on_platform.status.has_succeeded() != at_provider.status.has_succeeded() {
            add(Kind::Status, reference, both_sides(on_platform.status.shown(), at_provider.status.shown()));
        }
        let delay = on_platform.at.duration_since(at_provider.at);
        // An intent from before the window, without a payment time, may have been paid just now.
        if is_in_window && delay > window.late_after {
            add(Kind::Late, reference, phrase!("{} minutes later", ours(delay.as_mins())));
        }
    }
    for (reference, on_platform) in platform.iter().filter(|(_, on_platform)| window.contains(on_platform.at)) {
        if on_platform.status.has_succeeded() && !provider.contains_key(reference) {
            add(Kind::MissingAtProvider, reference, price(on_platform));
        }
        if on_platform.count > 1 {
            add(Kind::Twice, reference, phrase!("{} times", on_platform.count));
        }
    }
    differences.values_mut().for_each(|payments| payments.sort_by(|(one, _), (other, _)| one.cmp(other)));
    differences
}

/// Evidence of a kind: the first references, and the number of others.
pub(crate) fn summary(payments: &[(String, Phrase)]) -> Phrase {
    let some = payments.iter().take(MAX_LISTED);
    let some = some.map(|(reference, description)| phrase!("{} ({})", foreign(reference), description.clone()));
    let listed = Phrase::list(some, ", ");
    match payments.len().saturating_sub(MAX_LISTED) {
        0 => listed,
        more => phrase!("{} and {} more", listed, more),
    }
}

#[cfg(test)]
mod tests {
    use check::NoSecrets;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + minute * 60).unwrap()
    }

    fn entry(amount: f64, minute: i64) -> Entry {
        Entry {
            amount,
            currency: "dkk".into(),
            status: Status::Succeeded,
            at: at(minute),
            is_refunded: false,
            count: 1,
        }
    }

    fn side(entries: &[(&str, Entry)]) -> Side {
        let mut side = Side::default();
        for (reference, entry) in entries {
            side.add(Box::from(*reference), entry.clone(), true);
        }
        side
    }

    fn window() -> Window {
        Window { from: at(0), to: at(100), late_after: SignedDuration::from_mins(60) }
    }

    fn kinds(platform: &[(&str, Entry)], provider: &[(&str, Entry)]) -> Vec<(&'static str, Vec<String>)> {
        let differences = compare(&side(platform), &side(provider), &window());
        let references =
            |payments: Vec<(String, Phrase)>| payments.into_iter().map(|(reference, _)| reference).collect();
        differences.into_iter().map(|(kind, payments)| (kind.name(), references(payments))).collect()
    }

    #[test]
    fn clock_differences_alone_are_ignored() {
        assert!(kinds(&[], &[]).is_empty());
        assert!(kinds(&[("a", entry(100.0, 12))], &[("a", entry(100.0, 10))]).is_empty());
        assert!(
            kinds(&[("a", entry(100.0, 8))], &[("a", entry(100.0, 10))]).is_empty(),
            "the platform's clock is behind"
        );
        // At either edge of the window, with one side outside.
        assert!(kinds(&[("a", entry(1.0, -1))], &[("a", entry(1.0, 1))]).is_empty());
        assert!(kinds(&[("a", entry(1.0, 101))], &[("a", entry(1.0, 99))]).is_empty());
        assert!(kinds(&[("a", entry(1.0, 99))], &[("a", entry(1.0, 101))]).is_empty());
    }

    #[test]
    fn each_kind_of_difference_has_its_subject() {
        let other = |change: fn(&mut Entry)| {
            let mut entry = entry(100.0, 10);
            change(&mut entry);
            entry
        };
        let good = entry(100.0, 10);
        let a = || vec!["a".to_owned()];
        assert_eq!(kinds(&[], &[("a", good.clone())]), [("missing-on-platform", a())]);
        assert_eq!(kinds(&[("a", good.clone())], &[]), [("missing-at-provider", a())]);
        assert_eq!(kinds(&[("a", other(|e| e.amount = 101.0))], &[("a", good.clone())]), [("amount", a())]);
        assert_eq!(kinds(&[("a", other(|e| e.currency = "eur".into()))], &[("a", good.clone())]), [("currency", a())]);
        assert_eq!(
            kinds(&[("a", other(|e| e.status = Status::read(false, "open")))], &[("a", good.clone())]),
            [("status", a())]
        );
        assert_eq!(kinds(&[("a", other(|e| e.at = at(71)))], &[("a", good.clone())]), [("late", a())]);
        assert_eq!(kinds(&[("a", other(|e| e.count = 2))], &[("a", good.clone())]), [("twice", a())]);
        // A payment without success may be missing on either side.
        assert!(kinds(&[], &[("a", other(|e| e.status = Status::read(false, "open")))]).is_empty());
        assert!(kinds(&[("a", other(|e| e.status = Status::read(false, "open")))], &[]).is_empty());
    }

    #[test]
    fn status_is_shown_as_each_side_writes_it() {
        for (on_platform, at_provider, shown) in [
            (Status::read(false, "venter"), Status::Succeeded, "platform `venter`, provider succeeded"),
            (Status::Succeeded, Status::read(false, "canceled"), "platform succeeded, provider `canceled`"),
            (Status::read(false, ""), Status::Succeeded, "platform no status, provider succeeded"),
        ] {
            let with = |status| side(&[("a", Entry { status, ..entry(1.0, 10) })]);
            let differences = compare(&with(on_platform), &with(at_provider), &window());
            let (_, description) = differences[&Kind::Status][0].clone();
            assert_eq!(description.admit(&NoSecrets, 200), shown);
        }
        let both = |status: &str| side(&[("a", Entry { status: Status::read(false, status), ..entry(1.0, 10) })]);
        assert!(compare(&both("venter"), &both("canceled"), &window()).is_empty(), "neither succeeded");
        assert_eq!(Status::read(false, &"\u{e6}".repeat(1_000)).text().chars().count(), MAX_STATUS);
    }

    #[test]
    fn payments_outside_the_window_are_not_compared() {
        assert!(kinds(&[], &[("a", entry(1.0, -1)), ("b", entry(1.0, 101))]).is_empty());
        assert!(kinds(&[("a", entry(1.0, -1)), ("b", entry(1.0, 101))], &[]).is_empty());
    }

    #[test]
    fn payment_time_decides_and_not_the_intents_age() {
        // A payment in the window is missing, however old its intent.
        let came_in = |minute| entry(1.0, minute);
        assert_eq!(kinds(&[], &[("a", came_in(50))]), [("missing-on-platform", vec!["a".to_owned()])]);
        // Without a payment time, an old intent is neither missing nor late, but its fields are compared.
        let begun = entry(1.0, -300);
        assert!(kinds(&[("a", entry(1.0, 50))], &[("a", begun.clone())]).is_empty());
        let other = Entry { amount: 2.0, currency: "eur".into(), ..entry(1.0, 50) };
        let actual: Vec<&str> = kinds(&[("a", other)], &[("a", begun)]).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(actual, ["amount", "currency"]);
    }

    #[test]
    fn only_successful_payments_of_one_intent_are_a_double_payment() {
        let paid = |minute| entry(100.0, minute);
        let unpaid = |status, minute| Entry { status: Status::read(false, status), ..entry(90.0, minute) };
        let refund = |minute| Entry { is_refunded: true, ..entry(40.0, minute) };
        for (case, rows, expected) in [
            ("a retry after a failure", vec![unpaid("failed", 10), paid(12)], vec![]),
            ("the same, newest first", vec![paid(12), unpaid("failed", 10)], vec![]),
            ("two failures", vec![unpaid("failed", 8), unpaid("canceled", 10), paid(12)], vec![]),
            ("paid twice", vec![paid(10), paid(12)], vec!["twice"]),
            ("paid twice, with a failure", vec![paid(10), unpaid("failed", 11), paid(12)], vec!["twice"]),
            ("paid twice after a failure", vec![unpaid("failed", 8), paid(10), paid(12)], vec!["twice"]),
            ("a refund", vec![paid(10), refund(12)], vec![]),
            ("a refund, newest first", vec![refund(12), paid(10)], vec![]),
            ("paid twice, with a refund", vec![paid(8), refund(10), paid(12)], vec!["twice"]),
            ("refunded", vec![Entry { amount: 100.0, ..refund(10) }], vec![]),
            ("never paid", vec![unpaid("failed", 10), unpaid("failed", 12)], vec!["status"]),
        ] {
            let mut platform = Side::default();
            rows.into_iter().for_each(|row| platform.add("a".into(), row, false));
            let differences = compare(&platform, &side(&[("a", paid(10))]), &window());
            let kinds: Vec<&str> = differences.keys().map(|kind| kind.name()).collect();
            assert_eq!(kinds, expected, "{case}");
        }
        // Without success, the newest attempt is compared.
        for rows in [[unpaid("failed", 10), unpaid("canceled", 12)], [unpaid("canceled", 12), unpaid("failed", 10)]] {
            let mut platform = Side::default();
            rows.into_iter().for_each(|row| platform.add("a".into(), row, false));
            let kept = &platform.payments["a"];
            assert_eq!((kept.status.text(), kept.count, platform.bytes()), ("canceled", 1, 1 + 3 + 8));
        }
    }

    #[test]
    fn schools_may_have_payments_with_the_same_id() {
        let mut side = Side::default();
        let read = [("3", "1"), ("3", "2"), ("4", "1"), ("3", "1"), ("4", "1"), ("31", "2")];
        let is_new = read.map(|(school, id)| side.is_new(school, id.to_owned()));
        assert_eq!(is_new, [true, true, true, false, false, true]);
    }

    #[test]
    fn side_knows_the_length_of_its_texts() {
        let mut side = Side::default();
        assert!(side.is_new("3", "12".to_owned()) && !side.is_new("3", "12".to_owned()));
        side.add("pi_1".into(), entry(1.0, 0), false);
        side.add("pi_1".into(), entry(1.0, 0), false);
        assert_eq!((side.len(), side.bytes(), side.payments["pi_1"].count), (1, 32 + 2 + 4 + 3, 2));
        side.add("pi_1".into(), Entry { currency: "x".repeat(1_000).into(), ..entry(1.0, 0) }, true);
        assert_eq!((side.len(), side.bytes(), side.payments["pi_1"].count), (1, 32 + 2 + 4 + 1_000, 1));
    }

    #[test]
    fn summary_lists_ten_references_and_counts_the_rest() {
        let many: Vec<_> = (0..12).map(|n| (format!("pi_{n:02}"), Phrase::from("1 dkk"))).collect();
        let summary = summary(&many).admit(&NoSecrets, 500);
        assert!(summary.starts_with("pi_00 (1 dkk), ") && summary.ends_with("pi_09 (1 dkk) and 2 more"), "{summary}");
    }
}
