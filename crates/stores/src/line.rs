//! One connection to Redis: opened, asked, and understood when it breaks.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use check::{Cause, FailureKind, Mismatch, StepEnded};
use probe::{Duplex, HostPort};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, ErrorKind, Pipeline, RedisConnectionInfo, RedisError, Value};
use runtime::Step;
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::Store;

/// The most bytes that one connection may bring: a job of a queue can be of any size. **Units:** bytes.
const MOST_BYTES: usize = 4 << 20;
/// So much of what a server said first is kept, to know why it closed the connection. **Units:** bytes.
const KEPT: usize = 200;

/// A connection, and how long each exchange with it may take.
pub(crate) struct Line {
    connection: MultiplexedConnection,
    driver: JoinHandle<()>,
    place: HostPort,
    deadline: Duration,
    heard: Arc<Mutex<Heard>>,
}

/// Why there is no answer.
pub(crate) enum Refusal {
    /// It is the store's failure.
    Failed(Mismatch),
    /// Our user is refused.
    Credentials(String),
}

impl Line {
    /// Connects, says who we are and chooses the database: one exchange.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded. Within: why there is no connection.
    pub(crate) async fn open(
        step: &Step<'_>,
        store: &Store,
        place: &HostPort,
        database: u32,
        deadline: Duration,
    ) -> Result<Result<Self, Refusal>, StepEnded> {
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
                    Err(own) => Err(step.inconclusive(Cause::Internal, &own.to_string())),
                };
            }
        };
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let stream = Bounded { stream, left: MOST_BYTES, heard: Arc::clone(&heard) };
        // Deadlines are ours.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let opening = MultiplexedConnection::new_with_config(&who, stream, config);
        Ok(match timeout(deadline, opening).await {
            Ok(Ok((connection, driver))) => {
                Ok(Self { connection, driver: tokio::spawn(driver), place: place.clone(), deadline, heard })
            }
            Ok(Err(error)) => Err(refusal(place, &error, &lock(&heard))),
            Err(_) => Err(late(place, deadline)),
        })
    }

    /// Asks all at once.
    pub(crate) async fn exchange(&mut self, pipeline: &Pipeline) -> Result<Vec<Value>, Refusal> {
        let count = pipeline.len();
        match timeout(self.deadline, self.connection.req_packed_commands(pipeline, 0, count)).await {
            Ok(Ok(answers)) => Ok(answers),
            Ok(Err(error)) => Err(self.refusal(&error)),
            Err(_) => Err(late(&self.place, self.deadline)),
        }
    }

    /// What an error says.
    pub(crate) fn refusal(&self, error: &RedisError) -> Refusal {
        refusal(&self.place, error, &lock(&self.heard))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// What came over a connection: the client tells that it broke, and not why.
#[derive(Default)]
struct Heard {
    first: Vec<u8>,
    is_too_much: bool,
}

/// Every change is whole, so what a panicking thread left is, too.
fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A stream that breaks when it has brought too much.
struct Bounded {
    stream: Box<dyn Duplex>,
    left: usize,
    heard: Arc<Mutex<Heard>>,
}

impl AsyncRead for Bounded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left == 0 {
            lock(&self.heard).is_too_much = true;
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::InvalidData)));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let brought = &buf.filled()[before..];
        self.left = self.left.saturating_sub(brought.len());
        let mut heard = lock(&self.heard);
        let room = KEPT - heard.first.len();
        heard.first.extend(brought.iter().take(room));
        drop(heard);
        read
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

fn late(place: &HostPort, deadline: Duration) -> Refusal {
    Refusal::Failed(Mismatch {
        kind: FailureKind::Timeout,
        expected: format!("an answer of {place} within {} ms", deadline.as_millis()),
        actual: "none yet".to_owned(),
        evidence: None,
    })
}

fn refusal(place: &HostPort, error: &RedisError, heard: &Heard) -> Refusal {
    let code = error.code().unwrap_or_default();
    let said = error.to_string();
    let is_refused = matches!(code, "WRONGPASS" | "NOAUTH" | "NOPERM")
        || error.kind() == ErrorKind::AuthenticationFailed
        || said.contains("invalid password")
        || said.contains("without any password configured");
    let failed = |kind, expected: &str, actual: String| {
        Refusal::Failed(Mismatch { kind, expected: format!("{expected} {place}"), actual, evidence: None })
    };
    // A server that is full says so unasked, and closes.
    let first = String::from_utf8_lossy(&heard.first);
    if said.contains("max number of clients") || first.starts_with("-ERR max number of clients") {
        return failed(FailureKind::Connect, "a connection to", "it has as many clients as it takes".to_owned());
    }
    if heard.is_too_much {
        let actual = "more, and no more was read: the next job of a queue is very large".to_owned();
        return failed(FailureKind::Protocol, &format!("at most {} MiB of", MOST_BYTES >> 20), actual);
    }
    if is_refused {
        return Refusal::Credentials(said);
    }
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => failed(FailureKind::Assertion, "answers of", said),
        ErrorKind::Parse => failed(FailureKind::Protocol, "answers as Redis has them of", said),
        _ => failed(FailureKind::Connect, "an answer of", format!("the connection was closed: {said}")),
    }
}

impl Refusal {
    /// The failure; what is none ends the step.
    pub(crate) fn mismatch(&self, step: &Step<'_>, store: &Store) -> Result<Mismatch, StepEnded> {
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
                Err(step.inconclusive(Cause::Credentials, &detail))
            }
        }
    }
}
