//! The review: as a page, at a price, and as a file.

use std::collections::BTreeMap;

use check::incident::Mark;
use console::{Guard, review_report};
use history::Window;
use jiff::{SignedDuration, Timestamp};
use local::Store;
use operations::shipped_files::alarms_template;
use review::{Input, Review, review};
use runtime::OperatorStore as _;

use crate::world::World;

/// Text that would end a style, run a script and reverse the rest of a line.
const HOSTILE: &str = "</style><script>alert(1)</script>\u{202e}'\"";

/// A review of a store with one mark.
async fn reviewed(environment: &str, mark: &str) -> Review {
    let store = Store::in_memory().unwrap();
    let until: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let at = until - SignedDuration::from_hours(1);
    store.add_mark(&Mark { at, text: mark.to_owned(), by: mark.to_owned() }).await.unwrap();
    let (path, template) = alarms_template(None).unwrap();
    let input = Input {
        environment,
        template: &template,
        template_path: &path,
        window: Window::new(until - SignedDuration::from_hours(7 * 24), until),
        objectives: &BTreeMap::new(),
        cost: None,
        what_if: &["SlowLogin=6000".to_owned()],
        logs: false,
        progress: &|_| {},
    };
    review(&input, &store).await.unwrap()
}

#[tokio::test]
async fn page_shows_what_was_recorded_and_what_is_unknown() {
    let world = World::start(Guard::ThisMachine, false).await;
    let answer = world.get("/review?days=7").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!answer.head.contains("refresh:"), "a small store is reviewed at once: {}", answer.head);
    let incident = format!("<a href=\"/incidents/{}\">", world.incident);
    for expected in [
        "<h1>Review of 7 days</h1>",
        "aria-current=\"true\">7 days</a>",
        &incident,
        "open-form",
        "release &#60;script&#62;alert(1)",
        "Checks without a run in the window: <span class=\"quiet\">",
        "Alarms not replayed, since",
        "Numbers that are not recorded",
    ] {
        assert!(answer.body.contains(expected), "expected {expected} in {}", answer.body);
    }
    assert!(!answer.body.contains("<script>alert") && !answer.body.contains("style=\""), "{}", answer.body);
    // Another window is another review, and an unknown one is that of 30 days.
    assert!(world.get("/review?days=5").await.body.contains("Review of 30 days"));
}

#[tokio::test]
async fn price_is_shown_before_anything_is_asked() {
    let world = World::with_price().await;
    let asked = || world.asked.as_ref().unwrap().counts().0;
    let answer = world.get("/review?days=30").await;
    assert_eq!((answer.status, asked()), (200, 0), "{}", answer.body);
    assert!(answer.body.contains("Review 30 days for about 0.01 USD, for "), "{}", answer.body);
    // A link or a picture of another site makes a browser send this.
    let answer = world.get("/review?days=30&run=1").await;
    assert!(answer.body.contains("No review yet") && asked() == 0, "{}", answer.body);
    let elsewhere =
        "POST /review HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nContent-Length: 0\r\n\r\n";
    assert_eq!((world.ask(elsewhere).await.status, asked()), (403, 0));
    let answer = world.post("/review", "days=30").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(answer.head.contains("location: /review?days=30\r\n"), "{}", answer.head);
    let answer = world.get("/review?days=30").await;
    assert!(answer.body.contains("Review of 30 days") && answer.body.contains("Review again for"), "{}", answer.body);
    let after = asked();
    assert!(after > 10, "{after}");
    // Another press within a minute shows the same review.
    world.post("/review", "days=30").await;
    let answer = world.get("/review?days=30").await;
    assert!(answer.body.contains("Made ") && answer.body.contains("Review again for"), "{}", answer.body);
    assert_eq!(asked(), after);
}

#[tokio::test]
async fn report_is_one_file_that_nothing_escapes() {
    let review = Review { environment: format!("a{HOSTILE}"), ..reviewed("staging", HOSTILE).await };
    let report = review_report(&review, "0.1.0");
    assert!(report.starts_with("<!doctype html>"), "{report}");
    assert_eq!(report.matches("</style>").count(), 1, "{report}");
    for forbidden in ["<script", "\u{202e}", "http:", "https:", "url(", "@import", "href=\"/", "src="] {
        assert!(!report.contains(forbidden), "{forbidden} in {report}");
    }
    assert!(report.contains("&#60;/style&#62;&#60;script&#62;alert(1)"), "{report}");
    // The heading of printed pages is a text of the style.
    assert!(report.contains("content: \"Review of astylescriptalert1script, 2026-11-13 to 2026-11-20\""), "{report}");
}

#[tokio::test]
async fn report_says_what_it_does_not_know() {
    let report = review_report(&reviewed("staging", "release 42").await, "0.1.0");
    for expected in [
        "Review of staging",
        "release 42",
        "no check with an objective has a verdict",
        "SlowLogin: threshold 8000 → 6000",
        "no values to replay",
        "Checks without a run in the window",
    ] {
        assert!(report.contains(expected), "expected {expected} in {report}");
    }
    assert!(!report.contains("0 of 0"), "{report}");
}
