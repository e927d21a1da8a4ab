//! Settings of the check: the raw form and its validation.

use std::collections::BTreeSet;
use std::time::Duration;

use check::Subject;
use check::message::Contact;
use probe::HeaderName;
use runtime::Check;
use schemars::JsonSchema;
use serde::Deserialize;
use settings::{Common, RawDuration, RawReference, Section, optional};

use crate::partner::{Kind, Partner};

const SECOND: Duration = Duration::from_secs(1);
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
    /// Partners to check: 1 to 50.
    partners: Vec<RawPartner>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawPartner {
    /// Id and subject of incidents: 1 to 64 of a-z, 0-9, `-`, `_` and `.`. Required.
    id: Option<String>,
    /// Name in messages. Default: the id.
    name: Option<String>,
    /// Kind of service: `http` for a page or endpoint; `stripe`, `twilio` or `sparkpost` with its own URL, reading call
    /// and way to send the key. Default `http`.
    kind: Option<Kind>,
    /// URL, or a path below `base_url`. For kinds other than `http` the base URL of the calls. Required for `http`.
    url: Option<String>,
    /// Account SID. Required for `twilio`.
    account: Option<String>,
    /// Reference to the key for the partner's API. Optional for `http`, otherwise required.
    key: Option<RawReference>,
    /// Header that carries the bare key, for `http` only. Default: `Authorization` with a bearer token.
    header: Option<String>,
    /// Expected statuses: each 100 to 599. Default 200.
    status: Option<Vec<u16>>,
    /// Text that the body must contain. Default none.
    text: Option<String>,
    /// Deadline of the call: 100ms to 20s. Default 10s.
    deadline: Option<RawDuration>,
    /// Days for which the certificate must still be valid: 0 (any time) to 365. Default 14.
    certificate_days: Option<u32>,
    /// Contact at the partner. Default none.
    contact: Option<RawContact>,
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
            .map(|(index, raw)| raw.validate(&section.item("partners", index), common))
            .collect();
        Some(Integrations { partners: partners.into_iter().collect::<Option<_>>()? })
    }
}

impl RawPartner {
    fn validate(self, section: &Section<'_>, common: &Common) -> Option<Partner> {
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
            Kind::Twilio => section.text("account", self.account),
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
                let valid =
                    HeaderName::try_from(&name).map_err(|_| format!("expected the name of a header, found `{name}`"));
                section.parsed("header", valid).map(|_| Some(name))
            }
            Some(_) => {
                section.problem("header", "expected no header: the kind determines how the key is sent");
                None
            }
        };
        let statuses = section.or_default("status", self.status, vec![200]);
        let are_statuses = !statuses.is_empty() && statuses.iter().all(|status| (100..=599).contains(status));
        if !are_statuses {
            section.problem("status", format!("expected at least one status of 100 to 599, found {statuses:?}"));
        }
        let text = optional(self.text, |text| section.text("text", Some(text)));
        let deadline = section.duration("deadline", self.deadline, SECOND * 10, SECOND / 10..=SECOND * 20);
        let days = section.number("certificate_days", self.certificate_days, DEFAULT_CERTIFICATE_DAYS, 0..=365);
        let contact = optional(self.contact, |raw| raw.validate(&section.table("contact")));
        are_statuses.then_some(())?;
        Some(Partner {
            subject: subject?,
            name: name?,
            kind,
            url: url?,
            account: account?,
            key: key?,
            header: header?,
            statuses,
            text: text?,
            deadline: deadline?,
            certificate_days: days?,
            contact: contact?,
        })
    }
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
