//! A valid journey, and the texts of its requests with their values filled in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use check::{Mismatch, Subject};
use http::HeaderName;
use requests::{Body, Expectation, Labels, RequestSpec};
use settings::SecretRef;

use crate::capture::Capture;
use crate::named_values::Values;
use crate::template::{UrlTemplate, fill, fill_header, fill_json};
use crate::values::Source;

/// A journey: requests in order, of one session.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Subject of incidents.
    pub subject: Subject,
    /// Longest time for the steps, without those that clean up.
    pub deadline: Duration,
    /// Number of runs, of which one runs the journey.
    pub every: u64,
    /// True if the journey is not repeated within a run.
    pub creates: bool,
    /// Tags and group.
    pub labels: Labels,
    /// Values known at its beginning, each after those that it needs.
    pub(crate) values: Vec<(String, Source)>,
    /// References to secret values.
    pub(crate) secrets: BTreeMap<String, SecretRef>,
    /// Steps in order.
    pub(crate) steps: Vec<FlowStep>,
}

/// A request of a journey, with its expectations and what it takes from the answer.
#[derive(Clone, Debug)]
pub(crate) struct FlowStep {
    pub(crate) name: String,
    pub(crate) url: UrlTemplate,
    /// Request whose texts may be templates.
    pub(crate) request: RequestSpec,
    /// Headers with credentials in values.
    pub(crate) credentials: Vec<(HeaderName, String)>,
    /// Expectations whose texts may be templates.
    pub(crate) expect: Expectation,
    pub(crate) captures: Vec<Capture>,
    pub(crate) repeat: Option<Repeat>,
    /// True for a step that cleans up.
    pub(crate) is_always: bool,
    /// Names of the values in its texts.
    pub(crate) uses: BTreeSet<String>,
}

/// Repetition of a request until the answer is as expected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repeat {
    pub(crate) every: Duration,
    pub(crate) within: Duration,
}

/// Request and expectations with their values.
pub(crate) struct Filled {
    pub(crate) request: RequestSpec,
    pub(crate) credentials: Vec<(HeaderName, String)>,
    pub(crate) expect: Expectation,
}

impl Flow {
    /// Positions of the steps that may have created something before another step.
    pub(crate) fn creating_before(&self, position: usize) -> impl Iterator<Item = usize> {
        self.steps[..position].iter().enumerate().filter(|(_, step)| step.creates()).map(|(position, _)| position)
    }

    /// Position of the step that takes a value from its answer.
    pub(crate) fn source(&self, name: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.captures.iter().any(|capture| capture.name == name))
    }
}

impl FlowStep {
    /// True for a step that may create something to clean up.
    pub(crate) fn creates(&self) -> bool {
        !self.is_always && !self.request.is_safe()
    }

    /// Fills in the values.
    ///
    /// # Errors
    /// A mismatch for a value that is missing or cannot be in its place.
    pub(crate) fn fill(&self, values: &Values) -> Result<Filled, Mismatch> {
        let mut request = RequestSpec { url: self.url.fill(values)?, ..self.request.clone() };
        for (_, value) in &mut request.query {
            *value = fill(value, values)?;
        }
        for (_, value) in &mut request.headers {
            *value = fill_header(value, values)?;
        }
        match &mut request.body {
            Some(Body::Json(json)) => *json = fill_json(json, values)?,
            Some(Body::Form(fields)) => {
                for (_, value) in fields {
                    *value = fill(value, values)?;
                }
            }
            Some(Body::Text(_) | Body::File { .. }) | None => {}
        }
        let filled = |(name, value): &(HeaderName, String)| Ok((name.clone(), fill_header(value, values)?));
        let credentials = self.credentials.iter().map(filled).collect::<Result<_, Mismatch>>()?;
        Ok(Filled { request, credentials, expect: self.expected(values)? })
    }

    fn expected(&self, values: &Values) -> Result<Expectation, Mismatch> {
        let mut expect = self.expect.clone();
        let headers = expect.headers.iter_mut().map(|(_, text)| text);
        for text in headers.chain(&mut expect.texts).chain(&mut expect.not_texts) {
            *text = fill(text, values)?;
        }
        for value in expect.json.iter_mut().flat_map(|json| [&mut json.equals, &mut json.not]).flatten() {
            *value = fill_json(value, values)?;
        }
        Ok(expect)
    }
}
