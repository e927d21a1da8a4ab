//! Data stores: checks against a server that speaks the protocol of Redis or MySQL, or something else.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use backend::Backend;
use check::Journey;
use local::{EnvironmentSecrets, Memory};
use probe::Redactor;
use queues::Queues;
use runtime::{Check, Invocation, Ports, Prepared, SkippingClock, execute};
use settings::Document;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::input::split;
use crate::oracle::assert_report;

/// Replies of the server, separated by a line `--`: one for each packet or pipeline that it receives. The second one reads
/// queues, the third one the state of the server.
pub(crate) const REDIS_SEEDS: &[&[u8]] = &[
    b"+OK\r\n\n--\n:3\r\n$2\r\n{}\r\n:0\r\n:1\r\n*0\r\n:2\r\n",
    b"+OK\r\n\n--\n+PONG\r\n\n--\n$24\r\nused_memory:1\r\nmaxmemory:9\r\n",
    b"-WRONGPASS invalid username-password pair canary-4f1d0c9a7e\r\n",
    b"+OK\r\n\n--\n-NOPERM canary-4f1d0c9a7e has no permissions\r\n",
    b"-ERR max number of clients reached\r\n",
    b"+OK\r\n\n--\n-MOVED 3999 127.77.0.1:1\r\n-MOVED 1 :1\r\n-LOADING\r\n",
    b"*1000000000\r\n\n--\n$999999999999\r\n",
    b"%1\r\n+a\r\n,1.5\r\n~1\r\n#t\r\n>2\r\n+x\r\n_\r\n=5\r\ntxt:a\r\n(12345678901234567890\r\n!3\r\nerr\r\n",
    b"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
];

/// The same for MySQL, whose server begins.
pub(crate) const MYSQL_SEEDS: &[&[u8]] = &[
    // A session that answers `SELECT 1` and refuses the next statement.
    b"\x4a\0\0\0\x0a8.0.36\0\x01\0\0\0saltsalt\0\x0f\xa2\x2d\x02\0\x0a\0\x15\0\0\0\0\0\0\0\0\0\0saltsaltsalt\0mysql_native_password\0\
      \n--\n\x07\0\0\x02\0\0\0\x02\0\0\0\n--\n\x07\0\0\x01\0\0\0\x02\0\0\0\n--\n\x07\0\0\x01\0\0\0\x02\0\0\0\n--\n\x07\0\0\x01\0\0\0\x02\0\0\0\
      \n--\n\x01\0\0\x01\x01\x17\0\0\x02\x03def\0\0\0\x011\0\x0c\x3f\0\x01\0\0\0\x08\x81\0\0\0\0\x05\0\0\x03\xfe\0\0\x02\0\
      \x02\0\0\x04\x011\x05\0\0\x05\xfe\0\0\x02\0\
      \n--\n\x16\0\0\x01\xff\x15\x04#28000Access denied\n--\n\x05\0\0\x01\xfb/etc",
    // Asks for the password in plain text.
    b"\x4a\0\0\0\x0a8.0.36\0\x01\0\0\0saltsalt\0\x0f\xa2\x2d\x02\0\x0a\0\x15\0\0\0\0\0\0\0\0\0\0saltsaltsalt\0mysql_native_password\0\
      \n--\n\x16\0\0\x02\xfemysql_clear_password\0\n--\n\x07\0\0\x04\0\0\0\x02\0\0\0",
    // Asks for a full log-in, and sends a key.
    b"\x4a\0\0\0\x0a8.0.36\0\x01\0\0\0saltsalt\0\x0f\xa2\x2d\x02\0\x0a\0\x15\0\0\0\0\0\0\0\0\0\0saltsaltsalt\0mysql_native_password\0\
      \n--\n\x2b\0\0\x02\xfecaching_sha2_password\0saltsaltsaltsaltsalt\n--\n\x02\0\0\x04\x01\x04\n--\n\x06\0\0\x06\x01-----",
    // Found by the fuzzer: a challenge of a negative length.
    b"\x4a\0\0\0\x0a8.0.36s\x0c\x3f\0\x01\0\0\0\x08\x81\0\0\0\0\x05\0\0\x03\xfe\0\0\x02\0\0\x80\x5b\xfe\0\0\x02\xff\0\x0a",
    b"\x1b\0\0\0\xff\x15\x04Host canary-4f1d0c9a7e is",
    b"\xff\xff\xff\0\x0a",
];

/// The only address that the settings allow. Replies cannot lead to another one.
const HOST: &str = "127.77.0.1";
const PASSWORD: &str = "canary-4f1d0c9a7e";
/// Longest time of a run, on a busy machine and unoptimized.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time in which a client that waits sends nothing more.
const QUIET: Duration = Duration::from_millis(5);

/// Checks of each store, ready to run.
static CACHE: LazyLock<Mutex<Prepared<Backend>>> = LazyLock::new(|| prepared("backend.cache", ""));
static QUEUE: LazyLock<Mutex<Prepared<Queues>>> = LazyLock::new(|| prepared("queues.redis", "queues = ['emails']"));
static DATABASE: LazyLock<Mutex<Prepared<Backend>>> = LazyLock::new(|| prepared("backend.database", ""));

/// Whatever a Redis server replies, runs end soon, in a report of clean and short texts without the password.
pub(crate) fn redis_replies(data: &[u8]) {
    run(&mut lock(&CACHE), false, data, |check, port| {
        check.cache.iter_mut().for_each(|cache| cache.store.place.port = port)
    });
    run(&mut lock(&QUEUE), false, data, |check, port| {
        check.redis.iter_mut().for_each(|redis| redis.store.place.port = port)
    });
}

/// Whatever a MySQL server replies, a run ends soon, in a report of clean and short texts without the password. The server does
/// not learn the password either.
pub(crate) fn mysql_replies(data: &[u8]) {
    let received = run(&mut lock(&DATABASE), true, data, |check, port| {
        check.database.iter_mut().for_each(|database| database.store.place.port = port);
    });
    let has_password = received.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes());
    assert!(!has_password, "the password was sent in plain text");
}

fn lock<C>(prepared: &Mutex<Prepared<C>>) -> MutexGuard<'_, Prepared<C>> {
    prepared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn prepared<C: Check>(store: &str, more: &str) -> Mutex<Prepared<C>> {
    let check = C::ID;
    let text = format!(
        "environment = 'fuzz'\nbase_url = 'https://app.example'\n[network]\nallow_addresses = ['{HOST}/32']\n\
         [contact]\nname = 'Team'\ndetails = 'team'\n[links]\nrunbook = 'https://docs.example/{{check}}'\n\
         [check.{check}]\nstep_deadline = '100ms'\n{more}\n\
         [check.{store}]\nhost = '{HOST}'\ntls = false\nuser = 'monitor'\npassword = 'env:PASSWORD'\n"
    );
    let document = Document::parse("fuzz.toml", &text).unwrap_or_else(|problems| panic!("{problems:?}"));
    Mutex::new(Prepared::read(&document).unwrap_or_else(|problems| panic!("{problems:?}")))
}

/// Runs a check against a server with these replies, which begins or waits for a command. Returns everything that the server received.
fn run<C: Check>(prepared: &mut Prepared<C>, begins: bool, data: &[u8], set_port: impl FnOnce(&mut C, u16)) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind((HOST, 0)).await.expect("a port");
        set_port(&mut prepared.check, listener.local_addr().expect("an address").port());
        let mut received = Vec::new();
        let (ports, invocation) = (ports(), Invocation::manual());
        let started = Instant::now();
        let report = tokio::select! {
            report = execute(prepared, &ports, &invocation) => report,
            () = serve(&listener, begins, data, &mut received) => unreachable!("a server has no end"),
        };
        let took = started.elapsed();
        assert!(took <= PATIENCE, "{} bytes took {took:?}", data.len());
        let report = report.unwrap_or_else(|error| panic!("{error}"));
        let report = serde_json::to_value(report).expect("a report can be written");
        assert_report(&report);
        assert!(!report.to_string().contains(PASSWORD), "{report}");
        received
    })
}

fn ports() -> Ports {
    let memory = Arc::new(Memory::default());
    Ports {
        clock: Arc::new(SkippingClock::default()),
        state: memory.clone(),
        metrics: memory.clone(),
        notifier: memory,
        secrets: Arc::new(EnvironmentSecrets::new(|_: &str| Some(PASSWORD.into()))),
        redactor: Redactor::default(),
        location: "fuzz".to_owned(),
        region: None,
        machine: None,
        release: "test".to_owned(),
        interrupt: runtime::CancellationToken::new(),
        recorder: Arc::new(Journey::new),
    }
}

/// Sends one reply after each packet, on one connection after the other.
async fn serve(listener: &TcpListener, begins: bool, data: &[u8], received: &mut Vec<u8>) {
    let mut replies = split(data, b"\n--\n").into_iter();
    loop {
        let Ok((mut connection, _)) = listener.accept().await else { continue };
        if begins {
            let _ = connection.write_all(replies.next().unwrap_or_default()).await;
        }
        for reply in replies.by_ref() {
            let mut buffer = [0; 4_096];
            match timeout(QUIET, connection.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(length)) => received.extend_from_slice(&buffer[..length]),
                Err(_) => {}
            }
            // A client that has gone reads no more.
            let _ = connection.write_all(reply).await;
        }
    }
}
