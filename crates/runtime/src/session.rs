//! Somebody at the platform: opens the form, logs in, asks with their session or token, logs out, in the platform's own
//! names.
//!
//! What is judged here is what every flow that logs in must know: the form, the log-in, the second factor. The rest is
//! asked here and judged by the flow.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use check::{Cause, FailureKind, Mismatch, StepEnded};
use jiff::{SignedDuration, Timestamp};
use probe::expect::{self, Compare};
use probe::{Client, Csrf, Method, Request, Response, Session, Totp, Url, server_message};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::settings::{Credentials, Encoding, Mode, Platform};
use crate::{Run, Step};

/// Instructions for a session or token that could not be ended: no later run knows it.
const END_BY_HAND: &str = "It ends with the platform's session or token lifetime. To end it now, delete the account's sessions and \
                           tokens on the platform.";

/// Less than this between two clocks is the answer's own time, and HTTP dates are to the second.
const LEAST_SKEW: Duration = Duration::from_secs(5);

/// Where the platform is, what its flows are called, and how long one request may take.
#[derive(Clone, Debug)]
pub struct Site {
    /// Where it is.
    pub base_url: Url,
    /// What its flows are called.
    pub platform: Platform,
    /// The longest a request may take. **Units:** time.
    pub deadline: Duration,
}

impl Site {
    /// A redirect is the answer to a stranger only when it leads to the form.
    fn is_unauthenticated(&self, response: &Response) -> bool {
        let to_form = || {
            let form = self.platform.login.form.below(&self.base_url);
            response.location().is_some_and(|to| to.origin() == form.origin() && to.path() == form.path())
        };
        self.platform.unauthenticated.as_slice().contains(&response.status.as_u16())
            && (!response.status.is_redirection() || to_form())
    }
}

/// Somebody at the platform. What they hold at the end of the attempt is given back: their session or token is ended.
pub struct UserSession<'r> {
    run: &'r Run,
    site: &'r Site,
    /// Shared with the compensation that ends it.
    visit: Arc<Mutex<Visit>>,
    form_token: Option<SecretString>,
}

struct Visit {
    session: Session,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing was sent that could log in.
    Outside,
    /// A password was sent, and not answered: what came of it is not known.
    Knocking,
    /// There is a session or token to be ended.
    Inside,
    /// It was ended.
    Left,
}

impl<'r> UserSession<'r> {
    /// Somebody who has not been here before.
    #[must_use]
    pub fn new(run: &'r Run, site: &'r Site) -> Self {
        let names = &site.platform.session;
        let csrf =
            Csrf { cookie: names.csrf_cookie.as_str().to_owned(), header: names.csrf_header.as_str().to_owned() };
        let session = match site.platform.login.mode {
            Mode::Session => Session::new(&site.base_url, csrf),
            Mode::Token => Session::stateless(&site.base_url),
        };
        let visit = Arc::new(Mutex::new(Visit { session, stage: Stage::Outside }));
        Self { run, site, visit, form_token: None }
    }

    /// Opens the page with the log-in form and keeps what it hands out: cookies and the form's token.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded.
    pub async fn open_form(&mut self, step: &Step<'_>) -> Result<(), StepEnded> {
        let login = &self.site.platform.login;
        let page = self.lock().session.page(login.form.below(&self.site.base_url)).deadline(self.site.deadline);
        let response = step.ask(page).await?;
        step.check("status", status(&response, &[200]))?;
        step.check("same_site", self.same_site(&response))?;
        let token = expect::form_token(&response, login.form_token_field.as_str());
        step.check("form", token.as_ref().map(|_| ()).map_err(Clone::clone))?;
        self.form_token = token.ok();
        if login.mode == Mode::Session {
            let names = &self.site.platform.session;
            for (assertion, name) in [("session_cookie", &names.cookie), ("csrf_cookie", &names.csrf_cookie)] {
                step.check(assertion, self.holds(&response, name.as_str()))?;
            }
        }
        Ok(())
    }

    /// Sends e-mail and password, whatever comes of it. From here on the visit is ended when the attempt is.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded.
    pub async fn send_password(
        &mut self,
        step: &Step<'_>,
        email: &str,
        password: &SecretString,
    ) -> Result<Response, StepEnded> {
        let login = &self.site.platform.login;
        let fields = [(login.email_field.as_str(), email), (login.password_field.as_str(), password.expose_secret())];
        let request = self.post(login.path.below(&self.site.base_url), &fields);
        self.give_back();
        self.lock().stage = Stage::Knocking;
        let response = step.ask(request).await?;
        if login.status.as_slice().contains(&response.status.as_u16()) || response.status.is_redirection() {
            // Whether it should have or not: what it gave is to be ended. That it gave nothing is judged elsewhere.
            let _ = self.take_token(&response);
            self.lock().stage = Stage::Inside;
        } else {
            self.lock().stage = Stage::Outside;
        }
        Ok(response)
    }

    /// Judges the answer to a right password, and takes the token where there is one.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded.
    pub fn accept(&mut self, step: &Step<'_>, response: &Response, statuses: &[u16]) -> Result<(), StepEnded> {
        let login = &self.site.platform.login;
        step.check("same_site", self.same_site(response))?;
        step.check("status", status(response, statuses))?;
        if login.mode == Mode::Token {
            step.check("token", self.take_token(response))?;
        }
        self.lock().stage = Stage::Inside;
        // The token of the form is dead after a log-in; the cookie has the new one.
        self.form_token = None;
        Ok(())
    }

    /// Sends the code of the second factor. A code that is refused while the clocks differ was our clock's mistake.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded.
    pub async fn send_code(&mut self, step: &Step<'_>, totp: &Totp, code_step: u64) -> Result<(), StepEnded> {
        let factor = &self.site.platform.second_factor;
        let code = totp.code(code_step);
        self.run.mask(code.expose_secret());
        let fields = [(factor.code_field.as_str(), code.expose_secret())];
        let request = self.post(factor.path.below(&self.site.base_url), &fields);
        let response = step.ask(request).await?;
        if response.status.is_client_error()
            && let Some(skew) = skew(&response, self.run.clock().now())
            && skew.unsigned_abs() > factor.period.get().max(LEAST_SKEW)
        {
            let detail = format!(
                "the code was answered {}, and our clock is {} s {} the platform's\nset the clock that is wrong; codes of \
                 a second factor depend on it",
                response.status.as_u16(),
                skew.unsigned_abs().as_secs(),
                if skew.is_negative() { "behind" } else { "ahead of" },
            );
            return Err(step.inconclusive(Cause::ClockSkew, &detail));
        }
        self.accept(step, &response, factor.status.as_slice())
    }

    /// Logs in, for a check whose own flow comes after: that the log-in itself is right is for the check `login` to judge, so
    /// a password of ours that is refused is our own mistake here.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded.
    pub async fn log_in(&mut self, step: &Step<'_>, credentials: &Credentials) -> Result<(), StepEnded> {
        let login = &self.site.platform.login;
        if login.mode == Mode::Session {
            self.open_form(step).await?;
        }
        let password = step.secret(&credentials.password).await?;
        let answer = self.send_password(step, &credentials.email, &password).await?;
        if login.refused.as_slice().contains(&answer.status.as_u16()) {
            let detail = format!(
                "the platform refused our own account {} ({})\nput its password at {}, or see to the account",
                credentials.email,
                answer.status.as_u16(),
                credentials.password,
            );
            return Err(step.inconclusive(Cause::Credentials, &detail));
        }
        self.accept(step, &answer, login.status.as_slice())
    }

    /// Asks who is logged in.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded.
    pub async fn ask_me(&self, step: &Step<'_>) -> Result<Response, StepEnded> {
        self.get(step, self.site.platform.me.path.below(&self.site.base_url)).await
    }

    /// Asks for something.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded.
    pub async fn get(&self, step: &Step<'_>, url: Url) -> Result<Response, StepEnded> {
        let request = self.lock().session.request(Method::GET, url).deadline(self.site.deadline);
        step.ask(request).await
    }

    /// Sends something.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded.
    pub async fn send(
        &self,
        step: &Step<'_>,
        method: Method,
        url: Url,
        body: Option<&Value>,
    ) -> Result<Response, StepEnded> {
        let request = sent_by(&self.lock().session, self.site, method, url, body);
        step.ask(request).await
    }

    /// Sends something whose answer is judged by nobody.
    ///
    /// # Errors
    /// What went wrong, redacted.
    pub async fn look(
        &self,
        step: &Step<'_>,
        method: Method,
        url: Url,
        body: Option<&Value>,
    ) -> Result<Response, String> {
        let request = sent_by(&self.lock().session, self.site, method, url, body);
        step.look(request).await
    }

    /// What goes on when the attempt is over, to undo what it did: nothing that it sends is recorded.
    #[must_use]
    pub fn background_session(&self) -> BackgroundSession {
        BackgroundSession { visit: Arc::clone(&self.visit), site: self.site.clone(), client: self.run.client() }
    }

    /// Logs out, and judges the answer.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded.
    pub async fn log_out(&self, step: &Step<'_>) -> Result<(), StepEnded> {
        let request = log_out(&self.lock().session, self.site);
        let response = step.ask(request).await?;
        step.check("same_site", self.same_site(&response))?;
        step.check("status", status(&response, self.site.platform.logout.status.as_slice()))?;
        self.lock().stage = Stage::Left;
        Ok(())
    }

    /// Somebody who holds what this one holds now, and keeps it whatever happens to the first.
    #[must_use]
    pub fn copy(&self) -> Self {
        // Not ended by itself: it is the same session.
        let visit = Visit { session: self.lock().session.copy(), stage: Stage::Outside };
        Self { run: self.run, site: self.site, visit: Arc::new(Mutex::new(visit)), form_token: None }
    }

    /// Whether an answer is the one that somebody gets who is not logged in.
    #[must_use]
    pub fn is_unauthenticated(&self, response: &Response) -> bool {
        self.site.is_unauthenticated(response)
    }

    /// The answer is the one that somebody gets who is not logged in.
    ///
    /// # Errors
    /// A mismatch of kind `invariant` when it served somebody, of kind `status` when it is neither.
    pub fn expect_unauthenticated(&self, response: &Response, why: &str) -> Result<(), Mismatch> {
        if self.is_unauthenticated(response) {
            return Ok(());
        }
        let statuses = self.site.platform.unauthenticated.as_slice();
        // A redirect elsewhere is not the answer that is expected, whatever the list of statuses holds.
        let wrong = status(response, statuses).err().unwrap_or_else(|| Mismatch {
            kind: FailureKind::Status,
            expected: "a redirect to the log-in form".to_owned(),
            actual: response.location().map_or_else(|| "no Location".to_owned(), |to| format!("a redirect to {to}")),
            evidence: None,
        });
        let expected = format!("{why} ({})", wrong.expected);
        let kind = if response.status.is_success() { FailureKind::Invariant } else { wrong.kind };
        Err(Mismatch { kind, expected, ..wrong })
    }

    /// The value at a pointer, below the platform's wrapper or at the top, is this one; numbers may be written as texts.
    ///
    /// # Errors
    /// A mismatch of kind `invariant` when it is another, of kind `assertion` when there is none.
    pub fn expect_value(&self, response: &Response, pointer: &str, value: &str) -> Result<(), Mismatch> {
        expect::json_found(response, pointer, self.wrapper())?;
        expect::json_matches(response, pointer, self.wrapper(), &Value::from(value), Compare::Loose)
            .map_err(|mismatch| Mismatch { kind: FailureKind::Invariant, ..mismatch })
    }

    /// The answer leads nowhere else than to the platform.
    ///
    /// # Errors
    /// A mismatch of kind `redirect`.
    pub fn same_site(&self, response: &Response) -> Result<(), Mismatch> {
        let (base, here) = (self.site.base_url.origin(), response.url.origin());
        let there = response.location().filter(|to| to.origin() != base);
        let elsewhere = there.or_else(|| (here != base).then(|| response.url.clone()));
        match elsewhere {
            None => Ok(()),
            Some(url) => Err(Mismatch {
                kind: FailureKind::Redirect,
                expected: format!("an answer that stays at {}", base.ascii_serialization()),
                actual: format!("{} and on to {}", response.status.as_u16(), url.origin().ascii_serialization()),
                evidence: Some(format!("Location: {url}")),
            }),
        }
    }

    /// Takes the bearer token of an answer, which is masked from now on.
    fn take_token(&self, response: &Response) -> Result<(), Mismatch> {
        let login = &self.site.platform.login;
        if login.mode != Mode::Token {
            return Ok(());
        }
        let found = expect::json_found(response, login.token_pointer.as_str(), self.wrapper())?;
        let Some(token) = found.as_str() else {
            let expected = format!("a bearer token at {}", login.token_pointer.as_str());
            let actual = "no text there".to_owned();
            return Err(Mismatch { kind: FailureKind::Assertion, expected, actual, evidence: None });
        };
        self.run.mask(token);
        self.lock().session.authorize(SecretString::from(token));
        Ok(())
    }

    fn wrapper(&self) -> &str {
        self.site.platform.wrapper.as_str()
    }

    fn post(&self, url: Url, fields: &[(&str, &str)]) -> Request {
        let login = &self.site.platform.login;
        let request = self.lock().session.request(Method::POST, url).deadline(self.site.deadline);
        match login.encoding {
            Encoding::Json => {
                let body: serde_json::Map<String, Value> =
                    fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
                request.json(&Value::Object(body))
            }
            Encoding::Form => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(fields);
                if let Some(token) = &self.form_token {
                    form.append_pair(login.form_token_field.as_str(), token.expose_secret());
                }
                request.header("content-type", "application/x-www-form-urlencoded").body(form.finish())
            }
        }
    }

    /// The session holds a cookie.
    fn holds(&self, response: &Response, name: &str) -> Result<(), Mismatch> {
        let held = self.lock().session.cookies().value(&response.url, name).is_some();
        if held {
            return Ok(());
        }
        let set = response.headers.get_all("set-cookie");
        let names: Vec<&str> =
            set.iter().filter_map(|line| line.to_str().ok()?.split_once('=')).map(|(name, _)| name).collect();
        let actual = if names.is_empty() { "no cookies".to_owned() } else { format!("cookies {}", names.join(", ")) };
        let expected = format!("a cookie {name}");
        Err(Mismatch { kind: FailureKind::Header, expected, actual, evidence: None })
    }

    /// Ends the visit when the attempt is over, unless it has been by then.
    fn give_back(&self) {
        if self.lock().stage != Stage::Outside {
            return;
        }
        let (visit, site, client) = (Arc::clone(&self.visit), self.site.clone(), self.run.client());
        self.run.on_exit_with_instructions("log-out", END_BY_HAND, async move { end(&visit, &site, &client).await });
    }

    fn lock(&self) -> MutexGuard<'_, Visit> {
        lock(&self.visit)
    }
}

/// Somebody who goes on with a visitor's session or token, until it is given back.
#[derive(Clone)]
pub struct BackgroundSession {
    visit: Arc<Mutex<Visit>>,
    site: Site,
    client: Client,
}

impl BackgroundSession {
    /// Sends something.
    ///
    /// # Errors
    /// What went wrong, redacted.
    pub async fn send(&self, method: Method, url: Url, body: Option<&Value>) -> Result<Response, String> {
        let request = sent_by(&lock(&self.visit).session, &self.site, method, url, body);
        self.client.send(request).await.result.map_err(|error| error.to_string())
    }

    /// Sends a request that is no part of the visit: it carries nothing of it.
    ///
    /// # Errors
    /// What went wrong, redacted.
    pub async fn send_apart(&self, request: Request) -> Result<Response, String> {
        self.client.send(request).await.result.map_err(|error| error.to_string())
    }

    /// Where the platform is.
    #[must_use]
    pub const fn site(&self) -> &Site {
        &self.site
    }
}

fn sent_by(session: &Session, site: &Site, method: Method, url: Url, body: Option<&Value>) -> Request {
    let request = session.request(method, url).deadline(site.deadline);
    match body {
        Some(body) => request.json(body),
        None => request,
    }
}

/// Every change is one assignment, so what a panicking thread left is whole.
fn lock(visit: &Mutex<Visit>) -> MutexGuard<'_, Visit> {
    visit.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn end(visit: &Mutex<Visit>, site: &Site, client: &Client) -> Result<(), String> {
    let request = {
        let visit = lock(visit);
        match (visit.stage, site.platform.login.mode) {
            (Stage::Outside | Stage::Left, _) => return Ok(()),
            // A session that was never handed to us ends by itself.
            (Stage::Knocking, Mode::Session) => return Ok(()),
            (Stage::Knocking, Mode::Token) => {
                return Err("the log-in was not answered: it may have made a token that nobody holds".to_owned());
            }
            (Stage::Inside, _) => log_out(&visit.session, site),
        }
    };
    match client.send(request).await.result {
        Ok(response) => {
            let actual = response.status.as_u16();
            let (done, gone) = (site.platform.logout.status.as_slice(), site.platform.unauthenticated.as_slice());
            if done.contains(&actual) || gone.contains(&actual) {
                return Ok(());
            }
            Err(format!("logging out was answered {actual}; the session or token may live on"))
        }
        Err(error) => Err(format!("{error}; the session or token may live on")),
    }
}

fn log_out(session: &Session, site: &Site) -> Request {
    session.request(Method::POST, site.platform.logout.path.below(&site.base_url)).deadline(site.deadline)
}

/// The status is one of these; a mismatch tells what was asked for, and the platform's own words.
///
/// # Errors
/// A mismatch of kind `status`.
pub fn status(response: &Response, expected: &[u16]) -> Result<(), Mismatch> {
    expect::status(response, expected).map_err(|mismatch| {
        let words = server_message(response).map(|words| format!(" ({words})")).unwrap_or_default();
        Mismatch { actual: format!("{}{words} at {}", mismatch.actual, response.url.path()), ..mismatch }
    })
}

/// By how much our clock is ahead of the one that answered; `None` when it did not tell the time.
#[must_use]
pub fn skew(response: &Response, now: Timestamp) -> Option<SignedDuration> {
    let date = response.header("date")?;
    let theirs = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    Some(now.duration_since(theirs))
}

#[cfg(test)]
mod tests {
    use probe::{HeaderMap, Redactor, StatusCode};

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)]) -> Response {
        Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::from_iter(
                headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())),
            ),
            body: probe::Bytes::new(),
            url: "https://app.example/api/me".parse().unwrap(),
            certificate_expires: None,
            redactor: Redactor::default(),
        }
    }

    #[test]
    fn a_stranger_is_answered_401_or_led_to_the_form() {
        let platform: Platform = toml::from_str("unauthenticated = [401, 302]").unwrap();
        let base_url = "https://app.example/".parse().unwrap();
        let site = Site { base_url, platform, deadline: Duration::from_secs(1) };
        for (case, status, location, expected) in [
            ("401", 401, None, true),
            ("to the form", 302, Some("/login"), true),
            ("to the form, absolute and with a query", 302, Some("https://app.example/login?next=%2F"), true),
            ("to another page", 302, Some("/home"), false),
            ("to another host's form", 302, Some("https://evil.example/login"), false),
            ("nowhere", 302, None, false),
            ("another status", 403, None, false),
        ] {
            let location = location.map(|to| ("location", to));
            assert_eq!(site.is_unauthenticated(&answer(status, location.as_slice())), expected, "{case}");
        }
    }

    #[test]
    fn the_difference_of_clocks_is_read_from_the_answer() {
        let now = "2026-11-23T04:49:30Z".parse().unwrap();
        let seconds = |headers| skew(&answer(200, headers), now).map(|skew| skew.as_secs());
        assert_eq!(seconds(&[("date", "Mon, 23 Nov 2026 04:49:00 GMT")]), Some(30));
        assert_eq!(seconds(&[("date", "Mon, 23 Nov 2026 04:50:00 GMT")]), Some(-30));
        assert_eq!(seconds(&[("date", "now")]), None);
        assert_eq!(seconds(&[]), None);
    }
}
