//! Redis server for `PING` and `INFO`.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::store::{Store, delay_if_slow, malformed, uptime};
use crate::faults::Fault;
use crate::platform::Platform;

/// Limit for the words of a command, and for the bytes of a word.
const MAX_LENGTH: usize = 1 << 16;
/// Memory limit. **Units:** bytes.
const MAXMEMORY: i64 = 256 << 20;

/// Serves one connection until the client leaves.
pub(super) async fn serve(stream: &mut TcpStream, platform: &Platform) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut is_authenticated = false;
    while let Some(command) = command(&mut stream).await? {
        delay_if_slow(Store::Cache, platform).await;
        let answer = answer(platform, &command, &mut is_authenticated);
        stream.write_all(answer.as_bytes()).await?;
        // Answers the commands of a pipeline together.
        if stream.buffer().is_empty() {
            stream.flush().await?;
        }
    }
    Ok(())
}

/// Reads the words of a command; `None` if the client disconnected.
async fn command(stream: &mut BufReader<&mut TcpStream>) -> io::Result<Option<Vec<String>>> {
    let Some(count) = length(stream, '*').await? else { return Ok(None) };
    let mut words = Vec::new();
    for _ in 0..count {
        let Some(length) = length(stream, '$').await? else { return Ok(None) };
        let mut word = vec![0; length + 2];
        stream.read_exact(&mut word).await?;
        word.truncate(length);
        words.push(String::from_utf8(word).map_err(|_| malformed())?);
    }
    Ok(Some(words))
}

async fn length(stream: &mut BufReader<&mut TcpStream>, kind: char) -> io::Result<Option<usize>> {
    let mut line = String::new();
    if stream.take(32).read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let length = line.strip_prefix(kind).and_then(|length| length.trim_end().parse().ok());
    length.filter(|length| *length <= MAX_LENGTH).map(Some).ok_or_else(malformed)
}

fn answer(platform: &Platform, command: &[String], is_authenticated: &mut bool) -> String {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let name = words.first().map(|name| name.to_ascii_uppercase()).unwrap_or_default();
    match (name.as_str(), &words[1.min(words.len())..]) {
        ("AUTH", [.., password]) if platform.accounts.is_cache_password(password) => {
            *is_authenticated = true;
            "+OK\r\n".to_owned()
        }
        ("AUTH", _) => "-WRONGPASS invalid username-password pair or user is disabled.\r\n".to_owned(),
        _ if !*is_authenticated => "-NOAUTH Authentication required.\r\n".to_owned(),
        ("PING", []) => "+PONG\r\n".to_owned(),
        ("SELECT", [_]) | ("CLIENT", _) => "+OK\r\n".to_owned(),
        ("INFO", _) => {
            let info = info(platform);
            format!("${}\r\n{info}\r\n", info.len())
        }
        _ => "-ERR unknown command\r\n".to_owned(),
    }
}

fn info(platform: &Platform) -> String {
    let uptime = uptime(platform);
    let now = platform.now();
    let is_full = platform.has(Fault::CacheMemoryFull);
    let used = if is_full { MAXMEMORY } else { MAXMEMORY / 5 };
    let saved = if platform.has(Fault::CacheNotSaved) { "err" } else { "ok" };
    [
        "# Server".to_owned(),
        "redis_version:7.0.15".to_owned(),
        "run_id:5eed0000000000000000000000000000000d0e50".to_owned(),
        format!("server_time_usec:{}", now.as_microsecond()),
        format!("uptime_in_seconds:{uptime}"),
        "# Clients\r\nconnected_clients:12\r\nmaxclients:10000".to_owned(),
        format!("# Memory\r\nused_memory:{used}\r\nmaxmemory:{MAXMEMORY}\r\nmaxmemory_policy:noeviction"),
        "# Persistence\r\nloading:0".to_owned(),
        format!("rdb_last_save_time:{}", now.as_second() - uptime % 300),
        format!("rdb_last_bgsave_status:{saved}\r\naof_enabled:0\r\naof_last_write_status:ok"),
        format!("# Stats\r\nrejected_connections:0\r\nevicted_keys:{}", uptime / 600),
        String::new(),
    ]
    .join("\r\n")
}
