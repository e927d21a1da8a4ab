//! A flow whose platform echoes every secret that the check knows, in every encoding. The output holds none of them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use check_testkit::Harness;
use demo_platform::Options;
use hostile::{Action, Server};
use runtime::{Check, Ports};
use serde::{Deserialize, Serialize};

use crate::attack::{Attack, Extent, Place, Record};
use crate::behavior::Behavior;
use crate::leak_search::{ENCODINGS, Encoding, Search};
use crate::platform::{self, Answer};
use crate::run::{Flow, prepared, shortened};
use crate::stores::{Addresses, Front, Store};

const MINUTE: Duration = Duration::from_secs(60);
/// Length of values that a header or a cookie holds as a secret.
const SECRET: usize = 16;

/// Part of an answer that holds the echo.
#[derive(Clone, Copy, Debug)]
enum Part {
    Page,
    Json,
    ContentType,
    Header,
    Reason,
    RedirectPath,
    RedirectHost,
    CookieName,
}

const PARTS: [Part; 8] = [
    Part::Page,
    Part::Json,
    Part::ContentType,
    Part::Header,
    Part::Reason,
    Part::RedirectPath,
    Part::RedirectHost,
    Part::CookieName,
];

/// Encodings of a process: one of so many parts of all.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    pub number: usize,
    pub of: usize,
}

impl Share {
    fn encodings(self) -> impl Iterator<Item = (usize, &'static Encoding)> {
        ENCODINGS.iter().enumerate().filter(move |(index, _)| index % self.of == self.number)
    }
}

/// Results of the echoes at one request.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Echoed {
    /// Number of runs.
    pub runs: usize,
    /// Runs whose report shows that something was masked.
    pub masked: usize,
    /// Secrets that were echoed, of all runs.
    pub secrets: usize,
    /// Secrets found in an output, one line each.
    pub leaks: Vec<String>,
}

/// State of the server in front of the platform.
struct Mirror {
    place: Place,
    /// Encoding and part of the echo; `None` while the platform is healthy.
    echo: Option<(&'static Encoding, Part)>,
    /// Number of the run, which decides what comes first in the echo.
    run: usize,
    record: Record,
    /// Secrets of the settings.
    own: Vec<String>,
    /// Secrets in requests and received answers of this run.
    seen: BTreeSet<String>,
    /// Secrets of each answer that may not have been received: requests run at the same time.
    sent: Vec<BTreeSet<String>>,
}

/// Runs a flow once for each encoding, in this process.
///
/// # Errors
/// When the flow does not pass against the healthy platform.
pub async fn observe<C: Check>(flow: &Flow, place: Place, share: Share) -> Result<Echoed> {
    let mirror = Mirror {
        place,
        echo: None,
        run: 0,
        record: Record::default(),
        own: Vec::new(),
        seen: BTreeSet::new(),
        sent: Vec::new(),
    };
    let mirror = Arc::new(Mutex::new(mirror));
    let mut server = None;
    let mut written = String::new();
    let change = |settings: &mut String| {
        *settings = shortened(settings, flow);
        written.clone_from(settings);
    };
    let harness = Harness::<C>::behind(Options::default(), change, async |platform| {
        let front = server.insert(start(platform, Arc::clone(&mirror)).await);
        format!("http://{}", front.address)
    })
    .await;
    // The platform has more accounts than the settings name.
    let is_own = |path: &str| path.starts_with(flow.check) && written.contains(path);
    let own = harness.platform.credentials().into_iter().filter(|(path, _)| is_own(path));
    mirror.lock().unwrap().own = own.map(|(_, secret)| secret).collect();
    // A function keeps its redactor from run to run, and so does this process.
    let ports = harness.ports();
    let healthy = harness.run_after(MINUTE, &ports).await.report;
    anyhow::ensure!(healthy.outcome == check::Outcome::Passed, "not passed: {:?}", healthy.outcome);
    let mut echoed = Echoed::default();
    for (index, encoding) in share.encodings() {
        let part = PARTS[(index + mirror.lock().unwrap().place.number) % PARTS.len()];
        {
            let mut mirror = mirror.lock().unwrap();
            (mirror.record, mirror.run, mirror.echo) = (Record::default(), index, Some((encoding, part)));
            mirror.seen.clear();
            mirror.sent.clear();
        }
        let output = output(&harness, &ports).await?;
        let secrets = mirror.lock().unwrap().secrets();
        echoed.runs += 1;
        echoed.secrets += secrets.len();
        echoed.masked += usize::from(output.contains("[redacted]"));
        if let Some(leak) = Search::new(secrets.iter().map(String::as_str)).find(&output) {
            echoed.leaks.push(format!("{} in the {part:?}: {leak:?}", encoding.name));
        }
    }
    Ok(echoed)
}

/// Runs a flow once for each encoding, in this process, against a store whose errors quote the password.
///
/// # Errors
/// When the proxy or the check cannot be set up.
pub async fn observe_store<C: Check>(
    flow: &Flow,
    store: Store,
    addresses: &Addresses,
    place: Place,
    share: Share,
) -> Result<Echoed> {
    let mut harness = Harness::<C>::start().await;
    let ports = check_testkit::ports(&harness.memory, &harness.clock, [store.parameter()]);
    let search = Search::new([store.password()]);
    let mut echoed = Echoed::default();
    for (_, encoding) in share.encodings() {
        let attack = Attack { behavior: Behavior::ForgedError, from: place.clone(), extent: Extent::Lasting };
        let secret = encoding.apply(store.password());
        let (port, protocol) = (store.port(addresses), store.protocol());
        let front = Front::start(port, protocol, secret, Some(attack), Arc::default()).await?;
        harness.prepared = prepared(&shortened(&store.settings(front.port, addresses), flow))?;
        let output = output(&harness, &ports).await?;
        echoed.runs += 1;
        echoed.secrets += 1;
        echoed.masked += usize::from(output.contains("[redacted]"));
        if let Some(leak) = search.find(&output) {
            echoed.leaks.push(format!("{} in an error: {leak:?}", encoding.name));
        }
    }
    Ok(echoed)
}

/// Runs the check, and returns everything that leaves the process: report, messages, state, metrics.
async fn output<C: Check>(harness: &Harness<C>, ports: &Ports) -> Result<String> {
    let report = harness.run_after(MINUTE, ports).await.report;
    let report = serde_json::to_string(&report).context("expected a report")?;
    Ok(format!("{report}\n{:?}\n{:?}", harness.memory.take_sent(), harness.memory))
}

async fn start(platform: String, mirror: Arc<Mutex<Mirror>>) -> Server {
    Server::plain(move |request| {
        let place = {
            let mut mirror = mirror.lock().unwrap();
            mirror.receive(request);
            mirror.record.next(platform::request(request))
        };
        let answer = tokio::task::block_in_place(|| Answer::fetch(&platform, request));
        let Ok(answer) = answer else { return Vec::new() };
        let mut mirror = mirror.lock().unwrap();
        let is_hit = place.request == mirror.place.request && place.number >= mirror.place.number;
        let bytes = match mirror.echo.filter(|_| is_hit) {
            Some((encoding, part)) => mirror.echoed(encoding, part),
            None => {
                let message = format!("{}\r\n{}", answer.head, String::from_utf8_lossy(&answer.body));
                mirror.sent.push(secrets_in(&message));
                answer.bytes()
            }
        };
        vec![Action::Send(bytes)]
    })
    .await
}

impl Mirror {
    /// Learns the secrets of a request, and of the answers that must have been received, since it sends one of their secrets back.
    fn receive(&mut self, request: &str) {
        let secrets = secrets_in(request);
        let (received, sent) = std::mem::take(&mut self.sent).into_iter().partition(|sent| !sent.is_disjoint(&secrets));
        let received: Vec<BTreeSet<String>> = received;
        self.sent = sent;
        self.seen.extend(received.into_iter().flatten().chain(secrets));
    }

    /// Secrets that the check knows.
    fn secrets(&self) -> Vec<String> {
        self.own.iter().chain(&self.seen).cloned().collect()
    }

    /// Answer that holds all secrets, another one first in each run.
    fn echoed(&self, encoding: &Encoding, part: Part) -> Vec<u8> {
        let mut secrets = self.secrets();
        let first = self.run % secrets.len().max(1);
        secrets.rotate_left(first);
        let all = encoding.apply(&secrets.join(" "));
        let one = encoding.apply(secrets.first().map_or("", String::as_str));
        // A header ends at a line break.
        let in_header: String = one.chars().filter(|c| !c.is_control()).collect();
        let (head, body) = match part {
            Part::Page => (String::new(), format!("<title>{all}</title><p>{all}")),
            Part::Json => {
                let body = serde_json::json!({ "message": all, "errors": { one: [all] }, "id": all });
                ("Content-Type: application/json\r\n".to_owned(), body.to_string())
            }
            Part::ContentType => (format!("Content-Type: text/{in_header}\r\n"), "x".to_owned()),
            Part::Header => (format!("X-Debug: {in_header}\r\nRetry-After: {in_header}\r\n"), all),
            Part::Reason => (String::new(), String::new()),
            Part::RedirectPath => (format!("Location: /landed/{in_header}?key={in_header}\r\n"), String::new()),
            Part::RedirectHost => (format!("Location: http://{in_header}.example/\r\n"), String::new()),
            Part::CookieName => (format!("Set-Cookie: {in_header}=1; path=/\r\n"), all),
        };
        let status = match part {
            Part::ContentType => "200 OK".to_owned(),
            Part::RedirectPath | Part::RedirectHost => "302 Found".to_owned(),
            Part::Reason => format!("500 {in_header}"),
            _ => "500 Internal Server Error".to_owned(),
        };
        Answer { head: format!("HTTP/1.1 {status}\r\n{head}"), body: body.into_bytes() }.bytes()
    }
}

/// Secrets of a request or an answer: values of headers and cookies, and fields of forms.
fn secrets_in(message: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut keep = |secret: &str| {
        if secret.len() >= SECRET {
            found.insert(secret.to_owned());
        }
    };
    let cookie = |pair: &str| {
        let value = pair.split(';').next().and_then(|pair| pair.split_once('='));
        value.map_or_else(String::new, |(_, value)| value.to_owned())
    };
    let (head, body) = message.split_once("\r\n\r\n").unwrap_or((message, ""));
    for line in head.lines().skip(1) {
        let Some((name, value)) = line.split_once(": ") else { continue };
        match &*name.to_lowercase() {
            "set-cookie" => keep(&cookie(value)),
            "cookie" => value.split("; ").for_each(|pair| keep(&cookie(pair))),
            "authorization" => keep(value.rsplit(' ').next().unwrap_or_default()),
            "x-xsrf-token" | "x-csrf-token" => keep(value),
            _ => {}
        }
    }
    keep(body.split_once("name=\"_token\" value=\"").and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default());
    found
}
