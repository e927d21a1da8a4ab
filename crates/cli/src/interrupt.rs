//! Requests to stop, by a signal or by a reader that leaves: the run in progress undoes what it has created, and the program ends.

use std::future::pending;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use runtime::CancellationToken;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::exit::Exit;
use crate::{live, terminal};

/// Answer to the first signal. It fits a line of 60 columns behind the echo of Ctrl-C.
const STOPPING: &str = "stopping and undoing; a second signal ends at once";

/// Longest time that the answer may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// Request to stop: Ctrl-C (SIGINT), SIGTERM, a terminal that is closed (SIGHUP), or the end of the reader of standard output.
pub(crate) struct Interrupt {
    /// Cancelled by the first request.
    pub(crate) token: CancellationToken,
    by: Arc<OnceLock<Exit>>,
}

impl Interrupt {
    /// Listens for requests from now on. A signal after the first request ends the program at once.
    ///
    /// # Errors
    /// When the operating system refuses the handlers.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Self::listen_to(Signals::listen().context("failed to listen for signals")?)
    }

    /// Listens for requests from now on. SIGHUP is no such request: it asks to read the settings again, unless the terminal was
    /// closed.
    ///
    /// # Errors
    /// When the operating system refuses the handlers.
    pub(crate) fn listen_and_reload() -> anyhow::Result<(Self, mpsc::Receiver<()>)> {
        let (reload, asked) = mpsc::channel(1);
        let signals = Signals::listen().context("failed to listen for signals")?;
        Ok((Self::listen_to(Signals { reload: Some(reload), ..signals })?, asked))
    }

    fn listen_to(mut signals: Signals) -> anyhow::Result<Self> {
        let interrupt = Self { token: CancellationToken::new(), by: Arc::default() };
        let (token, by) = (interrupt.token.clone(), Arc::clone(&interrupt.by));
        tokio::spawn(async move {
            let first = tokio::select! {
                // A terminal that is closed cannot be written to either.
                biased;
                signal = signals.next() => signal,
                () = terminal::reader_left() => Exit::ReaderLeft,
            };
            by.get_or_init(|| first);
            if first != Exit::ReaderLeft {
                // A terminal that is stopped, or a pipe that is not read, must not keep the second signal from ending the program.
                let answer = tokio::task::spawn_blocking(|| eprintln!("{STOPPING}"));
                let _ = timeout(ANSWERS_WITHIN, answer).await;
            }
            token.cancel();
            let second = signals.next().await;
            live::leave();
            std::process::exit(second as i32);
        });
        Ok(interrupt)
    }

    /// Exit code of the program: that of the request, or this one when none came.
    pub(crate) fn exit_or(&self, regular: Exit) -> Exit {
        self.by.get().copied().unwrap_or(regular)
    }
}

/// Signals that ask the program to stop.
struct Signals {
    int: Signal,
    term: Signal,
    /// `None` if the program was started to go on without its terminal, as by `nohup`.
    hup: Option<Signal>,
    /// Who reads the settings again on SIGHUP; `None` if it ends the program.
    reload: Option<mpsc::Sender<()>>,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let hup = if ignores_hang_up() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { int: signal(SignalKind::interrupt())?, term: signal(SignalKind::terminate())?, hup, reload: None })
    }

    async fn next(&mut self) -> Exit {
        let reload = &self.reload;
        let hung_up = async {
            let Some(hup) = &mut self.hup else { return pending().await };
            loop {
                hup.recv().await;
                match reload {
                    Some(reload) if !terminal::has_hung_up() => {
                        // One that waits is enough.
                        let _ = reload.try_send(());
                    }
                    _ => return,
                }
            }
        };
        tokio::select! {
            _ = self.int.recv() => Exit::Interrupted,
            _ = self.term.recv() => Exit::Terminated,
            () = hung_up => Exit::HungUp,
        }
    }
}

/// True if SIGHUP was ignored when the program was started. Only Linux says so in a file.
fn ignores_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The last bit is that of signal 1.
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
