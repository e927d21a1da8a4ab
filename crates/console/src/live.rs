//! `GET /live`: says when a page has changed.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures::stream::unfold;
use tokio::time::{Instant, sleep};

use crate::source::Source;

/// Data of every event. Browsers discard an event without data.
const DATA: &str = "history";
/// Interval at which the history is compared.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Length of a stream. The browser opens the next one by itself, so that no connection is forgotten.
const LENGTH: Duration = Duration::from_secs(15);

/// Sends an event after each change, until the stream is as long as it may be. The browser sends the last id with its next request, so
/// that no change is missed between two streams.
pub(crate) async fn live(State(source): State<Source>, headers: HeaderMap) -> impl IntoResponse {
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let ends = Instant::now() + LENGTH;
    let events = unfold((source, seen, true), move |(source, mut seen, is_first)| async move {
        if is_first {
            let now = source.revision();
            if seen.is_none() || seen.as_ref() == Some(&now) {
                // Tells the browser the id, and to come back soon.
                let event = Event::default().event("hello").id(&now).retry(LOOK_EVERY).data(DATA);
                return Some((Ok::<_, Infallible>(event), (source, Some(now), false)));
            }
        }
        loop {
            let now = source.revision();
            if seen.as_ref() != Some(&now) {
                let event = Event::default().event("changed").id(&now).retry(LOOK_EVERY).data(DATA);
                seen = Some(now);
                return Some((Ok(event), (source, seen, false)));
            }
            if Instant::now() > ends {
                return None;
            }
            sleep(LOOK_EVERY).await;
        }
    });
    Sse::new(events)
}
