//! The queues as they lie in Redis, in Laravel's layout: a list of the jobs that wait, and two sorted sets, of those that are
//! to be done later and of those that a worker has, each by the moment at which it is due again.
//!
//! All is asked in one exchange, of each queue a handful of numbers and the job at its head, whatever its length. Each
//! command is about one key, so that a cluster takes it.

use std::collections::BTreeMap;
use std::time::Duration;

use check::{StepEnded, Subject};
use jiff::Timestamp;
use runtime::{Run, signed};
use serde::Deserialize;
use serde_json::Value;
use stores::{Pipeline, Redis, Reply, Store, pipe};

use crate::memory::{Head, digest};
use crate::queue_snapshot::{QueueSnapshot, number, shown};

/// Where the queues lie.
#[derive(Clone, Debug)]
pub struct QueueStore {
    /// The server, and who reads it.
    pub store: Store,
    /// The other nodes of its cluster, which may be asked too.
    pub nodes: Vec<String>,
    /// Which of its databases.
    pub database: u32,
    /// What its keys begin with.
    pub prefix: String,
}

/// What counts as late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For jobs that are to be done later.
    pub(crate) idle_after: Duration,
    /// For jobs that a worker has.
    pub(crate) stuck_after: Duration,
    /// For each exchange.
    pub(crate) deadline: Duration,
}

/// How many answers each queue has.
const ANSWERS: usize = 6;
/// A job that was put there so long ago was not: its time is wrong. **Units:** seconds.
const OLDEST_JOB: f64 = 400.0 * 86_400.0;

impl QueueStore {
    /// The queues of these names.
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
        let replies = redis.ask(&step, &self.question(names, limits, now)).await?;
        step.passed();
        let snapshot = replies.chunks(ANSWERS).map(|answers| snapshot(answers, now));
        Ok(names.iter().cloned().zip(snapshot).collect())
    }

    fn question(&self, names: &[String], limits: Limits, now: Timestamp) -> Pipeline {
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

/// What an incident of the store is about. Its name is one by its letters.
pub(crate) fn subject() -> Subject {
    Subject::new("redis").unwrap_or_else(|_| Subject::whole())
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

/// A job as its payload tells it. Payloads are whatever somebody put there.
struct Job {
    digest: String,
    name: Option<String>,
    /// In Unix seconds.
    pushed_at: Option<f64>,
}

/// What Laravel writes into a payload, and Horizon adds.
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
        // A job that failed and comes again is the same with one attempt more: it was taken in between.
        let attempts = payload.attempts.unwrap_or_default();
        Self {
            digest: digest(format!("{id} {attempts}").as_bytes()),
            name: payload.display_name.as_ref().and_then(Value::as_str).map(shown),
            pushed_at: payload.pushed_at.as_ref().and_then(number),
        }
    }

    /// How long it has waited, when it tells. **Units:** seconds.
    fn age(&self, now: Timestamp) -> Option<f64> {
        let age = now.as_second() as f64 - self.pushed_at?;
        (age < OLDEST_JOB).then_some(age.max(0.0))
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
    fn a_job_is_known_by_its_id_and_its_attempts_whatever_else_changes() {
        let job = |payload: Value| Job::read(payload.to_string().as_bytes()).digest;
        let stock = job(json!({ "uuid": "u-1", "id": "x", "attempts": 0, "data": { "command": "O:8" } }));
        assert_eq!(stock, job(json!({ "uuid": "u-1", "attempts": 0, "id": "y" })));
        assert_ne!(stock, job(json!({ "uuid": "u-1", "attempts": 1 })), "taken once, and released");
        assert_ne!(stock, job(json!({ "uuid": "u-2", "attempts": 0 })));
        assert_eq!(job(json!({ "id": "a", "attempts": 0 })), job(json!({ "id": "a", "attempts": 0, "x": 1 })));
    }

    #[test]
    fn a_payload_may_be_anything_at_all() {
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
        assert_eq!(digests.len(), garbage.len(), "each is known from the others by its bytes");
        let long = json!({ "uuid": 7, "displayName": format!("App\n{}", "x".repeat(500)) }).to_string();
        assert_eq!(Job::read(long.as_bytes()).name.unwrap().len(), 80);
    }

    #[test]
    fn the_age_of_a_job_is_what_horizon_wrote_if_that_can_be() {
        let age = |pushed_at: Value| {
            Job::read(json!({ "uuid": "a", "pushedAt": pushed_at }).to_string().as_bytes()).age(now())
        };
        assert_eq!(age(json!("1794999940.5")), Some(59.5));
        assert_eq!(age(json!(1_795_000_009)), Some(0.0), "a clock ahead of ours");
        for wrong in [json!("x"), json!(-5), json!(1e300), json!("NaN"), json!(0), json!({})] {
            assert!(age(wrong.clone()).is_none_or(|age| age == 0.0), "{wrong}");
        }
    }

    #[test]
    fn a_question_is_six_short_commands_a_queue_each_about_one_key() {
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
        let question = store.question(&names, limits, now());
        assert_eq!(question.len(), ANSWERS * names.len());
        let text = String::from_utf8(question.get_packed_pipeline()).unwrap();
        assert!(text.contains("just_driving_database_queues:{emails}:reserved"), "{text}");
        assert!(text.contains("\r\n-inf\r\n$10\r\n1794999700\r\n") && text.contains("\r\n1794999940\r\n"), "{text}");
        for word in ["KEYS", "SCAN", "MGET", "LRANGE", "EVAL"] {
            assert!(!text.contains(word), "{word}");
        }
    }
}
