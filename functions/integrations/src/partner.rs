//! A partner, and how it is asked whether it is there: always by a call that reads.

use std::time::Duration;

use check::Subject;
use check::message::{Contact, Owner};
use probe::{Method, Request, Response, Url};
use runtime::settings::SecretRef;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// What is known of a partner without settings: where it is, which call reads little, and how the key is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A page or endpoint.
    #[default]
    Http,
    /// Stripe: one payment intent. A restricted key with "PaymentIntents: Read" will do.
    Stripe,
    /// Twilio: the account itself.
    Twilio,
    /// SparkPost: the account itself. A key with "Account: Read-only" will do.
    Sparkpost,
}

impl Kind {
    pub(crate) const fn url(self) -> Option<&'static str> {
        match self {
            Self::Http => None,
            Self::Stripe => Some("https://api.stripe.com"),
            Self::Twilio => Some("https://api.twilio.com"),
            Self::Sparkpost => Some("https://api.sparkpost.com"),
        }
    }

    /// A page may lead elsewhere; an API answers where it is asked.
    const fn max_redirects(self) -> u8 {
        match self {
            Self::Http => 5,
            Self::Stripe | Self::Twilio | Self::Sparkpost => 0,
        }
    }
}

/// A partner.
#[derive(Clone, Debug)]
pub struct Partner {
    /// What an incident is about.
    pub subject: Subject,
    /// As people call it.
    pub name: String,
    /// What is known of it.
    pub kind: Kind,
    /// Where, as it was written.
    pub written_url: String,
    /// Where; the call of its kind is below it.
    pub url: Url,
    /// Twilio's SID.
    pub account: String,
    /// Our key there.
    pub key: Option<SecretRef>,
    /// The header that the key is sent in, as it is; `None`: as a bearer token, or as the kind has it.
    pub header: Option<String>,
    /// Which statuses are right. Default 200.
    pub statuses: Vec<u16>,
    /// What must stand in the body.
    pub text: Option<String>,
    /// The longest it may take to answer. Default 10 s.
    pub deadline: Duration,
    /// For how many days its certificate must last; 0: any time. Default 14.
    pub certificate_days: u32,
    /// Whom to call there.
    pub contact: Option<Contact>,
}

impl Partner {
    /// Whose its subject is.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner { name: self.name.clone(), contact: self.contact.clone() }
    }

    /// The call that reads.
    pub(crate) fn question(&self, key: Option<&SecretString>) -> Request {
        let url = match self.kind {
            Kind::Http => self.url.clone(),
            Kind::Stripe => {
                let mut url = self.below(&["v1", "payment_intents"]);
                url.query_pairs_mut().append_pair("limit", "1");
                url
            }
            Kind::Twilio => self.below(&["2010-04-01", "Accounts", &format!("{}.json", self.account)]),
            Kind::Sparkpost => self.below(&["api", "v1", "account"]),
        };
        let mut request =
            Request::new(Method::GET, url).deadline(self.deadline).max_redirects(self.kind.max_redirects());
        if self.kind != Kind::Http {
            request = request.header("accept", "application/json");
        }
        let Some(key) = key.map(ExposeSecret::expose_secret) else { return request };
        match (self.kind, &self.header) {
            (Kind::Twilio, _) => request.basic_authorization(&self.account, key),
            (Kind::Sparkpost, _) => request.secret_header("authorization", key),
            (Kind::Http, Some(header)) => request.secret_header(header, key),
            (Kind::Stripe | Kind::Http, _) => request.secret_header("authorization", &format!("Bearer {key}")),
        }
    }

    fn below(&self, path: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }
}

/// How much is left of what the partner lets us ask, in percent. `None`: it does not tell.
pub(crate) fn headroom(response: &Response) -> Option<f64> {
    let number = |name: &str| leading_number(response.header(name)?);
    let pair = |limit: &str, remaining: &str| Some((number(limit)?, number(remaining)?));
    let (limit, remaining) = pair("x-ratelimit-limit", "x-ratelimit-remaining")
        .or_else(|| pair("ratelimit-limit", "ratelimit-remaining"))
        .or_else(|| in_one(response.header("ratelimit")?))?;
    (limit > 0.0).then(|| (100.0 * remaining / limit).clamp(0.0, 100.0))
}

/// `limit=100, remaining=60, reset=7`: all in one header, as a draft of the standard had it.
fn in_one(text: &str) -> Option<(f64, f64)> {
    let member = |name: &str| {
        let mut members = text.split([',', ';']).filter_map(|member| member.trim().split_once('='));
        members.find_map(|(own, value)| (own == name).then(|| leading_number(value)).flatten())
    };
    Some((member("limit")?, member("remaining")?))
}

/// `100`, and of `100, 100;w=60` the first.
fn leading_number(text: &str) -> Option<f64> {
    let digits: String = text.trim().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_they_are_written() {
        for (text, expected) in [("100", Some(100.0)), (" 5000, 100;w=60", Some(5_000.0)), ("none", None), ("", None)] {
            assert_eq!(leading_number(text), expected, "{text}");
        }
        assert_eq!(in_one("limit=100, remaining=60, reset=7"), Some((100.0, 60.0)));
        assert_eq!(in_one("remaining=60"), None);
    }
}
