//! Client for MySQL, and for MariaDB, which uses the same protocol.

use std::sync::Arc;
use std::time::Duration;

use check::{Cause, FailureKind, Mismatch, Phrase, StepEnded, foreign, ours, phrase};
use runtime::Step;
use secrecy::ExposeSecret;
use tokio::time::timeout;

use crate::Store;
use crate::mysql_connection::{Connection, Fault, MAX_PACKET, MAX_ROWS, Table};

/// Share of the deadline that a statement may take at the server, in tenths. The rest is for reporting the timeout.
const TENTHS_AT_SERVER: u32 = 9;

/// A read-only connection, and the deadline of each statement.
pub struct Database {
    /// `None` when the connection was lost, or may still return the result of an earlier statement.
    connection: Option<Connection>,
    store: Store,
    deadline: Duration,
}

/// One row of a result: values in the order of the columns, all as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    names: Arc<[String]>,
    values: Vec<Option<String>>,
}

impl Row {
    /// Value of the column with this name, ignoring case. `None` for `NULL` or a missing column.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let column = self.names.iter().position(|column| column.eq_ignore_ascii_case(name))?;
        self.values.get(column)?.as_deref()
    }

    /// Value of a column as a finite number; `None` when it is not one.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        number(self.text(name)?)
    }

    /// Value of the first column, for results with a single column.
    #[must_use]
    pub fn first(&self) -> Option<&str> {
        self.values.first()?.as_deref()
    }
}

/// Reason for a missing result.
#[derive(Debug)]
enum Refusal {
    /// The database failed.
    Failed(Mismatch),
    /// The database rejected the user.
    Credentials(Phrase),
    /// The server does not support the statement.
    UnknownStatement(Mismatch),
    /// An error of this machine.
    Internal(Phrase),
}

impl Database {
    /// Connects, authenticates, and limits the session to short read-only statements.
    ///
    /// # Errors
    /// [`StepEnded`], with the reason recorded. Rejected credentials are inconclusive, not a failure of the database.
    pub async fn connect(
        step: &Step<'_>,
        store: &Store,
        schema: Option<&str>,
        deadline: Duration,
    ) -> Result<Self, StepEnded> {
        let password = match &store.password {
            Some(reference) => Some(step.password(reference).await?),
            None => None,
        };
        let password = password.as_ref().map(ExposeSecret::expose_secret);
        let opened = timeout(deadline, Self::open(step, store, password, schema, deadline)).await;
        let refusal = match opened {
            Ok(Ok(connection)) => {
                step.check("connected", Ok(()))?;
                return Ok(Self { connection: Some(connection), store: store.clone(), deadline });
            }
            Ok(Err(refusal)) => refusal,
            Err(_) => timeout_error(store, "a connection to", deadline),
        };
        Err(refusal.record(step, store, "connected"))
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// [`StepEnded`], with the reason recorded.
    pub async fn rows(&mut self, step: &Step<'_>, statement: &str) -> Result<Vec<Row>, StepEnded> {
        match self.ask(step, statement).await {
            Ok(rows) => step.check("answered", Ok(())).map(|()| rows),
            Err(refusal) => Err(refusal.record(step, &self.store, "answered")),
        }
    }

    /// Runs the first of these statements that the server supports, since their names differ between servers.
    ///
    /// # Errors
    /// [`StepEnded`], with the reason recorded.
    pub async fn rows_of_first_supported(
        &mut self,
        step: &Step<'_>,
        statements: &[&str],
    ) -> Result<Vec<Row>, StepEnded> {
        let mut unknown = None;
        for statement in statements {
            match self.ask(step, statement).await {
                Ok(rows) => return step.check("answered", Ok(())).map(|()| rows),
                Err(refusal @ Refusal::UnknownStatement(_)) => unknown = Some(refusal),
                Err(refusal) => return Err(refusal.record(step, &self.store, "answered")),
            }
        }
        let refusal = unknown.unwrap_or_else(|| Refusal::Internal("no statement was given".into()));
        Err(refusal.record(step, &self.store, "answered"))
    }

    /// True when further statements can be run.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    /// Closes the connection cleanly; servers count and log aborted ones.
    pub async fn close(self) {
        if let Some(connection) = self.connection {
            // The connection is dropped even if this fails.
            let _ = timeout(self.deadline, connection.quit()).await;
        }
    }

    async fn ask(&mut self, step: &Step<'_>, statement: &str) -> Result<Vec<Row>, Refusal> {
        let Some(connection) = &mut self.connection else {
            return Err(failed(
                FailureKind::Connect,
                &self.store,
                "a connection to",
                "the connection was lost earlier",
            ));
        };
        match timeout(self.deadline, connection.query(statement)).await {
            Ok(Ok(table)) => Ok(rows(table)),
            Ok(Err(fault)) => {
                // After any other fault, the rest of the answer may still arrive.
                if !matches!(fault, Fault::Server { .. }) {
                    self.connection = None;
                }
                Err(refusal(step, &self.store, fault))
            }
            Err(_) => {
                self.connection = None;
                Err(timeout_error(&self.store, "a result from", self.deadline))
            }
        }
    }

    async fn open(
        step: &Step<'_>,
        store: &Store,
        password: Option<&str>,
        schema: Option<&str>,
        deadline: Duration,
    ) -> Result<Connection, Refusal> {
        let client = step.run().client();
        let opened = async {
            let mut connection = Connection::open(&client, store, password, schema, deadline).await?;
            limit_session(&mut connection, deadline).await?;
            Ok(connection)
        };
        opened.await.map_err(|fault| refusal(step, store, fault))
    }
}

/// Limits the session: no writes, no more rows than are read, and no statement beyond the deadline. The variable for the
/// last limit has two names. Old servers have neither, so there only the client's deadline applies.
async fn limit_session(connection: &mut Connection, deadline: Duration) -> Result<(), Fault> {
    connection.query("SET SESSION TRANSACTION READ ONLY").await?;
    connection.query(&format!("SET SESSION sql_select_limit = {}", MAX_ROWS + 1)).await?;
    let limit = deadline * TENTHS_AT_SERVER / 10;
    for statement in [
        format!("SET SESSION max_execution_time = {}", limit.as_millis()),
        format!("SET SESSION max_statement_time = {:.3}", limit.as_secs_f64()),
    ] {
        match connection.query(&statement).await {
            Err(Fault::Server { code, .. }) if is_unknown(code) => {}
            result => return result.map(drop),
        }
    }
    Ok(())
}

/// Finite number in a text of a server; `None` for other text.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn rows(table: Table) -> Vec<Row> {
    let names: Arc<[String]> = table.names.into();
    table.rows.into_iter().map(|values| Row { names: Arc::clone(&names), values }).collect()
}

fn timeout_error(store: &Store, expected: &'static str, deadline: Duration) -> Refusal {
    let expected = phrase!("{} {} within {} ms", expected, ours(&store.place), deadline.as_millis());
    Refusal::Failed(Mismatch::new(FailureKind::Timeout, expected, "no reply yet"))
}

fn failed(kind: FailureKind, store: &Store, expected: impl Into<Phrase>, actual: impl Into<Phrase>) -> Refusal {
    let expected = phrase!("{} {}", expected.into(), ours(&store.place));
    Refusal::Failed(Mismatch::new(kind, expected, actual))
}

fn refusal(step: &Step<'_>, store: &Store, fault: Fault) -> Refusal {
    match fault {
        Fault::Server { code, message } => server_refusal(store, code, &message),
        Fault::Io(error) => probe_refusal(step.run().client().connect_error(&store.place, &error)),
        Fault::Probe(error) => probe_refusal(error),
        Fault::Closed => failed(FailureKind::Connect, store, "a reply from", "the connection was closed"),
        Fault::NoTls => failed(FailureKind::Tls, store, "an encrypted connection to", "a server without TLS"),
        Fault::TooLarge => {
            let limit = phrase!("at most {} rows of {} MiB from", MAX_ROWS, MAX_PACKET >> 20);
            failed(FailureKind::Body, store, limit, "more")
        }
        Fault::Plugin(name) => {
            Refusal::Credentials(phrase!("it requires the unsupported authentication {}", foreign(name)))
        }
        Fault::Protocol(actual) => failed(FailureKind::Protocol, store, "the MySQL protocol from", actual),
    }
}

fn probe_refusal(error: probe::Error) -> Refusal {
    match error.into_mismatch() {
        Ok(mismatch) => Refusal::Failed(mismatch),
        Err(internal) => Refusal::Internal(internal),
    }
}

/// Classifies a server error by its code. MySQL and MariaDB share the codes up to 1880.
fn server_refusal(store: &Store, code: u16, message: &str) -> Refusal {
    let message = phrase!("{} ({})", foreign(message), code);
    match code {
        // Identity, privileges, allowed hosts and rate limits of the user.
        1044 | 1045 | 1129 | 1130 | 1131 | 1142 | 1143 | 1226 | 1227 | 1251 | 1275 | 1370 | 1524 | 1698 | 1820
        | 1862 | 3118 | 3955 | 4151 => Refusal::Credentials(message),
        1040 | 1203 => {
            failed(FailureKind::Connect, store, "a connection to", phrase!("no free connections: {}", message))
        }
        1053 | 1077 | 1080 | 1152 | 1184 => failed(FailureKind::Connect, store, "a reply from", message),
        // Lock timeout, and statement timeout of MariaDB and of MySQL.
        1205 | 1969 | 3024 => failed(FailureKind::Timeout, store, "a reply in time from", message),
        _ if is_unknown(code) => {
            let expected = phrase!("{} to support the statement", ours(&store.place));
            Refusal::UnknownStatement(Mismatch::new(FailureKind::Assertion, expected, message))
        }
        _ => failed(FailureKind::Assertion, store, "a reply from", message),
    }
}

/// True when the server does not support a statement or a variable.
const fn is_unknown(code: u16) -> bool {
    matches!(code, 1064 | 1193)
}

impl Refusal {
    /// Records the reason in the step, and returns its end.
    fn record(self, step: &Step<'_>, store: &Store, assertion: &str) -> StepEnded {
        match self {
            Self::Failed(mismatch) | Self::UnknownStatement(mismatch) => step.fail(assertion, mismatch),
            Self::Credentials(message) => {
                let user = store.user.as_deref().unwrap_or("without a name");
                let password = store.password.as_ref().map_or_else(
                    || Phrase::from("add a password to the settings"),
                    |at| phrase!("put a valid password at {}", ours(at)),
                );
                let detail = phrase!(
                    "{} rejects the user {}: {}\n{}, and grant the user what docs/deploy/accounts.md lists",
                    ours(&store.place),
                    ours(user),
                    message,
                    password
                );
                step.inconclusive(Cause::Credentials, detail)
            }
            Self::Internal(message) => step.inconclusive(Cause::Internal, message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        let host = probe::Host::parse("db.internal").unwrap();
        Store { place: probe::HostPort { host, port: 3306 }, is_encrypted: true, user: None, password: None }
    }

    #[test]
    fn server_errors_are_classified_by_code() {
        let cases = [
            (1045, "credentials"),
            (1142, "credentials"),
            (1227, "credentials"),
            (1698, "credentials"),
            (1040, "connect"),
            (1203, "connect"),
            (1053, "connect"),
            (1969, "timeout"),
            (3024, "timeout"),
            (1064, "unknown-statement"),
            (1193, "unknown-statement"),
            (1146, "assertion"),
            (1049, "assertion"),
        ];
        for (code, expected) in cases {
            let actual = match server_refusal(&store(), code, "message") {
                Refusal::Failed(mismatch) => mismatch.kind.to_string(),
                Refusal::Credentials(_) => "credentials".to_owned(),
                Refusal::UnknownStatement(_) => "unknown-statement".to_owned(),
                Refusal::Internal(_) => "internal".to_owned(),
            };
            assert_eq!(actual, expected, "{code}");
        }
    }

    #[test]
    fn column_names_ignore_case() {
        let table = Table {
            names: vec!["Variable_name".to_owned(), "Value".to_owned()],
            rows: vec![vec![Some("Uptime".to_owned()), None]],
        };
        let row = rows(table).pop().unwrap();
        assert_eq!((row.text("variable_NAME"), row.text("value"), row.first()), (Some("Uptime"), None, Some("Uptime")));
        assert_eq!((row.number("variable_name"), row.number("none")), (None, None));
    }

    #[test]
    fn only_finite_numbers_are_numbers() {
        assert_eq!(
            ["1", "-1.5", "NaN", "inf", "1e999", "x", ""].map(number),
            [Some(1.0), Some(-1.5), None, None, None, None, None]
        );
    }
}
