#![doc = include_str!("../README.md")]

mod counters;
mod results;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ::settings::{Common, Contract, Section, written_duration};
use check::metric::{CPU_LOAD, DISK_USED, MEMORY_USED};
use check::{Cause, FailureKind, Mismatch, Phrase, StepEnded, Subject, foreign, ours, phrase};
use jiff::Timestamp;
use platform::counting::read_counters;
use platform::{Counting, status};
use probe::expect::{json, number};
use probe::{Method, Request, Response};
use runtime::{Check, CheckMemory, MemoryCell, Run, Step};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::settings::{Application, Health, RawApplication};
use results::{Entry, MAX_RESULTS, MAX_TEXT, Verdict, entries, with_subjects, worst};

/// Most unhealthy results to remember, limited by the size of the memory.
const MAX_REMEMBERED: usize = 100;
/// Readings for which a result is remembered: 10 runs, the most that an incident needs to close, with two attempts each.
const REMEMBERED_FOR: u32 = 20;

/// Results that were unhealthy lately, with the number of readings since. They let the incident of a removed result end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    not_well: BTreeMap<Subject, u32>,
}

impl CheckMemory for Memory {
    const VERSION: u32 = 1;

    fn merge(_base: Self, ours: Self, _theirs: Self) -> Self {
        ours
    }
}

impl Check for Application {
    const ID: &'static str = "application";
    const CONTRACT: Contract = platform::CONTRACT;
    const READ_ONLY: bool = true;

    type Raw = RawApplication;
    type Memory = Memory;

    fn read(raw: RawApplication, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    fn max_attempt_duration(&self) -> Duration {
        self.site.deadline
    }

    /// Unknown if the health endpoint is read, since the platform decides which results exist.
    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        self.health.is_none().then(|| BTreeSet::from([Subject::whole(), platform::counting::subject()]))
    }

    async fn attempt(&self, run: &Run, memory: &MemoryCell<Memory>) {
        let counters = async {
            if let Some(counting) = &self.counting {
                // Each step records its own failure.
                let _ = self.read_counters(run, counting).await;
            }
        };
        let health = async {
            if let Some(health) = &self.health
                && let Ok(entries) = self.read_health(run, health).await
            {
                self.judge(run, health, entries, memory);
            }
        };
        futures::join!(counters, health);
    }
}

impl Application {
    async fn read_counters(&self, run: &Run, counting: &Counting) -> Result<(), StepEnded> {
        let subject = platform::counting::subject();
        let step = run.step(&subject, "counters");
        let mut counters = read_counters(&step, &self.site, counting).await?;
        step.passed();
        counters::measure(run, &self.site.platform, &mut counters);
        if let Some(gaps) = counters.gaps() {
            run.step(&subject, "numbers").skipped(gaps);
        }
        Ok(())
    }

    /// Reads the results, and fails if there are none or old ones.
    async fn read_health(&self, run: &Run, health: &Health) -> Result<Vec<Entry>, StepEnded> {
        let step = run.step(&subject(), "health");
        let names = &self.site.platform.health;
        let mut request = Request::new(Method::GET, names.path.below(&self.site.base_url))
            .header("accept", "application/json")
            .deadline(self.site.deadline)
            .max_redirects(0);
        if let Some(reference) = &health.secret {
            let secret = step.secret(reference).await?;
            request = request.secret_header(names.secret_header.as_str(), secret.expose_secret());
        }
        let answer = self.site.ask(&step, request).await?;
        if matches!(answer.status.as_u16(), 401 | 403) {
            return Err(refused(&step, &answer, health));
        }
        step.check("status", status(&answer, names.status.as_slice()))?;
        let body = step.check_value("json", not_empty(&answer).and_then(|()| json(&answer)))?;
        let results = &body["checkResults"];
        let entries = step.check_value("results", entries(results).ok_or_else(|| no_results(results)))?;
        let finished_at = &body["finishedAt"];
        let finished = self.time(finished_at).ok_or_else(|| no_time(finished_at));
        let finished = step.check_value("finished_at", finished)?;
        let age = step.now().duration_since(finished);
        let longest = jiff::SignedDuration::try_from(health.stale_after).unwrap_or(jiff::SignedDuration::MAX);
        if -age > longest {
            let detail = phrase!(
                "the health endpoint's results are dated {} s in the future\none of the clocks is wrong",
                age.as_secs().saturating_abs()
            );
            return Err(step.inconclusive(Cause::ClockSkew, detail));
        }
        let fresh = if age <= longest { Ok(()) } else { Err(stale(health, finished, age.as_secs())) };
        step.check("fresh", fresh)?;
        step.passed();
        Ok(entries)
    }

    /// Reads a date with a time, or Unix seconds as a number or text.
    fn time(&self, value: &Value) -> Option<Timestamp> {
        let seconds = || Timestamp::from_second(number(value)?.trunc() as i64).ok();
        self.site.platform.times.read(value).or_else(seconds)
    }

    fn judge(&self, run: &Run, health: &Health, mut entries: Vec<Entry>, memory: &MemoryCell<Memory>) {
        let names = &self.site.platform.health;
        entries.retain(|entry| !health.ignore.contains(&entry.name));
        self.measure(run, &entries);
        let surplus = entries.len().saturating_sub(MAX_RESULTS);
        if surplus > 0 {
            let step = run.step(&subject(), "remark");
            step.skipped(phrase!("{} more results are not judged, since {} is the limit", surplus, MAX_RESULTS));
        }
        let mut remembered = memory.get().not_well;
        let mut judged = BTreeSet::new();
        let taken = BTreeSet::from([subject(), platform::counting::subject()]);
        for (subject, entry) in with_subjects(entries, names, taken, &|name| run.subject(name)) {
            let step = run.step(&subject, "entry");
            let (well, remark) = match entry.verdict() {
                Verdict::Healthy => (Ok(()), None),
                Verdict::HealthyWithRemark(remark) => (Ok(()), Some(remark)),
                Verdict::Unhealthy(mismatch) => (Err(mismatch), None),
            };
            if step.check("well", well).is_ok() {
                pass(run, step, &subject, remark);
            } else if remembered.len() < MAX_REMEMBERED || remembered.contains_key(&subject) {
                remembered.insert(subject.clone(), 0);
            }
            judged.insert(subject);
        }
        for gone in remembered.keys().filter(|subject| !judged.contains(*subject)) {
            let remark = "the result is no longer reported, or the settings ignore it";
            pass(run, run.step(gone, "entry"), gone, Some(remark.into()));
        }
        for readings in remembered.values_mut() {
            *readings += 1;
        }
        remembered.retain(|_, readings| *readings <= REMEMBERED_FOR);
        memory.set(Memory { not_well: remembered });
    }

    fn measure(&self, run: &Run, entries: &[Entry]) {
        let names = &self.site.platform.health;
        let disks = entries.iter().filter(|entry| entry.name.starts_with(names.disk_name.as_str()));
        let read = |entry: &Entry, pointer: &str| match entry.number(pointer) {
            Ok(number) => number,
            Err(unreadable) => {
                run.step(&subject(), "remark").skipped(unreadable);
                None
            }
        };
        let used = disks.filter_map(|entry| Some((entry.qualifier(names), read(entry, names.disk_percent.as_str())?)));
        if let Some((disk, percent)) = used.max_by(|(_, one), (_, other)| one.total_cmp(other)) {
            run.measure(&DISK_USED, percent, Some(foreign(disk).at_most(MAX_TEXT).into()));
        }
        let others =
            [(&CPU_LOAD, &names.cpu_name, &names.cpu_load), (&MEMORY_USED, &names.memory_name, &names.memory_percent)];
        for (metric, name, pointer) in others {
            if let Some(value) = worst(entries, name.as_str(), |entry| read(entry, pointer.as_str())) {
                run.measure(metric, value, None);
            }
        }
    }
}

/// Passes a step and adds its remark as a separate skipped step.
fn pass(run: &Run, step: Step<'_>, subject: &Subject, remark: Option<Phrase>) {
    step.passed();
    if let Some(remark) = remark {
        run.step(subject, "remark").skipped(remark);
    }
}

/// Subject of incidents about the endpoint itself.
fn subject() -> Subject {
    Subject::own("health")
}

fn refused(step: &Step<'_>, answer: &Response, health: &Health) -> StepEnded {
    let status = answer.status.as_u16();
    let detail = match &health.secret {
        Some(reference) => {
            phrase!("the health endpoint answered {} to the secret\nput a valid one at {}", status, ours(reference))
        }
        None => {
            phrase!(
                "the health endpoint answered {} without a secret\nname one: check.application.health.secret",
                status
            )
        }
    };
    step.inconclusive(Cause::Credentials, detail)
}

/// Fails on an empty body. Laravel Health answers with one until its checks have run for the first time.
fn not_empty(answer: &Response) -> Result<(), Mismatch> {
    if answer.body.iter().any(|byte| !byte.is_ascii_whitespace()) {
        return Ok(());
    }
    let actual = "an empty body: the checks have never run, or their results are lost";
    Err(Mismatch::new(FailureKind::Body, "the results of the platform's health checks", actual))
}

fn no_results(actual: &Value) -> Mismatch {
    let actual = match actual {
        Value::Array(_) | Value::Object(_) => "none",
        Value::Null => "no value",
        _ => "neither list nor object",
    };
    Mismatch::new(FailureKind::Assertion, "at least one result at /checkResults", actual)
}

fn no_time(actual: &Value) -> Mismatch {
    let actual = match actual {
        Value::Null => Phrase::from("no value"),
        actual => foreign(actual.to_string()).at_most(MAX_TEXT).into(),
    };
    Mismatch::new(FailureKind::Assertion, "a time at /finishedAt", actual)
}

fn stale(health: &Health, finished: Timestamp, age: i64) -> Mismatch {
    let expected = phrase!("results of the last {}", ours(written_duration(health.stale_after)));
    let finished = ours(format_args!("{finished:.0}"));
    let actual = phrase!("the last ones finished {} ago, at {}", ours(check::message::span(age)), finished);
    Mismatch::new(FailureKind::Stale, expected, actual)
}
