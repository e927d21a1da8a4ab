//! One connection to Redis, with classified failures.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use check::{Cause, FailureKind, Mismatch, Phrase, StepEnded, foreign, ours, phrase};
use probe::{Duplex, HostPort};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, ErrorKind, Pipeline, RedisConnectionInfo, RedisError, Value};
use runtime::Step;
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::Store;

/// Maximum number of bytes to read from one connection, since a queued job can have any size. **Units:** bytes.
const MAX_BYTES: usize = 4 << 20;
/// Maximum number of lines to read from one connection. Each small value has one line, and takes much more memory
/// than its bytes.
const MAX_LINES: usize = 100_000;
/// Number of initial bytes to keep, which may state why the server closed the connection. **Units:** bytes.
const KEPT_BYTES: usize = 200;

/// A connection, and the deadline of each exchange.
pub(crate) struct Connection {
    connection: MultiplexedConnection,
    driver: JoinHandle<()>,
    server: HostPort,
    deadline: Duration,
    received: Arc<Mutex<Received>>,
}

/// Reason for a missing reply.
pub(crate) enum Refusal {
    /// The store failed.
    Failed(Mismatch),
    /// The store rejected the user.
    Credentials(Phrase),
}

impl Connection {
    /// Connects, authenticates and selects the database, in one exchange.
    ///
    /// # Errors
    /// [`StepEnded`] when the step is inconclusive. The inner error is the reason for the missing connection.
    pub(crate) async fn open(
        step: &Step<'_>,
        store: &Store,
        server: &HostPort,
        database: u32,
        deadline: Duration,
    ) -> Result<Result<Self, Refusal>, StepEnded> {
        let mut info = RedisConnectionInfo::default().set_db(i64::from(database)).set_skip_set_lib_name();
        if let Some(user) = &store.user {
            info = info.set_username(user);
        }
        if let Some(reference) = &store.password {
            info = info.set_password(step.password(reference).await?.expose_secret());
        }
        let stream = match step.run().client().dial(server, store.is_encrypted, deadline).await {
            Ok(stream) => stream,
            Err(error) => {
                return match error.into_mismatch() {
                    Ok(mismatch) => Ok(Err(Refusal::Failed(mismatch))),
                    Err(internal) => Err(step.inconclusive(Cause::Internal, internal)),
                };
            }
        };
        let received: Arc<Mutex<Received>> = Arc::default();
        let stream = Bounded { stream, remaining: MAX_BYTES, lines: MAX_LINES, received: Arc::clone(&received) };
        // This crate enforces the deadlines.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let opening = MultiplexedConnection::new_with_config(&info, stream, config);
        Ok(match timeout(deadline, opening).await {
            Ok(Ok((connection, driver))) => {
                Ok(Self { connection, driver: tokio::spawn(driver), server: server.clone(), deadline, received })
            }
            Ok(Err(error)) => Err(refusal(server, &error, &lock(&received))),
            Err(_) => Err(timeout_error(server, deadline)),
        })
    }

    /// Sends a pipeline and reads all replies.
    pub(crate) async fn exchange(&mut self, pipeline: &Pipeline) -> Result<Vec<Value>, Refusal> {
        let count = pipeline.len();
        match timeout(self.deadline, self.connection.req_packed_commands(pipeline, 0, count)).await {
            Ok(Ok(replies)) => Ok(replies),
            Ok(Err(error)) => Err(self.refusal(&error)),
            Err(_) => Err(timeout_error(&self.server, self.deadline)),
        }
    }

    /// Classifies an error.
    pub(crate) fn refusal(&self, error: &RedisError) -> Refusal {
        refusal(&self.server, error, &lock(&self.received))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Bytes received over a connection. The client library reports a broken connection without a reason.
#[derive(Default)]
struct Received {
    first: Vec<u8>,
    is_oversized: bool,
}

/// Locks the received bytes. They are consistent even after a panic.
fn lock(received: &Mutex<Received>) -> MutexGuard<'_, Received> {
    received.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stream that fails after a maximum number of bytes or lines.
struct Bounded {
    stream: Box<dyn Duplex>,
    /// Bytes that may still be read.
    remaining: usize,
    /// Lines that may still be read.
    lines: usize,
    received: Arc<Mutex<Received>>,
}

impl AsyncRead for Bounded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.remaining == 0 || self.lines == 0 {
            lock(&self.received).is_oversized = true;
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::InvalidData)));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let new_bytes = &buf.filled()[before..];
        self.remaining = self.remaining.saturating_sub(new_bytes.len());
        self.lines = self.lines.saturating_sub(new_bytes.iter().filter(|byte| **byte == b'\n').count());
        let mut received = lock(&self.received);
        let room = KEPT_BYTES - received.first.len();
        received.first.extend(new_bytes.iter().take(room));
        drop(received);
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

fn timeout_error(server: &HostPort, deadline: Duration) -> Refusal {
    let expected = phrase!("a reply from {} within {} ms", ours(server), deadline.as_millis());
    Refusal::Failed(Mismatch::new(FailureKind::Timeout, expected, "no reply yet"))
}

fn refusal(server: &HostPort, error: &RedisError, received: &Received) -> Refusal {
    let code = error.code().unwrap_or_default();
    let message = error.to_string();
    let is_refused = matches!(code, "WRONGPASS" | "NOAUTH" | "NOPERM")
        || error.kind() == ErrorKind::AuthenticationFailed
        || message.contains("invalid password")
        || message.contains("without any password configured");
    let failed = |kind, expected: Phrase, actual: Phrase| {
        Refusal::Failed(Mismatch::new(kind, phrase!("{} {}", expected, ours(server)), actual))
    };
    // A server at its client limit sends an error unasked and closes the connection.
    let first = String::from_utf8_lossy(&received.first);
    if message.contains("max number of clients") || first.starts_with("-ERR max number of clients") {
        return failed(FailureKind::Connect, "a connection to".into(), "the server is at its client limit".into());
    }
    if received.is_oversized {
        let actual = "more, and the rest was not read: the next job of a queue is very large".into();
        return failed(FailureKind::Protocol, phrase!("at most {} MiB from", MAX_BYTES >> 20), actual);
    }
    if is_refused {
        return Refusal::Credentials(foreign(message).into());
    }
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => {
            failed(FailureKind::Assertion, "replies from".into(), foreign(message).into())
        }
        ErrorKind::Parse => failed(FailureKind::Protocol, "valid Redis replies from".into(), foreign(message).into()),
        _ => failed(
            FailureKind::Connect,
            "a reply from".into(),
            phrase!("the connection was closed: {}", foreign(message)),
        ),
    }
}

impl Refusal {
    /// Records the reason in the step, and returns its end. Rejected credentials are inconclusive.
    pub(crate) fn record(self, step: &Step<'_>, store: &Store, assertion: &str) -> StepEnded {
        match self {
            Self::Failed(mismatch) => step.fail(assertion, mismatch),
            Self::Credentials(message) => {
                let user = store.user.as_deref().unwrap_or("the default user");
                let password = store.password.as_ref().map_or_else(
                    || Phrase::from("add a password to the settings"),
                    |at| phrase!("put a valid one at {}", ours(at)),
                );
                let place = ours(&store.place);
                let detail =
                    phrase!("{} rejects {}: {}\n{}, and allow the user to read", place, ours(user), message, password);
                step.inconclusive(Cause::Credentials, detail)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    /// Bytes that can be read of a stream that repeats a text, and whether the bound is noted.
    async fn read(text: &'static str) -> (usize, bool) {
        let received: Arc<Mutex<Received>> = Arc::default();
        let stream = Box::new(tokio::io::join(io::Cursor::new(text.repeat(MAX_BYTES)), tokio::io::sink()));
        let mut bounded = Bounded { stream, remaining: MAX_BYTES, lines: MAX_LINES, received: Arc::clone(&received) };
        let mut bytes = Vec::new();
        let ended = bounded.read_to_end(&mut bytes).await;
        (bytes.len(), ended.is_err() && lock(&received).is_oversized)
    }

    #[tokio::test]
    async fn bytes_and_lines_of_a_connection_are_bounded() {
        for (text, most) in [("x", MAX_BYTES), (":1\r\n", 4 * MAX_LINES), ("_\n", 2 * MAX_LINES)] {
            let (read, is_bounded) = read(text).await;
            // The last chunk may exceed the bound.
            assert!((most..most + (1 << 20)).contains(&read) && is_bounded, "{text:?}: {read}");
        }
    }
}
