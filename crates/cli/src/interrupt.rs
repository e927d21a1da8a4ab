//! Requests to stop, by a signal or by a reader that leaves: the run in progress undoes what it has created, and the program ends.

use std::sync::{Arc, OnceLock};

use anyhow::Context;
use runtime::CancellationToken;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;
use crate::{live, terminal};

/// Answer to the first signal. It fits a line of 60 columns behind the echo of Ctrl-C.
const STOPPING: &str = "stopping and undoing; a second signal ends at once";

/// Request to stop: Ctrl-C (SIGINT), SIGTERM, or the end of the reader of standard output.
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
        let listener = |kind| signal(kind).context("failed to listen for signals");
        let (mut int, mut term) = (listener(SignalKind::interrupt())?, listener(SignalKind::terminate())?);
        let interrupt = Self { token: CancellationToken::new(), by: Arc::default() };
        let (token, by) = (interrupt.token.clone(), Arc::clone(&interrupt.by));
        tokio::spawn(async move {
            let first = tokio::select! {
                signal = next(&mut int, &mut term) => signal,
                () = terminal::reader_left() => Exit::ReaderLeft,
            };
            by.get_or_init(|| first);
            if first != Exit::ReaderLeft {
                eprintln!("{STOPPING}");
            }
            token.cancel();
            let second = next(&mut int, &mut term).await;
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

async fn next(int: &mut Signal, term: &mut Signal) -> Exit {
    tokio::select! {
        _ = int.recv() => Exit::Interrupted,
        _ = term.recv() => Exit::Terminated,
    }
}
