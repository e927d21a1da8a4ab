//! `/review`: the review of the last weeks. A form of the page asks for one that has a price.

use askama::Template;
use axum::Extension;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::http::header::REFRESH;
use axum::response::{IntoResponse as _, Redirect, Response};
use review::{Review, asked_metrics};
use serde::Deserialize;

use super::runs::{Known, Reviews};
use super::view::ReviewView;
use crate::shell::{Place, Shell, page};
use crate::shown::since;
use crate::source::Source;

/// Windows that the page offers, in days.
const DAYS: [u16; 4] = [7, 14, 30, 90];
/// Price of a metric in GetMetricData. **Units:** USD.
const METRIC_USD: f64 = 0.01 / 1_000.0;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Choice {
    /// Window in days.
    days: Option<u16>,
}

impl Choice {
    fn days(&self) -> u16 {
        self.days.filter(|days| DAYS.contains(days)).unwrap_or(30)
    }
}

#[derive(Template)]
#[template(path = "review.html")]
struct ReviewPage {
    shell: Shell,
    days: u16,
    windows: Vec<(u16, bool)>,
    /// Price of another review; `None` without any.
    price: Option<String>,
    notice: Option<String>,
    view: ReviewView,
}

#[derive(Template)]
#[template(path = "review_pending.html")]
struct Pending {
    shell: Shell,
    headline: String,
    days: u16,
    windows: Vec<(u16, bool)>,
    lines: Vec<String>,
    price: Option<String>,
}

/// Starts a review whose price is accepted, and leads to the page. The guard refuses forms of other sites.
pub(crate) async fn start_review(
    State(source): State<Source>,
    Extension(reviews): Extension<Reviews>,
    Form(choice): Form<Choice>,
) -> Redirect {
    let days = choice.days();
    reviews.get(&source, days, true).await;
    Redirect::to(&format!("/review?days={days}"))
}

/// Shows the review of a window, or says that it is being made, or its price.
pub(crate) async fn review_page(
    State(source): State<Source>,
    Extension(reviews): Extension<Reviews>,
    Query(choice): Query<Choice>,
) -> Response {
    let days = choice.days();
    let price = source.once_per_minute.is_some().then(|| price(&source, days));
    let Known { result, running } = reviews.get(&source, days, false).await;
    let windows = DAYS.map(|own| (own, own == days)).to_vec();
    let pending = |headline: &str, tone, lines, price| {
        let mut shell = Shell::new(&source, Place::Review, headline);
        shell.tone = tone;
        page(&Pending { shell, headline: headline.to_owned(), days, windows: windows.clone(), lines, price })
    };
    if let Some(progress) = &running
        && result.as_ref().is_none_or(|result| result.review.is_err())
    {
        let lines = vec![format!("The page loads itself again. {}", progress.borrow().as_str())];
        let again = format!("2; url=/review?days={days}");
        return ([(REFRESH, again)], pending("The review is being computed", "calm", lines, None)).into_response();
    }
    let Some(result) = result else {
        let line = format!("It asks CloudWatch for the values of {days} days.");
        return pending("No review yet", "calm", vec![line], price);
    };
    match result.review {
        Ok(review) => {
            let age = since(source.clock.now(), result.at);
            let renewed = if running.is_some() { " A new one is being computed." } else { "" };
            let notice = Some(format!("Made {age} ago.{renewed}"));
            let view = ReviewView::new(&review, true);
            let mut shell = Shell::new(&source, Place::Review, format!("Review of {days} days"));
            shell.tone = tone(&review);
            page(&ReviewPage { shell, days, windows, price, notice, view })
        }
        Err(error) => {
            let mut lines = vec![error];
            if price.is_none() {
                lines.push("The page tries again in ten minutes.".to_owned());
            }
            (StatusCode::SERVICE_UNAVAILABLE, pending("The review failed", "unsure", lines, price)).into_response()
        }
    }
}

fn tone(review: &Review) -> &'static str {
    if review.unseen().next().is_some() {
        "bad"
    } else if review.proposals().next().is_some() {
        "unsure"
    } else {
        "good"
    }
}

/// Price of a review, in words.
fn price(source: &Source, days: u16) -> String {
    let metrics = asked_metrics(&source.monitored.shown().alarms, days);
    // Rounded up: nothing is free.
    let usd = (metrics as f64 * METRIC_USD * 100.0).ceil() / 100.0;
    format!("about {usd:.2} USD, for {metrics} metrics")
}

#[cfg(test)]
mod tests;
