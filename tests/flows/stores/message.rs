//! Messages of a server, and what a behavior sends in place of one.

use std::time::Duration;

use hostile::Action;

use super::mysql::{self, Part};
use super::redis;
use crate::behavior::Behavior;

/// Pause between two bytes of a drip.
const PAUSE: Duration = Duration::from_millis(100);
/// Length of messages that a drip delivers in time. **Units:** bytes.
const SHORT: usize = 6;
/// Messages of a TLS handshake, up to the server's `Finished`.
const HANDSHAKE: usize = 6;
const TLS_HEADER: usize = 5;

/// Protocol of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// MySQL, which changes to TLS after the greeting if `is_encrypted`.
    MySql { is_encrypted: bool },
    /// Redis, within TLS if `is_encrypted`.
    Redis { is_encrypted: bool },
}

/// A message of a server.
pub struct Message {
    /// Position and kind, such as `packet 7, row`; `None` when it resembles an earlier one.
    pub name: Option<String>,
    pub bytes: Vec<u8>,
    kind: Kind,
}

enum Kind {
    MySql(Part),
    Redis,
    Tls,
}

/// Data in place of a message.
pub enum Replacement {
    /// Another message; the connection continues.
    Message(Vec<u8>),
    /// Another message in place of all until the client's next one.
    Answer(Vec<u8>),
    /// All further data, one byte at a time.
    Drip,
    /// A script, after which the connection ends.
    End(Vec<Action>),
}

impl Message {
    /// Replacement by a behavior; `None` when it does not apply to the message. `variant` chooses among similar ones.
    pub fn replaced(&self, behavior: Behavior, secret: &str, variant: usize) -> Option<Replacement> {
        let send = |bytes: &[u8]| Action::Send(bytes.to_vec());
        let half = self.bytes.len() / 2;
        match behavior {
            Behavior::Hang => Some(Replacement::End(vec![Action::Hang])),
            // A shorter message arrives within the deadline of an exchange.
            Behavior::Drip => (self.bytes.len() > SHORT).then_some(Replacement::Drip),
            Behavior::Cut => Some(Replacement::End(vec![send(&self.bytes[..half])])),
            Behavior::OtherProtocol => {
                Some(Replacement::End(vec![send(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), Action::Hang]))
            }
            _ => match &self.kind {
                Kind::MySql(part) => mysql::replaced(&self.bytes, *part, behavior, secret, variant),
                Kind::Redis => redis::replaced(&self.bytes, behavior, secret, variant),
                Kind::Tls => tls(&self.bytes, behavior),
            },
        }
    }
}

/// Replacement of a TLS record, without a key.
fn tls(record: &[u8], behavior: Behavior) -> Option<Replacement> {
    let header = |length: u16| [&record[..3], &length.to_be_bytes()].concat();
    let script = match behavior {
        Behavior::EndlessAnswer => vec![Action::Repeat([&header(0x4000)[..], &[0; 0x4000]].concat())],
        Behavior::RepeatedAnswer => vec![Action::Repeat(record.to_vec())],
        Behavior::HugeLength => vec![Action::Send(header(u16::MAX)), Action::Hang],
        _ => return None,
    };
    Some(Replacement::End(script))
}

/// Script that drips some data.
pub fn drip(bytes: &[u8]) -> Vec<Action> {
    bytes.iter().flat_map(|byte| [Action::Wait(PAUSE), Action::Send(vec![*byte])]).collect()
}

/// Divides the data of a server into messages.
pub struct Messages {
    protocol: Protocol,
    buffer: Vec<u8>,
    mysql: mysql::State,
    /// Number of messages so far.
    count: usize,
}

impl Messages {
    pub fn new(protocol: Protocol) -> Self {
        Self { protocol, buffer: Vec::new(), mysql: mysql::State::default(), count: 0 }
    }

    /// Adds received data.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Takes the next complete message.
    pub fn take(&mut self) -> Option<Message> {
        let is_tls = match self.protocol {
            Protocol::MySql { is_encrypted } => is_encrypted && self.count > 0,
            Protocol::Redis { is_encrypted } => is_encrypted,
        };
        let length = match self.protocol {
            _ if is_tls => tls_length(&self.buffer),
            Protocol::MySql { .. } => mysql::length(&self.buffer),
            Protocol::Redis { .. } => redis::length(&self.buffer),
        };
        let length = length.filter(|length| *length <= self.buffer.len())?;
        let rest = self.buffer.split_off(length);
        let bytes = std::mem::replace(&mut self.buffer, rest);
        self.count += 1;
        let count = self.count;
        let (kind, name) = match self.protocol {
            // Later records differ from run to run.
            _ if is_tls => (Kind::Tls, (count <= HANDSHAKE).then(|| format!("record {count}"))),
            Protocol::MySql { .. } => {
                let before = self.mysql.part();
                let part = self.mysql.next(&bytes);
                let is_alike = part == Part::Definition && before == part;
                (Kind::MySql(part), (!is_alike).then(|| format!("packet {count}, {part:?}")))
            }
            Protocol::Redis { .. } => (Kind::Redis, Some(format!("reply {count}"))),
        };
        Some(Message { name, bytes, kind })
    }
}

fn tls_length(bytes: &[u8]) -> Option<usize> {
    let length = bytes.get(3..TLS_HEADER)?;
    Some(TLS_HEADER + usize::from(u16::from_be_bytes([length[0], length[1]])))
}
