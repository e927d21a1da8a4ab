//! User sessions at the platform: open the form, log in, send requests with a session or token, and log out, using the
//! platform's own names.
//!
//! Assertions here cover the steps shared by every flow with a log-in: the form, the log-in, the second factor. Flows
//! judge all other answers themselves.

mod lists;
mod no_log_in;
mod state;
mod token;
mod words;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use check::{Cause, FailureKind, Mismatch, Phrase, StepEnded, foreign, ours, phrase};
use probe::expect;
use probe::{Client, Method, Request, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use runtime::{Run, Step};

use crate::accounts::Credentials;
use crate::clock_skew::skew;
use crate::laravel::{Csrf, Session};
use crate::names::{Encoding, Login, Mode};
use crate::site::{Site, status};
use crate::totp::Totp;
use state::{LoginStage, SessionState, lock};
use token::Found;

/// Instructions for a session or token that could not be ended: no later run knows it.
const END_BY_HAND: &str = "A session expires by itself, a token may not. To end either now, delete the account's sessions and \
                           tokens on the platform.";

/// Statuses of a path without a page, such as one that takes only the log-in itself.
const NO_PAGE: [u16; 2] = [404, 405];

/// Smallest difference between two clocks that counts as skew: the answer itself takes time, and HTTP dates are to the
/// second.
const MIN_SKEW: Duration = Duration::from_secs(5);

/// A user session at the platform. After the attempt, compensation ends its session or token.
pub struct UserSession<'r> {
    run: &'r Run,
    site: &'r Site,
    /// Shared with the compensation that ends it.
    state: Arc<Mutex<SessionState>>,
    form: Option<expect::FilledForm>,
}

impl<'r> UserSession<'r> {
    /// Creates a session without cookies or token.
    #[must_use]
    pub fn new(run: &'r Run, site: &'r Site) -> Self {
        let names = &site.platform.session;
        let csrf =
            Csrf { cookie: names.csrf_cookie.as_str().to_owned(), header: names.csrf_header.as_str().to_owned() };
        let session = match site.platform.login.mode {
            Mode::Session => Session::new(&site.base_url, csrf),
            Mode::Token => Session::stateless(&site.base_url),
        };
        let state = Arc::new(Mutex::new(SessionState::new(session)));
        Self { run, site, state, form: None }
    }

    /// Opens the page with the log-in form, and keeps its cookies and the form's token. Returns false when there is no page, as on
    /// a platform that only issues tokens.
    ///
    /// # Errors
    /// [`StepEnded`] when the step has ended; its result is recorded.
    pub async fn open_form(&mut self, step: &Step<'_>) -> Result<bool, StepEnded> {
        let login = &self.site.platform.login;
        let page = self.lock().session.page(login.form.below(&self.site.base_url)).deadline(self.site.deadline);
        let response = self.site.ask(step, page).await?;
        if login.mode == Mode::Token && NO_PAGE.contains(&response.status.as_u16()) {
            return Ok(false);
        }
        step.check("status", status(&response, &[200, 204]))?;
        step.check("same_site", self.same_site(&response))?;
        if login.mode == Mode::Session {
            self.judge_page(step, &response)?;
        }
        Ok(true)
    }

    /// Judges the cookies and the form of the page, and keeps the token that later requests need.
    fn judge_page(&mut self, step: &Step<'_>, response: &Response) -> Result<(), StepEnded> {
        let (login, names, base) = (&self.site.platform.login, &self.site.platform.session, &self.site.base_url);
        // Cookies come first: on a page without a form, they are all there is.
        step.check("session_cookie", self.expect_cookie(response, names.cookie.as_str(), &login.path.below(base)))?;
        let csrf_cookie = self.expect_script_cookie(response, names.csrf_cookie.as_str(), base);
        let is_refused = self.lock().session.cookies().why_not_sent(base, names.csrf_cookie.as_str()).is_some();
        let mut missing = csrf_cookie.err();
        if missing.is_none() || is_refused {
            step.check("csrf_cookie", missing.take().map_or(Ok(()), Err))?;
        }
        let urls = FormUrls::new(login, base);
        let form = urls.wanted(login);
        let by_script = login.encoding == Encoding::Json;
        self.form = step.check_value("form", expect::log_in_form(response, &form))?;
        // The page after a posted form has another policy.
        if by_script && expect::withholds_referrer(response) {
            self.lock().session.withhold_referrer();
        }
        let Some(missing) = missing else { return Ok(()) };
        let in_form = || self.form.as_ref().map(|form| form.token.clone());
        let page_token = if by_script { expect::meta_token(response) } else { Ok(in_form()) };
        match page_token.and_then(|token| token.ok_or(missing)) {
            Ok(token) => self.lock().session.use_page_token(token),
            Err(mismatch) => step.check("csrf_cookie", Err(mismatch))?,
        }
        Ok(())
    }

    /// Sends e-mail and password without judging the answer. From here on, compensation ends the session after the
    /// attempt.
    ///
    /// # Errors
    /// [`StepEnded`] when the step has ended; its result is recorded.
    pub async fn send_password(
        &mut self,
        step: &Step<'_>,
        email: &str,
        password: &SecretString,
    ) -> Result<Response, StepEnded> {
        let login = &self.site.platform.login;
        let fields = [(login.email_field.as_str(), email), (login.password_field.as_str(), password.expose_secret())];
        let request = self.post(login.path.below(&self.site.base_url), &fields);
        self.register_log_out();
        self.lock().send_password();
        let response = match self.site.ask_expecting(step, request, login.status.as_slice()).await {
            Ok(response) => response,
            Err(ended) => {
                // Throttling and maintenance are whole answers, which begin no session.
                if !step.has_failed() {
                    self.lock().stage = LoginStage::LoggedOut;
                }
                return Err(ended);
            }
        };
        // Any session or token granted here is ended later, expected or not. A missing token is judged elsewhere.
        let is_one_of = |statuses: &settings::Statuses| statuses.as_slice().contains(&response.status.as_u16());
        let is_granted = is_one_of(&login.status) || response.status.is_redirection();
        self.lock().stage = match token::find(self.site, &response, self.run, &self.state) {
            Found::Unread if !is_one_of(&login.refused) => LoginStage::TokenUnread,
            Found::Token => LoginStage::LoggedIn,
            Found::Unread | Found::Nothing if is_granted => LoginStage::LoggedIn,
            Found::Unread | Found::Nothing => LoginStage::LoggedOut,
        };
        Ok(response)
    }

    /// Judges the answer to correct credentials, and takes the token if there is one.
    ///
    /// # Errors
    /// [`StepEnded`] when the step has ended; its result is recorded.
    pub fn accept(&mut self, step: &Step<'_>, response: &Response, statuses: &[u16]) -> Result<(), StepEnded> {
        let login = &self.site.platform.login;
        step.check("same_site", self.same_site(response))?;
        step.check("status", status(response, statuses).and_then(|()| self.not_sent_back(response)))?;
        match login.mode {
            Mode::Token => {
                let token = token::take(self.site, response, self.run, &self.state);
                if token.is_err() {
                    self.lock().stage = LoginStage::TokenUnread;
                }
                step.check("token", token)?;
            }
            Mode::Session => self.judge_new_cookies(step, response)?,
        }
        self.lock().stage = LoginStage::LoggedIn;
        // The form's token is void after a log-in; the cookie has the new one.
        self.form = None;
        Ok(())
    }

    /// Expects browsers to take the cookies of the answer. Without the new ones, nobody is logged in.
    fn judge_new_cookies(&self, step: &Step<'_>, response: &Response) -> Result<(), StepEnded> {
        let names = &self.site.platform.session;
        let cookies = self.lock().session.cookies().clone();
        for (assertion, name) in [("session_cookie", &names.cookie), ("csrf_cookie", &names.csrf_cookie)] {
            if let Some(reason) = cookies.refused(name.as_str()) {
                return Err(step.fail(assertion, unsent_cookie(name.as_str(), &reason)));
            }
        }
        let me = self.site.platform.me.path.below(&self.site.base_url);
        match self.expect_cookie(response, names.cookie.as_str(), &me) {
            Ok(()) => Ok(()),
            Err(mismatch) => Err(step.fail("session_cookie", mismatch)),
        }
    }

    /// Reads the token of the next page where no cookie delivers it, as a browser does: a log-in changes it. Does nothing
    /// where a cookie does. Without such a page, the token stays.
    pub async fn renew_page_token(&self, step: &Step<'_>) {
        let (login, base) = (&self.site.platform.login, &self.site.base_url);
        // The page is no part of the flow, so its cookies do not change the session.
        let session = self.lock().session.copy();
        if !session.has_page_token() || session.csrf_token().is_some() {
            return;
        }
        let page = session.page(login.form.below(base)).deadline(self.site.deadline);
        let Ok(response) = step.look(page).await else { return };
        let urls = FormUrls::new(login, base);
        // This form need not be the one to log in.
        let form = expect::WantedForm { is_sent_by_browser: false, ..urls.wanted(login) };
        let in_form = || expect::form(&response, &form).ok().map(|form| form.token);
        if let Some(token) = expect::meta_token(&response).ok().flatten().or_else(in_form) {
            self.lock().session.use_page_token(token);
        }
    }

    /// Sends the code of the second factor. A code refused while the clocks differ is inconclusive: our clock may be
    /// wrong.
    ///
    /// # Errors
    /// [`StepEnded`] when the step has ended; its result is recorded.
    pub async fn send_code(&mut self, step: &Step<'_>, totp: &Totp, code_step: u64) -> Result<(), StepEnded> {
        let factor = &self.site.platform.second_factor;
        let code = totp.code(code_step);
        self.run.mask(code.expose_secret());
        let fields = [(factor.code_field.as_str(), code.expose_secret())];
        let request = self.post(factor.path.below(&self.site.base_url), &fields);
        let before = self.lock().stage;
        // A token comes with the answer to the code, as in `send_password`.
        if self.site.platform.login.mode == Mode::Token {
            self.lock().stage = LoginStage::PasswordSent;
        }
        let response = self.site.ask(step, request).await;
        if response.is_ok() || !step.has_failed() {
            self.lock().stage = before;
        }
        let response = response?;
        if response.status.is_client_error()
            && let Some(skew) = skew(&response, self.run.clock().now())
            && skew.unsigned_abs() > factor.period.get().max(MIN_SKEW)
        {
            let detail = phrase!(
                "the code was answered with status {}, and our clock is {} s {} the platform's\nset the clock that is wrong; \
                 codes of a second factor depend on it",
                response.status.as_u16(),
                ours(skew.unsigned_abs().as_secs()),
                if skew.is_negative() { "behind" } else { "ahead of" },
            );
            return Err(step.inconclusive(Cause::ClockSkew, detail));
        }
        if token::find(self.site, &response, self.run, &self.state) == Found::Unread {
            self.lock().stage = LoginStage::TokenUnread;
        }
        self.accept(step, &response, factor.status.as_slice())?;
        self.renew_page_token(step).await;
        Ok(())
    }

    /// Logs in for a check whose own flow comes afterwards. The check `login` judges the log-in itself, so a refused
    /// password is our own mistake here.
    ///
    /// # Errors
    /// [`StepEnded`] when the step has ended; its result is recorded.
    pub async fn log_in(&mut self, step: &Step<'_>, credentials: &Credentials) -> Result<(), StepEnded> {
        let login = &self.site.platform.login;
        if login.mode == Mode::Session {
            self.open_form(step).await?;
        }
        let password = step.password(&credentials.password).await?;
        let answer = self.send_password(step, &credentials.email, &password).await?;
        if self.is_refused(&answer) {
            return Err(Self::refused(step, &answer, credentials));
        }
        let what_to_do = "use an account without one for this check";
        self.expect_no_second_factor(step, &answer, &credentials.email, what_to_do)?;
        self.accept(step, &answer, login.status.as_slice())?;
        if self.has_no_session(step, &answer).await? {
            return Err(Self::refused(step, &answer, credentials));
        }
        self.renew_page_token(step).await;
        Ok(())
    }

    /// Requests the logged-in user.
    ///
    /// # Errors
    /// [`StepEnded`] when the step has ended; its result is recorded.
    pub async fn ask_me(&self, step: &Step<'_>) -> Result<Response, StepEnded> {
        self.get(step, self.site.platform.me.path.below(&self.site.base_url)).await
    }

    /// Sends a GET request.
    ///
    /// # Errors
    /// [`StepEnded`] when the step has ended; its result is recorded.
    pub async fn get(&self, step: &Step<'_>, url: Url) -> Result<Response, StepEnded> {
        let request = self.lock().session.request(Method::GET, url).deadline(self.site.deadline);
        self.site.ask(step, request).await
    }

    /// Sends a request with an optional JSON body.
    ///
    /// # Errors
    /// [`StepEnded`] when the step has ended; its result is recorded.
    pub async fn send(
        &self,
        step: &Step<'_>,
        method: Method,
        url: Url,
        body: Option<&Value>,
    ) -> Result<Response, StepEnded> {
        let request = build_request(&self.lock().session, self.site, method, url, body);
        self.site.ask(step, request).await
    }

    /// Sends a request whose failure does not end the step.
    ///
    /// # Errors
    /// The failure: maintenance mode, no answer, or a status other than these.
    pub async fn try_send(
        &self,
        step: &Step<'_>,
        method: Method,
        url: Url,
        statuses: &[u16],
    ) -> Result<Response, Phrase> {
        let request = build_request(&self.lock().session, self.site, method, url, None);
        self.site.try_ask(step, request, statuses).await
    }

    /// Returns a session for compensation, which stays usable after the attempt. Its requests are not recorded.
    #[must_use]
    pub fn background_session(&self) -> BackgroundSession {
        BackgroundSession { state: Arc::clone(&self.state), site: self.site.clone(), client: self.run.client() }
    }

    /// Logs out and judges the answer.
    ///
    /// # Errors
    /// [`StepEnded`] when the step has ended; its result is recorded.
    pub async fn log_out(&self, step: &Step<'_>) -> Result<(), StepEnded> {
        let request = log_out(&self.lock().session, self.site);
        let statuses = self.site.platform.logout.status.as_slice();
        let response = self.site.ask_expecting(step, request, statuses).await?;
        step.check("same_site", self.same_site(&response))?;
        step.check("status", status(&response, statuses))?;
        self.lock().stage = LoginStage::Ended;
        Ok(())
    }

    /// Copies the session with its current cookies or token. Later changes to the original do not affect the copy.
    #[must_use]
    pub fn copy(&self) -> Self {
        // Not ended separately: at the platform it is the same session.
        let state = SessionState::new(self.lock().session.copy());
        Self { run: self.run, site: self.site, state: Arc::new(Mutex::new(state)), form: None }
    }

    /// Returns true for the answer to a request without a log-in.
    #[must_use]
    pub fn is_unauthenticated(&self, response: &Response) -> bool {
        self.site.is_unauthenticated(response)
    }

    /// Expects the answer to a request without a log-in.
    ///
    /// # Errors
    /// A mismatch of kind `invariant` when the request was served, of kind `status` for any other answer.
    pub fn expect_unauthenticated(&self, response: &Response, why: &'static str) -> Result<(), Mismatch> {
        if self.is_unauthenticated(response) {
            return Ok(());
        }
        let statuses = self.site.platform.unauthenticated.as_slice();
        // A redirect elsewhere is wrong, even if its status is in the list.
        let wrong = status(response, statuses).err().unwrap_or_else(|| {
            let actual = response
                .location()
                .map_or_else(|| Phrase::from("no Location"), |to| phrase!("a redirect to {}", foreign(to)));
            Mismatch::new(FailureKind::Status, "a redirect to the log-in form", actual)
        });
        let expected = phrase!("{} ({})", why, wrong.expected);
        let kind = if response.status.is_success() { FailureKind::Invariant } else { wrong.kind };
        Err(Mismatch { kind, expected, ..wrong })
    }

    /// Expects an answer that stays at the platform.
    ///
    /// # Errors
    /// A mismatch of kind `redirect`.
    pub fn same_site(&self, response: &Response) -> Result<(), Mismatch> {
        let (base, here) = (self.site.base_url.origin(), response.url.origin());
        let there = response.location().filter(|to| to.origin() != base);
        let elsewhere = there.or_else(|| (here != base).then(|| response.url.clone()));
        match elsewhere {
            None => Ok(()),
            Some(url) => {
                let expected = phrase!("an answer that stays at {}", ours(base.ascii_serialization()));
                let there = foreign(url.origin().ascii_serialization());
                let actual = phrase!("{} and on to {}", response.status.as_u16(), there);
                let evidence = phrase!("Location: {}", foreign(url));
                Err(Mismatch::new(FailureKind::Redirect, expected, actual).with_evidence(evidence))
            }
        }
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
                let (kind, body) = expect::form_body(self.form.as_ref(), fields);
                request.header("content-type", &kind).body(body)
            }
        }
    }

    /// Expects the session to hold a cookie that is sent to a URL.
    fn expect_cookie(&self, response: &Response, name: &str, to: &Url) -> Result<(), Mismatch> {
        let cookies = self.lock().session.cookies().clone();
        if cookies.value(to, name).is_some() {
            return Ok(());
        }
        if let Some(reason) = cookies.why_not_sent(to, name) {
            return Err(unsent_cookie(name, &reason));
        }
        let expected = phrase!("a cookie {}", ours(name));
        let set = response.headers.get_all("set-cookie");
        let names: Vec<&str> =
            set.iter().filter_map(|line| line.to_str().ok()?.split_once('=')).map(|(name, _)| name).collect();
        let actual = match names.is_empty() {
            true => Phrase::from("no cookies"),
            false => phrase!("cookies {}", foreign(names.join(", "))),
        };
        Err(Mismatch::new(FailureKind::Header, expected, actual))
    }

    /// Expects the session to hold a cookie that is sent to a URL and that scripts can read.
    fn expect_script_cookie(&self, response: &Response, name: &str, to: &Url) -> Result<(), Mismatch> {
        self.expect_cookie(response, name, to)?;
        if !self.lock().session.cookies().is_http_only(to, name) {
            return Ok(());
        }
        let expected = phrase!("a cookie {} that the page's script can read", ours(name));
        let actual = "one with the attribute HttpOnly, and no token in the page instead";
        Err(Mismatch::new(FailureKind::Header, expected, actual))
    }

    /// Registers the log-out as a compensation, once per session.
    fn register_log_out(&self) {
        if self.lock().stage != LoginStage::LoggedOut {
            return;
        }
        let (state, site, client) = (Arc::clone(&self.state), self.site.clone(), self.run.client());
        let undo = async move { end_session(&state, &site, &client).await };
        self.run.on_exit_with_instructions("log-out", END_BY_HAND, undo);
    }

    fn lock(&self) -> MutexGuard<'_, SessionState> {
        lock(&self.state)
    }
}

/// A user session for compensation, usable until its session or token is ended.
#[derive(Clone)]
pub struct BackgroundSession {
    state: Arc<Mutex<SessionState>>,
    site: Site,
    client: Client,
}

impl BackgroundSession {
    /// Sends a request with an optional JSON body.
    ///
    /// # Errors
    /// The failure: maintenance mode, no answer, or a status other than these.
    pub async fn send(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
        statuses: &[u16],
    ) -> Result<Response, Phrase> {
        let request = build_request(&lock(&self.state).session, &self.site, method, url, body);
        self.send_apart(request, statuses).await
    }

    /// Sends a request without the session's cookies or token.
    ///
    /// # Errors
    /// Those of [`BackgroundSession::send`].
    pub async fn send_apart(&self, request: Request, statuses: &[u16]) -> Result<Response, Phrase> {
        self.site.try_ask(&self.client, request, statuses).await
    }

    /// Site of the platform.
    #[must_use]
    pub const fn site(&self) -> &Site {
        &self.site
    }
}

/// A cookie that the platform set in vain.
fn unsent_cookie(name: &str, reason: &Phrase) -> Mismatch {
    let actual = phrase!("a cookie {} that browsers do not send: {}", ours(name), reason.clone());
    Mismatch::new(FailureKind::Header, phrase!("a cookie {}", ours(name)), actual)
}

/// URLs by which the form to log in is recognised.
struct FormUrls {
    action: Option<Url>,
    sent_to: Url,
}

impl FormUrls {
    fn new(login: &Login, base: &Url) -> Self {
        Self { action: login.form_action.as_ref().map(|path| path.below(base)), sent_to: login.path.below(base) }
    }

    fn wanted<'a>(&'a self, login: &'a Login) -> expect::WantedForm<'a> {
        expect::WantedForm {
            token_field: login.form_token_field.as_str(),
            email_field: login.email_field.as_str(),
            password_field: login.password_field.as_str(),
            action: self.action.as_ref(),
            sent_to: Some(&self.sent_to),
            is_sent_by_browser: login.encoding == Encoding::Form,
        }
    }
}

fn build_request(session: &Session, site: &Site, method: Method, url: Url, body: Option<&Value>) -> Request {
    let request = session.request(method, url).deadline(site.deadline);
    match body {
        Some(body) => request.json(body),
        None => request,
    }
}

async fn end_session(state: &Mutex<SessionState>, site: &Site, client: &Client) -> Result<(), Phrase> {
    let request = {
        let state = lock(state);
        match (state.stage, site.platform.login.mode) {
            (LoginStage::LoggedOut | LoginStage::Ended, _) => return Ok(()),
            (LoginStage::PasswordSent, Mode::Session) if state.has_new_cookies(&site.base_url) => {
                log_out(&state.session, site)
            }
            // No cookie reached us; if there is a session, it expires by itself.
            (LoginStage::PasswordSent, Mode::Session) => return Ok(()),
            (LoginStage::PasswordSent, Mode::Token) => {
                return Err("the log-in got no response: it may have issued a token, which would stay valid".into());
            }
            (LoginStage::TokenUnread, _) => {
                return Err("the answer to the log-in may hold a token that was not read and would stay valid".into());
            }
            (LoginStage::LoggedIn, _) => log_out(&state.session, site),
        }
    };
    let (done, gone) = (site.platform.logout.status.as_slice(), site.platform.unauthenticated.as_slice());
    match site.try_ask(client, request, &[done, gone].concat()).await {
        Ok(_) => Ok(()),
        Err(why) => Err(phrase!("log-out failed: {}; the session or token may still be valid", why)),
    }
}

fn log_out(session: &Session, site: &Site) -> Request {
    session.request(Method::POST, site.platform.logout.path.below(&site.base_url)).deadline(site.deadline)
}
