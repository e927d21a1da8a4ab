//! Settings of the check: the raw form and its validation.

use std::collections::BTreeSet;
use std::time::Duration;

use check::Subject;
use check::message::Contact;
use http::HeaderName;
use requests::{
    Auth, Expectation, ExpectedStatuses, Pool, RawRequest, RawStatus, RequestSpec, Source, with_request_keys,
};
use runtime::Check;
use schemars::JsonSchema;
use serde::Deserialize;
use settings::{Common, RawDuration, RawReference, SecretRef, Section, check_header_name, optional};
use url::Url;

use crate::partner::{Kind, Partner};

/// Longest deadline of a partner.
const MAX_DEADLINE: Duration = Duration::from_secs(20);
const DEFAULT_CERTIFICATE_DAYS: u32 = 14;
/// Most partners, limited by the size of the memory.
const MAX_PARTNERS: usize = 50;

/// Check of the partners. Each is a subject.
pub struct Integrations {
    /// Partners to call.
    pub partners: Vec<Partner>,
}

/// Settings of the check `integrations`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawIntegrations {
    /// Partners to request, each written `[[check.integrations.partners]]`: 1 to 50. Required.
    partners: Vec<RawPartner>,
}

with_request_keys! {
    #[derive(Debug, Default, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, default)]
    struct RawPartner {
        /// Id of the partner and subject of its incidents: 1 to 64 of `a-z`, `0-9`, `-`, `_` and `.`; unique. Required.
        id: Option<String>,
        /// Name that people know, in every message and followed by "(partner)". Default: its `id`.
        name: Option<String>,
        /// Kind of partner, which selects the request and the way to send the key. Default `http`.
        kind: Option<Kind>,
        /// URL to request for `http`, and otherwise the base URL of the API; or a path below `base_url`. Default: that of
        /// its kind. Required for `http`.
        #[schemars(extend("x-type" = "URL or path"))]
        url: Option<String>,
        /// Account SID. Required for `twilio`.
        account: Option<String>,
        /// Reference to our key at the partner. Read permission is enough. Default none. Required except for `http`.
        key: Option<RawReference>,
        /// Header that carries the key as its plain value, for `http` only. Default: `Authorization`, as a bearer token.
        header: Option<String>,
        /// Short for `expect.status`. Unless listed there, 401 and 403 mean that the key was refused, and 429 means
        /// throttled. Default 200.
        status: Option<Vec<RawStatus>>,
        /// Text that the body must contain. Default none.
        text: Option<String>,
        /// Longest time that the call may take: 100ms to 20s. A slower answer is a failure. Default 10s.
        deadline: Option<RawDuration>,
        /// Days for which the certificate must still be valid: 0 to 365. Fewer are a failure of kind `tls`; 0 allows any.
        /// Default 14.
        certificate_days: Option<u32>,
        /// Contact at the partner. Messages list it before our own contact. Default none.
        contact: Option<RawContact>,
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawContact {
    /// Person or desk. Required.
    name: Option<String>,
    /// Telephone number, or another way to reach them. Required.
    details: Option<String>,
}

impl RawIntegrations {
    /// Validates the section. Returns `None` after reporting all problems to `section`.
    pub(crate) fn validate(self, section: &Section<'_>, common: &Common) -> Option<Integrations> {
        let count = self.partners.len();
        if count == 0 || count > MAX_PARTNERS {
            section.problem("partners", format!("expected 1 to {MAX_PARTNERS} partners, found {count}"));
        }
        let pool = Pool::default();
        let mut ids = BTreeSet::new();
        let written = self.partners.iter().enumerate().filter_map(|(index, raw)| Some((index, raw.id.as_ref()?)));
        for (index, id) in written {
            if !ids.insert(id.clone()) {
                section.item("partners", index).problem("id", format!("expected a unique id, found `{id}` again"));
            }
        }
        let partners: Vec<Option<Partner>> = self
            .partners
            .into_iter()
            .enumerate()
            .map(|(index, raw)| raw.validate(&section.item("partners", index), common, &pool))
            .collect();
        Some(Integrations { partners: partners.into_iter().collect::<Option<_>>()? })
    }
}

impl RawPartner {
    fn validate(mut self, section: &Section<'_>, common: &Common, pool: &Pool) -> Option<Partner> {
        let request = self.take_request();
        let id = section.required("id", self.id);
        let subject = id.clone().and_then(|id| section.parsed("id", subject(&id)));
        let name = match id {
            Some(id) => section.text("name", Some(section.or_default("name", self.name, id))),
            None => section.text("name", self.name),
        };
        let kind = section.or_default("kind", self.kind, Kind::default());
        let url = match kind.url() {
            Some(url) => Some(section.or_default("url", self.url, url.to_owned())),
            None => section.required("url", self.url),
        };
        let url = url.and_then(|url| section.url_below("url", &url, &common.base_url));
        let account = match kind {
            Kind::Twilio => section.text_id("account", self.account),
            Kind::Http | Kind::Stripe | Kind::Sparkpost => Some(self.account.unwrap_or_default()),
        };
        let key = match (kind, self.key) {
            (Kind::Http, None) => {
                if self.header.is_some() {
                    section.problem("header", "expected a `key` to send in this header, found none");
                }
                Some(None)
            }
            (_, key) => {
                let key = section.required("key", key);
                key.and_then(|key| section.secret("key", Some(key), &common.environment, Integrations::ID)).map(Some)
            }
        };
        let header = match self.header {
            None => Some(None),
            Some(name) if kind == Kind::Http => {
                let read = check_header_name(&name)
                    .and_then(|()| HeaderName::try_from(&name).map_err(|error| error.to_string()));
                section.parsed("header", read).map(Some)
            }
            Some(_) => {
                section.problem("header", "expected no header: the kind determines how the key is sent");
                None
            }
        };
        let statuses = match (request.expect.has_status(), self.status) {
            (true, Some(_)) => {
                section.problem("status", "expected `status` or `expect.status`, found both");
                None
            }
            (true, None) => Some(None),
            (false, status) => ExpectedStatuses::read(section, "status", status).map(Some),
        };
        if request.expect.has_certificate_days() {
            section
                .table("expect")
                .problem("certificate_days", "expected none here: `certificate_days` of the partner holds it");
        }
        let text = optional(self.text, |text| section.text("text", Some(text)));
        let source = Source {
            common,
            check: Integrations::ID,
            max_deadline: MAX_DEADLINE,
            statuses: statuses.clone().unwrap_or_default(),
            pool,
        };
        let call = match kind {
            Kind::Http => page(request, url, section, &source, header, key.clone()),
            api => call(api, request, url, section, &source, account, key.clone()),
        };
        let days = section.number("certificate_days", self.certificate_days, DEFAULT_CERTIFICATE_DAYS, 0..=365);
        let contact = optional(self.contact, |raw| raw.validate(&section.table("contact")));
        let (request, expect) = call?;
        statuses?;
        Some(Partner {
            subject: subject?,
            name: name?,
            kind,
            request,
            expect,
            key: key?,
            text: text?,
            certificate_days: days?,
            contact: contact?,
        })
    }
}

/// Request for a page, with its key in `header` or as a bearer token.
fn page(
    request: RawRequest,
    url: Option<Url>,
    section: &Section<'_>,
    source: &Source<'_>,
    header: Option<Option<HeaderName>>,
    key: Option<Option<SecretRef>>,
) -> Option<(RequestSpec, Expectation)> {
    let (mut request, expect) = request.validate(url, section, source)?;
    if !request.is_safe() {
        section.problem("method", "expected GET, HEAD or OPTIONS, since a partner is only read");
    }
    match (key?, header?) {
        (None, _) => {}
        (Some(key), Some(header)) => request.secret_headers.push((header, key)),
        (Some(_), None) if request.auth.is_some() => {
            section.problem("key", "expected `key` or `auth`, found both");
            return None;
        }
        (Some(key), None) => request.auth = Some(Auth::Bearer(key)),
    }
    Some((request, expect))
}

/// Reading call of an API.
fn call(
    kind: Kind,
    request: RawRequest,
    url: Option<Url>,
    section: &Section<'_>,
    source: &Source<'_>,
    account: Option<String>,
    key: Option<Option<SecretRef>>,
) -> Option<(RequestSpec, Expectation)> {
    for name in request.keys() {
        section.problem(name, format!("expected no `{name}`: the kind determines the request"));
    }
    let deadline = request.validate_deadline(section, source);
    let expect = request.expect.validate(&section.table("expect"), source, url.as_ref(), deadline, None);
    let request = kind.request(url?, &account?, key??, deadline?)?;
    Some((request, expect?))
}

impl RawContact {
    fn validate(self, section: &Section<'_>) -> Option<Contact> {
        let (name, details) = (section.text("name", self.name), section.text("details", self.details));
        Some(Contact { name: name?, details: details? })
    }
}

fn subject(id: &str) -> Result<Subject, String> {
    let subject = Subject::new(id).map_err(|error| error.to_string())?;
    if subject.is_whole() {
        return Err("expected a name, found `-`, which stands for a whole check".to_owned());
    }
    Ok(subject)
}
