//! Maintenance windows, once or weekly, during which notifications are silenced.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use check::Subject;
use check::incident::{Silence, SilenceKind};

use crate::section::Section;
use crate::values::{RawDuration, written_duration};

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest weekly window, so that a mistake does not silence notifications for ever.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Longest single window: CloudWatch mutes alarms no longer than this.
const LONGEST_ONCE: SignedDuration = SignedDuration::from_hours(15 * 24);

/// A maintenance window.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    name: String,
    reason: String,
    /// Checks and their subjects; all when empty.
    scopes: Vec<(String, Option<Subject>)>,
    when: When,
    /// Name of the time zone, as written.
    zone: String,
}

/// Time of a window.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// Once.
    Once {
        /// Start.
        from: Timestamp,
        /// End, exclusive.
        until: Timestamp,
    },
    /// Every week.
    Weekly {
        /// Weekdays on which it begins; Monday is 1.
        days: BTreeSet<i8>,
        /// Local time at which it begins.
        at: Time,
        /// Length.
        duration: Duration,
        /// Time zone of the days and times.
        zone: TimeZone,
    },
}

/// A maintenance window: once with `from` and `until`, or weekly with `days`, `at` and `duration`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawWindow {
    /// Name of the window, in logs and incident records. Required.
    name: Option<String>,
    /// Reason for the window. Default maintenance.
    reason: Option<String>,
    /// Checks and subjects to silence, each `CHECK` or `CHECK/SUBJECT`, with checks of this file. Default: everything.
    checks: Option<Vec<String>>,
    /// Start of a single window, in the time zone or with an offset, such as `2026-12-06T22:00`. A time that the clock
    /// skips is refused; one that it shows twice is the first, and as `until` the second. Required for a single window.
    from: Option<String>,
    /// End of a single window, at most 15 days after the start, the longest mute of an alarm in CloudWatch. Required
    /// for a single window.
    until: Option<String>,
    /// Weekdays on which a weekly window begins: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`. Default: every day.
    days: Option<Vec<String>>,
    /// Time of day at which a weekly window begins, such as `02:30`. On a day on which the clock skips the time, the
    /// window begins later by the length of the gap, such as at `03:30`, and keeps its length; if the clock shows the
    /// time twice, it begins at the first. Required for a weekly window.
    at: Option<String>,
    /// Length of a weekly window: 1m to 168h, and shorter than the time until the next one begins, since `24h` every
    /// day would never end. Required for a weekly window.
    duration: Option<RawDuration>,
    /// Time zone of all these times, by its IANA name. Default: `time_zone` at the top of the file.
    #[schemars(extend("x-type" = "IANA name"))]
    time_zone: Option<String>,
}

impl Window {
    /// Name of the window.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reason for the window.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Checks and their subjects; all when empty.
    #[must_use]
    pub fn scopes(&self) -> &[(String, Option<Subject>)] {
        &self.scopes
    }

    /// Time of the window.
    #[must_use]
    pub const fn when(&self) -> &When {
        &self.when
    }

    /// IANA name of the time zone.
    #[must_use]
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// Silences of a check in effect at this time.
    #[must_use]
    pub fn silences(&self, check: &str, now: Timestamp) -> Vec<Silence> {
        let Some((from, until)) = self.around(now) else { return Vec::new() };
        let silence = |subject: Option<Subject>| Silence {
            id: self.name.clone(),
            kind: SilenceKind::Maintenance,
            subject,
            from,
            until,
            by: "settings".to_owned(),
            reason: self.reason.clone(),
        };
        if self.scopes.is_empty() {
            return vec![silence(None)];
        }
        self.scopes.iter().filter(|(id, _)| id == check).map(|(_, subject)| silence(subject.clone())).collect()
    }

    /// Next start of a weekly window that the clock skips, within a year, and the time at which the window begins instead.
    /// Both are local times.
    #[must_use]
    pub fn skipped_start(&self, now: Timestamp) -> Option<(DateTime, DateTime)> {
        let When::Weekly { days, at, zone, .. } = &self.when else { return None };
        let today = now.to_zoned(zone.clone()).date();
        (0..=366).find_map(|ahead| {
            let start = today.checked_add(Span::new().days(ahead)).ok()?.to_datetime(*at);
            let is_skipped = matches!(zone.to_ambiguous_timestamp(start).offset(), AmbiguousOffset::Gap { .. });
            let begins = start.to_zoned(zone.clone()).ok()?.datetime();
            (is_skipped && days.contains(&start.weekday().to_monday_one_offset())).then_some((start, begins))
        })
    }

    /// Start and end of the window in effect at this time.
    fn around(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        self.not_over(now).filter(|(from, _)| *from <= now)
    }

    /// Start and end of the window in effect at this time, or else of the next one. `None`: no other comes.
    #[must_use]
    pub fn not_over(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        match &self.when {
            When::Once { from, until } => (now < *until).then_some((*from, *until)),
            When::Weekly { days, at, duration, zone } => {
                let duration = SignedDuration::try_from(*duration).ok()?;
                let today = now.to_zoned(zone.clone()).date();
                // A window that began days ago may still last. If the clock skips its start, it begins after the gap.
                (-8..=8).find_map(|ahead| {
                    let day = today.checked_add(Span::new().days(ahead)).ok()?;
                    if !days.contains(&day.weekday().to_monday_one_offset()) {
                        return None;
                    }
                    let from = day.to_datetime(*at).to_zoned(zone.clone()).ok()?.timestamp();
                    let until = from + duration;
                    (now < until).then_some((from, until))
                })
            }
        }
    }
}

impl RawWindow {
    /// `checks` are the ids of the check sections in the file.
    pub(crate) fn validate(self, section: &Section<'_>, checks: &[String], default_zone: &str) -> Option<Window> {
        let name = section.text("name", self.name.clone());
        let scopes = self.scopes(section, checks);
        let zone_name = section.or_default("time_zone", self.time_zone.clone(), default_zone.to_owned());
        let zone = TimeZone::get(&zone_name)
            .map_err(|_| format!("expected a time zone such as \"Europe/Copenhagen\", found `{zone_name}`"));
        let zone = section.parsed("time_zone", zone)?;
        // CloudWatch may not accept another case.
        let iana_name = zone.iana_name().unwrap_or(&zone_name).to_owned();
        // A wrong value is there as well.
        let has = |keys: &[&str]| keys.iter().any(|key| section.is_unreadable(key));
        let is_once = self.from.is_some() || self.until.is_some() || has(&["from", "until"]);
        let is_weekly =
            self.at.is_some() || self.duration.is_some() || self.days.is_some() || has(&["at", "duration", "days"]);
        let when = match (is_once, is_weekly) {
            (true, false) => self.once(section, &zone),
            (false, true) => self.weekly(section, zone),
            _ => {
                section.problem(
                    "",
                    "expected `from` and `until` for a single window, or `at` and `duration` for a weekly one",
                );
                None
            }
        };
        let reason = section.or_default("reason", self.reason, "maintenance".to_owned());
        Some(Window { name: name?, reason, scopes: scopes?, when: when?, zone: iana_name })
    }

    fn scopes(&self, section: &Section<'_>, checks: &[String]) -> Option<Vec<(String, Option<Subject>)>> {
        let mut scopes = Vec::new();
        for scope in self.checks.iter().flatten() {
            let (check, subject) = match scope.split_once('/') {
                Some((check, subject)) => (check, Some(section.parsed("checks", Subject::new(subject))?)),
                None => (scope.as_str(), None),
            };
            if !checks.iter().any(|known| known == check) {
                let known = checks.join(", ");
                section.problem("checks", format!("expected checks of this file ({known}), found `{check}`"));
                return None;
            }
            scopes.push((check.to_owned(), subject));
        }
        if self.checks.as_ref().is_some_and(Vec::is_empty) {
            section.problem("checks", "expected at least one check, found none; leave out the key for all checks");
            return None;
        }
        Some(scopes)
    }

    fn once(&self, section: &Section<'_>, zone: &TimeZone) -> Option<When> {
        let time = |key: &str, text: &Option<String>, is_end: bool| {
            let text = section.required(key, text.clone())?;
            section.parsed(key, text.parse().or_else(|_| local_time(&text, zone, is_end)))
        };
        let (from, until) = (time("from", &self.from, false), time("until", &self.until, true));
        let (from, until) = (from?, until?);
        if until <= from {
            section.problem("until", "expected a time after `from`");
            return None;
        }
        let duration = until.duration_since(from);
        if duration > LONGEST_ONCE {
            let found = format!("found {} hours", duration.as_hours());
            let rule = "expected a time at most 15 days after `from`, as long as CloudWatch mutes alarms";
            section.problem("until", format!("{rule}, {found}; split it into several windows"));
            return None;
        }
        Some(When::Once { from, until })
    }

    fn weekly(&self, section: &Section<'_>, zone: TimeZone) -> Option<When> {
        let at = section.required("at", self.at.clone()).and_then(|text| {
            // A date or an offset would be ignored.
            let is_time = text.chars().all(|c| c.is_ascii_digit() || c == ':');
            let time = text.parse::<Time>().ok().filter(|_| is_time);
            section
                .parsed("at", time.ok_or_else(|| format!("expected a time of day such as \"02:00\", found `{text}`")))
        });
        let duration = section.required("duration", self.duration.clone()).and_then(|duration| {
            section.duration("duration", Some(duration), LONGEST, Duration::from_secs(60)..=LONGEST)
        });
        let mut days = BTreeSet::new();
        for name in self.days.iter().flatten() {
            let Some((_, day)) = DAYS.iter().find(|(own, _)| own == name) else {
                let known = DAYS.map(|(own, _)| own).join(", ");
                section.problem("days", format!("expected days of {known}, found `{name}`"));
                return None;
            };
            days.insert(day.to_monday_one_offset());
        }
        if days.is_empty() {
            days.extend(1..=7);
        }
        if let Some(duration) = duration {
            let gap = shortest_gap(&days);
            if duration >= gap {
                let (gap, duration) = (written_duration(gap), written_duration(duration));
                let rule = format!("expected less than {gap}, when the next window begins, found `{duration}`");
                section.problem("duration", format!("{rule}; it would never end: shorten it, or name fewer `days`"));
                return None;
            }
        }
        Some(When::Weekly { days, at: at?, duration: duration?, zone })
    }
}

/// Reads a time of a single window. A time that the clock shows twice is the first for a start, and the second for an end,
/// so that the window covers all that the text can mean. A time that the clock skips means nothing on that day.
fn local_time(text: &str, zone: &TimeZone, is_end: bool) -> Result<Timestamp, String> {
    let wrong = || format!("expected a time such as \"2026-12-01T02:00\", found `{text}`");
    // The name of a zone behind the time would be ignored.
    let local: DateTime = text.parse().ok().filter(|_| !text.contains('[')).ok_or_else(wrong)?;
    let read = zone.to_ambiguous_timestamp(local);
    if let AmbiguousOffset::Gap { before, .. } = read.offset() {
        let later = read.later().map_err(|_| wrong())?;
        let with_offset = later.to_zoned(before.to_time_zone()).strftime("%Y-%m-%dT%H:%M%:z");
        let later = later.to_zoned(zone.clone());
        let name = zone.iana_name().unwrap_or("this time zone");
        let later = later.strftime("%Y-%m-%dT%H:%M");
        return Err(format!(
            "expected a time that the clock shows, found `{text}`; the clock of {name} skips it: write \"{later}\", or the \
             offset too: \"{with_offset}\""
        ));
    }
    if is_end { read.later() } else { read.earlier() }.map_err(|_| wrong())
}

/// Shortest time between two starts.
fn shortest_gap(days: &BTreeSet<i8>) -> Duration {
    // The first day comes again a week later.
    let next = days.iter().skip(1).copied().chain(days.first().map(|first| first + 7));
    let gaps = days.iter().zip(next).map(|(day, next)| DAY * u32::from((next - day).unsigned_abs()));
    gaps.min().unwrap_or(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weekly(days: &[i8], at: &str, hours: u64) -> Window {
        Window {
            name: "night".to_owned(),
            reason: "backup".to_owned(),
            scopes: vec![
                ("login".to_owned(), None),
                ("availability".to_owned(), Some(Subject::new("health").unwrap())),
            ],
            when: When::Weekly {
                days: days.iter().copied().collect(),
                at: at.parse().unwrap(),
                duration: Duration::from_secs(hours * 3_600),
                zone: TimeZone::get("Europe/Copenhagen").unwrap(),
            },
            zone: "Europe/Copenhagen".to_owned(),
        }
    }

    fn is_quiet(window: &Window, now: &str) -> bool {
        !window.silences("login", now.parse().unwrap()).is_empty()
    }

    #[test]
    fn next_window_is_known_before_it_begins() {
        let night = weekly(&[1, 4], "23:30", 2);
        for (now, from, until) in [
            // Monday before, in, and after the window.
            ("2026-11-23T10:00:00Z", "2026-11-23T22:30:00Z", "2026-11-24T00:30:00Z"),
            ("2026-11-24T00:29:59Z", "2026-11-23T22:30:00Z", "2026-11-24T00:30:00Z"),
            ("2026-11-24T00:30:00Z", "2026-11-26T22:30:00Z", "2026-11-27T00:30:00Z"),
        ] {
            let expected = Some((from.parse().unwrap(), until.parse().unwrap()));
            assert_eq!(night.not_over(now.parse().unwrap()), expected, "{now}");
        }
        let [from, until] = ["2026-12-06T22:00:00Z", "2026-12-07T01:00:00Z"].map(|time| time.parse().unwrap());
        let once = Window { when: When::Once { from, until }, ..night };
        assert_eq!(once.not_over("2026-11-24T00:30:00Z".parse().unwrap()), Some((from, until)));
        assert_eq!(once.not_over(until), None);
    }

    #[test]
    fn weekly_window_follows_local_time() {
        // 2026-11-23 is a Monday; Copenhagen is one hour ahead of UTC.
        let night = weekly(&[1], "23:30", 2);
        for (now, expected) in [
            ("2026-11-23T22:29:59Z", false),
            ("2026-11-23T22:30:00Z", true),
            ("2026-11-24T00:29:59Z", true),
            ("2026-11-24T00:30:00Z", false),
            ("2026-11-24T22:30:00Z", false),
            ("2026-11-30T22:30:00Z", true),
            // Copenhagen is two hours ahead of UTC in summer.
            ("2026-07-06T21:30:00Z", true),
            ("2026-07-06T23:30:00Z", false),
        ] {
            assert_eq!(is_quiet(&night, now), expected, "{now}");
        }
        // The clock skips 02:00 to 03:00 on 29 March 2026: the window begins after the gap and keeps its length.
        let gap = weekly(&[7], "02:30", 1);
        assert!(!is_quiet(&gap, "2026-03-29T00:59:59Z"));
        assert!(is_quiet(&gap, "2026-03-29T01:45:00Z"));
        // The clock shows 02:30 twice on 25 October: the first one counts.
        assert!(is_quiet(&gap, "2026-10-25T00:30:00Z"));
        assert!(!is_quiet(&gap, "2026-10-25T01:30:00Z"));
        // Longer than a day.
        let weekend = weekly(&[5], "18:00", 62);
        assert!(is_quiet(&weekend, "2026-11-22T23:00:00Z"));
        assert!(!is_quiet(&weekend, "2026-11-23T08:00:00Z"));
    }

    #[test]
    fn next_skipped_start_is_found() {
        let start = |days: &[i8], at: &str, now: &str| {
            let skipped = weekly(days, at, 1).skipped_start(now.parse().unwrap());
            skipped.map(|(start, begins)| format!("{start} {begins}"))
        };
        let march = Some("2026-03-29T02:30:00 2026-03-29T03:30:00".to_owned());
        assert_eq!(start(&[7], "02:30", "2026-01-01T00:00:00Z"), march);
        assert_eq!(start(&[1, 2, 3, 4, 5, 6, 7], "02:30", "2026-03-29T12:00:00Z"), march, "that very day");
        assert_eq!(
            start(&[7], "02:30", "2026-03-30T00:00:00Z").as_deref(),
            Some("2027-03-28T02:30:00 2027-03-28T03:30:00")
        );
        assert_eq!(start(&[6], "02:30", "2026-01-01T00:00:00Z"), None, "another day");
        assert_eq!(start(&[7], "03:00", "2026-01-01T00:00:00Z"), None, "after the gap");
        let from = "2026-03-29T00:00:00Z".parse().unwrap();
        let once = Window { when: When::Once { from, until: from }, ..weekly(&[7], "02:30", 1) };
        assert_eq!(once.skipped_start(from), None);
    }

    #[test]
    fn single_times_are_those_that_the_clock_shows() {
        let zone = |name: &str| TimeZone::get(name).unwrap();
        let (copenhagen, sydney) = ("Europe/Copenhagen", "Australia/Lord_Howe");
        for (name, text, from, until) in [
            (copenhagen, "2026-03-29T01:59", "2026-03-29T00:59:00Z", "2026-03-29T00:59:00Z"),
            (copenhagen, "2026-03-29T03:00", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"),
            (copenhagen, "2026-10-25T02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
            (copenhagen, "2026-10-25T03:00", "2026-10-25T02:00:00Z", "2026-10-25T02:00:00Z"),
            (copenhagen, "2026-12-06 22:00:30", "2026-12-06T21:00:30Z", "2026-12-06T21:00:30Z"),
            (copenhagen, "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-28T23:00:00Z"),
            ("UTC", "2026-03-29T02:30", "2026-03-29T02:30:00Z", "2026-03-29T02:30:00Z"),
        ] {
            let read = [false, true].map(|is_end| local_time(text, &zone(name), is_end).unwrap().to_string());
            assert_eq!(read, [from, until], "{text}");
        }
        for (name, text, expected) in [
            (
                copenhagen,
                "2026-03-29T02:00",
                "skips it: write \"2026-03-29T03:00\", or the offset too: \"2026-03-29T02:00+01:00\"",
            ),
            (copenhagen, "2026-03-29T02:30", "the clock of Europe/Copenhagen skips it: write \"2026-03-29T03:30\""),
            (sydney, "2026-10-04T02:15", "write \"2026-10-04T02:45\""),
            (copenhagen, "2026-02-30T02:00", "expected a time such as"),
            (copenhagen, "tomorrow", "expected a time such as"),
            (copenhagen, "2026-12-06T22:00[America/New_York]", "expected a time such as"),
        ] {
            for is_end in [false, true] {
                let error = local_time(text, &zone(name), is_end).unwrap_err();
                assert!(error.contains(expected) && error.contains(&format!("found `{text}`")), "{error}");
            }
        }
    }

    #[test]
    fn shortest_gap_wraps_around_the_week() {
        for (days, expected) in [(&[1][..], 7), (&[1, 4], 3), (&[1, 7], 1), (&[2, 6], 3), (&[1, 2, 3, 4, 5, 6, 7], 1)] {
            assert_eq!(shortest_gap(&days.iter().copied().collect()), DAY * expected, "{days:?}");
        }
    }

    #[test]
    fn window_silences_the_checks_and_subjects_it_names() {
        let night = weekly(&[1, 2], "00:00", 24);
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        let subjects =
            |check: &str| night.silences(check, now).into_iter().map(|silence| silence.subject).collect::<Vec<_>>();
        assert_eq!(subjects("login"), [None]);
        assert_eq!(subjects("availability"), [Some(Subject::new("health").unwrap())]);
        assert_eq!(subjects("booking"), []);
        let all = Window { scopes: Vec::new(), ..night };
        assert_eq!(all.silences("booking", now).len(), 1);
    }
}
