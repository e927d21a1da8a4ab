//! A proxy between the check and a server: counts round trips, and delays answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A proxy that listens as long as the test runs.
pub struct Proxy {
    /// Port on which it listens.
    pub port: u16,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    /// Number of times that the client spoke after the server.
    turns: AtomicUsize,
    is_answered: AtomicBool,
    bytes: AtomicUsize,
}

impl Proxy {
    /// Starts a proxy to a port of this machine; answers are forwarded after the delay.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn start(to: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared: Arc<Counts> = Arc::default();
        let counts = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counts.connections.fetch_add(1, Ordering::Relaxed);
                counts.is_answered.store(true, Ordering::Relaxed);
                let server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                let (asked, answered) = (Arc::clone(&counts), Arc::clone(&counts));
                tokio::spawn(async move {
                    let mut buffer = vec![0; 1 << 16];
                    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
                        if asked.is_answered.swap(false, Ordering::Relaxed) {
                            asked.turns.fetch_add(1, Ordering::Relaxed);
                        }
                        if to_server.write_all(&buffer[..read]).await.is_err() {
                            break;
                        }
                    }
                });
                tokio::spawn(async move {
                    let mut buffer = vec![0; 1 << 16];
                    while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
                        tokio::time::sleep(delay).await;
                        answered.is_answered.store(true, Ordering::Relaxed);
                        answered.bytes.fetch_add(read, Ordering::Relaxed);
                        if to_client.write_all(&buffer[..read]).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self { port, counts: shared }
    }

    /// Number of connections and exchanges so far, each of them one round trip.
    #[must_use]
    pub fn round_trips(&self) -> usize {
        self.counts.connections.load(Ordering::Relaxed) + self.counts.turns.load(Ordering::Relaxed)
    }

    /// Bytes sent by the server so far.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.counts.bytes.load(Ordering::Relaxed)
    }
}
