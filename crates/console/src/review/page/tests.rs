use std::sync::Arc;

use local::Store;
use runtime::{CancellationToken, SystemClock};

use super::*;
use crate::memo::OncePerMinute;
use crate::source::Monitored;

fn source(environment: &str) -> Source {
    Source {
        release: String::new(),
        environment: environment.to_owned(),
        host: String::new(),
        place: String::new(),
        options: String::new(),
        kept: String::new(),
        history: Arc::new(Store::in_memory().unwrap()),
        once_per_minute: None,
        live: None,
        monitored: Monitored::default(),
        actions: None,
        faults: None,
        changes: Arc::new(|| None),
        clock: Arc::new(SystemClock),
    }
}

/// Status, time of the next load, and text of the page.
async fn shown(source: &Source, reviews: &Reviews) -> (u16, String, String) {
    let choice = Query(Choice { days: Some(7) });
    let answer = review_page(State(source.clone()), Extension(reviews.clone()), choice).await;
    let (head, body) = answer.into_parts();
    let again = head.headers.get(REFRESH).map(|again| again.to_str().unwrap().to_owned()).unwrap_or_default();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    (head.status.as_u16(), again, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn page_loads_itself_until_the_review_is_there() {
    let (source, reviews) = (source("staging"), Reviews::new(CancellationToken::new()));
    let turn = reviews.turn().await;
    let (status, again, body) = shown(&source, &reviews).await;
    assert_eq!((status, again.as_str()), (200, "2; url=/review?days=7"), "{body}");
    assert!(body.contains("The review is being computed") && body.contains("waiting for another review"), "{body}");
    drop(turn);
    let mut running = reviews.get(&source, 7, false).await.running;
    while let Some(running) = &mut running
        && running.changed().await.is_ok()
    {}
    let (status, again, body) = shown(&source, &reviews).await;
    assert_eq!((status, again.as_str()), (200, ""), "{body}");
    assert!(body.contains("Review of 7 days"), "{body}");
}

#[tokio::test]
async fn review_ends_with_the_program() {
    let stop = CancellationToken::new();
    let (source, reviews) = (source("staging"), Reviews::new(stop.clone()));
    stop.cancel();
    let known = reviews.get(&source, 7, false).await;
    assert!(known.result.is_none() && known.running.is_none());
}

#[tokio::test]
async fn failed_review_says_why() {
    let (source, reviews) = (source("a\"b"), Reviews::new(CancellationToken::new()));
    let (status, _, body) = shown(&source, &reviews).await;
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("The review failed") && body.contains("infra/alarms.yaml"), "{body}");
}

#[tokio::test]
async fn failed_review_with_a_price_can_be_repeated() {
    let (source, reviews) = (source("a\"b"), Reviews::new(CancellationToken::new()));
    let history = Arc::new(OncePerMinute::new(source.history.clone(), source.clock.clone()));
    let source = Source { history: history.clone(), once_per_minute: Some(history), ..source };
    let press = async || {
        let choice = Form(Choice { days: Some(7) });
        let answer = start_review(State(source.clone()), Extension(reviews.clone()), choice).await.into_response();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    };
    press().await;
    let (status, _, body) = shown(&source, &reviews).await;
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("The review failed") && body.contains("Review 7 days for about"), "{body}");
    assert!(!body.contains("tries again"), "{body}");
    let turn = reviews.turn().await;
    press().await;
    let (status, again, body) = shown(&source, &reviews).await;
    assert_eq!((status, again.as_str()), (200, "2; url=/review?days=7"), "{body}");
    drop(turn);
}
