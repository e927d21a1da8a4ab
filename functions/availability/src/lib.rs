#![doc = include_str!("../README.md")]

mod settings;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ::settings::{Common, Contract, Section};
use check::metric::{CERTIFICATE_DAYS_REMAINING, MAINTENANCE};
use check::{StepEnded, Subject, ours};
use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use platform::{maintenance_behind, maintenance_shown};
use probe::Response;
use requests::Transmission;
use runtime::{Check, MemoryCell, Run};

pub use self::settings::{Availability, RawAvailability, Target};

/// Kind of a target's answer, before its content is judged.
#[derive(PartialEq)]
enum Answer {
    Regular,
    Maintenance,
}

impl Check for Availability {
    const ID: &'static str = "availability";
    const CONTRACT: Contract = platform::CONTRACT;
    const READ_ONLY: bool = true;
    const OBJECTIVE: Option<f64> = Some(0.995);

    type Raw = RawAvailability;
    type Memory = ();

    fn read(raw: RawAvailability, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    fn max_attempt_duration(&self) -> Duration {
        let rounds = self.targets.len().div_ceil(self.concurrency);
        let slowest = self.targets.iter().map(|target| target.request.deadline).max().unwrap_or_default();
        slowest * u32::try_from(rounds).unwrap_or(u32::MAX)
    }

    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        Some(self.targets.iter().map(|target| target.subject.clone()).collect())
    }

    fn repeats(&self, subject: &Subject) -> bool {
        self.targets.iter().find(|target| target.subject == *subject).is_none_or(|target| target.request.is_safe())
    }

    fn skip_changes(&mut self) -> BTreeSet<Subject> {
        self.skips_changes = true;
        let changing = self.targets.iter().filter(|target| !target.request.is_safe());
        changing.map(|target| target.subject.clone()).collect()
    }

    fn tags(&self) -> BTreeSet<String> {
        self.targets.iter().flat_map(|target| target.labels.tags.iter().cloned()).collect()
    }

    async fn attempt(&self, run: &Run, _memory: &MemoryCell<()>) {
        // Boxed, since the compiler fails to prove that unboxed futures are `Send` for every lifetime.
        let mut probes: Vec<BoxFuture<'_, Option<Answer>>> = Vec::new();
        for (place, target) in self.targets.iter().enumerate() {
            let is_selected = run.tag().is_none_or(|tag| target.labels.tags.iter().any(|own| own == tag));
            let may_change = !target.request.is_safe();
            let is_skipped = may_change && (run.is_confirming() || self.skips_changes);
            if run.shard().holds(place) && is_selected && !is_skipped {
                probes.push(Box::pin(self.probe(run, target)));
            }
        }
        let answers: Vec<Answer> =
            stream::iter(probes).buffer_unordered(self.concurrency).filter_map(std::future::ready).collect().await;

        let now = run.clock().now();
        let days_left = |ends: Timestamp| ends.duration_since(now).as_secs_f64() / 86_400.0;
        if let Some((host, ends)) = run.certificates().into_iter().min_by_key(|(_, ends)| *ends) {
            run.measure(&CERTIFICATE_DAYS_REMAINING, days_left(ends), Some(ours(host).into()));
        }
        if !answers.is_empty() {
            let in_maintenance = answers.contains(&Answer::Maintenance);
            run.measure(&MAINTENANCE, f64::from(u8::from(in_maintenance)), None);
        }
    }
}

impl Availability {
    /// Runs the steps for one target. Returns `None` if there was no answer.
    async fn probe(&self, run: &Run, target: &Target) -> Option<Answer> {
        let began = Instant::now();
        let (response, took) = match self.request(run, target).await {
            Ok(answered) => answered,
            Err(answer) => return answer,
        };
        let step = run.step(&target.subject, "response");
        let assertions = target.expect.judge(&response, took, run.clock().now());
        let is_expected = assertions.iter().all(|(_, held)| held.is_ok());
        let shown = match maintenance_shown(&self.maintenance, &response) {
            // A redirect may be expected and lead to the page of the maintenance mode all the same.
            None if !is_expected || response.status.is_redirection() => {
                let left = target.request.deadline.saturating_sub(began.elapsed());
                maintenance_behind(&step, &self.maintenance, &response, &target.request.method, left).await
            }
            shown => shown,
        };
        if let Some(shown) = shown {
            step.maintenance(shown);
            return Some(Answer::Maintenance);
        }
        if assertions.into_iter().try_for_each(|(name, held)| step.check(&name, held)).is_ok() {
            step.passed();
            if target.expect.assets {
                let step = run.step(&target.subject, "assets");
                let left = target.request.deadline.saturating_sub(began.elapsed());
                if target.request.check_assets(&step, &response, left).await.is_ok() {
                    step.passed();
                }
            }
        }
        Some(Answer::Regular)
    }

    /// Runs the step `request`. Returns the answer and the time that it took.
    ///
    /// # Errors
    /// Maintenance mode behind a redirect that the client refuses; `None` if there was no answer.
    async fn request(&self, run: &Run, target: &Target) -> Result<(Response, Duration), Option<Answer>> {
        let step = run.step(&target.subject, "request");
        let began = Instant::now();
        let Transmission { sent, took } = target.request.transmit(&step).await.map_err(|StepEnded| None)?;
        if let Some(refused) = &sent.refused {
            let left = target.request.deadline.saturating_sub(began.elapsed());
            if let Some(shown) =
                maintenance_behind(&step, &self.maintenance, refused, &target.request.method, left).await
            {
                step.maintenance(shown);
                return Err(Some(Answer::Maintenance));
            }
        }
        let response = step.answered(sent.result).map_err(|StepEnded| None)?;
        step.passed();
        Ok((response, took))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_timeout_matches_the_template() {
        let template = include_str!("../../../infra/template.yaml");
        let timeout = format!("\n    Timeout: {}\n", Availability::FUNCTION_TIMEOUT.as_secs());
        assert_eq!(
            template.matches("Timeout: ").count(),
            template.matches(&timeout).count(),
            "one timeout for all functions"
        );
        assert_eq!(template.matches(&timeout).count(), 1);
    }
}
