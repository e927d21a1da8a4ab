//! MySQL server for status queries: protocol 4.1, `caching_sha2_password`, text results.

use std::io;

use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::store::{Store, delay_if_slow, malformed, uptime};
use crate::faults::Fault;
use crate::platform::Platform;

/// Long passwords, schema at log-in, protocol 4.1, transactions, secure log-in, authentication plug-ins.
const CAPABILITIES: u32 = 0x1 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x0008_0000;
const PLUGIN: &str = "caching_sha2_password";
const UTF8MB4: u8 = 45;
/// Status flag for autocommit.
const AUTOCOMMIT: u16 = 2;
const NONCE_LENGTH: usize = 20;
/// Bytes before the user's name: capabilities, packet size, character set and unused bytes.
const BEFORE_USER: usize = 4 + 4 + 1 + 23;
const MAX_CONNECTIONS: u32 = 151;
/// Longest accepted packet. **Units:** bytes.
const MAX_PACKET: usize = 1 << 16;

/// A connection with the protocol's sequence number.
struct Wire<'a> {
    stream: &'a mut TcpStream,
    sequence: u8,
}

impl Wire<'_> {
    async fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut head = [0; 4];
        self.stream.read_exact(&mut head).await?;
        let length = usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16;
        if length > MAX_PACKET {
            return Err(malformed());
        }
        self.sequence = head[3].wrapping_add(1);
        let mut packet = vec![0; length];
        self.stream.read_exact(&mut packet).await?;
        Ok(packet)
    }

    async fn write(&mut self, packets: &[Vec<u8>]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for packet in packets {
            // No packet here exceeds a three-byte length.
            bytes.extend_from_slice(&u32::try_from(packet.len()).map_err(|_| malformed())?.to_le_bytes()[..3]);
            bytes.push(self.sequence);
            bytes.extend_from_slice(packet);
            self.sequence = self.sequence.wrapping_add(1);
        }
        self.stream.write_all(&bytes).await
    }
}

/// Serves one connection until the client leaves.
pub(super) async fn serve(stream: &mut TcpStream, platform: &Platform) -> io::Result<()> {
    let mut wire = Wire { stream, sequence: 0 };
    delay_if_slow(Store::Database, platform).await;
    if platform.has(Fault::ConnectionsExhausted) {
        // Sent before the client's capabilities are known, so without an SQL state.
        let packet = [&[0xff][..], &1040_u16.to_le_bytes(), b"Too many connections"].concat();
        return wire.write(&[packet]).await;
    }
    let nonce = platform.accounts.nonce(NONCE_LENGTH);
    wire.write(&[greeting(&nonce)]).await?;
    let response = wire.read().await?;
    let (user, received) = user_and_scramble(&response).ok_or_else(malformed)?;
    delay_if_slow(Store::Database, platform).await;
    let is_authenticated = !platform.has(Fault::DatabasePasswordChanged)
        && received == scramble(platform.accounts.database_password(), &nonce);
    if !is_authenticated {
        let message = format!("Access denied for user '{user}'@'127.0.0.1' (using password: YES)");
        return wire.write(&[error(1045, "28000", &message)]).await;
    }
    // Fast authentication: the hash is known, so the password is not sent. Then OK.
    wire.write(&[vec![1, 3], ok()]).await?;
    loop {
        let command = wire.read().await?;
        delay_if_slow(Store::Database, platform).await;
        match command.split_first() {
            None | Some((1, _)) => return Ok(()),
            Some((2 | 14, _)) => wire.write(&[ok()]).await?,
            Some((3, statement)) => {
                let statement = String::from_utf8_lossy(statement).into_owned();
                wire.write(&answer(platform, &statement)).await?;
            }
            Some(_) => wire.write(&[error(1047, "08S01", "Unknown command")]).await?,
        }
    }
}

fn greeting(nonce: &[u8]) -> Vec<u8> {
    let [low, high] = [CAPABILITIES & 0xffff, CAPABILITIES >> 16].map(|half| (half as u16).to_le_bytes());
    let (first, rest) = nonce.split_at(8);
    [
        &[10][..],
        b"8.0.40\0",
        &7_u32.to_le_bytes(),
        first,
        &[0],
        &low,
        &[UTF8MB4],
        &AUTOCOMMIT.to_le_bytes(),
        &high,
        // Length of the nonce, including its terminating zero.
        &[NONCE_LENGTH as u8 + 1],
        &[0; 10],
        rest,
        &[0],
        PLUGIN.as_bytes(),
        &[0],
    ]
    .concat()
}

/// The user, and the client's scramble of the password.
fn user_and_scramble(response: &[u8]) -> Option<(String, Vec<u8>)> {
    let rest = response.get(BEFORE_USER..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (length, rest) = rest.get(end + 1..)?.split_first()?;
    Some((
        String::from_utf8_lossy(&response[BEFORE_USER..BEFORE_USER + end]).into_owned(),
        rest.get(..usize::from(*length))?.to_vec(),
    ))
}

/// `SHA256(password) XOR SHA256(SHA256(SHA256(password)) + nonce)`.
fn scramble(password: &str, nonce: &[u8]) -> Vec<u8> {
    let once = Sha256::digest(password.as_bytes());
    let thrice = Sha256::new().chain_update(Sha256::digest(once)).chain_update(nonce).finalize();
    once.iter().zip(thrice).map(|(one, other)| one ^ other).collect()
}

/// Answers the monitor's statements, and no others.
fn answer(platform: &Platform, statement: &str) -> Vec<Vec<u8>> {
    let statement = statement.trim();
    let is = |begin: &str| statement.get(..begin.len()).is_some_and(|start| start.eq_ignore_ascii_case(begin));
    if is("SET ") {
        return vec![ok()];
    }
    if is("SHOW GLOBAL STATUS") {
        let uptime = uptime(platform);
        let connected = if platform.has(Fault::ConnectionsGrowing) { MAX_CONNECTIONS - 5 } else { 23 };
        let status = [
            ("Questions", uptime * 40),
            ("Slow_queries", uptime / 900),
            ("Threads_connected", connected.into()),
            ("Uptime", uptime),
        ];
        let rows: Vec<_> = status.iter().map(|(name, value)| vec![(*name).to_owned(), value.to_string()]).collect();
        return table(&["Variable_name", "Value"], &rows);
    }
    if is("SELECT @@GLOBAL.max_connections") {
        return table(&["most", "server"], &[vec![MAX_CONNECTIONS.to_string(), "demo".to_owned()]]);
    }
    if is("SHOW REPLICA STATUS") {
        let names = ["Replica_IO_Running", "Replica_SQL_Running", "Seconds_Behind_Source"];
        return table(&names, &[["Yes", "Yes", "0"].map(str::to_owned).to_vec()]);
    }
    if is("SELECT 1") {
        return table(&["1"], &[vec!["1".to_owned()]]);
    }
    if is("SELECT COUNT(*) FROM") {
        return table(&["COUNT(*)"], &[vec!["2".to_owned()]]);
    }
    vec![error(1064, "42000", "You have an error in your SQL syntax")]
}

fn ok() -> Vec<u8> {
    // No affected rows, no insert id, no warnings.
    [&[0, 0, 0][..], &AUTOCOMMIT.to_le_bytes(), &[0, 0]].concat()
}

fn error(code: u16, state: &str, message: &str) -> Vec<u8> {
    [&[0xff][..], &code.to_le_bytes(), b"#", state.as_bytes(), message.as_bytes()].concat()
}

/// A result set of text columns.
fn table(columns: &[&str], rows: &[Vec<String>]) -> Vec<Vec<u8>> {
    let end = [&[0xfe, 0, 0][..], &AUTOCOMMIT.to_le_bytes()].concat();
    let column = |name: &&str| {
        let texts = ["def", "", "", "", name, name].map(text).concat();
        let shape = [&[0x0c, UTF8MB4, 0][..], &1024_u32.to_le_bytes(), &[0xfd, 0, 0, 0, 0, 0]].concat();
        [texts, shape].concat()
    };
    let mut packets = vec![vec![columns.len() as u8]];
    packets.extend(columns.iter().map(column));
    packets.push(end.clone());
    packets.extend(rows.iter().map(|row| row.iter().flat_map(|value| text(value)).collect()));
    packets.push(end);
    packets
}

/// A length-encoded string. No string here exceeds a one-byte length.
fn text(text: &str) -> Vec<u8> {
    let length = text.len().min(250);
    [&[length as u8], &text.as_bytes()[..length]].concat()
}
