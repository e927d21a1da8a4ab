//! Running of a journey: its steps in order, and those that clean up in any case.

use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use check::{Cause, FailureKind, Mismatch, Phrase, StepEnded, foreign, ours, phrase};
use http::{HeaderName, Method, header::ACCEPT};
use platform::{Site, maintenance_behind, maintenance_shown};
use probe::{Client, Error, Request, Response, is_throttled, remaining_wait};
use requests::{Assertion, Transmission};
use runtime::{Instant, Run, Step};
use secrecy::ExposeSecret;
use settings::written_duration;

use crate::flow::{Filled, Flow, FlowStep};
use crate::named_values::Values;
use crate::progress::{Cleanup, Progress, Sending};
use crate::values::generate;

/// A running journey.
pub(crate) struct Journey<'r> {
    run: &'r Run,
    site: &'r Site,
    flow: &'r Arc<Flow>,
    progress: Arc<Progress>,
    /// Time until which steps may run.
    end: Instant,
}

/// Answer with the assertions about it.
struct Judged {
    response: Response,
    assertions: Vec<Assertion>,
    filled: Filled,
}

impl<'r> Journey<'r> {
    pub(crate) fn new(run: &'r Run, site: &'r Site, flow: &'r Arc<Flow>) -> Self {
        let mut values = Values::default();
        let now = run.clock().now();
        values.set("run_id", run.id().to_owned());
        values.set("uuid", runtime::identity(now).run_id);
        generate(&mut values, &flow.values, now);
        let progress = Arc::new(Progress::new(site, values));
        Self { run, site, flow, progress, end: run.clock().instant() + flow.deadline }
    }

    pub(crate) const fn run(&self) -> &'r Run {
        self.run
    }

    /// Runs the steps. Returns true if one has failed, and `None` without a verdict.
    pub(crate) async fn finish(self) -> Option<bool> {
        let (mut has_failed, mut reason): (_, Option<&'static str>) = (Some(false), None);
        self.run.explain(|| phrase!("journey {}", ours(&self.flow.subject)));
        let mut is_registered = false;
        for (position, flow_step) in self.flow.steps.iter().enumerate() {
            let step = self.run.step(&self.flow.subject, &flow_step.name);
            match (flow_step.is_always, reason) {
                (false, Some(reason)) => {
                    self.explain_skipped(flow_step, reason.into());
                    step.skipped(reason);
                    continue;
                }
                (false, None) => {}
                (true, _) => match self.progress.cleanup(self.flow, position) {
                    Cleanup::Needless => {
                        self.explain_skipped(flow_step, "nothing was created".into());
                        step.skipped("nothing was created");
                        continue;
                    }
                    Cleanup::Unknown(why) => {
                        self.explain_skipped(flow_step, why.clone());
                        step.skipped(why);
                        continue;
                    }
                    Cleanup::Ready => {}
                },
            }
            let performed = async {
                if flow_step.creates() && !is_registered {
                    self.register(&step).await?;
                    is_registered = true;
                }
                match flow_step.repeat {
                    None => self.perform(&step, position, flow_step).await,
                    Some(_) => self.run.aside(self.perform(&step, position, flow_step)).await,
                }
            };
            match performed.await {
                Ok(()) => {
                    if flow_step.is_always {
                        self.progress.finish(position);
                    }
                    step.passed();
                }
                Err(StepEnded) => {
                    has_failed =
                        if step.has_failed() { Some(true) } else { has_failed.filter(|has_failed| *has_failed) };
                    let is_in_maintenance = self.run.in_maintenance() && !step.has_failed();
                    reason = reason.or(Some(match is_in_maintenance {
                        true => "the platform is in maintenance",
                        false => "an earlier step did not pass",
                    }));
                }
            }
        }
        has_failed
    }

    /// Registers the steps that clean up, each as a compensation. Without their secrets, nothing is created.
    async fn register(&self, step: &Step<'_>) -> Result<(), StepEnded> {
        let mut prepared = Vec::new();
        for (position, cleaning) in self.flow.steps.iter().enumerate().filter(|(_, cleaning)| cleaning.is_always) {
            self.resolve(step, cleaning).await?;
            prepared.push((position, cleaning.request.begin(step).await?));
        }
        // The last one registered runs first.
        for (position, begun) in prepared.into_iter().rev() {
            let (flow, progress) = (Arc::clone(self.flow), Arc::clone(&self.progress));
            let client = self.run.client();
            let name = format!("{}/{}", flow.subject, flow.steps[position].name);
            let undo = async move { clean_up(&client, &flow, &progress, position, begun).await };
            self.run.on_exit(&name, undo);
        }
        Ok(())
    }

    /// Resolves the secrets of a step.
    async fn resolve(&self, step: &Step<'_>, flow_step: &FlowStep) -> Result<(), StepEnded> {
        for (name, reference) in self.flow.secrets.iter().filter(|(name, _)| flow_step.uses.contains(*name)) {
            let secret = match name.ends_with("password") {
                true => step.password(reference).await?,
                false => step.secret(reference).await?,
            };
            self.progress.set(name, secret.expose_secret().to_owned());
        }
        Ok(())
    }

    async fn perform(&self, step: &Step<'_>, position: usize, flow_step: &FlowStep) -> Result<(), StepEnded> {
        self.resolve(step, flow_step).await?;
        let began = Stopwatch::now();
        let Judged { response, assertions, filled } = self.exchange(step, position, flow_step).await?;
        // The names are those of the settings: values belong into the results only.
        let names = flow_step.expect.names();
        for (name, (_, held)) in names.into_iter().zip(assertions) {
            self.explain_assertion(&name, &held);
            step.check(&name, held)?;
        }
        for capture in &flow_step.captures {
            let taken = capture.take(&response, &self.progress.cookies());
            self.explain_capture(capture, &taken);
            self.progress.set(&capture.name, step.check_value(&format!("capture:{}", capture.name), taken)?);
        }
        if flow_step.expect.assets {
            let left = filled.request.deadline.saturating_sub(began.elapsed());
            filled.request.check_assets(step, &response, left).await?;
        }
        Ok(())
    }

    /// Sends the request of a step, again and again if it says so, and judges the last answer.
    async fn exchange(&self, step: &Step<'_>, position: usize, flow_step: &FlowStep) -> Result<Judged, StepEnded> {
        let until = flow_step.repeat.map(|repeat| (repeat.every, self.now() + repeat.within));
        loop {
            let judged = self.send(step, position, flow_step).await?;
            let is_met = judged.assertions.iter().all(|(_, held)| held.is_ok());
            match until {
                Some((every, until)) if !is_met && self.now() + every <= until && self.now() + every < self.end => {
                    self.run.wait(every).await;
                }
                _ => return Ok(judged),
            }
        }
    }

    /// Sends the request of a step once, and judges the answer.
    async fn send(&self, step: &Step<'_>, position: usize, flow_step: &FlowStep) -> Result<Judged, StepEnded> {
        let filled = flow_step.fill(&self.progress.values()).map_err(|mismatch| step.fail("values", mismatch))?;
        let Filled { mut request, credentials, expect } = filled;
        request.deadline = request.deadline.min(self.left(step, flow_step)?);
        self.explain_request(flow_step, &request, &credentials);
        let began = Stopwatch::now();
        let has_own = has_accept(&request.headers);
        let add = |begun: Request| {
            let progress = Arc::clone(&self.progress);
            let begun =
                with_credentials(begun, &credentials).on_sending(move || progress.note(position, Sending::Sent));
            self.progress.add_session(begun, &request.method, &request.url, has_own)
        };
        let Transmission { sent, took } = request.transmit_with(step, add).await?;
        let left = || request.deadline.saturating_sub(began.elapsed());
        if let Some(refused) = sent.refused.as_ref().filter(|refused| self.is_own(refused)) {
            self.maintenance(step, refused, &request.method, false, left()).await?;
        }
        let response = step.answered(sent.result)?;
        self.mask(&response, flow_step);
        self.run.explain(|| phrase!("    answer: {} after {} ms", response.status_line(), ours(took.as_millis())));
        let assertions = expect.judge(&response, took, step.now());
        let is_met = assertions.iter().all(|(_, held)| held.is_ok());
        let is_expected = expect.statuses.contains(response.status.as_u16());
        if response.status.is_client_error() && !is_expected {
            self.progress.note(position, Sending::Refused);
        }
        if self.is_own(&response) {
            self.maintenance(step, &response, &request.method, is_met, left()).await?;
            self.throttling(step, &response, is_expected)?;
        }
        Ok(Judged { response, assertions, filled: Filled { request, credentials, expect } })
    }

    /// Masks the secret values of an answer before anything else quotes it.
    fn mask(&self, response: &Response, flow_step: &FlowStep) {
        for capture in flow_step.captures.iter().filter(|capture| capture.is_secret) {
            if let Ok(value) = capture.take(response, &self.progress.cookies()) {
                self.run.mask(&value);
            }
        }
    }

    /// Ends the step if the answer shows or leads to maintenance mode.
    async fn maintenance(
        &self,
        step: &Step<'_>,
        response: &Response,
        method: &Method,
        is_met: bool,
        left: Duration,
    ) -> Result<(), StepEnded> {
        let signs = &self.site.maintenance;
        let shown = match maintenance_shown(signs, response) {
            None if !is_met => maintenance_behind(step, signs, response, method, left).await,
            shown => shown,
        };
        shown.map_or(Ok(()), |shown| Err(step.maintenance(shown)))
    }

    /// Ends the step if the answer throttles our own requests.
    fn throttling(&self, step: &Step<'_>, response: &Response, is_expected: bool) -> Result<(), StepEnded> {
        let texts = self.site.platform.login.throttled_texts.iter().map(|text| text.as_str().to_owned());
        if is_expected || !is_throttled(response, &texts.collect::<Vec<_>>()) {
            return Ok(());
        }
        let detail = phrase!(
            "{} throttles our own requests ({}{})\nanother run may use the same account, or the limit is too low for the schedule",
            foreign(response.url.path()),
            response.status.as_u16(),
            remaining_wait(response),
        );
        Err(step.inconclusive(Cause::Throttled, detail))
    }

    /// Time left for a request.
    fn left(&self, step: &Step<'_>, flow_step: &FlowStep) -> Result<Duration, StepEnded> {
        if flow_step.is_always {
            return Ok(flow_step.request.deadline);
        }
        let left = self.end.saturating_duration_since(self.now());
        if !left.is_zero() {
            return Ok(left);
        }
        let limit = ours(written_duration(self.flow.deadline));
        let expected = phrase!("all steps of the journey within {}", limit);
        Err(step.fail("deadline", Mismatch::new(FailureKind::Timeout, expected, "no time left for this one")))
    }

    fn is_own(&self, response: &Response) -> bool {
        response.url.origin() == self.site.base_url.origin()
    }

    fn now(&self) -> Instant {
        self.run.clock().instant()
    }
}

fn has_accept(headers: &[(HeaderName, String)]) -> bool {
    headers.iter().any(|(name, _)| *name == ACCEPT)
}

fn with_credentials(request: Request, credentials: &[(HeaderName, String)]) -> Request {
    credentials.iter().fold(request, |request, (name, value)| request.secret_header(name.as_str(), value))
}

/// Runs a step that cleans up after the attempt, where no step can be recorded.
async fn clean_up(
    client: &Client,
    flow: &Flow,
    progress: &Progress,
    position: usize,
    begun: Request,
) -> Result<(), Phrase> {
    match progress.cleanup(flow, position) {
        Cleanup::Needless => return Ok(()),
        Cleanup::Unknown(why) => return Err(why),
        Cleanup::Ready => {}
    }
    let flow_step = &flow.steps[position];
    let filled = flow_step.fill(&progress.values()).map_err(described)?;
    let Filled { request, credentials, expect } = filled;
    let sent = with_credentials(request.complete(begun), &credentials);
    let sent = progress.add_session(sent, &request.method, &request.url, has_accept(&request.headers));
    let began = Stopwatch::now();
    let response = client.send(sent).await.result.map_err(Error::describe)?;
    // The first try may have removed it.
    if request.method == Method::DELETE && matches!(response.status.as_u16(), 404 | 410) {
        progress.finish(position);
        return Ok(());
    }
    for (_, held) in expect.judge(&response, began.elapsed(), response.received) {
        held.map_err(described)?;
    }
    for capture in &flow_step.captures {
        let value = capture.take(&response, &progress.cookies()).map_err(described)?;
        if capture.is_secret {
            response.redactor.register(&value);
        }
        progress.set(&capture.name, value);
    }
    progress.finish(position);
    Ok(())
}

fn described(mismatch: Mismatch) -> Phrase {
    phrase!("expected {}, found {}", mismatch.expected, mismatch.actual)
}
