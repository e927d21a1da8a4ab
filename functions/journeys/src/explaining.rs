//! Lines that explain a journey while it runs.

use check::{Mismatch, Phrase, foreign, ours, phrase};
use http::HeaderName;
use requests::{Auth, Body, RequestSpec};

use crate::capture::Capture;
use crate::engine::Journey;
use crate::flow::FlowStep;

/// Longest body in an explanation. **Units:** characters.
const MAX_BODY: usize = 500;

impl Journey<'_> {
    pub(crate) fn explain_skipped(&self, step: &FlowStep, reason: Phrase) {
        self.run().explain(|| phrase!("  {}: skipped, {}", ours(&step.name), reason));
    }

    /// Explains a request with its values. Credentials are named only.
    pub(crate) fn explain_request(&self, step: &FlowStep, request: &RequestSpec, credentials: &[(HeaderName, String)]) {
        let run = self.run();
        let mut url = Phrase::from(foreign(&request.url));
        for (place, (name, value)) in request.query.iter().enumerate() {
            let mark = if place == 0 && request.url.query().is_none() { "?" } else { "&" };
            url = phrase!("{}{}{}={}", url, mark, ours(name), foreign(value));
        }
        run.explain(|| phrase!("  {}: {} {}", ours(&step.name), ours(&request.method), url));
        for (name, value) in &request.headers {
            run.explain(|| phrase!("    {}: {}", ours(name), foreign(value)));
        }
        let named = credentials.iter().map(|(name, _)| name).chain(request.secret_headers.iter().map(|(name, _)| name));
        for name in named {
            run.explain(|| phrase!("    {}: (secret)", ours(name)));
        }
        let auth = match &request.auth {
            None => None,
            Some(Auth::Bearer(_)) => Some("a bearer token"),
            Some(Auth::Basic { .. }) => Some("a user and a password"),
            Some(Auth::Oauth2(_)) => Some("a token of the token server"),
        };
        if let Some(auth) = auth {
            run.explain(|| phrase!("    authorization: {} (secret)", auth));
        }
        let body = match &request.body {
            None => return,
            Some(Body::Json(json)) => foreign(json.to_string()).at_most(MAX_BODY).into(),
            Some(Body::Form(fields)) => {
                let pair = |(name, value): &(String, String)| phrase!("{}={}", ours(name), foreign(value));
                Phrase::list(fields.iter().map(pair), " & ")
            }
            Some(Body::Text(text)) => foreign(text).at_most(MAX_BODY).into(),
            Some(Body::File { path, content }) => phrase!("{} bytes of {}", content.len(), ours(path)),
        };
        run.explain(|| phrase!("    body: {}", body));
    }

    pub(crate) fn explain_assertion(&self, name: &str, held: &Result<(), Mismatch>) {
        self.run().explain(|| match held {
            Ok(()) => phrase!("    passed: {}", ours(name)),
            Err(mismatch) => phrase!("    failed: {}: {}", ours(name), described(mismatch)),
        });
    }

    pub(crate) fn explain_capture(&self, capture: &Capture, taken: &Result<String, Mismatch>) {
        let name = ours(format_args!("{{{}}}", capture.name));
        self.run().explain(|| match taken {
            Ok(_) if capture.is_secret => phrase!("    captured: {} (secret) of {}", name, capture.describe()),
            Ok(value) => phrase!("    captured: {} = {} of {}", name, foreign(value), capture.describe()),
            Err(mismatch) => phrase!("    failed: capture of {}: {}", name, described(mismatch)),
        });
    }
}

fn described(mismatch: &Mismatch) -> Phrase {
    phrase!("expected {}, found {}", mismatch.expected.clone(), mismatch.actual.clone())
}
