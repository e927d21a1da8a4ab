//! Sending requests and recording what happens.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use check::{Certificate, Exchange, FailureKind, Mismatch, Phases, TlsEvidence, millis};
use http::{
    HeaderName, HeaderValue, Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_ENCODING, COOKIE, LOCATION, USER_AGENT},
};
use jiff::Timestamp;
use reqwest::{dns::Resolve, tls::TlsInfo};
use tokio::time::timeout;
use url::Url;

use crate::{
    Cookies, EgressPolicy, Error, Redactor, Request, Response, Tls,
    egress::FencedResolver,
    excerpt::{excerpt, name_excerpt},
    fault::{Circumstances, Fault, refused_expiry},
    laravel::retry_after,
    redirect::{Hop, is_redirect},
    timing::{CURRENT, Phase, Recorder, SystemResolver, TimeConnecting, TimedResolver, note},
    tls::{self, Handshake},
};

/// Who asks, told to the target's operators in its logs.
const AGENT: &str =
    concat!("JustDrivingSynthetics/", env!("CARGO_PKG_VERSION"), " (+https://github.com/just-driving/synthetics)");

const RUN: HeaderName = HeaderName::from_static("x-synthetic-run");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Bounds a connection attempt that was left behind by an exchange; deadlines are shorter.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

/// The wall clock.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What identifies a run in the logs and traces of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Sent as `X-Synthetic-Run`.
    pub run_id: String,
    /// The W3C trace id: 32 lower-case hexadecimal digits, not all zero. Sent in `traceparent`, with a new span id for
    /// each exchange.
    pub trace_id: String,
}

/// Whether exchanges share connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connections {
    /// Each exchange makes its own, with a full TLS handshake: what a new visitor meets.
    #[default]
    Fresh,
    /// Kept between exchanges, as a browser does within a visit. An exchange on a kept connection has no `dns`, `connect`
    /// and `tls` phases.
    Reused,
}

/// Sends requests on behalf of one run.
///
/// Cheap to make from a shared [`Tls`]; make one per attempt, so that attempts share no connection.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    tls: Tls,
    egress: Arc<EgressPolicy>,
    identity: Identity,
    run: HeaderValue,
    redactor: Redactor,
    now: Now,
    connections: Connections,
}

/// What came of a request.
#[derive(Clone, Debug)]
pub struct Sent {
    /// One per hop, in order; the last is the one that answered or failed. Empty when nothing was sent.
    pub exchanges: Vec<Exchange>,
    /// The answer of the last hop.
    pub result: Result<Response, Error>,
}

/// What all hops of a request share.
struct Bounds {
    started: Instant,
    deadline: Duration,
    body_cap: u64,
    follow: bool,
    cookies: Option<Cookies>,
    /// Where the request goes first. Its cookies go there alone.
    home: Url,
}

impl Client {
    /// A client that resolves names as the system does.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] when the identity cannot be sent, or when reqwest cannot be set up.
    pub fn new(
        tls: &Tls,
        egress: &EgressPolicy,
        identity: Identity,
        redactor: Redactor,
        now: Now,
        connections: Connections,
    ) -> Result<Self, Error> {
        Self::with_resolver(tls, egress, identity, redactor, now, connections, Arc::new(SystemResolver))
    }

    /// A client with a resolver of its own, whose answers are held against the fence. IP literals in URLs do not go through it.
    ///
    /// # Errors
    ///
    /// As [`Client::new`].
    pub fn with_resolver(
        tls: &Tls,
        egress: &EgressPolicy,
        identity: Identity,
        redactor: Redactor,
        now: Now,
        connections: Connections,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, Error> {
        let hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        let trace = &identity.trace_id;
        if trace.len() != 32 || !trace.chars().all(hex) || trace.chars().all(|c| c == '0') {
            return Err(Error::Request(format!("a trace id must be 32 hexadecimal digits, not {trace:?}")));
        }
        let run = HeaderValue::from_str(&identity.run_id)
            .map_err(|_| Error::Request(format!("the run id {:?} cannot be sent in a header", identity.run_id)))?;
        let egress = Arc::new(egress.clone());
        let resolver = FencedResolver { inner: resolver, egress: egress.clone() };
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.config())
            .tls_info(true)
            .no_proxy()
            .referer(false)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .connector_layer(TimeConnecting)
            .dns_resolver(TimedResolver(Arc::new(resolver)));
        if connections == Connections::Fresh {
            builder = builder.pool_max_idle_per_host(0);
        }
        let http = builder.build().map_err(|error| Error::Request(error.to_string()))?;
        Ok(Self { http, tls: tls.clone(), egress, identity, run, redactor, now, connections })
    }

    /// The secrets that this client keeps out of what it reports.
    #[must_use]
    pub const fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    pub(crate) fn egress(&self) -> &EgressPolicy {
        &self.egress
    }

    pub(crate) const fn tls(&self) -> &Tls {
        &self.tls
    }

    pub(crate) fn now(&self) -> Now {
        self.now.clone()
    }

    /// Sends a request, follows its redirects and reads the answer, all within the request's deadline.
    ///
    /// Dropping the future closes the connection; nothing goes on.
    ///
    /// **Side effects:** those of the request at the target, at most once per hop. The values of the request's secret
    /// headers are registered with the redactor.
    pub async fn send(&self, request: Request) -> Sent {
        let mut exchanges = Vec::new();
        let result = match request.check() {
            Ok(()) => self.follow(request, &mut exchanges).await,
            Err(mistake) => Err(mistake),
        };
        Sent { exchanges, result }
    }

    async fn follow(&self, request: Request, exchanges: &mut Vec<Exchange>) -> Result<Response, Error> {
        self.learn_secrets(&request);
        let bounds = Bounds {
            started: Instant::now(),
            deadline: request.deadline,
            body_cap: request.body_cap,
            follow: request.max_redirects > 0,
            cookies: request.cookies,
            home: request.url.clone(),
        };
        let mut hop = Hop { method: request.method, url: request.url, headers: request.headers, body: request.body };
        self.hold_in(&hop.url)?;
        let mut visited = Vec::new();
        loop {
            let response = self.exchange(&hop, &bounds, exchanges).await?;
            if !bounds.follow || !is_redirect(response.status) {
                return Ok(response);
            }
            let next = hop
                .follow(response.status, response.headers.get(LOCATION))
                .map_err(|actual| self.lost("a redirect that can be followed", &actual, exchanges))?;
            visited.push((hop.method.clone(), hop.url.clone()));
            if visited.iter().any(|(method, url)| *method == next.method && *url == next.url) {
                let actual = format!("back at {} {}", next.method, next.url);
                return Err(self.lost("redirects that end", &actual, exchanges));
            }
            if visited.len() > usize::from(request.max_redirects) {
                let expected = format!("at most {} redirects", request.max_redirects);
                return Err(self.lost(&expected, &format!("one more, to {}", next.url), exchanges));
            }
            self.hold_redirect_in(&hop.url, &next.url, exchanges)?;
            hop = next;
        }
    }

    /// One hop, recorded whatever becomes of it.
    async fn exchange(&self, hop: &Hop, bounds: &Bounds, exchanges: &mut Vec<Exchange>) -> Result<Response, Error> {
        let recorder = Recorder::new(self.now.clone());
        let mut exchange = Exchange {
            method: hop.method.to_string(),
            url: excerpt(hop.url.as_str(), &self.redactor),
            started: recorder.now(),
            duration_ms: 0.0,
            status: None,
            protocol: None,
            remote: None,
            body_bytes: 0,
            location: None,
            certificate_expires: None,
            tls: None,
            retry_after_ms: None,
            phases: Phases::default(),
        };
        let answer = CURRENT.scope(recorder.clone(), self.answer(hop, bounds, &mut exchange));
        let outcome = timeout(bounds.deadline.saturating_sub(bounds.started.elapsed()), answer).await;
        let (phases, phase) = recorder.timeline(Instant::now());
        exchange.phases = phases;
        exchange.duration_ms = millis(recorder.elapsed());
        let handshake = recorder.handshake();
        exchange.certificate_expires = handshake.expires.or(exchange.certificate_expires);
        exchange.tls = self.tls_evidence(&handshake);
        let result = match outcome {
            Ok(Ok(response)) => Ok(Response { certificate_expires: exchange.certificate_expires, ..response }),
            Ok(Err(fault)) => {
                exchange.certificate_expires = exchange.certificate_expires.or_else(|| refused_expiry(&fault));
                let circumstances = Circumstances {
                    phase,
                    is_redirected: !exchanges.is_empty(),
                    handshake: &handshake,
                    host: hop.url.host_str().unwrap_or_default(),
                    port: hop.url.port_or_known_default().unwrap_or_default(),
                    body_bytes: exchange.body_bytes,
                    body_cap: bounds.body_cap,
                    redactor: &self.redactor,
                };
                Err(circumstances.judge(&fault))
            }
            Err(_) => Err(bounds.passed(phase, &exchange)),
        };
        exchanges.push(exchange);
        result
    }

    async fn answer(&self, hop: &Hop, bounds: &Bounds, exchange: &mut Exchange) -> Result<Response, Fault> {
        let mut request = self.http.request(hop.method.clone(), hop.url.clone()).headers(hop.headers.clone());
        request = self.identify(request);
        let at_home = hop.url.scheme() == bounds.home.scheme() && hop.url.host() == bounds.home.host();
        if let Some(cookies) = bounds.cookies.as_ref().filter(|_| at_home).and_then(|jar| jar.header(&hop.url)) {
            request = request.headers(http::HeaderMap::from_iter([(COOKIE, cookies)]));
        }
        if let Some(body) = &hop.body {
            request = request.body(body.clone());
        }
        let mut answer = request.send().await.map_err(Fault::Wire)?;
        note(|marks| marks.answered = Some(Instant::now()));
        if let Some(jar) = &bounds.cookies {
            // Before anything of the answer is quoted.
            jar.keep(&hop.url, answer.headers(), &self.redactor);
        }
        let status = answer.status();
        exchange.status = Some(status.as_u16());
        exchange.protocol = Some(format!("{:?}", answer.version()));
        exchange.remote = answer.remote_addr().map(|address| address.to_string());
        exchange.certificate_expires =
            answer.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate).and_then(tls::expiry);
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            let after = retry_after(answer.headers());
            exchange.retry_after_ms = after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        }
        let redirect = is_redirect(status);
        if redirect {
            let location = answer.headers().get(LOCATION);
            exchange.location = location.map(|to| excerpt(&String::from_utf8_lossy(to.as_bytes()), &self.redactor));
        }
        let body = if redirect && bounds.follow {
            // Nobody looks at it. It is read only so that its connection can be kept, and may be anything.
            if self.connections == Connections::Reused {
                let _ = read(&mut answer, bounds.body_cap, &mut exchange.body_bytes).await;
            }
            Bytes::new()
        } else if has_no_body(&hop.method, status) {
            Bytes::new()
        } else {
            // The encodings that were asked for are decoded by now, and their header is gone.
            if let Some(encoding) = answer.headers().get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
                return Err(Fault::Encoding(String::from_utf8_lossy(encoding.as_bytes()).into_owned()));
            }
            read(&mut answer, bounds.body_cap, &mut exchange.body_bytes).await?
        };
        Ok(Response {
            status,
            headers: std::mem::take(answer.headers_mut()),
            body,
            url: hop.url.clone(),
            certificate_expires: exchange.certificate_expires,
            redactor: self.redactor.clone(),
        })
    }

    /// Adds the headers by which the target's operators recognise a run. They replace the caller's.
    fn identify(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        let mut span = [0; 8];
        // Without randomness there would have been no TLS either; then the span is one that no tracer takes for valid.
        let _ = self.tls.provider().secure_random.fill(&mut span);
        let parent = format!("00-{}-{:016x}-01", self.identity.trace_id, u64::from_be_bytes(span));
        let headers = [(RUN, Ok(self.run.clone())), (TRACEPARENT, HeaderValue::from_str(&parent))];
        let mut identity: http::HeaderMap =
            headers.into_iter().filter_map(|(name, value)| Some((name, value.ok()?))).collect();
        identity.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        request.headers(identity)
    }

    fn learn_secrets(&self, request: &Request) {
        for (name, value) in request.headers.iter().filter(|(_, value)| value.is_sensitive()) {
            let Ok(value) = value.to_str() else { continue };
            self.redactor.register(value);
            // The credentials without their scheme.
            if let Some((_, credentials)) = value.split_once(' ').filter(|_| name == AUTHORIZATION) {
                self.redactor.register(credentials);
            }
        }
        if let Some(password) = request.url.password() {
            self.redactor.register(password);
        }
    }

    /// The first hop stays where the settings let requests go.
    fn hold_in(&self, url: &Url) -> Result<(), Error> {
        if !self.egress.names(url) {
            // A link in an answer: requests to hosts of the settings are let through.
            let expected = format!("a link to a host that the settings name ({})", self.egress.hosts());
            return Err(self.lost(&expected, &format!("one to {}", url.host_str().unwrap_or_default()), &[]));
        }
        self.egress.permits_literal(url).map_err(|refused| {
            Error::Request(format!("no connection is made to {refused}: `network.allow_addresses` does not allow it"))
        })
    }

    /// A redirect stays where the settings let it lead, and does not give up encryption.
    fn hold_redirect_in(&self, from: &Url, to: &Url, exchanges: &[Exchange]) -> Result<(), Error> {
        let lost = |expected: &str, actual: String| Err(self.lost(expected, &actual, exchanges));
        let host = to.host_str().unwrap_or_default();
        if from.scheme() == "https" && to.scheme() == "http" {
            return lost("a redirect that stays encrypted", format!("one from https to plain http at {host}"));
        }
        if !self.egress.lets_redirect(to) {
            let expected = format!("a redirect to a host that the settings name ({})", self.egress.hosts());
            return lost(&expected, format!("one to {host}; `network.allow_redirect_hosts` may allow it"));
        }
        match self.egress.permits_literal(to) {
            Ok(()) => Ok(()),
            Err(refused) => lost("a redirect to the public internet", format!("one to {refused}")),
        }
    }

    /// What a handshake showed, made fit to be told: names in certificates are written by whoever made them.
    fn tls_evidence(&self, handshake: &Handshake) -> Option<TlsEvidence> {
        if handshake.version.is_none() && handshake.chain.is_empty() {
            return None;
        }
        let name = |text: &str| name_excerpt(text, &self.redactor);
        let chain = handshake.chain.iter().map(|certificate| Certificate {
            subject: name(&certificate.subject),
            issuer: name(&certificate.issuer),
            expires: certificate.expires,
        });
        Some(TlsEvidence {
            version: handshake.version.map(str::to_owned),
            cipher: handshake.cipher.clone(),
            chain: chain.collect(),
        })
    }

    /// A chain of redirects that led nowhere.
    fn lost(&self, expected: &str, actual: &str, exchanges: &[Exchange]) -> Error {
        let chain: Vec<String> = exchanges
            .iter()
            .map(|hop| {
                let status = hop.status.map(|status| status.to_string()).unwrap_or_default();
                format!("{} {} {status} -> {}", hop.method, hop.url, hop.location.as_deref().unwrap_or("nowhere"))
            })
            .collect();
        let mismatch = Mismatch {
            kind: FailureKind::Redirect,
            expected: expected.to_owned(),
            actual: excerpt(actual, &self.redactor),
            evidence: (!chain.is_empty()).then(|| excerpt(&chain.join("; "), &self.redactor)),
        };
        Error::Target { mismatch: Box::new(mismatch), transient: false }
    }
}

impl Bounds {
    fn passed(&self, phase: Phase, exchange: &Exchange) -> Error {
        let read = if phase == Phase::Body { format!(", {} bytes so far", exchange.body_bytes) } else { String::new() };
        let mismatch = Mismatch {
            kind: FailureKind::Timeout,
            expected: format!("an answer within {} ms", self.deadline.as_millis()),
            actual: format!("still {phase} after {} ms{read}", self.started.elapsed().as_millis()),
            evidence: Some(format!("{} {}", exchange.method, exchange.url)),
        };
        Error::Target { mismatch: Box::new(mismatch), transient: true }
    }
}

/// Reads a body up to a bound. reqwest decodes while it streams, so the bound holds for decoded bytes, and memory too: one
/// piece is a few kilobytes, however well it was compressed.
async fn read(answer: &mut reqwest::Response, cap: u64, bytes: &mut u64) -> Result<Bytes, Fault> {
    let mut body = BytesMut::new();
    while let Some(piece) = answer.chunk().await.map_err(Fault::Wire)? {
        *bytes += piece.len() as u64;
        if *bytes > cap {
            return Err(Fault::TooLarge);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

fn has_no_body(method: &Method, status: StatusCode) -> bool {
    method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("identity", &self.identity)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}
