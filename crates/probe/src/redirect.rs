//! Redirects: the next hop, and what is sent with it, as in browsers (<https://fetch.spec.whatwg.org/#http-redirect-fetch>).

use bytes::Bytes;
use check::{Phrase, foreign, ours, phrase};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, HOST, LOCATION},
};
use percent_encoding::{AsciiSet, percent_encode};
use url::Url;

use crate::request::is_credential;

/// Maximum length of a URL that the HTTP library requests. **Units:** bytes.
const MAX_URL: usize = 65_534;

/// Text of a `Location`. Servers send letters beyond ASCII as they are, mostly in UTF-8; bytes in another encoding are escaped,
/// as browsers do.
pub(crate) fn reference(location: &HeaderValue) -> String {
    let bytes = location.as_bytes();
    std::str::from_utf8(bytes).map_or_else(|_| percent_encode(bytes, NON_ASCII).to_string(), str::to_owned)
}

/// Nothing but bytes beyond ASCII, which are always escaped.
const NON_ASCII: &AsciiSet = &AsciiSet::EMPTY;

/// One request in a chain of redirects.
#[derive(Clone)]
pub(crate) struct Hop {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
}

pub(crate) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

impl Hop {
    /// Computes the next hop from the status and headers of a redirect.
    ///
    /// # Errors
    ///
    /// A description of the invalid redirect.
    pub(crate) fn follow(&self, status: StatusCode, headers: &HeaderMap) -> Result<Self, Phrase> {
        let mut locations = headers.get_all(LOCATION).iter();
        let location = locations.next().filter(|location| !location.is_empty());
        let location = location.ok_or_else(|| phrase!("status {} without a Location", ours(status)))?;
        let text = reference(location);
        if let Some(other) = locations.find(|other| *other != location) {
            return Err(phrase!("two different Locations: {} and {}", foreign(text), foreign(reference(other))));
        }
        let url = self
            .url
            .join(&text)
            .map_err(|error| phrase!("a Location that is not a URL ({}): {}", ours(error), foreign(&text)))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(phrase!("a redirect to a scheme that is not HTTP: {}", foreign(&text)));
        }
        check_sendable(&url)?;
        let mut next = Self { url, ..self.clone() };
        if becomes_get(status, &self.method) {
            next.method = Method::GET;
            next.body = None;
            for name in [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE] {
                next.headers.remove(name);
            }
        }
        if self.url.origin() != next.url.origin() {
            let upgrade = self.url.host() == next.url.host() && next.url.scheme() == "https";
            if next.body.is_some() && !upgrade {
                return Err(phrase!("a redirect that would carry the body of the request to {}", foreign(&text)));
            }
            next.drop_credentials();
        }
        Ok(next)
    }

    fn drop_credentials(&mut self) {
        let kept = std::mem::take(&mut self.headers);
        let mut name = None;
        for (next_name, value) in kept {
            // A header map yields the name only with its first value.
            name = next_name.or(name);
            if let Some(name) = &name
                && !is_credential(name)
                && name != HOST
                && !value.is_sensitive()
            {
                self.headers.append(name.clone(), value);
            }
        }
    }
}

/// Checks that the HTTP library can request a URL from a response. It refuses some that are valid, such as very long ones.
///
/// # Errors
/// A description of the URL.
pub(crate) fn check_sendable(url: &Url) -> Result<(), Phrase> {
    let length = url.as_str().len();
    if length > MAX_URL {
        Err(phrase!("a URL of {} bytes: at most {} can be requested", ours(length), ours(MAX_URL)))
    } else if url.port() == Some(0) || url.as_str().parse::<http::Uri>().is_err() {
        Err(phrase!("a URL that cannot be requested: {}", foreign(url)))
    } else {
        Ok(())
    }
}

fn becomes_get(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        301 | 302 => method == Method::POST,
        303 => method != Method::GET && method != Method::HEAD,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(method: Method, url: &str) -> Hop {
        let mut headers = HeaderMap::new();
        let mut secret = HeaderValue::from_static("s");
        secret.set_sensitive(true);
        headers.insert("authorization", HeaderValue::from_static("Bearer x"));
        headers.insert("cookie", HeaderValue::from_static("a=b"));
        headers.insert("x-key", secret);
        headers.append("accept", HeaderValue::from_static("text/html"));
        headers.append("accept", HeaderValue::from_static("text/plain"));
        headers.insert("content-type", HeaderValue::from_static("text/plain"));
        Hop { method, url: url.parse().unwrap(), headers, body: Some(Bytes::from_static(b"body")) }
    }

    fn locations(values: &[&[u8]]) -> HeaderMap {
        values.iter().map(|value| (LOCATION, HeaderValue::from_bytes(value).unwrap())).collect()
    }

    fn follow(method: &str, from: &str, status: u16, to: &str) -> Result<Hop, Phrase> {
        let status = StatusCode::from_u16(status).unwrap();
        hop(method.parse().unwrap(), from).follow(status, &locations(&[to.as_bytes()]))
    }

    #[test]
    fn method_is_rewritten_as_in_browsers() {
        for (status, method, then) in [
            (301, "POST", "GET"),
            (302, "POST", "GET"),
            (303, "POST", "GET"),
            (303, "PUT", "GET"),
            (303, "HEAD", "HEAD"),
            (301, "PUT", "PUT"),
            (302, "DELETE", "DELETE"),
            (307, "POST", "POST"),
            (308, "POST", "POST"),
        ] {
            let next = follow(method, "https://a.dk/x", status, "/y").unwrap();
            assert_eq!(next.method.as_str(), then, "{status} after {method}");
            let kept = next.method.as_str() == method;
            assert_eq!(next.body.is_some(), kept, "body, {status} after {method}");
            assert_eq!(next.headers.contains_key("content-type"), kept, "content type, {status} after {method}");
        }
    }

    #[test]
    fn credentials_stay_at_their_origin() {
        for (case, to, kept) in [
            ("the same origin", "/y", true),
            ("the default port written out", "https://a.dk:443/y", true),
            ("another path, absolute", "https://a.dk/y", true),
            ("another host", "https://b.dk/", false),
            ("a subdomain", "https://www.a.dk/", false),
            ("another port", "https://a.dk:8443/", false),
            ("another scheme", "http://a.dk/", false),
        ] {
            let next = follow("POST", "https://a.dk/x", 302, to).unwrap();
            for name in ["authorization", "cookie", "x-key"] {
                assert_eq!(next.headers.contains_key(name), kept, "{case}: {name}");
            }
            assert_eq!(next.headers.get_all("accept").iter().count(), 2, "{case}: other headers are kept");
        }
    }

    #[test]
    fn location_may_hold_bytes_beyond_ascii() {
        for (sent, path) in
            [("/n\u{e6}ste".as_bytes(), "/n%C3%A6ste"), (b"/n\xe6ste", "/n%E6ste"), (b"/n%E6ste", "/n%E6ste")]
        {
            let next = hop(Method::GET, "https://a.dk/").follow(StatusCode::FOUND, &locations(&[sent])).ok().unwrap();
            assert_eq!(next.url.path(), path);
        }
    }

    #[test]
    fn invalid_redirects_are_rejected() {
        for (case, from, to) in [
            ("no URL", "https://a.dk/", "https://[/"),
            ("another scheme", "https://a.dk/", "ftp://a.dk/"),
            ("a script", "https://a.dk/", "javascript:alert(1)"),
            ("port 0", "https://a.dk/", "https://a.dk:0/"),
            ("the body to another host", "https://a.dk/", "https://b.dk/"),
            ("the body in plain text", "https://a.dk/", "http://a.dk/"),
        ] {
            assert!(follow("POST", from, 307, to).is_err(), "{case}");
        }
        assert!(follow("POST", "http://a.dk/", 308, "https://a.dk/").is_ok(), "the body may become encrypted");
        for (case, sent, expected) in [
            ("no Location", &[][..], "status 302 Found without a Location"),
            ("an empty Location", &[&b""[..]], "status 302 Found without a Location"),
            ("two Locations", &[b"/a", b"/b"], "two different Locations: /a and /b"),
        ] {
            let refused = hop(Method::GET, "https://a.dk/").follow(StatusCode::FOUND, &locations(sent)).err().unwrap();
            assert_eq!(refused.admit(&check::NoSecrets, 100).as_str(), expected, "{case}");
        }
        let same = hop(Method::GET, "https://a.dk/").follow(StatusCode::FOUND, &locations(&[b"/a", b"/a"]));
        assert!(same.is_ok(), "the same Location twice");
    }
}
