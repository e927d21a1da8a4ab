//! The real servers behind the proxy, and the settings of a check that reads one.

use std::path::Path;

use check_testkit::servers::{Folder, MariaDb, Redis, free_port};
use hostile::Authority;
use serde::{Deserialize, Serialize};

use super::message::Protocol;

const REPLICA_USER: &str =
    "CREATE USER 'replica'@'%' IDENTIFIED BY 'r';\nGRANT REPLICATION SLAVE ON *.* TO 'replica'@'%';";
/// A job as Laravel writes it.
const JOB: &str = r#"{"uuid":"u-1","displayName":"App-Jobs-Remind","attempts":0,"pushedAt":"1.5"}"#;

/// A store as a check reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    Database {
        is_encrypted: bool,
    },
    Cache {
        is_encrypted: bool,
    },
    /// Redis with queues.
    Queues,
}

/// Addresses of the servers, as the process of a run gets them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Addresses {
    database: u16,
    cache: u16,
    encrypted_cache: u16,
    /// Authority of the servers' certificates, in PEM.
    authority: String,
}

/// The servers: a replica of a database, with its source, and a cache.
pub struct Servers {
    pub addresses: Addresses,
    _running: (MariaDb, MariaDb, Redis, Folder),
}

impl Servers {
    /// Starts the servers with their data below this folder.
    ///
    /// # Panics
    /// When a server cannot be started.
    pub fn start(below: &Path) -> Self {
        let below = below.to_str().unwrap();
        let folder = Folder::new(below, "stores");
        let authority = Authority::generate();
        let (certificate, key) = authority.sign_pem("localhost");
        let (certificate, key) = (folder.file("certificate.pem", &certificate), folder.file("key.pem", &key));
        let encrypted = [format!("--ssl-cert={certificate}"), format!("--ssl-key={key}")];
        let authority_file = folder.file("authority.pem", &authority.pem);
        let source = ["--log-bin=binlog", "--server-id=1"];
        let source = MariaDb::start(Folder::new(below, "source"), &source, REPLICA_USER);
        let follow = format!(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='replica', MASTER_PASSWORD='r', \
             MASTER_LOG_FILE='binlog.000001', MASTER_LOG_POS=4;\nSTART SLAVE;",
            source.port
        );
        // The replica has the initial statements of the source already, so their errors are skipped.
        let options = ["--server-id=2", "--slave-skip-errors=all", &encrypted[0], &encrypted[1]];
        let replica = MariaDb::start(Folder::new(below, "replica"), &options, &follow);
        let tls_port = free_port();
        let cache = Redis::start(
            Folder::new(below, "cache"),
            &[
                &["--maxmemory", "64mb", "--tls-port", &tls_port.to_string(), "--tls-auth-clients", "no"][..],
                &["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &authority_file],
            ]
            .concat(),
        );
        let push = |queue: &str| format!("RPUSH just_driving_database_queues:{queue} '{JOB}'");
        let user = format!("ACL SETUSER queues on >{} ~* +select +@read", Redis::PASSWORD);
        cache.send(&[user, push("default"), push("emails")]);
        let addresses = Addresses {
            database: replica.port,
            cache: cache.port,
            encrypted_cache: tls_port,
            authority: authority.pem,
        };
        Self { addresses, _running: (source, replica, cache, folder) }
    }
}

impl Store {
    /// Port of the server.
    pub const fn port(self, addresses: &Addresses) -> u16 {
        match self {
            Self::Database { .. } => addresses.database,
            Self::Cache { is_encrypted: true } => addresses.encrypted_cache,
            Self::Cache { is_encrypted: false } | Self::Queues => addresses.cache,
        }
    }

    /// Protocol of the server.
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Database { is_encrypted } => Protocol::MySql { is_encrypted },
            Self::Cache { is_encrypted } => Protocol::Redis { is_encrypted },
            Self::Queues => Protocol::Redis { is_encrypted: false },
        }
    }

    /// Password of the check's user.
    pub const fn password(self) -> &'static str {
        match self {
            Self::Database { .. } => MariaDb::PASSWORD,
            Self::Cache { .. } | Self::Queues => Redis::PASSWORD,
        }
    }

    /// Name of the password among the check's secrets.
    const fn secret(self) -> &'static str {
        match self {
            Self::Database { .. } => "backend/database-password",
            Self::Cache { .. } => "backend/cache-password",
            Self::Queues => "queues/redis-password",
        }
    }

    /// Parameter that holds the password, and its value.
    pub fn parameter(self) -> (String, String) {
        (format!("/just-driving/demo/{}", self.secret()), self.password().to_owned())
    }

    /// Settings of the check that reads the server at this port.
    pub fn settings(self, port: u16, addresses: &Addresses) -> String {
        let server = |user: &str, is_encrypted: bool| {
            format!(
                "host = \"localhost\"\nport = {port}\ntls = {is_encrypted}\nuser = \"{user}\"\n\
                 password = \"ssm:/just-driving/demo/{}\"",
                self.secret()
            )
        };
        let section = match self {
            Self::Database { is_encrypted } => format!(
                "[check.backend]\nstep_deadline = \"5s\"\n[check.backend.database]\n{}\nname = \"just_driving\"\n\
                 read = \"SELECT COUNT(*) FROM bookings\"\nreplica.lag_within = \"1h\"\nfailed_jobs.window = \"15m\"",
                server("synthetics", is_encrypted)
            ),
            Self::Cache { is_encrypted } => format!(
                "[check.backend]\nstep_deadline = \"5s\"\n[check.backend.cache]\n{}\nsaved_within = \"1h\"",
                server("synthetics", is_encrypted)
            ),
            Self::Queues => format!(
                "[check.queues]\nstep_deadline = \"5s\"\nqueues = [\"default\", \"emails\"]\nidle_after = \"5m\"\n\
                 [check.queues.redis]\n{}",
                server("queues", false)
            ),
        };
        format!(
            "environment = \"demo\"\nbase_url = \"http://127.0.0.1\"\n\
             [network]\nallow_addresses = [\"127.0.0.0/8\", \"::1\"]\nca_certificates = ['''\n{}''']\n\
             [contact]\nname = \"n\"\ndetails = \"r\"\n[links]\nrunbook = \"https://docs.example/{{check}}\"\n{section}\n",
            addresses.authority
        )
    }
}
