//! MySQL, and MariaDB, which speaks the same.

use std::time::Duration;

use check::{Cause, FailureKind, Mismatch, StepEnded};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error, IoError, Opts, OptsBuilder, ServerError, SslOpts, TlsError, Value};
use runtime::Step;
use secrecy::ExposeSecret;
use tokio::time::timeout;

use crate::Store;

/// The most bytes that one answer may have. **Units:** bytes.
const MOST_BYTES: usize = 8 << 20;
/// The most bytes of one packet, and so of one row. **Units:** bytes.
const MOST_BYTES_OF_ROW: usize = 1 << 20;
/// The most rows of one answer.
const MOST_ROWS: usize = 1_000;
/// What of the deadline a statement may take at the server, in parts of ten: the rest is for its word that it was too long.
const TENTHS_AT_SERVER: u32 = 9;

/// A connection that only reads, and how long each statement on it may take.
pub struct Database {
    /// `None`: it was lost, or answers what was asked before.
    connection: Option<Conn>,
    store: Store,
    deadline: Duration,
}

/// One row of an answer: its columns in order, all as texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(Vec<(String, Option<String>)>);

impl Row {
    /// The column of this name, in any case. `None`: there is none, or it is `NULL`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(column, _)| column.eq_ignore_ascii_case(name))?.1.as_deref()
    }

    /// A column as a number. `None`: it is none.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok()
    }

    /// The first column, of an answer that has one.
    #[must_use]
    pub fn first(&self) -> Option<&str> {
        self.0.first()?.1.as_deref()
    }
}

/// Why there is no answer.
#[derive(Debug)]
enum Refusal {
    /// It is the database's failure.
    Failed(Mismatch),
    /// Our user is refused.
    Credentials(String),
    /// The server has no such statement.
    Unknown(Mismatch),
    /// It is ours.
    Ours(String),
}

impl Database {
    /// Connects, says who we are, and makes sure that nothing is written and no statement takes longer than it may.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded. A password that is refused is no failure of the database: it could not be judged.
    pub async fn connect(
        step: &Step<'_>,
        store: &Store,
        schema: Option<&str>,
        deadline: Duration,
    ) -> Result<Self, StepEnded> {
        let mut opts = OptsBuilder::default()
            .user(store.user.as_deref())
            .db_name(schema)
            // A socket of this machine is not what is monitored.
            .prefer_socket(false)
            .tcp_nodelay(true)
            // Both would be asked for otherwise.
            .max_allowed_packet(Some(MOST_BYTES_OF_ROW))
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
            Err(_) => late(store, "a connection to", deadline),
        };
        Err(refusal.recorded(step, store, "connected"))
    }

    /// The answer to one statement.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded.
    pub async fn rows(&mut self, step: &Step<'_>, statement: &str) -> Result<Vec<Row>, StepEnded> {
        match self.ask(step, statement).await {
            Ok(rows) => step.check("answered", Ok(())).map(|()| rows),
            Err(refusal) => Err(refusal.recorded(step, &self.store, "answered")),
        }
    }

    /// The answer to the first of these statements that the server knows: servers call some things by different names.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded.
    pub async fn rows_of_known(&mut self, step: &Step<'_>, statements: &[&str]) -> Result<Vec<Row>, StepEnded> {
        let mut unknown = None;
        for statement in statements {
            match self.ask(step, statement).await {
                Ok(rows) => return step.check("answered", Ok(())).map(|()| rows),
                Err(refusal @ Refusal::Unknown(_)) => unknown = Some(refusal),
                Err(refusal) => return Err(refusal.recorded(step, &self.store, "answered")),
            }
        }
        let refusal = unknown.unwrap_or_else(|| Refusal::Ours("no statement was given".to_owned()));
        Err(refusal.recorded(step, &self.store, "answered"))
    }

    /// Whether it can be asked more.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    /// Says goodbye: a server counts and logs those who leave without.
    pub async fn close(self) {
        if let Some(connection) = self.connection {
            // It is over either way.
            let _ = timeout(self.deadline, connection.disconnect()).await;
        }
    }

    async fn ask(&mut self, step: &Step<'_>, statement: &str) -> Result<Vec<Row>, Refusal> {
        let Some(connection) = &mut self.connection else {
            return Err(failed(FailureKind::Connect, &self.store, "a connection to", "it was lost before"));
        };
        match timeout(self.deadline, read(connection, statement)).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => {
                if error.is_fatal() {
                    self.connection = None;
                }
                Err(refusal(step, &self.store, &error))
            }
            Err(_) => {
                self.connection = None;
                Err(late(&self.store, "an answer of", self.deadline))
            }
        }
    }

    async fn open(step: &Step<'_>, store: &Store, opts: OptsBuilder, deadline: Duration) -> Result<Conn, Refusal> {
        let addresses = match step.run().client().addresses(&store.place, deadline).await {
            Ok(addresses) => addresses,
            Err(error) => return Err(probe_refusal(error)),
        };
        let mut failed = None;
        for address in addresses {
            let opts: Opts = opts.clone().ip_or_hostname(address.ip().to_string()).tcp_port(address.port()).into();
            match Conn::new(opts).await {
                Ok(mut connection) => {
                    return match bound(&mut connection, deadline).await {
                        Ok(()) => Ok(connection),
                        Err(error) => Err(refusal(step, store, &error)),
                    };
                }
                Err(error) => failed = Some(refusal(step, store, &error)),
            }
            if !matches!(&failed, Some(Refusal::Failed(mismatch)) if mismatch.kind == FailureKind::Connect) {
                break;
            }
        }
        Err(failed.unwrap_or_else(|| late(store, "a connection to", deadline)))
    }
}

/// Nothing is written by what is asked on this connection, no answer has more rows than we read, and no statement takes
/// longer than we wait. The last goes by two names, and old servers have neither: then our deadline is all there is.
async fn bound(connection: &mut Conn, deadline: Duration) -> Result<(), Error> {
    connection.query_drop("SET SESSION TRANSACTION READ ONLY").await?;
    connection.query_drop(format!("SET SESSION sql_select_limit = {}", MOST_ROWS + 1)).await?;
    let most = deadline * TENTHS_AT_SERVER / 10;
    for bound in [
        format!("SET SESSION max_execution_time = {}", most.as_millis()),
        format!("SET SESSION max_statement_time = {:.3}", most.as_secs_f64()),
    ] {
        match connection.query_drop(bound).await {
            Err(Error::Server(error)) if is_unknown(&error) => {}
            ended => return ended,
        }
    }
    Ok(())
}

/// Trusts whom requests trust, for the name that the settings have.
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
    let mut answer = connection.query_iter(statement).await?;
    let names: Vec<String> = answer.columns_ref().iter().map(|column| column.name_str().into_owned()).collect();
    let mut rows = Vec::new();
    let mut bytes = 0;
    while let Some(row) = answer.next().await? {
        let values: Vec<Option<String>> = row.unwrap().into_iter().map(text).collect();
        bytes += values.iter().flatten().map(String::len).sum::<usize>();
        if rows.len() == MOST_ROWS || bytes > MOST_BYTES {
            // A fatal error: what else comes is read by nobody.
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

fn late(store: &Store, expected: &str, deadline: Duration) -> Refusal {
    Refusal::Failed(Mismatch {
        kind: FailureKind::Timeout,
        expected: format!("{expected} {} within {} ms", store.place, deadline.as_millis()),
        actual: "none yet".to_owned(),
        evidence: None,
    })
}

fn failed(kind: FailureKind, store: &Store, expected: &str, actual: &str) -> Refusal {
    let expected = format!("{expected} {}", store.place);
    Refusal::Failed(Mismatch { kind, expected, actual: actual.to_owned(), evidence: None })
}

fn refusal(step: &Step<'_>, store: &Store, error: &Error) -> Refusal {
    let client = step.run().client();
    match error {
        Error::Server(error) => server_refusal(store, error),
        Error::Io(IoError::Io(error)) => probe_refusal(client.unconnected(&store.place, error)),
        Error::Io(IoError::Tls(TlsError::Tls(error))) => probe_refusal(client.untrusted(&store.place, error)),
        Error::Driver(error) => driver_refusal(store, error),
        other => Refusal::Ours(other.to_string()),
    }
}

fn probe_refusal(error: probe::Error) -> Refusal {
    match error.into_mismatch() {
        Ok(mismatch) => Refusal::Failed(mismatch),
        Err(own) => Refusal::Ours(own.to_string()),
    }
}

/// What the server says by its numbers, which MySQL and MariaDB share up to 1880.
fn server_refusal(store: &Store, error: &ServerError) -> Refusal {
    let said = format!("{} ({})", error.message, error.code);
    match error.code {
        // Who we are, what we may do, from where, and as often as we do.
        1044 | 1045 | 1129 | 1130 | 1131 | 1142 | 1143 | 1226 | 1227 | 1251 | 1275 | 1370 | 1524 | 1698 | 1820
        | 1862 | 3118 | 3955 | 4151 => Refusal::Credentials(said),
        1040 | 1203 => failed(FailureKind::Connect, store, "a connection to", &format!("it takes no more: {said}")),
        1053 | 1077 | 1080 | 1152 | 1184 => failed(FailureKind::Connect, store, "an answer of", &said),
        // A lock that was not had, and a statement that was cut: MariaDB's, then MySQL's.
        1205 | 1969 | 3024 => failed(FailureKind::Timeout, store, "an answer in time of", &said),
        _ if is_unknown(error) => {
            let expected = format!("{} to know the statement", store.place);
            Refusal::Unknown(Mismatch { kind: FailureKind::Assertion, expected, actual: said, evidence: None })
        }
        _ => failed(FailureKind::Assertion, store, "an answer of", &said),
    }
}

/// A statement, or a variable, that this server does not have.
const fn is_unknown(error: &ServerError) -> bool {
    matches!(error.code, 1064 | 1193)
}

fn driver_refusal(store: &Store, error: &DriverError) -> Refusal {
    match error {
        DriverError::ConnectionClosed => {
            failed(FailureKind::Connect, store, "an answer of", "the connection was closed")
        }
        DriverError::NoClientSslFlagFromServer => {
            failed(FailureKind::Tls, store, "an encrypted connection to", "a server without TLS")
        }
        DriverError::PacketTooLarge => {
            let most = format!("at most {MOST_ROWS} rows of {} MiB of", MOST_BYTES_OF_ROW >> 20);
            failed(FailureKind::Body, store, &most, "more")
        }
        DriverError::UnknownAuthPlugin { .. }
        | DriverError::MysqlOldPasswordDisabled
        | DriverError::CleartextPluginDisabled => Refusal::Credentials(error.to_string()),
        // The text of some holds what came.
        DriverError::UnexpectedPacket { .. } => {
            failed(FailureKind::Protocol, store, "the protocol of MySQL by", "a packet that it does not have here")
        }
        _ => failed(FailureKind::Protocol, store, "the protocol of MySQL by", &error.to_string()),
    }
}

impl Refusal {
    /// Records it; to be returned.
    fn recorded(self, step: &Step<'_>, store: &Store, assertion: &str) -> StepEnded {
        match self {
            Self::Failed(mismatch) | Self::Unknown(mismatch) => {
                // Only a recorder that is blind to it goes on from here, and there is nothing to go on with.
                let _ = step.check(assertion, Err(mismatch));
                StepEnded
            }
            Self::Credentials(said) => {
                let user = store.user.as_deref().unwrap_or("a user without a name");
                let password = store.password.as_ref().map_or_else(
                    || "give the settings a password".to_owned(),
                    |at| format!("put a valid password at {at}"),
                );
                let detail = format!(
                    "{} refuses our user {user}: {said}\n{password}, and grant the user what docs/operations.md lists",
                    store.place
                );
                step.inconclusive(Cause::Credentials, &detail)
            }
            Self::Ours(said) => step.inconclusive(Cause::Internal, &said),
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
    fn what_a_server_says_is_classified_by_its_number() {
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
            (1064, "unknown"),
            (1193, "unknown"),
            (1146, "assertion"),
            (1049, "assertion"),
        ];
        for (code, expected) in cases {
            let error = ServerError { code, message: "said".to_owned(), state: "HY000".to_owned() };
            let actual = match server_refusal(&store(), &error) {
                Refusal::Failed(mismatch) => mismatch.kind.to_string(),
                Refusal::Credentials(_) => "credentials".to_owned(),
                Refusal::Unknown(_) => "unknown".to_owned(),
                Refusal::Ours(_) => "ours".to_owned(),
            };
            assert_eq!(actual, expected, "{code}");
        }
    }

    #[test]
    fn columns_are_found_in_any_case() {
        let row = Row(vec![("Variable_name".to_owned(), Some("Uptime".to_owned())), ("Value".to_owned(), None)]);
        assert_eq!((row.text("variable_NAME"), row.text("value"), row.first()), (Some("Uptime"), None, Some("Uptime")));
        assert_eq!((row.number("variable_name"), row.number("none")), (None, None));
    }
}
