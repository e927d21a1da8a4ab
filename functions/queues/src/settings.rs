//! Settings of the check: the raw form and its validation.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use check::Subject;
use datastores::RawStore;
use platform::{Counting, RawCounting, RawCredentials, Site};
use runtime::Check;
use schemars::JsonSchema;
use serde::Deserialize;
use settings::{Common, RawDuration, RawReference, SecretRef, Section, optional};

use crate::canary::Canary;
use crate::horizon::Horizon;
use crate::store::QueueStore;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
/// Default port of Redis.
const PORT: u16 = 6379;
/// Default prefix of the keys, which Laravel derives from the name of the application.
const PREFIX: &str = "just_driving_database_";
/// Longest name of a queue or task. **Units:** bytes.
const MAX_NAME_LENGTH: usize = 100;
/// Most queues with canary jobs.
const MAX_CANARIES: usize = 5;
/// Most tasks with a bound.
const MAX_TASKS: usize = 50;

/// Check of queues and scheduled tasks.
pub struct Queues {
    /// Base URL, names and deadline of requests to the platform.
    pub site: Site,
    /// Names of the queues. Empty: all queues that Horizon and the counters report.
    pub queues: Vec<String>,
    /// Longest time that the same job may stay at the head of a queue, and that a delayed job may be overdue.
    pub idle_after: Duration,
    /// Longest time that a worker may exceed its time for a job.
    pub stuck_after: Duration,
    /// Redis. `None`: not read.
    pub redis: Option<QueueStore>,
    /// Horizon. `None`: not read.
    pub horizon: Option<Horizon>,
    /// Operations counters. `None`: not read.
    pub counting: Option<Counting>,
    /// Longest time since the last run of a scheduled task, by its name.
    pub tasks: BTreeMap<String, Duration>,
    /// Canary jobs. `None`: none are sent.
    pub canary: Option<Canary>,
}

/// Maximum number of queues in the settings, and of queues that one run reports and remembers.
pub(crate) const MAX_QUEUES: usize = 50;

/// Settings of the check `queues`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawQueues {
    /// Longest time that one request, or one exchange with Redis, may take: 100ms to 20s. The whole flow has the run's
    /// `deadline`. Default 10s.
    step_deadline: Option<RawDuration>,
    /// Queues to check, by name: at most 50. In a cluster the name is a hash tag, such as `{default}`. A queue that no
    /// source reports is a failure. Default: all that Horizon and the counters report. Required with `redis`.
    queues: Option<Vec<String>>,
    /// Longest time that the same job may stay next in line, and that a delayed job may be overdue: 5s to 24h. Longer
    /// is a failure of kind `stale`. Must exceed the longest job of a queue with one worker. Default 5m.
    idle_after: Option<RawDuration>,
    /// Longest time that a job may be past its reservation (`retry_after`) before a worker takes it back: 5s to 24h.
    /// Must exceed the longest job if all workers may be busy with such jobs. Default 1m.
    stuck_after: Option<RawDuration>,
    /// Redis server that holds the queues. A private address needs `network.allow_addresses`, and the function must be
    /// in a VPC. Default: not read.
    redis: Option<RawQueueStore>,
    /// Laravel Horizon, `horizon = {}` where it is public. Default: not read.
    horizon: Option<RawHorizon>,
    /// Operations counters, which report queues and scheduled tasks. Default: not read.
    counters: Option<RawCounting>,
    /// Bounds of scheduled tasks, which need the table `counters`. Default none.
    tasks: Option<RawTasks>,
    /// Canary jobs, which need the table `counters`: its token is used to send them and look them up. Default: none are
    /// sent.
    canary: Option<RawCanary>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawQueueStore {
    /// Host name or address. Required.
    host: Option<String>,
    /// Port. Default 6379.
    port: Option<u16>,
    /// True to encrypt the connection and verify the certificate; `network.ca_certificates` adds trusted authorities.
    /// Default true.
    tls: Option<bool>,
    /// User to read with. It needs only `llen`, `lindex`, `zcard`, `zcount` and `select` on the queues' keys. Default
    /// none.
    user: Option<String>,
    /// Reference to the password of the user. Default none.
    password: Option<RawReference>,
    /// Number of the database: 0 to 1000000. Default 0.
    database: Option<u32>,
    /// Prefix of all keys: `database.redis.options.prefix` of the platform. Default `just_driving_database_`.
    prefix: Option<String>,
    /// Host names or addresses of a cluster's other nodes, as the cluster reports them: connections go only to hosts in
    /// this file. At most four nodes are queried. Default none.
    nodes: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawHorizon {
    /// Account that reads Horizon, which its gate must admit. Default none.
    account: Option<RawCredentials>,
    /// Reference to a bearer token, instead of an account. With neither, Horizon must be public. Default none.
    token: Option<RawReference>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawTasks {
    /// Longest time since a task last finished, by task name, such as `"backup:run" = "26h"`: 1m to 400d, at most 50
    /// tasks. Longer is a failure of kind `stale`; a task that the counters do not report is one of kind `assertion`.
    /// Default none.
    within: Option<BTreeMap<String, RawDuration>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawCanary {
    /// Queues that receive canary jobs: 1 to 5. Required.
    queues: Option<Vec<String>>,
    /// Interval between canary jobs of a queue: 5s to 24h. After a failure the next one is sent at once, and with every
    /// run until two are done. Default 5m.
    every: Option<RawDuration>,
    /// Longest time that a canary job may take: 5s to 24h. Longer is a failure of kind `stale`. Default 2m.
    done_within: Option<RawDuration>,
}

impl RawQueues {
    /// Validates the section. Returns `None` after reporting all problems to `section`.
    pub(crate) fn validate(self, section: &Section<'_>, common: &Common) -> Option<Queues> {
        let check = Queues::ID;
        let deadline = section.duration("step_deadline", self.step_deadline, SECOND * 10, SECOND / 10..=SECOND * 20);
        let idle_after = section.duration("idle_after", self.idle_after, MINUTE * 5, SECOND * 5..=HOUR * 24);
        let stuck_after = section.duration("stuck_after", self.stuck_after, MINUTE, SECOND * 5..=HOUR * 24);
        let queues = names(section, "queues", self.queues.unwrap_or_default(), MAX_QUEUES);
        let has_counters = self.counters.is_some();
        if self.redis.is_none() && self.horizon.is_none() && !has_counters {
            section
                .problem("", "expected a table `redis`, `horizon` or `counters`, found none: nothing would be checked");
        }
        if self.redis.is_some() && queues.as_ref().is_some_and(Vec::is_empty) {
            section.problem("queues", "expected the names of the queues to read from Redis, found none");
        }
        for (key, is_there) in [("tasks", self.tasks.is_some()), ("canary", self.canary.is_some())] {
            if is_there && !has_counters {
                section.problem(key, "expected a table `counters` as well, found none");
            }
        }
        let has_source = self.redis.is_some() || self.horizon.is_some() || has_counters;
        let redis = optional(self.redis, |raw| raw.validate(&section.table("redis"), common));
        let horizon = optional(self.horizon, |raw| raw.validate(&section.table("horizon"), common));
        let counting = optional(self.counters, |raw| raw.validate(&section.table("counters"), common, check));
        let tasks = optional(self.tasks, |raw| raw.validate(&section.table("tasks")));
        let canary = optional(self.canary, |raw| raw.validate(&section.table("canary")));
        let site = Site::read(section, common, deadline?)?;
        let (redis, queues) = (redis?, queues?);
        let (tasks, canary) = (tasks?, canary?);
        let is_complete = has_source
            && (redis.is_none() || !queues.is_empty())
            && (has_counters || (tasks.is_none() && canary.is_none()));
        if !is_complete {
            return None;
        }
        Some(Queues {
            site,
            queues,
            idle_after: idle_after?,
            stuck_after: stuck_after?,
            redis,
            horizon: horizon?,
            counting: counting?,
            tasks: tasks.unwrap_or_default(),
            canary,
        })
    }
}

/// Validates names of queues, which must be distinct subjects.
fn names(section: &Section<'_>, key: &str, names: Vec<String>, most: usize) -> Option<Vec<String>> {
    if names.len() > most {
        section.problem(key, format!("expected at most {most}, found {}", names.len()));
        return None;
    }
    let mut subjects = BTreeSet::new();
    let mut is_right = true;
    for name in &names {
        let problem = if name.trim().is_empty() || name.len() > MAX_NAME_LENGTH {
            Some(format!("expected names of 1 to {MAX_NAME_LENGTH} bytes, found `{name}`"))
        } else if !subjects.insert(Subject::converted_from(name)) {
            Some(format!(
                "expected each queue once, found `{name}` again; names that differ only in punctuation are equal"
            ))
        } else {
            None
        };
        if let Some(problem) = problem {
            section.problem(key, problem);
            is_right = false;
        }
    }
    is_right.then_some(names)
}

impl RawQueueStore {
    fn validate(self, section: &Section<'_>, common: &Common) -> Option<QueueStore> {
        let store =
            RawStore { host: self.host, port: self.port, tls: self.tls, user: self.user, password: self.password };
        let store = store.validate(section, common, Queues::ID, PORT);
        let database = section.number("database", self.database, 0, 0..=1_000_000);
        let nodes = self.nodes.unwrap_or_default();
        // The egress policy allows these hosts from now on.
        let known = nodes.iter().filter(|node| section.place("nodes", Some((*node).clone()), PORT).is_some()).count();
        let prefix = section.or_default("prefix", self.prefix, PREFIX.to_owned());
        (known == nodes.len()).then_some(())?;
        Some(QueueStore { store: store?, nodes, database: database?, prefix })
    }
}

impl RawHorizon {
    fn validate(self, section: &Section<'_>, common: &Common) -> Option<Horizon> {
        match (self.account, self.token) {
            (Some(_), Some(_)) => {
                section.problem("", "expected an `account` or a `token`, found both");
                None
            }
            (Some(account), None) => {
                account.validate(&section.table("account"), common, Queues::ID).map(Horizon::Account)
            }
            (None, Some(token)) => {
                let token: Option<SecretRef> = section.secret("token", Some(token), &common.environment, Queues::ID);
                token.map(Horizon::Token)
            }
            (None, None) => Some(Horizon::Open),
        }
    }
}

impl RawTasks {
    fn validate(self, section: &Section<'_>) -> Option<BTreeMap<String, Duration>> {
        let within = self.within.unwrap_or_default();
        if within.len() > MAX_TASKS {
            section.problem("within", format!("expected at most {MAX_TASKS}, found {}", within.len()));
            return None;
        }
        let table = section.table("within");
        let (all, mut read) = (within.len(), BTreeMap::new());
        for (name, written) in within {
            if name.trim().is_empty() || name.len() > MAX_NAME_LENGTH {
                table.problem(&name, format!("expected a name of 1 to {MAX_NAME_LENGTH} bytes"));
            } else if let Some(bound) = table.duration(&name, Some(written), HOUR, MINUTE..=HOUR * 24 * 400) {
                read.insert(name, bound);
            }
        }
        (read.len() == all).then_some(read)
    }
}

impl RawCanary {
    fn validate(self, section: &Section<'_>) -> Option<Canary> {
        let queues = section.required("queues", self.queues);
        if queues.as_ref().is_some_and(Vec::is_empty) {
            section.problem("queues", "expected at least one, found none");
        }
        let queues = queues.and_then(|queues| names(section, "queues", queues, MAX_CANARIES));
        let every = section.duration("every", self.every, MINUTE * 5, SECOND * 5..=HOUR * 24);
        let within = section.duration("done_within", self.done_within, MINUTE * 2, SECOND * 5..=HOUR * 24);
        let queues = queues.filter(|queues| !queues.is_empty());
        Some(Canary { queues: queues?, every: every?, done_within: within? })
    }
}
