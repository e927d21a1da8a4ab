//! A history that answers the same question once a minute, and about closed days once.

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

use crate::closed::{self, open_from, split};

/// Most points of a series that are kept for a day: charts have fewer.
const MAX_KEPT: i64 = 5_000;

/// Answer of the wrapped history.
type Answer = Arc<Mutex<Option<Arc<dyn Any + Send + Sync>>>>;

/// Answers by question, and the time that they are for. **Units:** seconds since 1970.
type Answers = (i64, BTreeMap<String, Answer>);

/// Asks the history of a deployment at most once a minute for the same thing, however many pages are open, since each question has a
/// price. Windows that differ by less than a minute are the same. Closed days are asked once.
pub struct OncePerMinute {
    history: Arc<dyn History>,
    clock: Arc<dyn Clock>,
    /// Answers of the current minute.
    answers: Mutex<Answers>,
    /// Answers about closed days, until another day is closed.
    closed: Mutex<Answers>,
    asked: AtomicU64,
    answered: AtomicU64,
}

impl OncePerMinute {
    /// Wraps a history.
    #[must_use]
    pub fn new(history: Arc<dyn History>, clock: Arc<dyn Clock>) -> Self {
        Self {
            history,
            clock,
            answers: Mutex::default(),
            closed: Mutex::default(),
            asked: AtomicU64::new(0),
            answered: AtomicU64::new(0),
        }
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

    /// Returns the answer of this minute, or asks for it.
    async fn once<T: Clone + Send + Sync + 'static>(
        &self,
        question: impl Debug,
        ask: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        self.known(&self.answers, minute(self.clock.now()), question, ask).await
    }

    /// Returns the answer about the closed days of a window, and that about the rest.
    async fn divided<T: Clone + Default + Send + Sync + 'static, F: Future<Output = Result<T, PortError>>>(
        &self,
        question: impl Debug,
        window: Window,
        ask: impl Fn(Window) -> F,
    ) -> Result<[T; 2], PortError> {
        let now = self.clock.now();
        let [closed, open] = split(window, now);
        let answer = async |answers, at, window: Window| match window.is_empty() {
            true => Ok(T::default()),
            false => self.known(answers, at, (&question, window), ask(window)).await,
        };
        let (older, newer) = (answer(&self.closed, open_from(now), closed), answer(&self.answers, minute(now), open));
        Ok(futures::try_join!(older, newer)?.into())
    }

    /// Returns the answer for a time, or asks for it. Two that ask the same at the same time wait for one answer.
    async fn known<T: Clone + Send + Sync + 'static>(
        &self,
        answers: &Mutex<Answers>,
        at: Timestamp,
        question: impl Debug,
        ask: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        let answer = {
            let mut answers = answers.lock().await;
            if answers.0 != at.as_second() {
                *answers = (at.as_second(), BTreeMap::new());
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
        let ask = |window| self.history.runs(check, window, limit);
        let [older, newer] = self.divided(("runs", check, limit), window, ask).await?;
        Ok(closed::runs(older, newer, window, limit))
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
        let ask = |window| self.history.series(metric, statistic, window, period);
        // A period that is in two days cannot be divided, and the values of a review are not worth their memory.
        let periods = window.until.duration_since(window.from).as_secs() / period.seconds();
        if Period::DAY.seconds() % period.seconds() != 0 || periods > MAX_KEPT {
            return self.once(("series", metric, statistic, window, period), ask(window)).await;
        }
        let [older, newer] = self.divided(("series", metric, statistic, period), window, ask).await?;
        Ok(closed::series(older, newer, window))
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
        let ask = |window| self.history.daily(check, window);
        let days: [Vec<Day>; 2] = self.divided(("daily", check), whole(window), ask).await?;
        Ok(days.concat())
    }
}

#[cfg(test)]
mod tests {
    use alarm::Statistic::Average;
    use check::metric::{NAMESPACE, SUCCESS};
    use check_testkit::sample_report;
    use jiff::SignedDuration;
    use local::Store;
    use runtime::{Datum, MetricSink as _};

    use super::*;

    /// A clock that a test sets.
    struct At(std::sync::Mutex<Timestamp>);

    impl At {
        fn skip(&self, by: SignedDuration) {
            *self.0.lock().unwrap() += by;
        }
    }

    #[async_trait]
    impl Clock for At {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }

        fn instant(&self) -> tokio::time::Instant {
            tokio::time::Instant::now()
        }

        async fn sleep(&self, _duration: std::time::Duration) {}
    }

    /// Noon and some seconds of a day.
    const NOON: Timestamp = Timestamp::constant(1_772_452_830, 0);

    /// A store with a run every six hours of five days, and the history on it.
    async fn world() -> (Arc<Store>, OncePerMinute, Arc<At>) {
        let (store, clock) = (Arc::new(Store::in_memory().unwrap()), Arc::new(At(NOON.into())));
        for hours in (0..120).step_by(6) {
            record(&store, hours).await;
        }
        (store.clone(), OncePerMinute::new(store, clock.clone()), clock)
    }

    /// Records a run this long ago.
    async fn record(store: &Store, hours: i64) {
        let at = NOON - SignedDuration::from_hours(hours);
        let mut report = sample_report(&[1.0]);
        (report.run_id, report.key.scheduled_time) = (runtime::identity(at).run_id, at);
        store.record(&report).unwrap();
        let datum = Datum::for_environment(&SUCCESS, 1.0, "demo", "login", None, at);
        store.publish(&[datum]).await.unwrap();
    }

    fn metric() -> MetricId {
        let dimensions = [("Environment", "demo"), ("Check", "login")];
        let dimensions = dimensions.map(|(name, value)| (name.to_owned(), value.to_owned()));
        MetricId { namespace: NAMESPACE.to_owned(), name: SUCCESS.name.to_owned(), dimensions: dimensions.into() }
    }

    fn hours(hours: i64) -> Window {
        Window::new(NOON - SignedDuration::from_hours(hours), NOON + SignedDuration::from_secs(1))
    }

    #[tokio::test]
    async fn a_question_is_asked_once_a_minute() {
        let (_, memo, clock) = world().await;
        for _ in 0..3 {
            memo.runs("login", hours(1), 5).await.unwrap();
        }
        memo.runs("booking", hours(1), 5).await.unwrap();
        assert_eq!(memo.counts(), (2, 2));
        clock.skip(SignedDuration::from_mins(1));
        memo.runs("login", hours(1), 5).await.unwrap();
        assert_eq!(memo.counts(), (3, 2));
    }

    #[tokio::test]
    async fn answers_of_several_days_are_whole() {
        let (store, memo, _) = world().await;
        let metric = metric();
        for window in [1, 11, 15, 30, 75, 200].map(hours).map(whole) {
            for limit in [1, 3, 5, 100] {
                let (own, asked) = (memo.runs("login", window, limit), store.runs("login", window, limit));
                assert_eq!(own.await, asked.await, "{window:?}, {limit}");
            }
            for period in [1, 7, 60].map(Period::minutes) {
                let own = memo.series(&metric, Average, window, period).await.unwrap();
                let asked = store.series(&metric, Average, window, period).await.unwrap();
                assert!(asked.points().count() > 0);
                assert_eq!(own, asked, "{window:?}, {period:?}");
            }
            assert_eq!(memo.daily("login", window).await, store.daily("login", window).await, "{window:?}");
        }
    }

    #[tokio::test]
    async fn closed_days_are_asked_once() {
        let (store, memo, clock) = world().await;
        let days = async || {
            let days = memo.daily("login", hours(75)).await.unwrap();
            let points = memo.series(&metric(), Average, hours(75), Period::minutes(60)).await.unwrap();
            let runs = memo.runs("login", hours(75), 100).await.unwrap().runs.len();
            (days.iter().map(|day| day.runs.passed).collect::<Vec<_>>(), points.points().count(), runs)
        };
        assert_eq!(days().await, (vec![4, 4, 4, 3], 13, 13));
        assert_eq!(memo.counts(), (6, 0));
        for hours in [0, 25] {
            record(&store, hours).await;
        }
        clock.skip(SignedDuration::from_mins(1));
        assert_eq!(days().await, (vec![4, 4, 4, 4], 13, 14), "yesterday is closed, today is not");
        assert_eq!(memo.counts(), (9, 3));
        clock.skip(SignedDuration::from_hours(24));
        assert_eq!(days().await, (vec![4, 4, 5, 4], 14, 15), "another day is closed");
        let asked = memo.counts().0;
        memo.series(&metric(), Average, hours(100), Period::MINUTE).await.unwrap();
        assert_eq!(memo.counts().0, asked + 1, "a long series is asked whole");
    }
}
