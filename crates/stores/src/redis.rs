//! Redis, and Valkey, which speaks the same.

use std::collections::BTreeMap;
use std::time::Duration;

use check::{Cause, FailureKind, Mismatch, Stop};
use probe::{Duplex, Host, Place};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, ErrorKind, Pipeline, RedisConnectionInfo, RedisError, Value};
use runtime::Step;
use secrecy::ExposeSecret;
use tokio::io::AsyncReadExt;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::Store;

/// The most bytes that one connection may bring: a job of a queue can be of any size. **Units:** bytes.
const MOST_BYTES: u64 = 8 << 20;
/// How many nodes of a cluster are asked at most, the first one included.
const MOST_NODES: usize = 4;

/// A connection, and how long each exchange with it may take.
pub struct Redis {
    connection: MultiplexedConnection,
    driver: JoinHandle<()>,
    store: Store,
    database: u32,
    deadline: Duration,
}

/// One answer of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply(pub Value);

impl Reply {
    /// A whole number: as such, or as a text. `None`: it is none.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        match &self.0 {
            Value::Int(number) => Some(*number),
            Value::BulkString(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
            Value::SimpleString(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Bytes, such as the payload of a job. `None`: there is nothing.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Value::BulkString(bytes) => Some(bytes),
            Value::SimpleString(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    /// The items of a list; none of anything else.
    #[must_use]
    pub fn items(&self) -> Vec<Self> {
        match &self.0 {
            Value::Array(items) => items.iter().cloned().map(Self).collect(),
            _ => Vec::new(),
        }
    }
}

/// What `INFO` tells, by its names.
#[must_use]
pub fn info(reply: &Reply) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(reply.bytes().unwrap_or_default()).into_owned();
    let pair = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_owned(), value.trim().to_owned()))
    };
    text.lines().filter_map(pair).collect()
}

/// Why there is no answer.
enum Refusal {
    /// It is the store's failure.
    Failed(Mismatch),
    /// Our user is refused.
    Credentials(String),
}

impl Redis {
    /// Connects, says who we are and chooses the database: one exchange.
    ///
    /// # Errors
    /// [`Stop`]: recorded. A password that is refused is no failure of the store: it could not be judged.
    pub async fn connect(step: &Step<'_>, store: &Store, database: u32, deadline: Duration) -> Result<Self, Stop> {
        let connected = Self::open(step, store, &store.place, database, deadline).await?;
        let failed = connected.as_ref().err().map(|refusal| refusal.mismatch(step, store));
        match failed {
            None => step.check("connected", Ok(()))?,
            Some(Ok(mismatch)) => step.check("connected", Err(mismatch))?,
            Some(Err(stop)) => return Err(stop),
        }
        let (connection, driver) = connected.map_err(|_| Stop)?;
        Ok(Self { connection, driver, store: store.clone(), database, deadline })
    }

    /// Asks all at once: one exchange. In a cluster each command must be about one key; those whose keys another node has
    /// are asked there, one exchange for each such node.
    ///
    /// # Errors
    /// [`Stop`]: recorded, when there is no answer or one of the commands is refused.
    pub async fn ask(&mut self, step: &Step<'_>, pipeline: &Pipeline) -> Result<Vec<Reply>, Stop> {
        match self.answers(step, pipeline).await? {
            Ok(replies) => {
                step.check("answered", Ok(()))?;
                Ok(replies)
            }
            Err(refusal) => {
                let mismatch = refusal.mismatch(step, &self.store)?;
                step.check("answered", Err(mismatch))?;
                Err(Stop)
            }
        }
    }

    async fn answers(&mut self, step: &Step<'_>, pipeline: &Pipeline) -> Result<Result<Vec<Reply>, Refusal>, Stop> {
        let mut answers = match self.exchange(pipeline).await {
            Ok(answers) => answers,
            Err(refusal) => return Ok(Err(refusal)),
        };
        for _ in 1..MOST_NODES {
            let Some(node) = answers.iter().find_map(moved) else { break };
            let places: Vec<usize> =
                (0..answers.len()).filter(|place| moved(&answers[*place]).as_ref() == Some(&node)).collect();
            let mut there = redis::pipe();
            for place in &places {
                if let Some(command) = pipeline.cmd_iter().nth(*place) {
                    there.add_command(command.clone());
                }
            }
            let opened = Self::open(step, &self.store, &node, self.database, self.deadline).await?;
            let (connection, driver) = match opened {
                Ok(opened) => opened,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let mut other =
                Self { connection, driver, store: self.store.clone(), database: 0, deadline: self.deadline };
            match other.exchange(&there).await {
                Ok(found) => {
                    for (place, answer) in places.into_iter().zip(found) {
                        answers[place] = answer;
                    }
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        let refused = answers.iter().find_map(|answer| match answer {
            Value::ServerError(error) => Some(RedisError::from(error.clone())),
            _ => None,
        });
        Ok(match refused {
            Some(error) => Err(self.refusal(&error)),
            None => Ok(answers.into_iter().map(Reply).collect()),
        })
    }

    async fn exchange(&mut self, pipeline: &Pipeline) -> Result<Vec<Value>, Refusal> {
        let count = pipeline.len();
        match timeout(self.deadline, self.connection.req_packed_commands(pipeline, 0, count)).await {
            Ok(Ok(answers)) => Ok(answers),
            Ok(Err(error)) => Err(self.refusal(&error)),
            Err(_) => Err(late(&self.store.place, self.deadline)),
        }
    }

    fn refusal(&self, error: &RedisError) -> Refusal {
        refusal(&self.store.place, error)
    }

    async fn open(
        step: &Step<'_>,
        store: &Store,
        place: &Place,
        database: u32,
        deadline: Duration,
    ) -> Result<Result<(MultiplexedConnection, JoinHandle<()>), Refusal>, Stop> {
        let mut who = RedisConnectionInfo::default().set_db(i64::from(database)).set_skip_set_lib_name();
        if let Some(user) = &store.user {
            who = who.set_username(user);
        }
        if let Some(reference) = &store.password {
            who = who.set_password(step.secret(reference).await?.expose_secret());
        }
        let stream = match step.run().client().dial(place, store.is_encrypted, deadline).await {
            Ok(stream) => stream,
            Err(error) => {
                return match error.into_mismatch() {
                    Ok(mismatch) => Ok(Err(Refusal::Failed(mismatch))),
                    Err(own) => Err(step.cannot_judge(Cause::Internal, &own.to_string())),
                };
            }
        };
        // Deadlines are ours.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let opening = MultiplexedConnection::new_with_config(&who, bounded(stream), config);
        Ok(match timeout(deadline, opened(opening)).await {
            Ok(Ok(opened)) => Ok(opened),
            Ok(Err(error)) => Err(refusal(place, &error)),
            Err(_) => Err(late(place, deadline)),
        })
    }
}

/// The driver must run while the connection says who we are.
async fn opened<D>(
    opening: impl Future<Output = Result<(MultiplexedConnection, D), RedisError>>,
) -> Result<(MultiplexedConnection, JoinHandle<()>), RedisError>
where
    D: Future<Output = ()> + Send + 'static,
{
    let (connection, driver) = opening.await?;
    Ok((connection, tokio::spawn(driver)))
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A stream that ends when it has brought too much.
fn bounded(
    stream: Box<dyn Duplex>,
) -> tokio::io::Join<impl tokio::io::AsyncRead + Unpin + Send, impl tokio::io::AsyncWrite + Unpin + Send> {
    let (reader, writer) = tokio::io::split(stream);
    tokio::io::join(reader.take(MOST_BYTES), writer)
}

/// The node of the cluster that has the key.
fn moved(answer: &Value) -> Option<Place> {
    let Value::ServerError(error) = answer else { return None };
    if error.code() != "MOVED" {
        return None;
    }
    let (_, node) = error.details()?.split_once(' ')?;
    let (host, port) = node.rsplit_once(':')?;
    Some(Place { host: Host::parse(host).ok()?, port: port.parse().ok()? })
}

fn late(place: &Place, deadline: Duration) -> Refusal {
    Refusal::Failed(Mismatch {
        kind: FailureKind::Timeout,
        expected: format!("an answer of {place} within {} ms", deadline.as_millis()),
        seen: "none yet".to_owned(),
        evidence: None,
    })
}

fn refusal(place: &Place, error: &RedisError) -> Refusal {
    let code = error.code().unwrap_or_default();
    let said = error.to_string();
    let is_refused = matches!(code, "WRONGPASS" | "NOAUTH" | "NOPERM")
        || error.kind() == ErrorKind::AuthenticationFailed
        || said.contains("invalid password")
        || said.contains("without any password configured");
    if is_refused {
        return Refusal::Credentials(said);
    }
    let failed = |kind, expected: &str, seen: String| {
        Refusal::Failed(Mismatch { kind, expected: format!("{expected} {place}"), seen, evidence: None })
    };
    if said.contains("max number of clients") {
        return failed(FailureKind::Connect, "a connection to", "it has as many clients as it takes".to_owned());
    }
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => failed(FailureKind::Assertion, "answers of", said),
        ErrorKind::Parse => failed(FailureKind::Protocol, "answers as Redis has them of", said),
        _ => {
            let seen = format!("the connection was closed, or brought more than {} MiB: {said}", MOST_BYTES >> 20);
            failed(FailureKind::Connect, "an answer of", seen)
        }
    }
}

impl Refusal {
    /// The failure; what is none ends the step.
    fn mismatch(&self, step: &Step<'_>, store: &Store) -> Result<Mismatch, Stop> {
        match self {
            Self::Failed(mismatch) => Ok(mismatch.clone()),
            Self::Credentials(said) => {
                let user = store.user.as_deref().unwrap_or("the default user");
                let password = store
                    .password
                    .as_ref()
                    .map_or_else(|| "give the settings a password".to_owned(), |at| format!("put a valid one at {at}"));
                let detail =
                    format!("{} does not let {user} in: {said}\n{password}, and let the user read", store.place);
                Err(step.cannot_judge(Cause::Credentials, &detail))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_as_such_or_as_texts() {
        let text = |text: &str| Reply(Value::BulkString(text.as_bytes().to_vec()));
        assert_eq!(Reply(Value::Int(7)).number(), Some(7));
        assert_eq!((text("1789").number(), text("x").number(), Reply(Value::Nil).number()), (Some(1789), None, None));
        assert_eq!(Reply(Value::Array(vec![Value::Int(1)])).items(), [Reply(Value::Int(1))]);
    }

    #[test]
    fn info_is_read_by_its_names() {
        let reply = Reply(Value::BulkString(b"# Memory\r\nused_memory:1024\r\nmaxmemory:0\r\n\r\n".to_vec()));
        let read = info(&reply);
        assert_eq!((read["used_memory"].as_str(), read["maxmemory"].as_str(), read.len()), ("1024", "0", 2));
    }
}
