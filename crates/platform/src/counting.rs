//! Rates of real users, from the platform's operations counters without our own attempts.
//!
//! In each check that reads them, the counters are a separate subject, so a refused token does not keep an incident
//! of the flow open. The check `application` judges the counters' endpoint itself.
//!
//! A rate divides failures by the attempts in which they occurred. It is published without a counter of attempts only if
//! the others count most of the attempts; failures without their attempts would look like a failing platform. The step
//! `counters` names each counter that is missing or unreadable, and the metrics published without one.

use std::time::Instant;

use jiff::Timestamp;
use probe::expect::{json, json_found, number};
use probe::{Method, Request, Response};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use check::metric::Metric;
use check::{Cause, Phrase, StepEnded, Subject, foreign, ours, phrase};

use runtime::{Run, Step};
use settings::SecretRef;

use crate::accounts::Counting;
use crate::site::{Site, status};

/// Length of the window in seconds when the counters do not report it.
const DEFAULT_WINDOW_SECONDS: f64 = 300.0;
/// Number of own attempts kept: 40 minutes' worth, while the counters' window is 5 minutes. Every run reads and writes
/// all of them, and the store charges by size.
const MAX_ATTEMPTS: usize = 120;
/// Longest quote of an unreadable counter. **Units:** characters.
const MAX_VALUE: usize = 40;
/// Largest number of counters of one kind that a report lists. The platform decides how many partners it counts.
const MAX_LISTED: usize = 10;

/// Own attempts, oldest first: time (Unix seconds) and result. If the tally is lost, the rates of one window are off by
/// these attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tally<E>(Vec<(i64, E)>);

impl<E> Default for Tally<E> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<E: PartialEq> Tally<E> {
    /// Adds one of our own attempts.
    pub fn note(&mut self, at: Timestamp, ended: E) {
        self.0.push((at.as_second(), ended));
        let surplus = self.0.len().saturating_sub(MAX_ATTEMPTS);
        self.0.drain(..surplus);
    }

    /// Adds the attempts of `ours` missing from `base`: two runs started from `base` without knowing of each other.
    #[must_use]
    pub fn with_new_of(mut self, ours: Self, base: &Self) -> Self {
        let mut known: Vec<&(i64, E)> = base.0.iter().collect();
        for attempt in ours.0 {
            match known.iter().position(|known| **known == attempt) {
                Some(place) => {
                    known.swap_remove(place);
                }
                None => self.0.push(attempt),
            }
        }
        self.0.sort_by_key(|(at, _)| *at);
        let surplus = self.0.len().saturating_sub(MAX_ATTEMPTS);
        self.0.drain(..surplus);
        self
    }

    /// Counts our own attempts of the last `window` seconds with this result.
    fn count(&self, ended: &E, window: f64, now: Timestamp) -> f64 {
        let since = now.as_second() as f64 - window;
        self.0.iter().filter(|(at, how)| how == ended && *at as f64 > since).count() as f64
    }
}

/// Counters as read from the platform, and what a report says about those that could not be read.
pub struct Counters<'a> {
    response: Response,
    site: &'a Site,
    counting: &'a Counting,
    now: Timestamp,
    /// Length of the counted window. **Units:** seconds.
    window: f64,
    /// Missing counters.
    missing: Vec<Phrase>,
    /// Counters that are present and are no counts, with their values.
    unreadable: Vec<Phrase>,
    /// Metrics published without one of their counters.
    incomplete: Vec<Phrase>,
}

impl<'a> Counters<'a> {
    fn new(response: Response, site: &'a Site, counting: &'a Counting, now: Timestamp) -> Self {
        let (missing, unreadable, incomplete) = (Vec::new(), Vec::new(), Vec::new());
        let window = DEFAULT_WINDOW_SECONDS;
        let mut counters = Self { response, site, counting, now, window, missing, unreadable, incomplete };
        if let Some(window) = counters.optional_number(site.platform.counters.window_seconds.as_str()) {
            counters.window = window;
        }
        counters
    }

    /// Reads a count. One that is missing or unreadable is reported.
    pub fn number(&mut self, pointer: &str) -> Option<f64> {
        let value = self.value(pointer);
        self.count(ours(pointer).into(), value.as_ref())
    }

    /// Reads a count that no published metric needs. It is reported if it is unreadable, but not if it is missing.
    pub fn optional_number(&mut self, pointer: &str) -> Option<f64> {
        let value = self.value(pointer)?;
        self.count(ours(pointer).into(), Some(&value))
    }

    /// Reads a value as a count. If it is missing or unreadable, it is reported under this name.
    pub fn count(&mut self, name: Phrase, value: Option<&Value>) -> Option<f64> {
        let count = value.and_then(number).filter(|count| *count >= 0.0);
        if count.is_none() {
            self.report(name, value);
        }
        count
    }

    /// Reads any value. Returns `None` when it is missing.
    #[must_use]
    pub fn value(&self, pointer: &str) -> Option<Value> {
        json_found(&self.response, pointer, self.site.platform.wrapper.as_str()).ok()
    }

    /// Length of the counted window. **Units:** seconds.
    #[must_use]
    pub const fn window(&self) -> f64 {
        self.window
    }

    /// Subtracts our own attempts with this result from a count.
    #[must_use]
    pub fn users_only<E: PartialEq>(&self, count: Option<f64>, ours: &Tally<E>, ended: &E) -> Option<f64> {
        let ours = if self.counting.includes_synthetic { ours.count(ended, self.window(), self.now) } else { 0.0 };
        // The two windows do not start at exactly the same moment.
        Some((count? - ours).max(0.0))
    }

    /// Share of `part` in `part + rest`, in percent. Returns `None` when there are fewer events than the minimum count.
    #[must_use]
    pub fn rate(&self, part: f64, rest: f64) -> Option<f64> {
        let all = part + rest;
        (all >= f64::from(self.counting.minimum_count)).then(|| 100.0 * part / all)
    }

    /// Reports a counter as missing, or as unreadable with its value.
    pub fn report(&mut self, name: Phrase, value: Option<&Value>) {
        match value {
            Some(value) => {
                self.unreadable.push(phrase!("{} is {}", name, foreign(value.to_string()).at_most(MAX_VALUE)));
            }
            None => self.missing.push(name),
        }
    }

    /// Reports that a metric is published without one of its counters.
    pub fn report_incomplete(&mut self, metric: &Metric, pointer: &str) {
        self.incomplete.push(phrase!("{} is published without {}", ours(metric.name), ours(pointer)));
    }

    /// Everything reported so far. `None`: all counters were read.
    #[must_use]
    pub fn gaps(self) -> Option<Phrase> {
        let missing = listed(self.missing).map(|names| phrase!("the counters hold no {}", names));
        let unreadable = listed(self.unreadable).map(|values| phrase!("unreadable counters: {}", values));
        let parts: Vec<Phrase> = [missing, unreadable, listed(self.incomplete)].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| Phrase::list(parts, "; "))
    }
}

/// Joins the first items. `None` without any.
fn listed(mut items: Vec<Phrase>) -> Option<Phrase> {
    let surplus = items.len().saturating_sub(MAX_LISTED);
    items.truncate(MAX_LISTED);
    if surplus > 0 {
        items.push(phrase!("{} more", surplus));
    }
    (!items.is_empty()).then(|| Phrase::list(items, ", "))
}

/// Reads the counters in a separate step. `judge` takes measurements from them.
///
/// # Errors
/// [`StepEnded`] when the step has ended; its result is recorded.
pub async fn count(
    run: &Run,
    site: &Site,
    counting: &Counting,
    judge: impl FnOnce(&mut Counters<'_>),
) -> Result<(), StepEnded> {
    let step = run.step(&subject(), "counters");
    match read(run, &step, site, counting).await? {
        Err(reason) => step.skipped(reason),
        Ok(mut counters) => {
            judge(&mut counters);
            match counters.gaps() {
                None => step.passed(),
                Some(gaps) => step.skipped(gaps),
            }
        }
    }
    Ok(())
}

async fn read<'a>(
    run: &Run,
    step: &Step<'_>,
    site: &'a Site,
    counting: &'a Counting,
) -> Result<Result<Counters<'a>, Phrase>, StepEnded> {
    let began = Instant::now();
    let sent = step.transmit(counters_request(step, site, &counting.token).await?).await;
    if let Some(shown) = site.maintenance_of(step, &sent, began, &[]).await {
        return Err(step.maintenance(shown));
    }
    let response = match sent.result {
        Ok(response) => response,
        Err(error) => return Ok(Err(phrase!("the counters could not be read: {}", error.describe()))),
    };
    match response.status.as_u16() {
        200 => {}
        401 | 403 => return Err(refused(step, &response, &counting.token)),
        _ => return Ok(Err(phrase!("the counters answered {}", response.status_line()))),
    }
    if let Err(mismatch) = json(&response) {
        return Ok(Err(phrase!("the counters could not be read: {}", mismatch.actual)));
    }
    Ok(Ok(Counters::new(response, site, counting, run.clock().now())))
}

/// Reads the counters in a step that also judges the endpoint's answer. The step stays open.
///
/// # Errors
/// [`StepEnded`] when the step has ended; its result is recorded.
pub async fn read_counters<'a>(
    step: &Step<'_>,
    site: &'a Site,
    counting: &'a Counting,
) -> Result<Counters<'a>, StepEnded> {
    let response = site.ask(step, counters_request(step, site, &counting.token).await?).await?;
    if matches!(response.status.as_u16(), 401 | 403) {
        return Err(refused(step, &response, &counting.token));
    }
    step.check("status", status(&response, &[200]))?;
    step.check_value("json", json(&response))?;
    Ok(Counters::new(response, site, counting, step.now()))
}

async fn counters_request(step: &Step<'_>, site: &Site, token: &SecretRef) -> Result<Request, StepEnded> {
    let token = step.secret(token).await?;
    Ok(Request::new(Method::GET, site.platform.counters.path.below(&site.base_url))
        .header("accept", "application/json")
        .secret_header("authorization", &format!("Bearer {}", token.expose_secret()))
        .deadline(site.deadline)
        .max_redirects(0))
}

fn refused(step: &Step<'_>, response: &Response, token: &SecretRef) -> StepEnded {
    let status = response.status.as_u16();
    let detail =
        phrase!("the operations counters answered {} to our token\nput a valid one at {}", status, ours(token));
    step.inconclusive(Cause::Credentials, detail)
}

/// Subject of the rates of real users.
#[must_use]
pub fn subject() -> Subject {
    Subject::own("counters")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use check::NoSecrets;
    use probe::Maintenance;

    use super::*;
    use crate::names::Platform;
    use crate::tests::response;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn only_attempts_in_the_window_are_counted() {
        let mut tally = Tally::default();
        for (second, ended) in [(99, 'i'), (100, 'i'), (160, 'n'), (161, 'i')] {
            tally.note(at(second), ended);
        }
        assert_eq!(tally.count(&'i', 300.0, at(399)), 2.0, "the first has left the window");
        assert_eq!(tally.count(&'n', 300.0, at(399)), 1.0);
        assert_eq!(tally.count(&'t', 300.0, at(399)), 0.0);
    }

    fn counters<'a>(body: &'static str, site: &'a Site, counting: &'a Counting) -> Counters<'a> {
        Counters::new(response(200, body), site, counting, at(0))
    }

    fn site() -> Site {
        Site {
            base_url: "https://app.example/".parse().unwrap(),
            platform: Platform::default(),
            maintenance: Maintenance { status: 503, markers: Vec::new(), standard: None },
            deadline: Duration::from_secs(1),
        }
    }

    fn counting() -> Counting {
        let token = SecretRef::Variable("TOKEN".to_owned());
        Counting { token, minimum_count: 20, includes_synthetic: false }
    }

    #[test]
    fn missing_and_unreadable_counters_are_distinguished() {
        let (site, counting) = (site(), counting());
        for (body, expected) in [
            (r#"{"a": 1, "b": "2"}"#, ([Some(1.0), Some(2.0)], None)),
            (r#"{"data": {"a": 1}, "b": 2}"#, ([Some(1.0), Some(2.0)], None)),
            (r#"{"a": 0}"#, ([Some(0.0), None], Some("the counters hold no /b"))),
            ("{}", ([None, None], Some("the counters hold no /a, /b"))),
            (r#"{"a": "n/a", "b": 1}"#, ([None, Some(1.0)], Some(r#"unreadable counters: /a is "n/a""#))),
            (r#"{"a": null, "b": -1}"#, ([None, None], Some("unreadable counters: /a is null, /b is -1"))),
            (
                r#"{"a": {"b": 1}, "b": true}"#,
                ([None, None], Some(r#"unreadable counters: /a is {"b":1}, /b is true"#)),
            ),
            (r#"{"b": "NaN"}"#, ([None, None], Some(r#"the counters hold no /a; unreadable counters: /b is "NaN""#))),
        ] {
            let mut counters = counters(body, &site, &counting);
            let read = ["/a", "/b"].map(|pointer| counters.number(pointer));
            let gaps = counters.gaps().map(|gaps| gaps.admit(&NoSecrets, 200).to_string());
            assert_eq!((read, gaps.as_deref()), expected, "{body}");
        }
    }

    #[test]
    fn optional_counters_are_reported_only_if_unreadable() {
        let (site, counting) = (site(), counting());
        let mut counters = counters(r#"{"a": "n/a", "c": 3}"#, &site, &counting);
        assert_eq!(["/a", "/b", "/c"].map(|pointer| counters.optional_number(pointer)), [None, None, Some(3.0)]);
        let gaps = counters.gaps().unwrap().admit(&NoSecrets, 200);
        assert_eq!(gaps.to_string(), r#"unreadable counters: /a is "n/a""#);
    }

    #[test]
    fn gaps_are_bounded_and_name_incomplete_metrics() {
        let (site, counting) = (site(), counting());
        let mut counters = counters("{}", &site, &counting);
        for place in 1..=12 {
            assert_eq!(counters.number(&format!("/c{place}")), None);
        }
        let long = Value::from("x".repeat(500));
        counters.report("/long".into(), Some(&long));
        counters.report_incomplete(&check::metric::BOOKING_ERROR_RATE, "/c2");
        let gaps = counters.gaps().unwrap().admit(&NoSecrets, 400).to_string();
        let (list, rest) = gaps.split_once("; ").unwrap();
        assert_eq!(list, "the counters hold no /c1, /c2, /c3, /c4, /c5, /c6, /c7, /c8, /c9, /c10, 2 more");
        let (value, incomplete) = rest.split_once("; ").unwrap();
        assert!(value.starts_with("unreadable counters: /long is \"xxx") && value.len() < 90, "{value}");
        assert_eq!(incomplete, "BookingErrorRate is published without /c2");
    }

    #[test]
    fn attempts_of_parallel_runs_are_kept_once() {
        let tally = |attempts: &[(i64, char)]| Tally(attempts.to_vec());
        let base = tally(&[(100, 'i'), (100, 'i'), (160, 'n')]);
        // The other run dropped the oldest attempt; both have one in the same second.
        let theirs = tally(&[(100, 'i'), (160, 'n'), (400, 'i'), (401, 'n')]);
        let ours = tally(&[(100, 'i'), (100, 'i'), (160, 'n'), (400, 'i'), (402, 'i')]);
        let expected = tally(&[(100, 'i'), (160, 'n'), (400, 'i'), (400, 'i'), (401, 'n'), (402, 'i')]);
        assert_eq!(theirs.with_new_of(ours, &base), expected);
        let empty = Tally::default();
        assert_eq!(base.clone().with_new_of(base.clone(), &base), base);
        assert_eq!(empty.clone().with_new_of(base.clone(), &empty), base);
        let many = Tally((0..200).map(|second| (second, 'i')).collect());
        assert_eq!(many.clone().with_new_of(many, &empty).0.len(), MAX_ATTEMPTS);
    }

    #[test]
    fn tally_is_bounded() {
        let mut tally = Tally::default();
        for second in 0..1_000 {
            tally.note(at(1_790_000_000 + second), 't');
        }
        let text = serde_json::to_string(&tally).unwrap();
        assert!(text.len() < 4 * 1024, "{} bytes", text.len());
        assert_eq!(serde_json::from_str::<Tally<char>>(&text).unwrap(), tally);
    }
}
