//! Partners and the reading calls that check them.

use std::time::Duration;

use check::Subject;
use check::message::{Contact, Owner};
use http::header::{ACCEPT, AUTHORIZATION};
use probe::{Response, Url};
use requests::{Auth, Expectation, RequestSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use settings::SecretRef;

/// Kind of a partner. It determines the default URL, the reading call, and how the key is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Page or endpoint.
    #[default]
    Http,
    /// Stripe: reads one payment intent. A restricted key with "PaymentIntents: Read" is sufficient.
    Stripe,
    /// Twilio: reads the account.
    Twilio,
    /// SparkPost: reads the account. A key with "Account: Read-only" is sufficient.
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

    /// Reading call of an API. `None` for a page, whose request is in the settings.
    pub(crate) fn request(self, url: Url, account: &str, key: SecretRef, deadline: Duration) -> Option<RequestSpec> {
        let url = match self {
            Self::Http => return None,
            Self::Stripe => {
                let mut url = below(url, &["v1", "payment_intents"]);
                url.query_pairs_mut().append_pair("limit", "1");
                url
            }
            Self::Twilio => below(url, &["2010-04-01", "Accounts", &format!("{account}.json")]),
            Self::Sparkpost => below(url, &["api", "v1", "account"]),
        };
        let mut request = RequestSpec::get(url, deadline);
        request.headers.push((ACCEPT, "application/json".to_owned()));
        match self {
            Self::Twilio => request.auth = Some(Auth::Basic { user: account.to_owned(), password: key }),
            Self::Sparkpost => request.secret_headers.push((AUTHORIZATION, key)),
            Self::Stripe | Self::Http => request.auth = Some(Auth::Bearer(key)),
        }
        Some(request)
    }
}

fn below(mut url: Url, path: &[&str]) -> Url {
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// Third-party service that the platform depends on.
#[derive(Clone, Debug)]
pub struct Partner {
    /// Subject of incidents.
    pub subject: Subject,
    /// Display name.
    pub name: String,
    /// Kind of service.
    pub kind: Kind,
    /// Request that checks it.
    pub request: RequestSpec,
    /// Expectations of the answer.
    pub expect: Expectation,
    /// Key for the partner's API.
    pub key: Option<SecretRef>,
    /// Text that the body must contain.
    pub text: Option<String>,
    /// Days for which the certificate must still be valid. 0: any time. Default 14.
    pub certificate_days: u32,
    /// Contact at the partner.
    pub contact: Option<Contact>,
}

impl Partner {
    /// Owner of the partner's subject, for messages.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner { name: self.name.clone(), contact: self.contact.clone() }
    }
}

/// Remaining part of the partner's rate limit. `None`: the headers do not report it. **Units:** percent.
pub(crate) fn headroom(response: &Response) -> Option<f64> {
    let number = |name: &str| leading_number(response.header(name)?);
    let pair = |limit: &str, remaining: &str| Some((number(limit)?, number(remaining)?));
    let (limit, remaining) = pair("x-ratelimit-limit", "x-ratelimit-remaining")
        .or_else(|| pair("ratelimit-limit", "ratelimit-remaining"))
        .or_else(|| combined_limit(response.header("ratelimit")?))?;
    (limit > 0.0).then(|| (100.0 * remaining / limit).clamp(0.0, 100.0))
}

/// Limit and remaining calls in one header, `limit=100, remaining=60, reset=7`, as in a draft of the standard.
fn combined_limit(text: &str) -> Option<(f64, f64)> {
    let member = |name: &str| {
        let mut members = text.split([',', ';']).filter_map(|member| member.trim().split_once('='));
        members.find_map(|(found, value)| (found == name).then(|| leading_number(value)).flatten())
    };
    Some((member("limit")?, member("remaining")?))
}

/// Number at the beginning of a text, such as 100 in `100, 100;w=60`.
fn leading_number(text: &str) -> Option<f64> {
    let digits: String = text.trim().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_limit_headers_are_read() {
        for (text, expected) in [("100", Some(100.0)), (" 5000, 100;w=60", Some(5_000.0)), ("none", None), ("", None)] {
            assert_eq!(leading_number(text), expected, "{text}");
        }
        assert_eq!(combined_limit("limit=100, remaining=60, reset=7"), Some((100.0, 60.0)));
        assert_eq!(combined_limit("remaining=60"), None);
    }
}
