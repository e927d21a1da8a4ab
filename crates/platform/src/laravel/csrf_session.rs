//! Session with a Laravel application, as a browser keeps it: cookies and the CSRF token, or a bearer token.
//!
//! Laravel 8, Sanctum: a request belongs to a session when `Referer` or `Origin` names the application's own host. An
//! unsafe request must then carry the value of the newest CSRF cookie, URL-decoded, in a header. Each response changes the
//! cookies, so the newest value is read when a request is built.

use check::{ours, phrase};
use http::header::{ACCEPT, AUTHORIZATION, ORIGIN, REFERER};
use probe::{Cookies, Method, Request, Url};
use secrecy::{ExposeSecret, SecretString};

/// JSON must come first; otherwise Laravel treats the client as a browser and redirects instead of returning 401 or 422.
const JSON: &str = "application/json";
const PAGE: &str = "text/html,application/xhtml+xml;q=0.9";
/// Header in which Laravel takes the token of a page.
const PAGE_TOKEN: &str = "X-CSRF-TOKEN";

/// Cookie that delivers the CSRF token, and header that returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csrf {
    /// Name of the cookie.
    pub cookie: String,
    /// Name of the header.
    pub header: String,
}

impl Default for Csrf {
    /// Laravel's names.
    fn default() -> Self {
        Self { cookie: "XSRF-TOKEN".to_owned(), header: "X-XSRF-TOKEN".to_owned() }
    }
}

/// Session of one user at one origin. Nothing of it is sent to other origins.
#[derive(Debug)]
pub struct Session {
    base: Url,
    csrf: Csrf,
    cookies: Cookies,
    is_stateless: bool,
    token: Option<SecretString>,
    page_token: Option<SecretString>,
    withholds_referrer: bool,
}

impl Session {
    /// Creates a session with cookies, as in a browser.
    #[must_use]
    pub fn new(base: &Url, csrf: Csrf) -> Self {
        Self {
            base: base.clone(),
            csrf,
            cookies: Cookies::default(),
            is_stateless: false,
            token: None,
            page_token: None,
            withholds_referrer: false,
        }
    }

    /// Creates a session without cookies, for a script that has or requests a bearer token.
    #[must_use]
    pub fn stateless(base: &Url) -> Self {
        Self { is_stateless: true, ..Self::new(base, Csrf::default()) }
    }

    /// Sends this bearer token from now on.
    pub fn authorize(&mut self, token: SecretString) {
        self.token = Some(token);
    }

    /// Sends this token of a page, while no cookie delivers one.
    pub fn use_page_token(&mut self, token: SecretString) {
        self.page_token = Some(token);
    }

    /// Sends no `Referer` from now on, as scripts of a page with the Referrer-Policy `no-referrer`. Browsers then send `Origin` only
    /// with unsafe requests.
    pub const fn withhold_referrer(&mut self) {
        self.withholds_referrer = true;
    }

    /// True when [`Session::withhold_referrer`] was called.
    #[must_use]
    pub const fn withholds_referrer(&self) -> bool {
        self.withholds_referrer
    }

    /// True when [`Session::use_page_token`] was called.
    #[must_use]
    pub const fn has_page_token(&self) -> bool {
        self.page_token.is_some()
    }

    /// Independent copy of the session.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self {
            base: self.base.clone(),
            csrf: self.csrf.clone(),
            cookies: self.cookies.copy(),
            is_stateless: self.is_stateless,
            token: self.token.clone(),
            page_token: self.page_token.clone(),
            withholds_referrer: self.withholds_referrer,
        }
    }

    /// Cookie jar.
    #[must_use]
    pub const fn cookies(&self) -> &Cookies {
        &self.cookies
    }

    /// Newest CSRF token, decoded for the header. `None` for one in a cookie with `HttpOnly`, which no script can read.
    #[must_use]
    pub fn csrf_token(&self) -> Option<SecretString> {
        if self.cookies.is_http_only(&self.base, &self.csrf.cookie) {
            return None;
        }
        let value = self.cookies.value(&self.base, &self.csrf.cookie)?;
        Some(SecretString::from(percent_encoding::percent_decode_str(&value).decode_utf8_lossy().into_owned()))
    }

    /// Builds a request as the application's own script would. Redirects are returned, not followed.
    #[must_use]
    pub fn request(&self, method: Method, url: Url) -> Request {
        let request = Request::new(method.clone(), url.clone()).header(ACCEPT.as_str(), JSON).max_redirects(0);
        self.add_to(request, &method, &url)
    }

    /// Adds to a request with this method and URL what the application's own script sends with it.
    #[must_use]
    pub fn add_to(&self, mut request: Request, method: &Method, url: &Url) -> Request {
        let is_own = url.origin() == self.base.origin();
        let is_safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
        if !is_own {
            return request;
        }
        if let Some(token) = &self.token {
            let bearer = format!("Bearer {}", token.expose_secret());
            return request.returned_header(AUTHORIZATION.as_str(), &bearer, "a bearer token");
        }
        if self.is_stateless {
            return request;
        }
        let origin = self.base.origin().ascii_serialization();
        request = request.cookies(&self.cookies);
        if !self.withholds_referrer {
            request = request.header(REFERER.as_str(), &format!("{origin}/"));
        }
        if !(self.withholds_referrer && is_safe) {
            request = request.header(ORIGIN.as_str(), &origin);
        }
        match (self.csrf_token(), &self.page_token) {
            _ if is_safe => request,
            (Some(token), _) => {
                let source = phrase!("a cookie {}", ours(&self.csrf.cookie));
                request.returned_header(&self.csrf.header, token.expose_secret(), source)
            }
            (None, Some(token)) => {
                request.returned_header(PAGE_TOKEN, token.expose_secret(), "a CSRF token of the page")
            }
            (None, None) => request,
        }
    }

    /// Builds a request as a browser would to open a page.
    #[must_use]
    pub fn page(&self, url: Url) -> Request {
        let is_own = url.origin() == self.base.origin();
        let request = Request::new(Method::GET, url).header(ACCEPT.as_str(), PAGE);
        if is_own && !self.is_stateless { request.cookies(&self.cookies) } else { request }
    }
}
