//! Reviews in the background. One takes seconds on a store, and has a price on a deployment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use history::{Period, Window};
use jiff::{SignedDuration, Timestamp};
use operations::{monthly_cost, shipped_files};
use review::{Input, Progress, Review};
use runtime::CancellationToken;
use tokio::sync::{Mutex as Turn, watch};
use tokio::time::timeout;

use crate::source::Source;

/// Age from which a review of a store is made again.
const OLD: SignedDuration = SignedDuration::from_mins(10);
/// Longest wait of a request for a review that may be fast.
const PATIENCE: Duration = Duration::from_millis(700);

/// Reviews by the days of their window.
#[derive(Clone)]
pub(crate) struct Reviews {
    known: Arc<Mutex<BTreeMap<u16, Known>>>,
    /// One review at a time: each needs a core.
    turn: Arc<Turn<()>>,
    stop: CancellationToken,
}

/// Everything known about a window.
#[derive(Clone, Default)]
pub(crate) struct Known {
    /// The newest result.
    pub(crate) result: Option<Finished>,
    /// Progress of a review that runs.
    pub(crate) running: Option<watch::Receiver<String>>,
}

/// Result of a review.
#[derive(Clone)]
pub(crate) struct Finished {
    pub(crate) at: Timestamp,
    pub(crate) review: Result<Arc<Review>, String>,
}

impl Reviews {
    /// Starts without any review. Those that run end with the token.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { known: Arc::default(), turn: Arc::default(), stop }
    }

    /// The review of a window, with a new one in the background if none is recent. A deployment is only asked if `run` accepts the
    /// price.
    pub(crate) async fn get(&self, source: &Source, days: u16, run: bool) -> Known {
        let now = source.clock.now();
        let mut known = self.known(days);
        let age = known.result.as_ref().map(|result| now.duration_since(result.at));
        let has_failed = known.result.as_ref().is_some_and(|result| result.review.is_err());
        let is_wanted = match source.once_per_minute {
            Some(_) => run && (has_failed || age.is_none_or(|age| age >= SignedDuration::from_mins(1))),
            None => age.is_none_or(|age| age >= OLD),
        };
        if is_wanted && known.running.is_none() {
            let ended = self.start(source, days, now);
            // Whatever happened until then is known below.
            let _ = timeout(PATIENCE, ended).await;
            known = self.known(days);
        }
        known
    }

    /// Waits until no review runs, and lets none run meanwhile.
    #[cfg(test)]
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    fn known(&self, days: u16) -> Known {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&days).cloned().unwrap_or_default();
        // A review that ended without a result has closed its channel.
        Known { running: known.running.filter(|running| running.has_changed().is_ok()), ..known }
    }

    fn set(&self, days: u16, change: impl FnOnce(&mut Known)) {
        change(self.known.lock().unwrap_or_else(PoisonError::into_inner).entry(days).or_default());
    }

    /// Starts a review on its own thread, since it computes for seconds. Returns a future that ends with it.
    fn start(&self, source: &Source, days: u16, now: Timestamp) -> impl Future<Output = ()> + use<> {
        let (progress, running) = watch::channel("waiting for another review".to_owned());
        let mut ended = running.clone();
        self.set(days, |known| known.running = Some(running));
        let (own, source) = (self.clone(), source.clone());
        let handle = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || {
            let made = async {
                let _turn = own.turn.lock().await;
                reviewed(&source, days, now, &progress).await.map(Arc::new)
            };
            let result = handle.block_on(async {
                tokio::select! {
                    biased;
                    () = own.stop.cancelled() => None,
                    result = made => Some(result),
                }
            });
            own.set(days, |known| {
                known.running = None;
                if let Some(review) = result {
                    known.result = Some(Finished { at: now, review });
                }
            });
            // Ends the wait.
            drop(progress);
        });
        async move { while ended.changed().await.is_ok() {} }
    }
}

async fn reviewed(
    source: &Source,
    days: u16,
    now: Timestamp,
    progress: &watch::Sender<String>,
) -> Result<Review, String> {
    let (path, template) = shipped_files::alarms_template(None).map_err(|error| error.to_string())?;
    let cost = match source.once_per_minute {
        Some(_) => Some(monthly_cost(None).map_err(|error| error.to_string())?),
        None => None,
    };
    let until = Period::MINUTE.floor(now);
    let shown = source.monitored.shown();
    let input = Input {
        environment: &source.environment,
        template: &template,
        template_path: &path,
        window: Window::new(until - SignedDuration::from_hours(24 * i64::from(days)), until),
        objectives: &shown.objectives,
        cost: cost.as_ref(),
        what_if: &[],
        logs: false,
        progress: &|Progress { done, all, what }| {
            progress.send_replace(format!("{done} of {all}: {what}"));
        },
    };
    let result = review::review(&input, &*source.history).await.map_err(|error| error.to_string());
    if let Some(memo) = &source.once_per_minute {
        // The values of a month are not needed again.
        memo.forget().await;
    }
    result
}
