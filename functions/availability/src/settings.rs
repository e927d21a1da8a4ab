//! Settings of the check: the raw form and its validation.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use check::Subject;
use http::{HeaderName, HeaderValue, Method};
use probe::Maintenance;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use settings::{
    Common, RawDuration, RawReference, SecretRef, Section, Statuses, check_header_name, check_pointer,
    is_credential_header,
};
use url::Url;

const SECOND: Duration = Duration::from_secs(1);
const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);
const DEFAULT_REDIRECTS: u8 = 5;
const DEFAULT_CONCURRENCY: usize = 16;
/// Most targets, limited by the state item and the time of one run.
const MAX_TARGETS: usize = 200;

/// Check of pages and endpoints. Each is a subject.
pub struct Availability {
    /// Pages and endpoints to request.
    pub targets: Vec<Target>,
    /// Most targets checked at the same time.
    pub concurrency: usize,
    /// Signs of the platform's maintenance mode.
    pub maintenance: Maintenance,
}

/// Subject of the target with this id.
pub(crate) fn subject(id: &str) -> Result<Subject, String> {
    let subject = Subject::new(id).map_err(|error| error.to_string())?;
    if subject.is_whole() {
        Err("expected a name, found `-`, which stands for a whole check".to_owned())
    } else {
        Ok(subject)
    }
}

/// Page or endpoint to request.
#[derive(Clone, Debug)]
pub struct Target {
    /// Subject of incidents.
    pub subject: Subject,
    /// Method, GET or HEAD.
    pub method: Method,
    /// URL to request.
    pub url: Url,
    /// Deadline of the exchange, with redirects and body. Default 10 s.
    pub deadline: Duration,
    /// Most redirects to follow. With 0 the redirect itself is the answer. Default 5.
    pub max_redirects: u8,
    /// Request headers.
    pub headers: Vec<(HeaderName, String)>,
    /// Request headers with references to their values, resolved for each request.
    pub secret_headers: Vec<(HeaderName, SecretRef)>,
    /// Expected statuses. Default 200.
    pub statuses: Vec<u16>,
    /// Text that each of these response headers must contain.
    pub expect_headers: Vec<(HeaderName, String)>,
    /// Texts that the body must contain.
    pub texts: Vec<String>,
    /// Values that the JSON body must hold.
    pub json: Vec<JsonExpectation>,
}

/// Value that a JSON body must hold.
#[derive(Clone, Debug)]
pub struct JsonExpectation {
    /// JSON Pointer (RFC 6901) to the value.
    pub pointer: String,
    /// Expected value. `None`: any value.
    pub equals: Option<Value>,
}

/// Settings of the check `availability`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawAvailability {
    /// Number of targets requested at a time: 1 to 64. Default 16.
    concurrency: Option<usize>,
    /// Pages and endpoints to request, each written `[[check.availability.targets]]`: 1 to 200. Required.
    targets: Vec<RawTarget>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawTarget {
    /// Id of the target and subject of its incidents: 1 to 64 of `a-z`, `0-9`, `-`, `_` and `.`; not `-` alone; unique.
    /// A renamed target is a new subject: rename it while no incident is open. Required.
    id: Option<String>,
    /// Path to request, joined to `base_url`; begins with one `/`. Required without `url`.
    path: Option<String>,
    /// URL to request, for a target on another host: `http` or `https`, without user and password. Required without
    /// `path`.
    #[schemars(extend("x-type" = "URL"))]
    url: Option<String>,
    /// Method of the request. The check creates nothing. An answer to HEAD has no body, so `text` and `json` cannot be
    /// expected; whether it means maintenance mode is read from a GET. Default GET.
    method: Option<RawMethod>,
    /// Longest time that the exchange may take, with name resolution, connection, redirects and the whole body: 100ms
    /// to 1m. Default 10s.
    deadline: Option<RawDuration>,
    /// Maximum number of redirects to follow: 0 to 20. With 0 the redirect itself is the answer, to be matched by
    /// `expect.status`; the page behind it is requested only to recognise maintenance mode. Default 5.
    max_redirects: Option<u8>,
    /// Headers sent with the request, by name. Those that the client sets itself, such as `host` and `accept-encoding`,
    /// are refused. Default none.
    headers: BTreeMap<String, String>,
    /// Headers sent with the request, by name, each with a reference to its value. The value is masked in all output,
    /// and a redirect to another origin drops it. The same names are refused as in `headers`. Default none.
    secret_headers: BTreeMap<String, RawReference>,
    /// Expectations of the response.
    expect: RawExpect,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum RawMethod {
    Get,
    Head,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawExpect {
    /// Expected statuses: at least one, each 200 to 599. Default 200.
    status: Option<Vec<u16>>,
    /// Texts that headers must contain, by the name of the header. Each of these headers must be present. Default none.
    headers: BTreeMap<String, String>,
    /// Texts that the body must contain, byte by byte. Default none.
    text: Vec<String>,
    /// Values that the JSON body must hold. Default none.
    json: Vec<RawJson>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawJson {
    /// JSON Pointer (RFC 6901) to the value, such as `/data/status`. Required.
    pointer: Option<String>,
    /// Expected value. Numbers are compared by value (`1` equals `1.0`); `"1"` is not `1`. Default: any value.
    equals: Option<Value>,
}

impl RawAvailability {
    /// Validates the section. Returns `None` after reporting all problems to `section`.
    pub(crate) fn validate(self, section: &Section<'_>, common: &Common) -> Option<Availability> {
        let concurrency = section.number("concurrency", self.concurrency, DEFAULT_CONCURRENCY, 1..=64);
        let count = self.targets.len();
        if count == 0 || count > MAX_TARGETS {
            section.problem("targets", format!("expected 1 to {MAX_TARGETS} targets, found {count}"));
        }
        let mut ids = BTreeSet::new();
        for (index, id) in self.targets.iter().enumerate().filter_map(|(index, raw)| Some((index, raw.id.as_ref()?))) {
            if !ids.insert(id.clone()) {
                section.item("targets", index).problem("id", format!("expected a unique id, found `{id}` again"));
            }
        }
        let targets: Vec<Option<Target>> = self
            .targets
            .into_iter()
            .enumerate()
            .map(|(index, raw)| raw.validate(&section.item("targets", index), common))
            .collect();
        let targets: Option<Vec<Target>> = targets.into_iter().collect();
        Some(Availability { targets: targets?, concurrency: concurrency?, maintenance: common.maintenance.clone() })
    }
}

impl RawTarget {
    fn validate(self, section: &Section<'_>, common: &Common) -> Option<Target> {
        let id = section.required("id", self.id);
        let subject = id.and_then(|id| section.parsed("id", subject(&id)));
        let url = url(section, self.path, self.url, &common.base_url);
        let deadline = section.duration("deadline", self.deadline, DEFAULT_DEADLINE, SECOND / 10..=SECOND * 60);
        let max_redirects = section.number("max_redirects", self.max_redirects, DEFAULT_REDIRECTS, 0..=20);
        for name in self.headers.keys().filter(|name| is_credential_header(name)) {
            let rule = "expected no credential (not shown); put a reference to it into secret_headers";
            section.table("headers").problem(name, rule);
        }
        let refused = self.headers.keys().map(|name| ("headers", name));
        for (table, name) in refused.chain(self.secret_headers.keys().map(|name| ("secret_headers", name))) {
            // Invalid names, and credentials, are reported where they are read.
            let is_read_elsewhere =
                HeaderName::try_from(name).is_err() || is_credential_header(name) && table == "headers";
            if !is_read_elsewhere {
                let section = section.table(table);
                section.parsed(name, check_header_name(name));
            }
        }
        let headers = read_headers(&section.table("headers"), self.headers, |value| {
            let valid = HeaderValue::try_from(value).is_ok();
            if valid {
                Ok(value.to_owned())
            } else {
                Err("expected a header value without control characters".to_owned())
            }
        });
        let secrets = section.table("secret_headers");
        let secret_headers = read_named_headers(&secrets, self.secret_headers, |name, value| {
            secrets.secret(name, Some(value), &common.environment, <Availability as runtime::Check>::ID)
        });
        let expect = section.table("expect");
        let reads_body = !self.expect.text.is_empty() || !self.expect.json.is_empty();
        if matches!(self.method, Some(RawMethod::Head)) && reads_body {
            section.problem(
                "method",
                "expected GET, since `expect` names texts or JSON but a response to HEAD has no body",
            );
        }
        let statuses = statuses(&expect, self.expect.status);
        if let (Some(statuses), Some(1..)) = (&statuses, max_redirects)
            && statuses.iter().all(|status| matches!(status, 301 | 302 | 303 | 307 | 308))
        {
            let found = statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
            let rule = "expected `max_redirects = 0` with these statuses, or the status after the redirects: they are followed, so \
                        their own status is never the answer";
            expect.problem("status", format!("{rule}; found {found}"));
            return None;
        }
        let expect_headers =
            read_headers(&expect.table("headers"), self.expect.headers, |value| Ok::<_, String>(value.to_owned()));
        if self.expect.text.iter().any(String::is_empty) {
            expect.problem("text", "expected texts that a body may lack, found an empty one");
        }
        let json: Vec<Option<JsonExpectation>> = self
            .expect
            .json
            .into_iter()
            .enumerate()
            .map(|(index, raw)| raw.validate(&expect.item("json", index)))
            .collect();
        let json: Option<Vec<JsonExpectation>> = json.into_iter().collect();
        Some(Target {
            subject: subject?,
            method: match section.or_default("method", self.method, RawMethod::Get) {
                RawMethod::Get => Method::GET,
                RawMethod::Head => Method::HEAD,
            },
            url: url?,
            deadline: deadline?,
            max_redirects: max_redirects?,
            headers: headers?,
            secret_headers: secret_headers?,
            statuses: statuses?,
            expect_headers: expect_headers?,
            texts: self.expect.text,
            json: json?,
        })
    }
}

impl RawJson {
    fn validate(self, section: &Section<'_>) -> Option<JsonExpectation> {
        let pointer = section.required("pointer", self.pointer)?;
        section.parsed("pointer", check_pointer(&pointer))?;
        Some(JsonExpectation { pointer, equals: self.equals })
    }
}

/// Reads the URL from a path below the base URL, or from a complete URL.
fn url(section: &Section<'_>, path: Option<String>, url: Option<String>, base: &Url) -> Option<Url> {
    match (path, url) {
        (Some(path), None) => section.path_below("path", &path, base),
        (None, Some(url)) => section.url("url", Some(url)),
        (Some(_), Some(_)) => {
            section.problem("url", "expected `path` or `url`, found both");
            None
        }
        (None, None) => {
            if !section.is_unreadable("url") {
                section.problem("path", "expected `path` or `url`, found neither");
            }
            None
        }
    }
}

fn statuses(section: &Section<'_>, written: Option<Vec<u16>>) -> Option<Vec<u16>> {
    let statuses = Statuses::try_from(section.or_default("status", written, vec![200]));
    section.parsed("status", statuses).map(Vec::from)
}

/// Reads a table of headers, and each value with `value`.
fn read_headers<V>(
    section: &Section<'_>,
    written: BTreeMap<String, String>,
    value: impl Fn(&str) -> Result<V, String>,
) -> Option<Vec<(HeaderName, V)>> {
    read_named_headers(section, written, |name, text| section.parsed(name, value(&text)))
}

fn read_named_headers<W, V>(
    section: &Section<'_>,
    written: BTreeMap<String, W>,
    value: impl Fn(&str, W) -> Option<V>,
) -> Option<Vec<(HeaderName, V)>> {
    let read: Vec<Option<(HeaderName, V)>> = written
        .into_iter()
        .map(|(name, text)| {
            let header = section.parsed(
                &name,
                HeaderName::try_from(&name).map_err(|_| format!("expected the name of a header, found `{name}`")),
            );
            let value = value(&name, text);
            Some((header?, value?))
        })
        .collect();
    read.into_iter().collect()
}
