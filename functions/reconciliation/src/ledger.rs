//! What both sides have of each payment, and where they differ. Pure: time is passed in.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

/// No more ids are told of one kind: the rest is counted.
const MOST_TOLD: usize = 10;

/// A payment on one side, with no more of it than is compared: thousands are held at once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// In the currency's smallest unit.
    pub(crate) amount: f64,
    /// In lower case.
    pub(crate) currency: Box<str>,
    pub(crate) status: Status,
    /// When it came in; when that is not told, when it was begun. On the platform's side, when it was recorded.
    pub(crate) at: Timestamp,
    /// How many there are of this reference.
    pub(crate) count: u32,
}

/// What has become of a payment, as far as both sides can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Money came in, whether it was paid back or not.
    Succeeded,
    /// It did not, or not yet.
    Other,
}

/// One side: by the id of the payment intent.
pub(crate) type Side = HashMap<Box<str>, Entry>;

/// How two sides can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The provider has it, the platform does not.
    MissingHere,
    /// The platform has it, the provider does not.
    MissingThere,
    /// The platform has it more than once.
    Twice,
    /// The amounts differ.
    Amount,
    /// The currencies differ.
    Currency,
    /// One side has the money, the other does not.
    Status,
    /// The platform recorded it long after the provider.
    Late,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] =
        [Self::MissingHere, Self::MissingThere, Self::Twice, Self::Amount, Self::Currency, Self::Status, Self::Late];

    /// Its name, as subject.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::MissingHere => "missing-on-platform",
            Self::MissingThere => "missing-at-provider",
            Self::Twice => "twice",
            Self::Amount => "amount",
            Self::Currency => "currency",
            Self::Status => "status",
            Self::Late => "late",
        }
    }

    /// What should be the case.
    pub(crate) const fn expected(self) -> &'static str {
        match self {
            Self::MissingHere => "every payment that the provider took to be recorded by the platform",
            Self::MissingThere => "every payment that the platform recorded to be known to the provider",
            Self::Twice => "every payment to be recorded once",
            Self::Amount => "the same amounts on both sides",
            Self::Currency => "the same currencies on both sides",
            Self::Status => "payments that came in on both sides, or on neither",
            Self::Late => "payments to be recorded soon after they were made",
        }
    }
}

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Payments from here on are judged,
    pub(crate) from: Timestamp,
    /// up to here: younger ones may still be on their way.
    pub(crate) to: Timestamp,
    /// How long after the provider the platform may record a payment.
    pub(crate) late_after: SignedDuration,
}

impl Window {
    fn holds(&self, at: Timestamp) -> bool {
        self.from <= at && at <= self.to
    }
}

/// The differences, by kind: the references, sorted, each with what is seen.
pub(crate) type Differences = BTreeMap<Kind, Vec<(String, String)>>;

/// Compares both sides. `here` and `there` must hold more than the window: a payment has not the same time on both, and may
/// have been begun long before it came in.
pub(crate) fn compare(here: &Side, there: &Side, window: &Window) -> Differences {
    let mut differences = Differences::new();
    let mut differ = |kind, reference: &str, actual: String| {
        differences.entry(kind).or_default().push((reference.to_owned(), actual));
    };
    for (reference, provider) in there {
        let is_judged = window.holds(provider.at);
        let Some(own) = here.get(reference) else {
            if is_judged && provider.status == Status::Succeeded {
                differ(Kind::MissingHere, reference, format!("{} {}", provider.amount, provider.currency));
            }
            continue;
        };
        if !is_judged && !window.holds(own.at) {
            continue;
        }
        if (own.amount - provider.amount).abs() >= 0.5 {
            differ(Kind::Amount, reference, format!("{} here, {} there", own.amount, provider.amount));
        }
        if own.currency != provider.currency {
            differ(Kind::Currency, reference, format!("{} here, {} there", own.currency, provider.currency));
        }
        if own.status != provider.status {
            differ(Kind::Status, reference, format!("{:?} here, {:?} there", own.status, provider.status));
        }
        let delay = own.at.duration_since(provider.at);
        // One that was begun before the window and does not tell when it came in may have been paid just now.
        if is_judged && delay > window.late_after {
            differ(Kind::Late, reference, format!("{} minutes later", delay.as_mins()));
        }
    }
    for (reference, own) in here.iter().filter(|(_, own)| window.holds(own.at)) {
        if own.status == Status::Succeeded && !there.contains_key(reference) {
            differ(Kind::MissingThere, reference, format!("{} {}", own.amount, own.currency));
        }
        if own.count > 1 {
            differ(Kind::Twice, reference, format!("{} times", own.count));
        }
    }
    differences.values_mut().for_each(|resources_of_type| resources_of_type.sort());
    differences
}

/// References as evidence: some of them, and how many more.
pub(crate) fn summary(resources_of_type: &[(String, String)]) -> String {
    let some: Vec<String> =
        resources_of_type.iter().take(MOST_TOLD).map(|(reference, actual)| format!("{reference} ({actual})")).collect();
    match resources_of_type.len().saturating_sub(MOST_TOLD) {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + minute * 60).unwrap()
    }

    fn entry(amount: f64, minute: i64) -> Entry {
        Entry { amount, currency: "dkk".into(), status: Status::Succeeded, at: at(minute), count: 1 }
    }

    fn side(entries: &[(&str, Entry)]) -> Side {
        entries.iter().map(|(reference, entry)| (Box::from(*reference), entry.clone())).collect()
    }

    fn window() -> Window {
        Window { from: at(0), to: at(100), late_after: SignedDuration::from_mins(60) }
    }

    fn kinds(here: &[(&str, Entry)], there: &[(&str, Entry)]) -> Vec<(&'static str, Vec<String>)> {
        let differences = compare(&side(here), &side(there), &window());
        let references = |resources_of_type: Vec<(String, String)>| {
            resources_of_type.into_iter().map(|(reference, _)| reference).collect()
        };
        differences.into_iter().map(|(kind, resources_of_type)| (kind.name(), references(resources_of_type))).collect()
    }

    #[test]
    fn the_same_on_both_sides_is_no_difference_whatever_the_clocks_say() {
        assert!(kinds(&[], &[]).is_empty());
        assert!(kinds(&[("a", entry(100.0, 12))], &[("a", entry(100.0, 10))]).is_empty());
        assert!(
            kinds(&[("a", entry(100.0, 8))], &[("a", entry(100.0, 10))]).is_empty(),
            "the platform's clock is behind"
        );
        // On either edge of the window, one side outside.
        assert!(kinds(&[("a", entry(1.0, -1))], &[("a", entry(1.0, 1))]).is_empty());
        assert!(kinds(&[("a", entry(1.0, 101))], &[("a", entry(1.0, 99))]).is_empty());
        assert!(kinds(&[("a", entry(1.0, 99))], &[("a", entry(1.0, 101))]).is_empty());
    }

    #[test]
    fn each_kind_of_difference_is_told_apart() {
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
        assert_eq!(kinds(&[("a", other(|e| e.status = Status::Other))], &[("a", good.clone())]), [("status", a())]);
        assert_eq!(kinds(&[("a", other(|e| e.at = at(71)))], &[("a", good.clone())]), [("late", a())]);
        assert_eq!(kinds(&[("a", other(|e| e.count = 2))], &[("a", good.clone())]), [("twice", a())]);
        // What has not come in need not be known.
        assert!(kinds(&[], &[("a", other(|e| e.status = Status::Other))]).is_empty());
        assert!(kinds(&[("a", other(|e| e.status = Status::Other))], &[]).is_empty());
    }

    #[test]
    fn what_is_outside_the_window_is_judged_by_another_run() {
        assert!(kinds(&[], &[("a", entry(1.0, -1)), ("b", entry(1.0, 101))]).is_empty());
        assert!(kinds(&[("a", entry(1.0, -1)), ("b", entry(1.0, 101))], &[]).is_empty());
    }

    #[test]
    fn a_payment_is_judged_by_when_it_came_in_however_long_ago_it_was_begun() {
        // Begun hours before, and its success told: it is missing while that is within the window.
        let came_in = |minute| entry(1.0, minute);
        assert_eq!(kinds(&[], &[("a", came_in(50))]), [("missing-on-platform", vec!["a".to_owned()])]);
        // Its success not told, it stands where it was begun: not missing there, not late, and compared all the same.
        let begun = entry(1.0, -300);
        assert!(kinds(&[("a", entry(1.0, 50))], &[("a", begun.clone())]).is_empty());
        let other = Entry { amount: 2.0, currency: "eur".into(), status: Status::Other, ..entry(1.0, 50) };
        let actual: Vec<&str> = kinds(&[("a", other)], &[("a", begun)]).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(actual, ["amount", "currency", "status"]);
    }

    #[test]
    fn some_references_are_told_and_the_rest_is_counted() {
        let many: Vec<_> = (0..12).map(|n| (format!("pi_{n:02}"), "1 dkk".to_owned())).collect();
        let summary = summary(&many);
        assert!(summary.starts_with("pi_00 (1 dkk), ") && summary.ends_with("pi_09 (1 dkk) and 2 more"), "{summary}");
    }
}
