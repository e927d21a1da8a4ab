//! Progress of a running journey, which its cleanup shares.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use check::{Phrase, ours, phrase};
use http::Method;
use platform::{Csrf, Session, Site};
use probe::{Cookies, Request, Url};

use crate::flow::Flow;
use crate::named_values::Values;

/// Media types of a request without a header `accept`. JSON comes first: otherwise Laravel answers 302 instead of 401 or 422.
const ACCEPTED: &str = "application/json, text/html;q=0.9, */*;q=0.5";

/// Progress of a journey.
pub(crate) struct Progress(Mutex<State>);

struct State {
    values: Values,
    session: Session,
    /// Requests by the position of their step: sent, and perhaps refused.
    sent: BTreeMap<usize, Sending>,
    /// Positions of the steps that have cleaned up.
    done: BTreeSet<usize>,
}

/// State of a sent request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// Sent; it may have changed something.
    Sent,
    /// Refused by a status of 400 to 499, so that it changed nothing.
    Refused,
}

/// Decision on a step that cleans up.
#[derive(Debug)]
pub(crate) enum Cleanup {
    /// Nothing was created, or it is removed already.
    Needless,
    /// Something may have been created, but the value to remove it by is missing.
    Unknown(Phrase),
    /// The step can run.
    Ready,
}

impl Progress {
    pub(crate) fn new(site: &Site, values: Values) -> Self {
        let names = &site.platform.session;
        let csrf =
            Csrf { cookie: names.csrf_cookie.as_str().to_owned(), header: names.csrf_header.as_str().to_owned() };
        let session = Session::new(&site.base_url, csrf);
        Self(Mutex::new(State { values, session, sent: BTreeMap::new(), done: BTreeSet::new() }))
    }

    pub(crate) fn values(&self) -> Values {
        self.lock().values.clone()
    }

    pub(crate) fn set(&self, name: &str, value: String) {
        self.lock().values.set(name, value);
    }

    pub(crate) fn note(&self, position: usize, sending: Sending) {
        self.lock().sent.insert(position, sending);
    }

    pub(crate) fn finish(&self, position: usize) {
        self.lock().done.insert(position);
    }

    /// Cookies of the journey.
    pub(crate) fn cookies(&self) -> Cookies {
        self.lock().session.cookies().clone()
    }

    /// Adds cookies and the CSRF token to a request of the platform, and the accepted media types unless it has its own.
    pub(crate) fn add_session(&self, request: Request, method: &Method, url: &Url, accepts: bool) -> Request {
        let request = if accepts { request } else { request.header("accept", ACCEPTED) };
        self.lock().session.add_to(request, method, url)
    }

    /// Decides on a step that cleans up.
    pub(crate) fn cleanup(&self, flow: &Flow, position: usize) -> Cleanup {
        let state = self.lock();
        if state.done.contains(&position) {
            return Cleanup::Needless;
        }
        let may_have_changed = |position: &usize| state.sent.get(position) == Some(&Sending::Sent);
        if !flow.creating_before(position).any(|position| may_have_changed(&position)) {
            return Cleanup::Needless;
        }
        for name in flow.steps[position].uses.iter().filter(|name| !state.values.has(name)) {
            let Some(source) = flow.source(name) else { continue };
            if !may_have_changed(&source) {
                return Cleanup::Needless;
            }
            let step = ours(&flow.steps[source].name);
            return Cleanup::Unknown(phrase!(
                "the step {} may have created something, but gave no value for {}",
                step,
                ours(format_args!("{{{name}}}"))
            ));
        }
        Cleanup::Ready
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
