//! Cookie jar as in browsers: RFC 6265, with the rules of RFC 6265bis about prefixes, `Secure` and `SameSite`.

use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use check::{Phrase, foreign, phrase};
use cookie_store::{Cookie, CookieDomain, CookieError, CookieStore, RawCookie, StoreAction};
use http::{HeaderMap, HeaderValue, header::SET_COOKIE};
use url::{Host, Url};

use crate::{Redactor, cookie_date};

/// Minimum length of a masked value. Shorter values cannot hold a session id, which needs 64 bits of entropy (OWASP
/// Session Management Cheat Sheet), or 16 hexadecimal digits. Masking every `true` or `da_DK` would destroy the texts.
const SHORTEST_SECRET: usize = 16;

/// Maximum length of name and value in bytes, as in browsers (RFC 6265bis, section 5.6).
const MAX_LENGTH: usize = 4_096;
/// Maximum number of cookies that one response can set. Those beyond are named.
const MAX_IN_RESPONSE: usize = 64;
/// Maximum number of cookies in a jar, and of refused ones that it remembers.
const MAX_STORED: usize = 256;

/// Cookie jar. Clones share their cookies.
#[derive(Clone, Default)]
pub struct Cookies {
    jar: Arc<Mutex<Jar>>,
}

#[derive(Clone, Default)]
struct Jar {
    store: CookieStore,
    /// Place of each cookie in the order in which they were first set.
    order: BTreeMap<Key, u64>,
    /// Cookies that were set and not kept; the latest of each name.
    refused: Vec<Refused>,
}

/// What makes two cookies the same: domain, path and name.
pub(crate) type Key = (String, String, String);

fn key(cookie: &Cookie<'_>) -> Key {
    (format!("{:?}", cookie.domain), String::from(&cookie.path), cookie.name().to_owned())
}

#[derive(Clone)]
struct Refused {
    name: String,
    reason: Phrase,
    /// True for a cookie that was deleted, or whose end had passed.
    is_expired: bool,
}

impl Cookies {
    /// Value of a cookie that would be sent to this URL; `None` without such a cookie.
    #[must_use]
    pub fn value(&self, url: &Url, name: &str) -> Option<String> {
        self.lock().sent(url).iter().find(|cookie| cookie.name() == name).map(|cookie| as_text(cookie.value()))
    }

    /// True when a cookie that would be sent to this URL is hidden from scripts.
    #[must_use]
    pub fn is_http_only(&self, url: &Url, name: &str) -> bool {
        let jar = self.lock();
        let sent = jar.sent(url);
        sent.iter().find(|cookie| cookie.name() == name).is_some_and(|cookie| cookie.http_only().unwrap_or(false))
    }

    /// Independent copy of the jar, for sending old cookies after they were replaced.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { jar: Arc::new(Mutex::new(self.lock().clone())) }
    }

    /// True if both jars send the same cookies to this URL.
    #[must_use]
    pub fn sends_the_same(&self, other: &Self, url: &Url) -> bool {
        self.header(url) == other.header(url)
    }

    /// All cookies with their values.
    pub(crate) fn stored(&self) -> Vec<(Key, String)> {
        let mut cookies: Vec<_> =
            self.lock().store.iter_unexpired().map(|cookie| (key(cookie), cookie.value().to_owned())).collect();
        cookies.sort_unstable();
        cookies
    }

    /// `Cookie` header for this URL.
    pub(crate) fn header(&self, url: &Url) -> Option<HeaderValue> {
        let pairs: Vec<String> =
            self.lock().sent(url).iter().map(|cookie| format!("{}={}", cookie.name(), cookie.value())).collect();
        if pairs.is_empty() {
            return None;
        }
        let mut header = HeaderValue::from_bytes(&as_bytes(&pairs.join("; "))).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// Says why a cookie of this name is not sent to a URL: browsers refuse it, or it is for other hosts or paths. `None` when
    /// no such cookie was set.
    #[must_use]
    pub fn why_not_sent(&self, url: &Url, name: &str) -> Option<Phrase> {
        let jar = self.lock();
        if let Some(refused) = jar.refused.iter().find(|refused| refused.name == name) {
            return Some(refused.reason.clone());
        }
        let other = jar.store.iter_any().find(|cookie| cookie.name() == name && !cookie.matches(url))?;
        let host = foreign(url.host_str().unwrap_or_default());
        Some(match &other.domain {
            CookieDomain::HostOnly(own) if !other.domain.matches(url) => {
                phrase!("it has no Domain, so it is for {} only, not for {}", foreign(own), host)
            }
            CookieDomain::Suffix(domain) if !other.domain.matches(url) => {
                phrase!("its Domain {} does not include {}", foreign(domain), host)
            }
            _ if !other.path.matches(url) => {
                phrase!("its Path {} does not include {}", foreign(String::from(&other.path)), foreign(url.path()))
            }
            _ => "its attribute Secure needs a page over https".into(),
        })
    }

    /// Says why browsers refused the latest cookie of this name. `None` when they took one of the same response, or deleted it.
    #[must_use]
    pub fn refused(&self, name: &str) -> Option<Phrase> {
        let jar = self.lock();
        let refused = jar.refused.iter().find(|refused| refused.name == name && !refused.is_expired);
        refused.map(|refused| refused.reason.clone())
    }

    /// Stores the cookies of a response, also of an error response. Invalid and oversized cookies are refused, as in
    /// browsers, and those beyond the bounds are ignored. Neither is ever sent.
    pub(crate) fn keep(&self, url: &Url, headers: &HeaderMap) {
        let mut jar = self.lock();
        let mut taken = BTreeSet::new();
        for (place, line) in headers.get_all(SET_COOKIE).iter().map(|line| isomorphic(line.as_bytes())).enumerate() {
            let name = pair(&line).0.trim().to_owned();
            jar.refused.retain(|refused| refused.name != name);
            let (reason, is_expired) = match jar.take(url, &line, place) {
                Ok(StoreAction::ExpiredExisting) => {
                    taken.remove(&name);
                    (Some(phrase!("it was deleted, by its {}", end(&line))), true)
                }
                Ok(_) => {
                    taken.insert(name);
                    continue;
                }
                Err(NotTaken::Expired) => (Some(phrase!("it had expired already, by its {}", end(&line))), true),
                Err(NotTaken::Refused(reason)) => (reason, false),
            };
            if let Some(reason) = reason
                && !taken.contains(&name)
                && jar.refused.len() < MAX_STORED
            {
                jar.refused.push(Refused { name, reason, is_expired });
            }
        }
    }

    /// Locks the jar. Each change is one cookie, so the jar is consistent even after a panic.
    fn lock(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reason why a cookie is not in the jar.
enum NotTaken {
    /// Its end had passed, and there was none to delete.
    Expired,
    /// Browsers refuse it; `None` for a line that is no cookie.
    Refused(Option<Phrase>),
}

impl Jar {
    /// Cookies for a URL in the order of browsers: longer paths first, then those that were set first (RFC 6265, section 5.4).
    /// Of two with one name, PHP takes the first.
    fn sent(&self, url: &Url) -> Vec<&Cookie<'static>> {
        let mut cookies = self.store.matches(url);
        cookies.sort_by_cached_key(|cookie| {
            let length = String::from(&cookie.path).len();
            (Reverse(length), self.order.get(&key(cookie)).copied())
        });
        cookies
    }

    /// Notes the cookie that was stored or deleted last.
    fn note_order(&mut self) {
        let keys: BTreeSet<Key> = self.store.iter_unexpired().map(key).collect();
        self.order.retain(|key, _| keys.contains(key));
        let next = self.order.values().max().map_or(0, |last| last + 1);
        for key in keys {
            self.order.entry(key).or_insert(next);
        }
    }

    /// Stores or deletes the cookie of one line.
    fn take(&mut self, url: &Url, line: &str, place: usize) -> Result<StoreAction, NotTaken> {
        let refused = |reason| Err(NotTaken::Refused(Some(reason)));
        if let Some(reason) = refusal(line, url) {
            return refused(reason);
        }
        if place >= MAX_IN_RESPONSE {
            return refused(phrase!("only the first {} cookies of a response count", MAX_IN_RESPONSE));
        }
        if self.store.iter_any().count() >= MAX_STORED {
            return refused(phrase!("there are {} cookies already", MAX_STORED));
        }
        let stored = self.store.parse(&with_plain_date(line), url).map_err(|error| match error {
            CookieError::Expired => NotTaken::Expired,
            CookieError::DomainMismatch => NotTaken::Refused(Some("its Domain does not fit the host".into())),
            _ => NotTaken::Refused(None),
        });
        self.note_order();
        stored
    }
}

/// The line of a cookie with its `Expires` in the form that every parser reads, or without one that browsers ignore.
fn with_plain_date(line: &str) -> String {
    let attributes = line.split(';').enumerate().filter_map(|(place, attribute)| {
        let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        if place == 0 || !name.trim().eq_ignore_ascii_case("expires") {
            return Some(Cow::Borrowed(attribute));
        }
        let date = cookie_date::parse(value)?.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        Some(Cow::Owned(format!(" Expires={date}")))
    });
    attributes.collect::<Vec<_>>().join(";")
}

/// Attribute that ends a cookie.
fn end(line: &str) -> &'static str {
    let has_age = RawCookie::parse(line).is_ok_and(|cookie| cookie.max_age().is_some());
    if has_age { "Max-Age" } else { "Expires" }
}

/// Masks the values of all cookies in a response, but for oversized ones, which no jar keeps.
pub(crate) fn mask_values(headers: &HeaderMap, redactor: &Redactor) {
    for line in lines(headers) {
        let (name, value) = pair(&line);
        if as_bytes(name).len() + as_bytes(value).len() <= MAX_LENGTH {
            mask(&as_text(value.trim().trim_matches('"')), redactor);
        }
    }
}

fn lines(headers: &HeaderMap) -> impl Iterator<Item = String> {
    headers.get_all(SET_COOKIE).iter().take(MAX_IN_RESPONSE).map(|line| isomorphic(line.as_bytes()))
}

/// Name and value of a cookie.
fn pair(line: &str) -> (&str, &str) {
    let pair = line.split(';').next().unwrap_or_default();
    pair.split_once('=').unwrap_or((pair, ""))
}

/// Says why browsers refuse a cookie by rules that the store does not know.
fn refusal(line: &str, url: &Url) -> Option<Phrase> {
    let cookie = RawCookie::parse(line).ok()?;
    let length = as_bytes(cookie.name()).len() + as_bytes(cookie.value()).len();
    if length > MAX_LENGTH {
        return Some(phrase!("it has {} bytes, more than {}", length, MAX_LENGTH));
    }
    // The only one that a header may hold.
    if line.split(';').next().unwrap_or_default().trim().contains('\t') {
        return Some("its name or value holds a tab".into());
    }
    let is_secure = cookie.secure().unwrap_or(false);
    let name = cookie.name().to_ascii_lowercase();
    Some(match () {
        () if is_secure && !is_trustworthy(url) => "its attribute Secure needs a page over https".into(),
        () if !is_secure && ["__host-", "__secure-", "__http-"].iter().any(|prefix| name.starts_with(prefix)) => {
            "the prefix of its name requires the attribute Secure".into()
        }
        () if !cookie.http_only().unwrap_or(false)
            && ["__http-", "__host-http-"].iter().any(|prefix| name.starts_with(prefix)) =>
        {
            "the prefix of its name requires the attribute HttpOnly".into()
        }
        () if name.starts_with("__host-") && cookie.domain().is_some() => {
            "the prefix `__Host-` forbids the attribute Domain".into()
        }
        () if name.starts_with("__host-") && cookie.path() != Some("/") => {
            "the prefix `__Host-` requires the attribute Path=/".into()
        }
        () if !is_secure && cookie.same_site().is_some_and(|same_site| same_site.is_none()) => {
            "SameSite=None requires the attribute Secure".into()
        }
        () if !is_secure && cookie.partitioned().unwrap_or(false) => {
            "the attribute Partitioned requires the attribute Secure".into()
        }
        () if !cookie.domain().is_none_or(|domain| is_within(url, domain)) => phrase!(
            "its Domain {} does not fit the host {}",
            foreign(cookie.domain().unwrap_or_default()),
            foreign(url.host_str().unwrap_or_default())
        ),
        () if cookie.domain().is_some_and(|domain| is_top_level(url, domain)) => phrase!(
            "its Domain {} is a public suffix, which unrelated sites share",
            foreign(cookie.domain().unwrap_or_default())
        ),
        () => return None,
    })
}

/// True for a domain of one label, such as `dk`, that is not the URL's own host. Suffixes of several labels, such as
/// `co.uk`, would need a list of all.
fn is_top_level(url: &Url, domain: &str) -> bool {
    let domain = domain.trim_start_matches('.');
    !domain.is_empty() && !domain.contains('.') && url.host_str().is_some_and(|host| !host.eq_ignore_ascii_case(domain))
}

/// True where browsers accept and send cookies with `Secure`: over TLS, and on the machine itself.
fn is_trustworthy(url: &Url) -> bool {
    url.scheme() == "https"
        || match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}

/// True if a URL's host is a domain or lies within it (RFC 6265, section 5.1.3).
fn is_within(url: &Url, domain: &str) -> bool {
    let domain = domain.trim_start_matches('.').to_ascii_lowercase();
    let host = url.host_str().unwrap_or_default();
    let is_below = || matches!(url.host(), Some(Host::Domain(_))) && host.ends_with(&format!(".{domain}"));
    domain.is_empty() || host == domain || is_below()
}

/// First character for bytes beyond ASCII in the encoding `x-user-defined` (WHATWG Encoding Standard, section 14.5). None of
/// its characters is white space, which parsers would trim: in Latin-1, the last byte of `Å` is a line break.
const BEYOND_ASCII: u32 = 0xf780;

/// Bytes of a header as as many characters, so that they can be sent back unchanged.
fn isomorphic(bytes: &[u8]) -> String {
    let beyond =
        |byte: u8| char::from_u32(BEYOND_ASCII + u32::from(byte) - 0x80).unwrap_or(char::REPLACEMENT_CHARACTER);
    bytes.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { beyond(*byte) }).collect()
}

/// The bytes that [`isomorphic`] was made of.
fn as_bytes(text: &str) -> Vec<u8> {
    let byte = |c: char| match u32::from(c) {
        beyond @ BEYOND_ASCII.. => u8::try_from(beyond - BEYOND_ASCII + 0x80).ok(),
        code => u8::try_from(code).ok(),
    };
    text.chars().map(|c| byte(c).unwrap_or(b'?')).collect()
}

/// A value as people wrote it.
fn as_text(value: &str) -> String {
    String::from_utf8_lossy(&as_bytes(value)).into_owned()
}

fn mask(value: &str, redactor: &Redactor) {
    if value.len() < SHORTEST_SECRET {
        return;
    }
    redactor.register(value);
    let decoded = percent_decoded(value);
    if decoded != value {
        redactor.register(&decoded);
    }
}

/// Decodes a cookie value: many applications percent-encode cookies.
fn percent_decoded(value: &str) -> String {
    percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned()
}

/// Omits the cookies.
impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookies").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_sent_in_the_order_of_browsers() {
        let page: Url = "https://a.example/api/login".parse().unwrap();
        let jar = Cookies::default();
        for line in ["s=root; Path=/", "b=1; Path=/", "s=api; Path=/api", "a=1; Path=/", "b=2; Path=/"] {
            jar.keep(&page, &HeaderMap::from_iter([(SET_COOKIE, HeaderValue::from_static(line))]));
        }
        let sent = |path: &str| {
            let header = jar.header(&page.join(path).unwrap()).unwrap();
            header.to_str().unwrap().to_owned()
        };
        // A cookie that is set again keeps its place.
        assert_eq!(sent("/api/me"), "s=api; s=root; b=2; a=1");
        assert_eq!(sent("/"), "s=root; b=2; a=1");
        assert_eq!(jar.value(&page, "s").as_deref(), Some("api"));
        jar.keep(&page, &HeaderMap::from_iter([(SET_COOKIE, HeaderValue::from_static("b=; Path=/; Max-Age=0"))]));
        jar.keep(&page, &HeaderMap::from_iter([(SET_COOKIE, HeaderValue::from_static("b=3; Path=/; HttpOnly"))]));
        assert_eq!(sent("/"), "s=root; a=1; b=3");
        assert!(jar.is_http_only(&page, "b") && !jar.is_http_only(&page, "a") && !jar.is_http_only(&page, "c"));
    }

    /// The jar after one response, and what it sends to another page of the same host.
    fn kept(page: &str, set: &'static [u8], next: &str) -> (Cookies, Option<Vec<u8>>) {
        let (jar, page): (_, Url) = (Cookies::default(), page.parse().unwrap());
        let headers = HeaderMap::from_iter([(SET_COOKIE, HeaderValue::from_bytes(set).unwrap())]);
        jar.keep(&page, &headers);
        let sent = jar.header(&page.join(next).unwrap()).map(|header| header.as_bytes().to_vec());
        (jar, sent)
    }

    #[test]
    fn cookies_that_browsers_refuse_are_not_sent() {
        for (page, set, reason) in [
            ("https://a.example/", &b"__Host-s=1; Path=/"[..], "the prefix of its name requires the attribute Secure"),
            ("https://a.example/", b"__secure-s=1", "the prefix of its name requires the attribute Secure"),
            (
                "https://a.example/",
                b"__Host-s=1; Secure; Path=/x",
                "the prefix `__Host-` requires the attribute Path=/",
            ),
            ("https://a.example/", b"__Host-s=1; Secure", "the prefix `__Host-` requires the attribute Path=/"),
            (
                "https://a.example/",
                b"__HOST-s=1; Secure; Path=/; Domain=a.example",
                "the prefix `__Host-` forbids the attribute Domain",
            ),
            ("https://a.example/", b"__Http-s=1; Secure", "the prefix of its name requires the attribute HttpOnly"),
            (
                "https://a.example/",
                b"__Host-Http-s=1; Secure; Path=/",
                "the prefix of its name requires the attribute HttpOnly",
            ),
            ("https://a.example/", b"s=1; Partitioned", "the attribute Partitioned requires the attribute Secure"),
            ("https://a.example/", b"s=a\tb", "its name or value holds a tab"),
            (
                "https://a.example/",
                b"s=1; Domain=.example",
                "its Domain example is a public suffix, which unrelated sites share",
            ),
            ("https://a.example/", b"s=1; SameSite=None", "SameSite=None requires the attribute Secure"),
            ("http://a.example/", b"s=1; Secure", "its attribute Secure needs a page over https"),
            ("https://a.example/", b"s=1; Domain=b.example", "its Domain b.example does not fit the host a.example"),
            (
                "https://a.example/",
                b"s=1; Domain=.x.a.example",
                "its Domain x.a.example does not fit the host a.example",
            ),
            ("https://xa.example/", b"s=1; Domain=a.example", "its Domain a.example does not fit the host xa.example"),
            ("https://127.0.0.1/", b"s=1; Domain=0.0.1", "its Domain 0.0.1 does not fit the host 127.0.0.1"),
            ("https://a.example/", b"s=1; Max-Age=0", "it had expired already, by its Max-Age"),
            ("https://a.example/", b"s=1; Expires=Thu, 1 Jan 1970 0:0:1 UTC", "it had expired already, by its Expires"),
            ("https://a.example/", b"s=1; Path=/admin", "its Path /admin does not include /"),
        ] {
            let (jar, sent) = kept(page, set, "/");
            let set = String::from_utf8_lossy(set);
            assert_eq!(sent, None, "{set}");
            let name = set.split('=').next().unwrap();
            let why = jar.why_not_sent(&page.parse().unwrap(), name).map(|why| why.admit(&check::NoSecrets, 200));
            assert_eq!(why.as_deref(), Some(reason), "{set}");
        }
    }

    #[test]
    fn cookies_that_browsers_take_are_sent_as_they_came() {
        for (page, set, sent) in [
            ("https://a.example/", &b"__Host-s=1; Secure; Path=/"[..], &b"__Host-s=1"[..]),
            ("https://a.example/", b"__Secure-s=1; Secure; Domain=a.example", b"__Secure-s=1"),
            ("https://a.example/", b"s=1; SameSite=None; Secure", b"s=1"),
            ("http://127.0.0.1:8/", b"s=1; Secure", b"s=1"),
            ("http://localhost/", b"s=1; Secure; SameSite=None", b"s=1"),
            ("https://x.a.example/", b"s=1; Domain=.A.example", b"s=1"),
            ("https://a.example/", b"s=1; Domain=", b"s=1"),
            ("http://localhost/", b"s=1; Domain=localhost", b"s=1"),
            ("https://a.example/", b"__Http-s=1; Secure; HttpOnly", b"__Http-s=1"),
            ("https://a.example/", b"s=1;\tPath=/", b"s=1"),
            ("https://a.example/admin/x", b"s=1; Path=", b"s=1"),
            ("https://a.example/", "s=kørelærer".as_bytes(), "s=kørelærer".as_bytes()),
            ("https://a.example/", b"s=k\xf8re", b"s=k\xf8re"),
            // Bytes that are white space in Latin-1.
            ("https://a.example/", "s=\u{a0}Å".as_bytes(), "s=\u{a0}Å".as_bytes()),
            ("https://a.example/", b"\xa0s=\x85", b"\xa0s=\x85"),
        ] {
            let (jar, actual) = kept(page, set, "");
            let set = String::from_utf8_lossy(set);
            assert_eq!(actual.as_deref(), Some(sent), "{set}");
            let name = set.split('=').next().unwrap();
            assert!(jar.why_not_sent(&page.parse().unwrap(), name).is_none(), "{set}");
        }
    }

    #[test]
    fn cookies_of_other_hosts_say_for_which_they_are() {
        for (page, set, next, reason) in [
            (
                "https://a.b.example/",
                &b"s=1"[..],
                "https://c.b.example/",
                "it has no Domain, so it is for a.b.example only, not for c.b.example",
            ),
            (
                "https://a.b.example/",
                b"s=1; Domain=b.example",
                "https://c.example/",
                "its Domain b.example does not include c.example",
            ),
            ("https://a.example/", b"s=1; Secure", "http://a.example/", "its attribute Secure needs a page over https"),
        ] {
            let (jar, _) = kept(page, set, "/");
            let next: Url = next.parse().unwrap();
            assert_eq!(jar.header(&next), None, "{next}");
            let why = jar.why_not_sent(&next, "s").map(|why| why.admit(&check::NoSecrets, 200));
            assert_eq!(why.as_deref(), Some(reason), "{next}");
        }
    }

    #[test]
    fn cookie_that_is_set_again_is_not_refused_any_more() {
        let (jar, page) = (Cookies::default(), "https://a.example/".parse().unwrap());
        for set in ["s=1; SameSite=None", "s=2"] {
            let headers = HeaderMap::from_iter([(SET_COOKIE, HeaderValue::from_static(set))]);
            jar.keep(&page, &headers);
        }
        assert_eq!(jar.value(&page, "s").as_deref(), Some("2"));
        assert!(jar.why_not_sent(&page, "s").is_none());
    }

    /// The jar after one response with these cookies.
    fn jar_of<'a>(sets: impl IntoIterator<Item = &'a str>) -> (Cookies, Url) {
        let (jar, page) = (Cookies::default(), "https://a.example/".parse().unwrap());
        let mut headers = HeaderMap::new();
        for set in sets {
            headers.append(SET_COOKIE, HeaderValue::from_str(set).unwrap());
        }
        jar.keep(&page, &headers);
        (jar, page)
    }

    #[test]
    fn deletion_deletes_in_every_form_of_the_date() {
        for (end, value, reason) in [
            ("Max-Age=0", None, Some("it was deleted, by its Max-Age")),
            ("Max-Age=-1; Expires=Fri, 31 Dec 9999 23:59:59 GMT", None, Some("it was deleted, by its Max-Age")),
            ("Expires=Thu, 01 Jan 1970 00:00:01", None, Some("it was deleted, by its Expires")),
            ("Expires=Thu, 01 Jan 1970 00:00:01 +0000", None, Some("it was deleted, by its Expires")),
            ("expires=Thu, 1 Jan 1970 0:0:1 GMT", None, Some("it was deleted, by its Expires")),
            ("Expires=Thu Jan 01 1970 00:00:01 GMT+0000 (UTC)", None, Some("it was deleted, by its Expires")),
            ("Expires=Fri Dec 31 9999 23:59:59", Some("2"), None),
            ("Expires=never", Some("2"), None),
            ("Max-Age=0; Path=/other", Some("1"), None),
        ] {
            let set = format!("s=2; {end}");
            let (jar, page) = jar_of(["s=1; Path=/", &set]);
            assert_eq!(jar.value(&page, "s").as_deref(), value, "{end}");
            let why = jar.why_not_sent(&page, "s").map(|why| why.admit(&check::NoSecrets, 200));
            assert_eq!(why.as_deref(), reason, "{end}");
            assert!(jar.refused("s").is_none(), "{end}");
        }
    }

    #[test]
    fn refusal_counts_unless_another_was_taken() {
        for (sets, is_refused) in [
            (&["s=1; SameSite=None"][..], true),
            (&["s=1", "s=2; Domain=b.example"], false),
            (&["s=2; Domain=b.example", "s=1"], false),
            (&["s=1", "s=1; Max-Age=0", "s=2; Domain=b.example"], true),
        ] {
            let (jar, _) = jar_of(sets.iter().copied());
            assert_eq!(jar.refused("s").is_some(), is_refused, "{sets:?}");
        }
    }

    #[test]
    fn cookie_beyond_the_bound_is_named() {
        let others: Vec<String> = (0..MAX_IN_RESPONSE - 1).map(|i| format!("o{i}=1")).collect();
        let (jar, page) = jar_of(others.iter().map(String::as_str).chain(["last=1", "beyond=1"]));
        assert_eq!(jar.value(&page, "last").as_deref(), Some("1"));
        assert_eq!(jar.value(&page, "beyond"), None);
        let why = jar.why_not_sent(&page, "beyond").map(|why| why.admit(&check::NoSecrets, 200));
        assert_eq!(why.as_deref(), Some("only the first 64 cookies of a response count"));
    }
}
