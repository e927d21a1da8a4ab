//! What does the platform itself say of how it is?
//!
//! Reads alone. Side by side, each when the settings name it:
//! 1. `counters` (subject `counters`): the operations counters answer.
//! 2. `numbers`: those that are not there, as the reason of a skipped step.
//! 3. `health` (subject `health`): the health endpoint answers with results, and they are recent.
//! 4. `entry`, of each result, which is a subject by its name: it is well, as the platform judges it. A warning passes.
//! 5. `remark`, of a result: what is to be said of one that passes, as the reason of a skipped step.
//!
//! Results that are old say nothing of now, so they are neither judged nor published. Creates nothing. Publishes
//! `Requests`, `ErrorRate`, `Exceptions`, `SlowQueries`, `PartnerCallFailureRate`, `DiskUsed`, `CpuLoad`, `MemoryUsed`.

mod counters;
mod results;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use check::metric::{CPU_LOAD, DISK_USED, MEMORY_USED};
use check::{Cause, FailureKind, Mismatch, StepEnded, Subject};
use jiff::Timestamp;
use probe::expect::{json, number};
use probe::{Method, Request, Response};
use runtime::counting::judged;
use runtime::session::{Site, status};
use runtime::settings::{Common, Counting, Section, written_duration};
use runtime::{Check, Run, Step};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use results::{Entry, MAX_RESULTS, Word, entries, with_subjects};
pub use settings::{Health, RawApplication};

/// How many results that were not well are remembered: all that a memory has room for.
const MAX_REMEMBERED: usize = 100;
/// For how many readings: those of as many runs as may be needed to close an incident, with two attempts each.
const REMEMBERED_FOR: u32 = 20;

/// The platform's own word.
pub struct Application {
    /// Where, and what it is called.
    pub site: Site,
    /// The operations counters; `None`: not read.
    pub counting: Option<Counting>,
    /// The health endpoint; `None`: not read.
    pub health: Option<Health>,
}

/// Which results were not well lately, and how often they were looked for since: one that is taken away must not stay an
/// incident for ever.
#[derive(Default, Serialize, Deserialize)]
struct Memory {
    not_well: BTreeMap<Subject, u32>,
}

impl Check for Application {
    const ID: &'static str = "application";
    const READ_ONLY: bool = true;

    type Raw = RawApplication;

    fn read(raw: RawApplication, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    fn to_raw(&self) -> RawApplication {
        self.to_raw()
    }

    fn max_attempt_duration(&self) -> Duration {
        self.site.deadline
    }

    /// The platform decides which results there are.
    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        self.health.is_none().then(|| BTreeSet::from([Subject::whole(), runtime::counting::subject()]))
    }

    async fn attempt(&self, run: &Run) {
        let counters = async {
            if let Some(counting) = &self.counting {
                // Stops are recorded where they happen.
                let _ = self.read_counters(run, counting).await;
            }
        };
        let health = async {
            if let Some(health) = &self.health
                && let Ok(entries) = self.read_health(run, health).await
            {
                self.judge(run, health, entries);
            }
        };
        futures::join!(counters, health);
    }
}

impl Application {
    async fn read_counters(&self, run: &Run, counting: &Counting) -> Result<(), StepEnded> {
        let subject = runtime::counting::subject();
        let step = run.step(&subject, "counters");
        let counters = judged(&step, &self.site, counting).await?;
        step.passed();
        let missing = counters::measure(run, &self.site.platform, &counters);
        if !missing.is_empty() {
            run.step(&subject, "numbers").skipped(format!("the counters hold no {}", missing.join(", ")));
        }
        Ok(())
    }

    /// The results, when they are there and recent.
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
        let answer = step.ask(request).await?;
        if matches!(answer.status.as_u16(), 401 | 403) {
            return Err(refused(&step, &answer, health));
        }
        step.check("status", status(&answer, names.status.as_slice()))?;
        let body = not_empty(&answer).and_then(|()| json(&answer));
        step.check("json", body.as_ref().map(|_| ()).map_err(Clone::clone))?;
        let body = body.unwrap_or_default();
        let entries = entries(&body["checkResults"]);
        let is_there = entries.as_ref().map(|_| ()).ok_or_else(|| no_results(&body["checkResults"]));
        step.check("results", is_there)?;
        let finished = self.time(&body["finishedAt"]);
        step.check("finished_at", finished.map(|_| ()).ok_or_else(|| no_time(&body["finishedAt"])))?;
        let age = finished.map(|at| step.now().duration_since(at)).unwrap_or_default();
        let longest = jiff::SignedDuration::try_from(health.stale_after).unwrap_or(jiff::SignedDuration::MAX);
        if -age > longest {
            let detail = format!(
                "the health endpoint's results were finished {} s after now by our clock\none of the clocks is wrong",
                age.as_secs().saturating_abs()
            );
            return Err(step.inconclusive(Cause::ClockSkew, &detail));
        }
        let fresh = if age <= longest { Ok(()) } else { Err(stale(health, finished, age.as_secs())) };
        step.check("fresh", fresh)?;
        step.passed();
        Ok(entries.unwrap_or_default())
    }

    /// Unix seconds, however they are written, or a date with a time.
    fn time(&self, value: &Value) -> Option<Timestamp> {
        let seconds = || Timestamp::from_second(number(value)?.trunc() as i64).ok();
        self.site.platform.times.read(value).or_else(seconds)
    }

    fn judge(&self, run: &Run, health: &Health, mut entries: Vec<Entry>) {
        let names = &self.site.platform.health;
        entries.retain(|entry| !health.ignore.contains(&entry.name));
        self.measure(run, &entries);
        let surplus = entries.len().saturating_sub(MAX_RESULTS);
        if surplus > 0 {
            let step = run.step(&subject(), "remark");
            step.skipped(format!("{surplus} more results are not judged: at most {MAX_RESULTS} are"));
        }
        let mut remembered = run.recall::<Memory>().unwrap_or_default().not_well;
        let mut judged = BTreeSet::new();
        let taken = BTreeSet::from([subject(), runtime::counting::subject()]);
        for (subject, entry) in with_subjects(entries, names, taken) {
            let step = run.step(&subject, "entry");
            let (actual, remark) = match entry.word() {
                Word::Well => (Ok(()), None),
                Word::WellBut(remark) => (Ok(()), Some(remark)),
                Word::NotWell(mismatch) => (Err(mismatch), None),
            };
            if step.check("well", actual).is_ok() {
                pass(run, step, &subject, remark);
            } else if remembered.len() < MAX_REMEMBERED || remembered.contains_key(&subject) {
                remembered.insert(subject.clone(), 0);
            }
            judged.insert(subject);
        }
        for gone in remembered.keys().filter(|subject| !judged.contains(*subject)) {
            let remark = "it is no longer among the results, or the settings ignore it".to_owned();
            pass(run, run.step(gone, "entry"), gone, Some(remark));
        }
        for readings in remembered.values_mut() {
            *readings += 1;
        }
        remembered.retain(|_, readings| *readings <= REMEMBERED_FOR);
        run.remember(&Memory { not_well: remembered });
    }

    fn measure(&self, run: &Run, entries: &[Entry]) {
        let names = &self.site.platform.health;
        let disks = entries.iter().filter(|entry| entry.name.starts_with(names.disk_name.as_str()));
        let used = disks.filter_map(|entry| Some((entry.which(names), entry.number(names.disk_percent.as_str())?)));
        if let Some((disk, percent)) = used.max_by(|(_, one), (_, other)| one.total_cmp(other)) {
            run.measure(&DISK_USED, percent, Some(disk));
        }
        let others =
            [(&CPU_LOAD, &names.cpu_name, &names.cpu_load), (&MEMORY_USED, &names.memory_name, &names.memory_percent)];
        for (metric, name, pointer) in others {
            let entry = entries.iter().find(|entry| entry.name == name.as_str());
            if let Some(value) = entry.and_then(|entry| entry.number(pointer.as_str())) {
                run.measure(metric, value, None);
            }
        }
    }
}

/// The step has passed; what is to be said about it stands in a step of its own.
fn pass(run: &Run, step: Step<'_>, subject: &Subject, remark: Option<String>) {
    step.passed();
    if let Some(remark) = remark {
        run.step(subject, "remark").skipped(remark);
    }
}

/// What the endpoint itself is about. Its name is one by its letters.
fn subject() -> Subject {
    Subject::new("health").unwrap_or_else(|_| Subject::whole())
}

fn refused(step: &Step<'_>, answer: &Response, health: &Health) -> StepEnded {
    let status = answer.status.as_u16();
    let detail = match &health.secret {
        Some(reference) => {
            format!("the health endpoint answered {status} to our secret\nput a valid one at {reference}")
        }
        None => {
            format!("the health endpoint answered {status} without a secret\nname one: check.application.health.secret")
        }
    };
    step.inconclusive(Cause::Credentials, &detail)
}

/// Laravel Health answers so until its checks have run for the first time.
fn not_empty(answer: &Response) -> Result<(), Mismatch> {
    if answer.body.iter().any(|byte| !byte.is_ascii_whitespace()) {
        return Ok(());
    }
    Err(Mismatch {
        kind: FailureKind::Body,
        expected: "the results of the platform's health checks".to_owned(),
        actual: "an empty body: the checks have never run, or their results are lost".to_owned(),
        evidence: None,
    })
}

fn no_results(actual: &Value) -> Mismatch {
    let actual = match actual {
        Value::Array(_) | Value::Object(_) => "none",
        Value::Null => "nothing there",
        _ => "neither list nor object",
    };
    Mismatch {
        kind: FailureKind::Assertion,
        expected: "at least one result at /checkResults".to_owned(),
        actual: actual.to_owned(),
        evidence: None,
    }
}

fn no_time(actual: &Value) -> Mismatch {
    Mismatch {
        kind: FailureKind::Assertion,
        expected: "a time at /finishedAt".to_owned(),
        actual: if actual.is_null() { "nothing there".to_owned() } else { results::plain(&actual.to_string()) },
        evidence: None,
    }
}

fn stale(health: &Health, finished: Option<Timestamp>, age: i64) -> Mismatch {
    let at = finished.map(|at| format!(", at {at:.0}")).unwrap_or_default();
    Mismatch {
        kind: FailureKind::Stale,
        expected: format!("results of the last {}", written_duration(health.stale_after)),
        actual: format!("the last were finished {} ago{at}", check::message::span(age)),
        evidence: None,
    }
}
