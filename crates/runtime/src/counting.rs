//! How real users fare: the platform's operations counters, without our own attempts.
//!
//! They are a subject of their own in each check that reads them: a token of ours that is refused must not keep an incident
//! of the flow open. Whether the counters answer at all is for the check `application` to judge.

use jiff::Timestamp;
use probe::expect::{json, json_found};
use probe::{Method, Request, Response, throttled};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use check::{Cause, StepEnded, Subject};

use crate::session::{Site, status};
use crate::settings::{Counting, SecretRef};
use crate::{Run, Step};

/// The window when the counters do not tell it.
const DEFAULT_WINDOW_SECONDS: f64 = 300.0;
/// How many own attempts are kept: those of 40 minutes, where a window of the counters has 5. All of it is read and written
/// with each run, and paid for by its length.
const MAX_ATTEMPTS: usize = 120;

/// Own attempts, oldest first: when (Unix seconds), and how they ended. Lost, the rates of one window are off by them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tally<E>(Vec<(i64, E)>);

impl<E> Default for Tally<E> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<E: PartialEq> Tally<E> {
    /// One more attempt of our own.
    pub fn note(&mut self, at: Timestamp, ended: E) {
        self.0.push((at.as_second(), ended));
        let surplus = self.0.len().saturating_sub(MAX_ATTEMPTS);
        self.0.drain(..surplus);
    }

    /// With the attempts that `ours` has beside those of `base`: two runs began from `base`, and neither knew of the other.
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

    /// How many of our own attempts of the last `window` seconds ended so.
    fn count(&self, ended: &E, window: f64, now: Timestamp) -> f64 {
        let since = now.as_second() as f64 - window;
        self.0.iter().filter(|(at, how)| how == ended && *at as f64 > since).count() as f64
    }
}

/// The counters as they were read.
pub struct Counters<'a> {
    response: Response,
    site: &'a Site,
    counting: &'a Counting,
    now: Timestamp,
}

impl Counters<'_> {
    /// A count. `None`: it is not there, or no number.
    #[must_use]
    pub fn number(&self, pointer: &str) -> Option<f64> {
        let value = json_found(&self.response, pointer, self.site.platform.wrapper.as_str()).ok()?.as_f64()?;
        (value.is_finite() && value >= 0.0).then_some(value)
    }

    /// Whatever stands there. `None`: nothing.
    #[must_use]
    pub fn value(&self, pointer: &str) -> Option<Value> {
        json_found(&self.response, pointer, self.site.platform.wrapper.as_str()).ok()
    }

    /// The time that is counted. **Units:** seconds.
    #[must_use]
    pub fn window(&self) -> f64 {
        self.number(self.site.platform.counters.window_seconds.as_str()).unwrap_or(DEFAULT_WINDOW_SECONDS)
    }

    /// A count without our own attempts that ended so.
    #[must_use]
    pub fn users_only<E: PartialEq>(&self, pointer: &str, ours: &Tally<E>, ended: &E) -> Option<f64> {
        let ours = if self.counting.includes_synthetic { ours.count(ended, self.window(), self.now) } else { 0.0 };
        // Both sides' windows are cut at slightly different moments.
        Some((self.number(pointer)? - ours).max(0.0))
    }

    /// `part` of `part` and `rest`, in percent. `None` when there are too few to tell.
    #[must_use]
    pub fn rate(&self, part: f64, rest: f64) -> Option<f64> {
        let all = part + rest;
        (all >= f64::from(self.counting.minimum_count)).then(|| 100.0 * part / all)
    }
}

/// Reads the counters in a step of their own. `judge` measures what it finds in them and says which counters were not
/// there, by their pointers.
///
/// # Errors
/// [`StepEnded`]: recorded.
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
                step.skipped(format!("the counters hold no {}", missing.join(", ")));
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
) -> Result<Result<Counters<'a>, String>, StepEnded> {
    let response = match step.look(question(step, site, &counting.token).await?).await {
        Ok(response) => response,
        Err(error) => return Ok(Err(format!("the counters could not be read: {error}"))),
    };
    match response.status.as_u16() {
        200 => {}
        401 | 403 => return Err(refused(step, &response, &counting.token)),
        status => {
            let words = if throttled(&response, &[]).is_some() { ": throttled" } else { "" };
            return Ok(Err(format!("the counters answered {status}{words}")));
        }
    }
    if let Err(mismatch) = json(&response) {
        return Ok(Err(format!("the counters could not be read: {}", mismatch.actual)));
    }
    Ok(Ok(Counters { response, site, counting, now: run.clock().now() }))
}

/// Reads the counters in a step that judges whether they answer, and is not over yet.
///
/// # Errors
/// [`StepEnded`]: recorded.
pub async fn judged<'a>(step: &Step<'_>, site: &'a Site, counting: &'a Counting) -> Result<Counters<'a>, StepEnded> {
    let response = step.ask(question(step, site, &counting.token).await?).await?;
    if matches!(response.status.as_u16(), 401 | 403) {
        return Err(refused(step, &response, &counting.token));
    }
    step.check("status", status(&response, &[200]))?;
    step.check("json", json(&response).map(|_| ()))?;
    Ok(Counters { response, site, counting, now: step.now() })
}

async fn question(step: &Step<'_>, site: &Site, token: &SecretRef) -> Result<Request, StepEnded> {
    let token = step.secret(token).await?;
    Ok(Request::new(Method::GET, site.platform.counters.path.below(&site.base_url))
        .header("accept", "application/json")
        .secret_header("authorization", &format!("Bearer {}", token.expose_secret()))
        .deadline(site.deadline)
        .max_redirects(0))
}

fn refused(step: &Step<'_>, response: &Response, token: &SecretRef) -> StepEnded {
    let status = response.status.as_u16();
    let detail = format!("the operations counters answered {status} to our token\nput a valid one at {token}");
    step.inconclusive(Cause::Credentials, &detail)
}

/// What the rates of real users are about. Its name is one by its letters.
#[must_use]
pub fn subject() -> Subject {
    Subject::new("counters").unwrap_or_else(|_| Subject::whole())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn attempts_of_the_window_are_counted_by_how_they_ended() {
        let mut tally = Tally::default();
        for (second, ended) in [(99, 'i'), (100, 'i'), (160, 'n'), (161, 'i')] {
            tally.note(at(second), ended);
        }
        assert_eq!(tally.count(&'i', 300.0, at(399)), 2.0, "the first has left the window");
        assert_eq!(tally.count(&'n', 300.0, at(399)), 1.0);
        assert_eq!(tally.count(&'t', 300.0, at(399)), 0.0);
    }

    #[test]
    fn attempts_of_two_runs_from_the_same_beginning_are_all_kept_once() {
        let tally = |attempts: &[(i64, char)]| Tally(attempts.to_vec());
        let base = tally(&[(100, 'i'), (100, 'i'), (160, 'n')]);
        // The oldest has left the other's bounds; both have one of the same second.
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
    fn the_tally_is_bounded() {
        let mut tally = Tally::default();
        for second in 0..1_000 {
            tally.note(at(1_790_000_000 + second), 't');
        }
        let written = serde_json::to_string(&tally).unwrap();
        assert!(written.len() < 4 * 1024, "{} bytes", written.len());
        assert_eq!(serde_json::from_str::<Tally<char>>(&written).unwrap(), tally);
    }
}
