//! Client for MySQL, and for MariaDB, which uses the same protocol.

use std::time::Duration;

use check::{Cause, FailureKind, Mismatch, Phrase, StepEnded, foreign, ours, phrase};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error, IoError, Opts, OptsBuilder, ServerError, SslOpts, TlsError, Value};
use runtime::Step;
use secrecy::ExposeSecret;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Store;

/// Maximum size of one result. **Units:** bytes.
const MAX_BYTES: usize = 8 << 20;
/// Maximum size of one packet, and thus of one row. **Units:** bytes.
const MAX_ROW_BYTES: usize = 1 << 20;
/// Maximum number of rows in one result.
const MAX_ROWS: usize = 1_000;
/// Share of the deadline that a statement may take at the server, in tenths. The rest is for reporting the timeout.
const TENTHS_AT_SERVER: u32 = 9;

/// A read-only connection, and the deadline of each statement.
pub struct Database {
    /// `None` when the connection was lost, or may still return the result of an earlier statement.
    connection: Option<Conn>,
    store: Store,
    deadline: Duration,
}

/// One row of a result: columns in order, all as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(Vec<(String, Option<String>)>);

impl Row {
    /// Value of the column with this name, ignoring case. `None` for `NULL` or a missing column.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(column, _)| column.eq_ignore_ascii_case(name))?.1.as_deref()
    }

    /// Value of a column as a number; `None` when it is not one.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok()
    }

    /// Value of the first column, for results with a single column.
    #[must_use]
    pub fn first(&self) -> Option<&str> {
        self.0.first()?.1.as_deref()
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
        let mut opts = OptsBuilder::default()
            .user(store.user.as_deref())
            .db_name(schema)
            // A local socket would not be the monitored server.
            .prefer_socket(false)
            .tcp_nodelay(true)
            // Without these values the library would query both from the server.
            .max_allowed_packet(Some(MAX_ROW_BYTES))
            .wait_timeout(Some(60));
        if let Some(reference) = &store.password {
            opts = opts.pass(Some(step.secret(reference).await?.expose_secret()));
        }
        if store.is_encrypted {
            opts = opts.ssl_opts(trusting(step, store));
        }
        let opened = timeout(deadline, Self::open(step, store, opts, deadline)).await;
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
            let _ = timeout(self.deadline, connection.disconnect()).await;
        }
    }

    async fn ask(&mut self, step: &Step<'_>, statement: &str) -> Result<Vec<Row>, Refusal> {
        let Some(mut connection) = self.connection.take() else {
            return Err(failed(
                FailureKind::Connect,
                &self.store,
                "a connection to",
                "the connection was lost earlier",
            ));
        };
        let statement = statement.to_owned();
        let reading = apart(&self.store, async move {
            let rows = read(&mut connection, &statement).await;
            (connection, rows)
        });
        let Ok(read) = timeout(self.deadline, reading).await else {
            return Err(timeout_error(&self.store, "a result from", self.deadline));
        };
        let (connection, rows) = read?;
        if !rows.as_ref().is_err_and(Error::is_fatal) {
            self.connection = Some(connection);
        }
        rows.map_err(|error| refusal(step, &self.store, &error))
    }

    async fn open(step: &Step<'_>, store: &Store, opts: OptsBuilder, deadline: Duration) -> Result<Conn, Refusal> {
        let addresses = match step.run().client().addresses(&store.place, deadline).await {
            Ok(addresses) => addresses,
            Err(error) => return Err(probe_refusal(error)),
        };
        let mut failed = None;
        for address in addresses {
            let opts: Opts = opts.clone().ip_or_hostname(address.ip().to_string()).tcp_port(address.port()).into();
            match apart(store, Conn::new(opts)).await? {
                Ok(connection) => {
                    let limited = apart(store, limit_session(connection, deadline)).await?;
                    return limited.map_err(|error| refusal(step, store, &error));
                }
                Err(error) => failed = Some(refusal(step, store, &error)),
            }
            if !matches!(&failed, Some(Refusal::Failed(mismatch)) if mismatch.kind == FailureKind::Connect) {
                break;
            }
        }
        Err(failed.unwrap_or_else(|| timeout_error(store, "a connection to", deadline)))
    }
}

/// Limits the session: no writes, no more rows than are read, and no statement beyond the deadline. The variable for the
/// last limit has two names. Old servers have neither, so there only the client's deadline applies.
async fn limit_session(mut connection: Conn, deadline: Duration) -> Result<Conn, Error> {
    connection.query_drop("SET SESSION TRANSACTION READ ONLY").await?;
    connection.query_drop(format!("SET SESSION sql_select_limit = {}", MAX_ROWS + 1)).await?;
    let limit = deadline * TENTHS_AT_SERVER / 10;
    for statement in [
        format!("SET SESSION max_execution_time = {}", limit.as_millis()),
        format!("SET SESSION max_statement_time = {:.3}", limit.as_secs_f64()),
    ] {
        match connection.query_drop(statement).await {
            Err(Error::Server(error)) if is_unknown(&error) => {}
            result => return result.map(|()| connection),
        }
    }
    Ok(connection)
}

/// Runs the library in a separate task: it panics on a malformed key of the server, and a huge key keeps it busy without a
/// pause, so that no deadline would interrupt it.
async fn apart<T: Send + 'static>(store: &Store, work: impl Future<Output = T> + Send + 'static) -> Result<T, Refusal> {
    let mut task = JoinSet::new();
    task.spawn(work);
    match task.join_next().await {
        Some(Ok(done)) => Ok(done),
        _ => Err(failed(FailureKind::Protocol, store, "the MySQL protocol from", "a malformed packet")),
    }
}

/// TLS options with the same trusted authorities as for requests, and the host name from the settings.
fn trusting(step: &Step<'_>, store: &Store) -> SslOpts {
    let client = step.run().client();
    let ca_certificates = client.ca_certificates().iter().map(|authority| authority.to_vec().into()).collect();
    let name = match &store.place.host {
        probe::Host::Domain(name) => name.clone(),
        probe::Host::Ipv4(address) => address.to_string(),
        probe::Host::Ipv6(address) => address.to_string(),
    };
    SslOpts::default().with_root_certs(ca_certificates).with_danger_tls_hostname_override(Some(name))
}

async fn read(connection: &mut Conn, statement: &str) -> Result<Vec<Row>, Error> {
    let mut result = connection.query_iter(statement).await?;
    let names: Vec<String> = result.columns_ref().iter().map(|column| column.name_str().into_owned()).collect();
    let mut rows = Vec::new();
    let mut bytes = 0;
    while let Some(row) = result.next().await? {
        let values: Vec<Option<String>> = row.unwrap().into_iter().map(text).collect();
        bytes += values.iter().flatten().map(String::len).sum::<usize>();
        if rows.len() == MAX_ROWS || bytes > MAX_BYTES {
            // This error is fatal: the rest of the result is not read.
            return Err(Error::Driver(DriverError::PacketTooLarge));
        }
        rows.push(Row(names.iter().cloned().zip(values).collect()));
    }
    Ok(rows)
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    }
}

fn timeout_error(store: &Store, expected: &'static str, deadline: Duration) -> Refusal {
    let expected = phrase!("{} {} within {} ms", expected, ours(&store.place), deadline.as_millis());
    Refusal::Failed(Mismatch::new(FailureKind::Timeout, expected, "no reply yet"))
}

fn failed(kind: FailureKind, store: &Store, expected: impl Into<Phrase>, actual: impl Into<Phrase>) -> Refusal {
    let expected = phrase!("{} {}", expected.into(), ours(&store.place));
    Refusal::Failed(Mismatch::new(kind, expected, actual))
}

fn refusal(step: &Step<'_>, store: &Store, error: &Error) -> Refusal {
    let client = step.run().client();
    match error {
        Error::Server(error) => server_refusal(store, error),
        Error::Io(IoError::Io(error)) => probe_refusal(client.connect_error(&store.place, error)),
        Error::Io(IoError::Tls(TlsError::Tls(error))) => probe_refusal(client.tls_error(&store.place, error)),
        Error::Driver(error) => driver_refusal(store, error),
        other => Refusal::Internal(foreign(other.to_string()).into()),
    }
}

fn probe_refusal(error: probe::Error) -> Refusal {
    match error.into_mismatch() {
        Ok(mismatch) => Refusal::Failed(mismatch),
        Err(internal) => Refusal::Internal(internal),
    }
}

/// Classifies a server error by its code. MySQL and MariaDB share the codes up to 1880.
fn server_refusal(store: &Store, error: &ServerError) -> Refusal {
    let message = phrase!("{} ({})", foreign(&error.message), error.code);
    match error.code {
        // Identity, privileges, allowed hosts and rate limits of the user.
        1044 | 1045 | 1129 | 1130 | 1131 | 1142 | 1143 | 1226 | 1227 | 1251 | 1275 | 1370 | 1524 | 1698 | 1820
        | 1862 | 3118 | 3955 | 4151 => Refusal::Credentials(message),
        1040 | 1203 => {
            failed(FailureKind::Connect, store, "a connection to", phrase!("no free connections: {}", message))
        }
        1053 | 1077 | 1080 | 1152 | 1184 => failed(FailureKind::Connect, store, "a reply from", message),
        // Lock timeout, and statement timeout of MariaDB and of MySQL.
        1205 | 1969 | 3024 => failed(FailureKind::Timeout, store, "a reply in time from", message),
        _ if is_unknown(error) => {
            let expected = phrase!("{} to support the statement", ours(&store.place));
            Refusal::UnknownStatement(Mismatch::new(FailureKind::Assertion, expected, message))
        }
        _ => failed(FailureKind::Assertion, store, "a reply from", message),
    }
}

/// True when the server does not support a statement or a variable.
const fn is_unknown(error: &ServerError) -> bool {
    matches!(error.code, 1064 | 1193)
}

fn driver_refusal(store: &Store, error: &DriverError) -> Refusal {
    match error {
        DriverError::ConnectionClosed => {
            failed(FailureKind::Connect, store, "a reply from", "the connection was closed")
        }
        DriverError::NoClientSslFlagFromServer => {
            failed(FailureKind::Tls, store, "an encrypted connection to", "a server without TLS")
        }
        DriverError::PacketTooLarge => {
            let limit = phrase!("at most {} rows of {} MiB from", MAX_ROWS, MAX_ROW_BYTES >> 20);
            failed(FailureKind::Body, store, limit, "more")
        }
        DriverError::UnknownAuthPlugin { .. }
        | DriverError::MysqlOldPasswordDisabled
        | DriverError::CleartextPluginDisabled => Refusal::Credentials(foreign(error.to_string()).into()),
        // The text of some errors quotes the packet.
        DriverError::UnexpectedPacket { .. } => {
            failed(FailureKind::Protocol, store, "the MySQL protocol from", "an unexpected packet")
        }
        _ => failed(FailureKind::Protocol, store, "the MySQL protocol from", foreign(error.to_string())),
    }
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
            let error = ServerError { code, message: "message".to_owned(), state: "HY000".to_owned() };
            let actual = match server_refusal(&store(), &error) {
                Refusal::Failed(mismatch) => mismatch.kind.to_string(),
                Refusal::Credentials(_) => "credentials".to_owned(),
                Refusal::UnknownStatement(_) => "unknown-statement".to_owned(),
                Refusal::Internal(_) => "internal".to_owned(),
            };
            assert_eq!(actual, expected, "{code}");
        }
    }

    #[tokio::test]
    async fn panic_of_the_library_is_a_broken_protocol() {
        assert!(matches!(apart(&store(), async { 7 }).await, Ok(7)));
        let panicked = apart(&store(), async { panic!("valid PEM is mandatory here") }).await;
        assert!(matches!(panicked, Err::<(), _>(Refusal::Failed(mismatch)) if mismatch.kind == FailureKind::Protocol));
    }

    #[test]
    fn column_names_ignore_case() {
        let row = Row(vec![("Variable_name".to_owned(), Some("Uptime".to_owned())), ("Value".to_owned(), None)]);
        assert_eq!((row.text("variable_NAME"), row.text("value"), row.first()), (Some("Uptime"), None, Some("Uptime")));
        assert_eq!((row.number("variable_name"), row.number("none")), (None, None));
    }
}
