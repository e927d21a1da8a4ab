//! Waterfall of a flow: a bar for each exchange, on the time scale of the flow.

use check::{Exchange, Step};
use jiff::{SignedDuration, Timestamp};

use super::exchanges::phases;
use super::page::Page;

/// Width of a drawing, in its own units.
const WIDTH: f64 = 1_000.0;
/// Least length of a flow. **Units:** milliseconds.
const SHORTEST_MS: f64 = 0.001;
/// Least width of a bar, so that it is visible.
const VISIBLE: f64 = 3.0;

/// Time scale of a flow.
pub(super) struct Span {
    start: Timestamp,
    /// **Units:** milliseconds.
    pub(super) length_ms: f64,
}

impl Span {
    /// Spans the exchanges of these steps; `None` without any.
    pub(super) fn around(steps: &[&Step]) -> Option<Self> {
        let exchanges = || steps.iter().flat_map(|step| &step.exchanges);
        let start = exchanges().map(|exchange| exchange.started).min()?;
        let ends = exchanges().map(|exchange| since(start, exchange) + finite(exchange.duration_ms));
        Some(Self { start, length_ms: ends.fold(SHORTEST_MS, f64::max) })
    }
}

/// Draws the bar of an exchange.
pub(super) fn bar(page: &mut Page, exchange: &Exchange, span: &Span) {
    let scale = WIDTH / span.length_ms;
    let begin = since(span.start, exchange) * scale;
    page.raw("<svg viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" role=\"img\" aria-hidden=\"true\">");
    let total = (finite(exchange.duration_ms) * scale).max(VISIBLE);
    rectangle(page, "whole", begin.min(WIDTH - VISIBLE), total);
    let mut at = begin;
    for (name, took) in phases(&exchange.phases) {
        let width = finite(took) * scale;
        rectangle(page, name, at, width);
        at += width;
    }
    page.raw("</svg>");
}

fn rectangle(page: &mut Page, class: &'static str, x: f64, width: f64) {
    page.raw("<rect class=\"").raw(class).raw("\" x=\"").number(x).raw("\" width=\"").number(width);
    page.raw("\" height=\"10\"/>");
}

/// Milliseconds from the start of the flow to that of an exchange.
fn since(start: Timestamp, exchange: &Exchange) -> f64 {
    exchange.started.duration_since(start).max(SignedDuration::ZERO).as_millis_f64()
}

fn finite(number: f64) -> f64 {
    if number.is_finite() { number.max(0.0) } else { 0.0 }
}
