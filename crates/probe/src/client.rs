//! Client that sends requests and records each exchange.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use check::{
    Certificate, Exchange, FailureKind, Mismatch, Phases, Phrase, Text, TlsEvidence, foreign, millis, ours, phrase,
};
use http::{
    HeaderName, HeaderValue, Method, StatusCode,
    header::{ACCEPT_ENCODING, AUTHORIZATION, COOKIE, LOCATION, USER_AGENT},
};
use reqwest::{dns::Resolve, tls::TlsInfo};
use tokio::time::timeout;
use url::{Position, Url};

use crate::{
    ClientIdentity, Cookies, EgressPolicy, Error, Limits, Redactor, Request, Response, Tls,
    bounds::{Bounds, Visit},
    coding::{ACCEPTED, Body, Undecoded},
    cookies::mask_values,
    egress::PolicyResolver,
    fault::{Circumstances, Fault, refused_expiry},
    handshake::Handshake,
    limits::{MAX_HEADER_LINES, MAX_HEADER_LIST},
    redirect::{Hop, check_sendable, is_redirect, reference},
    timing::{CURRENT, Now, Recorder, SystemResolver, TimeConnecting, TimedResolver, note},
    tls,
    wait::wait_time,
};

/// User agent, which identifies the monitor in the logs of the target.
const AGENT: &str =
    concat!("JustDrivingSynthetics/", env!("CARGO_PKG_VERSION"), " (+https://github.com/just-driving/synthetics)");

const RUN: HeaderName = HeaderName::from_static("x-synthetic-run");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Limit for a connection attempt that an exchange has abandoned; deadlines are shorter.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

/// Identity of a run in the logs and traces of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Sent as `X-Synthetic-Run`.
    pub run_id: String,
    /// W3C trace id: 32 lower-case hexadecimal digits, not all zero. Sent in `traceparent`, with a new span id for each
    /// exchange.
    pub trace_id: String,
}

/// Connection reuse between exchanges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connections {
    /// Each exchange opens its own connection with a full TLS handshake, as a new user does.
    #[default]
    Fresh,
    /// Connections are kept between exchanges, as in a browser session. An exchange on a kept connection has no `dns`,
    /// `connect` and `tls` phases.
    Reused,
}

/// Sends requests on behalf of one run.
///
/// Cheap to create from a shared [`Tls`]. Create one per attempt, so that attempts do not share connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    tls: Tls,
    egress: Arc<EgressPolicy>,
    resolver: Arc<dyn Resolve>,
    identity: Identity,
    run: HeaderValue,
    redactor: Redactor,
    now: Now,
    connections: Connections,
    limits: Limits,
}

/// Result of a request, with its exchanges.
#[derive(Clone, Debug)]
pub struct Sent {
    /// One exchange per hop, in order; the last one responded or failed. Empty when nothing was sent.
    pub exchanges: Vec<Exchange>,
    /// Response of the last hop, or the error.
    pub result: Result<Response, Error>,
    /// Redirect that was refused or led nowhere, without its body; only with an error.
    pub refused: Option<Response>,
}

impl Client {
    /// Creates a client that uses the system's resolver.
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

    /// Creates a client with another resolver. The egress policy checks the resolved addresses. IP literals in URLs do not
    /// reach the resolver.
    ///
    /// # Errors
    ///
    /// Those of [`Client::new`].
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
            return Err(Error::Request(phrase!(
                "expected a trace id of 32 hexadecimal digits, found {}",
                ours(format_args!("{trace:?}"))
            )));
        }
        let run = HeaderValue::from_str(&identity.run_id).map_err(|_| {
            Error::Request(phrase!(
                "expected a run id that fits in a header, found {}",
                ours(format_args!("{:?}", identity.run_id))
            ))
        })?;
        let egress = Arc::new(egress.clone());
        let http = http_client(tls, &egress, &resolver, connections)?;
        Ok(Self {
            http,
            tls: tls.clone(),
            egress,
            resolver,
            identity,
            run,
            redactor,
            now,
            connections,
            limits: Limits::default(),
        })
    }

    /// Replaces the limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Redactor for everything that this client reports.
    #[must_use]
    pub const fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    pub(crate) fn egress(&self) -> &EgressPolicy {
        &self.egress
    }

    pub(crate) fn resolver(&self) -> &dyn Resolve {
        self.resolver.as_ref()
    }

    pub(crate) const fn tls(&self) -> &Tls {
        &self.tls
    }

    pub(crate) fn now(&self) -> Now {
        self.now.clone()
    }

    /// Sends a request, follows its redirects and reads the response, all within the request's deadline.
    ///
    /// Dropping the future closes the connection and stops all work.
    ///
    /// **Side effects:** those of the request at the target, at most once per hop; a safe request whose answer has a malformed header
    /// line is sent once more, to name the line. The values of the request's secret headers are registered with the redactor.
    pub async fn send(&self, request: Request) -> Sent {
        let (mut exchanges, mut refused) = (Vec::new(), None);
        let result = match request.check() {
            Ok(()) => {
                request.note_sending();
                // Type-erased: the futures of a whole flow would otherwise be nested too deeply for the compiler.
                let followed: Pin<Box<dyn Future<Output = Result<Response, Error>> + Send + '_>> =
                    Box::pin(self.follow(request, &mut exchanges, &mut refused));
                followed.await
            }
            Err(mistake) => Err(mistake),
        };
        Sent { exchanges, result, refused }
    }

    fn identified(&self, identity: &ClientIdentity) -> Result<reqwest::Client, Error> {
        http_client(&identity.tls, &self.egress, &self.resolver, self.connections)
    }

    async fn follow(
        &self,
        request: Request,
        exchanges: &mut Vec<Exchange>,
        refused: &mut Option<Response>,
    ) -> Result<Response, Error> {
        self.learn_secrets(&request);
        let follow = request.max_redirects > 0;
        let identified = request.identity.map(|identity| self.identified(&identity)).transpose()?;
        let bounds = Bounds {
            started: Instant::now(),
            deadline: request.deadline,
            body_cap: self.limits.body.unwrap_or(request.body_cap),
            follow,
            is_visitor: request.cookies.is_none(),
            cookies: request.cookies.or_else(|| follow.then(Cookies::default)),
            home: request.url.clone(),
            identified,
        };
        let mut hop = Hop { method: request.method, url: request.url, headers: request.headers, body: request.body };
        self.check_egress(&hop.url, request.is_linked)?;
        let mut visited = Vec::new();
        loop {
            visited.push(bounds.visit(&hop));
            let response = self.exchange(&hop, &bounds, exchanges).await?;
            if !bounds.follow || !is_redirect(response.status) {
                return Ok(response);
            }
            hop = match self.next_hop(&hop, &response, &bounds, &visited, request.max_redirects) {
                Ok(next) => next,
                Err((expected, actual, is_loop)) => {
                    // Behind a loop there is nothing to find.
                    *refused = Some(response).filter(|_| !is_loop);
                    return Err(redirect_error(expected, actual, exchanges));
                }
            };
        }
    }

    /// Hop that a redirect leads to.
    ///
    /// # Errors
    /// What was expected, what the redirect is instead, and true for a loop.
    fn next_hop(
        &self,
        hop: &Hop,
        response: &Response,
        bounds: &Bounds,
        visited: &[Visit],
        max_redirects: u8,
    ) -> Result<Hop, (Phrase, Phrase, bool)> {
        let next = hop
            .follow(response.status, &response.headers)
            .map_err(|actual| ("a valid redirect".into(), actual, false))?;
        let is_last = visited.len() > usize::from(max_redirects);
        if let Some(cookies) = bounds.visit(&next).loops(visited, is_last) {
            let actual = phrase!("back at {} {}{}", ours(&next.method), foreign(&next.url), cookies);
            return Err(("redirects that end".into(), actual, true));
        }
        if is_last {
            let expected = phrase!("at most {} redirects", ours(max_redirects));
            return Err((expected, phrase!("one more, to {}", foreign(&next.url)), false));
        }
        self.check_redirect(&hop.url, &next.url).map_err(|(expected, actual)| (expected, actual, false))?;
        Ok(next)
    }

    /// Performs one hop and records it, even when it fails.
    async fn exchange(&self, hop: &Hop, bounds: &Bounds, exchanges: &mut Vec<Exchange>) -> Result<Response, Error> {
        let recorder = Recorder::new(self.now.clone());
        let mut exchange = Exchange {
            method: hop.method.to_string(),
            url: self.shown_url(&hop.url, bounds),
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
        let performing = CURRENT.scope(recorder.clone(), self.perform(hop, bounds, &mut exchange));
        let outcome = timeout(bounds.deadline.saturating_sub(bounds.started.elapsed()), performing).await;
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
                    host: bounds.host(&hop.url),
                    port: hop.url.port_or_known_default().unwrap_or_default(),
                    body_bytes: exchange.body_bytes,
                    body_cap: bounds.body_cap,
                };
                let error = circumstances.classify(&fault);
                Err(if fault.is_malformed_header() { self.name_line(error, hop, bounds).await } else { error })
            }
            Err(_) => Err(bounds.timeout_error(phase, &exchange)),
        };
        exchanges.push(exchange);
        result
    }

    /// Names the malformed header line of a failed exchange.
    async fn name_line(&self, error: Error, hop: &Hop, bounds: &Bounds) -> Error {
        let remaining = bounds.deadline.saturating_sub(bounds.started.elapsed());
        let Ok(request) = self.request(hop, bounds).build() else { return error };
        error.with_actual(self.malformed_line(&hop.method, &hop.url, request.headers(), remaining).await)
    }

    fn request(&self, hop: &Hop, bounds: &Bounds) -> reqwest::RequestBuilder {
        // Another origin must not learn who asks.
        let http = bounds.identified.as_ref().filter(|_| bounds.is_home(&hop.url)).unwrap_or(&self.http);
        let mut request = http.request(hop.method.clone(), hop.url.clone()).headers(hop.headers.clone());
        request = self.identify(request);
        if !hop.headers.contains_key(ACCEPT_ENCODING) {
            request = request.header(ACCEPT_ENCODING, ACCEPTED);
        }
        if let Some(cookies) = bounds.cookie_header(hop) {
            request = request.headers(http::HeaderMap::from_iter([(COOKIE, cookies)]));
        }
        if let Some(body) = &hop.body {
            request = request.body(body.clone());
        }
        request
    }

    async fn perform(&self, hop: &Hop, bounds: &Bounds, exchange: &mut Exchange) -> Result<Response, Fault> {
        let mut response = self.request(hop, bounds).send().await.map_err(Fault::Wire)?;
        note(|marks| marks.headers_received = Some(Instant::now()));
        if bounds.cookies.is_some() {
            // Register the cookies before quoting any part of the response.
            mask_values(response.headers(), &self.redactor);
        }
        // Another host could set cookies for a domain that both share.
        if let Some(jar) = bounds.jar(&hop.url) {
            jar.keep(&hop.url, response.headers());
        }
        let received = (self.now)();
        let (status, version) = (response.status(), response.version());
        exchange.status = Some(status.as_u16());
        exchange.protocol = Some(format!("{version:?}"));
        exchange.remote = response.remote_addr().map(|address| address.to_string());
        exchange.certificate_expires =
            response.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate).and_then(tls::expiry);
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            let after = wait_time(response.headers(), received);
            exchange.retry_after_ms = after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        }
        let redirect = is_redirect(status);
        if redirect {
            let location = response.headers().get(LOCATION);
            exchange.location = location.map(|to| self.admit(foreign(reference(to)), MAX_URL));
        }
        let body = if redirect && bounds.follow {
            // The body is read only so that the connection can be reused; errors in it do not matter.
            if self.connections == Connections::Reused {
                let _ = read(&mut response, bounds.body_cap, &mut exchange.body_bytes).await;
            }
            Bytes::new()
        } else if has_no_body(&hop.method, status) {
            Bytes::new()
        } else {
            read(&mut response, bounds.body_cap, &mut exchange.body_bytes).await?
        };
        Ok(Response {
            status,
            version,
            headers: std::mem::take(response.headers_mut()),
            body,
            url: hop.url.clone(),
            certificate_expires: exchange.certificate_expires,
            received,
            redactor: self.redactor.clone(),
            limits: self.limits,
        })
    }

    /// Adds the headers that identify the run to the target's operators. They replace those of the caller.
    fn identify(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        let mut span = [0; 8];
        // Without randomness TLS would have failed as well; tracers ignore the resulting all-zero span.
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

    /// Checks the URL of the first hop against the egress policy.
    fn check_egress(&self, url: &Url, is_linked: bool) -> Result<(), Error> {
        let is_allowed = self.egress.allows_host(url) || is_linked && self.egress.allows_redirect(url);
        if !is_allowed {
            // Requests to hosts of the settings are allowed, so this is a link from a response.
            let expected = phrase!("a link to a host in the settings ({})", ours(self.egress.host_list()));
            let hint = if is_linked { "; `network.allow_redirect_hosts` can allow it" } else { "" };
            let actual = phrase!("a link to {}{}", foreign(url.host_str().unwrap_or_default()), hint);
            return Err(redirect_error(expected, actual, &[]));
        }
        check_sendable(url).map_err(|actual| redirect_error("a link that can be requested", actual, &[]))?;
        self.egress.permits_literal(url).map_err(|refused| {
            Error::Request(phrase!(
                "expected a public address or one in `network.allow_addresses`, found {}",
                ours(refused)
            ))
        })
    }

    /// Checks a redirect against the egress policy, and that it does not drop encryption.
    fn check_redirect(&self, from: &Url, to: &Url) -> Result<(), (Phrase, Phrase)> {
        let host = foreign(to.host_str().unwrap_or_default());
        if from.scheme() == "https" && to.scheme() == "http" {
            let actual = phrase!("a redirect from https to plain http at {}", host);
            return Err(("a redirect that stays encrypted".into(), actual));
        }
        if !self.egress.allows_redirect(to) {
            let expected = phrase!("a redirect to a host in the settings ({})", ours(self.egress.host_list()));
            let actual = phrase!("a redirect to {}; `network.allow_redirect_hosts` can allow it", host);
            return Err((expected, actual));
        }
        self.egress
            .permits_literal(to)
            .map_err(|refused| ("a redirect to the public internet".into(), phrase!("a redirect to {}", ours(refused))))
    }

    /// Converts the evidence of a handshake.
    fn tls_evidence(&self, handshake: &Handshake) -> Option<TlsEvidence> {
        if handshake.version.is_none() && handshake.chain.is_empty() {
            return None;
        }
        let name = |text: &str| self.admit(foreign(text), MAX_NAME);
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

    /// URL of an exchange as it is recorded. Scheme, host and port of the request's own URL are ours: numbers are filed under
    /// the host, so a secret that happens to be part of it does not mask it.
    fn shown_url(&self, url: &Url, bounds: &Bounds) -> Text {
        if bounds.is_home(url) {
            let rest = foreign(&url[Position::BeforePath..]);
            let user = if url.username().is_empty() && url.password().is_none() { "" } else { "[redacted]@" };
            let host = url.host_str().unwrap_or_default();
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            return self
                .admit(phrase!("{}://{}{}{}{}", ours(url.scheme()), user, ours(host), ours(port), rest), MAX_URL);
        }
        self.admit(foreign(url), MAX_URL)
    }

    fn admit(&self, text: impl Into<Phrase>, limit: usize) -> Text {
        text.into().admit(&self.redactor, limit)
    }
}

/// Client of reqwest, within the egress policy.
fn http_client(
    tls: &Tls,
    egress: &Arc<EgressPolicy>,
    resolver: &Arc<dyn Resolve>,
    connections: Connections,
) -> Result<reqwest::Client, Error> {
    let permitted = PolicyResolver { inner: resolver.clone(), egress: egress.clone() };
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls.config())
        .tls_info(true)
        .no_proxy()
        // As browsers and curl read them (RFC 9112, sections 5.1 and 5.2).
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_max_headers(MAX_HEADER_LINES)
        .http2_max_header_list_size(MAX_HEADER_LIST)
        .referer(false)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .connector_layer(TimeConnecting)
        .dns_resolver(TimedResolver(Arc::new(permitted)));
    if connections == Connections::Fresh {
        builder = builder.pool_max_idle_per_host(0);
    }
    builder.build().map_err(|error| Error::Request(foreign(error.to_string()).into()))
}

/// Maximum length of a recorded URL, in characters.
const MAX_URL: usize = 300;
/// Maximum length of a name in a certificate, in characters.
const MAX_NAME: usize = 80;

/// Error for a chain of redirects that cannot be followed.
fn redirect_error(expected: impl Into<Phrase>, actual: impl Into<Phrase>, exchanges: &[Exchange]) -> Error {
    let hops = exchanges.iter().map(|hop| {
        let status = hop.status.map_or_else(Phrase::default, Phrase::from);
        let location = hop.location.as_ref().map_or_else(|| Phrase::from("nowhere"), Phrase::from);
        phrase!("{} {} {} -> {}", ours(&hop.method), &hop.url, status, location)
    });
    let chain = Phrase::list(hops, "; ");
    let mismatch = Mismatch::new(FailureKind::Redirect, expected, actual);
    let mismatch = if chain.is_empty() { mismatch } else { mismatch.with_evidence(chain) };
    Error::Target { mismatch: Box::new(mismatch), transient: false }
}

/// Reads and decodes a body of up to `cap` bytes, both as it arrives and decoded.
async fn read(response: &mut reqwest::Response, cap: u64, bytes: &mut u64) -> Result<Bytes, Fault> {
    let mut body = Body::new(response.headers(), cap).map_err(Fault::Encoding)?;
    let mut arrived = 0;
    while let Some(chunk) = response.chunk().await.map_err(Fault::Wire)? {
        arrived += chunk.len() as u64;
        let added = if arrived > cap { Err(Undecoded::TooLarge) } else { body.add(&chunk) };
        *bytes = if matches!(added, Err(Undecoded::TooLarge)) { cap } else { body.len() };
        added.map_err(Fault::Undecoded)?;
    }
    let body = body.end().map_err(Fault::Undecoded)?;
    *bytes = body.len() as u64;
    Ok(body.into())
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
