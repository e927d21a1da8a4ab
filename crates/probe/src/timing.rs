//! Phases of one exchange, measured from inside reqwest.
//!
//! reqwest does not report phases, so each exchange carries a [`Recorder`] in a task-local, where hooks record their
//! instants: the resolver, the layer around the whole connector (DNS, TCP and TLS as one), and the session store that
//! rustls queries when it writes the ClientHello. hyper-util polls the connector inside the request's own task, so the
//! task-local is available; for the exception see [`Recorder::abandon`].

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use check::{Phases, millis};
use jiff::Timestamp;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::handshake::Handshake;

/// Wall clock.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

tokio::task_local! {
    /// Recorder of the current task's exchange.
    pub(crate) static CURRENT: Arc<Recorder>;
}

/// Phase of an exchange, in chronological order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Name resolution.
    Resolve,
    /// TCP connection.
    Connect,
    /// TLS handshake.
    Tls,
    /// Sending, and waiting for the response headers.
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

/// Records the instants of one exchange.
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
    pub(crate) headers_received: Option<Instant>,
    is_abandoned: bool,
}

/// Records a mark for the current exchange, if there is one.
pub(crate) fn note(mark: impl FnOnce(&mut Marks)) {
    // An abandoned connection attempt runs outside any exchange.
    let _ = CURRENT.try_with(|recorder| mark(&mut recorder.marks()));
}

/// Records evidence from the handshake of the current exchange.
pub(crate) fn note_tls(mark: impl FnOnce(&mut Handshake)) {
    let _ = CURRENT.try_with(|recorder| mark(&mut recorder.handshake.lock().unwrap_or_else(PoisonError::into_inner)));
}

impl Recorder {
    pub(crate) fn new(now: Now) -> Arc<Self> {
        Arc::new(Self { started: Instant::now(), now, marks: Mutex::default(), handshake: Mutex::default() })
    }

    /// Wall clock time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Time since the exchange began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that the exchange abandoned its own connection attempt: while it was connecting, a kept connection became
    /// idle, so hyper-util used that one and moved the attempt to another task.
    fn abandon(&self) {
        self.marks().is_abandoned = true;
    }

    /// Evidence from the TLS handshake, if the exchange performed one.
    pub(crate) fn handshake(&self) -> Handshake {
        if self.marks().is_abandoned {
            return Handshake::default();
        }
        self.handshake.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Phases until `end`, and the phase at that moment.
    pub(crate) fn timeline(&self, end: Instant) -> (Phases, Phase) {
        let marks = *self.marks();
        let own = !marks.is_abandoned && (marks.connected.is_some() || marks.headers_received.is_none());
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
        starts.extend(marks.headers_received.map(|at| (Phase::Body, at)));

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

/// System resolver (`getaddrinfo` on a blocking thread).
///
/// An abandoned lookup cannot be interrupted; it ends by the resolver's own timeout.
pub(crate) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Resolver that records the start and the end of each lookup.
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

/// Layer that records the start and the end of connecting.
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
                recorder.abandon();
            }
            let polled = connecting.as_mut().poll(cx);
            if matches!(polled, Poll::Ready(Ok(_))) {
                note(|marks| marks.connected = Some(Instant::now()));
            }
            polled
        }))
    }
}
