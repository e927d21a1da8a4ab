//! Queues in Redis, in Laravel's layout: a list of waiting jobs and two sorted sets, one of delayed jobs and one of jobs
//! reserved by a worker. The sets are sorted by the time at which each job is due again.
//!
//! One exchange reads everything. For each queue, it reads a few numbers and the job at the head, however long the queue
//! is. Each command names one key, so that a cluster accepts it.

use std::collections::BTreeMap;
use std::time::Duration;

use check::{StepEnded, Subject};
use datastores::{Pipeline, Redis, Reply, Store, pipe};
use jiff::Timestamp;
use probe::expect::number;
use runtime::{Run, signed};
use serde::Deserialize;
use serde_json::Value;

use crate::memory::digest;
use crate::queue_snapshot::{Head, QueueSnapshot};

/// Redis server or cluster that holds the queues.
#[derive(Clone, Debug)]
pub struct QueueStore {
    /// Server and credentials.
    pub store: Store,
    /// Other nodes of the cluster.
    pub nodes: Vec<String>,
    /// Number of the database.
    pub database: u32,
    /// Prefix of all keys.
    pub prefix: String,
}

/// Time limits of one reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Longest time that a delayed job may be overdue.
    pub(crate) idle_after: Duration,
    /// Longest time that a worker may exceed its time for a job.
    pub(crate) stuck_after: Duration,
    /// Deadline of each exchange.
    pub(crate) deadline: Duration,
}

/// Answers per queue.
const ANSWERS: usize = 6;
/// Jobs with a higher age carry a wrong time, so their age is ignored. **Units:** seconds.
const MAX_JOB_AGE: f64 = 400.0 * 86_400.0;

impl QueueStore {
    /// Reads the queues with these names.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded.
    pub(crate) async fn read(
        &self,
        run: &Run,
        names: &[String],
        limits: Limits,
    ) -> Result<BTreeMap<String, QueueSnapshot>, StepEnded> {
        let step = run.step(&subject(), "connect");
        let mut redis = Redis::connect(&step, &self.store, self.database, limits.deadline).await?;
        step.passed();
        let step = run.step(&subject(), "read");
        let now = step.now();
        let replies = redis.ask(&step, &self.commands(names, limits, now)).await?;
        step.passed();
        let snapshot = replies.chunks(ANSWERS).map(|answers| snapshot(answers, now));
        Ok(names.iter().cloned().zip(snapshot).collect())
    }

    fn commands(&self, names: &[String], limits: Limits, now: Timestamp) -> Pipeline {
        let before = |time: Duration| (now - signed(time)).as_second();
        let mut pipeline = pipe();
        for name in names {
            let jobs = format!("{}queues:{name}", self.prefix);
            let (delayed, reserved) = (format!("{jobs}:delayed"), format!("{jobs}:reserved"));
            pipeline.cmd("LLEN").arg(&jobs);
            pipeline.cmd("LINDEX").arg(&jobs).arg(0);
            pipeline.cmd("ZCARD").arg(&delayed);
            pipeline.cmd("ZCOUNT").arg(&delayed).arg("-inf").arg(before(limits.idle_after));
            pipeline.cmd("ZCARD").arg(&reserved);
            pipeline.cmd("ZCOUNT").arg(&reserved).arg("-inf").arg(before(limits.stuck_after));
        }
        pipeline
    }
}

/// Subject of incidents about the store. The name is valid, so the fallback is never used.
pub(crate) fn subject() -> Subject {
    Subject::own("redis")
}

fn snapshot(answers: &[Reply], now: Timestamp) -> QueueSnapshot {
    let count = |place: usize| answers.get(place).and_then(Reply::number).and_then(|number| u64::try_from(number).ok());
    let job = answers.get(1).and_then(Reply::bytes).map(Job::read);
    QueueSnapshot {
        pending: count(0),
        delayed: count(2),
        due: count(3),
        reserved: count(4),
        overdue: count(5),
        age: job.as_ref().and_then(|job| job.age(now)),
        job: job.as_ref().and_then(|job| job.name.clone()),
        head: job.map(|job| Head::Job(job.digest)),
        ..QueueSnapshot::default()
    }
}

/// Job, as far as its payload is readable. A payload may hold anything.
struct Job {
    digest: String,
    name: Option<String>,
    /// Time of dispatch. **Units:** Unix seconds.
    pushed_at: Option<f64>,
}

/// Payload as Laravel writes it, with the field that Horizon adds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    uuid: Option<Value>,
    id: Option<Value>,
    display_name: Option<Value>,
    attempts: Option<Value>,
    pushed_at: Option<Value>,
}

impl Job {
    fn read(bytes: &[u8]) -> Self {
        let unknown = || Self { digest: digest(bytes), name: None, pushed_at: None };
        let Ok(payload) = serde_json::from_slice::<Payload>(bytes) else { return unknown() };
        let Some(id) = payload.uuid.or(payload.id).filter(|id| id.is_string() || id.is_number()) else {
            return unknown();
        };
        // A retried job has one attempt more and so differs: a worker has taken it in between.
        let attempts = payload.attempts.unwrap_or_default();
        Self {
            digest: digest(format!("{id} {attempts}").as_bytes()),
            name: payload.display_name.as_ref().and_then(Value::as_str).map(str::to_owned),
            pushed_at: payload.pushed_at.as_ref().and_then(number).filter(|at| *at >= 0.0),
        }
    }

    /// Waiting time, if the payload holds the time of dispatch. **Units:** seconds.
    fn age(&self, now: Timestamp) -> Option<f64> {
        let age = now.as_second() as f64 - self.pushed_at?;
        (age < MAX_JOB_AGE).then_some(age.max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_795_000_000).unwrap()
    }

    #[test]
    fn job_is_identified_by_id_and_attempts() {
        let job = |payload: Value| Job::read(payload.to_string().as_bytes()).digest;
        let stock = job(json!({ "uuid": "u-1", "id": "x", "attempts": 0, "data": { "command": "O:8" } }));
        assert_eq!(stock, job(json!({ "uuid": "u-1", "attempts": 0, "id": "y" })));
        assert_ne!(stock, job(json!({ "uuid": "u-1", "attempts": 1 })), "taken once and released");
        assert_ne!(stock, job(json!({ "uuid": "u-2", "attempts": 0 })));
        assert_eq!(job(json!({ "id": "a", "attempts": 0 })), job(json!({ "id": "a", "attempts": 0, "x": 1 })));
    }

    #[test]
    fn arbitrary_payloads_are_read() {
        let deep = "[".repeat(100_000);
        let garbage: [&[u8]; 7] = [
            b"",
            b"\xff\xfe\x00",
            b"null",
            b"{\"uuid\":[1]}",
            b"{\"uuid\":\"a\",\"uuid\":\"b\"}",
            b"7",
            deep.as_bytes(),
        ];
        let mut digests: Vec<_> = garbage.iter().map(|payload| Job::read(payload).digest).collect();
        digests.dedup();
        assert_eq!(digests.len(), garbage.len(), "the bytes distinguish each from the others");
    }

    #[test]
    fn implausible_age_of_a_job_is_ignored() {
        let age = |pushed_at: Value| {
            Job::read(json!({ "uuid": "a", "pushedAt": pushed_at }).to_string().as_bytes()).age(now())
        };
        assert_eq!(age(json!("1794999940.5")), Some(59.5));
        assert_eq!(age(json!(1_795_000_009)), Some(0.0), "a clock ahead of the check's");
        for wrong in [json!("x"), json!(-5), json!(1e300), json!("NaN"), json!(0), json!({})] {
            assert!(age(wrong.clone()).is_none_or(|age| age == 0.0), "{wrong}");
        }
    }

    #[test]
    fn each_queue_needs_six_commands_on_one_key_each() {
        let store = QueueStore {
            store: Store {
                place: probe::HostPort { host: probe::Host::parse("cache.internal").unwrap(), port: 6379 },
                is_encrypted: true,
                user: None,
                password: None,
            },
            nodes: Vec::new(),
            database: 0,
            prefix: "just_driving_database_".to_owned(),
        };
        let limits = Limits {
            idle_after: Duration::from_secs(300),
            stuck_after: Duration::from_secs(60),
            deadline: Duration::from_secs(5),
        };
        let names = ["default".to_owned(), "{emails}".to_owned()];
        let commands = store.commands(&names, limits, now());
        assert_eq!(commands.len(), ANSWERS * names.len());
        let text = String::from_utf8(commands.get_packed_pipeline()).unwrap();
        assert!(text.contains("just_driving_database_queues:{emails}:reserved"), "{text}");
        assert!(text.contains("\r\n-inf\r\n$10\r\n1794999700\r\n") && text.contains("\r\n1794999940\r\n"), "{text}");
        for command in ["KEYS", "SCAN", "MGET", "LRANGE", "EVAL"] {
            assert!(!text.contains(command), "{command}");
        }
    }
}
