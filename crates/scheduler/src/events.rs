//! The way of events to the reader and to the board.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use runtime::Clock;
use tokio::sync::mpsc;

use crate::{Board, Event};

/// Number of events that may wait for the reader. More are dropped, since a terminal may be stopped for hours.
const MAX_WAITING: usize = 1_000;

/// Where jobs report what happens.
#[derive(Clone)]
pub(crate) struct Events {
    sender: mpsc::Sender<Event>,
    /// Number of dropped events, not yet reported to the reader.
    dropped: Arc<AtomicU64>,
    board: Arc<Board>,
    clock: Arc<dyn Clock>,
}

impl Events {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> (Self, mpsc::Receiver<Event>) {
        let (sender, received) = mpsc::channel(MAX_WAITING);
        (Self { sender, dropped: Arc::default(), board: Arc::default(), clock }, received)
    }

    pub(crate) fn board(&self) -> Arc<Board> {
        self.board.clone()
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// Reports an event. A run never waits for the reader, who learns later how many events are missing.
    pub(crate) fn tell(&self, event: Event) {
        self.board.note(&event, self.clock.now());
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        let missing = if dropped > 0 { self.sender.try_send(Event::Dropped { count: dropped }) } else { Ok(()) };
        let lost = match (missing, self.sender.try_send(event)) {
            (Ok(()), Ok(())) => 0,
            (Ok(()), Err(_)) => 1,
            (Err(_), Ok(())) => dropped,
            (Err(_), Err(_)) => dropped + 1,
        };
        self.dropped.fetch_add(lost, Ordering::Relaxed);
    }
}
