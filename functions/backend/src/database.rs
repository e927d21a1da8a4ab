//! Steps on the database.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use check::metric::{
    CONNECTIONS_USED, DATABASE_CONNECT_TIME, DATABASE_LATENCY, FAILED_JOBS_STORED, REPLICATION_LAG, SLOW_QUERY_RATE,
};
use check::{FailureKind, Mismatch, Phrase, Piece, StepEnded, Subject, foreign, ours, phrase};
use datastores::{Row, Store};
use runtime::{Run, Step};

use crate::memory::Counted;

/// Counter that becomes a rate, by the server's own name.
const SLOW_QUERIES: &str = "Slow_queries";
const STATUS: &str =
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_connected', 'Slow_queries', 'Questions', 'Uptime')";
const LIMITS: &str = "SELECT @@GLOBAL.max_connections AS most, @@hostname AS server";
/// Statements of newer and of older servers.
const REPLICATION: [&str; 2] = ["SHOW REPLICA STATUS", "SHOW SLAVE STATUS"];
/// Limit of the count, since old tables have no index by time.
const MAX_FAILED_JOBS: u32 = 10_000;

/// Settings of the database, MySQL or MariaDB.
#[derive(Clone, Debug)]
pub struct Database {
    /// Server and credentials.
    pub store: Store,
    /// Default schema. `None`: the statements name theirs.
    pub schema: Option<String>,
    /// Statement that must succeed. `None`: none.
    pub read: Option<String>,
    /// Longest replication lag. `None`: replication is not checked.
    pub lag_within: Option<Duration>,
    /// Laravel's table of failed jobs. `None`: not read.
    pub failed_jobs: Option<FailedJobs>,
}

/// Laravel's table of failed jobs.
#[derive(Clone, Debug)]
pub struct FailedJobs {
    /// Name of the table, optionally with its schema.
    pub table: String,
    /// Age up to which jobs are counted.
    pub window: Duration,
}

/// Step after `connect`, in order.
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
    Subject::own("database")
}

impl Database {
    /// Runs all steps. Returns the counters of the server if they were readable.
    pub(crate) async fn check(&self, run: &Run, deadline: Duration, past: Option<&Counted>) -> Option<Counted> {
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
                Part::Status => status(&step, &mut connection, past).await.map(|counters| counted = counters),
                Part::Replication(lag_within) => replication(&step, &mut connection, lag_within).await,
                Part::FailedJobs(jobs) => failed_jobs(&step, &mut connection, jobs).await,
            };
            // Each step records its own failure, and none depends on the one before.
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

    fn skip<'a>(&self, run: &Run, parts: impl IntoIterator<Item = Part<'a>>, reason: &'static str) {
        for part in parts {
            run.step(&subject(), part.name()).skipped(reason);
        }
    }

    async fn connect(&self, run: &Run, deadline: Duration) -> Result<datastores::Database, StepEnded> {
        let step = run.step(&subject(), "connect");
        let began = Instant::now();
        let connection = datastores::Database::connect(&step, &self.store, self.schema.as_deref(), deadline).await?;
        run.measure(&DATABASE_CONNECT_TIME, began.elapsed().as_secs_f64() * 1e3, None);
        step.passed();
        Ok(connection)
    }
}

async fn select(step: &Step<'_>, connection: &mut datastores::Database) -> Result<(), StepEnded> {
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
        other => Err(mismatch("1 for `SELECT 1`", foreign(other.unwrap_or("nothing")))),
    }
}

/// Measures the connections in use, and the rate of slow queries since the last run.
async fn status(
    step: &Step<'_>,
    connection: &mut datastores::Database,
    past: Option<&Counted>,
) -> Result<Option<Counted>, StepEnded> {
    let rows = connection.rows(step, STATUS).await?;
    let number = |name: &str| {
        let row =
            rows.iter().find(|row| row.text("Variable_name").is_some_and(|found| found.eq_ignore_ascii_case(name)));
        row?.number("Value")
    };
    let limits = connection.rows(step, LIMITS).await?;
    let used = number("Threads_connected");
    let most = limits.first().and_then(|row| row.number("most")).filter(|most| *most > 0.0);
    let known = match (used, most) {
        (Some(used), Some(most)) => Ok((used, most)),
        (used, most) => {
            let actual = phrase!("{} of {}", or_unknown(used), or_unknown(most));
            Err(mismatch("`Threads_connected` of `max_connections`", actual))
        }
    };
    let (used, most) = step.check_value("known", known)?;
    step.run().measure(&CONNECTIONS_USED, used / most * 100.0, None);
    let Some(uptime) = number("Uptime") else { return Ok(None) };
    let counts = [SLOW_QUERIES, "Questions"].into_iter().filter_map(|name| Some((name.to_owned(), number(name)?)));
    let server = limits.first().and_then(|row| row.text("server")).unwrap_or_default().to_owned();
    let counted = Counted { at: step.now(), server, uptime, counts: counts.collect::<BTreeMap<_, _>>() };
    if let Some(rate) = counted.rate(SLOW_QUERIES, past) {
        step.run().measure(&SLOW_QUERY_RATE, rate, None);
    }
    Ok(Some(counted))
}

/// Judges the replication. A replica must follow all its sources, and its largest lag counts.
async fn replication(
    step: &Step<'_>,
    connection: &mut datastores::Database,
    lag_within: Duration,
) -> Result<(), StepEnded> {
    let rows = connection.rows_of_first_supported(step, &REPLICATION).await?;
    step.check("replicates", replicates(&rows))?;
    let lag = rows.iter().filter_map(lag).fold(0.0, f64::max);
    step.run().measure(&REPLICATION_LAG, lag, None);
    let in_time = if lag <= lag_within.as_secs_f64() {
        Ok(())
    } else {
        let expected = phrase!("the replica at most {} s behind", lag_within.as_secs());
        let actual = phrase!("{} s behind", ours(format_args!("{lag:.0}")));
        Err(Mismatch::new(FailureKind::Stale, expected, actual))
    };
    step.check("lag", in_time)
}

fn replicates(rows: &[Row]) -> Result<(), Mismatch> {
    let stale = |actual: Phrase| Mismatch::new(FailureKind::Stale, "a replica that follows its source", actual);
    if rows.is_empty() {
        return Err(stale("a server that follows no source".into()));
    }
    for row in rows {
        let state =
            |newer: &str, older: &str| row.text(newer).or_else(|| row.text(older)).unwrap_or("unknown").to_owned();
        let receiving = state("Replica_IO_Running", "Slave_IO_Running");
        let applying = state("Replica_SQL_Running", "Slave_SQL_Running");
        if receiving != "Yes" || applying != "Yes" || lag(row).is_none() {
            let errors = [row.text("Last_IO_Error"), row.text("Last_SQL_Error")];
            let evidence = errors.into_iter().flatten().find(|error| !error.is_empty());
            let actual =
                phrase!("receiving changes: {}, applying changes: {}", foreign(&receiving), foreign(&applying));
            return Err(Mismatch { evidence: evidence.map(|error| foreign(error).into()), ..stale(actual) });
        }
    }
    Ok(())
}

/// Replication lag. **Units:** seconds.
fn lag(row: &Row) -> Option<f64> {
    row.number("Seconds_Behind_Source").or_else(|| row.number("Seconds_Behind_Master"))
}

async fn failed_jobs(
    step: &Step<'_>,
    connection: &mut datastores::Database,
    jobs: &FailedJobs,
) -> Result<(), StepEnded> {
    let table = jobs.table.split('.').map(|name| format!("`{name}`")).collect::<Vec<_>>().join(".");
    let statement = format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM {table} WHERE failed_at >= NOW() - INTERVAL {} SECOND \
         LIMIT {MAX_FAILED_JOBS}) AS lately",
        jobs.window.as_secs()
    );
    let rows = connection.rows(step, &statement).await?;
    let count = rows.first().and_then(Row::first);
    let number = count.and_then(datastores::number);
    let number = number.ok_or_else(|| mismatch("the number of failed jobs", foreign(count.unwrap_or("nothing"))));
    step.run().measure(&FAILED_JOBS_STORED, step.check_value("counted", number)?, None);
    Ok(())
}

fn mismatch(expected: &'static str, actual: impl Into<Phrase>) -> Mismatch {
    Mismatch::new(FailureKind::Assertion, expected, actual)
}

fn or_unknown(number: Option<f64>) -> Piece {
    number.map_or_else(|| ours("unknown"), ours)
}
