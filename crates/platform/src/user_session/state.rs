//! State of a user session, shared with the compensation that ends it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use probe::{Cookies, Url};

use crate::laravel::Session;

/// What is known of a session at the platform.
pub(super) struct SessionState {
    pub(super) session: Session,
    pub(super) stage: LoginStage,
    /// Cookies before the password was sent.
    before: Cookies,
}

impl SessionState {
    pub(super) fn new(session: Session) -> Self {
        Self { session, stage: LoginStage::LoggedOut, before: Cookies::default() }
    }

    pub(super) fn send_password(&mut self) {
        self.before = self.session.cookies().copy();
        self.stage = LoginStage::PasswordSent;
    }

    /// True if cookies came with the answer to the password, even if the answer broke off in its body.
    pub(super) fn has_new_cookies(&self, base_url: &Url) -> bool {
        !self.session.cookies().sends_the_same(&self.before, base_url)
    }
}

/// How far the log-in has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoginStage {
    /// No password was sent, or it was refused.
    LoggedOut,
    /// A password was sent and not answered: the result is unknown.
    PasswordSent,
    /// There may be a token that was not read, so it cannot be ended.
    TokenUnread,
    /// There is a session or token to end.
    LoggedIn,
    /// The session or token was ended.
    Ended,
}

/// Every change is one assignment, so the state stays consistent when a thread panics.
pub(super) fn lock(state: &Mutex<SessionState>) -> MutexGuard<'_, SessionState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
