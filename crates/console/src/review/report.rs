//! The review as one file.

use askama::Template;
use review::Review;

use super::view::ReviewView;
use crate::shell::visible;

/// Styles of the console, which have the colours of both.
const CONSOLE_STYLE: &str = include_str!("../../assets/console.css");
/// Styles of a review.
const REVIEW_STYLE: &str = include_str!("../../assets/review.css");

#[derive(Template)]
#[template(path = "review_report.html")]
struct Report<'a> {
    environment: &'a str,
    release: &'a str,
    /// Heading of each printed page, safe within a text of the style.
    page_heading: String,
    console_style: &'static str,
    review_style: &'static str,
    view: ReviewView,
}

/// Renders a review as one page without scripts and without anything from elsewhere. It prints on A4.
#[must_use]
pub fn review_report(review: &Review, release: &str) -> String {
    let report = Report {
        environment: &review.environment,
        release,
        page_heading: heading(review),
        console_style: CONSOLE_STYLE,
        review_style: REVIEW_STYLE,
        view: ReviewView::new(review, false),
    };
    // Writing to a text fails only if a value refuses to be shown, and none does.
    visible(&report.render().unwrap_or_default())
}

/// Environment and window, without what ends or escapes a text of a style.
fn heading(review: &Review) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "-_. ".contains(*c);
    let environment: String = review.environment.chars().filter(is_plain).collect();
    let day = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    format!("Review of {environment}, {} to {}", day(review.from), day(review.until))
}
