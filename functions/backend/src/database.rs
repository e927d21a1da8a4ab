//! The database.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use check::metric::{
    CONNECTIONS_USED, DATABASE_CONNECT_TIME, DATABASE_LATENCY, FAILED_JOBS_STORED, REPLICATION_LAG, SLOW_QUERY_RATE,
};
use check::{FailureKind, Mismatch, StepEnded, Subject};
use runtime::{Run, Step};
use stores::{Row, Store};

use crate::memory::Counted;

/// What is counted up, by the server's own names.
const SLOW_QUERIES: &str = "Slow_queries";
const STATUS: &str =
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_connected', 'Slow_queries', 'Questions', 'Uptime')";
const LIMITS: &str = "SELECT @@GLOBAL.max_connections AS most, @@hostname AS server";
/// Newer servers know the first, older ones the second.
const REPLICATION: [&str; 2] = ["SHOW REPLICA STATUS", "SHOW SLAVE STATUS"];
/// More are not counted: an old table has no index by time.
const MOST_FAILED_JOBS: u32 = 10_000;

/// MySQL or MariaDB.
#[derive(Clone, Debug)]
pub struct Database {
    /// Where it is, and who reads it.
    pub store: Store,
    /// The schema; `None`: what is read names its own.
    pub schema: Option<String>,
    /// One statement that must be answered; `None`: none.
    pub read: Option<String>,
    /// Of a replica: how far it may lag behind. `None`: it is none, or not looked at as one.
    pub lag_within: Option<Duration>,
    /// Where Laravel keeps the jobs that failed; `None`: not looked at.
    pub failed_jobs: Option<FailedJobs>,
}

/// Where Laravel keeps the jobs that failed.
#[derive(Clone, Debug)]
pub struct FailedJobs {
    /// The table; its schema may stand before it.
    pub table: String,
    /// How far back they are counted.
    pub window: Duration,
}

/// What is done on the connection, in this order.
#[derive(Clone, Copy)]
enum Part<'a> {
    Select,
    Read(&'a str),
    Status,
    Replication(Duration),
    FailedJobs(&'a FailedJobs),
}

impl Part<'_> {
    const fn name(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Read(_) => "read",
            Self::Status => "status",
            Self::Replication(_) => "replication",
            Self::FailedJobs(_) => "failed-jobs",
        }
    }
}

pub(crate) fn subject() -> Subject {
    Subject::named("database")
}

impl Database {
    /// All steps. What it has counted, when that was told.
    pub(crate) async fn look(&self, run: &Run, deadline: Duration, past: Option<&Counted>) -> Option<Counted> {
        let Ok(mut connection) = self.connect(run, deadline).await else {
            self.skip(run, self.parts(), "there is no connection");
            return None;
        };
        let mut counted = None;
        for part in self.parts() {
            if !connection.is_open() {
                self.skip(run, [part], "the connection was lost");
                continue;
            }
            let step = run.step(&subject(), part.name());
            let done = match part {
                Part::Select => select(&step, &mut connection).await,
                Part::Read(statement) => connection.rows(&step, statement).await.map(|_| ()),
                Part::Status => status(&step, &mut connection, past).await.map(|actual| counted = actual),
                Part::Replication(lag_within) => replication(&step, &mut connection, lag_within).await,
                Part::FailedJobs(jobs) => failed_jobs(&step, &mut connection, jobs).await,
            };
            // Stops are recorded where they happen, and none of these needs the one before.
            if done.is_ok() {
                step.passed();
            }
        }
        connection.close().await;
        counted
    }

    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let parts = [
            Some(Part::Select),
            self.read.as_deref().map(Part::Read),
            Some(Part::Status),
            self.lag_within.map(Part::Replication),
            self.failed_jobs.as_ref().map(Part::FailedJobs),
        ];
        parts.into_iter().flatten()
    }

    fn skip<'a>(&self, run: &Run, parts: impl IntoIterator<Item = Part<'a>>, reason: &str) {
        for part in parts {
            run.step(&subject(), part.name()).skipped(reason);
        }
    }

    async fn connect(&self, run: &Run, deadline: Duration) -> Result<stores::Database, StepEnded> {
        let step = run.step(&subject(), "connect");
        let began = Instant::now();
        let connection = stores::Database::connect(&step, &self.store, self.schema.as_deref(), deadline).await?;
        run.measure(&DATABASE_CONNECT_TIME, began.elapsed().as_secs_f64() * 1e3, None);
        step.passed();
        Ok(connection)
    }
}

async fn select(step: &Step<'_>, connection: &mut stores::Database) -> Result<(), StepEnded> {
    let began = Instant::now();
    let rows = connection.rows(step, "SELECT 1").await?;
    let took = began.elapsed();
    step.check("one", one(&rows))?;
    step.run().measure(&DATABASE_LATENCY, took.as_secs_f64() * 1e3, None);
    Ok(())
}

fn one(rows: &[Row]) -> Result<(), Mismatch> {
    match rows.first().and_then(Row::first) {
        Some("1") => Ok(()),
        other => Err(unlike("1 for `SELECT 1`", other.unwrap_or("nothing"))),
    }
}

/// Connections are measured now, slow queries since the last look.
async fn status(
    step: &Step<'_>,
    connection: &mut stores::Database,
    past: Option<&Counted>,
) -> Result<Option<Counted>, StepEnded> {
    let rows = connection.rows(step, STATUS).await?;
    let number = |name: &str| {
        let row =
            rows.iter().find(|row| row.text("Variable_name").is_some_and(|actual| actual.eq_ignore_ascii_case(name)));
        row?.number("Value")
    };
    let limits = connection.rows(step, LIMITS).await?;
    let used = number("Threads_connected");
    let most = limits.first().and_then(|row| row.number("most")).filter(|most| *most > 0.0);
    let known = match (used, most) {
        (Some(_), Some(_)) => Ok(()),
        (used, most) => {
            let actual = format!("{} of {}", known_number(used), known_number(most));
            Err(unlike("`Threads_connected` of `max_connections`", &actual))
        }
    };
    step.check("known", known)?;
    if let (Some(used), Some(most)) = (used, most) {
        step.run().measure(&CONNECTIONS_USED, used / most * 100.0, None);
    }
    let Some(uptime) = number("Uptime") else { return Ok(None) };
    let counts = [SLOW_QUERIES, "Questions"].into_iter().filter_map(|name| Some((name.to_owned(), number(name)?)));
    let server = limits.first().and_then(|row| row.text("server")).unwrap_or_default().to_owned();
    let counted = Counted { at: step.now(), server, uptime, counts: counts.collect::<BTreeMap<_, _>>() };
    if let Some(rate) = counted.rate(SLOW_QUERIES, past) {
        step.run().measure(&SLOW_QUERY_RATE, rate, None);
    }
    Ok(Some(counted))
}

/// Of several sources, each must be followed, and the one furthest behind counts.
async fn replication(
    step: &Step<'_>,
    connection: &mut stores::Database,
    lag_within: Duration,
) -> Result<(), StepEnded> {
    let rows = connection.rows_of_known(step, &REPLICATION).await?;
    step.check("replicates", replicates(&rows))?;
    let lag = rows.iter().filter_map(lag).fold(0.0, f64::max);
    step.run().measure(&REPLICATION_LAG, lag, None);
    let in_time = if lag <= lag_within.as_secs_f64() {
        Ok(())
    } else {
        let expected = format!("the replica at most {} s behind", lag_within.as_secs());
        Err(Mismatch { kind: FailureKind::Stale, ..unlike(&expected, &format!("{lag} s")) })
    };
    step.check("lag", in_time)
}

fn replicates(rows: &[Row]) -> Result<(), Mismatch> {
    let stale =
        |actual: &str| Mismatch { kind: FailureKind::Stale, ..unlike("a replica that follows its source", actual) };
    if rows.is_empty() {
        return Err(stale("a server that follows none"));
    }
    for row in rows {
        let state =
            |newer: &str, older: &str| row.text(newer).or_else(|| row.text(older)).unwrap_or("unknown").to_owned();
        let reads = state("Replica_IO_Running", "Slave_IO_Running");
        let applies = state("Replica_SQL_Running", "Slave_SQL_Running");
        if reads != "Yes" || applies != "Yes" || lag(row).is_none() {
            let errors = [row.text("Last_IO_Error"), row.text("Last_SQL_Error")];
            let evidence = errors.into_iter().flatten().find(|error| !error.is_empty()).map(str::to_owned);
            let actual = format!("reading from it: {reads}, applying what was read: {applies}");
            return Err(Mismatch { evidence, ..stale(&actual) });
        }
    }
    Ok(())
}

/// **Units:** seconds.
fn lag(row: &Row) -> Option<f64> {
    row.number("Seconds_Behind_Source").or_else(|| row.number("Seconds_Behind_Master"))
}

async fn failed_jobs(step: &Step<'_>, connection: &mut stores::Database, jobs: &FailedJobs) -> Result<(), StepEnded> {
    let table = jobs.table.split('.').map(|name| format!("`{name}`")).collect::<Vec<_>>().join(".");
    let statement = format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM {table} WHERE failed_at >= NOW() - INTERVAL {} SECOND \
         LIMIT {MOST_FAILED_JOBS}) AS lately",
        jobs.window.as_secs()
    );
    let rows = connection.rows(step, &statement).await?;
    if let Some(count) = rows.first().and_then(Row::first).and_then(|count| count.parse().ok()) {
        step.run().measure(&FAILED_JOBS_STORED, count, None);
    }
    Ok(())
}

fn unlike(expected: &str, actual: &str) -> Mismatch {
    let (expected, actual) = (expected.to_owned(), actual.to_owned());
    Mismatch { kind: FailureKind::Assertion, expected, actual, evidence: None }
}

fn known_number(number: Option<f64>) -> String {
    number.map_or_else(|| "unknown".to_owned(), |number| number.to_string())
}
