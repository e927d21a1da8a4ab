//! MySQL, as far as its status goes: protocol 4.1, `caching_sha2_password`, answers as texts.

use std::io;

use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Store, hesitate, malformed, uptime};
use crate::faults::Fault;
use crate::platform::Platform;

/// Long passwords, a schema with the log-in, protocol 4.1, transactions, secure log-in, log-in by plug-in.
const CAPABILITIES: u32 = 0x1 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x0008_0000;
const PLUGIN: &str = "caching_sha2_password";
const UTF8MB4: u8 = 45;
/// Every statement is its own transaction.
const AUTOCOMMIT: u16 = 2;
const NONCE_LENGTH: usize = 20;
/// Before the user's name: capabilities, size of packets, character set, and what is unused.
const BEFORE_USER: usize = 4 + 4 + 1 + 23;
const MAX_CONNECTIONS: u32 = 151;
/// The longest packet that is read. **Units:** bytes.
const MOST_BYTES: usize = 1 << 16;

/// A connection: what was said, counted as the protocol does.
struct Wire<'a> {
    stream: &'a mut TcpStream,
    sequence: u8,
}

impl Wire<'_> {
    async fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut head = [0; 4];
        self.stream.read_exact(&mut head).await?;
        let length = usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16;
        if length > MOST_BYTES {
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
            // None here is as long as three bytes can say.
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
    hesitate(Store::Database, platform).await;
    if platform.has(Fault::ConnectionsExhausted) {
        // Before the client has said what it understands, without the state.
        let packet = [&[0xff][..], &1040_u16.to_le_bytes(), b"Too many connections"].concat();
        return wire.write(&[packet]).await;
    }
    let nonce = platform.accounts.nonce(NONCE_LENGTH);
    wire.write(&[greeting(&nonce)]).await?;
    let response = wire.read().await?;
    let (user, proof) = user_and_proof(&response).ok_or_else(malformed)?;
    hesitate(Store::Database, platform).await;
    let is_let_in = !platform.has(Fault::DatabasePasswordChanged)
        && proof == proof_of(platform.accounts.database_password(), &nonce);
    if !is_let_in {
        let said = format!("Access denied for user '{user}'@'127.0.0.1' (using password: YES)");
        return wire.write(&[error(1045, "28000", &said)]).await;
    }
    // The password is known by its hash, so it need not be sent; then all is well.
    wire.write(&[vec![1, 3], ok()]).await?;
    loop {
        let command = wire.read().await?;
        hesitate(Store::Database, platform).await;
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
        // The nonce, with the zero at its end.
        &[NONCE_LENGTH as u8 + 1],
        &[0; 10],
        rest,
        &[0],
        PLUGIN.as_bytes(),
        &[0],
    ]
    .concat()
}

/// The user, and what shows that the client knows the password.
fn user_and_proof(response: &[u8]) -> Option<(String, Vec<u8>)> {
    let rest = response.get(BEFORE_USER..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (length, rest) = rest.get(end + 1..)?.split_first()?;
    Some((
        String::from_utf8_lossy(&response[BEFORE_USER..BEFORE_USER + end]).into_owned(),
        rest.get(..usize::from(*length))?.to_vec(),
    ))
}

/// `SHA256(password) XOR SHA256(SHA256(SHA256(password)) + nonce)`.
fn proof_of(password: &str, nonce: &[u8]) -> Vec<u8> {
    let once = Sha256::digest(password.as_bytes());
    let thrice = Sha256::new().chain_update(Sha256::digest(once)).chain_update(nonce).finalize();
    once.iter().zip(thrice).map(|(one, other)| one ^ other).collect()
}

/// What is asked of a database that is monitored, and nothing else.
fn answer(platform: &Platform, statement: &str) -> Vec<Vec<u8>> {
    let statement = statement.trim();
    let is = |begin: &str| statement.get(..begin.len()).is_some_and(|actual| actual.eq_ignore_ascii_case(begin));
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
    // Nothing changed, nothing inserted, no warnings.
    [&[0, 0, 0][..], &AUTOCOMMIT.to_le_bytes(), &[0, 0]].concat()
}

fn error(code: u16, state: &str, said: &str) -> Vec<u8> {
    [&[0xff][..], &code.to_le_bytes(), b"#", state.as_bytes(), said.as_bytes()].concat()
}

/// Columns of texts, and their rows.
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

/// A text after its length. None here is longer than one byte can say.
fn text(text: &str) -> Vec<u8> {
    let length = text.len().min(250);
    [&[length as u8], &text.as_bytes()[..length]].concat()
}
