//! Rates of real users, from the platform's operations counters without our own attempts.
//!
//! In each check that reads them, the counters are a separate subject, so a refused token does not keep an incident
//! of the flow open. The check `application` judges the counters' endpoint itself.

use jiff::Timestamp;
use probe::expect::{json, json_found, number};
use probe::{Method, Request, Response, throttled};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// Counters as read from the platform.
pub struct Counters<'a> {
    response: Response,
    site: &'a Site,
    counting: &'a Counting,
    now: Timestamp,
}

impl Counters<'_> {
    /// Reads a count. Returns `None` when it is missing or not a number.
    #[must_use]
    pub fn number(&self, pointer: &str) -> Option<f64> {
        number(&self.value(pointer)?).filter(|value| *value >= 0.0)
    }

    /// Says which of these counters are missing, and which are there and cannot be read.
    fn unread(&self, pointers: &[String]) -> Phrase {
        let unread = pointers.iter().map(|pointer| match self.value(pointer) {
            Some(value) => {
                phrase!("{}, which is {} and no number", ours(pointer), foreign(value.to_string()).at_most(40))
            }
            None => ours(pointer).into(),
        });
        phrase!("the counters hold no {}", Phrase::list(unread, ", "))
    }

    /// Reads any value. Returns `None` when it is missing.
    #[must_use]
    pub fn value(&self, pointer: &str) -> Option<Value> {
        json_found(&self.response, pointer, self.site.platform.wrapper.as_str()).ok()
    }

    /// Length of the counted window. **Units:** seconds.
    #[must_use]
    pub fn window(&self) -> f64 {
        self.number(self.site.platform.counters.window_seconds.as_str()).unwrap_or(DEFAULT_WINDOW_SECONDS)
    }

    /// Reads a count and subtracts our own attempts with this result.
    #[must_use]
    pub fn users_only<E: PartialEq>(&self, pointer: &str, ours: &Tally<E>, ended: &E) -> Option<f64> {
        let ours = if self.counting.includes_synthetic { ours.count(ended, self.window(), self.now) } else { 0.0 };
        // The two windows do not start at exactly the same moment.
        Some((self.number(pointer)? - ours).max(0.0))
    }

    /// Share of `part` in `part + rest`, in percent. Returns `None` when there are fewer events than the minimum count.
    #[must_use]
    pub fn rate(&self, part: f64, rest: f64) -> Option<f64> {
        let all = part + rest;
        (all >= f64::from(self.counting.minimum_count)).then(|| 100.0 * part / all)
    }
}

/// Reads the counters in a separate step. `judge` takes measurements from them and returns the pointers of missing
/// counters.
///
/// # Errors
/// [`StepEnded`] when the step has ended; its result is recorded.
pub async fn count(
    run: &Run,
    site: &Site,
    counting: &Counting,
    judge: impl FnOnce(&Counters<'_>) -> Vec<String>,
) -> Result<(), StepEnded> {
    let step = run.step(&subject(), "counters");
    match read(run, &step, site, counting).await? {
        Err(reason) => step.skipped(reason),
        Ok(counters) => {
            let missing = judge(&counters);
            if missing.is_empty() {
                step.passed();
            } else {
                step.skipped(counters.unread(&missing));
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
    let response = match step.look(counters_request(step, site, &counting.token).await?).await {
        Ok(response) => response,
        Err(error) => return Ok(Err(phrase!("the counters could not be read: {}", error))),
    };
    if let Some(shown) = site.maintenance_of(step, &response, false).await {
        return Err(step.maintenance(shown));
    }
    match response.status.as_u16() {
        200 => {}
        401 | 403 => return Err(refused(step, &response, &counting.token)),
        status => {
            let suffix = if throttled(&response, &[]).is_some() { ": throttled" } else { "" };
            return Ok(Err(phrase!("the counters answered {}{}", status, suffix)));
        }
    }
    if let Err(mismatch) = json(&response) {
        return Ok(Err(phrase!("the counters could not be read: {}", mismatch.actual)));
    }
    Ok(Ok(Counters { response, site, counting, now: run.clock().now() }))
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
    Ok(Counters { response, site, counting, now: step.now() })
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
    use super::*;

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
