//! What a browser keeps between requests to a Laravel application: cookies, the CSRF token, or a bearer token.
//!
//! Laravel 8, Sanctum: a request belongs to a session when `Referer` or `Origin` names the application's own host; an unsafe
//! one must then carry the value of the newest CSRF cookie, URL-decoded, in a header. Everything changes with each answer,
//! so the newest is read when a request is made.

use http::{
    Method,
    header::{ACCEPT, AUTHORIZATION, ORIGIN, REFERER},
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{Cookies, Request, cookies::percent_decoded};

/// Preferred first, or Laravel takes the client for a browser and redirects instead of answering 401 or 422.
const JSON: &str = "application/json";
const PAGE: &str = "text/html,application/xhtml+xml;q=0.9";

/// Where the CSRF token comes from and where it goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csrf {
    /// The cookie's name.
    pub cookie: String,
    /// The header's name.
    pub header: String,
}

impl Default for Csrf {
    /// Laravel's.
    fn default() -> Self {
        Self { cookie: "XSRF-TOKEN".to_owned(), header: "X-XSRF-TOKEN".to_owned() }
    }
}

/// One visitor's session at one origin. To any other origin nothing of it is sent.
#[derive(Debug)]
pub struct Session {
    base: Url,
    csrf: Csrf,
    cookies: Cookies,
    is_stateless: bool,
    token: Option<SecretString>,
}

impl Session {
    /// With cookies, as a browser.
    #[must_use]
    pub fn new(base: &Url, csrf: Csrf) -> Self {
        Self { base: base.clone(), csrf, cookies: Cookies::default(), is_stateless: false, token: None }
    }

    /// Without cookies, as a script that has, or asks for, a bearer token.
    #[must_use]
    pub fn stateless(base: &Url) -> Self {
        Self { is_stateless: true, ..Self::new(base, Csrf::default()) }
    }

    /// Sends this bearer token from now on.
    pub fn authorize(&mut self, token: SecretString) {
        self.token = Some(token);
    }

    /// A session of its own that holds what this one holds now.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self {
            base: self.base.clone(),
            csrf: self.csrf.clone(),
            cookies: self.cookies.copy(),
            is_stateless: self.is_stateless,
            token: self.token.clone(),
        }
    }

    /// The cookies.
    #[must_use]
    pub const fn cookies(&self) -> &Cookies {
        &self.cookies
    }

    /// The newest CSRF token, as it goes back.
    #[must_use]
    pub fn csrf_token(&self) -> Option<SecretString> {
        let value = self.cookies.value(&self.base, &self.csrf.cookie)?;
        Some(SecretString::from(percent_decoded(&value)))
    }

    /// A request as the application's own script makes it. Redirects are not followed: one is an answer here.
    #[must_use]
    pub fn request(&self, method: Method, url: Url) -> Request {
        let is_own = url.origin() == self.base.origin();
        let is_safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&method);
        let mut request = Request::new(method, url).header(ACCEPT.as_str(), JSON).max_redirects(0);
        if !is_own {
            return request;
        }
        if let Some(token) = &self.token {
            return request.secret_header(AUTHORIZATION.as_str(), &format!("Bearer {}", token.expose_secret()));
        }
        if self.is_stateless {
            return request;
        }
        let origin = self.base.origin().ascii_serialization();
        request = request
            .header(REFERER.as_str(), &format!("{origin}/"))
            .header(ORIGIN.as_str(), &origin)
            .cookies(&self.cookies);
        match self.csrf_token() {
            Some(token) if !is_safe => request.secret_header(&self.csrf.header, token.expose_secret()),
            _ => request,
        }
    }

    /// A request as a browser opens a page.
    #[must_use]
    pub fn page(&self, url: Url) -> Request {
        let is_own = url.origin() == self.base.origin();
        let request = Request::new(Method::GET, url).header(ACCEPT.as_str(), PAGE);
        if is_own && !self.is_stateless { request.cookies(&self.cookies) } else { request }
    }
}
