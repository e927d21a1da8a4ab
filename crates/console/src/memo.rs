//! A history that answers the same question once a minute.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alarm::{MetricId, Statistic};
use async_trait::async_trait;
use check::Report;
use check::incident::{IncidentRecord, Mark, Silence};
use history::{
    AlarmChanges, AlarmState, Day, Found, History, LogLine, Notified, Period, PhaseTimes, Runs, SearchCost, Series,
    StepPercentiles, StepSeries, StepTime, Window,
};
use jiff::Timestamp;
use runtime::{Clock, PortError};
use tokio::sync::Mutex;

/// Answer of the wrapped history.
type Answer = Arc<Mutex<Option<Arc<dyn Any + Send + Sync>>>>;

/// Asks the history of a deployment at most once a minute for the same thing, however many pages are open, since each question has a
/// price. Windows that differ by less than a minute are the same.
pub struct OncePerMinute {
    history: Arc<dyn History>,
    clock: Arc<dyn Clock>,
    /// Answers of the current minute, by question.
    answers: Mutex<(i64, BTreeMap<String, Answer>)>,
    asked: AtomicU64,
    answered: AtomicU64,
}

impl OncePerMinute {
    /// Wraps a history.
    #[must_use]
    pub fn new(history: Arc<dyn History>, clock: Arc<dyn Clock>) -> Self {
        Self { history, clock, answers: Mutex::default(), asked: AtomicU64::new(0), answered: AtomicU64::new(0) }
    }

    /// Number of questions that reached the deployment, and of those that did not have to.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.asked.load(Ordering::Relaxed), self.answered.load(Ordering::Relaxed))
    }

    /// Asks everything again, since a person has changed something.
    pub(crate) async fn forget(&self) {
        self.answers.lock().await.1.clear();
    }

    /// Returns the answer of this minute, or asks for it. Two that ask the same at the same time wait for one answer.
    async fn once<T: Clone + Send + Sync + 'static>(
        &self,
        question: impl Debug,
        ask: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        let minute = self.clock.now().as_second() / 60;
        let answer = {
            let mut answers = self.answers.lock().await;
            if answers.0 != minute {
                *answers = (minute, BTreeMap::new());
            }
            answers.1.entry(format!("{question:?}")).or_default().clone()
        };
        let mut answer = answer.lock().await;
        if let Some(known) = answer.as_ref().and_then(|known| known.downcast_ref::<T>()) {
            self.answered.fetch_add(1, Ordering::Relaxed);
            return Ok(known.clone());
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let found = ask.await?;
        *answer = Some(Arc::new(found.clone()));
        Ok(found)
    }
}

/// The window of whole minutes.
fn whole(window: Window) -> Window {
    window.whole(Period::MINUTE)
}

fn minute(at: Timestamp) -> Timestamp {
    Period::MINUTE.floor(at)
}

#[async_trait]
impl History for OncePerMinute {
    async fn runs(&self, check: &str, window: Window, limit: usize) -> Result<Runs, PortError> {
        let window = whole(window);
        self.once(("runs", check, window, limit), self.history.runs(check, window, limit)).await
    }

    async fn search_cost(&self, check: &str, run_id: &str) -> Result<SearchCost, PortError> {
        self.once(("cost", check, run_id), self.history.search_cost(check, run_id)).await
    }

    async fn run(&self, check: &str, run_id: &str) -> Result<Option<Report>, PortError> {
        self.once(("run", check, run_id), self.history.run(check, run_id)).await
    }

    async fn steps(&self, check: &str, run_id: &str) -> Result<Vec<StepTime>, PortError> {
        self.once(("steps", check, run_id), self.history.steps(check, run_id)).await
    }

    async fn step_durations(&self, check: &str, window: Window, period: Period) -> Result<Vec<StepSeries>, PortError> {
        let window = whole(window);
        self.once(("durations", check, window, period), self.history.step_durations(check, window, period)).await
    }

    async fn phase_durations(&self, check: &str, window: Window, period: Period) -> Result<Vec<PhaseTimes>, PortError> {
        let window = whole(window);
        self.once(("phases", check, window, period), self.history.phase_durations(check, window, period)).await
    }

    async fn step_percentiles(&self, check: &str, window: Window) -> Result<Option<Vec<StepPercentiles>>, PortError> {
        let window = whole(window);
        self.once(("percentiles", check, window), self.history.step_percentiles(check, window)).await
    }

    async fn search_steps_cost(&self, check: &str, window: Window) -> Result<SearchCost, PortError> {
        let window = whole(window);
        self.once(("steps cost", check, window), self.history.search_steps_cost(check, window)).await
    }

    async fn search_steps(&self, check: &str, window: Window) -> Result<Vec<StepPercentiles>, PortError> {
        let window = whole(window);
        self.once(("steps", check, window), self.history.search_steps(check, window)).await
    }

    async fn search_unpassed(&self, check: &str, window: Window, limit: usize) -> Result<Found<Report>, PortError> {
        let window = whole(window);
        self.once(("unpassed", check, window, limit), self.history.search_unpassed(check, window, limit)).await
    }

    async fn search_log_cost(&self, log: &str, window: Window) -> Result<SearchCost, PortError> {
        let window = whole(window);
        self.once(("log cost", log, window), self.history.search_log_cost(log, window)).await
    }

    async fn search_log(&self, log: &str, window: Window, limit: usize) -> Result<Found<LogLine>, PortError> {
        let window = whole(window);
        self.once(("log", log, window, limit), self.history.search_log(log, window, limit)).await
    }

    async fn series(
        &self,
        metric: &MetricId,
        statistic: Statistic,
        window: Window,
        period: Period,
    ) -> Result<Series, PortError> {
        let window = whole(window);
        self.once(("series", metric, statistic, window, period), self.history.series(metric, statistic, window, period))
            .await
    }

    async fn incidents(&self, check: &str, after: Timestamp) -> Result<Vec<IncidentRecord>, PortError> {
        let after = minute(after);
        self.once(("incidents", check, after), self.history.incidents(check, after)).await
    }

    async fn notifications(&self, ids: &[String]) -> Result<Option<Vec<Notified>>, PortError> {
        self.once(("notifications", ids), self.history.notifications(ids)).await
    }

    async fn alarm_changes(&self, window: Window, limit: usize) -> Result<AlarmChanges, PortError> {
        let window = whole(window);
        self.once(("changes", window, limit), self.history.alarm_changes(window, limit)).await
    }

    async fn alarm_states(&self) -> Result<Vec<AlarmState>, PortError> {
        self.once("states", self.history.alarm_states()).await
    }

    /// Mutes and acknowledgements that a person has just made show at once: reading them has no price worth saving.
    async fn mutes(&self, check: &str) -> Result<Vec<Silence>, PortError> {
        self.history.mutes(check).await
    }

    async fn marks(&self, after: Timestamp) -> Result<Vec<Mark>, PortError> {
        self.history.marks(minute(after)).await
    }

    async fn daily(&self, check: &str, window: Window) -> Result<Vec<Day>, PortError> {
        let window = whole(window);
        self.once(("daily", check, window), self.history.daily(check, window)).await
    }
}

#[cfg(test)]
mod tests {
    use local::Store;
    use runtime::SkippingClock;

    use super::*;

    #[tokio::test]
    async fn a_question_is_asked_once_a_minute() {
        let clock = Arc::new(SkippingClock::default());
        let memo = OncePerMinute::new(Arc::new(Store::in_memory().unwrap()), clock.clone());
        let start = minute(clock.now());
        let window = Window::new(start, start + jiff::SignedDuration::from_secs(30));
        for _ in 0..3 {
            memo.runs("login", window, 5).await.unwrap();
        }
        memo.runs("booking", window, 5).await.unwrap();
        assert_eq!(memo.counts(), (2, 2));
        clock.skip(std::time::Duration::from_secs(60));
        memo.runs("login", window, 5).await.unwrap();
        assert_eq!(memo.counts(), (3, 2));
    }
}
