//! Answers to a right password that do not log in: a request for a code, and a redirect back to the form.

use check::{Cause, FailureKind, Mismatch, StepEnded, foreign, ours, phrase};
use probe::expect::json_found;
use probe::{Response, Url};
use runtime::Step;
use serde_json::Value;

use super::UserSession;
use super::state::LoginStage;
use crate::accounts::Credentials;
use crate::names::Mode;
use crate::site::status;

impl UserSession<'_> {
    /// True if the platform refused the password: by its status, or by a redirect back to the log-in form.
    #[must_use]
    pub fn is_refused(&self, response: &Response) -> bool {
        let login = &self.site.platform.login;
        login.refused.as_slice().contains(&response.status.as_u16())
            || leads_to_form(response, &login.form.below(&self.site.base_url))
    }

    /// True for a redirect that nobody is logged in after: platforms lead to the front page after a right and after a wrong
    /// password. Sends a request if the answer is a redirect at the platform.
    ///
    /// # Errors
    /// [`StepEnded`] when the step has ended; its result is recorded.
    pub async fn has_no_session(&self, step: &Step<'_>, response: &Response) -> Result<bool, StepEnded> {
        let is_in_doubt = self.site.platform.login.mode == Mode::Session
            && response.status.is_redirection()
            && self.same_site(response).is_ok();
        if !is_in_doubt || !self.is_unauthenticated(&self.ask_me(step).await?) {
            return Ok(false);
        }
        self.lock().stage = LoginStage::LoggedOut;
        Ok(true)
    }

    /// Ends the step of another check: the check `login` judges the log-in itself, so a refused password is our own mistake.
    pub(super) fn refused(step: &Step<'_>, answer: &Response, credentials: &Credentials) -> StepEnded {
        let detail = phrase!(
            "the platform refused our own account {} ({})\nput its password at {}, or check the account",
            ours(&credentials.email),
            answer.status.as_u16(),
            ours(&credentials.password),
        );
        step.inconclusive(Cause::Credentials, detail)
    }

    /// Expects somebody to be logged in after an accepted answer.
    ///
    /// # Errors
    /// [`StepEnded`] when the step has ended; its result is recorded.
    pub async fn expect_session(&self, step: &Step<'_>, response: &Response) -> Result<(), StepEnded> {
        if !self.has_no_session(step, response).await? {
            return Ok(());
        }
        let to = response.location().map(|to| to.path().to_owned()).unwrap_or_default();
        let actual = phrase!("{} to {}, and no session after it", response.status.as_u16(), foreign(to));
        Err(step.fail("session", Mismatch::new(FailureKind::Status, "a log-in", actual)))
    }

    /// Expects an answer to a user who is logged in. Where the page to log in keeps browsers from sending `Referer`, that may be the
    /// cause of another one.
    ///
    /// # Errors
    /// A mismatch of kind `status`.
    pub fn expect_logged_in(&self, response: &Response) -> Result<(), Mismatch> {
        status(response, &[200]).map_err(|mismatch| {
            if !self.is_unauthenticated(response) || !self.lock().session.withholds_referrer() {
                return mismatch;
            }
            let actual = phrase!(
                "{}; the page to log in has the Referrer-Policy no-referrer, so browsers send neither Referer nor Origin, by which \
                 Sanctum recognises a session",
                mismatch.actual
            );
            Mismatch { actual, ..mismatch }
        })
    }

    /// Refuses a redirect back to the log-in form.
    pub(super) fn not_sent_back(&self, response: &Response) -> Result<(), Mismatch> {
        let form = self.site.platform.login.form.below(&self.site.base_url);
        if !leads_to_form(response, &form) {
            return Ok(());
        }
        let actual = phrase!("{} back to the form, {}", response.status.as_u16(), ours(form.path()));
        Err(Mismatch::new(FailureKind::Status, "a log-in", actual))
    }

    /// Ends the step as inconclusive if the answer to the password asks for the code of a second factor. Only the check `login` sends
    /// codes.
    ///
    /// # Errors
    /// [`StepEnded`] when the step has ended; its result is recorded.
    pub fn expect_no_second_factor(
        &self,
        step: &Step<'_>,
        response: &Response,
        email: &str,
        what_to_do: &'static str,
    ) -> Result<(), StepEnded> {
        if !asks_for_code(response, self.wrapper()) {
            return Ok(());
        }
        self.lock().stage = LoginStage::LoggedOut;
        let detail =
            phrase!("the account {} has a second factor, so its password is not enough\n{}", ours(email), what_to_do);
        Err(step.inconclusive(Cause::Credentials, detail))
    }
}

/// True for `{"two_factor": true}`, as Laravel Fortify answers.
fn asks_for_code(response: &Response, wrapper: &str) -> bool {
    response.status.is_success()
        && json_found(response, "/two_factor", wrapper).is_ok_and(|found| found == Value::Bool(true))
}

/// True for a redirect to the log-in form. A form on the front page is no sign: platforms also lead there after a log-in.
fn leads_to_form(response: &Response, form: &Url) -> bool {
    let is_form = |to: &Url| to.origin() == form.origin() && to.path() == form.path();
    form.path() != "/" && response.status.is_redirection() && response.location().as_ref().is_some_and(is_form)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use probe::{Bytes, HeaderMap, Limits, Redactor, StatusCode};

    use super::*;

    fn answer(status: StatusCode, location: Option<&str>, body: &str) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(location) = location {
            headers.insert("location", location.parse().unwrap());
        }
        Response {
            status,
            headers,
            body: Bytes::from(body.to_owned()),
            url: "https://app.example/api/login".parse().unwrap(),
            version: probe::Version::HTTP_11,
            certificate_expires: None,
            received: Timestamp::UNIX_EPOCH,
            redactor: Redactor::default(),
            limits: Limits::default(),
        }
    }

    #[test]
    fn answer_of_fortify_asks_for_a_code() {
        for (status, body, expected) in [
            (StatusCode::OK, r#"{"two_factor":true}"#, true),
            (StatusCode::OK, r#"{"data":{"two_factor":true}}"#, true),
            (StatusCode::OK, r#"{"two_factor":false}"#, false),
            (StatusCode::OK, r#"{"id":1}"#, false),
            (StatusCode::OK, "", false),
            (StatusCode::INTERNAL_SERVER_ERROR, r#"{"two_factor":true}"#, false),
        ] {
            assert_eq!(asks_for_code(&answer(status, None, body), "/data"), expected, "{status} {body}");
        }
    }

    #[test]
    fn redirect_to_the_form_is_no_log_in() {
        for (form, location, expected) in [
            ("https://app.example/login", Some("/login"), true),
            ("https://app.example/login", Some("https://app.example/login?failed"), true),
            ("https://app.example/login", Some("/dashboard"), false),
            ("https://app.example/login", Some("https://other.example/login"), false),
            ("https://app.example/login", None, false),
            ("https://app.example/", Some("/"), false),
        ] {
            let leads = leads_to_form(&answer(StatusCode::FOUND, location, ""), &form.parse().unwrap());
            assert_eq!(leads, expected, "{form} {location:?}");
        }
        assert!(!leads_to_form(
            &answer(StatusCode::OK, Some("/login"), ""),
            &"https://app.example/login".parse().unwrap()
        ));
    }
}
