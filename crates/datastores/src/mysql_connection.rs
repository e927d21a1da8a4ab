//! One connection to MySQL or MariaDB. A library reads and writes the packets; this module bounds them.

use std::io;

use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey};
use bytes::{Buf, BytesMut};
use mysql_common::constants::{CapabilityFlags, UTF8MB4_GENERAL_CI};
use mysql_common::io::ParseBuf;
use mysql_common::packets::{
    AuthPlugin, AuthSwitchRequest, Column, ErrPacket, HandshakePacket, HandshakeResponse, SslRequest,
};
use mysql_common::proto::MySerialize;
use mysql_common::proto::codec::PacketCodec;
use mysql_common::proto::codec::error::PacketCodecError;
use probe::{Client, Duplex};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::Store;

/// Maximum size of one packet, and thus of one row. **Units:** bytes.
pub(crate) const MAX_PACKET: usize = 1 << 20;
/// Maximum number of rows in one result.
pub(crate) const MAX_ROWS: usize = 1_000;
/// Maximum memory of one result. **Units:** bytes.
const MAX_BYTES: usize = 8 << 20;
/// Memory of one value or name besides its text. **Units:** bytes.
const VALUE: usize = 48;
/// Maximum number of columns, as in MySQL.
const MAX_COLUMNS: u64 = 4_096;
/// Bytes to read at a time.
const CHUNK: usize = 1 << 14;

const QUIT: u8 = 0x01;
const QUERY: u8 = 0x03;
/// First bytes of answers.
const OK: u8 = 0x00;
const MORE_AUTHENTICATION: u8 = 0x01;
const NULL: u8 = 0xfb;
const END: u8 = 0xfe;
const ERROR: u8 = 0xff;
/// Steps of `caching_sha2_password`.
const CACHED: u8 = 0x03;
const NOT_CACHED: u8 = 0x04;
const PUBLIC_KEY_REQUEST: u8 = 0x02;
/// Bytes of the server's random value that protect the password.
const NONCE: usize = 20;

/// Reason for a missing answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The connection broke.
    Io(io::Error),
    /// The server closed the connection.
    Closed,
    /// The server could not be reached, or is not trusted.
    Probe(probe::Error),
    /// The server answered with an error.
    Server { code: u16, message: String },
    /// The server violated the protocol.
    Protocol(&'static str),
    /// An answer exceeds its limits.
    TooLarge,
    /// The server does not offer encryption.
    NoTls,
    /// The server requires an unsupported way of authentication.
    Plugin(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Result of a statement: names of the columns, and rows of values.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) names: Vec<String>,
    pub(crate) rows: Vec<Vec<Option<String>>>,
}

/// An authenticated connection.
pub(crate) struct Connection {
    stream: Box<dyn Duplex>,
    codec: PacketCodec,
    /// Received bytes that are not yet part of a packet.
    received: BytesMut,
    capabilities: CapabilityFlags,
    is_encrypted: bool,
}

impl Connection {
    /// Connects, encrypts the connection if the store requires it, and authenticates.
    pub(crate) async fn open(
        client: &Client,
        store: &Store,
        password: Option<&str>,
        schema: Option<&str>,
        deadline: std::time::Duration,
    ) -> Result<Self, Fault> {
        let stream = client.dial(&store.place, false, deadline).await.map_err(Fault::Probe)?;
        let mut codec = PacketCodec::default();
        codec.max_allowed_packet = MAX_PACKET;
        let capabilities = CapabilityFlags::empty();
        let mut connection = Self { stream, codec, received: BytesMut::new(), capabilities, is_encrypted: false };
        let greeting = connection.read().await?;
        let greeting = read_greeting(&greeting)?;
        let mut wanted = CapabilityFlags::CLIENT_PROTOCOL_41
            | CapabilityFlags::CLIENT_SECURE_CONNECTION
            | CapabilityFlags::CLIENT_LONG_PASSWORD
            | CapabilityFlags::CLIENT_TRANSACTIONS
            | CapabilityFlags::CLIENT_DEPRECATE_EOF
            | CapabilityFlags::CLIENT_PLUGIN_AUTH;
        wanted.set(CapabilityFlags::CLIENT_CONNECT_WITH_DB, schema.is_some());
        wanted.set(CapabilityFlags::CLIENT_SSL, store.is_encrypted);
        connection.capabilities = greeting.capabilities() & wanted;
        if store.is_encrypted {
            if !connection.capabilities.contains(CapabilityFlags::CLIENT_SSL) {
                return Err(Fault::NoTls);
            }
            let limit = u32::try_from(MAX_PACKET).unwrap_or(u32::MAX);
            let collation = u8::try_from(UTF8MB4_GENERAL_CI).unwrap_or_default();
            connection.write(&serialized(&SslRequest::new(connection.capabilities, limit, collation))).await?;
            if !connection.received.is_empty() {
                return Err(Fault::Protocol("data between the greeting and the encrypted connection"));
            }
            let encrypted = client.encrypt(&store.place, connection.stream, deadline).await.map_err(Fault::Probe)?;
            (connection.stream, connection.is_encrypted) = (encrypted, true);
        }
        connection.authenticate(&greeting, store.user.as_deref(), password, schema).await?;
        Ok(connection)
    }

    async fn authenticate(
        &mut self,
        greeting: &HandshakePacket<'_>,
        user: Option<&str>,
        password: Option<&str>,
        schema: Option<&str>,
    ) -> Result<(), Fault> {
        let mut nonce = greeting.nonce();
        nonce.resize(NONCE, 0);
        // The server switches to the way that the user's account requires.
        let mut plugin = match greeting.auth_plugin() {
            Some(AuthPlugin::CachingSha2Password) => AuthPlugin::CachingSha2Password,
            _ => AuthPlugin::MysqlNativePassword,
        };
        let proof = plugin.gen_data(password, &nonce);
        let limit = u32::try_from(MAX_PACKET).unwrap_or(u32::MAX);
        let version = greeting.server_version_parsed().unwrap_or_default();
        let response = HandshakeResponse::new(
            proof.as_deref(),
            version,
            user.map(str::as_bytes),
            schema.map(str::as_bytes),
            Some(plugin.borrow()),
            self.capabilities,
            None,
            limit,
        );
        let response = serialized(&response);
        self.write(&response).await?;
        let mut is_switched = false;
        loop {
            let packet = self.read().await?;
            match packet[..] {
                [OK, ..] => return Ok(()),
                [END, ..] if !is_switched => {
                    is_switched = true;
                    let switch: AuthSwitchRequest<'_> =
                        ParseBuf(&packet).parse(()).map_err(|_| Fault::Plugin("mysql_old_password".to_owned()))?;
                    plugin = match switch.auth_plugin() {
                        AuthPlugin::CachingSha2Password => AuthPlugin::CachingSha2Password,
                        AuthPlugin::MysqlNativePassword => AuthPlugin::MysqlNativePassword,
                        other => return Err(Fault::Plugin(String::from_utf8_lossy(other.as_bytes()).into_owned())),
                    };
                    nonce = switch.plugin_data().to_vec();
                    nonce.resize(NONCE, 0);
                    let proof = plugin.gen_data(password, &nonce);
                    self.write(proof.as_deref().unwrap_or_default()).await?;
                }
                [MORE_AUTHENTICATION, CACHED] if plugin == AuthPlugin::CachingSha2Password => {}
                [MORE_AUTHENTICATION, NOT_CACHED] if plugin == AuthPlugin::CachingSha2Password => {
                    self.send_password(password.unwrap_or_default(), &nonce).await?;
                }
                _ => return Err(Fault::Protocol("an unexpected answer to the log-in")),
            }
        }
    }

    /// Sends the password itself, which a server requires once after its start: encrypted by the connection, or else with
    /// the server's public key.
    async fn send_password(&mut self, password: &str, nonce: &[u8]) -> Result<(), Fault> {
        let mut bytes = [password.as_bytes(), &[0]].concat();
        if self.is_encrypted {
            return self.write(&bytes).await;
        }
        self.write(&[PUBLIC_KEY_REQUEST]).await?;
        let packet = self.read().await?;
        let key = packet.strip_prefix(&[MORE_AUTHENTICATION]).and_then(public_key);
        let key = key.ok_or(Fault::Protocol("an unreadable public key"))?;
        bytes.iter_mut().zip(nonce.iter().cycle()).for_each(|(byte, other)| *byte ^= other);
        let mut encrypted = vec![0; key.ciphertext_size()];
        let encrypted = key.encrypt(&OAEP_SHA1_MGF1SHA1, &bytes, &mut encrypted, None);
        let encrypted = encrypted.map_err(|_| Fault::Protocol("a public key that cannot encrypt the password"))?;
        self.write(encrypted).await
    }

    /// Runs one statement.
    pub(crate) async fn query(&mut self, statement: &str) -> Result<Table, Fault> {
        self.codec.reset_seq_id();
        self.write(&[&[QUERY], statement.as_bytes()].concat()).await?;
        let first = self.read().await?;
        let columns = match first.first() {
            Some(&OK) => return Ok(Table::default()),
            Some(&NULL) => return Err(Fault::Protocol("a request for a file")),
            _ => ParseBuf(&first).checked_eat_lenenc_int().ok_or(Fault::Protocol("an unreadable number of columns"))?,
        };
        if columns > MAX_COLUMNS {
            return Err(Fault::TooLarge);
        }
        let (mut table, mut bytes) = (Table::default(), 0);
        for _ in 0..columns {
            let packet = self.read().await?;
            let column: Column = ParseBuf(&packet).parse(()).map_err(|_| Fault::Protocol("an unreadable column"))?;
            bytes += packet.len() + VALUE;
            if bytes > MAX_BYTES {
                return Err(Fault::TooLarge);
            }
            table.names.push(column.name_str().into_owned());
        }
        if !self.capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
            self.read().await?;
        }
        loop {
            let packet = self.read().await?;
            // A value that begins with this byte would be larger than a packet.
            if packet.first() == Some(&END) {
                return Ok(table);
            }
            bytes += packet.len() + table.names.len() * VALUE;
            if table.rows.len() == MAX_ROWS || bytes > MAX_BYTES {
                return Err(Fault::TooLarge);
            }
            table.rows.push(row(&packet, table.names.len()).ok_or(Fault::Protocol("an unreadable row"))?);
        }
    }

    /// Ends the session.
    pub(crate) async fn quit(mut self) -> Result<(), Fault> {
        self.codec.reset_seq_id();
        self.write(&[QUIT]).await?;
        Ok(self.stream.shutdown().await?)
    }

    /// Reads one packet that is not an error.
    async fn read(&mut self) -> Result<Vec<u8>, Fault> {
        let mut packet = Vec::new();
        while !self.codec.decode(&mut self.received, &mut packet)? {
            self.received.reserve(CHUNK);
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(Fault::Closed);
            }
        }
        match packet.first() {
            Some(&ERROR) => Err(server_error(&packet, self.capabilities)),
            Some(_) => Ok(packet),
            None => Err(Fault::Protocol("an empty packet")),
        }
    }

    async fn write(&mut self, payload: &[u8]) -> Result<(), Fault> {
        let mut bytes = BytesMut::new();
        self.codec.encode(&mut Buf::take(payload, payload.len()), &mut bytes)?;
        self.stream.write_all(&bytes).await?;
        Ok(self.stream.flush().await?)
    }
}

impl From<PacketCodecError> for Fault {
    fn from(error: PacketCodecError) -> Self {
        match error {
            PacketCodecError::Io(error) => Self::Io(error),
            PacketCodecError::PacketTooLarge => Self::TooLarge,
            PacketCodecError::PacketsOutOfSync => Self::Protocol("packets in the wrong order"),
            PacketCodecError::BadCompressedPacketHeader => Self::Protocol("a compressed packet"),
        }
    }
}

fn serialized(message: &impl MySerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.serialize(&mut bytes);
    bytes
}

/// Error of a packet. Before the log-in, errors have no state, so a client without capabilities reads them.
fn server_error(packet: &[u8], capabilities: CapabilityFlags) -> Fault {
    let parsed = |capabilities| ParseBuf(packet).parse::<ErrPacket<'_>>(capabilities).ok();
    match parsed(capabilities).or_else(|| parsed(CapabilityFlags::empty())) {
        Some(ErrPacket::Error(error)) => {
            Fault::Server { code: error.error_code(), message: error.message_str().into_owned() }
        }
        _ => Fault::Protocol("an unreadable error"),
    }
}

fn row(packet: &[u8], columns: usize) -> Option<Vec<Option<String>>> {
    let mut rest = ParseBuf(packet);
    let value = |_| match rest.0.first()? {
        &NULL => {
            rest.0 = &rest.0[1..];
            Some(None)
        }
        _ => Some(Some(String::from_utf8_lossy(rest.checked_eat_lenenc_str()?).into_owned())),
    };
    (0..columns).map(value).collect()
}

fn public_key(pem: &[u8]) -> Option<OaepPublicEncryptingKey> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).ok()?;
    OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(&der).ok()?).ok()
}

/// Parses the greeting of the server.
fn read_greeting(packet: &[u8]) -> Result<HandshakePacket<'_>, Fault> {
    // The number of bytes of the challenge, 21 in all servers, comes after the version and 20 bytes. The parser panics when
    // it is far more.
    let version = packet.iter().skip(1).position(|byte| *byte == 0);
    let length = version.and_then(|version| packet.get(1 + version + 1 + 20));
    let unreadable = Fault::Protocol("an unreadable greeting");
    match length {
        Some(..=0x7f) => ParseBuf(packet).parse(()).map_err(|_| unreadable),
        _ => Err(unreadable),
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeySize, OaepPrivateDecryptingKey, PrivateDecryptingKey};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use tokio::io::DuplexStream;

    use super::*;

    /// A connection after the log-in, and the server's end of it.
    fn connected() -> (Connection, DuplexStream) {
        let (client, server) = tokio::io::duplex(1 << 20);
        let mut codec = PacketCodec::default();
        codec.max_allowed_packet = MAX_PACKET;
        let capabilities = CapabilityFlags::CLIENT_PROTOCOL_41 | CapabilityFlags::CLIENT_DEPRECATE_EOF;
        let stream = Box::new(client);
        (Connection { stream, codec, received: BytesMut::new(), capabilities, is_encrypted: false }, server)
    }

    #[test]
    fn greeting_is_read_or_refused() {
        let greeting = |length: u8| {
            let start = b"\x0a8.0.36\0\x01\0\0\0saltsalt\0\x0f\xa2\x2d\x02\0\x0a\0";
            [&start[..], &[length], &[0; 10], b"saltsaltsalt\0mysql_native_password\0"].concat()
        };
        assert_eq!(read_greeting(&greeting(21)).ok().unwrap().server_version_ref(), b"8.0.36");
        for length in [0x80, 0x81, 0xff] {
            assert!(matches!(read_greeting(&greeting(length)), Err(Fault::Protocol("an unreadable greeting"))));
        }
        for end in 0..40 {
            assert!(read_greeting(&greeting(21)[..end]).is_err(), "{end} bytes");
        }
    }

    async fn read_packet(server: &mut DuplexStream) -> Vec<u8> {
        let mut header = [0; 4];
        server.read_exact(&mut header).await.unwrap();
        let mut payload = vec![0; usize::from(u16::from_le_bytes([header[0], header[1]]))];
        server.read_exact(&mut payload).await.unwrap();
        payload
    }

    /// Packets with consecutive numbers from 1 on.
    fn packets(payloads: &[&[u8]]) -> Vec<u8> {
        let packet = |(number, payload): (u8, &&[u8])| {
            [&u32::try_from(payload.len()).unwrap().to_le_bytes()[..3], &[number], payload].concat()
        };
        (1..).zip(payloads).flat_map(packet).collect()
    }

    /// Outcome of a statement, in a word.
    async fn answered(payloads: &[&[u8]]) -> String {
        let (mut connection, mut server) = connected();
        server.write_all(&packets(payloads)).await.unwrap();
        drop(server.shutdown().await);
        match connection.query("SELECT 1").await {
            Ok(table) => format!("{} rows", table.rows.len()),
            Err(Fault::Server { code, message }) => format!("{code} {message}"),
            Err(Fault::Protocol(text)) => text.to_owned(),
            Err(fault) => format!("{fault:?}"),
        }
    }

    #[tokio::test]
    async fn invalid_answers_are_refused() {
        let column = b"\x03def\0\0\0\x011\0\x0c\x3f\0\x01\0\0\0\x08\x81\0\0\0\0";
        let end = b"\xfe\0\0\x02\0\0\0";
        let huge_count = b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f";
        let huge_length = b"\xfd\xff\xff\xff1";
        let cases: [(&str, &[&[u8]], &str); 12] = [
            ("a row", &[b"\x01", column, b"\x011", end], "1 rows"),
            ("no row", &[b"\x01", column, end], "0 rows"),
            ("an answer without a result", &[b"\0\0\0\x02\0\0\0"], "0 rows"),
            ("an error", &[b"\xff\x48\x04#HY000broken"], "1096 broken"),
            ("an error after a row", &[b"\x01", column, b"\x011", b"\xff\x48\x04#HY000broken"], "1096 broken"),
            ("more columns than memory holds", &[huge_count], "TooLarge"),
            ("one column too many", &[b"\xfc\x01\x10"], "TooLarge"),
            ("a request for a file", &[b"\xfb/etc/passwd"], "a request for a file"),
            ("a column without texts", &[b"\x01", b"\x03"], "an unreadable column"),
            ("a value beyond its packet", &[b"\x01", column, huge_length], "an unreadable row"),
            ("an empty packet", &[b""], "an empty packet"),
            ("a closed connection", &[b"\x01", column], "Closed"),
        ];
        for (case, payloads, expected) in cases {
            assert_eq!(answered(payloads).await, expected, "{case}");
        }
    }

    #[tokio::test]
    async fn large_results_are_refused() {
        let column = b"\x03def\0\0\0\x011\0\x0c\x3f\0\x01\0\0\0\x08\x81\0\0\0\0";
        let rows = vec![&b"\x011"[..]; MAX_ROWS + 1];
        let result = |count: usize| [&[&b"\x01"[..], column], &rows[..count], &[b"\xfe\0\0\x02\0\0\0"]].concat();
        // Numbers of packets have one byte.
        let numbered = |payloads: &[&[u8]]| {
            let mut bytes = packets(&payloads[..200]);
            for (index, payload) in payloads.iter().enumerate().skip(200) {
                let number = u8::try_from((index + 1) % 256).unwrap();
                bytes.extend(u32::try_from(payload.len()).unwrap().to_le_bytes()[..3].iter().chain([&number]));
                bytes.extend_from_slice(payload);
            }
            bytes
        };
        for (count, is_accepted) in [(MAX_ROWS, true), (MAX_ROWS + 1, false)] {
            let (mut connection, mut server) = connected();
            server.write_all(&numbered(&result(count))).await.unwrap();
            let rows = connection.query("SELECT 1").await.map(|table| table.rows.len());
            assert_eq!(rows.ok(), is_accepted.then_some(count), "{count}");
        }
    }

    #[tokio::test]
    async fn password_is_encrypted_with_the_servers_key() {
        let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let der: PublicKeyX509Der<'_> = private.public_key().as_der().unwrap();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_ref()));
        let private = OaepPrivateDecryptingKey::new(private).unwrap();
        let nonce: Vec<u8> = (1..=20).collect();
        let (mut connection, mut server) = connected();
        let sent = connection.send_password("pass", &nonce);
        let received = async {
            assert_eq!(read_packet(&mut server).await, [PUBLIC_KEY_REQUEST]);
            server.write_all(&packets(&[&[&[MORE_AUTHENTICATION], pem.as_bytes()].concat()])).await.unwrap();
            read_packet(&mut server).await
        };
        let (sent, received) = tokio::join!(sent, received);
        sent.unwrap();
        let mut decrypted = vec![0; private.min_output_size()];
        let decrypted = private.decrypt(&OAEP_SHA1_MGF1SHA1, &received, &mut decrypted, None).unwrap();
        let password: Vec<u8> = decrypted.iter().zip(&nonce).map(|(byte, other)| byte ^ other).collect();
        assert_eq!(password, b"pass\0");
    }

    #[test]
    fn unreadable_keys_are_refused() {
        for pem in ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "not a key"] {
            assert!(public_key(pem.as_bytes()).is_none(), "{pem}");
        }
    }
}
