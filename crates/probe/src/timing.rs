//! Where the time of one exchange goes, noted from inside reqwest.
//!
//! reqwest reports no phases, so each exchange carries a [`Recorder`] in a task-local, and what reqwest calls on the way
//! notes its instant there: the resolver, the layer around the whole connector (DNS, TCP and TLS as one), and the session
//! store that rustls asks when it writes the ClientHello. hyper-util polls the connector inside the request's own task, so
//! the task-local is there; the exception is at [`Recorder::leftovers`].

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use check::{Phases, millis};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{client::Now, tls::Handshake};

tokio::task_local! {
    /// The recorder of the exchange that the current task is in.
    pub(crate) static CURRENT: Arc<Recorder>;
}

/// A part of an exchange, in the order in which they happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Name resolution.
    Resolve,
    /// TCP connection.
    Connect,
    /// TLS handshake.
    Tls,
    /// Sending, and waiting for the headers of the answer.
    FirstByte,
    /// Reading the body.
    Body,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolving the name",
            Self::Connect => "connecting",
            Self::Tls => "in the TLS handshake",
            Self::FirstByte => "waiting for the first byte",
            Self::Body => "reading the body",
        })
    }
}

/// The instants of one exchange.
pub(crate) struct Recorder {
    started: Instant,
    now: Now,
    marks: Mutex<Marks>,
    handshake: Mutex<Handshake>,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Marks {
    pub(crate) connecting: Option<Instant>,
    pub(crate) resolving: Option<Instant>,
    pub(crate) resolved: Option<Instant>,
    pub(crate) handshaking: Option<Instant>,
    pub(crate) connected: Option<Instant>,
    pub(crate) answered: Option<Instant>,
    leftovers: bool,
}

/// Notes something about the current exchange; without one there is nothing to note.
pub(crate) fn note(mark: impl FnOnce(&mut Marks)) {
    // Outside an exchange (a connection attempt that was left behind) nobody listens.
    let _ = CURRENT.try_with(|recorder| mark(&mut recorder.marks()));
}

/// Notes something about the handshake of the current exchange.
pub(crate) fn note_tls(mark: impl FnOnce(&mut Handshake)) {
    let _ = CURRENT.try_with(|recorder| mark(&mut recorder.handshake.lock().unwrap_or_else(PoisonError::into_inner)));
}

impl Recorder {
    pub(crate) fn new(now: Now) -> Arc<Self> {
        Arc::new(Self { started: Instant::now(), now, marks: Mutex::default(), handshake: Mutex::default() })
    }

    /// The wall clock of the exchange.
    pub(crate) fn now(&self) -> jiff::Timestamp {
        (self.now)()
    }

    /// Since the exchange began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that this exchange's own connection attempt is not the one it uses: while it was connecting, a kept
    /// connection became idle, hyper-util took that, and moved the attempt to a task of its own.
    fn leftovers(&self) {
        self.marks().leftovers = true;
    }

    /// What its TLS handshake showed, when it made one of its own.
    pub(crate) fn handshake(&self) -> Handshake {
        if self.marks().leftovers {
            return Handshake::default();
        }
        self.handshake.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The phases until `end`, and the one that was going on then.
    pub(crate) fn timeline(&self, end: Instant) -> (Phases, Phase) {
        let marks = *self.marks();
        let own = !marks.leftovers && (marks.connected.is_some() || marks.answered.is_none());
        let connecting = marks.connecting.filter(|_| own);
        let mut starts = Vec::with_capacity(5);
        if let Some(connecting) = connecting {
            // An IP literal is not resolved.
            starts.extend(marks.resolving.map(|at| (Phase::Resolve, at)));
            let resolved = if marks.resolving.is_some() { marks.resolved } else { Some(connecting) };
            starts.extend(resolved.map(|at| (Phase::Connect, at)));
            starts.extend(marks.handshaking.map(|at| (Phase::Tls, at)));
            starts.extend(marks.connected.map(|at| (Phase::FirstByte, at)));
        } else {
            starts.push((Phase::FirstByte, self.started));
        }
        starts.extend(marks.answered.map(|at| (Phase::Body, at)));

        let mut phases = Phases::default();
        let mut current = Phase::Connect;
        for (i, &(phase, start)) in starts.iter().enumerate() {
            let until = starts.get(i + 1).map_or(end, |&(_, next)| next);
            let took = Some(millis(until.saturating_duration_since(start)));
            match phase {
                Phase::Resolve => phases.dns_ms = took,
                Phase::Connect => phases.connect_ms = took,
                Phase::Tls => phases.tls_ms = took,
                Phase::FirstByte => phases.first_byte_ms = took,
                Phase::Body => phases.transfer_ms = took,
            }
            current = phase;
        }
        (phases, current)
    }
}

/// The system's resolver (`getaddrinfo` on a blocking thread).
///
/// A look-up that nobody waits for any more ends by the resolver's own timeouts; it cannot be interrupted.
pub(crate) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// A resolver that notes when it was asked and when it had an answer.
pub(crate) struct TimedResolver(pub(crate) Arc<dyn Resolve>);

impl Resolve for TimedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let resolving = self.0.resolve(name);
        Box::pin(async move {
            note(|marks| marks.resolving = Some(Instant::now()));
            let mut addresses = resolving.await?.peekable();
            if addresses.peek().is_none() {
                return Err(format!("no addresses for {host}").into());
            }
            note(|marks| marks.resolved = Some(Instant::now()));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

/// Wraps the connector, so that its start and its end are noted.
#[derive(Clone)]
pub(crate) struct TimeConnecting;

impl<S> tower::Layer<S> for TimeConnecting {
    type Service = TimedConnector<S>;

    fn layer(&self, inner: S) -> TimedConnector<S> {
        TimedConnector(inner)
    }
}

#[derive(Clone)]
pub(crate) struct TimedConnector<S>(S);

impl<S, R> tower::Service<R> for TimedConnector<S>
where
    S: tower::Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, target: R) -> Self::Future {
        note(|marks| marks.connecting = Some(Instant::now()));
        let recorder = CURRENT.try_with(Arc::clone).ok();
        let mut connecting = Box::pin(self.0.call(target));
        Box::pin(poll_fn(move |cx| {
            if let Some(recorder) = &recorder
                && CURRENT.try_with(|_| ()).is_err()
            {
                recorder.leftovers();
            }
            let polled = connecting.as_mut().poll(cx);
            if matches!(polled, Poll::Ready(Ok(_))) {
                note(|marks| marks.connected = Some(Instant::now()));
            }
            polled
        }))
    }
}
