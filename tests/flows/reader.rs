//! A client without any limit, for a behavior whose limit is in a library of the product and cannot be raised.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::attack::{Arrived, Attack};
use crate::memory::peak_memory;
use crate::platform;
use crate::run::Observation;

/// Size at which the client stops. A machine has the memory.
const END: usize = 256 << 20;
const DEADLINE: Duration = Duration::from_secs(20);

/// Sends one request and keeps the whole answer.
///
/// # Errors
/// When the server cannot be reached.
pub async fn observe(attack: &Attack) -> Result<Observation> {
    let server = platform::alone(attack.behavior).await;
    let started = Instant::now();
    let mut connection = TcpStream::connect(server.address).await?;
    connection.write_all(b"GET / HTTP/1.1\r\nHost: platform\r\n\r\n").await?;
    let mut answer = Vec::new();
    let read =
        async { while answer.len() < END && connection.read_buf(&mut answer).await.is_ok_and(|read| read > 0) {} };
    tokio::time::timeout(DEADLINE, read).await.context("expected an answer without end")?;
    Ok(Observation {
        report: json!({ "outcome": { "result": "failed" } }),
        messages: Value::Null,
        took: started.elapsed(),
        peak_kb: peak_memory().context("expected the peak memory of this process")?,
        arrived: vec![Arrived { place: attack.from.clone(), behaviors: Vec::new() }],
        left: Vec::new(),
        logged_in: 0,
        later: None,
    })
}
